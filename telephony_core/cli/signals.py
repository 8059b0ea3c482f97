"""Ctrl-C, SIGTERM and SIGHUP mean the same to every command: stop, and say what is known of what was begun.

What its parent made it ignore (``nohup``, a shell's ``&``) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def interrupting() -> Iterator[None]:
    """While this lasts, each of them raises `KeyboardInterrupt`, the one of SIGTERM or SIGHUP with its name."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    handled = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in handled:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else _interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def let_die() -> None:
    """From here on they end the process at once, in silence: what is left to do is to say a line."""
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
