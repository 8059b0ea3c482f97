"""What is on the Diga cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AuthenticationFailed,
    Conflict,
    InboundUpdate,
    MediaEncryption,
    NotAllowed,
    NotFound,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    SideEffect,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.emulator import Emulator, Fault, FaultKind, Response
from tests.cassettes.tape import Play, Scene, ask

IMPORTED, PURCHASED, RESERVED = "+34612345678", "+34911234567", "+34911234568"
NOBODY = "00000000-0000-4000-8000-000000000000"


def list_all() -> Play:
    numbers = yield ask("list_numbers")
    assert {number.provider_status for number in numbers} == {
        "reserved",
        "pending_verification",
        "assigned",
        "released",
        "finished",
    }
    assert len({number.id for number in numbers}) == len(numbers)
    assert [number.problems for number in numbers if number.problems] == []


def list_narrowed() -> Play:
    numbers = yield ask("list_numbers", status=NumberStatus.RELEASE_SCHEDULED)
    assert {(number.status, number.provider_status) for number in numbers} == {
        (NumberStatus.RELEASE_SCHEDULED, "assigned")
    }


def get_one() -> Play:
    first = (yield ask("list_numbers", status=NumberStatus.ACTIVE))[0]
    assert (yield ask("get_number", first.id)) == first


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "612 34 56 78")
    assert number.identity.e164 == IMPORTED
    assert str(number.sip.outbound.address) == "trunk.example.com:5060"
    assert number.sip.inbound.allowed_addresses == ("192.0.2.10", "198.51.100.0/24")
    korean = yield ask("find_number", "+82 70-4444-5555")
    assert korean.identity.region == "KR"


def import_and_release() -> Play:
    number = yield ask(
        "import_number",
        NumberImport(
            number="+34699887766",
            label="Nueva línea",
            inbound=InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption="require"),
            outbound=OutboundUpdate(address="pbx.example.com:5061", username="acme", password="s3cret-of-the-trunk"),
        ),
    )
    assert (number.origin, number.status, number.label) == (Origin.IMPORTED, NumberStatus.ACTIVE, "Nueva línea")
    assert number.sip.inbound.media_encryption is MediaEncryption.REQUIRE
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASED, False)


def import_sip_identifier() -> Play:
    number = yield ask(
        "import_number", NumberImport(number="Reception@pbx.example.com", inbound=InboundUpdate(allow_any=True))
    )
    assert number.identity.raw == "Reception@pbx.example.com"
    assert number.sip is None or number.sip.outbound.address is None


def import_twice() -> Play:
    with pytest.raises(Conflict, match="already here"):
        yield ask("import_number", NumberImport(number=IMPORTED, inbound=InboundUpdate(allow_any=True)))


def change_label() -> Play:
    number = yield ask("find_number", IMPORTED)
    assert (yield ask("update_label", number, "Guardia")).label == "Guardia"
    with pytest.raises(UnsupportedField):
        yield ask("update_label", number, None)


def change_trunk() -> Play:
    number = yield ask("find_number", IMPORTED)
    changed = yield ask(
        "update_sip",
        number,
        inbound=InboundUpdate(allowed_addresses=["203.0.113.0/24"], media_encryption="allow"),
        outbound=OutboundUpdate(address="new.example.com:5061", password="s3cret-of-the-trunk"),
    )
    assert str(changed.sip.outbound.address) == "new.example.com:5061"
    assert changed.sip.inbound.allowed_addresses == ("203.0.113.0/24",)


def assign_published_agent() -> Play:
    number = yield ask("find_number", IMPORTED)
    agent = AgentRef(number.inbound_agent.agent_id, version=PUBLISHED)
    assert (yield ask("assign_agents", number, outbound=agent)).outbound_agent.agent_id == agent.agent_id


def release_scheduled() -> Play:
    number = yield ask("find_number", PURCHASED)
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, False)
    assert release.takes_effect_at is not None
    with pytest.raises(UnsupportedOperation):
        yield ask("revoke_release", number)


def release_needs_allow() -> Play:
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(NotAllowed) as caught:
        yield ask("release", number)
    assert caught.value.allowance == "unpublishes"
    assert (yield ask("release", number, allow={SideEffect.UNPUBLISHES})).status is NumberStatus.RELEASED


def release_of_a_reserved_number() -> Play:
    number = yield ask("find_number", RESERVED)
    with pytest.raises(WrongState):
        yield ask("release", number)


def refuse_what_has_no_place() -> Play:
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, outbound=OutboundUpdate(address="sip:pbx.example.com;transport=tls"))
    purchased = yield ask("find_number", PURCHASED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", purchased, outbound=OutboundUpdate(password="s3cret-of-the-trunk"))


def unknown_id() -> Play:
    with pytest.raises(NotFound):
        yield ask("get_number", NOBODY)


def malformed_id() -> Play:
    with pytest.raises(NotFound):  # the 422 is about the path, so there can be no such phone
        yield ask("get_number", "not-an-id")


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
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(OutcomeUnknown):
        yield ask("update_label", number, "x")


def _gateway(emulator: Emulator) -> None:
    page = Response(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")
    emulator.faults.append(Fault(FaultKind.ANSWER, method="GET", path=NOBODY, response=page))
    emulator.faults.append(Fault(FaultKind.ANSWER_AFTER, method="PATCH", response=page))


def lost_import() -> Play:
    """The gateway loses the answer of an import that happened: the record is found and adopted."""
    trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password="s3cret-of-the-trunk")
    number = yield ask(
        "import_number", NumberImport(number="+34699887755", inbound=InboundUpdate(allow_any=True), outbound=trunk)
    )
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
    Scene("import_sip_identifier", import_sip_identifier),
    Scene("import_twice", import_twice),
    Scene("change_label", change_label),
    Scene("change_trunk", change_trunk),
    Scene("assign_published_agent", assign_published_agent),
    Scene("release_scheduled", release_scheduled),
    Scene("release_needs_allow", release_needs_allow),
    Scene("release_of_a_reserved_number", release_of_a_reserved_number),
    Scene("refuse_what_has_no_place", refuse_what_has_no_place),
    Scene("unknown_id", unknown_id, live=True),
    Scene("malformed_id", malformed_id, live=True),
    Scene("wrong_key", wrong_key, _another_key),
    Scene("rate_limited", rate_limited, _limit),
    Scene("gateway_page", gateway_page, _gateway),
    Scene("lost_import", lost_import, _lose),
)
