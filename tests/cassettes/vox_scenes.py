"""What is on the vox cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    DRAFT,
    PUBLISHED,
    AgentRef,
    AuthenticationFailed,
    Conflict,
    InboundUpdate,
    InvalidRequest,
    NotFound,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    UnsupportedField,
    UnsupportedOperation,
)
from telephony_core.emulator import Emulator, Fault, FaultKind, Response
from tests.cassettes.tape import Play, Scene, ask

IMPORTED, PURCHASED = "070-1111-2222", "070-1234-5678"
NOBODY = "00000000-0000-4000-8000-000000000000"


def list_all() -> Play:
    numbers = yield ask("list_numbers")
    assert {number.status for number in numbers} == {
        NumberStatus.PENDING,
        NumberStatus.ACTIVE,
        NumberStatus.RELEASE_SCHEDULED,
        NumberStatus.RELEASED,
    }
    assert len({number.id for number in numbers}) == len(numbers)
    assert [number.problems for number in numbers if number.problems] == []


def list_narrowed() -> Play:
    numbers = yield ask("list_numbers", status=NumberStatus.ACTIVE, origin=Origin.PURCHASED)
    assert {(number.status, number.origin) for number in numbers} == {(NumberStatus.ACTIVE, Origin.PURCHASED)}


def get_one() -> Play:
    first = (yield ask("list_numbers", status=NumberStatus.ACTIVE))[0]
    assert (yield ask("get_number", first.id)) == first


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", IMPORTED)
    assert number.identity.e164 == "+827011112222"
    assert str(number.sip.outbound.address) == "sip:trunk.example.com:5060"
    assert number.inbound_agent.version is PUBLISHED
    assert number.raw["number"] == "07011112222"


def import_and_release() -> Play:
    trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password="s3cret-of-the-trunk")
    number = yield ask("import_number", NumberImport(number="+827099998888", label="새 번호", outbound=trunk))
    assert (number.origin, number.status, number.label) == (Origin.IMPORTED, NumberStatus.ACTIVE, "새 번호")
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)
    assert (yield ask("get_number", number.id)).status is NumberStatus.RELEASED


def import_with_agents() -> Play:
    agents = (yield ask("find_number", IMPORTED)).inbound_agent
    number = yield ask(
        "import_number",
        NumberImport(
            number="+827099997777",
            outbound=OutboundUpdate(address="sip:pbx.example.com"),
            inbound_agent=AgentRef(agents.agent_id, version=PUBLISHED),
            outbound_agent=AgentRef(agents.agent_id, version=DRAFT),
        ),
    )
    assert (number.inbound_agent.version, number.outbound_agent.version) == (PUBLISHED, DRAFT)


def import_twice() -> Play:
    with pytest.raises(Conflict, match="already here"):
        yield ask(
            "import_number", NumberImport(number="+827011112222", outbound=OutboundUpdate(address="pbx.example.com"))
        )


def change_label() -> Play:
    number = yield ask("find_number", IMPORTED)
    assert (yield ask("update_label", number, "새 이름")).label == "새 이름"
    assert (yield ask("update_label", number, None)).label is None


def change_trunk() -> Play:
    number = yield ask("find_number", IMPORTED)
    update = OutboundUpdate(address="new.example.com", username="acme2", password="s3cret-of-the-trunk")
    changed = yield ask("update_sip", number, outbound=update)
    assert str(changed.sip.outbound.address) == "sip:new.example.com"
    assert (yield ask("update_sip", number, outbound=OutboundUpdate(password="s3cret-of-the-trunk"))).id == number.id


def assign_agents() -> Play:
    number = yield ask("find_number", IMPORTED)
    agent = AgentRef(number.inbound_agent.agent_id, version="v2")
    assert (yield ask("assign_agents", number, outbound=agent)).outbound_agent == agent
    assert (yield ask("assign_agents", number, inbound=None)).inbound_agent is None


def release_and_revoke() -> Play:
    number = yield ask("find_number", PURCHASED)
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)
    assert release.takes_effect_at is not None
    assert (yield ask("revoke_release", number.id)).status is NumberStatus.ACTIVE


def search_available() -> Play:
    numbers = yield ask("search_available", line_type="voip", sort_by="monthly_fee", descending=True)
    assert {number.line_type for number in numbers} == {"voip"}
    fees = [number.monthly_fee.amount for number in numbers]
    assert fees == sorted(fees, reverse=True)


def refuse_what_has_no_place() -> Play:
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
    purchased = yield ask("find_number", PURCHASED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", purchased, outbound=OutboundUpdate(password="s3cret-of-the-trunk"))


def unknown_id() -> Play:
    with pytest.raises(NotFound):
        yield ask("get_number", NOBODY)


def malformed_id() -> Play:
    with pytest.raises(InvalidRequest):
        yield ask("get_number", "not-an-id")


def wrong_key() -> Play:
    with pytest.raises(AuthenticationFailed):
        yield ask("list_numbers")


def _another_key(emulator: Emulator) -> None:
    emulator.api_key = "another key"


def rate_limited() -> Play:
    with pytest.raises(RateLimited) as caught:
        yield ask("get_number", NOBODY)
    assert caught.value.retry_after == 60


def _limit(emulator: Emulator) -> None:
    answer = Response(429, {"content-type": "application/json", "retry-after": "60"}, b"{}")
    emulator.faults.append(Fault(FaultKind.ANSWER, response=answer))


def gateway_page() -> Play:
    with pytest.raises(ProviderUnavailable):
        yield ask("get_number", NOBODY)
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(OutcomeUnknown):
        yield ask("update_label", number, "x")


def _gateway(emulator: Emulator) -> None:
    page = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")
    emulator.faults.append(Fault(FaultKind.ANSWER, method="GET", path=NOBODY, response=page))
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="PATCH", response=page))


def lost_import() -> Play:
    """The gateway loses the answer of a registration that happened: the record is found and adopted."""
    trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password="s3cret-of-the-trunk")
    number = yield ask("import_number", NumberImport(number="+827099996666", outbound=trunk))
    assert number.status is NumberStatus.ACTIVE


def _lose(emulator: Emulator) -> None:
    page = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="POST", response=page))


SCENES = (
    Scene("list_all", list_all),
    Scene("list_narrowed", list_narrowed),
    Scene("get_one", get_one, live=True),
    Scene("find_in_any_spelling", find_in_any_spelling),
    Scene("import_and_release", import_and_release),
    Scene("import_with_agents", import_with_agents),
    Scene("import_twice", import_twice),
    Scene("change_label", change_label),
    Scene("change_trunk", change_trunk),
    Scene("assign_agents", assign_agents),
    Scene("release_and_revoke", release_and_revoke),
    Scene("search_available", search_available, live=True),
    Scene("refuse_what_has_no_place", refuse_what_has_no_place),
    Scene("unknown_id", unknown_id, live=True),
    Scene("malformed_id", malformed_id, live=True),
    Scene("wrong_key", wrong_key, _another_key),
    Scene("rate_limited", rate_limited, _limit),
    Scene("gateway_page", gateway_page, _gateway),
    Scene("lost_import", lost_import, _lose),
)
