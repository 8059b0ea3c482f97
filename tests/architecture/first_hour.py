"""Plays a page as somebody does who has nothing but the wheel: every block of it, literally, from top to bottom.

Blocks of a shell are one session, so that what is exported stays; every block of Python is a program of its own; one of
TOML is the file that the page names. What cannot be literal: the distribution comes from the wheel at hand instead of
the package index, and a command that runs until Ctrl-C runs beside the others.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
UNTIL_CTRL_C: Final = "telephony emulate "
READY: Final = "Ctrl-C ends this"
CONFIGURATION: Final = "telephony.toml"
PROLOGUE: Final = """set -e
beside=""
trap 'code=$?; test -z "$beside" || kill $beside; exit $code' EXIT
"""
BESIDE: Final = """{command} > beside.txt &
beside="$beside $!"
until grep -q {ready} beside.txt; do kill -0 $!; sleep 0.1; done
"""


def play(
    page: str, folder: Path, wheel: Path, pins: Path, environment: Mapping[str, str], interpreter: str
) -> subprocess.CompletedProcess[str]:
    """Run the blocks of a page in an empty environment made in ``folder``; the output names each before it runs."""
    subprocess.run([interpreter, "-m", "venv", "venv"], cwd=folder, check=True)
    script = folder / "page.sh"
    script.write_text(PROLOGUE + "".join(_steps(page, folder, wheel)), encoding="utf-8")
    here = {
        "HOME": str(folder),
        "NO_PROXY": ",".join(filter(None, (environment.get("NO_PROXY"), "127.0.0.1"))),
        "PATH": f"{folder / 'venv' / 'bin'}:{environment['PATH']}",
        "PIP_CONSTRAINT": str(pins),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "0",  # pip reads it as a value of `compile`: only what is imported is compiled
    }
    variables = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    return subprocess.run(
        ["sh", str(script)], cwd=folder, env=variables | here, text=True, capture_output=True, timeout=600, check=False
    )


def _steps(page: str, folder: Path, wheel: Path) -> Iterator[str]:
    """The script's lines for each block; writes the files that they need."""
    for found in BLOCK.finditer(page):
        kind, code = found[1], found[2]
        line = page.count("\n", 0, found.start()) + 1
        yield f"echo {shlex.quote(f'--- line {line}: {kind}')}\n"
        match kind:
            case "sh":
                # Whatever the index has under this name, it is not what is to be tried.
                here = code.replace("'telephony-core[", f"'{wheel}[")
                yield from map(_command, here.splitlines(keepends=True))
            case "python":
                program = folder / f"line_{line}.py"
                program.write_text(code, encoding="utf-8")
                yield f"python -W error {program.name}\n"
            case "toml":
                if f"`{CONFIGURATION}`" not in page[: found.start()]:
                    raise AssertionError(f"line {line}: the page does not say into which file this goes")
                (folder / CONFIGURATION).write_text(code, encoding="utf-8")
            case _:
                raise AssertionError(f"line {line}: nobody can run a block of {kind}")


def _command(line: str) -> str:
    if line.startswith(UNTIL_CTRL_C):
        return BESIDE.format(command=line.strip(), ready=shlex.quote(READY))
    return line
