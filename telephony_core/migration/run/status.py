"""The status of a migration, read from its journal alone: no client, no network, also while a run is at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import BaseModel, computed_field

from telephony_core.domain.phone_number import UtcTime
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import JournalStore
from telephony_core.migration.journal.runs import RunRecord
from telephony_core.migration.journal.sqlite_journals import SqliteJournals
from telephony_core.migration.move.state import DONE, FINISHED, MigrationState, state_of
from telephony_core.migration.plan.model import PlanKind, PlannedNumber
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.plan.verification import FieldVerification
from telephony_core.migration.rendering.commands import anew, command, next_lines
from telephony_core.migration.rendering.grouping import counted, group_lines
from telephony_core.migration.rendering.plan_text import endpoint_text

NO_END: Final = "no end is recorded, so it was killed or the machine stopped"
"""Of a run that is not at work and did not write how it ended."""


class StepTaken(BaseModel, frozen=True):
    """One line of the journal that says that something was done, or went wrong."""

    action: Action
    phase: Phase
    at: UtcTime
    record: str | None = None
    message: str = ""


class NumberRun(BaseModel, frozen=True):
    """The status of one planned number."""

    number: str
    state: MigrationState
    record: str | None = None
    """Id of the record that was made at the target, or whose settings are changed there."""
    adopted: bool = False
    steps: tuple[StepTaken, ...] = ()
    in_doubt_since: UtcTime | None = None
    """When a request was announced of which no answer is known: an import, a release or a rollback."""
    in_doubt_until: UtcTime | None = None
    """From when on it cannot take effect any more."""
    problem: str | None = None
    """The last thing that went wrong, unless it was overcome."""
    verified_at: UtcTime | None = None
    """The last good verification, if nothing bad came after it."""
    verified_since: UtcTime | None = None
    fields: tuple[FieldVerification, ...] = ()
    """What the last verification found, good or bad."""
    inbound_uri: str | None = None
    """Where the carrier has to send its calls, as the last verification read it, if nothing bad came after it."""
    releasable_at: UtcTime | None = None
    """When its soak ends."""
    released: str | None = None
    """The result of releasing the source."""
    unanswered: Literal["release", "rollback"] | None = None
    """The command of which a request was not answered; until it is run again, it may still take effect."""

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is to be done for it."""
        return self.state in FINISHED


class MigrationRun(BaseModel, frozen=True):
    """The status of a whole migration."""

    plan: str
    kind: PlanKind = PlanKind.MIGRATE
    checksum: str
    source: str | None
    """``None`` but for a migration."""
    target: str
    at: UtcTime
    is_running: bool
    """Whether a run is at work now, as far as this host can see."""
    runs: tuple[RunRecord, ...]
    numbers: tuple[NumberRun, ...]
    """Every planned number, in the plan's order."""
    way_on: str | None = None
    """Where all was rolled back: how these numbers are done again."""

    @computed_field
    @property
    def counts(self) -> dict[MigrationState, int]:
        """How many numbers are in which state; only what there is."""
        counted = Counter(number.state for number in self.numbers)
        return {state: counted[state] for state in MigrationState if counted[state]}

    @computed_field
    @property
    def remainder(self) -> tuple[str, ...]:
        """Keys of the numbers that apply still has to move."""
        return tuple(number.number for number in self.numbers if not number.is_finished)

    @computed_field
    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type now."""
        # Whatever is typed now is refused until that run has ended.
        if self.is_running:
            return ()
        # Before anything else: what is done next relies on a record that this request may still release.
        if self.unanswered:
            return tuple(self._command(name, self._unanswered_of(name)) for name in sorted(self.unanswered))
        done = [number for number in self.numbers if number.state in DONE]
        if (cut_short := self._cut_short) is not None:
            return (self._command(cut_short),)
        if self.remainder:
            return (self._command("apply"),)
        if not done:
            return (self._command("report"),)
        if any(number.verified_at is None for number in done):
            different = [number.number for number in done if number.problem is not None]
            back = (self._command("rollback", different),) if different else ()
            return (self._command("verify"), *back)
        return (self._command("release" if self.kind is PlanKind.MIGRATE else "report"),)

    @property
    def _without_end(self) -> str | None:
        """The release or rollback that came last, where it was cut short."""
        last = self.runs[-1] if self.runs else None
        is_cut = last is not None and last.was_cut_short and last.command in ("rollback", "release")
        return last.command if last is not None and is_cut and not self.is_running else None

    @property
    def _cut_short(self) -> str | None:
        """The release or rollback that was ended between two numbers, where some are left for it."""
        return self._without_end if any(number.state in DONE for number in self.numbers) else None

    def _unanswered_of(self, name: str) -> list[str]:
        """The numbers of which a request of this command was not answered, to be named; none where that is all of the
        plan, or where it was cut short, since it may have been about others as well."""
        found = [number.number for number in self.numbers if number.unanswered == name]
        return [] if name == self._without_end or len(found) == len(self.numbers) else found

    @property
    def chosen_again(self) -> str | None:
        """What to mind before a release or rollback that was cut short is run again: no journal has its numbers."""
        if (name := self._cut_short) is None:
            return None
        return f"if that {name} was about chosen numbers, give it the same --numbers again: without them it takes all"

    @property
    def way_back(self) -> str | None:
        """What undoes it, where all is well: no next step, and nobody should have to look for it."""
        done = [number for number in self.numbers if number.state in DONE]
        is_well = bool(done) and not self.unanswered and not self.remainder and not self.is_running
        is_well = is_well and self._cut_short is None
        return self._command("rollback") if is_well and all(number.verified_at for number in done) else None

    @property
    def releasable_at(self) -> datetime | None:
        """When the soak ends of all that are verified, if it has not ended yet."""
        ends = max((number.releasable_at for number in self.numbers if number.releasable_at is not None), default=None)
        return ends if ends is not None and ends > self.at else None

    @property
    def next_lines(self) -> list[str]:
        """The next steps for a terminal, and from when on they are possible."""
        commands = self.next_commands
        waits = bool(commands) and commands[0] == self._command("release") and not self.unanswered
        return next_lines(commands, self.releasable_at if waits else None)

    @property
    def unanswered(self) -> frozenset[str]:
        """Commands of which a request was not answered."""
        return frozenset(number.unanswered for number in self.numbers if number.unanswered is not None)

    def _command(self, name: str, numbers: Iterable[str] = ()) -> str:
        return command(name, self.plan, numbers, kind=self.kind)

    def _said(self, *, details: bool) -> Iterator[tuple[str, str]]:
        """What is to be said of single numbers: what went wrong, and what is in doubt; with ``details`` of each
        other one how far it is."""
        for number in self.numbers:
            state = number.state.replace("_", " ")
            if details and number.problem is None and number.in_doubt_since is None and number.unanswered is None:
                yield number.number, state
            if number.problem is not None:
                yield number.number, f"{state}: {number.problem}"
            if number.in_doubt_since is not None and number.in_doubt_until is not None:
                since, until = clock_text(number.in_doubt_since), clock_text(number.in_doubt_until)
                what = f"its {number.unanswered or 'import'} of {since} was not answered"
                yield number.number, f"in doubt: {what}, and may take effect until {until}"
            elif number.unanswered is not None:
                yield number.number, f"{state}: its {number.unanswered} was not answered"

    def lines(self, *, details: bool = False) -> list[str]:
        """The status, for a terminal; without ``details`` what is alike is said once for all numbers."""
        counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in self.counts.items())
        ends = self.target if self.source is None else f"{self.source} → {self.target}"
        total = f", {counted(len(self.numbers), 'number')}" if len(self.counts) > 1 else ""
        lines = [f"{ends}{total}: {counts or 'nothing is planned'}"]
        if self.runs:
            last = self.runs[-1]
            how = "is at work" if self.is_running else last.how_it_ended or NO_END
            lines.append(
                f"`{last.command}` of {clock_text(last.started_at)} by {last.whose} (process {last.process}): {how}"
            )
            if self.chosen_again is not None:
                lines.append(self.chosen_again)
        else:
            lines.append("there is no journal beside the plan: it was not started, or its journal was lost")
        lines += group_lines(self._said(details=details), details=details)
        waiting = [number.releasable_at for number in self.numbers if number.releasable_at is not None]
        if waiting:
            lines.append(f"  the soak of all verified numbers ends on {clock_text(max(waiting))}")
        if self.way_on is not None:
            lines.append(self.way_on)
        if self.way_back is not None:
            lines.append(f"to undo it: `{self.way_back}`")
        return [*lines, *self.next_lines]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def read_run(
    loaded: LoadedPlan, *, lost: bool = False, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> MigrationRun:
    """The status of the migration of a plan, from the journal beside it. Raises `JournalError`, also where the journal
    was lost, and `PlanElsewhere` where the plan was started under another path.

    A plan without a journal that this machine never saw start counts as not started; with ``lost``, so does one whose
    journal was lost.
    """
    reading = aread_run(loaded, SqliteJournals(now, lost), now=now)
    try:
        reading.send(None)  # reading a file waits for nothing, so this needs no loop, and may run inside of one
    except StopIteration as end:
        run: MigrationRun = end.value
        return run
    raise RuntimeError("reading the journal beside a plan has waited for something")


async def aread_run(
    loaded: LoadedPlan, journals: JournalStore, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> MigrationRun:
    """The same from any store of journals. A plan that was not started there counts as that."""
    if not await journals.was_started(loaded):
        return _run(loaded, now(), (), {}, frozenset())
    async with journals.reading(loaded) as journal:
        at_work = await journal.at_work()
        runs = tuple(await journal.runs())
        return _run(loaded, now(), runs, {each[0].number: each async for each in journal.lines()}, at_work)


def _run(
    loaded: LoadedPlan,
    at: datetime,
    runs: tuple[RunRecord, ...],
    lines: Mapping[str, list[Entry]],
    at_work: frozenset[int],
) -> MigrationRun:
    """``lines`` are those of each number, ``at_work`` the runs that are at work now."""
    plan = loaded.plan
    numbers = tuple(_number(loaded, number, lines.get(number.key, []), at_work) for number in plan.numbers)
    taken_back = bool(numbers) and all(number.state is MigrationState.ROLLED_BACK for number in numbers)
    return MigrationRun(
        plan=loaded.name,
        checksum=loaded.checksum,
        kind=plan.kind,
        source=None if plan.source is None else endpoint_text(plan.source),
        target=endpoint_text(plan.target),
        at=at,
        is_running=bool(at_work),
        runs=runs,
        numbers=numbers,
        way_on=anew(plan) if taken_back else None,
    )


def _number(loaded: LoadedPlan, planned: PlannedNumber, entries: list[Entry], at_work: frozenset[int]) -> NumberRun:
    state = state_of(entries)
    shown = state.state
    # The same lines mean a lost answer only once the run that sent the request is over.
    awaited = bool(entries) and entries[-1].run in at_work and entries[-1].phase is Phase.INTENT
    if shown is MigrationState.IN_DOUBT and awaited:
        shown = MigrationState.STARTED  # its answer is still being waited for
    open_request = None if awaited else state.open_request
    since = None if open_request is None else open_request.at
    soaked = state.verified_since if state.state is MigrationState.MOVED else None
    return NumberRun(
        number=planned.key,
        state=shown,
        record=state.created if planned.source is None or loaded.plan.kind is not PlanKind.SET else planned.source.id,
        adopted=state.adopted,
        steps=tuple(
            StepTaken(action=entry.action, phase=entry.phase, at=entry.at, record=entry.record, message=entry.message)
            for entry in entries
            if entry.phase is not Phase.INTENT and entry.at is not None
        ),
        in_doubt_since=since,
        in_doubt_until=None if since is None else since + loaded.plan.settings.in_doubt,
        problem=state.problem.message if state.problem is not None else None,
        verified_at=state.verified_at,
        verified_since=state.verified_since,
        fields=_last_fields(entries),
        # Calls go there only while it is there as planned: not after a difference, nor a rollback.
        inbound_uri=None if state.verified_at is None or state.unanswered == "rollback" else _last_inbound_uri(entries),
        releasable_at=None if soaked is None else soaked + loaded.plan.settings.soak,
        released=state.released.message if state.released is not None else None,
        unanswered=state.unanswered,
    )


def _last_fields(entries: list[Entry]) -> tuple[FieldVerification, ...]:
    for entry in reversed(entries):
        fields = entry.data.get("fields")
        if entry.action is Action.VERIFY and isinstance(fields, list):
            return tuple(FieldVerification.model_validate(field) for field in fields)
    return ()


def _last_inbound_uri(entries: list[Entry]) -> str | None:
    verified = [entry.data.get("inbound_uri") for entry in entries if entry.action is Action.VERIFY]
    return verified[-1] if verified and isinstance(verified[-1], str) else None
