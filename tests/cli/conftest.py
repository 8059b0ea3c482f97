"""The command in process, with the two emulators behind it and nothing of this machine's configuration around it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from telephony_core.cli.app import app
from telephony_core.cli.session import Session
from telephony_core.connection import Connection
from telephony_core.emulator import Emulator, EmulatorBackend
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator

API_KEY = "emulator-key"


@dataclass
class Command:
    """Runs the command as a shell would, but in this process."""

    emulators: Mapping[str, Emulator]
    clients: list[Connection] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin, obj=Session(backend=self._backend))

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
    monkeypatch.setattr("telephony_core.transport.pace.Pace.declared", lambda _limit: None)
    return Command({"vox": vox, "diga": diga})


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the command take stdin for a terminal."""

    def pretend() -> None:
        monkeypatch.setattr("telephony_core.cli.prompts.stdin_is_terminal", lambda: True)

    return pretend
