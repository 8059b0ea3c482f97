"""What is done around every provider alike: refusing, looking first, settling, composing, comparing.

One object per client turns a caller's wish into a flow. All rules that protect a number live here, once, so that an
adapter is pure translation and a stranger's adapter is as safe as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from telephony_core import settling
from telephony_core.capabilities import Field, Operation
from telephony_core.changes import (
    AgentAssignment,
    Change,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    ReleaseRevocation,
    SipUpdate,
)
from telephony_core.checks import identity_of, in_e164, problems_of
from telephony_core.domain.given import UNSET
from telephony_core.domain.lifecycle import NumberStatus, Release
from telephony_core.domain.numbers import NumberIdentity
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.errors import (
    AmbiguousNumber,
    AnswerLost,
    Conflict,
    NotFound,
    OutcomeUnknown,
    PartialOutcome,
    TelephonyError,
    UnexpectedResponse,
)
from telephony_core.flow import Flow, Semantics
from telephony_core.provider import AvailableQuery, ListQuery, Page, Problem, Provider
from telephony_core.settling import Attempt, Settlement, SettlementOutcome
from telephony_core.wire import Items

ItemT = TypeVar("ItemT", PhoneNumber, AvailableNumber)
T = TypeVar("T")

LONGEST_LISTING: Final = 10_000
"""Pages of one listing before it is taken for endless."""


class Listing:
    """Keeps one listing honest: every id once, no cursor twice, an end in sight."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._cursors: set[str] = set()

    def accept(self, page: Page[ItemT]) -> Sequence[ItemT]:
        """The records of a page that were not seen before. Raises `UnexpectedResponse` for a listing without end."""
        ids = page.items.ids if isinstance(page.items, Items) else [item.id for item in page.items]
        fresh = set(ids)
        new = page.items  # each of them is made when the caller comes for it, and may be gone before the next one
        if len(fresh) < len(ids) or not self._ids.isdisjoint(fresh):
            new = []
            for at, id in enumerate(ids):
                if id not in self._ids:
                    self._ids.add(id)
                    new.append(page.items[at])
        self._ids |= fresh
        if page.cursor is not None:
            if page.cursor in self._cursors:
                raise UnexpectedResponse("the listing does not end: the provider gave the same cursor twice")
            self._cursors.add(page.cursor)
            if len(self._cursors) > LONGEST_LISTING:
                raise UnexpectedResponse(f"the listing did not end within {LONGEST_LISTING} pages")
        return new


class Operations:
    """Every operation of the port as a flow, for one provider."""

    def __init__(self, provider: Provider, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.provider = provider
        self._now = now

    # -- judging

    def check(self, change: Change) -> list[Problem]:
        return problems_of(change, self.provider)

    def _refuse(self, change: Change) -> None:
        for problem in self.check(change):
            if problem.error is not None:
                raise problem.error

    # -- reading

    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        self._require(Operation.LIST)
        page = yield from self.provider.list_page(query, cursor)
        if query == ListQuery():
            return page
        return Page([number for number in page.items if query.matches(number)], page.cursor)

    def available_page(self, query: AvailableQuery, cursor: str | None) -> Flow[Page[AvailableNumber]]:
        self._require(Operation.SEARCH_AVAILABLE)
        return (yield from self.provider.available_page(query, cursor))

    def get(self, id: str) -> Flow[PhoneNumber]:
        self._require(Operation.GET)
        return (yield from self.provider.get(id))

    def records_of(self, identity: NumberIdentity) -> Flow[tuple[PhoneNumber, ...]]:
        """Every record of one number, in any status."""
        looked_up = self.provider.find(identity)
        if looked_up is not None:
            return (yield from looked_up)
        listing, found, cursor = Listing(), [], None
        while True:
            page = yield from self.provider.list_page(ListQuery(), cursor)
            found += [number for number in listing.accept(page) if number.identity.same_in_account(identity)]
            if page.cursor is None:
                return tuple(found)
            cursor = page.cursor

    def find(self, identity: NumberIdentity) -> Flow[PhoneNumber]:
        """The one record of a number: the live one, or else the only one there is."""
        records = yield from self.records_of(identity)
        live = [record for record in records if record.is_live]
        choice = live or records
        if not choice:
            raise NotFound(
                f"no record of {identity}", remedy="`list_numbers()` shows what this key can see; check the spelling"
            )
        if len(choice) > 1:
            what = "live" if live else "released"
            ids = ", ".join(record.id for record in choice)
            raise AmbiguousNumber(f"{len(choice)} {what} records hold {identity}: {ids}", candidates=choice)
        return choice[0]

    # -- writing

    def import_number(self, change: NumberImport) -> Flow[PhoneNumber]:
        self._refuse(change)
        change = in_e164(change, self.provider.capabilities.region)
        identity = identity_of(change, self.provider.capabilities.region)
        records = yield from self.records_of(identity)
        if live := [record for record in records if record.is_live]:
            raise Conflict(
                f"{identity} is already here as {', '.join(record.id for record in live)} ({live[0].status})",
                remedy="change that record instead of importing it again",
            )
        wants_agents = change.inbound_agent is not None or change.outbound_agent is not None
        assignment = AgentAssignment("", change.inbound_agent or UNSET, change.outbound_agent or UNSET, change.allow)
        if wants_agents and (look := self.provider.check_agents(assignment)) is not None:
            yield from look
        attempt = Attempt(
            self.provider.slug,
            Operation.IMPORT,
            identity,
            before=frozenset(record.id for record in records),
            expected=settling.sent_fields(change),
            started_at=self._now(),
        )
        number = yield from self._create(change, identity, attempt)
        odd = settling.differences(attempt.expected, number, self.provider.capabilities)
        if not number.identity.same_in_account(identity):
            odd = ("number", *odd)
        if odd:
            raise _partial(number, ["import"], "compare", _came_back_different(odd))
        if wants_agents:
            assignment = replace(assignment, number=number)
            try:
                number = yield from self._assign(number, assignment)
            except TelephonyError as error:
                raise _partial(number, ["import"], "assign_agents", error) from error
        return number

    def _create(self, change: NumberImport, identity: NumberIdentity, attempt: Attempt) -> Flow[PhoneNumber]:
        watch = _Watch(attempt)
        try:
            return (yield from watch.over(self.provider.import_number(change, identity)))
        except TelephonyError as error:
            if not watch.may_have_happened(error):
                raise
            lost = watch.lost or error
        settlement = yield from self._look(attempt, lost)
        if settlement.outcome is not SettlementOutcome.MADE or settlement.number is None:
            raise _unknown(attempt, settlement, lost) from lost
        # What is there has every readable setting; those that nobody can read back (credentials) are sent again.
        number = settlement.number
        if not settling.sends_unreadable(change, self.provider.capabilities):
            return number
        again = SipUpdate(number, change.inbound or UNSET, change.outbound or UNSET, change.options)
        resending = self._attempt(Operation.UPDATE_SIP, number, settling.sent_fields(again))
        try:
            return (yield from _repeatable(self.provider.update_sip(number, again), resending))
        except TelephonyError as error:
            raise _partial(number, ["import"], "send the SIP settings again", error) from error

    def update_label(self, change: LabelUpdate) -> Flow[PhoneNumber]:
        self._refuse(change)
        number = yield from self._record(change.number)
        self._refuse(replace(change, number=number))
        expected: dict[str, object] = {Field.LABEL: change.label}
        attempt = self._attempt(Operation.UPDATE_LABEL, number, expected)
        updated = yield from _repeatable(self.provider.update_label(number, change.label), attempt)
        return self._compared(updated, expected, "update_label")

    def update_sip(self, change: SipUpdate) -> Flow[PhoneNumber]:
        self._refuse(change)
        number = yield from self._record(change.number)
        change = replace(change, number=number)
        self._refuse(change)
        expected = settling.sent_fields(change)
        attempt = self._attempt(Operation.UPDATE_SIP, number, expected)
        updated = yield from _repeatable(self.provider.update_sip(number, change), attempt)
        return self._compared(updated, expected, "update_sip")

    def assign_agents(self, change: AgentAssignment) -> Flow[PhoneNumber]:
        self._refuse(change)
        number = yield from self._record(change.number)
        change = replace(change, number=number)
        self._refuse(change)
        return (yield from self._assign(number, change))

    def _assign(self, number: PhoneNumber, change: AgentAssignment) -> Flow[PhoneNumber]:
        expected = settling.assigned_fields(change.inbound, change.outbound)
        attempt = self._attempt(Operation.ASSIGN_AGENTS, number, expected)
        watch = _Watch(attempt)
        try:
            updated = yield from watch.over(self.provider.assign_agents(number, change))
        except TelephonyError as error:
            if not watch.may_have_happened(error):
                raise
            lost = watch.lost or error
        else:
            return self._compared(updated, expected, "assign_agents")
        settlement = yield from self._look(attempt, lost)
        if settlement.outcome is SettlementOutcome.MADE and settlement.number is not None:
            return settlement.number
        raise _unknown(attempt, settlement, lost) from lost

    def release(self, change: NumberRelease) -> Flow[Release]:
        self._refuse(change)
        number = yield from self._record(change.number)
        effects = self.provider.capabilities.side_effects.get(Operation.RELEASE, frozenset())
        if number is change.number and not effects <= change.allow:
            # What was given may be old, and whom else the release would hit depends on what is linked by now.
            number = yield from self.provider.get(number.id)
        self._refuse(replace(change, number=number))
        attempt = self._attempt(Operation.RELEASE, number)
        watch = _Watch(attempt)
        try:
            return (yield from watch.over(self.provider.release(number)))
        except TelephonyError as error:
            if not watch.may_have_happened(error):
                raise
            lost = watch.lost or error
        settlement = yield from self._look(attempt, lost)
        if settlement.outcome is not SettlementOutcome.MADE:
            raise _unknown(attempt, settlement, lost) from lost
        return self._released(number, settlement)

    def _released(self, number: PhoneNumber, settlement: Settlement) -> Release:
        now = settlement.number
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
        self._refuse(change)
        number = yield from self._record(change.number)
        self._refuse(replace(change, number=number))
        attempt = self._attempt(Operation.REVOKE_RELEASE, number)
        watch = _Watch(attempt)
        try:
            return (yield from watch.over(self.provider.revoke_release(number)))
        except TelephonyError as error:
            if not watch.may_have_happened(error):
                raise
            lost = watch.lost or error
        settlement = yield from self._look(attempt, lost)
        if settlement.outcome is SettlementOutcome.MADE and settlement.number is not None:
            return settlement.number
        raise _unknown(attempt, settlement, lost) from lost

    # -- finding out

    def settle(self, attempt: Attempt) -> Flow[Settlement]:
        """One look at whether a write happened. Writes nothing."""
        capabilities = self.provider.capabilities
        if attempt.id is None:
            records = yield from self.records_of(attempt.identity)
            return settling.judge_import(attempt, records, capabilities, as_of=self._now())
        number: PhoneNumber | None
        try:
            number = yield from self.provider.get(attempt.id)
        except NotFound:
            number = None
        return settling.judge_change(attempt, number, capabilities, as_of=self._now())

    def _look(self, attempt: Attempt, lost: TelephonyError) -> Flow[Settlement]:
        """The look right after a loss. When even that fails, the loss is what has to be told."""
        try:
            return (yield from self.settle(attempt))
        except TelephonyError as error:
            raise OutcomeUnknown(
                f"{lost.message}; looking whether it happened failed too ({error.message})", attempt=attempt
            ) from lost

    # -- small parts

    def _require(self, operation: Operation) -> None:
        if not self.provider.capabilities.offers(operation):
            raise self.provider.not_offered(operation)

    def _record(self, number: PhoneNumber | str) -> Flow[PhoneNumber]:
        """The record a write is about: the one that was given, or a fresh one when only its id was."""
        if isinstance(number, PhoneNumber):
            return number
        return (yield from self.provider.get(number))

    def _attempt(self, operation: Operation, number: PhoneNumber, expected: dict[str, object] | None = None) -> Attempt:
        """What is about to be tried. Without ``expected`` fields, it is the status that tells whether it happened."""
        return Attempt(
            self.provider.slug,
            operation,
            number.identity,
            number.id,
            expected=expected or {},
            telling=expected is None or bool(settling.differences(expected, number, self.provider.capabilities)),
            started_at=self._now(),
        )

    def _compared(self, number: PhoneNumber, expected: dict[str, object], step: str) -> PhoneNumber:
        if odd := settling.differences(expected, number, self.provider.capabilities):
            raise _partial(number, [step], "compare", _came_back_different(odd))
        return number


class _Watch:
    """Looks on while an adapter's flow runs, to know afterwards whether a write had gone out, and as a part of what."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.wrote = False
        self.lost: AnswerLost | None = None
        """The answer that was lost, whatever the flow made of it afterwards."""

    def over(self, flow: Flow[T]) -> Flow[T]:
        try:
            request = next(flow)
            while True:
                if request.semantics is not Semantics.READ:
                    self.wrote = True
                    request = replace(request, attempt=self.attempt)
                try:
                    response = yield request
                except TelephonyError as error:
                    self.lost = error if isinstance(error, AnswerLost) else self.lost
                    request = flow.throw(error)
                else:
                    request = flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except OutcomeUnknown as error:
            error.attempt = error.attempt or self.attempt
            raise
        finally:
            flow.close()

    def may_have_happened(self, error: TelephonyError) -> bool:
        """Whether the flow failed in a way that leaves open whether its write happened."""
        # A flow may look for itself after a loss. When that fails, its error is about the look, not about the write.
        if isinstance(error, AnswerLost) or (self.lost is not None and not isinstance(error, OutcomeUnknown)):
            return True
        accepted = error.status is None or 200 <= error.status < 300
        return self.wrote and accepted and isinstance(error, UnexpectedResponse)


def _repeatable(update: Flow[PhoneNumber], attempt: Attempt) -> Flow[PhoneNumber]:
    """An update of settings: accepted with an answer that nobody can read, it may be repeated."""
    watch = _Watch(attempt)
    try:
        return (yield from watch.over(update))
    except UnexpectedResponse as error:
        if not watch.may_have_happened(error):
            raise
        raise OutcomeUnknown(
            f"the provider accepted the change, but its answer cannot be read ({error.message})",
            attempt=attempt,
            remedy="it was probably applied; sending the same change again is safe",
            status=error.status,
            body=error.body,
        ) from error


def _came_back_different(names: Sequence[str]) -> UnexpectedResponse:
    return UnexpectedResponse(
        f"the provider accepted the change, but {', '.join(names)} came back different from what was sent",
        remedy="read the number again and compare before any call is placed over it",
    )


def _partial(number: PhoneNumber, done: list[str], step: str, cause: TelephonyError) -> PartialOutcome:
    return PartialOutcome(
        f"{', '.join(done)} went through, {step} did not: {cause.message}",
        remedy=f"the record {number.id} exists: {cause.remedy or 'go on from there'}",
        number=number,
        done=done,
        failed_step=step,
        cause=cause,
    )


def _unknown(attempt: Attempt, settlement: Settlement, lost: TelephonyError) -> OutcomeUnknown:
    if settlement.outcome is SettlementOutcome.AMBIGUOUS:
        ids = ", ".join(record.id for record in settlement.candidates) or "nothing readable"
        found = f"a look found {ids}, which may be somebody else's"
    else:
        found = "a look right afterwards found no trace, but it may still happen"
    return OutcomeUnknown(
        f"{lost.message}; {found}",
        attempt=attempt,
        remedy="look again with `client.settle(error)` after the time-out, before repeating anything",
        status=lost.status,
    )
