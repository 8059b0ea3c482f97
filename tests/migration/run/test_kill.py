"""Killed at every boundary, run again: always the end state of a run that nobody killed. Real processes, real SIGKILL.

Boundaries are the moments before and after every journal write, and three moments of every request: before it is sent,
after the vendor acted and before the answer arrives, and after the answer was read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from telephony_core.migration.journal.claims import state_folder
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.status import read_run
from tests.migration.stage import Stage, sorted_state

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork on Windows"),
    pytest.mark.usefixtures("unmeasured"),
]


class Process:
    """A process at our side that answers each JSON line with one."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process is gone"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **asked: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self.read()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


class Processes:
    """What carries out the plans of all scenes here; to start it takes as long as a dozen runs."""

    def __init__(self) -> None:
        self.runner = Process("tests.migration.run.kill_runner")
        self._servers: dict[tuple[str, int], tuple[Process, dict[str, Any]]] = {}

    def server(self, context: str, count: int) -> tuple[Process, dict[str, Any]]:
        """The emulators for a way and so many numbers, and their URLs."""
        if (context, count) not in self._servers:
            server = Process("tests.migration.run.kill_server", context, str(count))
            self._servers[context, count] = server, server.read()
        return self._servers[context, count]

    def close(self) -> None:
        for process in (self.runner, *(server for server, _ in self._servers.values())):
            process.close()


@dataclass
class Scene:
    """A plan, the emulators on loopback, and the processes that carry it out."""

    processes: Processes
    folder: Path
    context: str
    before: tuple[str, ...]
    """Commands that are carried out in full before the one that is killed."""
    command: str
    kind: str = "migrate"
    count: int = 2
    kills: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        # Longer than any run here takes, so that whatever was sent before a kill may still take effect after it; the
        # processes have a time of their own, in which waiting for it takes none.
        settings = Settings(timeout=20.0, settling_window=60.0, soak_hours=0)
        stage = Stage(self.folder, self.context, self.count, settings)
        make = {"migrate": stage.plan, "import": stage.import_plan, "set": stage.settings_plan}
        self.loaded: LoadedPlan = make[self.kind]()
        self.server, self.urls = self.processes.server(self.context, self.count)
        self.undisturbed = self.run(None)
        self.end_state = self.state()

    def boundaries(self) -> list[tuple[str, int, str]]:
        journal = [("journal", n + 1, m) for n in range(self.undisturbed["journal"]) for m in ("before", "after")]
        moments = ("before", "acted", "after")
        return journal + [("request", n + 1, m) for n in range(self.undisturbed["request"]) for m in moments]

    def run(self, kill: tuple[str, int, str] | None) -> dict[str, Any]:
        """From the beginning, up to the end or to the kill."""
        for leftover in (*self.folder.glob("plan.json.journal*"), *state_folder().iterdir()):
            leftover.unlink()  # as on a machine that never saw this plan
        self.server.ask(do="reset")
        for command in self.before:
            self.carry_out(command)
        return self.carry_out(self.command, kill)

    def carry_out(self, command: str, kill: tuple[str, int, str] | None = None) -> dict[str, Any]:
        acted = kill is not None and kill[2] == "acted"
        confirmed = self._ask(f"preview {command}")["shown"] if command in ("rollback", "release") else ()
        self.server.ask(do="arm", kill_at=kill[1] if kill is not None and acted else None)
        return self._ask(command, confirmed=confirmed, kill=None if acted else kill)

    def _ask(self, command: str, **asked: object) -> dict[str, Any]:
        given = {"plan": str(self.loaded.path), "urls": self.urls, "machine": os.environ["XDG_STATE_HOME"]}
        return self.processes.runner.ask(command=command, **given, **asked)

    def state(self) -> list[list[object]]:
        return [list(sorted_state(records)) for records in self.server.ask(do="look")["state"]]

    def survives(self, kill: tuple[str, int, str]) -> None:
        first = self.run(kill)
        assert first["killed"], f"nobody died at {kill}: {first}"
        self.kills += 1
        again = self.carry_out(self.command)
        assert not again["killed"]
        assert self.state() == self.end_state, f"after a kill at {kill}, and then: {again['said']}"
        standings = {number.state for number in read_run(self.loaded).numbers}
        assert standings == {_STANDING[self.command].get(self.kind, "rolled_back")}, (
            f"after a kill at {kill}, and then: {again['said']}"
        )


_STANDING = {
    "apply": {"migrate": "moved", "import": "imported", "set": "changed"},
    "rollback": {},
    "release": {"migrate": "released"},
}


CASES = (
    ("vox-diga", (), "apply"),
    ("diga-vox", (), "apply"),
    ("vox-diga", ("apply",), "rollback"),
    ("diga-vox", ("apply",), "rollback"),
    ("vox-diga", ("apply", "verify"), "release"),
    ("diga-vox", ("apply", "verify"), "release"),
    ("retell-elevenlabs", (), "apply"),
    ("elevenlabs-retell", ("apply",), "rollback"),
    ("retell-elevenlabs", ("apply", "verify"), "release"),
    ("vox-diga", (), "apply", "import"),
    ("diga-vox", (), "apply", "import"),
    ("diga-vox", ("apply",), "rollback", "import"),
    ("vox-diga", (), "apply", "set"),
    ("diga-vox", (), "apply", "set"),
    ("vox-diga", ("apply",), "rollback", "set"),
    ("diga-vox", ("apply",), "rollback", "set"),
)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    processes = Processes()
    yield processes
    processes.close()


@pytest.fixture(params=CASES, ids=lambda case: "-".join([*case[3:], case[2], case[0]]))
def scene(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path) -> Scene:
    whole = request.node.get_closest_marker("long") is not None
    return Scene(processes, tmp_path, *request.param, count=3 if whole else 2)


def test_a_run_killed_at_a_sample_of_boundaries_ends_as_if_nobody_had(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    boundaries = scene.boundaries()
    sampled = 4 if scene.command == "apply" else 2  # all of them in the long run
    step = max(1, len(boundaries) // sampled)
    for kill in boundaries[step // 2 :: step]:
        scene.survives(kill)
    with capsys.disabled():
        print(f" [{scene.kills} of {len(boundaries)} boundaries]", end="")


@pytest.mark.parametrize("scene", CASES[:2], ids=("vox-diga", "diga-vox"), indirect=True)
@pytest.mark.parametrize("moment", ["acted", "after"])
def test_a_migration_that_is_killed_again_and_again_arrives_in_the_end(scene: Scene, moment: str) -> None:
    killed = scene.run(("request", 8, moment))
    for request in range(11, 100, 3):
        if not killed["killed"]:
            break
        killed = scene.carry_out("apply", ("request", request, moment))
    assert killed["said"] == "2 of 2 moved"
    assert scene.state() == scene.end_state


@pytest.mark.long
def test_a_run_killed_at_any_boundary_ends_as_if_nobody_had(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    boundaries = scene.boundaries()
    for kill in boundaries:
        scene.survives(kill)
    with capsys.disabled():
        print(f" [all {scene.kills} boundaries]", end="")
