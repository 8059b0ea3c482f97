"""What is on the Diga cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NotAllowed,
    NotFound,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    SideEffect,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from tests.cassettes.common_scenes import Vendor, common_scenes
from tests.cassettes.tape import PASSWORD, Play, Scene, ask

IMPORTED, PURCHASED, RESERVED = "+34612345678", "+34911234567", "+34911234568"
TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=PASSWORD)
VENDOR = Vendor(
    known=IMPORTED,
    nobody="00000000-0000-4000-8000-000000000000",
    listed={"provider_status": {"reserved", "pending_verification", "assigned", "released", "finished"}},
    label="Guardia",
    clears_labels=False,
    first={"status": NumberStatus.ACTIVE},
    again=NumberImport(number=IMPORTED, inbound=InboundUpdate(allow_any=True)),
    brought=NumberImport(
        number="+34699887766",
        label="Nueva línea",
        inbound=InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption="require"),
        outbound=OutboundUpdate(address="pbx.example.com:5061", username="acme", password=PASSWORD),
    ),
    lost=NumberImport(number="+34699887755", inbound=InboundUpdate(allow_any=True), outbound=TRUNK),
    keeps_released=False,
)


def list_narrowed() -> Play:
    numbers = yield ask("list_numbers", status=NumberStatus.RELEASE_SCHEDULED)
    assert {(number.status, number.provider_status) for number in numbers} == {
        (NumberStatus.RELEASE_SCHEDULED, "assigned")
    }


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "612 34 56 78")
    assert number.identity.e164 == IMPORTED
    assert str(number.sip.outbound.address) == "trunk.example.com:5060"
    assert number.sip.inbound.allowed_addresses == ("192.0.2.10", "198.51.100.0/24")
    korean = yield ask("find_number", "+82 70-4444-5555")
    assert korean.identity.region == "KR"


def import_sip_identifier() -> Play:
    number = yield ask(
        "import_number", NumberImport(number="Reception@pbx.example.com", inbound=InboundUpdate(allow_any=True))
    )
    assert number.identity.raw == "Reception@pbx.example.com"
    assert number.sip is None or number.sip.outbound.address is None


def change_trunk() -> Play:
    number = yield ask("find_number", IMPORTED)
    changed = yield ask(
        "update_sip",
        number,
        inbound=InboundUpdate(allowed_addresses=["203.0.113.0/24"], media_encryption="allow"),
        outbound=OutboundUpdate(address="new.example.com:5061", password=PASSWORD),
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
        yield ask("update_sip", purchased, outbound=OutboundUpdate(password=PASSWORD))


def malformed_id() -> Play:
    with pytest.raises(NotFound):  # the 422 is about the path, so there can be no such phone
        yield ask("get_number", "not-an-id")


SCENES = (
    *common_scenes(VENDOR),
    Scene(list_narrowed),
    Scene(find_in_any_spelling),
    Scene(import_sip_identifier),
    Scene(change_trunk),
    Scene(assign_published_agent),
    Scene(release_scheduled),
    Scene(release_needs_allow),
    Scene(release_of_a_reserved_number),
    Scene(refuse_what_has_no_place),
    Scene(malformed_id, live=True),
)
