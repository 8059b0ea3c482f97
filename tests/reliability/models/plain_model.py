"""An account as a plain model: numbers and what is set on them, in words that all vendors share.

`of_vendor` reads the same out of an emulator's state, from the vendor's own records and without any adapter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from telephony_core.emulator import Emulator
from tests.vendors import RELEASED, SCHEDULED, VENDORS, Line, line_of


@dataclass
class Model:
    """The lines by the vendor's ids, and which agents are on the air (where a vendor has such a thing)."""

    vendor: str
    lines: dict[str, Line] = field(default_factory=dict)
    published: frozenset[str] = frozenset()

    def change(self, id: str, **changes: object) -> None:
        self.lines[id] = replace(self.lines[id], **changes)

    def live(self, number: str) -> list[str]:
        return [id for id, line in self.lines.items() if line.number == number and line.is_live]

    # -- what the vendors do

    def release(self, id: str) -> None:
        """An imported number is over at once, a bought one where there are periods at the end of its own."""
        line, vendor = self.lines[id], VENDORS[self.vendor]
        if not line.imported and vendor.rents:
            self.change(id, status=SCHEDULED)
        elif not vendor.forgets:
            self.change(id, status=RELEASED)
        else:  # at Diga this takes its agents off the air, for other numbers too
            del self.lines[id]
            for agent in {line.inbound, line.outbound} & self.published:
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
                agents = {"inbound": None, "outbound": None} if VENDORS[self.vendor].forgets else {}
                self.change(id, status=RELEASED, **agents)

    def __eq__(self, other: object) -> bool:
        """Ids do not count: a new record has one that nobody could know."""
        if not isinstance(other, Model):
            return NotImplemented
        mine, theirs = (sorted(model.lines.values(), key=repr) for model in (self, other))
        return (mine, self.published) == (theirs, other.published)

    __hash__ = None


def of_vendor(emulator: Emulator) -> Model:
    """What is true at the vendor."""
    lines = {str(record[emulator.id_key]): line_of(emulator, record) for record in emulator.records()}
    versions = getattr(emulator, "versions", lambda _: ())
    published = (name for name, id in emulator.agents.items() if any(each.is_published for each in versions(id)))
    return Model(emulator.slug, lines, frozenset(published))
