"""The signals by which a program is ended from outside, and how all of them interrupt ordinary code."""

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
    """While this lasts, each of them raises `KeyboardInterrupt`, the one of SIGTERM or SIGHUP with its name.

    What the parent made this process ignore (``nohup``, a shell's ``&``) stays ignored. Only the main thread may do
    this; elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    # None: somebody else than Python handles it, and could not be put back.
    handled = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in handled:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else _interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
