"""What a provider declares agrees with itself, with its adapter and with its emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from telephony_core.domain.lifecycle import NumberStatus, SideEffect
from telephony_core.emulator import Emulator
from telephony_core.provider.capabilities import Capabilities, Fact, Field, Operation, UnmodelledSettings
from telephony_core.provider.port import CONTRACT, OLDEST_CONTRACT, Provider
from telephony_core.provider.registry import registry
from telephony_core.provider.wire import setting_names
from telephony_core.testing.accounts import EmulatedAccount
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import ORIGINS, WRITTEN_BY
from telephony_core.testing.contract.subject import Subject, needed
from telephony_core.testing.emulation import new_emulator

METHODS = {
    Operation.IMPORT: "import_number",
    Operation.UPDATE_LABEL: "update_label",
    Operation.UPDATE_SIP: "update_sip",
    Operation.ASSIGN_AGENTS: "assign_agents",
    Operation.RELEASE: "release",
    Operation.REVOKE_RELEASE: "revoke_release",
    Operation.SEARCH_AVAILABLE: "available_page",
    Operation.LIST_AGENTS: "agents_page",
}

# In a Python of its own: here everything has been imported long ago.
LOADED = """
import importlib, json, sys
module, package = sys.argv[1:]
importlib.import_module("telephony_core")
before = set(sys.modules)
importlib.import_module(module)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class Declaration(Subject):
    """The spec, its capabilities, and whether the three parts of an adapter speak of one provider."""

    def test_slug_is_the_same_everywhere(self, account: ContractAccount) -> None:
        spec = self.spec()
        assert account.client.adapter.slug == account.emulator.slug == account.client.client.provider == spec.slug
        if isinstance(self.provider, str):
            assert spec.slug == self.provider
            assert self.provider in {installed.slug for installed in registry.installed()}

    def test_emulator_of_a_size_holds_that_many_numbers_in_use(self) -> None:
        spec = self.spec()
        makes_up = type(new_emulator(spec)).populate is not Emulator.populate
        # A stranger's emulator may leave that out.
        needed(makes_up, f"the emulator of {spec.slug} makes no numbers up")
        with EmulatedAccount(spec, size=30) as account:
            numbers = list(account.client.list_numbers())
        assert len({number.identity for number in numbers}) == len({number.id for number in numbers}) == 30
        assert all(number.status is NumberStatus.ACTIVE for number in numbers)
        assert {problem for number in numbers for problem in number.problems} == set()
        with EmulatedAccount(spec, empty=True) as account:
            assert list(account.client.list_numbers()) == []

    def test_contract_is_the_one_this_kit_tests(self) -> None:
        assert OLDEST_CONTRACT <= self.spec().contract <= CONTRACT

    def test_adapter_declares_what_the_spec_declares(self, account: ContractAccount) -> None:
        assert account.client.adapter.capabilities == self.spec().capabilities

    def test_listing_and_reading_are_offered(self) -> None:
        assert self.capabilities().offers(Operation.LIST)
        assert self.capabilities().offers(Operation.GET)

    def test_region_is_one_in_which_numbers_can_be_read(self) -> None:
        from phonenumbers import country_code_for_region

        region = self.capabilities().region
        assert country_code_for_region(region), f"{region!r} is no region of ISO 3166, such as GB"

    def test_every_declared_point_names_its_source(self) -> None:
        nameless = [where for where, fact in _facts(self.capabilities()) if not fact.source.strip()]
        assert not nameless

    def test_operations_that_are_offered_are_those_that_are_implemented(self, account: ContractAccount) -> None:
        adapter = type(account.client.adapter)
        written = {
            name for name, method in METHODS.items() if getattr(adapter, method) is not getattr(Provider, method)
        }
        assert written == {name for name in METHODS if self.capabilities().offers(name)}

    def test_a_writable_field_has_an_operation_that_writes_it(self) -> None:
        capabilities = self.capabilities()
        writable = [name for name in Field if capabilities.can_write(name)]
        lost = [
            name
            for name in writable
            # A field may be written by an import alone.
            if not capabilities.offers(WRITTEN_BY[name]) and not capabilities.offers(Operation.IMPORT)
        ]
        assert not lost

    def test_what_a_field_requires_can_be_written(self) -> None:
        capabilities = self.capabilities()
        required = {other for support in capabilities.fields.values() for other in support.requires}
        assert all(capabilities.can_write(name) for name in required)

    def test_an_offered_operation_says_all_that_core_has_to_know(self) -> None:
        capabilities = self.capabilities()
        assert capabilities.offers(Operation.IMPORT) == (capabilities.importable is not None)
        if capabilities.can_write(Field.ADDRESS):
            assert capabilities.address_forms is not None, "which parts of an address are taken"
        if capabilities.offers(Operation.ASSIGN_AGENTS):
            assert capabilities.agent_versions is not None, "which agent versions are taken"

    def test_a_provider_with_an_allow_list_says_who_may_call_in_without_one(self) -> None:
        if self.capabilities().can_write(Field.ALLOWED_ADDRESSES):
            assert self.capabilities().allow_list is not None, "what a missing and an empty allow-list mean"

    def test_release_terms_are_declared_for_every_origin_that_can_be_released(self) -> None:
        capabilities = self.capabilities()
        offered = {origin for origin in ORIGINS if capabilities.offers(Operation.RELEASE)}
        offered &= capabilities.operations[Operation.RELEASE].origins if offered else set()
        assert offered == set(capabilities.release)

    def test_a_release_is_revocable_exactly_where_revoking_is_offered(self) -> None:
        capabilities = self.capabilities()
        support = capabilities.operations.get(Operation.REVOKE_RELEASE)
        revocable = {origin for origin, terms in capabilities.release.items() if terms.revocable}
        assert revocable == (set() if support is None else support.origins & set(ORIGINS))

    def test_side_effects_belong_to_operations_that_have_them(self) -> None:
        capabilities = self.capabilities()
        for operation, effects in capabilities.side_effects.items():
            assert capabilities.offers(operation)
            assert effects <= frozenset(SideEffect)

    def test_settings_without_a_field_are_dotted_names_and_of_no_field(self) -> None:
        capabilities = self.capabilities()
        settings = capabilities.unmodelled or UnmodelledSettings(source="none")
        assert settings.restrictive <= settings.names
        assert tuple(sorted(settings.names)) == setting_names(settings.names), "a name is of plain words"
        read = {support.read_from for support in capabilities.fields.values() if support.readable}
        assert not settings.names & read, "a setting that a field is read from is modelled"

    def test_base_url_has_a_default_that_is_encrypted(self) -> None:
        default = self.spec().config().model_fields["base_url"].default
        assert isinstance(default, str)
        assert default.startswith("https://")

    def test_emulator_is_fresh_every_time(self, account: ContractAccount) -> None:
        account.clear()
        assert new_emulator(self.spec()).records()

    def test_emulator_shows_nothing_that_the_adapter_cannot_read(self, account: ContractAccount) -> None:
        assert {number.id: number.problems for number in account.client.list_numbers() if number.problems} == {}

    def test_plugin_module_imports_capabilities_only_and_no_http_library(self, account: ContractAccount) -> None:
        installed = {found.slug: found.module for found in registry.installed()}
        module = installed[self.provider] if isinstance(self.provider, str) else self.provider.config.__module__
        package = module.split(".")[0]
        # The same packages as here, an adapter that is not installed among them.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(  # noqa: S603 - this Python, with a program of ours
            [sys.executable, "-c", LOADED, module, package], env=environment, capture_output=True, text=True, check=True
        )
        loaded = set(json.loads(done.stdout))
        later = (account.client.adapter, account.client.adapter.config, account.emulator)
        assert not loaded & {type(part).__module__ for part in later} - {module}
        # Specs are read wherever providers are listed, and each of these costs tens of milliseconds.
        assert not loaded & {"httpx", "aiohttp", "requests", "urllib3", "phonenumbers"}


def _facts(value: object, where: str = "capabilities") -> Iterable[tuple[str, Fact]]:
    if isinstance(value, Fact):
        yield where, value
    elif isinstance(value, Capabilities) and is_dataclass(value):
        for part in fields(value):
            yield from _facts(getattr(value, part.name), f"{where}.{part.name}")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _facts(part, f"{where}[{key}]")
