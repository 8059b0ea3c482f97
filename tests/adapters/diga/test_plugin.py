"""How Diga registers, what that imports, and what an account needs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files

import pytest

from telephony_core.domain.lifecycle import Origin
from telephony_core.errors import InvalidInput
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import Registry
from telephony_diga.adapter import ERROR_CODES, DigaProvider
from telephony_diga.capabilities import CAPABILITIES
from telephony_diga.config import DigaConfig
from telephony_diga.mapping import STATUSES, PhoneRecord, SipRecord


@pytest.fixture(scope="module")
def spec() -> ProviderSpec:
    return Registry().spec("diga")


@pytest.fixture(scope="module")
def contract() -> dict[str, object]:
    described = json.loads(files("telephony_diga").joinpath("openapi.json").read_text("utf-8"))
    assert isinstance(described, dict)
    return described


def test_the_registered_spec_builds_the_provider(spec: ProviderSpec) -> None:
    provider = spec.factory(spec.config()(api_key="k"))

    assert isinstance(provider, DigaProvider)
    assert (spec.slug, spec.title, spec.capabilities.region) == ("diga", "Diga", "ES")
    assert provider.capabilities is spec.capabilities


def test_the_spec_imports_only_data() -> None:
    program = (
        "import sys; from telephony_core.provider.registry import Registry; Registry().spec('diga'); "
        "print(*sorted(name for name in sys.modules if name.startswith('telephony_diga') or name in "
        "('httpx', 'aiohttp', 'urllib3', 'phonenumbers')))"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["telephony_diga", "telephony_diga.capabilities", "telephony_diga.plugin"]


def test_the_record_that_is_read_is_the_one_that_is_described() -> None:
    assert {"id", "number", "nickname", "sip_config"} <= set(
        DigaProvider(DigaConfig(api_key="k")).documented_record().fields
    )


def test_the_key_is_sent_as_a_bearer_token_and_shown_nowhere() -> None:
    provider = DigaProvider(DigaConfig(api_key="can4ry"))

    assert dict(provider.auth_headers()) == {"authorization": "Bearer can4ry"}
    assert "can4ry" not in repr(provider.config)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.diga.io", "https://api.diga.io"),
        ("https://api.diga.io/", "https://api.diga.io"),
        ("https://api.diga.io/v1", "https://api.diga.io"),
        ("https://api.diga.io/v1/", "https://api.diga.io"),
        ("https://proxy.example.com/diga", "https://proxy.example.com/diga"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_base_url_has_no_version(given: str, used: str) -> None:
    assert DigaConfig(api_key="k", base_url=given).base_url == used


def test_the_base_url_is_the_vendors_unless_another_is_given() -> None:
    assert DigaConfig(api_key="k").base_url == "https://api.diga.io"


@pytest.mark.parametrize("url", ["http://api.diga.io", "api.diga.io", "https://user@api.diga.io"])
def test_a_base_url_that_would_give_the_key_away_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        DigaConfig(api_key="can4ry", base_url=url)


# -- declarations


def test_what_diga_cannot_do_is_not_declared() -> None:
    for operation in (Operation.REVOKE_RELEASE, Operation.SEARCH_AVAILABLE, Operation.PURCHASE):
        assert not CAPABILITIES.offers(operation)


def test_trunks_belong_to_imported_numbers_only() -> None:
    assert CAPABILITIES.offers(Operation.UPDATE_SIP, Origin.IMPORTED)
    assert not CAPABILITIES.offers(Operation.UPDATE_SIP, Origin.PURCHASED)


def test_every_field_can_be_written_none_cleared_and_only_the_password_not_read() -> None:
    assert set(CAPABILITIES.fields) == set(Field)
    assert all(CAPABILITIES.can_write(name) and not CAPABILITIES.can_clear(name) for name in Field)
    assert [name for name in Field if not CAPABILITIES.can_read(name)] == [Field.PASSWORD]


def test_nothing_claims_to_have_been_tried_and_everything_names_its_source() -> None:
    facts = [
        *CAPABILITIES.operations.values(),
        *CAPABILITIES.fields.values(),
        *CAPABILITIES.release.values(),
        CAPABILITIES.importable,
        CAPABILITIES.address_forms,
        CAPABILITIES.agent_versions,
        CAPABILITIES.inbound_host,
        CAPABILITIES.rate_limit,
    ]

    assert all(fact is not None and fact.source.startswith("vendor ") and not fact.verified for fact in facts)


# -- against the description of the contract


def schema(contract: dict[str, object], name: str) -> dict[str, dict[str, object]]:
    components = contract["components"]
    assert isinstance(components, dict)
    return dict(components["schemas"][name])


def test_every_status_of_the_contract_has_a_row(contract: dict[str, object]) -> None:
    assert list(STATUSES) == schema(contract, "PhoneRegisterStatus")["enum"]


def test_every_field_that_is_read_is_one_of_the_contract(contract: dict[str, object]) -> None:
    assert set(PhoneRecord.__annotations__) <= set(schema(contract, "PhoneRegisterResponseSchema")["properties"])
    assert set(SipRecord.model_fields) == set(schema(contract, "SipConfigResponseSchema")["properties"])


def test_every_error_code_of_the_contract_is_known_or_says_no_more_than_its_status(
    contract: dict[str, object],
) -> None:
    codes = set(re.findall(r'"error_code": "([A-Z_]+)"', json.dumps(contract)))

    assert codes - set(ERROR_CODES) == {"INTERNAL_SERVER_ERROR"}


def test_the_description_points_to_nothing_that_a_user_does_not_have(contract: dict[str, object]) -> None:
    assert not re.search(r"\.md\b|\.\./", json.dumps(contract))
