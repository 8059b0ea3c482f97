"""The figures of the reliability suites are printed at the end of every run that has some."""

from tests.reliability.figures import pytest_sessionfinish, pytest_terminal_summary, pytest_testnodedown

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]
