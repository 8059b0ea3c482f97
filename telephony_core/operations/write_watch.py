"""Whether a write may have happened, seen from outside of the adapter's flow, and the errors that say so.

::

    sent ─┬─ answered, about what was attempted ──> the record
          ├─ refused, or never sent ──────────────> that error: nothing happened
          └─ its answer lost, unreadable or about something else,
             or anything failed behind an accepted write ──> one look ─┬─ MADE ─────> the record that was found
                                                                       └─ not seen ─> OutcomeUnknown
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeVar

from telephony_core.domain.lifecycle import Release
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import (
    AnswerLost,
    Conflict,
    NotFound,
    OutcomeUnknown,
    PartialOutcome,
    Remedy,
    TelephonyError,
    UnexpectedResponse,
    WrongState,
    cli_words,
)
from telephony_core.operations.reconciliation import Attempt, Reconciliation, ReconciliationOutcome, Trail
from telephony_core.provider.flow import Flow, Request, Response, Semantics, relay
from telephony_core.provider.identity import require_about

WrittenT = TypeVar("WrittenT", PhoneNumber, Release)


class WriteListener(Protocol):
    """Who wants to know what became of each write, whether or not its caller does anything with the answer."""

    def written(self, record: PhoneNumber) -> None:
        """A write has left this record."""

    def gone(self, id: str) -> None:
        """A write has left no such record."""

    def doubt(self) -> None:
        """A write may have happened, or was refused because the account is not as it was thought to be."""


class WriteWatch:
    """Looks on while an adapter's flow runs, to know afterwards whether a write had gone out, and as a part of what."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.trail: Trail = Trail()
        self.wrote: bool = False
        self.once: bool = False
        """Whether something was sent that must not be repeated."""
        self.accepted: bool = False
        """Whether the provider accepted a write."""
        self.lost: AnswerLost | None = None
        """The answer that was lost, whatever the flow made of it afterwards."""

    def over(self, flow: Flow[WrittenT]) -> Flow[WrittenT]:
        """The flow itself. Raises `UnexpectedResponse` when what it returns is not about what was attempted."""
        try:
            answer = yield from relay(flow, self._request)
        except OutcomeUnknown as error:
            error.attempt = error.attempt or self.attempt
            raise
        self._require_about(answer)
        self.trail.number = answer if isinstance(answer, PhoneNumber) else None
        return answer

    def _request(self, request: Request) -> Flow[Response]:
        writes = request.semantics is not Semantics.READ
        self.once = self.once or request.semantics is Semantics.ONCE
        if writes:
            self.wrote = True
            request = replace(request, attempt=self.attempt, trail=self.trail)
        try:
            response = yield request
        except AnswerLost as error:
            self.lost = error
            raise
        self.accepted = self.accepted or (writes and response.is_success)
        return response

    def _require_about(self, answer: PhoneNumber | Release) -> None:
        require_about(answer, id=self.attempt.id, identity=self.attempt.identity)
        # An import can be answered with an old record of the same number, which is released: right number, and nothing
        # was made.
        if isinstance(answer, PhoneNumber) and self.attempt.was_there(answer.id) and not answer.is_live:
            raise UnexpectedResponse(
                f"the answer is about {answer.id}, a record of {answer.identity} that was there before and is over"
            )

    def may_have_happened(self, error: TelephonyError) -> bool:
        """Whether the flow failed in a way that leaves open whether its write happened."""
        # A flow may look for itself after a loss. When that fails, its error is about the look, not about the write.
        # The same goes for whatever fails behind a write that was accepted.
        if isinstance(error, AnswerLost):
            return True
        if self.lost is not None or self.accepted:
            return not isinstance(error, OutcomeUnknown)
        # A refusal (4xx) says that nothing happened; a redirect does not, and neither does what cannot be read.
        refused = error.status is not None and 400 <= error.status < 500
        return self.wrote and not refused and isinstance(error, UnexpectedResponse)

    def leaves_doubt(self, error: BaseException) -> bool:
        """Whether what was known of the account may be wrong after the flow ended with this error.

        That is so after an interruption and after a write that may have happened. And a provider that refuses one for
        the state of the record knows something that was not known here.
        """
        if not self.wrote or not isinstance(error, TelephonyError):
            return self.wrote
        # These tell of a state that nobody expected who had looked before.
        told = isinstance(error, OutcomeUnknown | NotFound | Conflict | WrongState)
        return told or self.may_have_happened(error)


def partial_outcome(number: PhoneNumber, done: list[str], step: str, cause: TelephonyError) -> PartialOutcome:
    """The error of an operation whose first requests went through: ``number`` exists, and ``step`` failed."""
    then = cause.remedy or "go on from there"
    exists = f"the record {number.id} exists: "
    return PartialOutcome(
        f"{', '.join(done)} went through, {step} did not: {cause.message}",
        remedy=Remedy(exists + then, cli=f"{exists}{cli_words(then)}"),
        number=number,
        done=done,
        failed_step=step,
        cause=cause,
    )


def outcome_unknown(
    attempt: Attempt, reconciled: Reconciliation, lost: TelephonyError, *, repeatable: bool
) -> OutcomeUnknown:
    """The error of a write of which a look could not tell that it happened. ``lost`` is why it had to look."""
    if reconciled.outcome is ReconciliationOutcome.AMBIGUOUS and attempt.id is None:
        ids = ", ".join(record.id for record in reconciled.candidates)
        found = f"a look found {ids}, which may be somebody else's"
    elif reconciled.outcome is ReconciliationOutcome.AMBIGUOUS:
        shown = ", ".join(f"{record.id} of {record.identity}" for record in reconciled.candidates) or "nothing"
        found = f"a look found {shown}, which does not show it"
    else:
        found = "a look right afterwards found no trace, but it may still happen"
    if repeatable:
        remedy = "read the number; sending the same change again is safe as long as it is still that number's record"
    else:
        remedy = Remedy(
            "look again with `client.reconcile(error)` after the time-out, before repeating anything",
            cli="look again after the time-out, before repeating anything",
        )
    return OutcomeUnknown(
        f"{lost.message}; {found}", attempt=attempt, remedy=remedy, status=lost.status, body=lost.body
    )
