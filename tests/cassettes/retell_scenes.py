"""What is on the Retell cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AuthenticationFailed,
    Conflict,
    InvalidInput,
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

IMPORTED, PURCHASED, NOBODY = "+12135550110", "+14157774444", "+19995550100"
TRUNK = OutboundUpdate(address="sip:pbx.example.com;transport=tls", username="acme", password="s3cret-of-the-trunk")


def list_all() -> Play:
    numbers = yield ask("list_numbers")
    assert {number.origin for number in numbers} == {Origin.PURCHASED, Origin.IMPORTED}
    assert {number.status for number in numbers} == {NumberStatus.ACTIVE}
    assert [number.problems for number in numbers if number.problems] == []


def get_one() -> Play:
    first = (yield ask("list_numbers"))[0]
    assert (yield ask("get_number", first.id)) == first


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "(213) 555-0110")
    assert number.id == IMPORTED
    assert str(number.sip.outbound.address) == "sip:acme.pstn.twilio.com;transport=tls"
    assert (yield ask("find_number", "+82 70-4444-5555")).identity.region == "KR"


def import_and_release() -> Play:
    number = yield ask("import_number", NumberImport(number="+14155550199", label="New line", outbound=TRUNK))
    assert (number.origin, number.id, number.label) == (Origin.IMPORTED, "+14155550199", "New line")
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)
    with pytest.raises(UnsupportedOperation):
        yield ask("revoke_release", number)


def import_pseudo_number() -> Play:
    change = NumberImport(number="2003", send_as_is=True, outbound=TRUNK)
    assert (yield ask("import_number", change)).id == "2003"


def import_twice() -> Play:
    with pytest.raises(Conflict, match="already here"):
        yield ask("import_number", NumberImport(number=IMPORTED, outbound=TRUNK))


def change_label() -> Play:
    assert (yield ask("update_label", IMPORTED, "Nights")).label == "Nights"
    assert (yield ask("update_label", IMPORTED, None)).label is None


def change_trunk() -> Play:
    number = yield ask("update_sip", IMPORTED, outbound=TRUNK)
    assert str(number.sip.outbound.address) == "sip:pbx.example.com;transport=tls"


def assign_agents() -> Play:
    number = yield ask("get_number", IMPORTED)
    agent = AgentRef(number.inbound_agent.agent_id, version=PUBLISHED)
    assert (yield ask("assign_agents", number, inbound=agent, outbound=None)).inbound_agent == agent


def refuse_what_has_no_place() -> Play:
    number = yield ask("get_number", IMPORTED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, outbound=OutboundUpdate(media_encryption="require"))
    with pytest.raises(InvalidInput, match="TCP"):
        yield ask("update_sip", number, outbound=OutboundUpdate(address="pbx.example.com"))
    purchased = yield ask("get_number", PURCHASED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", purchased, outbound=TRUNK)


def unknown_id() -> Play:
    with pytest.raises(NotFound):  # the vendor's 422
        yield ask("get_number", NOBODY)


def wrong_key() -> Play:
    with pytest.raises(AuthenticationFailed):
        yield ask("list_numbers")


def _another_key(emulator: Emulator) -> None:
    emulator.api_key = "another key"


def rate_limited() -> Play:
    with pytest.raises(RateLimited):
        yield ask("get_number", NOBODY)


def _limit(emulator: Emulator) -> None:
    answer = Response(429, {"content-type": "application/json", "retry-after": "60"}, b"{}")
    emulator.faults.append(Fault(FaultKind.ANSWER, response=answer))


def gateway_page() -> Play:
    with pytest.raises(ProviderUnavailable):
        yield ask("get_number", NOBODY)
    with pytest.raises(OutcomeUnknown):
        yield ask("update_label", IMPORTED, "x")


def _gateway(emulator: Emulator) -> None:
    page = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")
    emulator.faults.append(Fault(FaultKind.ANSWER, method="GET", path=NOBODY, response=page))
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="PATCH", response=page))


def lost_import() -> Play:
    """The gateway loses the answer of an import that happened: the record is found and adopted."""
    number = yield ask("import_number", NumberImport(number="+14155550198", outbound=TRUNK))
    assert number.id == "+14155550198"


def _lose(emulator: Emulator) -> None:
    page = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="POST", response=page))


SCENES = (
    Scene("list_all", list_all),
    Scene("get_one", get_one, live=True),
    Scene("find_in_any_spelling", find_in_any_spelling),
    Scene("import_and_release", import_and_release),
    Scene("import_pseudo_number", import_pseudo_number),
    Scene("import_twice", import_twice),
    Scene("change_label", change_label),
    Scene("change_trunk", change_trunk),
    Scene("assign_agents", assign_agents),
    Scene("refuse_what_has_no_place", refuse_what_has_no_place),
    Scene("unknown_id", unknown_id, live=True),
    Scene("wrong_key", wrong_key, _another_key),
    Scene("rate_limited", rate_limited, _limit),
    Scene("gateway_page", gateway_page, _gateway),
    Scene("lost_import", lost_import, _lose),
)
