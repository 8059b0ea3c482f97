"""Two emulators in a process of their own, on loopback, told what to do by JSON lines on standard input.

They can kill the process that asked: after the vendor acted, and before the answer leaves. The killed process is named
by a header of its request.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from telephony_core.emulator import EmulatedOutcome, Emulator, HttpRequest
from telephony_core.emulator.server import serve
from tests.migration.stage import Stage

PROCESS = "x-process"


@dataclass
class Counter:
    """Requests that arrived, and the one after which its sender dies."""

    count: int = 0
    kill_at: int | None = None


class Stand:
    """Stands in for an emulator that is replaced by a fresh one between two runs."""

    def __init__(self, emulator: Emulator, counter: Counter) -> None:
        self.emulator = emulator
        self.base_url = emulator.base_url
        self._counter = counter

    def outcome(self, request: HttpRequest) -> EmulatedOutcome:
        self._counter.count += 1
        outcome = self.emulator.outcome(request)
        if self._counter.count == self._counter.kill_at:
            os.kill(int(dict(request.headers)[PROCESS]), signal.SIGKILL)
        return outcome


def main(context: str, count: int) -> None:
    counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), context, count)
        stands = {emulator.slug: Stand(emulator, counter) for emulator in stage.both}
        with serve(stands) as urls:  # all that is served of it is `outcome` and `base_url`
            print(json.dumps(urls), flush=True)
            for line in sys.stdin:
                asked = json.loads(line)
                if asked["do"] == "reset":
                    stage = Stage(Path(folder), context, count)
                    for emulator in stage.both:
                        stands[emulator.slug].emulator = emulator
                if asked["do"] in ("reset", "arm"):
                    counter.count, counter.kill_at = 0, asked.get("kill_at")
                print(json.dumps({"state": stage.end_state(), "requests": counter.count}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
