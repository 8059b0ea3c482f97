"""The two drivers: the only code in the library that waits or sends. One is ordinary code, one is async.

They do what `telephony_core.transport.pipeline.execute` yields: wait for some seconds, send a request, or call
something that may have to be waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from telephony_core.errors import InvalidInput
from telephony_core.transport.backend import AsyncBackend, Backend, HttpRequest
from telephony_core.transport.clock import Clock
from telephony_core.transport.traceback_frames import clear_variables

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send this. ``timeout`` is in seconds, for the whole answer."""

    http: HttpRequest
    timeout: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call this. In async code what it returns may be awaitable; then its result is the answer."""

    function: Callable[[], object]


Actions: TypeAlias = Generator[Sleep | Send | Call, Any, T]
"""Yields what is to be done; is sent the response or the answer, or thrown what doing it raised."""


def drive(actions: Actions[T], backend: Backend, clock: Clock) -> T:
    """Do what the actions say, in ordinary code. An interruption goes through them, and comes back unchanged."""
    # What the caller was handling is not ours: its frames keep their variables.
    before = sys.exception()
    try:
        action = next(actions)
        while True:
            answer: object = None
            try:
                if isinstance(action, Sleep):
                    clock.sleep(action.seconds)
                elif isinstance(action, Send):
                    answer = backend.send(action.http, action.timeout)
                else:
                    answer = _answered(action.function())
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException as error:
        _end(actions, error, before)
        raise
    finally:
        actions.close()


async def adrive(actions: Actions[T], backend: AsyncBackend, clock: Clock) -> T:
    """Do what the actions say, in async code. A cancellation goes through them, and comes back unchanged."""
    before = sys.exception()
    try:
        action = next(actions)
        while True:
            answer: object = None
            try:
                if isinstance(action, Sleep):
                    await clock.asleep(action.seconds)
                elif isinstance(action, Send):
                    answer = await backend.asend(action.http, action.timeout)
                elif isinstance(answer := action.function(), Awaitable):
                    answer = await answer
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException as error:
        _end(actions, error, before)
        raise
    finally:
        actions.close()


def _answered(answer: object) -> object:
    if isinstance(answer, Awaitable):
        if isinstance(answer, Coroutine):
            answer.close()  # otherwise it would be warned of, far from here
        raise InvalidInput("this pace has to be awaited, which ordinary code cannot do", remedy="use `AsyncTelephony`")
    return answer


def _end(actions: Actions[T], error: BaseException, before: BaseException | None) -> None:
    """Let the actions know how they end, and empty the frames of the traceback. Raises the error again.

    Ctrl-C may come between two lines of a driver itself. Otherwise the actions have ended by this error already.
    """
    try:
        actions.throw(error)
    finally:
        clear_variables(error, before)
