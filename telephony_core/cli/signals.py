"""What the signals that end a program do before and after the work of a command. What is ignored stays so.

let_die ──> interrupting ──> let_finish ──> let_leave
imports     the work         its report     the interpreter's last moments
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from telephony_core.cli.exit_codes import ExitCode
from telephony_core.transport.signals import ENDING


def let_die() -> None:
    """They end the process at once, in silence, as they do before any work."""
    _handle(signal.SIG_DFL)


def let_finish() -> None:
    """From here on the work is done and its exit code earned; what is left is to report it, and to leave.

    So the next signal does nothing: whoever ends a process often sends it two (to the group, and to the process), and
    the second must take away neither the words nor the code. One that comes a second later ends the process with 130:
    perhaps nobody reads the output.
    """
    first: float | None = None

    def finish(_number: int, _frame: FrameType | None) -> None:
        nonlocal first
        # Not the wall clock, which may be set meanwhile.
        now = time.monotonic()
        first = now if first is None else first
        if now - first >= _PATIENCE:
            # Nothing else can end a process whose write to a full pipe does not return.
            os._exit(ExitCode.INTERRUPTED)

    _handle(finish)


def let_leave() -> None:
    """They do nothing any more, for the last moments of the interpreter, which takes its handlers away before it ends.

    Called when all threads have ended, so that nothing is left that could take long.
    """
    _handle(signal.SIG_IGN)


_PATIENCE: Final = 1.0
"""Seconds in which a second signal is the same wish as the first."""


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Handle each of them so, but those that are ignored."""
    # Python lets only the main thread set handlers; tests run commands in others.
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            # nohup ignores SIGHUP for its child, which has to stay so. None: a handler that Python did not set.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                signal.signal(number, handler)
