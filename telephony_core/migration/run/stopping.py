"""When a run ends before its work does: it is asked to stop, or going on would do harm."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel

from telephony_core.errors import AuthenticationFailed, MigrationError, PermissionDenied, TelephonyError, instead_of
from telephony_core.transport.signals import ENDING

T = TypeVar("T")


class Stopped(StrEnum):
    """Why no further number was started."""

    ASKED = "asked"
    """The run was asked to (Ctrl-C, SIGTERM, SIGHUP)."""
    CANARY = "canary"
    """One of the first numbers failed."""
    KEY = "key"
    """A key was refused, or may not do this."""
    EQUAL_FAILURES = "equal_failures"
    FIRST_ERROR = "first_error"
    """`stop_on_error` was given."""


STOPPED_WORDS: Final = {
    Stopped.ASKED: "on request",
    Stopped.CANARY: "because a canary failed",
    Stopped.KEY: "because a key was refused",
    Stopped.EQUAL_FAILURES: "after equal failures",
    Stopped.FIRST_ERROR: "at the first error",
}
"""Why a run stopped, after the word *stopped*."""


class Failure(BaseModel, frozen=True):
    """An error of one number as data, which other processes can judge as well. Holds no secret."""

    error: str
    """Class of the error: ``StalePlan``, ``RateLimited``."""
    status: int | None = None
    code: str | None = None
    provider: str | None = None
    refuses_key: bool = False
    """Whether it says that the key is not accepted, or not for this: then every other number would fail as well."""
    message: str = ""
    """The whole text, for people. It may name numbers; `anonymous` leaves it out."""

    @classmethod
    def of(cls, error: TelephonyError) -> Failure:
        """What is kept of an error: its kind, status and code, and no secret."""
        return cls(
            error=type(error).__name__,
            status=error.status,
            code=error.code,
            provider=error.provider,
            refuses_key=isinstance(error, AuthenticationFailed | PermissionDenied),
            message=error.cli_text,
        )

    @property
    def anonymous(self) -> Failure:
        """The same without the message, for what must not hold a number."""
        return self.model_copy(update={"message": ""})


class Interrupted(MigrationError):
    """It was stopped at once, in the middle of something. The journal knows what was under way."""

    default_remedy: ClassVar[str | None] = (
        "run the same command again: it looks at what was under way, and goes on from there"
    )


@dataclass(slots=True)
class StopRules:
    """Decides after every number whether another one may be started."""

    equal_failures: int
    stop_on_error: bool = False
    noun: str = "import"
    """What was sent of a number that is not answered."""
    announce: Callable[[str], None] = lambda message: None
    """Called at once when the run is asked to stop."""
    why: Stopped | None = None
    message: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run is asked to stop: whoever only waits need not wait on."""
    failures: list[Failure] = field(default_factory=list)
    """Every failure that it was told of."""
    _last: tuple[object, ...] | None = None
    _in_a_row: int = 0
    _doubted: set[str] = field(default_factory=set)

    def ask(self) -> None:
        """Start no further number."""
        self.asked.set()
        self._stop(Stopped.ASKED, "Ctrl-C or a signal asked for that")
        self.announce("stopping after the numbers in progress; Ctrl-C once more stops at once")

    def succeeded(self) -> None:
        """A number went well: failures are counted from zero again."""
        self._last, self._in_a_row = None, 0

    def doubted(self, number: str) -> None:
        """The import of a number was not answered. Where none is, no further one is started.

        However often this is called for one number, that counts once.
        """
        if number in self._doubted:
            return
        self._doubted.add(number)
        # In one count with the failures: a number that fails in between ends the row.
        kind = ("in doubt",)
        self._in_a_row = self._in_a_row + 1 if kind == self._last else 1
        self._last = kind
        if self._in_a_row >= self.equal_failures:
            self._stop(Stopped.EQUAL_FAILURES, f"{self._in_a_row} {self.noun}s in a row were not answered")

    def failed(self, failure: Failure, *, canary: bool = False) -> None:
        """A number failed like this. May end the run."""
        self.failures.append(failure)
        kind = (failure.error, failure.status, failure.code)
        self._in_a_row = self._in_a_row + 1 if kind == self._last else 1
        self._last = kind
        # Before the others, which may hold as well: only this reason says what to do.
        if failure.refuses_key:
            self._stop(Stopped.KEY, f"{failure.provider or 'the provider'} does not accept the key for this")
        elif self.stop_on_error:
            self._stop(Stopped.FIRST_ERROR, "one failed, and --stop-on-error was given")
        elif canary:
            self._stop(Stopped.CANARY, "a canary failed, and the others wait for that")
        elif self._in_a_row >= self.equal_failures:
            self._stop(Stopped.EQUAL_FAILURES, f"{self._in_a_row} numbers in a row failed in the same way")

    def _stop(self, why: Stopped, message: str) -> None:
        # The first reason counts: what fails after it may only follow from it.
        if self.why is None:
            self.why, self.message = why, message


@contextmanager
def on_signals(ask: Callable[[], None], task: asyncio.Task[object]) -> Iterator[None]:
    """While this lasts, the first Ctrl-C, SIGTERM or SIGHUP asks the run to stop, and the second cancels ``task``.

    A signal that is ignored (``nohup``) stays so. Where signals cannot be handled (outside the main thread, on
    Windows), the interpreter's own ways remain.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def handle() -> None:
        nonlocal asked
        if asked:
            task.cancel()
        else:
            asked = True
            ask()

    handled = {}
    for number in ENDING:
        before = signal.getsignal(number)
        if before is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, handle)
        except (RuntimeError, ValueError):
            # On Windows, and in a thread that is not the main one (of which uvloop says ValueError), the loop hears of
            # no signal: they do what they always do.
            continue
        handled[number] = before
    try:
        yield
    finally:
        for number, before in handled.items():
            loop.remove_signal_handler(number)
            if before is not None:  # the loop would leave the system's own way behind
                signal.signal(number, before)


def run_interruptibly(
    work: Callable[[StopRules], Coroutine[Any, Any, T]], rules: StopRules, what: str, again: str | None = None
) -> T:
    """Run async work from ordinary code; the first Ctrl-C finishes the numbers in hand, the second stops at once. So do
    SIGTERM and SIGHUP.

    Raises `Interrupted` then, which names ``again`` as the command that goes on.
    """

    async def main() -> T:
        task = asyncio.current_task()
        if task is None:  # never, inside asyncio.run
            return await work(rules)
        with on_signals(rules.ask, task):
            return await work(rules)

    remedy = None if again is None else f"run it again: `{again}` looks at what was under way, and goes on from there"
    stopped = f"{what} was stopped at once, perhaps in the middle of a number"
    with instead_of((asyncio.CancelledError, KeyboardInterrupt), lambda _: Interrupted(stopped, remedy=remedy)):
        return asyncio.run(main())
