"""Tries the distribution as a stranger gets it: built, installed outside the checkout, imported and run.

The editable install puts the whole checkout on the path, so only this shows a file or a dependency that the wheel
forgets. Run by `make wheel`; needs the package index, hence a script and not a test. Other Pythons than this one are
named as arguments (`make pythons`): the wheel has to work on each that `pyproject.toml` names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.architecture import first_hour

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements-dev.txt"
PACKAGES = {"telephony_core", "telephony_diga", "telephony_elevenlabs", "telephony_retell", "telephony_vox"}
DATA = {
    "telephony_core/fleet/schema.sql",
    "telephony_core/migration/rendering/templates/page.css",
    "telephony_core/migration/rendering/templates/plan.html",
    "telephony_core/py.typed",
    "telephony_diga/openapi.json",
    "telephony_diga/py.typed",
    "telephony_elevenlabs/openapi.json",
    "telephony_retell/openapi.json",
    "telephony_elevenlabs/py.typed",
    "telephony_retell/py.typed",
    "telephony_vox/openapi.json",
    "telephony_vox/py.typed",
}
IMPORTS = """
import importlib.metadata, importlib.resources, pathlib, sys
for name in {packages}:
    home = pathlib.Path(importlib.import_module(name).__file__)
    assert home.is_relative_to(sys.prefix), f"{{name}} was imported from {{home}}, not from the wheel"
for path in {data}:
    package, _, name = path.partition("/")
    assert importlib.resources.files(package).joinpath(name).is_file(), f"{{path}} is not installed"
points = importlib.metadata.entry_points(group="telephony_core")
assert set(points.names) == {{"diga", "elevenlabs", "retell", "vox"}}, f"entry points: {{points.names}}"
for point in points:
    point.load()
(plugin,) = importlib.metadata.entry_points(group="pytest11", name="telephony")
assert plugin.value == "telephony_core.testing.pytest_plugin", f"pytest would load {{plugin}}"
print(importlib.metadata.version("telephony-core"))
print(sys.version.partition("(")[0].strip())
"""


def main(pythons: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="telephony-wheel-") as folder:
        outside = Path(folder)
        wheel = build(outside)
        for place, python in enumerate(pythons):
            room = outside / str(place)
            room.mkdir()
            version, interpreter = smoke(wheel, python, room)
            print(f"The wheel of telephony-core {version} works outside the checkout, on {interpreter}.", flush=True)


def smoke(wheel: Path, python: str, room: Path) -> tuple[str, str]:
    """Try the wheel in a new environment of ``python``; the versions of the library and of Python."""
    environment = Environment(room, python)

    environment.install(str(wheel))
    version, interpreter = environment.python(IMPORTS.format(packages=sorted(PACKAGES), data=sorted(DATA))).splitlines()
    without_extra = environment.telephony("providers")
    expect(without_extra.returncode != 0, "`telephony` without the cli extra ends with an error", without_extra)
    expect("telephony-core[cli]" in without_extra.stderr, "… which names the extra", without_extra)
    expect("Traceback" not in without_extra.stderr, "… and shows no traceback", without_extra)

    environment.install(f"{wheel}[cli]")
    shown = environment.telephony("--version")
    expect(shown.returncode == 0 and version in shown.stdout, f"`telephony --version` says {version}", shown)
    providers = environment.telephony("providers")
    expect(providers.returncode == 0, "`telephony providers` runs", providers)
    listed = all(slug in providers.stdout for slug in ("diga", "retell", "vox"))
    expect(listed, "… and lists diga, retell and vox", providers)

    begun = environment.telephony("new-provider", "my-carrier")
    expect(begun.returncode == 0, "`telephony new-provider` runs", begun)
    whole = (room / "telephony-my-carrier" / "tests" / "test_contract.py").is_file()
    expect(whole, "… and writes the example with its tests", begun)

    folder = room / "first-hour"
    folder.mkdir()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    played = first_hour.play(readme, folder, wheel, PINS, clean(), python)
    expect(played.returncode == 0, "every block of the README runs, from top to bottom", played)
    return version, interpreter


def build(outside: Path) -> Path:
    """Build the wheel from the unpacked sdist, so that the sdist is shown to be complete too."""
    hatchling = [sys.executable, "-m", "hatchling", "build", "-d", str(outside / "dist")]
    run([*hatchling, "-t", "sdist"], cwd=ROOT)
    (sdist,) = (outside / "dist").glob("*.tar.gz")
    shutil.unpack_archive(sdist, outside / "source")
    (source,) = (outside / "source").iterdir()
    run([*hatchling, "-t", "wheel"], cwd=source)
    (wheel,) = (outside / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    if tops != PACKAGES or not names >= DATA:
        sys.exit(f"The wheel holds {sorted(tops)} and lacks {sorted(DATA - names)}; see [tool.hatch.build].")
    return wheel


class Environment:
    """A virtual environment that shares nothing with the checkout."""

    def __init__(self, outside: Path, python: str) -> None:
        self.folder = outside
        run([python, "-m", "venv", str(outside / "venv")], cwd=outside)
        self.bin = outside / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def install(self, requirement: str) -> None:
        pip = [str(self.bin / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Of what is installed a fraction is imported, and is compiled then.
        run([*pip, "--no-compile", "--constraint", str(PINS), requirement], cwd=self.folder, env=clean())

    def python(self, code: str) -> str:
        return run([str(self.bin / "python"), "-W", "error", "-c", code], cwd=self.folder, env=clean()).stdout

    def telephony(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return call([str(self.bin / "telephony"), *arguments], cwd=self.folder, env=clean())


def clean() -> dict[str, str]:
    """This process's variables less those that would lead Python or the command back to the checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE", "TELEPHONY"))}


def call(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, text=True, capture_output=True, timeout=600, check=False)


def run(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = call(command, cwd=cwd, env=env)
    expect(done.returncode == 0, " ".join(command[:4]), done)
    return done


def expect(holds: bool, what: str, done: subprocess.CompletedProcess[str]) -> None:
    if not holds:
        sys.exit(f"The wheel fails: {what} (exit code {done.returncode})\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
