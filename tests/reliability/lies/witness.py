"""Who wrote what: sees every effect on the vendors' true state, and says which of them should not have been.

Three things must not happen, whatever was answered: that a record of others is written, that a number is live twice by
our doing, and that a record is given up while the other end does not serve its number. What a client could not know is
not held against it: what a stranger did counts from the next call on, or from the next true answer about that record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from telephony_core.emulator import Record
from tests.reliability.lies.lying_backend import Effect, LyingBackend
from tests.reliability.lies.strangers import Deed, stranger
from tests.reliability.lies.vendors import State, is_active, is_live, state_of
from tests.reliability.models.simulated_time import SharedTime
from tests.vendors import CHANCE, number_of

Key = tuple[str, str]
"""An end and an id there."""


@dataclass(frozen=True)
class Asked:
    """What a client was asked to do: an operation, on a record and a number where it is about one."""

    operation: str
    id: str | None = None
    number: str | None = None
    """Of the record that the caller handed in, or of the import; a bare id stands for whatever is there."""
    unserved: bool = False
    """Whether it was accepted by name that the source does not serve."""


@dataclass(frozen=True)
class Moment:
    """The world when a request arrived."""

    tick: int
    asked: Asked
    began: int
    began_at: float
    states: Mapping[str, State]
    ours: frozenset[Key]
    touched: Mapping[Key, int]
    told: Mapping[Key, int]
    misled: Mapping[Key, int]
    left: Mapping[Key, Record]

    def knowable(self, key: Key) -> bool:
        """Whether what a stranger did last to this record could be known when the request was sent."""
        touched = self.touched.get(key, -1)
        return touched < self.began or self.told.get(key, -1) > touched


@dataclass
class Witness:
    """Watches the accounts. ``plan`` has the planned source records by id; without one, single calls are judged."""

    liars: Mapping[str, LyingBackend]
    time: SharedTime
    asked: Asked = field(default_factory=lambda: Asked("nothing"))
    wrong: list[str] = field(default_factory=list)
    plan: State = field(default_factory=dict)
    fit: Mapping[str, Record] = field(default_factory=dict)
    """What a target record has to look like, by number; see `settings_of`."""
    ours: set[Key] = field(default_factory=set)
    once_ours: set[Key] = field(default_factory=set)
    left: dict[Key, Record] = field(default_factory=dict)
    """Every record that we have to do with, as we left it."""
    appeared: dict[Key, float] = field(default_factory=dict)
    """When a stranger's record came."""
    tick: int = 0
    began: int = 0
    began_at: float = 0.0
    excused: set[str] = field(default_factory=set)
    """Numbers that may be served nowhere: a stranger had a hand in it, or it was accepted by name."""
    _touched: dict[Key, int] = field(default_factory=dict)
    _told: dict[Key, int] = field(default_factory=dict)
    _misled: dict[Key, int] = field(default_factory=dict)
    _meanwhile: list[tuple[int, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for liar in self.liars.values():
            liar.before_each = self._pass
            liar.arrives = self._arrives
            liar.told = lambda liar, id: self._told.__setitem__((liar.end, id), self.tick)
            liar.misled = self._was_misled

    def holds(self, so: bool, said: str) -> None:
        """Judge a claim of the client's."""
        if not so:
            self.wrong.append(said)

    # -- what happens

    def begin(self, asked: Asked) -> None:
        """A client is called."""
        self.tick += 1
        self.asked, self.began, self.began_at = asked, self.tick, self.time.passed
        if asked.unserved:
            self.excused |= self.planned_numbers

    def meanwhile(self, after: int, act: Callable[[], object]) -> None:
        """Have something done once so many more requests have been answered, if it comes to that."""
        self._meanwhile.append((self.tick + after, act))

    def nothing_more(self) -> None:
        self._meanwhile.clear()

    def touch(self, end: str, deed: Deed, id: str, number: str = "") -> None:
        """A stranger is at work."""
        self.tick += 1
        liar = self.liars[end]
        self.excused.add(number_of(liar.vendor, liar.emulator.store[id]))
        theirs = stranger(liar, deed, id, number)
        if theirs == id:
            self._touched[end, id] = self.tick
        if deed in (Deed.RECYCLE, Deed.REMAKE, Deed.REMOVE):
            self.ours.discard((end, id))
        if deed in (Deed.RECYCLE, Deed.REMAKE, Deed.DOUBLE):
            self.appeared[end, theirs] = self.time.passed

    def settle_down(self) -> None:
        """Let everything arrive that is in the air."""
        while any(liar.in_the_air for liar in self.liars.values()):
            self.time.advance(60.0)
            self._act_late()

    def _pass(self) -> None:
        self.tick += 1
        self._act_late()
        due = [act for at, act in self._meanwhile if at <= self.tick]
        self._meanwhile = [(at, act) for at, act in self._meanwhile if at > self.tick]
        for act in due:
            act()

    def _act_late(self) -> None:
        for liar in self.liars.values():
            liar.act_late()

    def _was_misled(self, liar: LyingBackend, id: str, by_number: bool) -> None:
        # Who asks for a bare id does not know which number to expect.
        if not by_number or self.asked.number is not None or self.plan:
            self._misled[liar.end, id] = self.tick

    def _arrives(self, liar: LyingBackend) -> Callable[[Effect], None]:
        moment = Moment(
            self.tick,
            self.asked,
            self.began,
            self.began_at,
            {end: state_of(each.emulator) for end, each in self.liars.items()},
            frozenset(self.ours),
            dict(self._touched),
            dict(self._told),
            dict(self._misled),
            dict(self.left),
        )
        return lambda effect: self._happened(effect, moment)

    # -- judging

    def _happened(self, effect: Effect, moment: Moment) -> None:
        self.wrong += [f"{moment.asked.operation}: {message}" for message in self._judge(effect, moment)]
        for id, record in effect.made.items():
            self.ours.add((effect.end, id))
            self.once_ours.add((effect.end, id))
            self.left[effect.end, id] = record
        for id, (_, after) in effect.changed.items():
            if (effect.end, id) in self.left:
                self.left[effect.end, id] = self._with_ours(effect, id, after)
        for id in effect.over:
            self.ours.discard((effect.end, id))
        self.wrong += [f"{moment.asked.operation}: {message}" for message in (*self.doubled(), *self.lost(effect))]

    def _with_ours(self, effect: Effect, id: str, after: Record) -> Record:
        """As we left it: what this effect changed, and whatever a stranger did before stays a stranger's."""
        before, left = effect.changed[id][0], self.left[effect.end, id]
        return {**left, **{name: value for name, value in after.items() if before.get(name) != value}}

    def doubled(self) -> Iterator[str]:
        """Numbers that are live more than once by our doing."""
        for end, liar in self.liars.items():
            numbers = [
                number_of(liar.vendor, record)
                for id, record in state_of(liar.emulator).items()
                if (end, id) in self.ours and is_live(liar.vendor, record)
            ]
            for number in sorted({number for number in numbers if numbers.count(number) > 1}):
                yield f"{number} is live {numbers.count(number)} times at the {end} by our doing"

    def lost(self, effect: Effect) -> Iterator[str]:
        """Planned numbers that nobody serves after this, by our doing: a late deletion counts as one."""
        for record in effect.over.values() if self.plan else ():
            number = number_of(self.liars[effect.end].vendor, record)
            there = [
                id for end, liar in self.liars.items() for id in self.live_of(end, number, state_of(liar.emulator))
            ]
            if number in self.planned_numbers - self.excused and not there:
                yield f"{number} is served nowhere any more"

    def _judge(self, effect: Effect, moment: Moment) -> Iterator[str]:
        for id, record in effect.made.items():
            yield from self._judge_made(effect.end, id, record, moment)
        for id, (before, after) in effect.changed.items():
            if effect.over and self._only_its_agents_went(effect, before, after):
                continue
            yield from self._judge_changed(effect.end, id, before, moment)
        for id, record in effect.over.items():
            yield from self._judge_over(effect.end, id, record, moment)

    def _judge_made(self, end: str, id: str, record: Record, moment: Moment) -> Iterator[str]:
        liar, asked = self.liars[end], moment.asked
        number = number_of(liar.vendor, record)
        if self.plan and (asked.operation != "apply" or end != "target" or number not in self.planned_numbers):
            yield f"made {number} at the {end}"
        if not self.plan and (asked.operation != "import" or number != asked.number):
            yield f"made {number}, and was asked for {asked.number}"
        for other in self.live_of(end, number, moment.states[end]):
            seen_at = self.appeared.get((end, other), 0.0) + liar.lag
            if (end, other) not in moment.ours and seen_at < moment.began_at:
                yield f"made {number} at the {end} beside {other}, which was there and is somebody else's"

    def _judge_changed(self, end: str, id: str, before: Record, moment: Moment) -> Iterator[str]:
        key, number = (end, id), number_of(self.liars[end].vendor, before)
        if not self._is_ours_to_change(key, number, moment):
            yield f"changed {number} ({id}) at the {end}, which is not ours to change"
        yield from self._after_a_lie(key, moment)

    def _is_ours_to_change(self, key: Key, number: str, moment: Moment) -> bool:
        if key in moment.ours or (key in self.once_ours and not moment.knowable(key)):
            return True
        asked = moment.asked
        if self.plan or asked.operation not in ("update_label", "update_sip", "assign_agents", "revoke_release"):
            return False
        # A record that was handed in may be old, and an update of it is sent without a look.
        return key[1] == asked.id

    def _after_a_lie(self, key: Key, moment: Moment) -> Iterator[str]:
        misled = moment.misled.get(key, -1)
        if misled >= moment.began and misled > moment.told.get(key, -1):
            yield f"wrote to {key[1]} at the {key[0]} after a read of it that named another record"

    def _judge_over(self, end: str, id: str, record: Record, moment: Moment) -> Iterator[str]:
        liar, key, asked = self.liars[end], (end, id), moment.asked
        number = number_of(liar.vendor, record)
        what = f"gave up {number} ({id}) at the {end}"
        yield from self._after_a_lie(key, moment)
        if not self.plan:
            if asked.operation != "release" or asked.id != id:
                yield f"{what}, and was asked to release {asked.id}"
            elif asked.number not in (None, number) and moment.knowable(key):
                yield f"{what}, and was asked to release {asked.number}"
            return
        if (end, asked.operation) not in {("target", "rollback"), ("source", "release")}:
            yield what
            return
        if (end == "target" and key not in self.once_ours) or (end == "source" and id not in self.plan):
            yield f"{what}, which this migration has nothing to do with"
            return
        if moment.knowable(key):
            if end == "target" and key not in moment.ours:
                yield f"{what}, which is a stranger's by now"
            elif moment.states[end][id] != moment.left[key]:
                yield f"{what}, which a stranger has changed"
        planned = id if end == "source" else self._planned_for(id)
        if planned is None:
            return
        if end == "target":
            yield from self._judge_source(what, planned, moment)
        else:
            yield from self._judge_target(what, number_of(liar.vendor, self.plan[planned]), moment)

    def _planned_for(self, id: str) -> str | None:
        """The planned source record of what we made at the target."""
        number, vendor = self._planned_number(id), self.liars["source"].vendor
        return next((id for id, record in self.plan.items() if number_of(vendor, record) == number), None)

    def _judge_source(self, what: str, planned: str, moment: Moment) -> Iterator[str]:
        """A rollback: the source has to serve the number, as it was planned."""
        vendor = self.liars["source"].vendor
        if moment.asked.unserved or not moment.knowable(("source", planned)):
            return
        record = moment.states["source"].get(planned)
        if record is None or not is_live(vendor, record):
            yield f"{what}, and the source does not have it any more"
        elif record != moment.left["source", planned]:
            yield f"{what}, and the source does not serve it as planned"
        elif not is_active(vendor, record):
            yield f"{what}, and it is not active at the source"

    def _judge_target(self, what: str, number: str, moment: Moment) -> Iterator[str]:
        """A release: the target has to serve the number, once, and as planned."""
        liar, state = self.liars["target"], moment.states["target"]
        live = self.live_of("target", number, state)
        mine = [id for id in live if ("target", id) in moment.ours]
        made = [id for end, id in self.once_ours if end == "target" and self._planned_number(id) == number]
        if not mine:
            if all(moment.knowable(("target", id)) for id in made):
                yield f"{what}, and the target does not have it"
            return
        (id, *_) = mine
        if moment.knowable(("target", id)):
            if not is_active(liar.vendor, state[id]):
                yield f"{what}, and it is not active at the target"
            elif settings_of(state[id]) != self.fit[number]:
                yield f"{what}, and the target does not serve it as planned"
        for other in set(live) - {id}:
            if self.appeared.get(("target", other), 0.0) + liar.lag < moment.began_at:
                yield f"{what}, and it is live more than once at the target"

    def _planned_number(self, id: str) -> str | None:
        left = self.left.get(("target", id))
        return None if left is None else number_of(self.liars["target"].vendor, left)

    # -- small parts

    @property
    def planned_numbers(self) -> set[str]:
        vendor = self.liars["source"].vendor
        return {number_of(vendor, record) for record in self.plan.values()}

    def live_of(self, end: str, number: str, state: State) -> list[str]:
        vendor = self.liars[end].vendor
        return [id for id, record in state.items() if is_live(vendor, record) and number_of(vendor, record) == number]

    def _only_its_agents_went(self, effect: Effect, before: Record, after: Record) -> bool:
        """At Diga a release takes the agents of the record off the air, for others too; that was accepted by name."""
        agents = self.liars[effect.end].words.agents
        gone = {str(record.get(field)) for record in effect.over.values() for field in agents}
        different = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        return all(name in agents and after.get(name) is None and str(before.get(name)) in gone for name in different)


def settings_of(record: Record) -> Record:
    """A record without what differs from run to run."""
    return {name: value for name, value in record.items() if name not in CHANCE}
