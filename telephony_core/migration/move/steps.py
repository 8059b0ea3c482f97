"""The move of one number, from whatever its journal says to made, read back and equal.

    check the source ──> claim ──> look ──> import ──> [SIP settings again] ──> [agents] ──> read back
                                    ^         │ answer lost
                                    └─ once ──┴─> reconcile: look until the window is over ──> adopt what it made

`move_number` is idempotent and can be resumed at any point: it is a function of the planned number and of its lines
in the journal. Nothing in here can release a number at either endpoint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count, repeat
from typing import Final

from pydantic import JsonValue

from telephony_core.domain.input_model import UNSET
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import Conflict, NotFound, OutcomeUnknown, PartialOutcome, TelephonyError
from telephony_core.errors.migration import (
    ContradictoryAnswers,
    ManualActionRequired,
    NotInService,
    StalePlan,
    VerificationFailed,
)
from telephony_core.migration.inventory.staleness import is_released, snapshot, status_text
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Announcement,
    Claim,
    Lookup,
    MigrationTask,
    Now,
    Procedure,
    ResolvedCredentials,
    ResolveSecrets,
    RunFlow,
    StepFailed,
    Wait,
    journaled,
    perform,
)
from telephony_core.migration.move.state import FINISHED, MigrationState, NumberState
from telephony_core.migration.plan.model import EndpointRole, PlanKind, import_of
from telephony_core.migration.plan.verification import VerificationResult, expected_of, verify_fields, which
from telephony_core.migration.rendering.commands import there_already
from telephony_core.operations.operations import Operations
from telephony_core.operations.reconciliation import Attempt, ReconciliationOutcome, match_import, sends_unreadable
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.changes import AgentAssignment, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow
from telephony_core.provider.identity import same_id

MOST_SENDS: Final = 2
"""So often one run sends one import whose answers keep being lost."""
MOST_TRIES: Final = 3
"""So often one run sends a write that is the same when it is done twice."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait for a record that was made and does not show yet."""
FIRST_LOOKS: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
LONGEST_PAUSE: Final = 120.0
"""Seconds between two looks for an import whose answer was lost."""
# Of a match only its outcome is used here; until when a look says something is the journal's matter.
_UNTIMED: Final = datetime.min.replace(tzinfo=UTC)
ADOPTED: Final = "found after its answer was lost"


def move_number(task: MigrationTask, state: NumberState, unpublished: frozenset[str] = frozenset()) -> Procedure[None]:
    """Move one number. Returns when it is at the target, read back and equal; raises why it is not.

    ``unpublished`` are agents of the source that this migration itself unpublished, by releasing other numbers.
    """
    yield from journaled(task, _move(task, state, unpublished))


def _move(task: MigrationTask, state: NumberState, unpublished: frozenset[str]) -> Procedure[None]:
    if state.state in FINISHED:
        return
    planned = task.number.source  # a number from a table has none
    if planned is not None:
        # Right before its own move, although all records were compared when the run began: a long run may come to a
        # number hours later.
        now = yield from current(task, EndpointRole.SOURCE, planned.id)
        if changed := task.changes_at_source(now, unpublished):
            raise task.source_changed("; ".join(map(str, changed)), touched=state.touched)
    credentials = ResolvedCredentials()
    # Only an import, and settings that are sent again, hold credentials. A run that goes on behind them asks nobody for
    # a password.
    if task.trunk is not None and task.trunk.auth != "none" and (state.created is None or state.send_again):
        credentials = yield from perform(ResolveSecrets(task.trunk))
    # The agents have a step of their own.
    change = import_of(task.number.desired, credentials.username, credentials.password, agents=False)
    created, send_again = state.created, state.send_again
    record: PhoneNumber | None = None
    if created is None:
        record, send_again = yield from _make(task, state, change)
        created = record.id
    if send_again:
        record = yield from _send_again(task, record or (yield from _made(task, created)), change)
    if task.number.desired.has_agents and not state.agents_assigned:
        if record is None:
            record = yield from _made(task, created)
            _demand_equal(task, record, credentials, but=("status", *task.number.desired.agents))
        yield from _assign(task, record)
    yield from _read_back(task, created, credentials)


def current(task: MigrationTask, role: EndpointRole, id: str) -> Procedure[PhoneNumber | None]:
    """A record as it is now; ``None`` when it is not found by its id, and not live in a later listing either.

    One read is not believed: a server may lag behind its own list. Raises `ContradictoryAnswers` when the listing
    shows the record all the same.
    """
    try:
        return (yield from perform(RunFlow(role, "get_number", lambda operations: operations.get(id))))
    except NotFound:
        pass
    # The source may spell the number in its own way.
    identity = task.identity if role is EndpointRole.TARGET else task.number.record.identity
    listed = yield from perform(Lookup(role, identity, id, fresh=True))
    shown = next((record for record in listed if same_id(record.id, id)), None)
    if shown is not None and not is_released(shown):
        raise ContradictoryAnswers(f"{task.key} ({id}) is not found at the {role} by its id, and its list shows it")
    return shown


# -- the import


def _make(task: MigrationTask, state: NumberState, change: NumberImport) -> Procedure[tuple[PhoneNumber, bool]]:
    """The record, and whether its SIP settings have to be sent again. Never a second one, as far as can be seen."""
    # Before any look: what another plan has imported a moment ago is perhaps in no list yet.
    yield from perform(Claim(task.key, task.identity, goes_on=state.open_import is not None))
    username = change.outbound.username if change.outbound is not None else None
    attempt = None if state.open_import is None else attempt_of(task, state.open_import, username)
    if attempt is None:
        # Not where an import is open: its record may exist already, and has to be found whatever its agents are.
        yield from _check_agents(task)
    sent = 0
    while True:
        if attempt is not None:
            # The window of a request that this run sent begins now. That of an earlier run counts from its line.
            found = yield from _reconcile(task, attempt, state.open_import if sent == 0 else None)
            if found is not None:
                return found, (yield from _adopt(task, found, change))
            if sent == MOST_SENDS:
                never = OutcomeUnknown(
                    f"the import of {task.key} was sent {MOST_SENDS} times and never answered",
                    remedy="run the same command again once the provider answers; it looks first",
                )
                raise StepFailed(Action.IMPORT, never)
            message = "no look of the whole settling window found it, so it is sent once more"
            yield from task.write(Action.IMPORT, Phase.LOOK, message)
        made = yield from _import(task, change, username, attempt)
        if not isinstance(made, Attempt):
            return made
        sent, attempt = sent + 1, made


def _import(
    task: MigrationTask, change: NumberImport, username: str | None, repeated: Attempt | None
) -> Procedure[tuple[PhoneNumber, bool] | Attempt]:
    """Send the import: what it made, or the attempt when its outcome is not known yet."""
    # The first send may rely on a listing that several numbers share (`account_index`). A repeat may not: the record of
    # the first request may have appeared since.
    listed = yield from perform(Lookup(EndpointRole.TARGET, task.identity, fresh=repeated is not None))
    records = _of_number(task, listed)
    if live := live_ids(task, records):
        # It took effect between the last look and this one.
        if repeated is not None and not all(map(repeated.was_there, live)):
            return repeated
        raise StalePlan(
            f"{task.key} has appeared at the target since the plan was made, as {', '.join(live)}, and not by this "
            "migration",
            remedy=there_already(task.key, live[0], task.target.connection),
        )
    intent = Entry(task.key, Action.IMPORT, Phase.INTENT, data={"before": [record.id for record in records]})
    announcement = Announcement(intent)
    attempt = attempt_of(task, replace(intent, at=(yield from perform(Now()))), username)
    send = RunFlow(
        EndpointRole.TARGET,
        "import_number",
        # The client would look for the number itself before it imports; it is given what was read a moment ago, because
        # a look may be a listing of the whole account.
        lambda operations: operations.import_number(change, records),
        announcement,
    )
    try:
        number = yield from perform(send)
    except PartialOutcome as partial:
        if partial.number is None:
            raise StepFailed(Action.IMPORT, partial) from None
        if partial.failed_step == "compare":
            # An answer that differs from what was sent does not prove that this import made the record: somebody else
            # may have made it between the look and the import.
            yield from _ask_a_person(task, (partial.number,), partial.cause.message)
        return partial.number, (yield from _adopt(task, partial.number, change))
    except OutcomeUnknown:
        return attempt
    except TelephonyError as refused:
        # Nothing was sent, so this is no failed import. The journal has it as a failed check, which frees the claim on
        # the number.
        if announcement.sent is None:
            raise
        if isinstance(refused, Conflict) and repeated is not None:  # perhaps with the late effect of the first request
            return attempt
        raise StepFailed(Action.IMPORT, refused) from None
    if repeated is not None:  # the first request may have taken effect as well
        again = _of_number(task, (yield from perform(Lookup(EndpointRole.TARGET, task.identity, fresh=True))))
        new = tuple(record for record in again if record.is_live and not attempt.was_there(record.id))
        if len(new) > 1:
            yield from _ask_a_person(task, new)
    seen = {"seen": snapshot(number, task.capabilities)}
    yield from task.write(Action.IMPORT, Phase.DONE, record=number.id, data=seen)
    # An answered import was sent its credentials, so nothing has to be sent again.
    return number, False


# -- an import whose answer was lost


def attempt_of(task: MigrationTask, intent: Entry, username: str | None) -> Attempt:
    """The import that a line of the journal announced, as what to look for.

    ``username`` is that of its trunk, so that a record which differs in nothing else is not taken for it.
    """
    before = intent.data.get("before")
    return Attempt(
        task.target.provider,
        Operation.IMPORT,
        task.identity,
        before=frozenset(str(id) for id in before) if isinstance(before, list) else frozenset(),
        expected=expected_of(task.number.desired, username),
        started_at=intent.at,
    )


def _reconcile(task: MigrationTask, attempt: Attempt, intent: Entry | None) -> Procedure[PhoneNumber | None]:
    """The record that the import made, or ``None`` when no look of the whole settling window found one.

    One empty look proves nothing: lists lag, and a request may be executed late. So it is looked for with growing
    pauses, in which other numbers go on, until a look that was started after the window's end. Raises `InDoubt` when
    the run is asked to stop before that, and `ManualActionRequired` when the record may be somebody else's.

    ``intent`` is the line of an earlier run that announced the import; without one it was sent just now.
    """
    doubt = yield from task.doubt_of(intent, EndpointRole.TARGET)
    # The window ends sooner where the target documents that an import may be repeated sooner.
    sooner = task.capabilities.repeatable_import
    window = task.settings.settling_window
    repeatable_at = doubt.until - timedelta(seconds=0 if sooner is None else max(0.0, window - sooner.after))
    for pause in chain(FIRST_LOOKS, repeat(LONGEST_PAUSE)):
        now = yield from perform(Now())
        found = yield from look_for_import(task, attempt)
        if found is not None or now >= repeatable_at:
            return found
        yield from task.write(Action.IMPORT, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
        # A moment longer, so that the last look is started after the end and not at it.
        left = (repeatable_at - now).total_seconds() + 0.001
        why = f"the import of {task.key} may still take effect"
        if not (yield from perform(Wait(min(pause, left), why, idle=True, doubted=task.key))):
            break
    raise doubt.error(task.key, "import")


def look_for_import(task: MigrationTask, attempt: Attempt) -> Procedure[PhoneNumber | None]:
    """One look for what an import made. Raises `ManualActionRequired` when what is there may be somebody else's."""
    records = yield from perform(Lookup(EndpointRole.TARGET, attempt.identity, fresh=True))
    found = match_import(attempt, _of_number(task, records), task.capabilities, as_of=_UNTIMED)
    if found.outcome is ReconciliationOutcome.AMBIGUOUS:
        yield from _ask_a_person(task, found.candidates)
    return found.number


def made_by_import(task: MigrationTask, attempt: Attempt, listed: Iterable[PhoneNumber]) -> PhoneNumber | None:
    """The record that a lost import made, as a listing shows it, where there is no doubt about it."""
    return match_import(attempt, _of_number(task, listed), task.capabilities, as_of=_UNTIMED).number


def _of_number(task: MigrationTask, records: Iterable[PhoneNumber]) -> tuple[PhoneNumber, ...]:
    """Those records that are of the number, or may be; a look also shows what has a certain id."""
    return tuple(
        record
        for record in records
        if record.identity.same_in_account(task.identity) or record.identity.may_be(task.identity)
    )


def live_ids(task: MigrationTask, listed: Iterable[PhoneNumber]) -> tuple[str, ...]:
    """Ids of the live records that are of the number, or may be, among those that a look at the target found."""
    return tuple(sorted(record.id for record in _of_number(task, listed) if record.is_live))


def _adopt(task: MigrationTask, number: PhoneNumber, change: NumberImport) -> Procedure[bool]:
    """Take a record for the one that was asked for: whether its settings have to be sent once more, because a read does
    not show them all."""
    again = sends_unreadable(change, task.capabilities)
    data: dict[str, JsonValue] = {"adopted": True, "send_again": again, "seen": snapshot(number, task.capabilities)}
    yield from task.write(Action.IMPORT, Phase.DONE, ADOPTED, record=number.id, data=data)
    return again


def _ask_a_person(task: MigrationTask, candidates: tuple[PhoneNumber, ...], why: str = "") -> Procedure[None]:
    """Leave it to a person whose these records are. Raises `ManualActionRequired`, which the journal has as well."""
    ids = [record.id for record in candidates]
    error = ManualActionRequired(
        f"whether {task.key} was made is not known: {', '.join(ids)} is there now and was not before, and may be "
        f"somebody else's{f' ({why})' if why else ''}"
        if len(ids) == 1
        else f"{len(ids)} records of {task.key} are there now that were not before: {', '.join(ids)}"
    )
    yield from task.write(Action.IMPORT, Phase.UNKNOWN, error.cli_text, data={"candidates": [*ids]})
    raise error


# -- settings and agents: writes that are the same when they are done twice


def _send_again(task: MigrationTask, record: PhoneNumber, change: NumberImport) -> Procedure[PhoneNumber]:
    """Send the SIP settings of an adopted record once more."""
    update = SipUpdate(record, change.inbound or UNSET, change.outbound or UNSET, change.options)
    send = RunFlow(EndpointRole.TARGET, "update_sip", lambda operations: operations.update_sip(update))
    return (yield from _idempotent_step(task, Action.SEND_AGAIN, record, send))


def _assignment(task: MigrationTask, record: PhoneNumber | str) -> AgentAssignment:
    desired = task.number.desired
    agents = (desired.inbound_agent or UNSET, desired.outbound_agent or UNSET)
    return AgentAssignment(record, *agents, frozenset(desired.allow))


def _check_agents(task: MigrationTask) -> Procedure[None]:
    """Make sure that the agents can be assigned, so that no number is made for an assignment that cannot follow."""
    if not task.number.desired.has_agents:
        return

    def check(operations: Operations) -> Flow[None]:
        # There is no record yet, and the check is about the agents alone.
        look = operations.provider.check_agents(_assignment(task, ""))
        if look is not None:
            yield from look

    yield from perform(RunFlow(EndpointRole.TARGET, "check_agents", check))


def _assign(task: MigrationTask, record: PhoneNumber) -> Procedure[None]:
    assignment = _assignment(task, record)
    send = RunFlow(EndpointRole.TARGET, "assign_agents", lambda operations: operations.assign_agents(assignment))
    yield from _idempotent_step(task, Action.ASSIGN_AGENTS, record, send)


def _idempotent_step(
    task: MigrationTask, action: Action, record: PhoneNumber, send: RunFlow[PhoneNumber]
) -> Procedure[PhoneNumber]:
    """Announce a write, send it until it is answered, and write down what it left behind."""
    yield from task.write(action, Phase.INTENT, record=record.id)
    for tries in count(1):
        try:
            number = yield from _once_it_shows(task, send)
            break
        except TelephonyError as error:
            if not isinstance(error, OutcomeUnknown) or tries == MOST_TRIES:
                raise StepFailed(action, error) from None
            yield from task.write(action, Phase.LOOK, "its answer was lost; sending it again after the time-out")
            yield from perform(Wait(task.settings.timeout, f"a request for {task.key} may still be under way"))
    yield from task.write(action, Phase.DONE, record=number.id, data={"seen": snapshot(number, task.capabilities)})
    return number


def _once_it_shows(task: MigrationTask, send: RunFlow[PhoneNumber]) -> Procedure[PhoneNumber]:
    """Send a write to a record that was made. It is read first, and may take a moment to show."""
    for pause in PAUSES:
        try:
            return (yield from perform(send))
        except NotFound:
            yield from perform(Wait(pause, f"{task.key} was made and does not show yet"))
    return (yield from perform(send))


# -- reading back


def _made(task: MigrationTask, id: str) -> Procedure[PhoneNumber]:
    """The record that was made. It may take a moment to show."""
    record: PhoneNumber | None = None
    for pause in (*PAUSES, None):
        try:
            record = yield from current(task, EndpointRole.TARGET, id)
        # A record that was just made may be listed before it can be read by its id. That is a lag like any other, so it
        # is waited for.
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
    # Where ids are used again, the record may have been released and its id given to another number.
    if not record.identity.same_in_account(task.identity):
        other = VerificationFailed(f"{task.key} was made as {id}, and that record is of {record.identity} now")
        raise StepFailed(Action.READ_BACK, other)
    return record


def _read_back(task: MigrationTask, id: str, credentials: ResolvedCredentials) -> Procedure[None]:
    """Read the record and compare it with everything that was wanted. A difference is a failure.

    A record that is not in service yet is waited for; if it stays so, it is not moved (`NotInService`).
    """
    for pause in (*PAUSES, None):
        record = yield from _made(task, id)
        unverifiable = _demand_equal(task, record, credentials, but=("status",))
        # No waiting brings back what was released.
        if pause is None or record.status is NumberStatus.ACTIVE or is_released(record):
            break
        yield from perform(Wait(pause, f"{task.key} is {status_text(record)}, not active yet", idle=True))
    if record.status is not NumberStatus.ACTIVE:
        waiting = NotInService(f"{task.key} was made as {id} as planned, and is {status_text(record)}, not active")
        raise StepFailed(Action.READ_BACK, waiting)
    data: dict[str, JsonValue] = {"seen": snapshot(record, task.capabilities), "unverifiable": [*unverifiable]}
    if task.kind is PlanKind.IMPORT:
        data["done"] = MigrationState.IMPORTED.value
    yield from task.write(Action.READ_BACK, Phase.DONE, record=record.id, data=data)


def _demand_equal(
    task: MigrationTask, record: PhoneNumber, credentials: ResolvedCredentials, *, but: Collection[str]
) -> tuple[str, ...]:
    """Raise unless every field but these is as planned; the fields that cannot be compared are returned."""
    desired, trunk, username = task.number.desired, task.trunk, credentials.username
    found = verify_fields(desired, trunk, record, task.capabilities, username=username)
    wrong = [field for field in found if field.result is VerificationResult.DIFFERS and field.field not in but]
    if wrong:
        different = VerificationFailed(f"{task.key} was made as {record.id}, and: {'; '.join(map(str, wrong))}")
        raise StepFailed(Action.READ_BACK, different)
    return which(found, VerificationResult.UNVERIFIABLE)
