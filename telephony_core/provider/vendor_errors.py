"""From an error response to the error it means: status first, the vendor's machine code second, prose never."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from telephony_core.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedResponse,
    WrongState,
)
from telephony_core.secrets.redaction import Secrets, scrubbed, scrubbed_body


@dataclass(frozen=True, slots=True)
class ErrorEnvelope:
    """What an adapter read out of its vendor's error envelope.

    ``code`` is the machine code, ``message`` the vendor's prose (shown to people, never decided on), ``kind`` the error
    that the adapter's table of codes gives; without one, the HTTP status decides. ``request_id`` is for vendors that
    tell it in the body; a header of that name comes first.
    """

    code: str | None = None
    message: str | None = None
    kind: type[ProviderError] | None = None
    request_id: str | None = None


def read_validation_list(detail: Iterable[object]) -> ErrorEnvelope:
    """What the validation list of a web framework says (FastAPI's ``detail``), without the ``input`` it may echo."""
    said: list[str] = []
    in_path = False
    for item in detail:
        if isinstance(item, dict):
            place, message = item.get("loc"), item.get("msg")
            steps = [str(step) for step in place if isinstance(step, str | int)] if isinstance(place, list) else []
            in_path = in_path or steps[:1] == ["path"]
            said.append(": ".join(part for part in (".".join(steps), message) if isinstance(part, str) and part))
    # A path holds nothing but an id: one of the wrong form is nobody's.
    return ErrorEnvelope(message="; ".join(filter(None, said)) or None, kind=NotFound if in_path else None)


# What RFC 9110, section 15.5, means by each; 423 is of RFC 4918, 425 of RFC 8470, 429 of RFC 6585.
BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    408: ProviderUnavailable,
    409: Conflict,
    410: NotFound,
    412: WrongState,
    422: InvalidRequest,
    423: WrongState,
    425: ProviderUnavailable,
    429: RateLimited,
}

# Statuses that say who is speaking; no machine code of a body can overrule them.
_DECIDED_BY_STATUS: Final = frozenset({401, 403, 429})


def error_for(
    status: int, headers: Mapping[str, str], body: bytes, envelope: ErrorEnvelope, *, secrets: Iterable[str] = ()
) -> ProviderError:
    """The error for an answer outside 2xx."""
    secrets = Secrets.of(secrets)
    by_status = BY_STATUS.get(status)
    kind: type[ProviderError]
    if status >= 500:
        kind = ProviderUnavailable
    elif status < 400:
        kind = UnexpectedResponse
    elif by_status is not None and status in _DECIDED_BY_STATUS:
        kind = by_status
    else:
        # A 4xx that is not known means what 400 means (RFC 9110, section 15).
        kind = envelope.kind or by_status or InvalidRequest
    reason = scrubbed(envelope.message, secrets)[:500] if envelope.message else None
    request_id = headers.get("x-request-id") or envelope.request_id
    message = f"the provider says: {reason}" if reason else f"the provider answered {status} without a reason"
    if 300 <= status < 400:
        message = "the provider answered with a redirect, which is not followed (the key would go along)"
    elif status < 200:
        message = f"the provider answered {status}, which is no final answer"
    return kind(
        message,
        status=status,
        code=scrubbed(envelope.code, secrets)[:100] if envelope.code else None,
        request_id=scrubbed(request_id, secrets)[:100] if request_id else None,
        retry_after=retry_after_seconds(headers.get("retry-after"), now=None),
        body=scrubbed_body(body, secrets),
    )


def retry_after_seconds(header: str | None, *, now: datetime | None) -> float | None:
    """Seconds from a ``Retry-After`` header (RFC 9110, section 10.2.3): a number, or an HTTP date after ``now``.

    The RFC knows whole seconds; some vendors send fractions. ``None`` when it is absent or unreadable; never negative,
    and never more than `_LONGEST_PAUSE`.
    """
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_PAUSE)
    when = http_date(text)
    if when is None:
        return None
    left = (when - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, left), _LONGEST_PAUSE)


def http_date(header: str | None) -> datetime | None:
    """An aware time from a header (RFC 9110, section 5.6.7); ``None`` when it is absent or unreadable."""
    if header is None:
        return None
    try:
        when = parsedate_to_datetime(header)
    # Odd dates end in any of these: a zone of twenty digits is an OverflowError.
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when  # ``-0000`` tells no zone


_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST_PAUSE: Final = 366 * 86400.0
"""Seconds. Whoever is asked to wait for more than a year is not asked to wait."""
