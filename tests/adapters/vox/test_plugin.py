"""How vox registers, what it loads and what it declares."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from telephony_core.domain.lifecycle import Origin
from telephony_core.errors import InvalidInput
from telephony_core.provider.capabilities import Field, Operation, ReleaseEffect
from telephony_core.provider.registry import registry
from telephony_vox import plugin
from telephony_vox.adapter import VoxProvider
from telephony_vox.config import VoxConfig

README = Path(__file__).parents[3] / "adapters" / "vox" / "README.md"


def test_the_plugin_module_loads_no_adapter_and_no_http() -> None:
    lazy = ["adapter", "mapping", "wire", "config", "emulator"]
    program = (
        "import sys, json, telephony_vox.plugin as p; p.telephony_register_provider();"
        f"names = ['telephony_vox.' + n for n in {lazy}] + ['httpx', 'phonenumbers', 'click', 'rich', 'uvicorn'];"
        "print(json.dumps([n for n in names if n in sys.modules]))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


def test_the_spec_is_found_under_its_slug() -> None:
    spec = registry.spec("vox")

    assert (spec.slug, spec.title) == ("vox", "vox.ai")
    assert spec.capabilities is plugin.CAPABILITIES


def test_the_spec_builds_the_provider() -> None:
    spec = plugin.telephony_register_provider()

    assert spec.config() is VoxConfig
    assert isinstance(spec.factory(VoxConfig(api_key="k")), VoxProvider)


def test_the_base_url_holds_the_version() -> None:
    assert VoxConfig(api_key="k").base_url == "https://client-api.tryvox.co/v3"
    assert VoxConfig(api_key="k", base_url="http://127.0.0.1:8080/v3/").base_url == "http://127.0.0.1:8080/v3"


def test_the_key_does_not_go_over_plain_http() -> None:
    with pytest.raises(InvalidInput, match="plain http"):
        VoxConfig(api_key="k", base_url="http://client-api.tryvox.co/v3")


@pytest.mark.parametrize(
    ("operation", "origins"),
    [
        (Operation.LIST, {Origin.PURCHASED, Origin.IMPORTED}),
        (Operation.GET, {Origin.PURCHASED, Origin.IMPORTED}),
        (Operation.FIND, {Origin.PURCHASED, Origin.IMPORTED}),
        (Operation.IMPORT, {Origin.IMPORTED}),
        (Operation.UPDATE_LABEL, {Origin.IMPORTED}),
        (Operation.UPDATE_SIP, {Origin.IMPORTED}),
        (Operation.ASSIGN_AGENTS, {Origin.PURCHASED, Origin.IMPORTED}),
        (Operation.RELEASE, {Origin.PURCHASED, Origin.IMPORTED}),
        (Operation.REVOKE_RELEASE, {Origin.PURCHASED}),
        (Operation.SEARCH_AVAILABLE, {Origin.PURCHASED}),
    ],
)
def test_each_operation_is_declared_for_the_right_origins(operation: Operation, origins: set[Origin]) -> None:
    assert plugin.CAPABILITIES.operations[operation].origins == origins


def test_purchase_is_not_offered() -> None:
    assert not plugin.CAPABILITIES.offers(Operation.PURCHASE)
    assert set(plugin.CAPABILITIES.operations) == set(Operation) - {Operation.PURCHASE}


def test_nothing_is_claimed_to_have_been_verified_and_everything_has_a_source() -> None:
    said = plugin.CAPABILITIES
    facts = [
        *said.operations.values(), *said.fields.values(), *said.release.values(), said.importable,
        said.address_forms, said.agent_versions, said.inbound_host, said.rate_limit,
    ]  # fmt: skip

    assert all(fact is not None and fact.source and not fact.verified for fact in facts)


def test_the_credentials_are_write_only() -> None:
    assert not plugin.CAPABILITIES.can_read(Field.USERNAME)
    assert not plugin.CAPABILITIES.can_read(Field.PASSWORD)
    assert plugin.CAPABILITIES.can_clear(Field.USERNAME)
    assert not plugin.CAPABILITIES.can_clear(Field.PASSWORD)


def test_what_a_release_does_depends_on_the_origin() -> None:
    terms = plugin.CAPABILITIES.release

    assert (terms[Origin.PURCHASED].effect, terms[Origin.PURCHASED].revocable) == (ReleaseEffect.END_OF_PERIOD, True)
    assert (terms[Origin.IMPORTED].effect, terms[Origin.IMPORTED].revocable) == (ReleaseEffect.IMMEDIATE, False)


def test_the_rate_limit_and_the_missing_inbound_host_are_declared() -> None:
    limit, host = plugin.CAPABILITIES.rate_limit, plugin.CAPABILITIES.inbound_host

    assert limit is not None
    assert (limit.per_second, limit.per_minute) == (5, 120)
    assert host is not None
    assert host.host is None


def test_the_description_of_the_contract_is_shipped_and_names_the_same_server() -> None:
    contract = json.loads(files("telephony_vox").joinpath("openapi.json").read_text("utf-8"))

    assert contract["servers"][0]["url"] == VoxConfig(api_key="k").base_url


def test_the_record_that_is_read_is_the_one_that_is_described() -> None:
    assert {"id", "number", "memo", "inbound_agent"} <= set(
        VoxProvider(VoxConfig(api_key="k")).documented_record().fields
    )


def test_the_readme_covers_every_operation_of_the_port() -> None:
    text = README.read_text("utf-8")

    assert [operation for operation in Operation if f"`{operation}`" not in text] == []


def test_the_readme_names_the_settings() -> None:
    assert {"TELEPHONY_VOX_API_KEY", "TELEPHONY_VOX_BASE_URL", "no_authentication"} <= set(
        re.findall(r"\w+", README.read_text("utf-8"))
    )


def test_the_program_in_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)

    exec(program, {})

    assert capsys.readouterr().out == "+827011112222 sip:pbx.example.com:5060\n"
