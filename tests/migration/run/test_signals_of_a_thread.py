"""Runs in a thread that is not the main one hear of no signal, and go on as if there were none."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from telephony_core.migration.run.stopping import on_signals


def loops() -> list[Callable[[], asyncio.AbstractEventLoop]]:
    quick = [] if sys.platform == "win32" else [importlib.import_module("uvloop").new_event_loop]
    return [asyncio.new_event_loop, *quick]


@pytest.mark.parametrize("new_loop", loops())
def test_a_run_in_another_thread_goes_on_without_signals(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def work() -> str:
        task = asyncio.current_task()
        assert task is not None
        with on_signals(lambda: None, task):
            return "done"

    def run() -> str:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(work())

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(run).result() == "done"
