"""The state of one number, derived from its lines in the journal and from nothing else. This is its move or import; the
states of changed settings are drawn in `telephony_core.migration.changeset`.

    NOT_STARTED ──announced──> IN_DOUBT ──made, or found──> STARTED ──read back, equal──> MOVED ──released──> RELEASED
                                 │  │                         │  │                          │
                         refused │  │ perhaps somebody        │  │ not active yet           │ found there twice
                                 v  v else's record           │  v                          v
                            FAILED  NEEDS_ACTION              │  NOT_IN_SERVICE           FAILED
                                                              v differs, or an error
                                                            FAILED

    ROLLED_BACK: by a rollback, from every state in which something is, or may be, at the target

`apply` goes on from every state but MOVED, RELEASED and ROLLED_BACK. A release or a rollback whose answer was lost does
not change the state: it is kept beside it (`NumberState.unanswered`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from telephony_core.migration.journal.entries import Action, Entry, Phase


class MigrationState(StrEnum):
    """How far the move of a number is."""

    NOT_STARTED = "not_started"
    IN_DOUBT = "in_doubt"
    """Its import was not answered, and may still take effect; `apply` goes on looking for it."""
    STARTED = "started"
    """Made at the target, and not read back yet; `apply` goes on with it."""
    NOT_IN_SERVICE = "not_in_service"
    """Made as planned, and pending, suspended or the like at the target; `apply` looks again."""
    FAILED = "failed"
    """Something went wrong; `apply` tries again from there."""
    NEEDS_ACTION = "needs_action"
    """Whether it was made cannot be decided from here; a person has to look."""
    MOVED = "moved"
    """Made at the target, read back, and equal."""
    IMPORTED = "imported"
    """The same, of a number from a table: there is no source."""
    CHANGED = "changed"
    """Its settings were changed, read back, and are equal."""
    RELEASED = "released"
    """Moved, and released at the source."""
    ROLLED_BACK = "rolled_back"
    """Released at the target; only a new plan moves it again."""


DONE: Final = (MigrationState.MOVED, MigrationState.IMPORTED, MigrationState.CHANGED)
"""States in which everything that `apply` does is done and stands."""
FINISHED: Final = (*DONE, MigrationState.RELEASED, MigrationState.ROLLED_BACK)
"""States in which `apply` has nothing to do."""


@dataclass(frozen=True, slots=True)
class NumberState:
    """Everything that the journal knows of one number."""

    created: str | None = None
    """Id of the record that this migration made at the target."""
    adopted: bool = False
    """It was found after its answer was lost."""
    imported_at_line: int = 0
    """Line of the journal that announced the last import: rolling back goes the other way."""
    open_import: Entry | None = None
    """The intent of an import of which nothing more is known."""
    send_again: bool = False
    """The SIP settings of an adopted record still have to be sent again."""
    agents_assigned: bool = False
    changed: tuple[Action, ...] = ()
    """Settings that were changed, each by its action, in their order."""
    open_change: Entry | None = None
    """The intent of a change of settings of which nothing more is known."""
    sent_again: Entry | None = None
    """The last intent of a change that was sent again because an earlier request of it was not answered: that one may
    take effect after anything that is written later."""
    restored: tuple[Action, ...] = ()
    """Of these, what a rollback has set back."""
    done: MigrationState | None = None
    """What `apply` made of it when it read it back, and it was equal."""
    needs_action: bool = False
    problem: Entry | None = None
    """The last thing that went wrong, unless it was overcome."""
    last_seen: Entry | None = None
    """The last line that describes the target record as this migration left it."""
    verified_at: datetime | None = None
    """The last good verification, if nothing bad came after it."""
    verified_since: datetime | None = None
    """The first good verification since anything was written at the target or found different."""
    verified_since_there: datetime | None = None
    """The same moment by the target's own clock, where its answers show it."""
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
        if self.done is not None:
            return self.done
        if self.needs_action:
            return MigrationState.NEEDS_ACTION
        if self.open_import is not None or self.open_change is not None:
            return MigrationState.IN_DOUBT
        if self.problem is not None:
            # Reading back fails for a difference and for a record that is not served yet. Only the class of the error,
            # which the line keeps, tells the two apart: journals have no phase for it.
            waits = self.problem.data.get("error") == "NotInService"
            return MigrationState.NOT_IN_SERVICE if waits else MigrationState.FAILED
        return MigrationState.STARTED if self.touched else MigrationState.NOT_STARTED

    @property
    def unanswered(self) -> Literal["release", "rollback"] | None:
        """The command that is to be run again: a request of it was not answered, or it was cut short."""
        # With both open the release comes first: a rollback waits for it.
        if self.open_release is not None:
            return "release"
        return "rollback" if self.open_roll_back is not None or self.restored else None

    @property
    def open_request(self) -> Entry | None:
        """The line that announced a request of which no answer is known."""
        return self.open_import or self.open_change or self.open_release or self.open_roll_back

    @property
    def in_doubt(self) -> bool:
        """Whether something was sent of which it is not known yet, or never will be, whether it happened."""
        return self.open_request is not None or (self.problem is not None and self.problem.phase is Phase.UNKNOWN)

    @property
    def touched(self) -> bool:
        """Whether something may be at the target because of this plan: a record, or a setting."""
        # An import without an answer counts: its record may be there, or still come.
        mine = (self.created, self.open_import, self.open_change)
        return not self.rolled_back and (bool(self.changed) or any(each is not None for each in mine))


def state_of(entries: Iterable[Entry]) -> NumberState:
    """The state that a number's lines add up to, oldest first."""
    state, times = NumberState(), list[datetime]()
    for entry in entries:
        state = _after(state, entry)
        if entry.at is not None:
            times.append(entry.at)
    # The latest time, not that of the last line: a clock that was set back between two lines is noticed by it.
    return replace(state, last_at=max(times, default=None))


def _after(state: NumberState, entry: Entry) -> NumberState:
    if entry.phase in (Phase.FAILED, Phase.UNKNOWN):
        state = replace(state, problem=entry)
    match entry.action, entry.phase:
        case Action.IMPORT, _:
            return _after_import(state, entry)
        case Action.SEND_AGAIN, Phase.DONE:
            return replace(_unverified(state), send_again=False, last_seen=entry, problem=None)
        case Action.ASSIGN_AGENTS, Phase.DONE:
            return replace(_unverified(state), agents_assigned=True, last_seen=entry, problem=None)
        case Action.READ_BACK, Phase.DONE:
            # Lines of a migration do not say what it is: they were written before there was any other kind of plan.
            done = MigrationState(str(entry.data.get("done", MigrationState.MOVED)))
            return replace(state, done=done, last_seen=entry, problem=None)
        # Also of a number that was moved: a second live record of it may be found at the end of the run.
        case Action.READ_BACK, _:
            return replace(_unverified(state), done=None)
        case Action.SET_LABEL | Action.SET_SIP | Action.SET_AGENTS, _:
            return _after_change(state, entry)
        case Action.RESTORE, Phase.DONE:
            # All settings are set back under one action of the journal, so the line says which one this was.
            restored = (*state.restored, Action(str(entry.data["action"])))
            return replace(
                _unverified(state), restored=restored, done=None, open_roll_back=None, last_seen=entry, problem=None
            )
        case Action.VERIFY, Phase.DONE:
            return _verified(state, entry)
        case Action.VERIFY, _:
            return _unverified(state)
        case Action.RELEASE, Phase.INTENT:
            return replace(state, open_release=entry)
        case Action.RELEASE, Phase.DONE:
            return replace(state, open_release=None, released=entry, problem=None)
        # Only a line that says what became of it closes a release. A look, or an outcome that is unknown, leaves it
        # open: its request may still take effect.
        case Action.RELEASE, Phase.FAILED:
            return replace(state, open_release=None)
        case Action.ROLL_BACK, Phase.INTENT:
            return replace(state, open_roll_back=entry)
        case Action.ROLL_BACK, Phase.DONE:
            # Everything else was about a record that is gone.
            return NumberState(rolled_back=True)
        case Action.ROLL_BACK, Phase.FAILED:
            return replace(state, open_roll_back=None)
        case _:
            return state


def _after_change(state: NumberState, entry: Entry) -> NumberState:
    match entry.phase:
        case Phase.INTENT:
            # What must not be repeated is announced again, by the flow that had sent something else before.
            again = entry if state.open_change is not None else state.sent_again
            return replace(_unverified(state), open_change=entry, sent_again=again, needs_action=False, problem=None)
        case Phase.DONE:
            # The order counts: a rollback sets the last one back first. So one that was sent once more moves to the
            # end.
            changed = (*(each for each in state.changed if each is not entry.action), entry.action)
            return replace(state, changed=changed, open_change=None, needs_action=False, last_seen=entry, problem=None)
        case Phase.FAILED:
            return replace(state, open_change=None, needs_action=False)
        case Phase.UNKNOWN:
            # Without an answer it can be sent again, unless it must not happen twice: then a person has to look.
            return replace(state, needs_action=bool(entry.data.get("person")))
        case Phase.LOOK:
            return state


def _after_import(state: NumberState, entry: Entry) -> NumberState:
    match entry.phase:
        case Phase.INTENT:
            return replace(state, imported_at_line=entry.seq, open_import=entry, needs_action=False, problem=None)
        case Phase.DONE:
            made = replace(_unverified(state), open_import=None, needs_action=False, problem=None, last_seen=entry)
            adopted, send_again = bool(entry.data.get("adopted")), bool(entry.data.get("send_again"))
            return replace(made, created=entry.record, adopted=adopted, send_again=send_again)
        case Phase.FAILED:
            return replace(state, open_import=None, needs_action=False)
        case Phase.UNKNOWN:
            # The import stays open: the record that a person decides about may be its own.
            return replace(state, needs_action=True)
        case Phase.LOOK:
            return state


def _verified(state: NumberState, entry: Entry) -> NumberState:
    unverifiable = entry.data.get("unverifiable")
    there = entry.data.get("time_at_target")
    time_there = datetime.fromisoformat(there) if isinstance(there, str) else None
    return replace(
        state,
        problem=None,
        verified_at=entry.at,
        # The soak counts from the first good verification. Each further one would begin it anew.
        verified_since=state.verified_since or entry.at,
        # Also where it is unknown: of another moment than `verified_since` it would count another span.
        verified_since_there=state.verified_since_there if state.verified_since else time_there,
        unverifiable=tuple(str(name) for name in unverifiable) if isinstance(unverifiable, list) else (),
    )


def _unverified(state: NumberState) -> NumberState:
    """An earlier verification does not count any more."""
    return replace(state, verified_at=None, verified_since=None, verified_since_there=None, unverifiable=())
