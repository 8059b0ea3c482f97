"""The two drivers: the only code in the library that waits or sends. One is ordinary code, one is async.

They do what `telephony_core.transport.pipeline.execute` yields: wait for some seconds, or send a request.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from telephony_core.provider.flow import Response
from telephony_core.transport.backend import AsyncBackend, Backend, HttpRequest
from telephony_core.transport.clock import Clock
from telephony_core.transport.traceback_frames import clear_variables

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send this. ``timeout`` is in seconds, for the whole answer."""

    http: HttpRequest
    timeout: float


Actions: TypeAlias = Generator[Wait | Send, Response | None, T]
"""Yields what is to be done; is sent the response, or thrown what doing it raised."""


def drive(actions: Actions[T], backend: Backend, clock: Clock) -> T:
    """Do what the actions say, in ordinary code. An interruption goes through them, and comes back unchanged."""
    before = sys.exception()
    try:
        action = next(actions)
        while True:
            response = None
            try:
                if isinstance(action, Wait):
                    clock.sleep(action.seconds)
                else:
                    response = backend.send(action.http, action.timeout)
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(response)
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
            response = None
            try:
                if isinstance(action, Wait):
                    await clock.asleep(action.seconds)
                else:
                    response = await backend.asend(action.http, action.timeout)
            except BaseException as error:
                action = actions.throw(error)
            else:
                action = actions.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except BaseException as error:
        _end(actions, error, before)
        raise
    finally:
        actions.close()


def _end(actions: Actions[T], error: BaseException, before: BaseException | None) -> None:
    """Let the actions know how they end, and empty the frames of the traceback. Raises the error again.

    Ctrl-C may come between two lines of a driver itself. Otherwise the actions have ended by this error already.
    """
    try:
        actions.throw(error)
    finally:
        clear_variables(error, before)
