"""A number for people: its row in a table, and everything about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from telephony_core.cli.output.tables import Cell, Column, Row, print_facts, print_json, print_line, print_table
from telephony_core.cli.session import Session
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import SipConfig
from telephony_core.domain.sip_address import SipAddress

COLUMNS: Final = (
    Column("NUMBER"),
    Column("STATUS"),
    Column("ORIGIN", 3),
    Column("LABEL", 2, gives_way="cut"),
    Column("INBOUND AGENT", 4),
    Column("OUTBOUND AGENT", 5),
    Column("ID", 1),
)
_STYLES: Final = {
    NumberStatus.PENDING: "cyan",
    NumberStatus.ACTIVE: "green",
    NumberStatus.RELEASE_SCHEDULED: "yellow",
    NumberStatus.RELEASED: "dim",
    NumberStatus.UNKNOWN: "red",
}


def print_numbers(numbers: Sequence[PhoneNumber], *, empty: str, with_provider: bool = False) -> None:
    """A table of numbers, of several providers if ``with_provider``."""
    if with_provider:
        print_table((Column("PROVIDER"), *COLUMNS), [(each.provider, *row(each)) for each in numbers], empty=empty)
    else:
        print_table(COLUMNS, map(row, numbers), empty=empty)


def row(number: PhoneNumber) -> Row:
    return (
        str(number.identity),
        status(number),
        number.origin,
        number.label or "",
        agent(number.inbound_agent),
        agent(number.outbound_agent),
        number.id,
    )


def status(number: PhoneNumber) -> Cell:
    """The status in our word, with the provider's beside it where ours says nothing."""
    own = f" ({number.provider_status})" if number.status is NumberStatus.UNKNOWN and number.provider_status else ""
    return Cell(f"{number.status}{own}", _STYLES[number.status])


def agent(ref: AgentRef | None) -> str:
    """An agent and its version; the id alone where the provider does not show the version."""
    if ref is None:
        return ""
    return ref.agent_id if ref.version is None else f"{ref.agent_id} {ref.version}"


def print_number(session: Session, number: PhoneNumber, inbound_uri: SipAddress | None = None) -> None:
    """Everything about one number, and where its calls have to be sent to; as JSON its record alone."""
    if session.json:
        print_json(number.model_dump(mode="json"))
        return
    print_facts(
        [
            ("number", Cell(str(number.identity), "bold")),
            ("as the provider writes it", number.identity.raw if number.identity.raw != str(number.identity) else ""),
            ("id", number.id),
            ("provider", number.provider),
            ("status", status(number)),
            ("origin", number.origin),
            ("label", number.label or ""),
            ("inbound agent", agent(number.inbound_agent)),
            ("outbound agent", agent(number.outbound_agent)),
            ("monthly fee", str(number.monthly_fee or "")),
            ("created", moment(number.created_at)),
            ("updated", moment(number.updated_at)),
            ("service since", moment(number.starts_at)),
            ("release requested", moment(number.release_requested_at)),
            ("ends", moment(number.ends_at)),
            *_trunk(number.sip),
            ("send inbound calls to", "" if inbound_uri is None else str(inbound_uri)),
            _unmodelled(number),
        ]
    )
    _print_problems(number)


def print_trunk(session: Session, number: PhoneNumber) -> None:
    """The trunk of one number; as JSON the number, whose ``sip`` it is."""
    if session.json:
        print_json(number.model_dump(mode="json"))
        return
    name = ("number", Cell(str(number.identity), "bold"))
    print_facts([name, ("id", number.id), *_trunk(number.sip), _unmodelled(number)])
    if number.sip is None:
        print_line("this number has no SIP trunk")
    _print_problems(number)


def _unmodelled(number: PhoneNumber) -> tuple[str, str]:
    """What else is set, by the provider's names."""
    return "set, without a field here", ", ".join(number.unmodelled)


def _print_problems(number: PhoneNumber) -> None:
    """Fields that were there and could not be read."""
    for problem in number.problems:
        print_line(f"could not be read: {problem}", "yellow")


def moment(when: datetime | None) -> str:
    """A time in UTC, to the second."""
    return "" if when is None else when.strftime("%Y-%m-%d %H:%M:%S UTC")


def _trunk(sip: SipConfig | None) -> Iterator[tuple[str, str | Cell]]:
    if sip is None:
        return
    inbound, outbound = sip.inbound, sip.outbound
    yield "inbound from", _allowed(inbound.allowed_addresses)
    yield "inbound media encryption", inbound.media_encryption or "unknown"
    yield "outbound to", str(outbound.address) if outbound.address is not None else "no address"
    yield "outbound username", outbound.username or ""
    yield "outbound credentials", outbound.credentials
    yield "outbound media encryption", outbound.media_encryption or "unknown"


def _allowed(addresses: tuple[str, ...] | None) -> str | Cell:
    if addresses is None:
        return "unknown"
    return ", ".join(addresses) or Cell("every address (the list is empty)", "yellow")
