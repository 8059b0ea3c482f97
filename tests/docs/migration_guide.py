"""Play `docs/migration.md` and `docs/bulk-changes.md`: run their commands in order and put what they print below them.

``python -m tests.docs.migration_guide`` writes both pages anew.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from telephony_core.cli.app import app
from telephony_core.cli.session import Session
from telephony_core.emulator import Emulator, Fault, FaultKind
from telephony_core.emulator.server import serve
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "migration.md"
BULK = DOCS / "bulk-changes.md"
BLOCK = re.compile(r"^```(toml|csv|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KILLED = "# and the power fails"
_CHANGING = (
    (re.compile(r"by \S+ on \S+ \(process \d+\)"), "by ana on ops-1 (process 4711)"),
    (re.compile(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "until 2026-11-21 09:15:01 UTC"),
    (re.compile(r"(?<!until )\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? UTC"), "2026-11-21 09:00:00 UTC"),
    (re.compile(r"\(process \d+\)"), "(process 4711)"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8642"),
    (re.compile(r"on 20\d\d-\d\d-\d\d"), "on 2026-11-24"),
)
"""What is different each time, and what the page has in its place."""


def played(text: str, folder: Path) -> str:
    """The page with everything in it that its commands print now."""
    with _scene(folder) as target:
        return BLOCK.sub(lambda block: _block(block[1], block[2], target), text)


@contextmanager
def _scene(folder: Path) -> Iterator[Emulator]:
    """Two emulators on loopback with the numbers of the page, and the folder in which its commands are typed."""
    vox, diga = VoxEmulator(seed=False), DigaEmulator(seed=False)
    agent = {"agent_id": vox.agents["reception"], "agent_version": "production"}
    trunk = "sip:trunk.example.com:5060"
    vox.add(number="07011112222", memo="Front desk", address=trunk, inbound_agent=agent)
    vox.add(number="07011113333", memo="Sales", address=trunk)
    vox.add(number="0212345678", memo="Seoul", address="sip:acme@pbx.example.com:5061;transport=tls")
    vox.add(number="140001", memo="Six digits", address=trunk)
    with ExitStack() as stack:
        urls = stack.enter_context(serve({"vox": vox, "diga": diga}))
        tables = [
            f'[connections.{slug}]\nprovider = "{slug}"\nbase_url = "{url}"\napi_key = "env:KEY"\npace = {{}}\n'
            for slug, url in urls.items()
        ]
        (folder / "config.toml").write_text("\n".join(tables), encoding="utf-8")
        settings = {"TELEPHONY_CONFIG": str(folder / "config.toml"), "KEY": vox.api_key, "NO_PROXY": "*"}
        stack.enter_context(patch.dict(os.environ, {**settings, "TRUNK_PASSWORD": "trunk-pw-canary"}))
        stack.enter_context(chdir(folder))
        yield diga


def _block(kind: str, body: str, target: Emulator) -> str:
    if kind == "toml":
        Path("map.toml").write_text(body, encoding="utf-8")
        return f"```toml\n{body}```"
    if kind == "csv":
        Path("numbers.csv").write_text(body, encoding="utf-8")
        return f"```csv\n{body}```"
    commands = [line for line in body.splitlines() if line.startswith("$ ")]
    return "```console\n" + "\n".join(f"{command}\n{_printed(command, target)}" for command in commands) + "```"


_PROGRESS = re.compile(r"[a-z ]+ \d+ of \d+(, \d+ failed)?|going on after a run .*")
"""What a terminal shows as a bar, and what names a process."""


def _printed(command: str, target: Emulator) -> str:
    words = shlex.split(command.removeprefix("$ "), comments=True)
    assert words[0] == "telephony", command
    out = _killed(words[1:], target) if command.endswith(KILLED) else _run(words[1:])
    for pattern, fixed in _CHANGING:
        out = pattern.sub(fixed, out)
    return out


def _run(words: list[str]) -> str:
    result = CliRunner().invoke(app, words, obj=Session())
    told = [line for line in result.stderr.splitlines() if not _PROGRESS.fullmatch(line)]
    return "".join(f"{line}\n" for line in told) + result.stdout


def _killed(words: list[str], target: Emulator) -> str:
    """Run it in a process of its own, and kill that before it has read the answer to its second import."""
    target.faults.append(Fault(FaultKind.DRIP, method="POST", skip=1))
    command = [sys.executable, "-m", "telephony_core.cli", *words, "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            event = json.loads(line)["event"]
            if (event.get("action"), event.get("phase"), event["done"]) == ("import", "intent", 1):
                while len(target.records()) < 2:  # the answer drips in, so there is time
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                return "Killed\n"
    raise AssertionError("it ended before it could be killed")


def main() -> None:
    for page in (PAGE, BULK):
        with tempfile.TemporaryDirectory() as folder:
            text = played(page.read_text(encoding="utf-8"), Path(folder))
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
