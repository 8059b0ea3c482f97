"""Release one record, at the source or at the target: what `release` and `rollback` do with each number.

    journal ──> both endpoints read anew ──> evidence ──> rule agrees ──> confirmed ──> intent ──> released
                        │                                     │               │                       │
                        │ an earlier request was not answered │ rule objects  │ not shown             │ answer lost
                        └─> record gone: it was released      └─> left alone  └─> left alone          └─> in doubt
                            still there: in doubt, or failed

Nothing else in this package can release a number. A `Rule` says which records a command releases and what has to be
true of both endpoints before it does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import JsonValue

from telephony_core.domain.lifecycle import NumberStatus, Release, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError, NotFound, TelephonyError
from telephony_core.migration.deprovision.forecast import Forecast, Others, agent_ids, forecast
from telephony_core.migration.deprovision.report import ShownRecord
from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.inventory.staleness import is_released, status_text
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Announcement,
    Lookup,
    MigrationTask,
    Now,
    Procedure,
    ProviderNow,
    RunFlow,
    StepFailed,
    perform,
)
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.steps import current, live_ids
from telephony_core.migration.plan.model import EndpointRole, PlanKind
from telephony_core.provider.changes import NumberRelease

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

LOST_ANSWER: Final = "released; the answer to it was lost"


class NotShown(MigrationError):
    """The record was not among those that were shown and confirmed, so it is not released."""

    default_remedy: ClassVar[str | None] = "run the same command again, which shows it first"


class ModifiedExternally(MigrationError):
    """A record is not as this plan left it, so somebody else has to do with it. It is left as it is."""

    default_remedy: ClassVar[str | None] = "ask who changed it; if it is to go, release it in the provider's dashboard"


@dataclass(frozen=True, slots=True)
class Unpublished:
    """Agents that this migration itself may have unpublished, by releasing other numbers at either endpoint."""

    at_source: frozenset[str] = frozenset()
    at_target: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both endpoints show of one number, read right before anything is released at either.

    A read by id is not enough. The record may be of another number by now, may have been made again under its id, or
    may be read as missing by a server that lags behind its own list.
    """

    source: PhoneNumber | None
    """The planned record; ``None`` when it is gone, from reading and from listing."""
    target: PhoneNumber | None
    """The record that this migration made, likewise."""
    live_at_target: tuple[str, ...] = ()
    """Ids of all live records of the number at the target, from a listing; none where that was not asked for."""
    unpublished: Unpublished = Unpublished()

    def at(self, role: EndpointRole) -> PhoneNumber | None:
        return self.source if role is EndpointRole.SOURCE else self.target


@dataclass(frozen=True, slots=True)
class Granted:
    """What was confirmed and allowed, and what this migration itself did until then."""

    confirmed: frozenset[ShownRecord] = frozenset()
    effects: frozenset[SideEffect] = frozenset()
    """Side effects that this release has, and that were allowed by name."""
    unpublished: Unpublished = Unpublished()


class Rule(ABC):
    """Which records a command releases, and what has to be true of both endpoints before it does."""

    command: ClassVar[str]
    action: ClassVar[Action]
    role: ClassVar[EndpointRole]
    """Where its records are."""
    verb: ClassVar[str] = "release"
    """What becomes of them, in words: this, and `done`."""
    done: ClassVar[str] = "released"

    @abstractmethod
    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        """The numbers that it is about, in the order in which they are released."""

    @abstractmethod
    def objection(self, task: MigrationTask, state: NumberState, evidence: Evidence) -> MigrationError | None:
        """Why the two endpoints do not allow it; ``None`` when they do."""

    @abstractmethod
    def cannot_be_undone(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> tuple[str, ...]:
        """In words: what will not be as it was before."""

    @abstractmethod
    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        """The target record, where the journal does not know it; ``None`` when there is none, which is written down."""

    def obstacle(
        self, task: MigrationTask, state: NumberState, now: datetime, there: datetime | None
    ) -> MigrationError | None:
        """Why the journal does not allow it; ``there`` is the time by the target's clock, where it shows one."""
        return None

    def found(self, task: MigrationTask, state: NumberState, listed: Collection[PhoneNumber]) -> PhoneNumber | None:
        """The record that an import made whose answer was lost, as a listing shows it."""
        return None

    def unknown(self, task: MigrationTask, state: NumberState, live: tuple[str, ...]) -> MigrationError | None:
        """What is wrong with a number that is no candidate; ``live`` are its records at the target."""
        return None

    def target_id(self, task: MigrationTask, state: NumberState) -> str | None:
        """The target record, as far as the journal and the plan know it."""
        return state.created

    def forecast(
        self, client: AsyncTelephony, task: MigrationTask, state: NumberState, record: PhoneNumber, others: Others
    ) -> Forecast:
        """What it will do with one record."""
        return forecast(client, task.key, record, *others)

    def procedure(self, task: MigrationTask, state: NumberState, granted: Granted) -> Procedure[None]:
        """What is done with one number."""
        return deprovision(task, state, self, granted)

    def record_id(self, task: MigrationTask, target_id: str) -> str:
        return task.number.record.id if self.role is EndpointRole.SOURCE else target_id

    @property
    def other_action(self) -> Action:
        """What the other command does, at the other endpoint."""
        return Action.ROLL_BACK if self.action is Action.RELEASE else Action.RELEASE


def unanswered(state: NumberState, action: Action) -> Entry | None:
    """The intent of an earlier run of a command that was not answered."""
    return state.open_release if action is Action.RELEASE else state.open_roll_back


def deprovision(task: MigrationTask, state: NumberState, rule: Rule, granted: Granted) -> Procedure[None]:
    """Release one record, after reading both endpoints anew; or find out the result of an unanswered request."""
    now = yield from perform(Now())
    target_id = state.created or (yield from rule.find(task, state))
    if target_id is None:
        return
    evidence = yield from _gather(task, target_id, rule, granted)
    # The other command may still release at the other endpoint what this one relies on.
    if (other := unanswered(state, rule.other_action)) is not None:
        yield from _reconcile(task, rule.other_action, other, rule.role.other, evidence, now)
    mine = evidence.at(rule.role)
    earlier = unanswered(state, rule.action)
    # Before the rule is asked: it may object to the other end by now, and what this command did has to be written down
    # all the same.
    if earlier is not None and is_released(mine):
        yield from task.write(rule.action, Phase.DONE, LOST_ANSWER, record=rule.record_id(task, target_id))
        return
    there = yield from perform(ProviderNow(EndpointRole.TARGET))
    error = rule.obstacle(task, state, now, there) or rule.objection(task, state, evidence)
    if error is None and mine is not None and not is_released(mine):
        # By the record's id, not the number alone: another record of the number may have come since it was shown.
        if (task.key, mine.id) in granted.confirmed:
            yield from _release(task, rule.role, rule.action, mine, granted.effects)
            return
        error = NotShown(f"{task.key} ({mine.id}) was not among the records that were shown")
    if error is None:
        yield from task.write(rule.action, Phase.DONE, "it was removed already", record=rule.record_id(task, target_id))
        return
    # The record is still there. While the earlier request may take effect that is all there is to say; after its window
    # the rule's reason counts.
    if earlier is not None:
        yield from _reconcile(task, rule.action, earlier, rule.role, evidence, now)
    raise error


def _gather(task: MigrationTask, target_id: str, rule: Rule, granted: Granted) -> Procedure[Evidence]:
    """Read both endpoints anew, and list the target where it has to be known what else is there."""
    source = None
    if task.kind is PlanKind.MIGRATE:
        source = yield from current(task, EndpointRole.SOURCE, task.number.record.id)
    target = yield from current(task, EndpointRole.TARGET, target_id)
    listed: tuple[PhoneNumber, ...] = ()
    if rule.role is EndpointRole.SOURCE or is_released(target):  # what is gone may be there under another id
        listed = yield from perform(Lookup(EndpointRole.TARGET, task.identity, target_id, fresh=True))
    return Evidence(source, target, live_ids(task, listed), granted.unpublished)


def _reconcile(
    task: MigrationTask, action: Action, announced: Entry, role: EndpointRole, evidence: Evidence, now: datetime
) -> Procedure[None]:
    """Find out, without sending anything, the result of a request that was not answered.

    A record that is still there proves nothing while the request may take effect: then `InDoubt` is raised.
    """
    if is_released(evidence.at(role)):
        yield from task.write(action, Phase.DONE, LOST_ANSWER, record=announced.record)
        return
    doubt = yield from task.doubt_of(announced, role)
    if now < doubt.until:
        message = f"it is still there; in doubt {doubt}"
        yield from task.write(action, Phase.LOOK, message, record=announced.record)
        raise doubt.error(task.key, action)
    message = "still there after the whole settling window, so it was not released"
    yield from task.write(action, Phase.FAILED, message, record=announced.record)


def _release(
    task: MigrationTask, role: EndpointRole, action: Action, record: PhoneNumber, allow: frozenset[SideEffect]
) -> Procedure[None]:
    """Release one record, with a line in the journal before and after."""
    # Written down before it happens: a record of another number that loses its agent by this was changed by nobody
    # else.
    agents = sorted(agent_ids(record)) if SideEffect.UNPUBLISHES in allow else []
    announcement = Announcement(Entry(task.key, action, Phase.INTENT, record.id, data={"agents": [*agents]}))
    change = NumberRelease(record, allow)
    now = yield from perform(Now())
    send = RunFlow(role, "release", lambda operations: operations.release(change), announcement)
    try:
        release = yield from perform(send)
    except NotFound:  # a listing does not show it either: this request released it, or somebody just before
        yield from task.write(
            action, Phase.DONE, "it was removed: neither its id nor a list shows it", record=record.id
        )
        return
    except TelephonyError as error:
        if announcement.sent is None:
            raise
        raise StepFailed(action, error) from None
    if release.status is NumberStatus.UNKNOWN:  # accepted, and a look still shows it as it was
        doubt = task.doubt(None, now, role, None)
        message = f"accepted, and it is still there; in doubt {doubt}"
        yield from task.write(action, Phase.LOOK, message, record=record.id)
        raise doubt.error(task.key, action)
    data: dict[str, JsonValue] = {
        "status": release.status.value,
        "takes_effect_at": release.takes_effect_at.isoformat() if release.takes_effect_at else None,
        "revocable": release.revocable,
    }
    yield from task.write(action, Phase.DONE, _result(release), record=record.id, data=data)


def _result(release: Release) -> str:
    if release.status is NumberStatus.RELEASED:
        return "released"
    if release.takes_effect_at is not None:
        return f"works until {clock_text(release.takes_effect_at)}"
    return "release scheduled; the provider does not say until when it works"


def why_source_does_not_serve(task: MigrationTask, now: PhoneNumber | None, unpublished: Collection[str]) -> str | None:
    """Why calls to the number do not reach the source as the plan read it; ``None`` when they do.

    ``unpublished`` are agents of the source that this migration itself unpublished, by releasing other numbers.
    """
    planned = task.number.record
    if now is None:
        return "it was removed there"
    if not now.identity.same_in_account(planned.identity):
        return f"the record {now.id} is of {now.identity} now"
    if now.status is not NumberStatus.ACTIVE:
        return f"it is {status_text(now)} there, not active"
    # Before the comparison, whose words for it would be a list of empty fields.
    if planned.sip is not None and now.sip is None:
        return "it has no trunk there any more"
    if changed := task.changes_at_source(now, unpublished):
        return f"it has changed there: {'; '.join(map(str, changed))}"
    return None
