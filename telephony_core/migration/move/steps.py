"""The unit of work: one number, from wherever it stands to made, read back and equal.

`move_number` is idempotent and can be resumed at any point: it is a function of the planned number and of its lines
in the journal. Nothing in here can give a number up at either end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from telephony_core.domain.input_model import UNSET
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import Conflict, NotFound, OutcomeUnknown, PartialOutcome, TelephonyError
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.compare import (
    FieldVerification,
    VerificationResult,
    agents_of,
    is_over,
    seen,
    stale_fields,
    status_text,
    unreadable_sent,
    verify_fields,
    which,
)
from telephony_core.migration.move.effects import (
    Claim,
    EndpointRole,
    Lookup,
    Now,
    Procedure,
    ResolvedCredentials,
    ResolveSecrets,
    RunFlow,
    Wait,
    perform,
)
from telephony_core.migration.move.evidence import current
from telephony_core.migration.move.reconcile import (
    ask_a_person,
    attempt_of,
    doubled,
    of_number,
    reconcile_import,
)
from telephony_core.migration.move.state import MigrationState, NumberState
from telephony_core.migration.move.task import (
    ContradictoryAnswers,
    MigrationTask,
    NotInService,
    StalePlan,
    StepFailed,
    VerificationFailed,
    journaled,
    no_new_plan,
    there_already,
)
from telephony_core.migration.plan.model import import_of
from telephony_core.operations.operations import Operations
from telephony_core.operations.reconciliation import Attempt
from telephony_core.provider.changes import AgentAssignment, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow

MOST_SENDS: Final = 2
"""So often one run sends one import whose answers keep being lost."""
MOST_TRIES: Final = 3
"""So often one run sends a write that is the same when it is done twice."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait for a record that was made and does not show yet."""


def move_number(task: MigrationTask, state: NumberState, stopped: frozenset[str] = frozenset()) -> Procedure[None]:
    """Bring one number to the target. Returns when it is there, read back and equal; raises what stands against it.

    ``stopped`` are agents of the source that this migration itself took off the air, by releasing other numbers.
    """
    yield from journaled(task, _move(task, state, stopped), Action.CHECK)


def _move(task: MigrationTask, state: NumberState, stopped: frozenset[str]) -> Procedure[None]:
    if state.state in (MigrationState.MOVED, MigrationState.RELEASED, MigrationState.ROLLED_BACK):
        return
    yield from _check_source(task, stopped, begun=state.touched)
    credentials = ResolvedCredentials()
    if task.trunk is not None and task.trunk.auth == "digest" and (state.created is None or state.send_again):
        credentials = yield from perform(ResolveSecrets(task.trunk))
    created, send_again = state.created, state.send_again
    record: PhoneNumber | None = None
    if created is None:
        record, send_again = yield from _make(task, state, credentials)
        created = record.id
    if send_again:
        record = yield from _send_again(task, record or (yield from _there(task, created)), credentials)
    if task.number.desired.has_agents and not state.agents_assigned:
        if record is None:
            record = yield from _there(task, created)
            _compare(task, record, credentials, but=("status", *agents_of(task.number.desired)))
        yield from _assign(task, record)
    yield from _read_back(task, created, credentials)


# -- before anything is written


def _check_source(task: MigrationTask, stopped: frozenset[str], *, begun: bool) -> Procedure[None]:
    """The source as the plan knew it, or `StalePlan`."""
    planned = task.number.source
    now = yield from current(task, EndpointRole.SOURCE, planned.id)
    if changed := stale_fields(planned, now, stopped):
        said = "; ".join(map(str, changed))
        remedy = no_new_plan(task.key) if begun else None
        raise StalePlan(f"{task.key} has changed at the source since the plan was made: {said}", remedy=remedy)


# -- making it


def _make(
    task: MigrationTask, state: NumberState, credentials: ResolvedCredentials
) -> Procedure[tuple[PhoneNumber, bool]]:
    """The record, and whether its SIP settings have to be sent again. Never a second one, as far as can be seen."""
    change = _change(task, credentials)
    yield from perform(Claim(task.key, task.identity, goes_on=state.open_import is not None))
    attempt = None if state.open_import is None else attempt_of(task, state.open_import, credentials.username)
    if attempt is None:
        yield from _check_agents(task)
    sent = 0
    while True:
        if attempt is not None:
            found = yield from reconcile_import(task, attempt, state.open_import if sent == 0 else None)
            if found is not None:
                return found, (yield from _adopted(task, found, change))
            if sent == MOST_SENDS:
                raise StepFailed(Action.IMPORT, _never_answered(task))
            said = "no look of the whole settling window found it, so it is sent once more"
            yield from task.write(Action.IMPORT, Phase.LOOK, said)
        made = yield from _import(task, change, attempt)
        if not isinstance(made, Attempt):
            return made
        sent, attempt = sent + 1, made


def _import(
    task: MigrationTask, change: NumberImport, repeated: Attempt | None
) -> Procedure[tuple[PhoneNumber, bool] | Attempt]:
    """Send the import: what it made, or the attempt when nobody can tell yet."""
    listed = yield from perform(Lookup(EndpointRole.TARGET, task.identity, fresh=repeated is not None))
    records = of_number(task, listed)
    before = [record.id for record in records]
    if live := [record.id for record in records if record.is_live]:
        if repeated is not None and set(live) - repeated.before:  # it took effect between the last look and this one
            return repeated
        raise StalePlan(
            f"{task.key} has appeared at the target since the plan was made, as {', '.join(live)}, and not by this "
            "migration",
            remedy=there_already(task, live[0]),
        )
    intent = Entry(task.key, Action.IMPORT, Phase.INTENT, data={"before": list(before)})
    yield from task.write(intent.action, intent.phase, data=intent.data)
    intent = replace(intent, at=(yield from perform(Now())))
    attempt = attempt_of(task, intent, change.outbound.username if change.outbound is not None else None)
    send = RunFlow(
        EndpointRole.TARGET, "import_number", lambda operations: LookedUp(operations, records).import_number(change)
    )
    try:
        number = yield from perform(send)
    except PartialOutcome as partial:
        if partial.number is None:
            raise StepFailed(Action.IMPORT, partial) from None
        return (yield from _partly(task, partial, partial.number, change))
    except OutcomeUnknown:
        return attempt
    except Conflict as conflict:
        if repeated is not None:  # perhaps with the late effect of the first request
            return attempt
        raise StepFailed(Action.IMPORT, conflict) from None
    except TelephonyError as refused:
        raise StepFailed(Action.IMPORT, refused) from None
    if repeated is not None:
        yield from doubled(task, attempt)
    yield from task.write(Action.IMPORT, Phase.DONE, record=number.id, data={"seen": _json(number)})
    return number, False


def _partly(
    task: MigrationTask, partial: PartialOutcome, number: PhoneNumber, change: NumberImport
) -> Procedure[tuple[PhoneNumber, bool]]:
    """The record exists. Either its settings could not be sent again, or it is not what was asked for.

    Then it may be somebody else's, made between the look and the import: an answer that differs from what was sent does
    not prove that this import made it.
    """
    if partial.failed_step == "compare":
        yield from ask_a_person(task, (number,), partial.cause.message)
    return number, (yield from _adopted(task, number, change))


def _adopted(task: MigrationTask, number: PhoneNumber, change: NumberImport) -> Procedure[bool]:
    """Take a record for the one that was asked for. What nobody can read back has to be sent once more."""
    again = unreadable_sent(change, task.capabilities)
    yield from task.write(
        Action.IMPORT,
        Phase.DONE,
        "found after its answer was lost",
        record=number.id,
        data={"adopted": True, "send_again": again, "seen": _json(number)},
    )
    return again


def _never_answered(task: MigrationTask) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the import of {task.key} was sent {MOST_SENDS} times and never answered",
        remedy="run the same command again once the provider answers; it looks first",
    )


class LookedUp(Operations):
    """Operations that answer their first look for a number from records that were just read."""

    def __init__(self, operations: Operations, known: tuple[PhoneNumber, ...]) -> None:
        super().__init__(operations.provider, operations._now)
        self._known: tuple[PhoneNumber, ...] | None = known

    def records_of(self, identity: NumberIdentity, *, unclear: bool = False) -> Flow[tuple[PhoneNumber, ...]]:
        known, self._known = self._known, None
        return (yield from super().records_of(identity, unclear=unclear)) if known is None else known


def _change(task: MigrationTask, credentials: ResolvedCredentials) -> NumberImport:
    """The import without the agents, which have a step of their own."""
    return import_of(task.number.desired, credentials.username, credentials.password, agents=False)


def _send_again(task: MigrationTask, record: PhoneNumber, credentials: ResolvedCredentials) -> Procedure[PhoneNumber]:
    """Send the SIP settings of an adopted record once more. The same settings twice are the same."""
    change = _change(task, credentials)
    inbound, outbound = change.inbound or UNSET, change.outbound or UNSET
    yield from task.write(Action.SEND_AGAIN, Phase.INTENT, record=record.id)
    send = RunFlow(
        EndpointRole.TARGET,
        "update_sip",
        lambda operations: operations.update_sip(SipUpdate(record, inbound, outbound, change.options)),
    )
    number = yield from _repeatedly(task, Action.SEND_AGAIN, send)
    yield from task.write(Action.SEND_AGAIN, Phase.DONE, record=number.id, data={"seen": _json(number)})
    return number


# -- its agents


def _assignment(task: MigrationTask, record: PhoneNumber | str) -> AgentAssignment:
    desired = task.number.desired
    agents = (desired.inbound_agent or UNSET, desired.outbound_agent or UNSET)
    return AgentAssignment(record, *agents, frozenset(desired.allow))


def _check_agents(task: MigrationTask) -> Procedure[None]:
    """Make sure that the agents can be assigned, so that no number is made for an assignment that cannot follow."""
    if not task.number.desired.has_agents:
        return

    def check(operations: Operations) -> Flow[None]:
        look = operations.provider.check_agents(_assignment(task, ""))
        if look is not None:
            yield from look

    yield from perform(RunFlow(EndpointRole.TARGET, "check_agents", check))


def _assign(task: MigrationTask, record: PhoneNumber) -> Procedure[None]:
    assignment = _assignment(task, record)
    yield from task.write(Action.ASSIGN_AGENTS, Phase.INTENT, record=record.id)
    send = RunFlow(EndpointRole.TARGET, "assign_agents", lambda operations: operations.assign_agents(assignment))
    number = yield from _repeatedly(task, Action.ASSIGN_AGENTS, send)
    yield from task.write(Action.ASSIGN_AGENTS, Phase.DONE, record=number.id, data={"seen": _json(number)})


def _repeatedly(task: MigrationTask, action: Action, send: RunFlow[PhoneNumber]) -> Procedure[PhoneNumber]:
    """Send a write that is the same when it is done twice, until it is answered."""
    for _ in range(MOST_TRIES - 1):
        try:
            return (yield from _as_soon_as_it_shows(task, send))
        except OutcomeUnknown:
            yield from task.write(action, Phase.LOOK, "its answer was lost; sending it again after the time-out")
            yield from perform(Wait(task.timeout, f"a request for {task.key} may still be under way"))
        except TelephonyError as error:
            raise StepFailed(action, error) from None
    try:
        return (yield from _as_soon_as_it_shows(task, send))
    except TelephonyError as error:
        raise StepFailed(action, error) from None


def _as_soon_as_it_shows(task: MigrationTask, send: RunFlow[PhoneNumber]) -> Procedure[PhoneNumber]:
    """Send a write to a record that was made. It is read first, and may take a moment to show."""
    for pause in PAUSES:
        try:
            return (yield from perform(send))
        except NotFound:
            yield from perform(Wait(pause, f"{task.key} was made and does not show yet"))
    return (yield from perform(send))


# -- reading back


def _there(task: MigrationTask, id: str) -> Procedure[PhoneNumber]:
    """The record that was made. It may take a moment to show."""
    record: PhoneNumber | None = None
    for pause in (*PAUSES, None):
        try:
            record = yield from current(task, EndpointRole.TARGET, id)
        except ContradictoryAnswers:
            if pause is None:
                raise
        if record is not None:
            break
        if pause is not None:
            yield from perform(Wait(pause, f"{task.key} was made and does not show yet"))
    if record is None:
        gone = VerificationFailed(
            f"{task.key} was made as {id}, and is not at the target any more",
            remedy="find out who removed it; to move the number once more, roll it back here and make a new plan",
        )
        raise StepFailed(Action.READ_BACK, gone)
    if not record.identity.same_in_account(task.identity):
        other = VerificationFailed(f"{task.key} was made as {id}, and that record is of {record.identity} now")
        raise StepFailed(Action.READ_BACK, other)
    return record


def _read_back(task: MigrationTask, id: str, credentials: ResolvedCredentials) -> Procedure[None]:
    """Read the record and compare it with everything that was wanted. A difference is a failure.

    A record that is not in service yet is waited for, and if it stays so, that is said: it is not moved.
    """
    record = yield from _there(task, id)
    found = _compare(task, record, credentials, but=("status",))
    for pause in PAUSES:
        if record.status is NumberStatus.ACTIVE or is_over(record):
            break
        yield from perform(Wait(pause, f"{task.key} is {status_text(record)}, not active yet", idle=True))
        record = yield from _there(task, id)
        found = _compare(task, record, credentials, but=("status",))
    if record.status is not NumberStatus.ACTIVE:
        waiting = NotInService(f"{task.key} was made as {id} as planned, and is {status_text(record)}, not active")
        raise StepFailed(Action.READ_BACK, waiting)
    unverifiable: list[JsonValue] = [*which(found, VerificationResult.UNVERIFIABLE)]
    data: dict[str, JsonValue] = {"seen": _json(record), "unverifiable": unverifiable}
    yield from task.write(Action.READ_BACK, Phase.DONE, record=record.id, data=data)


def _compare(
    task: MigrationTask, record: PhoneNumber, credentials: ResolvedCredentials, *, but: Collection[str] = ()
) -> tuple[FieldVerification, ...]:
    found = verify_fields(task.number.desired, task.trunk, record, task.capabilities, username=credentials.username)
    wrong = [field for field in found if field.result is VerificationResult.DIFFERS and field.field not in but]
    if wrong:
        different = VerificationFailed(f"{task.key} was made as {record.id}, and: {'; '.join(map(str, wrong))}")
        raise StepFailed(Action.READ_BACK, different)
    return found


def _json(record: PhoneNumber) -> dict[str, JsonValue]:
    return dict(seen(record))
