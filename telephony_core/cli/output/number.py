"""A number for people: its row in a table, and everything about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from telephony_core.cli.output.tables import Cell, Column, Shown, print_facts, print_json, print_line, print_table
from telephony_core.cli.session import Session
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import SipConfig
from telephony_core.domain.sip_address import SipAddress

_STYLES: Final = {
    NumberStatus.PENDING: "cyan",
    NumberStatus.ACTIVE: "green",
    NumberStatus.RELEASE_SCHEDULED: "yellow",
    NumberStatus.RELEASED: "dim",
    NumberStatus.UNKNOWN: "red",
}


AgentNames = Callable[[PhoneNumber], Mapping[str, str]]
"""The names of agents that a record tells of, by their ids."""


def no_names(_number: PhoneNumber) -> Mapping[str, str]:
    """Of records whose provider tells ids alone."""
    return {}


def columns(names: AgentNames = no_names) -> dict[str, Shown[PhoneNumber]]:
    """The columns of a table of numbers, by the words of ``--where`` and of the JSON."""

    def folded(title: str, least: int, rank: int = 0) -> Column:
        return Column(title, rank, gives_way="folded", least=least)

    return {
        "number": Shown(Column("NUMBER"), lambda number: str(number.identity), True),
        "status": Shown(Column("STATUS"), status, True),
        "label": Shown(folded("LABEL", 10), lambda number: number.label or "", True),
        "agent": Shown(folded("AGENT", 24), lambda number: _agents(number, names), True),
        "origin": Shown(Column("ORIGIN", 2), lambda number: number.origin, True),
        "id": Shown(Column("ID", 1), lambda number: number.id, True),
        "provider": Shown(Column("PROVIDER"), lambda number: number.provider),
        "inbound_agent": Shown(folded("INBOUND AGENT", 24), lambda n: agent(n.inbound_agent, names(n))),
        "outbound_agent": Shown(folded("OUTBOUND AGENT", 24), lambda n: agent(n.outbound_agent, names(n))),
        **{name: _of_trunk(title, fact) for name, (title, fact) in _TRUNK_COLUMNS.items()},
        "trunk": Shown(folded("TRUNK", 24), lambda number: ", ".join(number.trunk_ids)),
        "created_at": Shown(Column("CREATED"), lambda number: moment(number.created_at)),
        "updated_at": Shown(Column("UPDATED"), lambda number: moment(number.updated_at)),
        "ends_at": Shown(Column("ENDS"), lambda number: moment(number.ends_at)),
        "monthly_fee": Shown(Column("MONTHLY FEE"), lambda number: str(number.monthly_fee or "")),
    }


_TRUNK_COLUMNS: Final = {
    "outbound.address": ("OUTBOUND TO", "outbound to"),
    "outbound.username": ("OUTBOUND USERNAME", "outbound username"),
    "outbound.media_encryption": ("OUTBOUND ENCRYPTION", "outbound media encryption"),
    "inbound.allowed_addresses": ("INBOUND FROM", "inbound from"),
    "inbound.media_encryption": ("INBOUND ENCRYPTION", "inbound media encryption"),
}
"""Settings of a trunk that can be a column: its title, and the name of the setting as people read it."""


def _of_trunk(title: str, fact: str) -> Shown[PhoneNumber]:
    return Shown(Column(title, gives_way="folded", least=16), lambda number: dict(_trunk(number.sip)).get(fact, ""))


def _agents(number: PhoneNumber, names: AgentNames) -> str:
    """Who answers, and who calls where that is somebody else."""
    answers, calls = agent(number.inbound_agent, names(number)), agent(number.outbound_agent, names(number))
    # Mostly one agent does both, and its name twice would make every row wider.
    if not calls or calls == answers:
        return answers
    return f"in: {answers} out: {calls}" if answers else f"out: {calls}"


def print_numbers(numbers: Sequence[PhoneNumber], *, empty: str) -> None:
    """A table of numbers of several providers."""
    known = columns()
    shown = [known["provider"], *(each for each in known.values() if each.is_default)]
    print_table([each.column for each in shown], [[each.value(n) for each in shown] for n in numbers], empty=empty)


def status(number: PhoneNumber) -> Cell:
    """The status in our word, with the provider's beside it where ours says nothing."""
    # Otherwise the word of the vendor says the same in other letters.
    own = f" ({number.provider_status})" if number.status is NumberStatus.UNKNOWN and number.provider_status else ""
    return Cell(f"{number.status}{own}", _STYLES[number.status])


def agent(ref: AgentRef | None, names: Mapping[str, str] | None = None) -> str:
    """An agent, by its name where that is known, and its version where the provider shows it."""
    if ref is None:
        return ""
    name = (names or {}).get(ref.agent_id)
    who = ref.agent_id if name is None else f"{name} ({ref.agent_id})"
    return who if ref.version is None else f"{who} {ref.version}"


def print_change(session: Session, before: PhoneNumber, after: PhoneNumber, unseen: Iterable[str] = ()) -> None:
    """What a write has changed: each setting as it was and is. What was sent ``unseen`` nobody shows."""
    if session.json:
        return
    were, are = dict(_settings(before)), dict(_settings(after))
    changed = [
        (f"  {name}", f"{_shown(were.get(name))} → {_shown(are.get(name))}")
        for name in dict.fromkeys([*were, *are])
        if were.get(name) != are.get(name)
    ]
    # A password that nobody can read back would look as if nothing had happened.
    changed += [(f"  {name}", f"replaced ({after.provider} does not show it)") for name in unseen]
    print_line("changed" if changed else "nothing is different from before", "bold")
    print_facts(changed)
    print_line("")


def _settings(number: PhoneNumber) -> Iterator[tuple[str, str]]:
    """What a write can change, by its name, as people read it."""
    for name, value in (*_service(number), *_trunk(number.sip), ("ends", moment(number.ends_at))):
        yield name, value if isinstance(value, str) else value.text


def _shown(value: str | None) -> str:
    return value or "(none)"


def _service(number: PhoneNumber, names: Mapping[str, str] | None = None) -> list[tuple[str, str | Cell]]:
    return [
        ("status", status(number)),
        ("origin", number.origin),
        ("label", number.label or ""),
        ("inbound agent", agent(number.inbound_agent, names)),
        ("outbound agent", agent(number.outbound_agent, names)),
    ]


def print_number(
    session: Session,
    number: PhoneNumber,
    inbound_uri: SipAddress | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Everything about one number, where its calls have to be sent to, and the names of its agents where they are
    known; as JSON its record alone."""
    if session.json:
        print_json(number.model_dump(mode="json"))
        return
    print_facts(
        [
            ("number", Cell(str(number.identity), "bold")),
            ("as the provider writes it", number.identity.raw if number.identity.raw != str(number.identity) else ""),
            ("id", number.id),
            ("provider", number.provider),
            *_service(number, names),
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
    # UTC: two operators in Seoul and Madrid read the same text.
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
    # None is "not told", and must not be read as "everybody" or "nobody".
    return ", ".join(addresses) or Cell("every address (the list is empty)", "yellow")
