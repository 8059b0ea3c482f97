"""The fields of a number as a person reads them, and when two values of one field mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.operations.reconciliation import is_unread, read_field, same_networks
from telephony_core.provider.capabilities import Capabilities, Field
from telephony_core.secrets.redaction import scrubbed

SETTINGS: Final = (
    Field.LABEL,
    Field.ADDRESS,
    Field.USERNAME,
    Field.ALLOWED_ADDRESSES,
    Field.INBOUND_ENCRYPTION,
    Field.OUTBOUND_ENCRYPTION,
    Field.INBOUND_AGENT,
    Field.OUTBOUND_AGENT,
)
"""What can be set and read, in the order in which it is shown."""
AGENTS: Final = (Field.INBOUND_AGENT, Field.OUTBOUND_AGENT)
"""The settings whose values are ids of one connection, which mean nothing at another one."""

NOT_REPORTED: Final = "not reported"
UNREAD: Final = "something that could not be read"
OPEN: Final = "open to every source"


def agents_of(number: PhoneNumber) -> dict[str, AgentRef]:
    """The agents that serve a number, by field name."""
    both = zip(AGENTS, (number.inbound_agent, number.outbound_agent), strict=True)
    return {name: agent for name, agent in both if agent is not None}


def sip_of(number: PhoneNumber) -> SipConfig:
    """Both halves of a number's trunk; empty ones where it has none, or its provider does not tell."""
    return number.sip or SipConfig()


def printable(text: str) -> str:
    """A vendor's or a user's text on one line: no control or direction characters, no password inside a URI."""
    return scrubbed(text)


def clock_text(when: datetime) -> str:
    """A moment to the second, with its zone."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown(record: PhoneNumber, name: str, capabilities: Capabilities | None) -> object:
    """A setting by its dotted name; `UNREAD` where there is something, and the record does not say what."""
    value = read_field(record, name)
    # What a provider never shows is not missing from its record.
    if value is None and capabilities is not None and capabilities.can_read(Field(name)):
        return UNREAD if is_unread(record, name, capabilities) else None
    return value


def value_text(value: object) -> str:
    """A field's value for people. ``None`` is not reported (or not there), an empty allow-list is open to everybody."""
    match value:
        case None:
            return NOT_REPORTED
        # Not as `None`: a list that nobody knows would look open, or an open one unset.
        case ():
            return OPEN
        case tuple():
            return printable(", ".join(str(entry) for entry in value))
        case AgentRef():
            version = "version not reported" if value.version is None else f"version {value.version}"
            return printable(f"agent {value.agent_id}, {version}")
        case datetime():
            return clock_text(value)
        case Enum():
            return str(value.value)
        case _:
            return printable(str(value))


def some(texts: Sequence[str], most: int) -> str:
    """The first of these, and how many more there are."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def unmodelled_text(number: PhoneNumber) -> str:
    """The settings of a number that have no field here, by name."""
    return printable(", ".join(number.unmodelled)) or "none"


def means_the_same(one: object, other: object) -> bool:
    """Whether two values say the same: one endpoint spelled twice, one set of networks in another order."""
    if isinstance(one, SipAddress) and isinstance(other, SipAddress):
        # URI parameters are no part of where a trunk is, and are part of what is set.
        return one.same_endpoint(other) and one.params == other.params
    if isinstance(one, tuple) and isinstance(other, tuple):
        return same_networks(one, other)
    return one == other
