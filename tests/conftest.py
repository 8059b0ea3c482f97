"""The figures of the reliability suites are printed at the end of every run that has some."""

import signal

from tests.reliability.figures import pytest_sessionfinish, pytest_terminal_summary, pytest_testnodedown

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]

# Whoever starts the tests in the background (`nohup make test &`) has them and their children ignore Ctrl-C, and some
# tests are about that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
