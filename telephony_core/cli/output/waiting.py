"""What is said on stderr while something takes long: a live line on a terminal, otherwise a line now and then."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

import click

from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.terminal import terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from telephony_core.observation.events import RequestEvent

ItemT = TypeVar("ItemT")

SOON: Final = 1.0
"""Seconds after which a terminal says what is waited for: what is over by then needs no words."""
EVERY: Final = 5.0
"""Seconds between two lines where nobody may be watching."""


def live_stderr() -> bool:
    """Whether stderr is a terminal on which a line can be rewritten."""
    # A dumb terminal (Emacs, some CI) shows a rewritten line as one more line.
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Waiting:
    """Says what is going on for as long as it lasts. It is told of requests, and of things as they are counted.

    A thread of its own looks at the clock, for the main one is waiting. Nothing is said with ``quiet``.
    """

    def __init__(self, what: str, *, json: bool = False, quiet: bool = False) -> None:
        self._what = what
        self._json = json
        self._quiet = quiet
        # Not the wall clock, which may be set meanwhile.
        self._began = time.monotonic()
        self._counted: int | None = None
        self._answers = 0
        self._trouble = ""
        self._over = threading.Event()
        self._teller: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._quiet:
            tell = self._show if live_stderr() and not self._json else self._print
            self._teller = threading.Thread(target=tell, name="telephony-waiting", daemon=True)
            self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._teller is not None:
            self._teller.join()

    def counted(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """The same items, counted as they come."""
        self._counted = 0
        for item in items:
            self._counted += 1
            yield item

    def answered(self, event: RequestEvent) -> None:
        """Take note of a request that went. Any thread may call it."""
        self._answers += 1
        # What the retry waits for: no answer, 429, or an answer of 5xx.
        asked_to_wait = event.status is None or event.status == 429 or event.status >= 500
        how = "no answer came" if event.status is None else f"HTTP {event.status}"
        self._trouble = f"{how}, trying again" if asked_to_wait else ""

    def __str__(self) -> str:
        """As people read it: ``listing the numbers of vox (api.vox.ai): 300 so far, 7 s``."""
        far = f"{self._answers} answers" if self._counted is None else f"{self._counted} so far"
        parts = [far if self._counted or self._answers else "", self._trouble, f"{self._seconds} s"]
        return printable(f"{self._what}: {', '.join(filter(None, parts))}")

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(str(self), style="dim", no_wrap=True, overflow="ellipsis")

    @property
    def _seconds(self) -> int:
        return int(time.monotonic() - self._began)

    def _show(self) -> None:
        # Rich is imported after that, so a quick command does not pay for it.
        if self._over.wait(SOON):
            return
        from rich.live import Live

        console = terminal(stderr=True)
        with (
            suppress(OSError),
            Live(
                get_renderable=lambda: self,
                console=console,
                transient=True,
                refresh_per_second=2,
                # What the command prints meanwhile is its result, and goes straight to stdout.
                redirect_stdout=False,
                redirect_stderr=False,
            ),
        ):
            self._over.wait()

    def _print(self) -> None:
        while not self._over.wait(EVERY):
            with suppress(OSError):
                click.echo(self._line(), err=True)

    def _line(self) -> str:
        if not self._json:
            return str(self)
        done = self._counted if self._counted is not None else self._answers
        told = {"message": self._what, "done": done, "seconds": self._seconds}
        return safe_json({"progress": told}, indent=None)
