"""Where a number stands, worked out from its lines in the journal and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from telephony_core.migration.journal.entries import Action, Entry, Phase


class MigrationState(StrEnum):
    """Where a number stands, in one word."""

    NOT_BEGUN = "not_begun"
    IN_DOUBT = "in_doubt"
    """Its import was not answered, and may still take effect; `apply` goes on looking for it."""
    BEGUN = "begun"
    """Made, and interrupted on its way; `apply` goes on with it."""
    NOT_IN_SERVICE = "not_in_service"
    """Made as planned, and pending, suspended or the like at the target; `apply` looks again."""
    FAILED = "failed"
    """Something went wrong; `apply` tries again from there."""
    ASKED = "asked"
    """Nobody can tell whether it was made; a person has to look."""
    MOVED = "moved"
    """Made at the target, read back, and equal."""
    RELEASED = "released"
    """Moved, and given up at the source."""
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class NumberState:
    """Everything that the journal knows of one number."""

    created: str | None = None
    """Id of the record that this migration made at the target."""
    adopted: bool = False
    """It was found after its answer was lost."""
    begun: int = 0
    """Place in the journal of the last import that was begun: rolling back goes the other way."""
    open_import: Entry | None = None
    """The intent of an import of which nothing more is known."""
    send_again: bool = False
    """The SIP settings of an adopted record still have to be sent again."""
    agents_assigned: bool = False
    moved: bool = False
    asked: bool = False
    problem: Entry | None = None
    """The last thing that went wrong, unless it was overcome."""
    last_seen: Entry | None = None
    """The last line that describes the target record as this migration left it."""
    verified_at: datetime | None = None
    """The last good verification, if nothing bad came after it."""
    verified_since: datetime | None = None
    """The first good verification since anything was written at the target or found different."""
    verified_since_there: datetime | None = None
    """The same moment by the target's own clock, where it told it."""
    last_at: datetime | None = None
    """The latest time of any line."""
    unverifiable: tuple[str, ...] = ()
    """Fields that the last good verification could not compare."""
    open_release: Entry | None = None
    released: Entry | None = None
    open_roll_back: Entry | None = None
    rolled_back: bool = False

    @property
    def state(self) -> MigrationState:
        if self.rolled_back:
            return MigrationState.ROLLED_BACK
        if self.released is not None:
            return MigrationState.RELEASED
        if self.moved:
            return MigrationState.MOVED
        if self.asked:
            return MigrationState.ASKED
        if self.open_import is not None:
            return MigrationState.IN_DOUBT
        if self.problem is not None:
            waits = self.problem.data.get("error") == "NotInService"
            return MigrationState.NOT_IN_SERVICE if waits else MigrationState.FAILED
        return MigrationState.BEGUN if self.touched else MigrationState.NOT_BEGUN

    @property
    def unanswered(self) -> Literal["release", "rollback"] | None:
        """The command of which a request was not answered; until it is run again, it may still take effect."""
        # With both open the release comes first: a rollback waits for it.
        if self.open_release is not None:
            return "release"
        return None if self.open_roll_back is None else "rollback"

    @property
    def in_doubt(self) -> bool:
        """Whether something was sent of which nobody can tell yet, or any more, whether it happened."""
        open_request = self.open_import or self.open_release or self.open_roll_back
        return open_request is not None or (self.problem is not None and self.problem.phase is Phase.UNKNOWN)

    @property
    def touched(self) -> bool:
        """Whether something may stand at the target because of this migration."""
        return not self.rolled_back and (self.created is not None or self.open_import is not None)


NOTHING_YET = NumberState()


def state_of(entries: Iterable[Entry]) -> NumberState:
    """The state that a number's lines add up to, oldest first."""
    state = NOTHING_YET
    for entry in entries:
        state = _after(state, entry)
        if entry.at is not None and (state.last_at is None or entry.at > state.last_at):
            state = replace(state, last_at=entry.at)
    return state


def _after(state: NumberState, entry: Entry) -> NumberState:
    if entry.phase in (Phase.FAILED, Phase.UNKNOWN):
        state = replace(state, problem=entry)
    match entry.action:
        case Action.CHECK:
            return state
        case Action.IMPORT:
            return _after_import(state, entry)
        case Action.SEND_AGAIN if entry.phase is Phase.DONE:
            return replace(_unverified(state), send_again=False, last_seen=entry, problem=None)
        case Action.ASSIGN_AGENTS if entry.phase is Phase.DONE:
            return replace(_unverified(state), agents_assigned=True, last_seen=entry, problem=None)
        case Action.READ_BACK if entry.phase is Phase.DONE:
            return replace(state, moved=True, last_seen=entry, problem=None)
        case Action.READ_BACK:
            return replace(_unverified(state), moved=False)
        case Action.VERIFY:
            return _after_verification(state, entry)
        case Action.RELEASE:
            return _after_release(state, entry)
        case Action.ROLL_BACK:
            return _after_roll_back(state, entry)
        case _:
            return state


def _after_import(state: NumberState, entry: Entry) -> NumberState:
    match entry.phase:
        case Phase.INTENT:
            return replace(state, begun=entry.seq, open_import=entry, asked=False, problem=None)
        case Phase.DONE:
            return replace(
                _unverified(state),
                created=entry.record,
                adopted=bool(entry.data.get("adopted")),
                send_again=bool(entry.data.get("send_again")),
                open_import=None,
                asked=False,
                problem=None,
                last_seen=entry,
            )
        case Phase.FAILED:
            return replace(state, open_import=None, asked=False)
        case Phase.UNKNOWN:
            return replace(state, asked=True)
        case Phase.LOOK:
            return state


def _after_verification(state: NumberState, entry: Entry) -> NumberState:
    if entry.phase is not Phase.DONE:
        return _unverified(state)
    unverifiable = entry.data.get("unverifiable")
    return replace(
        state,
        problem=None,
        verified_at=entry.at,
        verified_since=state.verified_since or entry.at,
        verified_since_there=state.verified_since_there if state.verified_since else _time_there(entry),
        unverifiable=tuple(str(name) for name in unverifiable) if isinstance(unverifiable, list) else (),
    )


def _time_there(entry: Entry) -> datetime | None:
    told = entry.data.get("time_at_target")
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def _unverified(state: NumberState) -> NumberState:
    """What was verified before counts no more."""
    return replace(state, verified_at=None, verified_since=None, verified_since_there=None, unverifiable=())


def _after_release(state: NumberState, entry: Entry) -> NumberState:
    match entry.phase:
        case Phase.INTENT:
            return replace(state, open_release=entry)
        case Phase.DONE:
            return replace(state, open_release=None, released=entry, problem=None)
        case Phase.FAILED:
            return replace(state, open_release=None)
        case _:
            return state


def _after_roll_back(state: NumberState, entry: Entry) -> NumberState:
    match entry.phase:
        case Phase.INTENT:
            return replace(state, open_roll_back=entry)
        case Phase.DONE:
            return NumberState(rolled_back=True)
        case Phase.FAILED:
            return replace(state, open_roll_back=None)
        case _:
            return state
