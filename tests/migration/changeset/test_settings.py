"""What can be set back of one record, and why the rest cannot."""

from __future__ import annotations

import pytest

from telephony_core import AgentRef, PhoneNumber
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import InboundSip, MediaEncryption, OutboundSip, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.migration.changeset.settings import opens, restorable
from telephony_core.provider.capabilities import Field
from telephony_diga.capabilities import CAPABILITIES as DIGA
from telephony_retell.capabilities import CAPABILITIES as RETELL
from telephony_vox.capabilities import CAPABILITIES as VOX


def record(**fields: object) -> PhoneNumber:
    identity = NumberIdentity.parse("+34612000001", region="ES")
    return PhoneNumber(provider="west", id="w-1", identity=identity, **fields)


TRUNK = SipConfig(
    inbound=InboundSip(allowed_addresses=("203.0.113.7",), media_encryption=MediaEncryption.UNKNOWN),
    outbound=OutboundSip(address=SipAddress.parse("pbx.example.com:5060"), username="acme"),
)


def test_what_is_read_is_set_back() -> None:
    names = (Field.ADDRESS, Field.USERNAME, Field.ALLOWED_ADDRESSES)
    values, why = restorable(record(sip=TRUNK), names, DIGA)
    assert values == {
        Field.ADDRESS: TRUNK.outbound.address,
        Field.USERNAME: "acme",
        Field.ALLOWED_ADDRESSES: ("203.0.113.7",),
    }
    assert why == {}


@pytest.mark.parametrize(
    ("before", "name", "capabilities", "why"),
    [
        (record(sip=TRUNK), Field.PASSWORD, DIGA, "does not say what it was"),
        (record(sip=TRUNK), Field.USERNAME, VOX, "does not say what it was"),
        (record(sip=TRUNK), Field.INBOUND_ENCRYPTION, DIGA, "does not say all"),
        (record(), Field.LABEL, DIGA, "no way to clear it"),
        (record(label=""), Field.LABEL, DIGA, "no way to clear it"),
        (record(inbound_agent=AgentRef("a")), Field.INBOUND_AGENT, DIGA, "does not say all"),
        (record(problems=("inbound_agents: several share",)), Field.INBOUND_AGENT, RETELL, "could not be read"),
        (record(problems=("inbound_agents[0].agent_id: odd",)), Field.INBOUND_AGENT, RETELL, "could not be read"),
        (record(problems=("sip_config: no table",)), Field.ADDRESS, DIGA, "could not be read"),
        (record(unmodelled=("inbound_agents",)), Field.INBOUND_AGENT, RETELL, "has no place here"),
    ],
)
def test_what_cannot_be_set_back_has_a_reason(before, name, capabilities, why) -> None:
    values, reasons = restorable(before, (name,), capabilities)
    assert values == {}
    assert why in reasons[name]


def test_what_has_to_go_along_with_something_that_is_lost_is_lost_too() -> None:
    values, why = restorable(record(sip=TRUNK), (Field.ADDRESS, Field.PASSWORD), VOX)
    assert values == {}
    assert "together with outbound.password" in why[Field.ADDRESS]


def test_what_can_be_cleared_is_cleared() -> None:
    assert restorable(record(), (Field.LABEL, Field.INBOUND_AGENT), VOX)[0] == {
        Field.LABEL: None,
        Field.INBOUND_AGENT: None,
    }


@pytest.mark.parametrize(
    ("allowed", "is_open"), [((), True), (None, True), (("0.0.0.0/0",), True), (("203.0.113.7",), False)]
)
def test_a_list_that_opens_a_trunk_is_seen(allowed: object, is_open: bool) -> None:
    assert opens({Field.ALLOWED_ADDRESSES: allowed}) is is_open
    assert opens({Field.LABEL: "x"}) is False
