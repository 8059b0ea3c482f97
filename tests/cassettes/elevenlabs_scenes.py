"""What is on the ElevenLabs cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AuthenticationFailed,
    Conflict,
    InboundUpdate,
    MediaEncryption,
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

TRUNKED, BRANCHED, LINKED = "+12025550101", "+12025550102", "+12025550105"
NOBODY = "phnum_nobody"
TRUNK = OutboundUpdate(
    address="sip:pbx.example.com:5061;transport=tls", username="acme", password="s3cret-of-the-trunk"
)


def list_all() -> Play:
    numbers = yield ask("list_numbers")
    assert {number.provider_origin for number in numbers} == {"sip_trunk", "twilio", "exotel"}
    assert {number.status for number in numbers} == {NumberStatus.ACTIVE}
    assert [number.problems for number in numbers if number.problems] == []


def get_one() -> Play:
    first = (yield ask("list_numbers"))[0]
    assert (yield ask("get_number", first.id)) == first


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "(202) 555-0101")
    assert number.identity.e164 == TRUNKED
    assert str(number.sip.outbound.address) == "sip:trunk.example.com:5060;transport=tcp"
    korean = yield ask("find_number", "+82 70-4444-7777")
    assert korean.identity.region == "KR"


def import_and_release() -> Play:
    number = yield ask(
        "import_number",
        NumberImport(
            number="+12025550142",
            label="New line",
            inbound=InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption="require"),
            outbound=TRUNK,
        ),
    )
    assert (number.origin, number.label) == (Origin.IMPORTED, "New line")
    assert number.sip.inbound.media_encryption is MediaEncryption.REQUIRE
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)


def import_twice() -> Play:
    again = NumberImport(number=TRUNKED, label="Again", inbound=InboundUpdate(allow_any=True))
    with pytest.raises(Conflict, match="already here"):
        yield ask("import_number", again)


def change_label() -> Play:
    number = yield ask("find_number", TRUNKED)
    assert (yield ask("update_label", number, "Night")).label == "Night"
    with pytest.raises(UnsupportedField):
        yield ask("update_label", number, None)


def change_trunk() -> Play:
    number = yield ask("find_number", TRUNKED)
    changed = yield ask(
        "update_sip",
        number,
        inbound=InboundUpdate(allowed_addresses=["203.0.113.0/24"], media_encryption="require"),
        outbound=OutboundUpdate(address="new.example.com:5061", password="s3cret-of-the-trunk"),
    )
    assert str(changed.sip.outbound.address) == "new.example.com:5061"
    assert changed.sip.outbound.username == "acme"
    assert changed.sip.inbound.allowed_addresses == ("203.0.113.0/24",)


def assign_agents() -> Play:
    branched = yield ask("find_number", BRANCHED)
    agent = branched.inbound_agent
    number = yield ask("find_number", TRUNKED)
    assert (yield ask("assign_agents", number, inbound=agent)).inbound_agent == agent
    main = AgentRef(agent.agent_id, version=PUBLISHED)
    assert (yield ask("assign_agents", branched, inbound=main)).inbound_agent == main
    assert (yield ask("assign_agents", number, inbound=None)).inbound_agent is None


def refuse_what_has_no_place() -> Play:
    number = yield ask("find_number", TRUNKED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, outbound=OutboundUpdate(address="sips:pbx.example.com"))
    linked = yield ask("find_number", LINKED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", linked, outbound=OutboundUpdate(password="s3cret-of-the-trunk"))
    with pytest.raises(UnsupportedOperation):
        yield ask("release", linked)


def unknown_id() -> Play:
    with pytest.raises(NotFound):
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
    number = yield ask("find_number", TRUNKED)
    with pytest.raises(OutcomeUnknown):
        yield ask("update_label", number, "x")


_PAGE = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")


def _gateway(emulator: Emulator) -> None:
    emulator.faults.append(Fault(FaultKind.ANSWER, method="GET", path=NOBODY, response=_PAGE))
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="PATCH", response=_PAGE))


def lost_import() -> Play:
    """The gateway loses the answer of an import that happened: the record is found and adopted."""
    number = yield ask(
        "import_number",
        NumberImport(number="+12025550143", label="Lost", inbound=InboundUpdate(allow_any=True), outbound=TRUNK),
    )
    assert number.label == "Lost"


def _lose(emulator: Emulator) -> None:
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="POST", response=_PAGE))


SCENES = (
    Scene("list_all", list_all),
    Scene("get_one", get_one, live=True),
    Scene("find_in_any_spelling", find_in_any_spelling),
    Scene("import_and_release", import_and_release),
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
