"""The command in process, with the two emulators behind it and nothing of this machine's configuration around it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from telephony_core.accounts.connection import Connection
from telephony_core.cli.app import app
from telephony_core.cli.session import Session
from telephony_core.emulator import Emulator, EmulatorBackend, Fault, FaultKind, json_response
from telephony_core.transport.pace import Pace
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator

API_KEY = "emulator-key"


@dataclass
class Command:
    """Runs the command as a shell would, but in this process."""

    emulators: Mapping[str, Emulator]
    clients: list[Connection] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result:
        session = Session(backend=self._backend, async_backend=self._backend)
        return CliRunner().invoke(app, arguments, input=stdin, obj=session)

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """What ``--json`` prints, of a run that has to succeed."""
        result = self(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def error(self, *arguments: str) -> dict[str, Any]:
        """What ``--json`` says on stderr, of a run that has to fail."""
        result = self(*arguments, "--json")
        assert result.exit_code != 0
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        error: dict[str, Any] = json.loads(line)["error"]
        assert error["exit_code"] == result.exit_code
        return error

    def _backend(self, connection: Connection) -> EmulatorBackend:
        self.clients.append(connection)
        return self.emulators[connection.provider].backend()


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no file and no terminal of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith(("TELEPHONY_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing-here"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "nothing-here"))


@pytest.fixture
def vox() -> VoxEmulator:
    return VoxEmulator(api_key=API_KEY)


@pytest.fixture
def diga() -> DigaEmulator:
    return DigaEmulator(api_key=API_KEY)


@pytest.fixture
def telephony(monkeypatch: pytest.MonkeyPatch, vox: VoxEmulator, diga: DigaEmulator) -> Command:
    """The command, with a key for vox and one for Diga in the environment."""
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", API_KEY)
    monkeypatch.setenv("TELEPHONY_DIGA_API_KEY", API_KEY)
    # A declared pace of 5 a second would make every test of vox a test of patience.
    monkeypatch.setattr("telephony_core.transport.pace.Pace.declared", lambda _limit: Pace.unlimited())
    return Command({"vox": vox, "diga": diga})


@dataclass
class Moving:
    """Three numbers at vox, none of them at Diga, and a folder that the command works in."""

    telephony: Command
    vox: VoxEmulator
    diga: DigaEmulator
    folder: Path

    def inventory(self) -> None:
        assert self.telephony("inventory", "-p", "vox", "-o", "vox.json").exit_code == 0

    def map(self, *, password: str = "env:TRUNK_PASSWORD") -> None:
        """A map in which everything is answered."""
        drafted = self.telephony("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml")
        assert drafted.exit_code == 0, drafted.stderr
        text = (self.folder / "map.toml").read_text(encoding="utf-8")
        answers = (
            (r'# target = "".*', f'target = "{self.diga.agents["reception"]}"'),
            (r"# target_version", "target_version"),
            (r"# username = .*", 'username = "acme"'),
            (r"# password = .*", f'password = "{password}"'),
            (r"# allowed_addresses = .*", 'allowed_addresses = ["203.0.113.7"]'),
        )
        for asked, answer in answers:
            text = re.sub(asked, answer, text)
        (self.folder / "map.toml").write_text(text, encoding="utf-8")

    def plan(self, *options: str, password: str = "env:TRUNK_PASSWORD") -> None:
        """A plan, ready to be applied."""
        self.inventory()
        self.map(password=password)
        made = self.telephony(*PLAN, *options)
        assert made.exit_code == 0, made.stderr

    def moved(self) -> None:
        """All three, moved."""
        self.plan("--soak-hours", "0", "--timeout", "1")
        applied = self.telephony("migrate", "apply", "plan.json", "--yes")
        assert applied.exit_code == 0, applied.stderr

    def refuse(self, status: int) -> None:
        """Diga refuses the next POST with this status."""
        answer = json_response(status, {})
        self.diga.faults.append(Fault(FaultKind.ANSWER, "POST", response=answer))

    def live(self) -> list[str]:
        """The numbers that Diga has now, in order."""
        records = self.telephony.json("numbers", "list", "-p", "diga")
        return sorted(each["identity"]["e164"] for each in records if each["status"] != "released")

    def writes(self) -> list[str]:
        """Every request that was not a GET, at either side."""
        calls = [*self.vox.requests, *self.diga.requests]
        return [f"{call.method} {call.path}" for call in calls if call.method != "GET"]


PLAN = ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "plan.json")
APPLY = ("migrate", "apply", "plan.json")
TRUNK_PASSWORD = "trunk-pw-canary"


@pytest.fixture
def moving(
    telephony: Command, vox: VoxEmulator, diga: DigaEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Moving:
    """Three numbers to be moved from vox to Diga, and nothing else at either."""
    for emulator in (vox, diga):
        for id in list(emulator.store):
            emulator.store.remove(id)
    for index in range(3):
        vox.add(
            number=f"070{11110000 + index}",
            memo=f"line {index}",
            address="sip:trunk.example.com:5060",
            inbound_agent={"agent_id": vox.agents["reception"], "agent_version": "production"},
        )
    monkeypatch.setenv("TRUNK_PASSWORD", TRUNK_PASSWORD)
    monkeypatch.chdir(tmp_path)
    return Moving(telephony, vox, diga, tmp_path)


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the command take stdin for a terminal."""

    def pretend() -> None:
        monkeypatch.setattr("telephony_core.cli.prompts.stdin_is_terminal", lambda: True)

    return pretend
