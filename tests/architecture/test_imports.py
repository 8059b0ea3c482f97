"""What is imported when: nothing before it is needed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import telephony_core

HTTP = {"aiohttp", "httpcore", "httpcore2", "httpx", "httpx2", "urllib3"}
OTHERS = {"asyncio", "click", "dns", "phonenumbers", "rich", "uvicorn", "yarl"}
ADAPTERS = {"telephony_diga", "telephony_elevenlabs", "telephony_retell", "telephony_vox"}

VOX = "Telephony('vox', api_key='k', backend=Nowhere())"
NOWHERE = "class Nowhere:\n    name = 'nowhere'\n    def send(self, request, timeout): ...\n    def close(self): ...\n"


def loaded(program: str) -> set[str]:
    """The modules that a program ends with, in a process of its own."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        # Measuring coverage in the new process would import what is looked for.
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
    )
    return set(shown.stdout.split())


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import telephony_core", HTTP | OTHERS | ADAPTERS | {"pydantic", "pluggy", "telephony_core.client"}),
        ("from telephony_core import Telephony, AsyncTelephony", HTTP | OTHERS | ADAPTERS | {"tomllib"}),
        ("from telephony_core import *", HTTP | OTHERS | ADAPTERS),
        (f"from telephony_core import Telephony\n{NOWHERE}{VOX}", HTTP | OTHERS | {"telephony_diga"}),
        (
            f"from telephony_core import Telephony\n{NOWHERE}{VOX}",
            {"telephony_vox.emulator", "telephony_core.emulator"},
        ),
    ],
)
def test_nothing_is_imported_before_it_is_needed(program: str, absent: set[str]):
    assert not absent & loaded(program)


def test_every_public_name_is_there():
    for name in telephony_core.__all__:
        assert getattr(telephony_core, name) is not None
    assert set(telephony_core.__all__) <= set(dir(telephony_core))


def test_type_checkers_are_told_of_the_same_names_as_python():
    told = {
        alias.name: node.module
        for block in ast.parse(Path(telephony_core.__file__).read_text(encoding="utf-8")).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = telephony_core._HOMES
    assert told == {name: f"telephony_core.{home}" for home, names in homes.items() for name in names}
    assert set(told) | set(telephony_core.errors.__all__) | {"__version__"} == set(telephony_core.__all__)


def test_a_name_that_does_not_exist_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="telefony"):
        telephony_core.telefony  # noqa: B018
