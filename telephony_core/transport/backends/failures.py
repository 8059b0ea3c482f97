"""The failures of every backend, in the same words. They name hosts and reasons, never headers or bodies."""

from __future__ import annotations

from telephony_core.errors import ClientClosed, NoAnswer, NotSent


def no_connection(error: BaseException) -> NotSent:
    return NotSent(f"no connection to the provider ({_reason(error)})")


def not_connected(timeout: float) -> NotSent:
    """``timeout`` is in seconds."""
    return NotSent(f"no connection to the provider within {timeout:.1f} s")


def no_answer(error: BaseException) -> NoAnswer:
    return NoAnswer(f"the provider did not answer ({_reason(error)})")


def too_late(timeout: float) -> NoAnswer:
    """What to raise when the whole answer did not come in time. ``timeout`` is in seconds."""
    return NoAnswer(f"no whole answer within {timeout:.1f} s")


def closed() -> ClientClosed:
    return ClientClosed("the HTTP client is closed")


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
