"""The figures of the reliability suites are printed at the end of every run that has some; what coverage leaves out."""

import gc
import itertools
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

from tests.reliability.figures import (
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.turns import pytest_itemcollected

__all__ = [
    "pytest_itemcollected",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

# Whoever starts the tests in the background (`nohup make test &`) has them and their children ignore Ctrl-C, and some
# tests are about that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


MEMORY = Path("/dev/shm")
ROOM = 2**30
"""Bytes that have to be free there; the tests use a fraction of it."""


def pytest_configure() -> None:
    """Temporary files of the tests lie in memory, where there is some.

    A journal waits for the disk after each of its lines, which costs a hundred tests of a migration a minute.
    """
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was collected stays until the end: the garbage collector need not look through fifteen thousand tests.

    A full search took a quarter of a second, and the tests that look for forgotten sockets ask for dozens of them.
    """
    gc.freeze()


@pytest.fixture(scope="session")
def _states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("state")
    return (root / str(count) for count in itertools.count())


@pytest.fixture(autouse=True)
def a_machine_of_its_own(_states: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What plans of this machine do to which numbers is kept for each user; each test has a user of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(next(_states)))


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.getbasetemp()
    return (root / f"test-{count}" for count in itertools.count())


@pytest.fixture
def tmp_path(_folders: Iterator[Path]) -> Path:
    """An empty folder, as pytest's own: that one looks through the folders of all tests before for a free name."""
    folder = next(_folders)
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def ipv6_loopback() -> str:
    """``::1``. Containers often have none, and nothing else can stand in for it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    return "::1"


@pytest.fixture
def unmeasured(cov: Coverage | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests that run the same lines over and over: coverage would double their time and learn nothing from them.

    So a line counts as covered when a test that is about it runs it, not because a fault happened to pass by.
    """
    if cov is None:
        yield
        return
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # nor do child processes measure
    cov.stop()
    yield
    cov.start()


_CROSSED = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)  # after `-m` and `-k` have chosen: what does not run measures nothing
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a cross product (sync and async, each vendor, each case) every value is measured once, not every combination.

    Each worker collects all tests, in one order, so that all come to the same choice.
    """
    seen: set[tuple[str, str, int]] = set()
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and callspec.params:
            test = item.nodeid.partition("[")[0]
            values = {(test, name, id(value)) for name, value in callspec.params.items()}
            item.stash[_CROSSED] = values <= seen
            seen |= values


@pytest.fixture(autouse=True)
def _repeated_lines_are_unmeasured(request: pytest.FixtureRequest) -> None:
    """Hypothesis runs the same lines a hundred times, and so do the combinations of a cross product."""
    if request.node.stash.get(_CROSSED, False) or getattr(request.function, "is_hypothesis_test", False):
        request.getfixturevalue("unmeasured")
