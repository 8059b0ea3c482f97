"""What is on the Retell cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    PUBLISHED,
    AgentRef,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    UnsupportedField,
    UnsupportedOperation,
)
from tests.cassettes.common_scenes import Vendor, common_scenes
from tests.cassettes.tape import PASSWORD, Play, Scene, ask

IMPORTED, PURCHASED = "+12135550110", "+14157774444"
TRUNK = OutboundUpdate(address="sip:pbx.example.com;transport=tls", username="acme", password=PASSWORD)
VENDOR = Vendor(
    known=IMPORTED,
    nobody="+19995550100",
    listed={"origin": {Origin.PURCHASED, Origin.IMPORTED}, "status": {NumberStatus.ACTIVE}},
    label="Nights",
    clears_labels=True,
    again=NumberImport(number=IMPORTED, outbound=TRUNK),
    brought=NumberImport(number="+14155550199", label="New line", outbound=TRUNK),
    lost=NumberImport(number="+14155550198", outbound=TRUNK),
    keeps_released=False,
)


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", "(213) 555-0110")
    assert number.id == IMPORTED
    assert str(number.sip.outbound.address) == "sip:acme.pstn.twilio.com;transport=tls"
    assert (yield ask("find_number", "+82 70-4444-5555")).identity.region == "KR"


def import_pseudo_number() -> Play:
    change = NumberImport(number="2003", send_as_is=True, outbound=TRUNK)
    assert (yield ask("import_number", change)).id == "2003"


def change_trunk() -> Play:
    number = yield ask("update_sip", IMPORTED, outbound=TRUNK)
    assert str(number.sip.outbound.address) == "sip:pbx.example.com;transport=tls"
    number = yield ask("update_sip", number, outbound=OutboundUpdate(address="pbx.example.com"))
    assert str(number.sip.outbound.address) == "sip:pbx.example.com;transport=tcp"


def assign_agents() -> Play:
    number = yield ask("get_number", IMPORTED)
    agent = AgentRef(number.inbound_agent.agent_id, version=PUBLISHED)
    assert (yield ask("assign_agents", number, inbound=agent, outbound=None)).inbound_agent == agent


def refuse_what_has_no_place() -> Play:
    number = yield ask("get_number", IMPORTED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, outbound=OutboundUpdate(media_encryption="require"))
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, outbound=OutboundUpdate(address="sips:pbx.example.com"))
    purchased = yield ask("get_number", PURCHASED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", purchased, outbound=TRUNK)
    with pytest.raises(UnsupportedOperation):
        yield ask("revoke_release", number)


SCENES = (
    *common_scenes(VENDOR),
    Scene(find_in_any_spelling),
    Scene(import_pseudo_number),
    Scene(change_trunk),
    Scene(assign_agents),
    Scene(refuse_what_has_no_place),
)
