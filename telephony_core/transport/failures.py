"""What a request that failed means to the caller, and what is said of a write that may have happened all the same."""

from __future__ import annotations

from telephony_core.errors import AnswerLost, NotSent, OutcomeUnknown, RateLimited, TelephonyError
from telephony_core.provider.flow import Request, Response
from telephony_core.provider.vendor_errors import ErrorEnvelope, error_for

_SAME_AGAIN = "it may have been applied; sending the same change again is safe"
"""What is left to do about an idempotent write in doubt."""


def failure_of(response: Response, request: Request, retry_after: float | None) -> TelephonyError:
    """What an answer means where no adapter reads it. ``retry_after`` is in seconds."""
    error = error_for(response.status, response.headers, response.body, ErrorEnvelope(), secrets=request.secrets)
    if response.status != 429:
        return error
    error.message = "too many requests" + (f"; the provider asks to wait {retry_after:.0f} s" if retry_after else "")
    error.retry_after = retry_after
    return error


def on_hold(seconds: float) -> RateLimited:
    return RateLimited(
        f"the provider asked everybody to wait {seconds:.0f} s more, so nothing was sent", retry_after=seconds
    )


def answer_lost(request: Request, failure: TelephonyError) -> AnswerLost:
    return AnswerLost(
        f"{request.method} {request.path} was sent and its answer was lost ({failure.message})",
        attempt=request.attempt,
        status=failure.status,
    )


def outcome_unknown(request: Request, failure: TelephonyError) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{request.method} {request.path} was sent and never answered usably ({failure.message})",
        attempt=request.attempt,
        remedy=_SAME_AGAIN,
        status=failure.status,
        retry_after=failure.retry_after,
        body=failure.body,
    )


def out_of_time(request: Request, in_doubt: bool) -> TelephonyError:
    if in_doubt:
        return OutcomeUnknown(
            f"time ran out while repeating {request.method} {request.path}",
            attempt=request.attempt,
            remedy=_SAME_AGAIN,
        )
    return NotSent(
        f"time ran out before {request.method} {request.path} could be sent",
        remedy="give the connection a longer `timeout`, or a faster `pace`; repeating is safe",
    )
