"""What is repeated, as one table that can be read, and a function that reads it.

::

    attempt ──> result_of(answer) ──> decide(semantics, result) ──> again ──> attempt …
                      |                                        └──> the error, the flow, AnswerLost, OutcomeUnknown
                      └── no answer, 408, 425, 499, 5xx, to an IDEMPOTENT write: is_in_doubt, for all that follows

The result of an attempt decides, together with what repeating the request means (`Semantics`). "In doubt" is an
IDEMPOTENT write of which an earlier attempt may have been carried out:

============================ ============= ============= ============== =============
result of the attempt        READ          IDEMPOTENT    … in doubt     ONCE
============================ ============= ============= ============== =============
never sent                   again         again         again          again
429, at most 30 s, or none   again         again         again          again
429, more than 30 s          the error     the error     OutcomeUnknown the error
sent, no answer              again         again         again          AnswerLost
408, 425, 499, 5xx           again         again         again          AnswerLost
1xx, 3xx, no HTTP status     the flow      the flow      OutcomeUnknown AnswerLost
an answer nobody can read    the error     the error     the error      AnswerLost
401, 403                     the flow      the flow      OutcomeUnknown the flow
any other answer             the flow      the flow      the flow       the flow
============================ ============= ============= ============== =============

**again**: after a pause, as long as retries and time are left; when none are, "the error", and `OutcomeUnknown` for a
write in doubt. **the error**: it is raised. **the flow**: the adapter reads the answer. **AnswerLost**: thrown into the
flow, which looks whether it happened.

A redirect is never followed: the key would go along, and a ``303`` says that the request was carried out. A status
that ends nothing (1xx; 101 above all) or is none of HTTP's says nothing about the request, so a write that must not
be doubled may have happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from telephony_core.errors import NotSent, TelephonyError, UnexpectedResponse
from telephony_core.provider.flow import Response, Semantics

LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds. A provider that asks for more gets its `RateLimited` handed to the caller at once."""


class AttemptResult(Enum):
    """The result of one attempt of a request."""

    NOT_SENT = "never sent"
    BUSY = "429, at most 30 s, or none"
    BUSY_FOR_LONG = "429, more than 30 s"
    NO_ANSWER = "sent, no answer"
    UNAVAILABLE = "408, 425, 499, 5xx"
    NOT_FINAL = "1xx, 3xx, no HTTP status"
    UNREADABLE = "an answer nobody can read"
    UNAUTHORIZED = "401, 403"
    ANSWERED = "any other answer"


class Decision(Enum):
    """What is done about it."""

    AGAIN = "again"
    RAISE = "the error"
    READ = "the flow"
    LOST = "AnswerLost"
    UNKNOWN = "OutcomeUnknown"


_AGAIN, _RAISE, _READ, _LOST, _UNKNOWN = Decision
TABLE: Final[Mapping[AttemptResult, tuple[Decision, Decision, Decision, Decision]]] = {
    # READ, IDEMPOTENT, IDEMPOTENT in doubt, ONCE
    AttemptResult.NOT_SENT: (_AGAIN, _AGAIN, _AGAIN, _AGAIN),
    AttemptResult.BUSY: (_AGAIN, _AGAIN, _AGAIN, _AGAIN),
    AttemptResult.BUSY_FOR_LONG: (_RAISE, _RAISE, _UNKNOWN, _RAISE),
    AttemptResult.NO_ANSWER: (_AGAIN, _AGAIN, _AGAIN, _LOST),
    AttemptResult.UNAVAILABLE: (_AGAIN, _AGAIN, _AGAIN, _LOST),
    AttemptResult.NOT_FINAL: (_READ, _READ, _UNKNOWN, _LOST),
    AttemptResult.UNREADABLE: (_RAISE, _RAISE, _RAISE, _LOST),
    AttemptResult.UNAUTHORIZED: (_READ, _READ, _UNKNOWN, _READ),
    AttemptResult.ANSWERED: (_READ, _READ, _READ, _READ),
}
_MAY_HAVE_HAPPENED: Final = frozenset({AttemptResult.NO_ANSWER, AttemptResult.UNAVAILABLE})


def result_of(answer: Response | TelephonyError, retry_after: float | None = None) -> AttemptResult:
    """The result of an attempt: an answer, or the error of the backend. ``retry_after`` is in seconds."""
    if isinstance(answer, TelephonyError):
        if isinstance(answer, NotSent):
            return AttemptResult.NOT_SENT
        return AttemptResult.UNREADABLE if isinstance(answer, UnexpectedResponse) else AttemptResult.NO_ANSWER
    match answer.status:
        case 429:
            return AttemptResult.BUSY_FOR_LONG if (retry_after or 0) > LONGEST_RETRY_AFTER else AttemptResult.BUSY
        case 401 | 403:  # say who is speaking, and nothing about an earlier attempt of the same request
            return AttemptResult.UNAUTHORIZED
        # Cut short (RFC 9110, section 15.5.9), put off (RFC 8470, section 5.2), hung up on by a proxy (nginx's own):
        # none of them refuses the request.
        case 408 | 425 | 499:
            return AttemptResult.UNAVAILABLE
        case status if 200 <= status < 300 or 400 <= status < 500:
            return AttemptResult.ANSWERED
        case status if status >= 500:  # those from 600 on too: proxies make them up for failures of their own
            return AttemptResult.UNAVAILABLE
    return AttemptResult.NOT_FINAL


def is_in_doubt(semantics: Semantics, result: AttemptResult, before: bool) -> bool:
    """Whether a write that may be repeated may have been carried out, by this attempt or by one ``before``."""
    return before or (semantics is Semantics.IDEMPOTENT and result in _MAY_HAVE_HAPPENED)


def decide(semantics: Semantics, result: AttemptResult, *, in_doubt: bool, may_repeat: bool) -> Decision:
    """What is done about an attempt. ``in_doubt``: an earlier attempt may have been carried out (see `is_in_doubt`)."""
    reading, idempotent, doubtful, once = TABLE[result]
    match semantics:
        case Semantics.READ:
            decision = reading
        case Semantics.ONCE:
            decision = once
        case Semantics.IDEMPOTENT:
            decision = doubtful if in_doubt else idempotent
    if decision is Decision.AGAIN and not may_repeat:
        return Decision.UNKNOWN if is_in_doubt(semantics, result, in_doubt) else Decision.RAISE
    return decision
