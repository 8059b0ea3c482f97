"""An account as a plain model: numbers and what is set on them, in words that both vendors share.

`of_vendor` reads the same out of an emulator's state, from the vendor's own records and without any adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from telephony_core.emulator import Emulator, Record

ACTIVE, SCHEDULED, RELEASED = "active", "scheduled", "released"


@dataclass(frozen=True)
class Line:
    """One record of a number."""

    number: str
    """In E.164."""
    imported: bool
    status: str = ACTIVE
    label: str | None = None
    address: str | None = None
    username: str | None = None
    password: str | None = None
    inbound: str | None = None
    outbound: str | None = None
    """Names of agents."""

    @property
    def is_live(self) -> bool:
        return self.status != RELEASED


@dataclass
class Model:
    """The lines by the vendor's ids, and which agents are on the air (where a vendor has such a thing)."""

    vendor: str
    lines: dict[str, Line] = field(default_factory=dict)
    published: frozenset[str] = frozenset()

    def change(self, id: str, **changes: object) -> None:
        self.lines[id] = replace(self.lines[id], **changes)  # type: ignore[arg-type]

    def live(self, number: str) -> list[str]:
        return [id for id, line in self.lines.items() if line.number == number and line.is_live]

    # -- what the vendors do

    def release(self, id: str) -> None:
        """An imported number is over at once, a bought one at the end of its period."""
        line = self.lines[id]
        if not line.imported:
            self.change(id, status=SCHEDULED)
        elif self.vendor == "vox":
            self.change(id, status=RELEASED)
        else:  # Diga forgets it, and takes its agents off the air, for other numbers too
            del self.lines[id]
            for agent in {line.inbound, line.outbound} - {None}:
                self._unpublish(str(agent))

    def _unpublish(self, agent: str) -> None:
        self.published -= {agent}
        for id, line in self.lines.items():
            if agent in (line.inbound, line.outbound):
                gone = {way: None for way in ("inbound", "outbound") if getattr(line, way) == agent}
                self.change(id, **gone)

    def end_periods(self) -> None:
        """Every scheduled release takes effect."""
        for id, line in self.lines.items():
            if line.status == SCHEDULED:
                agents = {} if self.vendor == "vox" else {"inbound": None, "outbound": None}
                self.change(id, status=RELEASED, **agents)

    def __eq__(self, other: object) -> bool:
        """Ids do not count: a new record has one that nobody could know."""
        if not isinstance(other, Model):
            return NotImplemented
        mine, theirs = (sorted(model.lines.values(), key=repr) for model in (self, other))
        return (mine, self.published) == (theirs, other.published)

    __hash__ = None  # type: ignore[assignment]


def of_vendor(emulator: Emulator) -> Model:
    """What is true at the vendor."""
    names = {id: name for name, id in emulator.agents.items()}
    read = {"vox": _vox_line, "diga": _diga_line}[emulator.slug]
    lines = {str(record["id"]): read(record, emulator, names) for record in emulator.records()}
    published = frozenset[str]()
    if emulator.slug == "diga":
        versions = {name: emulator.versions(id) for name, id in emulator.agents.items()}  # type: ignore[attr-defined]
        published = frozenset(name for name, all_ in versions.items() if any(each.is_published for each in all_))
    return Model(emulator.slug, lines, published)


def _vox_line(record: Record, emulator: Emulator, names: Mapping[str, str]) -> Line:
    stored = emulator.credentials(str(record["id"]))
    address = record["address"]

    def agent(key: str) -> str | None:
        mapped = record[key]
        return names[str(mapped["agent_id"])] if isinstance(mapped, dict) else None

    return Line(
        "+82" + str(record["number"]).removeprefix("0"),
        record["provider"] == "custom",
        {"active": ACTIVE, "cancel_requested": SCHEDULED, "expired": RELEASED}[str(record["status"])],
        _text(record["memo"]),
        None if address is None else str(address).removeprefix("sip:"),
        stored.username if stored else None,
        stored.password if stored else None,
        agent("inbound_agent"),
        agent("outbound_agent"),
    )


def _diga_line(record: Record, emulator: Emulator, names: Mapping[str, str]) -> Line:
    stored = emulator.credentials(str(record["id"]))
    sip = record["sip_config"]
    over = record["status"] in ("released", "finished")
    return Line(
        str(record["number"]),
        record["telephony_provider"] == "custom",
        RELEASED if over else SCHEDULED if record["scheduled_release_at"] else ACTIVE,
        _text(record["nickname"]),
        _text(sip["termination_uri"]) if isinstance(sip, dict) else None,
        stored.username if stored else None,
        stored.password if stored else None,
        names.get(str(record["inbound_agent_id"])),
        names.get(str(record["outbound_agent_id"])),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
