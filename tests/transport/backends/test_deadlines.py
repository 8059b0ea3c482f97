"""Work within a deadline: what becomes of what it makes, in time and too late."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import Future
from contextlib import suppress
from queue import Queue

import pytest

from telephony_core.transport.backends import deadlines
from telephony_core.transport.backends.deadlines import in_time


class Made(Exception):
    """Something that can be returned as well as raised."""


@pytest.mark.parametrize("end", [TimeoutError, KeyboardInterrupt])
def test_what_is_made_when_nobody_waits_any_more_is_discarded(
    end: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    if end is KeyboardInterrupt:
        monkeypatch.setattr(deadlines, "wait", interrupted)
    go_on, discarded = threading.Event(), Queue[bool]()
    with pytest.raises(end):
        in_time(go_on.wait, time.monotonic(), discarded.put)
    go_on.set()
    assert discarded.get(timeout=10)


def test_what_is_there_when_the_caller_is_interrupted_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = deadlines.wait

    def interrupted(made: list[Future[str]], seconds: float) -> None:
        whole(made, seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(deadlines, "wait", interrupted)
    discarded: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        in_time(lambda: "made", time.monotonic() + 10, discarded.append)
    assert discarded == ["made"]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_holds_what_was_made(fails: bool) -> None:
    found: list[weakref.ref[Made]] = []

    def noted(made: Made) -> Made:
        found.append(weakref.ref(made))
        return made

    def work() -> Made:
        if fails:
            raise noted(Made())
        return noted(Made())

    gc.disable()
    try:
        with suppress(Made):
            in_time(work, time.monotonic() + 10)
        assert found[0]() is None
    finally:
        gc.enable()
