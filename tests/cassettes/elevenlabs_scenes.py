"""What is on the ElevenLabs cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    UnsupportedField,
    UnsupportedOperation,
)
from tests.cassettes.common_scenes import Vendor, common_scenes
from tests.cassettes.tape import PASSWORD, Play, Scene, ask

TRUNKED, BRANCHED, LINKED = "+12025550101", "+12025550102", "+12025550105"
TRUNK = OutboundUpdate(address="sip:pbx.example.com:5061;transport=tls", username="acme", password=PASSWORD)
VENDOR = Vendor(
    known=TRUNKED,
    nobody="phnum_nobody",
    listed={"provider_origin": {"sip_trunk", "twilio", "exotel"}, "status": {NumberStatus.ACTIVE}},
    label="Night",
    clears_labels=False,
    again=NumberImport(number=TRUNKED, label="Again", inbound=InboundUpdate(allow_any=True)),
    brought=NumberImport(
        number="+12025550142",
        label="New line",
        inbound=InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption="require"),
        outbound=TRUNK,
    ),
    lost=NumberImport(number="+12025550143", label="Lost", inbound=InboundUpdate(allow_any=True), outbound=TRUNK),
    keeps_released=False,
)


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "(202) 555-0101")
    assert number.identity.e164 == TRUNKED
    assert str(number.sip.outbound.address) == "sip:trunk.example.com:5060;transport=tcp"
    korean = yield ask("find_number", "+82 70-4444-7777")
    assert korean.identity.region == "KR"


def change_trunk() -> Play:
    number = yield ask("find_number", TRUNKED)
    changed = yield ask(
        "update_sip",
        number,
        inbound=InboundUpdate(allowed_addresses=["203.0.113.0/24"], media_encryption="require"),
        outbound=OutboundUpdate(address="new.example.com:5061", password=PASSWORD),
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
        yield ask("update_sip", linked, outbound=OutboundUpdate(password=PASSWORD))


def unlink() -> Play:
    linked = yield ask("find_number", LINKED)
    assert linked.origin is Origin.LINKED
    assert (yield ask("release", linked)).status is NumberStatus.RELEASED


SCENES = (
    *common_scenes(VENDOR),
    Scene(find_in_any_spelling),
    Scene(change_trunk),
    Scene(assign_agents),
    Scene(refuse_what_has_no_place),
    Scene(unlink),
)
