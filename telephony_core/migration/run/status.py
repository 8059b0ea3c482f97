"""The status of a migration, read from its journal alone: no client, no network, also while a run is at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, computed_field

from telephony_core.domain.phone_number import UtcTime
from telephony_core.migration.journal.claims import PlanElsewhere, missing, started_elsewhere, was_started_here
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import RunRecord, SqliteJournal, was_started
from telephony_core.migration.move.effects import clock_text
from telephony_core.migration.move.state import DONE, FINISHED, MigrationState, state_of
from telephony_core.migration.plan.model import PlanKind, PlannedNumber
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.plan.verification import FieldVerification
from telephony_core.migration.rendering.commands import command


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
    """Where the carrier has to send its calls, as the last verification read it."""
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
        if self.is_running:
            return ()
        if unanswered := {number.unanswered for number in self.numbers if number.unanswered is not None}:
            return tuple(self._command(name) for name in sorted(unanswered))
        if self.remainder:
            return (self._command("apply"),)
        done = [number for number in self.numbers if number.state in DONE]
        if not done:
            return (self._command("report"),)
        if any(number.verified_at is None for number in done):
            different = [number.number for number in done if number.problem is not None]
            back = (self._command("rollback", different),) if different else ()
            return (self._command("verify"), *back)
        release = (self._command("release"),) if self.kind is PlanKind.MIGRATE else (self._command("report"),)
        return (*release, self._command("rollback"))

    def _command(self, name: str, numbers: Iterable[str] = ()) -> str:
        return command(name, self.plan, numbers, kind=self.kind)

    def lines(self) -> list[str]:
        """The status, for a terminal."""
        counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in self.counts.items())
        ends = self.target if self.source is None else f"{self.source} → {self.target}"
        lines = [f"{ends}: {counts or 'nothing is planned'}"]
        if self.runs:
            last = self.runs[-1]
            how = "is at work" if self.is_running else last.how_it_ended or "did not say how it ended"
            lines.append(f"`{last.command}` of {last.started_at:%Y-%m-%d %H:%M} UTC (process {last.process}): {how}")
        else:
            lines.append("there is no journal beside the plan: it was not started, or its journal was lost")
        for number in self.numbers:
            head = f"  {number.number}: {number.state.replace('_', ' ')}"
            if number.problem is not None:
                lines.append(f"{head}: {number.problem}")
            if number.unanswered is not None:
                lines.append(f"{head}: a {number.unanswered} of it was not answered")
            if number.in_doubt_since is not None and number.in_doubt_until is not None:
                since, until = clock_text(number.in_doubt_since), clock_text(number.in_doubt_until)
                lines.append(f"  {number.number}: in doubt since {since}, until {until}")
        waiting = [number.releasable_at for number in self.numbers if number.releasable_at is not None]
        if waiting:
            lines.append(f"  the soak of all that are verified ends on {max(waiting):%Y-%m-%d %H:%M} UTC")
        return [*lines, *(f"next: {command}" for command in self.next_commands)]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def read_run(
    loaded: LoadedPlan, *, lost: bool = False, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> MigrationRun:
    """The status of the migration of a plan. Raises `JournalError`, also where the journal was lost, and
    `PlanElsewhere` where the plan was started under another path.

    A plan without a journal that this machine never saw start counts as not started; with ``lost``, so does one whose
    journal was lost.
    """
    if not was_started(loaded):
        if not lost and (elsewhere := started_elsewhere(loaded)) is not None:
            raise PlanElsewhere(
                f"this plan was started as {elsewhere}, and its journal is there",
                remedy="run the command with that path",
            )
        if not lost and was_started_here(loaded):
            raise missing(loaded)
        return _run(loaded, now(), (), lambda key: [], at_work=None)
    with SqliteJournal.reading(loaded, now=now) as journal:
        locked = journal.is_running()  # before the runs are read: one that ends meanwhile has said so by then
        runs = tuple(journal.runs())
        at_work = runs[-1].id if locked and runs and runs[-1].ended_at is None else None
        return _run(loaded, now(), runs, journal.entries_of, at_work)


def _run(
    loaded: LoadedPlan,
    at: datetime,
    runs: tuple[RunRecord, ...],
    entries_of: Callable[[str], list[Entry]],
    at_work: int | None,
) -> MigrationRun:
    """``at_work`` is the run that is at work now, if there is one."""
    plan = loaded.plan
    return MigrationRun(
        plan=str(loaded.path),
        checksum=loaded.checksum,
        kind=plan.kind,
        source=None if plan.source is None else f"{plan.source.connection} ({plan.source.provider})",
        target=f"{plan.target.connection} ({plan.target.provider})",
        at=at,
        is_running=at_work is not None,
        runs=runs,
        numbers=tuple(_number(loaded, number, entries_of(number.key), at_work) for number in plan.numbers),
    )


def _number(loaded: LoadedPlan, planned: PlannedNumber, entries: list[Entry], at_work: int | None) -> NumberRun:
    state = state_of(entries)
    shown = state.state
    awaited = bool(entries) and entries[-1].run == at_work and entries[-1].phase is Phase.INTENT
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
        inbound_uri=_last_inbound_uri(entries),
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
