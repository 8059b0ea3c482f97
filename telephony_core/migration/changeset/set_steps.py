"""The settings of one number, from whatever its journal says to changed, read back and equal; and back again.

    read ──> as it was shown? ──> claim ──> label ──> trunk ──> agents ──> read back
                                              │ answer lost
                                              ├─ may be sent twice ──> after the time-out, send it again
                                              └─ must not be ────────> look until the window is over ──> found, or
                                                                                                    a person decides

Both procedures can be resumed at any point. Nothing in here can import or release a number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain, repeat

from pydantic import JsonValue

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, OutcomeUnknown, PartialOutcome, TelephonyError, UnsupportedError
from telephony_core.errors.migration import ManualActionRequired, StalePlan, VerificationFailed
from telephony_core.migration.changeset.settings import (
    ACTIONS,
    OPERATIONS,
    SettingsChange,
    action_of,
    change_from,
    change_of,
    restorable,
    send,
    settings_of,
    wanted_by,
)
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.inventory.staleness import TIMES, changed_since, snapshot, stale_fields
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Announcement,
    Claim,
    MigrationTask,
    Now,
    Procedure,
    ResolvedCredentials,
    ResolveSecrets,
    RunFlow,
    StepFailed,
    Wait,
    perform,
)
from telephony_core.migration.move.state import FINISHED, MigrationState, NumberState
from telephony_core.migration.move.steps import FIRST_LOOKS, LONGEST_PAUSE, MOST_TRIES, PAUSES, current
from telephony_core.migration.plan.model import EndpointRole, StepKind
from telephony_core.migration.plan.verification import (
    VerificationResult,
    desired_settings,
    verify_settings,
    which,
)
from telephony_core.operations.reconciliation import differences, sends_unreadable
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import SipUpdate
from telephony_core.provider.flow import Semantics


def change_settings(task: MigrationTask, state: NumberState, shared_with: str | None) -> Procedure[None]:
    """Change the settings of one number. Returns when they are read back and equal; raises why they are not.

    ``shared_with`` is another number of the plan over whose trunk it runs, and whose trunk was changed already.
    """
    if state.state in FINISHED:
        return
    # A part of it may be back as it was. Changing that again would undo what a person has just asked for.
    if state.restored or state.open_roll_back is not None:
        raise StalePlan(
            f"a rollback of {task.key} has begun, so nothing of it is changed any more",
            remedy=f"finish it with `{task.command('rollback')}`, then make a new plan",
        )
    record = yield from current(task, EndpointRole.TARGET, task.number.record.id)
    changed = changed_by_others(task, state, record, shared=shared_with is not None)
    if record is None or changed:
        raise StalePlan(
            f"{task.key} has changed since it was shown: {'; '.join(map(str, changed))}",
            remedy=restore_or_plan_anew(task, state),
        )
    yield from perform(Claim(task.key, task.identity, goes_on=state.touched))
    credentials = ResolvedCredentials()
    if task.trunk is not None and task.trunk.auth != "none" and Action.SET_SIP not in state.changed:
        credentials = yield from perform(ResolveSecrets(task.trunk))
    # The last one reads back.
    for step in task.number.steps[:-1]:
        action = ACTIONS[step.kind]
        if action in state.changed:
            continue
        expected = wanted_by(task.number.desired, action)
        as_wanted = not differences(expected, record, task.capabilities)
        if action is Action.SET_SIP and shared_with is not None and as_wanted:
            note = f"its trunk is the one of {shared_with}, and was changed there"
            yield from task.write(Action.CHECK, Phase.LOOK, note, record=record.id)
            continue
        change = change_of(task.number.desired, action, record, credentials)
        if credentials.username is not None and action is Action.SET_SIP:
            # Known only now, where the plan has a reference: it tells whether a write that was not answered has
            # happened.
            expected[Setting.USERNAME] = credentials.username
        opened = state.open_change if state.open_change is not None and state.open_change.action is action else None
        record = yield from _write(task, _Write(action, change, expected, _told(task, action)), record, opened)
    yield from _read_back(task, credentials)


def _told(task: MigrationTask, action: Action) -> bool:
    """Whether a read tells what was wanted from what was there before."""
    return bool(differences(wanted_by(task.number.desired, action), task.number.record, task.capabilities))


def restore_or_plan_anew(task: MigrationTask, state: NumberState) -> str | None:
    """What to do about a number that somebody else changed, where the plan has begun with it."""
    if not state.touched:
        return None
    return (
        f"set it right again and run the same command; or set back what this plan changed, `{task.command('rollback')}`"
        ", and make a new plan, under another name"
    )


def changes_trunk(task: MigrationTask) -> bool:
    """Whether the plan changes the trunk of a number."""
    return any(step.kind is StepKind.UPDATE_SIP for step in task.number.steps)


# -- is it as it was shown, but for what this plan did?


def changed_by_others(
    task: MigrationTask, state: NumberState, record: PhoneNumber | None, *, shared: bool
) -> tuple[FieldDrift, ...]:
    """What is not as the plan read it, nor as the plan itself made it.

    What was announced may be as it was or as it was wanted. Where the last write is answered, what the record showed
    then counts as well: a provider may change more than it was told to. ``shared``: the trunk was changed by way of
    another number.
    """
    planned = task.number.record
    drift = stale_fields(planned, record, task.capabilities)
    if record is None:
        return drift
    seen = None if state.last_seen is None else state.last_seen.data.get("seen")
    is_open = state.open_change is not None or state.open_roll_back is not None
    announced = set(state.changed) | ({state.open_change.action} if state.open_change is not None else set())
    # Another trunk may be that of numbers that nobody chose. Our own change of it may lead to another one.
    if changes_trunk(task) and Action.SET_SIP not in announced and planned.trunk_ids != record.trunk_ids:
        before, after = (value_text(one.trunk_ids or None) for one in (planned, record))
        drift += (FieldDrift(field="trunk", before=before, after=after),)
    announced |= {Action.SET_SIP} if shared else set()
    wanted = desired_settings(task.number.desired)
    different = set(differences(wanted, record, task.capabilities))
    mine = {name for name in wanted if name not in different and action_of(name) in announced}
    if isinstance(seen, dict) and not is_open and not shared:
        since = changed_since(seen, record, task.capabilities)
        odd = {change.field for change in drift if change.field not in mine} | {*TIMES}
        moved = tuple(change for change in drift if change.field in ("number", "trunk"))
        return (*moved, *(change for change in since if change.field in odd))
    if task.trunk is not None and task.trunk.username is not None and Action.SET_SIP in announced:
        mine.add(Setting.USERNAME)  # where it came from a reference it is not known here
    # Our own write moves it.
    mine |= {"updated_at"} if announced else set()
    return tuple(change for change in drift if change.field not in mine)


# -- one write


@dataclass(frozen=True, slots=True)
class _Write:
    """One change of one record, and how it can be told whether it happened."""

    action: Action
    change: SettingsChange
    expected: Mapping[str, object]
    told: bool
    """Whether a read tells it from what was there before."""
    restores: bool = False
    """Whether it sets back what this plan changed."""

    def happened(self, task: MigrationTask, record: PhoneNumber) -> bool:
        """Whether a record shows that it was written: it is as wanted, and was not before."""
        return self.told and not differences(self.expected, record, task.capabilities)

    def hides(self, task: MigrationTask) -> bool:
        """Whether it writes what no read shows."""
        return isinstance(self.change, SipUpdate) and sends_unreadable(self.change, task.capabilities)

    @property
    def _data(self) -> dict[str, JsonValue]:
        return {"action": self.action.value} if self.restores else {}

    @property
    def announced_as(self) -> Action:
        """The action under which the journal has its request, and what went wrong with it."""
        return Action.ROLL_BACK if self.restores else self.action

    def announced(self, task: MigrationTask, record: PhoneNumber) -> Entry:
        return Entry(task.key, self.announced_as, Phase.INTENT, record.id, data=self._data)

    def done(self, task: MigrationTask, record: PhoneNumber, message: str = "") -> Procedure[PhoneNumber]:
        data: dict[str, JsonValue] = {"seen": snapshot(record, task.capabilities), **self._data}
        action = Action.RESTORE if self.restores else self.action
        yield from task.write(action, Phase.DONE, message, record=record.id, data=data)
        return record

    def phase_line(self, task: MigrationTask, phase: Phase, message: str, **data: JsonValue) -> Procedure[None]:
        yield from task.write(self.announced_as, phase, message, record=task.number.record.id, data=data)

    def failed(self, error: TelephonyError) -> StepFailed:
        return StepFailed(self.announced_as, error)


FOUND = "its answer was lost, and the record is as planned"


def _write(task: MigrationTask, write: _Write, record: PhoneNumber, opened: Entry | None) -> Procedure[PhoneNumber]:
    """Send one change until it is answered, or find out whether an unanswered one happened. Returns the record.

    ``opened`` is the line of an earlier run that announced it, and of which nothing more is known.
    """
    if opened is not None:
        # Not even where the record shows nothing of it: it may still take effect, and then there would be two.
        if opened.data.get("semantics") == Semantics.ONCE.value:
            return (yield from _await(task, write, opened))
        # A password beside it that no read shows may be the old one, so such a write is sent once more.
        if write.happened(task, record) and not write.hides(task):
            return (yield from write.done(task, record, FOUND))
    lost = opened is not None
    tries = 0
    while True:
        tries += 1
        announcement = Announcement(write.announced(task, record))
        flow = RunFlow(
            EndpointRole.TARGET,
            OPERATIONS[write.action],
            lambda operations: send(operations, write.change),
            announcement,
        )
        try:
            return (yield from write.done(task, (yield from perform(flow))))
        except PartialOutcome as partial:  # it was accepted; whether it is as wanted, reading it back tells
            if partial.number is None:
                raise write.failed(partial) from None
            return (yield from write.done(task, partial.number, partial.cli_text))
        except TelephonyError as error:
            # Refused before anything was sent.
            if announcement.sent is None and not lost:
                raise
            if announcement.sent is Semantics.ONCE and isinstance(error, OutcomeUnknown):
                return (yield from _await(task, write, None))
            # One lost answer is enough: what is refused now says nothing about the request before.
            lost = lost or isinstance(error, OutcomeUnknown)
            if not lost:
                raise write.failed(error) from None
            if not isinstance(error, OutcomeUnknown) or tries == MOST_TRIES:
                raise write.failed(_unanswered(task, error)) from None
        yield from write.phase_line(task, Phase.LOOK, "its answer was lost; sending it again after the time-out")
        yield from perform(Wait(task.settings.timeout, f"a request for {task.key} may still be under way"))


def _unanswered(task: MigrationTask, error: TelephonyError) -> TelephonyError:
    """The error of a change of which an earlier request was not answered: that one may have happened all the same."""
    return OutcomeUnknown(
        f"a change of {task.key} was not answered, and then: {error.message}",
        remedy="run the same command again once the provider answers; it reads the number first",
        status=error.status,
        code=error.code,
    )


def _await(task: MigrationTask, write: _Write, announced: Entry | None) -> Procedure[PhoneNumber]:
    """The record, once it shows a change that was not answered and must not be sent again.

    Raises `InDoubt` when the run is asked to stop before the window is over, and `ManualActionRequired` after it.
    """
    doubt = yield from task.doubt_of(announced, EndpointRole.TARGET)
    for pause in chain(FIRST_LOOKS, repeat(LONGEST_PAUSE)):
        now = yield from perform(Now())
        record = yield from current(task, EndpointRole.TARGET, task.number.record.id)
        if record is not None and write.happened(task, record):
            return (yield from write.done(task, record, FOUND))
        # `now` is from before the look, so this one was started behind the end of the window.
        if now >= doubt.until:
            break
        yield from write.phase_line(task, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
        # A moment longer, so that the last look is started after the end and not at it.
        left = (doubt.until - now).total_seconds() + 0.001
        why = f"a change of {task.key} may still take effect"
        if not (yield from perform(Wait(min(pause, left), why, idle=True, doubted=task.key))):
            raise doubt.error(task.key, "change")
    error = ManualActionRequired(
        f"whether the change of {task.key} was made is not known: it was not answered, its record does not show it, "
        "and it must not be sent twice",
        remedy="look at the provider whether it was; then make a new plan, under another name, for what is missing",
    )
    yield from write.phase_line(task, Phase.UNKNOWN, error.cli_text, person=True)
    raise error


# -- reading back


def _read_back(task: MigrationTask, credentials: ResolvedCredentials) -> Procedure[None]:
    """Read the record and compare every setting that was changed. A list or a reader that lags is waited for."""
    number, id = task.number, task.number.record.id
    for pause in (*PAUSES, None):
        record = yield from current(task, EndpointRole.TARGET, id)
        if record is None or not record.identity.same_in_account(task.identity):
            gone = VerificationFailed(
                f"the record {id} of {task.key} is not there any more, or of another number",
                remedy="find out at the provider who changed it; nothing of it can be set back from here",
            )
            raise StepFailed(Action.READ_BACK, gone)
        found = verify_settings(number.desired, task.trunk, record, task.capabilities, username=credentials.username)
        wrong = [field for field in found if field.result is VerificationResult.DIFFERS]
        if not wrong:
            data: dict[str, JsonValue] = {
                "seen": snapshot(record, task.capabilities),
                "unverifiable": [*which(found, VerificationResult.UNVERIFIABLE)],
                "done": MigrationState.CHANGED.value,
            }
            yield from task.write(Action.READ_BACK, Phase.DONE, record=id, data=data)
            return
        if pause is None:
            different = VerificationFailed(
                f"{task.key} was changed, and: {'; '.join(map(str, wrong))}",
                remedy="compare at the provider; correct it there and run the same command again, or set it back with "
                f"`{task.command('rollback')}`",
            )
            raise StepFailed(Action.READ_BACK, different)
        yield from perform(Wait(pause, f"{task.key} was changed and does not show it yet"))


# -- back as it was


def written(state: NumberState) -> tuple[Action, ...]:
    """What was written, or may have been, and was not set back: in the order in which it is."""
    opened = () if state.open_change is None else (state.open_change.action,)
    return tuple(action for action in reversed((*state.changed, *opened)) if action not in state.restored)


def what_is_restored(
    task: MigrationTask, state: NumberState
) -> tuple[dict[Action, dict[str, object]], dict[Setting, str]]:
    """The values that a rollback sets back, by the action that wrote them, and why others cannot be."""
    values: dict[Action, dict[str, object]] = {}
    why: dict[Setting, str] = {}
    for action in written(state):
        names = settings_of(task.number.desired, task.trunk, action)
        values[action], reasons = restorable(task.number.record, names, task.capabilities)
        why |= reasons
    return values, why


def restore_settings(
    task: MigrationTask, state: NumberState, record: PhoneNumber, *, allow: Collection[SideEffect]
) -> Procedure[None]:
    """Set back what can be of a record that is as this plan left it, one write after the other, and compare it."""
    values, why = what_is_restored(task, state)
    lost = {*why}
    last: TelephonyError | None = None
    for action, expected in list(values.items()):
        if not expected:
            continue
        opened = state.open_roll_back
        mine = opened if opened is not None and opened.data.get("action") == action.value else None
        if mine is None and action not in state.changed and not differences(expected, record, task.capabilities):
            continue  # the change that was announced did not happen
        try:
            change = change_from(expected, action, record, allow_any=True, allow=frozenset(allow))
            write = _Write(action, change, expected, _told(task, action), restores=True)
            record = yield from _write(task, write, record, mine)
        except (InvalidInput, UnsupportedError) as refused:  # no provider, or not this one, takes it: nothing was sent
            lost |= {*map(Setting, expected)}
            values[action] = {}
            last = refused
    if last is not None and not any(values.values()) and not state.restored:
        raise last
    unequal = [name for expected in values.values() for name in differences(expected, record, task.capabilities)]
    if unequal:
        different = VerificationFailed(
            f"{task.key} was set back, and {', '.join(unequal)} came back different",
            remedy="compare at the provider, and correct it there",
        )
        raise StepFailed(Action.CHECK, different)
    back = ", ".join(str(name) for expected in values.values() for name in expected) or "nothing"
    message = f"set back: {back}" + (f"; not: {', '.join(sorted(lost))}" if lost else "")
    # The same change was on its way twice. The first request, which nobody answered, may arrive after everything that
    # was sent later.
    if state.sent_again is not None:
        doubt = yield from task.doubt_of(state.sent_again, EndpointRole.TARGET)
        if (yield from perform(Now())) < doubt.until:
            message += (
                f"; a request that changed it was not answered and may still take effect ({doubt}): look again then"
            )
    yield from task.write(Action.ROLL_BACK, Phase.DONE, message, record=task.number.record.id)
