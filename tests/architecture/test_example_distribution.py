"""A stranger's distribution, installed away from the checkout, is a provider like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.testing.projects import LEAN

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "telephony-acme"

PROGRAM = """
import asyncio, json, sys
from telephony_core import *
from telephony_core.provider.registry import registry
from telephony_core.testing import emulated, emulated_async, new_emulator

before = {name for name in sys.modules if name.startswith("telephony_acme")}
(installed,) = [found for found in registry.installed() if found.slug == "acme"]
named = {name for name in sys.modules if name.startswith("telephony_acme")}
registry.spec("acme")
specified = {name for name in sys.modules if name.startswith("telephony_acme")}

emulator = new_emulator("acme")
with emulated("acme", emulator) as telephony:
    imported = telephony.import_number(
        NumberImport(
            number="020 7946 0018",
            inbound=InboundUpdate(allowed_addresses=["192.0.2.0/24"]),
            outbound=OutboundUpdate(address="pbx.example.com:5060", username="desk", password="not shown"),
            inbound_agent=AgentRef(emulator.agents["reception"], version=PUBLISHED),
        )
    )
    try:
        telephony.update_label(imported, "Reception")
    except UnsupportedOperation as error:
        refusal = str(error)

async def listed():
    async with emulated_async("acme", emulator) as telephony:
        return [str(number.identity) async for number in telephony.list_numbers()]

print(json.dumps({
    "distribution": [installed.distribution, installed.version, installed.module],
    "imports": [sorted(before), sorted(named), sorted(specified)],
    "from": sys.modules["telephony_acme"].__file__,
    "imported": imported.model_dump(mode="json"),
    "refusal": refusal,
    "listed": asyncio.run(listed()),
}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example, without any index."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-index", "--no-deps", "--no-build-isolation", "--target", str(target), str(EXAMPLE)], target)
    return target


@pytest.fixture(scope="module")
def told(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program tells that uses it."""
    answer: dict[str, Any] = json.loads(
        run([sys.executable, "-W", "error", "-c", PROGRAM], tmp_path_factory.mktemp("elsewhere"), site)
    )
    return answer


def test_it_is_found_by_its_slug_and_used_by_both_clients(site: Path, told: dict[str, Any]) -> None:
    assert told["distribution"] == ["telephony-acme", "1.0.0", "telephony_acme.plugin"]
    assert Path(told["from"]).is_relative_to(site)
    assert told["imported"]["identity"]["e164"] == "+442079460018"
    assert told["imported"]["sip"]["outbound"]["username"] == "desk"
    assert told["refusal"].startswith("acme update_label: acme cannot label a number")
    assert "+442079460018" in told["listed"]


def test_its_modules_are_imported_level_by_level(told: dict[str, Any]) -> None:
    declared = ["telephony_acme", "telephony_acme.capabilities", "telephony_acme.plugin"]
    assert told["imports"] == [[], [], declared]


def test_its_own_tests_pass_where_it_is_installed(site: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    pytest_there = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *LEAN]
    run([*pytest_there, "-k", "not async", "tests"], tmp_path, site)  # all of them: `tests/contract/test_acme.py`


def run(command: list[str], folder: Path, *path: Path) -> str:
    """Run a command with nothing of the checkout around it; its output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "PYTEST", "TELEPHONY"))}
    environment = {**kept, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
