"""The kit notices: each of these adapters is wrong in one way, and the case that is there for it fails."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from telephony_acme.adapter import AcmeProvider
from telephony_acme.emulator import AcmeEmulator
from telephony_acme.plugin import telephony_register_provider

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import Origin, SideEffect
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import Emulator
from telephony_core.provider.capabilities import (
    Capabilities,
    Field,
    FieldSupport,
    Operation,
    OperationSupport,
    ReleaseEffect,
    UnmodelledSettings,
)
from telephony_core.provider.flow import Flow, Response
from telephony_core.provider.port import ListQuery, Page, Provider, ProviderConfig, ProviderSpec
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.testing.contract import ContractAccount, ProviderContract
from telephony_core.testing.contract.cases import CASES, values_of
from tests.contract.broken_adapters import BROKEN

SPEC = telephony_register_provider()
SOURCE = "made up"
LATER = ReleaseEffect.END_OF_PERIOD
EFFECTS = frozenset({SideEffect.PUBLISHES})


class Contract(ProviderContract):
    new_number = "+442079460018"
    number_key = "e164"
    status_key = "state"

    def page(self, records: list[object], cursor: str | None) -> object:
        return {"numbers": records, "next": cursor}

    def agent_with_side_effect(self, emulator: Emulator) -> AgentRef:
        return self.agent(emulator)


class Reader(Provider):
    """Offers only what every provider has to."""

    slug = SPEC.slug
    capabilities = Capabilities(
        region="GB",
        operations={name: OperationSupport(source=SOURCE) for name in (Operation.LIST, Operation.GET)},
        fields={Field.INBOUND_AGENT: FieldSupport(source=SOURCE, writable=False)},
    )

    def __init__(self, config: ProviderConfig) -> None:
        super().__init__(config)
        self.acme = AcmeProvider(config)

    def auth_headers(self) -> Mapping[str, str]:
        return self.acme.auth_headers()

    def read_error(self, response: Response) -> ErrorEnvelope:
        return self.acme.read_error(response)

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        page = yield from self.acme.list_page(query, cursor)
        return Page([number.model_copy(update={"sip": None}) for number in page.items], page.cursor)

    def get(self, id: str) -> Flow[PhoneNumber]:
        return (yield from self.acme.get(id)).model_copy(update={"sip": None})


class TestReader(Contract):
    """A provider of the fewest capabilities keeps the contract."""

    provider = replace(SPEC, factory=Reader, capabilities=Reader.capabilities)


def declared(**changes: Any) -> Capabilities:
    return replace(SPEC.capabilities, **changes)


def unmodelled(*names: str, restrictive: str | None = None) -> Capabilities:
    settings = UnmodelledSettings(
        source=SOURCE, names=frozenset(names), restrictive=frozenset({restrictive} if restrictive else ())
    )
    return declared(unmodelled=settings)


def with_fields(changes: Mapping[Field, FieldSupport | None]) -> Capabilities:
    fields = {**SPEC.capabilities.fields, **changes}
    return declared(fields={name: support for name, support in fields.items() if support is not None})


def with_operation(operation: Operation, **facts: Any) -> Capabilities:
    return declared(operations={**SPEC.capabilities.operations, operation: OperationSupport(source=SOURCE, **facts)})


IMPORTABLE, FORMS, VERSIONS = (
    SPEC.capabilities.importable,
    SPEC.capabilities.address_forms,
    SPEC.capabilities.agent_versions,
)
assert IMPORTABLE is not None
assert FORMS is not None
assert VERSIONS is not None
TERMS = SPEC.capabilities.release[Origin.IMPORTED]
ALLOWED = SPEC.capabilities.fields[Field.ALLOWED_ADDRESSES]
ADDRESS = SPEC.capabilities.fields[Field.ADDRESS]
USERNAME = SPEC.capabilities.fields[Field.USERNAME]

OVERSTATED: Sequence[tuple[Capabilities, str]] = (
    (with_operation(Operation.UPDATE_LABEL), "test_operations_that_are_offered_are_those_that_are_implemented"),
    (with_operation(Operation.UPDATE_SIP), "test_an_operation_works_for_numbers_of_every_declared_origin"),
    (with_operation(Operation.RELEASE), "test_release_terms_are_declared_for_every_origin_that_can_be_released"),
    (with_operation(Operation.REVOKE_RELEASE), "test_a_release_is_revocable_exactly_where_revoking_is_offered"),
    (with_fields({Field.OUTBOUND_AGENT: FieldSupport(source=SOURCE)}), "test_a_writable_field_reaches_the_vendor"),
    (with_fields({Field.INBOUND_ENCRYPTION: FieldSupport(source=SOURCE)}), "test_a_writable_field_reaches_the_vendor"),
    (with_fields({Field.LABEL: FieldSupport(source=SOURCE)}), "test_import_carries_every_writable_field"),
    (with_fields({Field.ADDRESS: FieldSupport(source="")}), "test_every_declared_point_names_its_source"),
    (with_fields({Field.ADDRESS: replace(ADDRESS, required_on_import=False)}), "test_import_takes_what_is_required"),
    (with_fields({Field.ADDRESS: replace(ADDRESS, clearable=True)}), "test_a_clearable_field_is_cleared_by_none"),
    (with_fields({Field.USERNAME: replace(USERNAME, readable=False)}), "test_a_field_that_is_not_readable_is_never"),
    (with_fields({Field.USERNAME: replace(USERNAME, requires=frozenset())}), "test_a_writable_field_reaches_the"),
    (with_fields({Field.PASSWORD: None}), "test_what_a_field_requires_can_be_written"),
    (declared(address_forms=replace(FORMS, sips=True)), "test_an_address_form_that_is_offered_arrives_whole"),
    (declared(address_forms=replace(FORMS, user=True)), "test_an_address_form_that_is_offered_arrives_whole"),
    (declared(address_forms=replace(FORMS, default_transport="tcp")), "test_an_address_without_a_transport_gets"),
    (declared(address_forms=replace(FORMS, default_transport=None)), "test_a_writable_field_reaches_the_vendor"),
    (
        with_fields({Field.ALLOWED_ADDRESSES: replace(ALLOWED, read_from="trunk.allow")}),
        "test_what_cannot_be_read_is_named_as",
    ),
    (
        declared(agent_versions=replace(VERSIONS, kinds=frozenset(AgentVersion), readable=False)),
        "test_no_version_of_an",
    ),
    (declared(region="UK"), "test_region_is_one_in_which_numbers_can_be_read"),
    (declared(ids_are_reused=True), "test_an_id_comes_again_only_where_that_is_declared"),
    (declared(address_forms=None), "test_an_offered_operation_says_all_that_core_has_to_know"),
    (declared(importable=replace(IMPORTABLE, countries=None)), "test_a_number_of_another_country_is_taken_or_refused"),
    (declared(importable=replace(IMPORTABLE, kinds=frozenset(NumberKind))), "test_import_takes_every_kind"),
    (declared(importable=replace(IMPORTABLE, as_is=frozenset({NumberKind.LOCAL}))), "test_a_kind_taken_as_it_is"),
    (declared(importable=None), "test_an_offered_operation_says_all_that_core_has_to_know"),
    (declared(agent_versions=replace(VERSIONS, kinds=frozenset(AgentVersion))), "test_a_declared_agent_version"),
    (declared(release={Origin.IMPORTED: replace(TERMS, effect=LATER)}), "test_a_release_that_takes_effect_later_says"),
    (declared(release={Origin.IMPORTED: replace(TERMS, revocable=True)}), "test_a_release_is_revocable_exactly_where"),
    (declared(side_effects={Operation.ASSIGN_AGENTS: EFFECTS}), "test_a_side_effect_of_assigning_has_to_be_allowed"),
    (declared(side_effects={Operation.UPDATE_LABEL: EFFECTS}), "test_side_effects_belong_to_operations"),
    (unmodelled("hours"), "test_a_setting_without_a_field_is_named_where_it_is_set"),
    (unmodelled("hours and days"), "test_settings_without_a_field_are_dotted_names_and_of_no_field"),
    (unmodelled("trunk.address"), "test_settings_without_a_field_are_dotted_names_and_of_no_field"),
    (unmodelled(restrictive="hours"), "test_settings_without_a_field_are_dotted_names_and_of_no_field"),
)
"""Capabilities that say too much or too little, and the beginning of the case that has to fail for them."""


def test_nothing_fails_for_the_adapter_as_it_is() -> None:
    cases = {case for _, case in (*BROKEN, *OVERSTATED)}
    assert [case for case in cases if list(failures(SPEC, case))] == []


@pytest.mark.parametrize(("adapter", "case"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_adapter_is_noticed(adapter: type[AcmeProvider], case: str) -> None:
    assert list(failures(replace(SPEC, factory=adapter), case))


@pytest.mark.parametrize(
    ("capabilities", "case"), OVERSTATED, ids=lambda value: str(value)[:60] * isinstance(value, str)
)
def test_a_wrong_declaration_is_noticed(capabilities: Capabilities, case: str) -> None:
    adapter = type("Declaring", (AcmeProvider,), {"capabilities": capabilities})
    assert list(failures(replace(SPEC, factory=adapter, capabilities=capabilities), case))


def failures(spec: ProviderSpec, case: str) -> Iterator[BaseException]:
    """What goes wrong in one case of the kit, for every value of its parameters, with the sync client."""
    subject = type("Broken", (Contract,), {"provider": spec})()
    (name,) = {name for name in dir(subject) if name.startswith(case)}
    method = getattr(subject, name)
    for values in combinations(method, spec.capabilities):
        with closing(ContractAccount(spec, AcmeEmulator(), "sync")) as account:
            if "account" in inspect.signature(method).parameters:
                values = {"account": account, **values}
            try:
                with suppress(pytest.skip.Exception):  # a case that does not apply notices nothing
                    method(**values)
            except (Exception, pytest.fail.Exception) as error:
                yield error


def combinations(method: Callable[..., None], capabilities: Capabilities) -> Iterator[dict[str, object]]:
    """The parameters that pytest would give a case."""
    marks = [mark for mark in getattr(method, "pytestmark", ()) if mark.name == "parametrize"]
    choices = {mark.args[0]: list(mark.args[1]) for mark in marks}
    names = inspect.signature(method).parameters
    choices |= {name: list(values_of(name, capabilities)) for name in CASES if name in names}
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))
