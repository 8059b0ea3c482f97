"""What is done around every provider alike: refusing, looking first, reconciling, composing, comparing.

One object per client turns a change into a flow. All rules that protect a number are here, once, so that an adapter is
pure translation and a stranger's adapter is as safe as ours:

- No answer is believed that is about another record or another number (`telephony_core.provider.identity`). Reading,
  that is `UnexpectedResponse`. After a write it is worth no more than a lost answer.
- Nothing is written to a record that was not read in the same operation, by its id, as a record of the number that the
  caller means: a record that the caller holds may be old, and its id may serve another number by now.
- After an answer that was lost, that nobody can read or that is about something else, there is one look. It finds the
  change, or the outcome is unknown. Nothing is sent twice.
- A record counts as deleted when neither its id nor a listing that was started afterwards shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from telephony_core.domain.agents import Agent
from telephony_core.domain.input_model import UNSET
from telephony_core.domain.lifecycle import NumberStatus, Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.errors import (
    AmbiguousNumber,
    Conflict,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    Remedy,
    TelephonyError,
    UnexpectedResponse,
)
from telephony_core.operations import reconciliation
from telephony_core.operations.listing import Listing, of_a_listing
from telephony_core.operations.reconciliation import Attempt, Reconciliation, ReconciliationOutcome
from telephony_core.operations.validation import fault_of_id, identity_of, in_e164, problems_of
from telephony_core.operations.write_watch import WriteListener, WriteWatch, outcome_unknown, partial_outcome
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.changes import (
    AgentAssignment,
    Change,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    ReleaseRevocation,
    SipUpdate,
)
from telephony_core.provider.flow import Flow
from telephony_core.provider.identity import id_key, require_about, same_id
from telephony_core.provider.port import AvailableQuery, ListQuery, Page, Problem, Provider

WrittenT = TypeVar("WrittenT", PhoneNumber, Release)
UpdateT = TypeVar("UpdateT", LabelUpdate, SipUpdate, AgentAssignment, NumberRelease, ReleaseRevocation)


class Operations:
    """Every operation of the port as a flow, for one provider."""

    def __init__(self, provider: Provider, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.provider = provider
        self.listeners: list[WriteListener] = []
        """Who is told what became of every write: indexes of the account's numbers."""
        self._now = now

    # -- judging

    def check(self, change: Change) -> list[Problem]:
        return problems_of(change, self.provider)

    def _refuse(self, change: Change) -> None:
        for problem in self.check(change):
            if problem.error is not None:
                raise problem.error

    def _refuse_import(self, change: NumberImport) -> None:
        # The one operation that is handed its change; elsewhere it is made of the arguments.
        if not isinstance(change, NumberImport):
            kind = type(change).__name__
            raise InvalidInput(
                f"what is imported is given as a NumberImport, not {kind}", remedy="give NumberImport(number=…)"
            )
        self._refuse(change)

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        self._require(Operation.LIST)
        page = yield from of_a_listing(self.provider.list_page(query, cursor))
        # To look at a number makes it; unfiltered, each is made when the caller comes for it.
        if query == ListQuery():
            return page
        return Page([number for number in page.items if query.matches(number)], page.cursor)

    def available_page(self, query: AvailableQuery, cursor: str | None) -> Flow[Page[AvailableNumber]]:
        self._require(Operation.SEARCH_AVAILABLE)
        return (yield from of_a_listing(self.provider.available_page(query, cursor)))

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        self._require(Operation.LIST_AGENTS)
        return (yield from of_a_listing(self.provider.agents_page(cursor), "agents"))

    def get(self, id: str) -> Flow[PhoneNumber]:
        self._require(Operation.GET)
        if (fault := fault_of_id(id, self.provider)) is not None:
            raise fault
        return require_about((yield from self.provider.get(id)), id=id)

    def records_of(self, identity: NumberIdentity, *, unclear: bool = False) -> Flow[tuple[PhoneNumber, ...]]:
        """Every record of one number, in any status, by a listing or a look-up that starts now.

        With ``unclear`` a listing also gives the live ones that may be of it, and are not written as a number is.
        """
        if self.looks_up(identity):
            records = yield from of_a_listing(self.provider.find(identity))
            return _each_once([require_about(record, identity=identity) for record in records])

        def wanted(number: PhoneNumber) -> bool:
            same = number.identity.same_in_account(identity)
            return same or (unclear and number.is_live and number.identity.may_be(identity))

        return _each_once((yield from self._listed(wanted)))

    def looks_up(self, identity: NumberIdentity) -> bool:
        """Whether the provider looks this number up by itself; otherwise its whole list is read."""
        return self.provider.capabilities.finds_by_number and identity.e164 is not None

    def _listed(self, wanted: Callable[[PhoneNumber], bool]) -> Flow[tuple[PhoneNumber, ...]]:
        """Every record of the account that is wanted."""
        listing, found, cursor = Listing(), list[PhoneNumber](), None
        while True:
            page = yield from of_a_listing(self.provider.list_page(ListQuery(), cursor))
            found += [number for number in listing.accept(page) if wanted(number)]
            if page.cursor is None:
                return tuple(found)
            cursor = page.cursor

    def find(
        self, identity: NumberIdentity, known: Sequence[PhoneNumber] | None = None, *, listed_now: bool = False
    ) -> Flow[PhoneNumber]:
        """The one record of a number: the live one, or else the only one there is.

        Where its records are ``known`` by an earlier listing, the one that is meant is read by its id, and the account
        is listed only if that shows something else than was known. ``listed_now`` says that this listing is not earlier
        than the question.
        """
        if known is not None and self.provider.capabilities.offers(Operation.GET):
            same = [record for record in known if record.identity.same_in_account(identity)]
            choice = [record for record in same if record.is_live] or same
            if not choice:
                again = Remedy("ask again with `fresh=True`, which lists anew", cli="say --fresh, which lists anew")
                raise NotFound(f"no record of {identity}", remedy=None if listed_now else again)
            if len(choice) == 1 and (current := (yield from self._still(choice[0]))) is not None:
                return current
        return self._one_of((yield from self.records_of(identity)), identity)

    def _still(self, known: PhoneNumber) -> Flow[PhoneNumber | None]:
        """A known record as it is now; ``None`` when it is gone, of another number, or not in service any more."""
        try:
            current = require_about((yield from self.provider.get(known.id)), id=known.id)
        except NotFound:
            return None
        same = current.identity.same_in_account(known.identity) and current.is_live == known.is_live
        return current if same else None

    def _one_of(self, records: Sequence[PhoneNumber], identity: NumberIdentity) -> PhoneNumber:
        live = [record for record in records if record.is_live]
        choice = live or records
        if not choice:
            raise NotFound(f"no record of {identity}")
        if len(choice) > 1:
            what = "live" if live else "released"
            ids = ", ".join(record.id for record in choice)
            raise AmbiguousNumber(f"{len(choice)} {what} records hold {identity}: {ids}", candidates=choice)
        return choice[0]

    # -- writing

    def listed_before(self, change: NumberImport) -> Flow[NumberIdentity | None]:
        """The number for which the account has to be listed before this import; ``None`` where it is looked up.

        Raises the problems of the import, and sends nothing.
        """
        self._refuse_import(change)
        region = self.provider.capabilities.region
        identity = identity_of(in_e164(change, region), region)
        yield from ()
        return None if self.looks_up(identity) else identity

    def import_number(self, change: NumberImport, known: Sequence[PhoneNumber] | None = None) -> Flow[PhoneNumber]:
        """``known`` are the number's records, the unclear ones among them, by a listing begun after the decision."""
        self._refuse_import(change)
        change = in_e164(change, self.provider.capabilities.region)
        identity = identity_of(change, self.provider.capabilities.region)
        records = known if known is not None else (yield from self.records_of(identity, unclear=True))
        # Vendors differ on a second import of one number: a conflict, a second live record, or the first one revived.
        if live := [record for record in records if record.is_live]:
            raise Conflict(
                f"{identity} is already here as {', '.join(record.id for record in live)} ({live[0].status})",
                remedy="change that record instead of importing it again",
            )
        wants_agents = change.inbound_agent is not None or change.outbound_agent is not None
        assignment = AgentAssignment("", change.inbound_agent or UNSET, change.outbound_agent or UNSET, change.allow)
        # Before the number is there: an assignment that cannot follow would leave it without its agents.
        if wants_agents and (check := self.provider.check_agents(assignment)) is not None:
            yield from check
        attempt = Attempt(
            self.provider.slug,
            Operation.IMPORT,
            identity,
            before=frozenset(record.id for record in records),
            expected=reconciliation.sent_fields(change),
            started_at=self._now(),
        )
        number = yield from self._create(change, attempt)
        self._tell(number)
        self._require_as_sent(attempt, number)
        if wants_agents:
            try:
                number = yield from self._assign(number, assignment.model_copy(update={"number": number}))
            except TelephonyError as error:
                raise partial_outcome(number, ["import"], "assign_agents", error) from error
        return number

    def _create(self, change: NumberImport, attempt: Attempt) -> Flow[PhoneNumber]:
        made = yield from self._sent(attempt, self.provider.import_number(change, attempt.identity))
        number = _record_of(made)
        if not isinstance(made, Reconciliation) or not reconciliation.sends_unreadable(
            change, self.provider.capabilities
        ):
            return number
        # What is there has every readable setting; those that nobody can read back (credentials) are sent again.
        again = SipUpdate(number, change.inbound or UNSET, change.outbound or UNSET, change.options)
        resending = self._attempt(Operation.UPDATE_SIP, number, reconciliation.sent_fields(again))
        try:
            return _record_of((yield from self._sent(resending, self.provider.update_sip(number, again))))
        except TelephonyError as error:
            raise partial_outcome(number, ["import"], "send the SIP settings again", error) from error

    def update_label(self, change: LabelUpdate) -> Flow[PhoneNumber]:
        number, change = yield from self._admitted(change)
        attempt = self._attempt(Operation.UPDATE_LABEL, number, {Field.LABEL: change.label})
        return (yield from self._changed(attempt, self.provider.update_label(number, change.label)))

    def update_sip(self, change: SipUpdate) -> Flow[PhoneNumber]:
        number, change = yield from self._admitted(change)
        attempt = self._attempt(Operation.UPDATE_SIP, number, reconciliation.sent_fields(change))
        return (yield from self._changed(attempt, self.provider.update_sip(number, change)))

    def assign_agents(self, change: AgentAssignment) -> Flow[PhoneNumber]:
        number, change = yield from self._admitted(change)
        return (yield from self._assign(number, change))

    def _assign(self, number: PhoneNumber, change: AgentAssignment) -> Flow[PhoneNumber]:
        expected = reconciliation.assigned_fields(change.inbound, change.outbound)
        attempt = self._attempt(Operation.ASSIGN_AGENTS, number, expected)
        return (yield from self._changed(attempt, self.provider.assign_agents(number, change)))

    def release(self, change: NumberRelease) -> Flow[Release]:
        try:
            number, _ = yield from self._admitted(change)
        except NotFound as gone:
            # One 404 proves nothing: it once passed for the end of a record that a listing still showed as live.
            yield from self._require_gone(change.number, gone)
            self._tell(None, change.number if isinstance(change.number, str) else change.number.id)
            raise
        attempt = self._attempt(Operation.RELEASE, number)
        try:
            release = yield from self._sent(attempt, self.provider.release(number))
        except NotFound as gone:
            try:
                # It was there when it was read a moment ago: either somebody else was faster, or this 404 is not true.
                yield from self._require_gone(number, gone)
            except TelephonyError as error:
                raise OutcomeUnknown(f"{gone.message}; {error.message}", attempt=attempt) from gone
            raise
        if isinstance(release, Reconciliation):
            self._tell(release.number, number.id)
            return self._released(number, release)
        # A 2xx says that it was accepted, and not that it happened: what counts is what is there afterwards.
        unknown = release.model_copy(update={"status": NumberStatus.UNKNOWN, "takes_effect_at": None})
        try:
            reconciled = yield from self.reconcile(attempt)
        except TelephonyError:  # the release was accepted, and a look that fails must not make it seem to have failed
            self._doubt()
            return unknown
        if reconciled.outcome is not ReconciliationOutcome.MADE:
            self._doubt()
            return unknown
        self._tell(reconciled.number, number.id)
        seen = self._released(number, reconciled)
        # Where both agree, the vendor's answer may know more, such as when it takes effect.
        return release if release.status is seen.status else seen

    def _released(self, number: PhoneNumber, reconciled: Reconciliation) -> Release:
        now = reconciled.number
        terms = self.provider.capabilities.release.get(number.origin)
        scheduled = now is not None and now.status is NumberStatus.RELEASE_SCHEDULED
        return Release(
            provider=self.provider.slug,
            id=number.id,
            identity=number.identity,
            status=NumberStatus.RELEASE_SCHEDULED if scheduled else NumberStatus.RELEASED,
            takes_effect_at=now.ends_at if now is not None else None,
            revocable=scheduled and terms is not None and terms.revocable,
        )

    def revoke_release(self, change: ReleaseRevocation) -> Flow[PhoneNumber]:
        number, _ = yield from self._admitted(change)
        attempt = self._attempt(Operation.REVOKE_RELEASE, number)
        return (yield from self._changed(attempt, self.provider.revoke_release(number)))

    # -- finding out

    def reconcile(self, attempt: Attempt) -> Flow[Reconciliation]:
        """One look at whether a write happened. Writes nothing."""
        capabilities = self.provider.capabilities
        if attempt.id is None:
            records = yield from self.records_of(attempt.identity, unclear=True)
            return reconciliation.match_import(attempt, records, capabilities, as_of=self._now())
        number: PhoneNumber | None
        try:
            number = require_about((yield from self.provider.get(attempt.id)), id=attempt.id)
        except NotFound:
            number = yield from self._shown(attempt.id, attempt.identity)
        return reconciliation.match_change(attempt, number, capabilities, as_of=self._now())

    def _look(self, attempt: Attempt, lost: TelephonyError) -> Flow[Reconciliation]:
        """The look right after a loss. Where that fails too, the loss is what is raised."""
        try:
            return (yield from self.reconcile(attempt))
        except TelephonyError as error:
            raise OutcomeUnknown(
                f"{lost.message}; looking whether it happened failed too ({error.message})", attempt=attempt
            ) from lost

    def _shown(self, id: str, identity: NumberIdentity | None) -> Flow[PhoneNumber | None]:
        """What a listing shows of a record of which its id shows nothing: one 404 proves nothing."""
        if identity is None:
            records = yield from self._listed(lambda number: same_id(number.id, id))
        else:
            records = yield from self.records_of(identity)
        return next((record for record in records if same_id(record.id, id)), None)

    def _require_gone(self, number: PhoneNumber | str, gone: NotFound) -> Flow[None]:
        """Raises `UnexpectedResponse` when a record that was not found by its id is listed as a live one."""
        id, identity = (number, None) if isinstance(number, str) else (number.id, number.identity)
        shown = yield from self._shown(id, identity)
        if shown is not None and shown.is_live:
            raise UnexpectedResponse(
                f"the provider says of {id} that it is not there, and lists it as {shown.identity}, {shown.status}",
                remedy="read the number again; one of the two answers is old",
            ) from gone

    # -- small parts

    def _require(self, operation: Operation) -> None:
        if not self.provider.capabilities.offers(operation):
            raise self.provider.not_offered(operation)

    def _admitted(self, change: UpdateT) -> Flow[tuple[PhoneNumber, UpdateT]]:
        """The record that a change is about as it is now, and the change with it. Raises the problems of the change.

        It is judged twice: nothing is sent for one that can never be, and whom else a release would affect, say,
        depends on what is linked by now.
        """
        self._refuse(change)
        number = yield from self._current(change.number)
        change = change.model_copy(update={"number": number})
        self._refuse(change)
        return number, change

    def _current(self, given: PhoneNumber | str) -> Flow[PhoneNumber]:
        """The record that a write is about, as it is now. Raises `Conflict` when its id serves another number."""
        id = given if isinstance(given, str) else given.id
        number = require_about((yield from self.provider.get(id)), id=id)
        if isinstance(given, PhoneNumber) and not number.identity.same_in_account(given.identity):
            raise Conflict(
                f"{id} is the record of {number.identity} now ({number.status}), not of {given.identity}, so nothing "
                "was sent",
                remedy=Remedy(
                    "find the number anew with `find_number()`: its record has another id, or it was deleted",
                    cli="`telephony numbers show` finds the number: its record has another id, or it was deleted",
                ),
            )
        return number

    def _attempt(self, operation: Operation, number: PhoneNumber, expected: dict[str, object] | None = None) -> Attempt:
        """What is about to be tried. Without ``expected`` fields, it is the status that tells whether it happened."""
        return Attempt(
            self.provider.slug,
            operation,
            number.identity,
            number.id,
            expected=expected or {},
            telling=expected is None or bool(reconciliation.differences(expected, number, self.provider.capabilities)),
            started_at=self._now(),
        )

    def _sent(self, attempt: Attempt, write: Flow[WrittenT]) -> Flow[WrittenT | Reconciliation]:
        """Send a write: its answer, or what a look found where that is lost, unreadable or about something else.

        Raises `OutcomeUnknown` when the look cannot tell that it happened.
        """
        watch = WriteWatch(attempt)
        try:
            try:
                return (yield from watch.over(write))
            except TelephonyError as error:
                if not watch.may_have_happened(error):
                    raise
                # Not what became of it in the flow, which may have looked for itself and failed at that.
                lost = watch.lost or error
            reconciled = yield from self._look(attempt, lost)
            if reconciled.outcome is not ReconciliationOutcome.MADE:
                raise outcome_unknown(attempt, reconciled, lost, repeatable=not watch.once) from lost
        except BaseException as error:
            if watch.leaves_doubt(error):
                self._doubt()
            raise
        watch.trail.number, watch.trail.adopted = reconciled.number, True
        return reconciled

    def _changed(self, attempt: Attempt, write: Flow[PhoneNumber]) -> Flow[PhoneNumber]:
        """Send a change of a record, and compare what its answer shows with what was sent."""
        number = _record_of((yield from self._sent(attempt, write)))
        # Before it is compared: an index has to know of the change also where it came back otherwise than it was sent.
        self._tell(number)
        self._require_as_sent(attempt, number)
        return number

    def _tell(self, number: PhoneNumber | None, id: str = "") -> None:
        """Say what a write has made of a record; ``None``: the one with this id is gone."""
        for listener in tuple(self.listeners):
            if number is None:
                listener.gone(id)
            else:
                listener.written(number)

    def _doubt(self) -> None:
        for listener in tuple(self.listeners):
            listener.doubt()

    def _require_as_sent(self, attempt: Attempt, number: PhoneNumber) -> None:
        """Raises `PartialOutcome` unless every field that was sent and can be read came back as it was sent."""
        names = reconciliation.differences(attempt.expected, number, self.provider.capabilities)
        if names:
            different = UnexpectedResponse(
                f"the provider accepted the change, but {', '.join(names)} came back different from what was sent",
                remedy="read the number again and compare before any call is placed over it",
            )
            raise partial_outcome(number, [attempt.operation], "compare", different)


def _each_once(records: Sequence[PhoneNumber]) -> tuple[PhoneNumber, ...]:
    """Each record once: pages of a look-up may overlap, and an id may be spelled in two ways. Of one that is shown as
    live and as released, nobody may take the number for free."""
    found: dict[str, PhoneNumber] = {}
    for record in records:
        before = found.setdefault(id_key(record.id), record)
        if record.is_live and not before.is_live:
            found[id_key(record.id)] = record
    return tuple(found.values())


def _record_of(answer: PhoneNumber | Reconciliation) -> PhoneNumber:
    """The record that a write was answered with, or that a look found."""
    number = answer.number if isinstance(answer, Reconciliation) else answer
    if number is None:
        raise UnexpectedResponse("the record is gone")
    return number
