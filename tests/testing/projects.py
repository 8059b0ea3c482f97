"""Projects of users: files in a fresh folder, and pytest of this environment over them, as they would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

KEPT = ("COVERAGE_PROCESS", "PATH", "HOME", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "LANG", "SYSTEMROOT")
"""Variables that a user's process has as well."""
_OURS = ("anyio", "hypothesispytest", "schemathesis", "xdist", "xdist.looponfail")
LEAN = tuple(word for plugin in _OURS for word in ("-p", f"no:{plugin}"))
"""Without the plugins of our own tests, which take longer to load than most projects here take to run."""


def pytest_in(
    folder: Path, files: Mapping[str, str], *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Write the files, and run their tests; a warning is an error."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *LEAN, *arguments],
        cwd=folder,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def passed(done: subprocess.CompletedProcess[str]) -> int:
    """How many tests passed, where all did."""
    assert done.returncode == 0, done.stdout + done.stderr
    (count,) = re.findall(r"(\d+) passed", done.stdout)
    return int(count)
