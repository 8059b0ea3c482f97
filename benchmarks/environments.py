"""An environment of its own for every SDK, in a folder that git does not see."""

# ruff: noqa: S603 - it starts pip
from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".venv" / "bench"

SDKS = {
    "twilio": "twilio==9.13.0",
    "telnyx": "telnyx==4.189.0",
    "retell": "retell-sdk==6.2.13",
    "elevenlabs": "elevenlabs==2.78.0",
    "vapi": "vapi-server-sdk==3.0.0",
}
"""Contender and distribution, newest when these figures were first taken."""


def python_of(name: str, *, install: bool) -> Path | None:
    """The Python that runs a contender; ``None`` where its SDK is not installed (and cannot be)."""
    if name not in SDKS:
        return Path(sys.executable)
    folder = CACHE / SDKS[name].replace("==", "-")
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ready = folder / "ready"
    if ready.exists():
        return python
    if not install:
        return None
    print(f"installing {SDKS[name]} ...", file=sys.stderr)
    venv.EnvBuilder(clear=True, with_pip=True).create(folder)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDKS[name]]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        print(f"{SDKS[name]} cannot be installed and is left out", file=sys.stderr)
        return None
    ready.touch()
    return python
