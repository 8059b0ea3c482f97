"""Runs commands as a shell would, and shows them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

COMMAND = (sys.executable, "-m", "telephony_core.cli")


def title(text: str) -> None:
    print(f"\n== {text}\n", flush=True)


def expect(holds: bool, what: str) -> None:
    """End the play unless it holds."""
    if not holds:
        raise SystemExit(f"this does not hold: {what}")


def run(*words: str, code: int = 0, lines: int | None = None, shown: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, which has to be ``code``, and show what it prints, or its first ``lines``."""
    if shown:
        print(f"\n$ telephony {shlex.join(words)}")
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)  # noqa: S603
    expect(done.returncode == code, f"`{shlex.join(words)}` ended with {done.returncode}: {done.stderr.strip()}")
    printed = (done.stdout if code in (0, 2) else done.stderr).splitlines() if shown else []
    for line in printed[:lines]:
        print(f"  {line}")
    if lines is not None and len(printed) > lines:
        print(f"  … and {len(printed) - lines} more lines")
    return done


@contextmanager
def running(*words: str) -> Iterator[Iterator[Mapping[str, object]]]:
    """A command in a process of its own, and the events that it prints. It is killed (SIGKILL) in the end."""
    print(f"\n$ telephony {shlex.join(words)}")
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield (json.loads(line).get("event", {}) for line in process.stderr or ())
        finally:
            process.kill()
