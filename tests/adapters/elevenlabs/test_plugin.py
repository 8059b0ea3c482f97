"""How ElevenLabs registers, what that imports, and what an account needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from typing import Any, get_args

import pytest

from telephony_core.domain.lifecycle import Origin
from telephony_core.errors import InvalidInput
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import Registry
from telephony_elevenlabs import emulator_contract
from telephony_elevenlabs.adapter import ElevenLabsProvider
from telephony_elevenlabs.capabilities import CAPABILITIES
from telephony_elevenlabs.config import BASE_URLS, ElevenLabsConfig, Region
from telephony_elevenlabs.mapping import ENCRYPTIONS, ORIGINS, TRANSPORTS
from telephony_elevenlabs.wire import AgentRecord, InboundRecord, NumberRecord, OutboundRecord


@pytest.fixture(scope="module")
def spec() -> ProviderSpec:
    return Registry().spec("elevenlabs")


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    described = json.loads(files("telephony_elevenlabs").joinpath("openapi.json").read_text("utf-8"))
    assert isinstance(described, dict)
    return described


def test_the_registered_spec_builds_the_provider(spec: ProviderSpec) -> None:
    provider = spec.factory(spec.config()(api_key="k"))

    assert isinstance(provider, ElevenLabsProvider)
    assert (spec.slug, spec.title) == ("elevenlabs", "ElevenLabs")
    assert provider.capabilities is spec.capabilities


def test_the_spec_imports_only_data() -> None:
    program = (
        "import sys; from telephony_core.provider.registry import Registry; Registry().spec('elevenlabs'); "
        "print(*sorted(name for name in sys.modules if name.startswith('telephony_elevenlabs')))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == [f"telephony_elevenlabs{part}" for part in ("", ".capabilities", ".plugin")]


def test_the_key_is_sent_in_a_header_of_its_own_and_shown_nowhere() -> None:
    provider = ElevenLabsProvider(ElevenLabsConfig(api_key="can4ry"))

    assert dict(provider.auth_headers()) == {"xi-api-key": "can4ry"}
    assert "can4ry" not in repr(provider.config)


# -- regions


@pytest.mark.parametrize("region", list(Region))
def test_a_region_and_its_base_url_say_the_same(region: Region) -> None:
    by_name = ElevenLabsConfig(api_key="k", region=region.value)
    by_url = ElevenLabsConfig(api_key="k", base_url=f"{BASE_URLS[region]}/")

    assert (by_name.base_url, by_name.region) == (by_url.base_url, by_url.region) == (BASE_URLS[region], region)


def test_without_either_it_is_the_global_one() -> None:
    config = ElevenLabsConfig(api_key="k")

    assert (config.base_url, config.region) == ("https://api.elevenlabs.io", Region.GLOBAL)


def test_behind_a_proxy_the_region_has_to_be_said() -> None:
    config = ElevenLabsConfig(api_key="k", base_url="https://proxy.example/eleven", region="eu")

    assert (config.base_url, config.region) == ("https://proxy.example/eleven", Region.EU)
    assert ElevenLabsConfig(api_key="k", base_url="https://proxy.example").region is Region.GLOBAL


@pytest.mark.parametrize(
    "settings",
    [
        {"region": "mars"},
        {"region": ["eu"]},
        {"region": "eu", "base_url": "https://api.elevenlabs.io"},
        {"base_url": "http://api.elevenlabs.io"},
        {"base_url": 7},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        ElevenLabsConfig(api_key="can4ry", **settings)
    assert "can4ry" not in str(caught.value)


# -- declarations


def test_what_elevenlabs_cannot_do_is_not_declared() -> None:
    for operation in (Operation.REVOKE_RELEASE, Operation.SEARCH_AVAILABLE, Operation.PURCHASE):
        assert not CAPABILITIES.offers(operation)
    assert Field.OUTBOUND_AGENT not in CAPABILITIES.fields
    assert not CAPABILITIES.offers(Operation.RELEASE, Origin.PURCHASED)


def test_nothing_claims_to_have_been_tried_and_everything_names_its_source() -> None:
    facts = [
        *CAPABILITIES.operations.values(),
        *CAPABILITIES.fields.values(),
        *CAPABILITIES.release.values(),
        CAPABILITIES.importable,
        CAPABILITIES.address_forms,
        CAPABILITIES.agent_versions,
        CAPABILITIES.allow_list,
        CAPABILITIES.inbound_host,
        CAPABILITIES.rate_limit,
    ]

    assert all(fact is not None and fact.source.startswith("vendor ") and not fact.verified for fact in facts)


# -- against the description of the contract


def schema(contract: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract["components"]["schemas"][name]
    return found


def test_every_word_of_the_contract_has_a_row(contract: dict[str, Any]) -> None:
    assert set(ORIGINS) == set(schema(contract, "Kind")["enum"])
    assert list(ENCRYPTIONS) == schema(contract, "MediaEncryption")["enum"]
    assert list(TRANSPORTS) == schema(contract, "Transport")["enum"]


def test_every_field_that_is_read_is_one_of_the_contract_and_the_other_way_round(contract: dict[str, Any]) -> None:
    number = set(schema(contract, "SipTrunkNumber")["properties"])
    assert set(NumberRecord.__annotations__) - {"id"} <= number
    for record, name in (
        (AgentRecord, "AssignedAgent"),
        (InboundRecord, "InboundTrunk"),
        (OutboundRecord, "OutboundTrunk"),
    ):
        assert set(record.model_fields) == set(schema(contract, name)["properties"])


def test_the_emulator_takes_the_fields_of_the_contract(contract: dict[str, Any]) -> None:
    for model, name in (
        (emulator_contract.Credentials, "Credentials"),
        (emulator_contract.InboundConfig, "InboundConfig"),
        (emulator_contract.OutboundConfig, "OutboundConfig"),
        (emulator_contract.ImportBody, "ImportRequest"),
        (emulator_contract.UpdateBody, "UpdateRequest"),
    ):
        assert set(model.model_fields) == set(schema(contract, name)["properties"]), name
        required = {key for key, field in model.model_fields.items() if field.is_required()}
        assert required == set(schema(contract, name).get("required", ())), name
    assert list(get_args(emulator_contract.Codec)) == schema(contract, "Codec")["enum"]


def test_requests_are_closed(contract: dict[str, Any]) -> None:
    for name in ("Credentials", "InboundConfig", "OutboundConfig", "ImportRequest", "UpdateRequest"):
        assert schema(contract, name)["additionalProperties"] is False


def test_the_hosts_of_the_contract_are_the_regions(contract: dict[str, Any]) -> None:
    assert [server["url"] for server in contract["servers"]] == list(BASE_URLS.values())


def test_the_record_that_is_read_is_the_one_that_is_described() -> None:
    shape = ElevenLabsProvider(ElevenLabsConfig(api_key="k")).documented_record()

    assert {"phone_number_id", "phone_number", "label", "inbound_trunk", "outbound_trunk"} <= set(shape.fields)


def test_the_description_points_to_nothing_that_a_user_does_not_have(contract: dict[str, Any]) -> None:
    assert not re.search(r"\.md\b|\.\./", json.dumps(contract))
