"""The guides show what their commands print: all of them are run here, in their order."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from telephony_core.emulator.server import serve
from telephony_core.migration.changeset.selection import FIELDS
from telephony_core.migration.changeset.table import COLUMNS
from telephony_vox.emulator import VoxEmulator
from tests.docs.migration_guide import BULK, PAGE, played


def sold_by_sales() -> VoxEmulator:
    """An account with the one number that a program of a page looks for."""
    vox = VoxEmulator(api_key="emulator-key", seed=False)
    vox.add(number="07011113333", memo="Sales", address="sip:trunk.example.com:5060")
    return vox


@pytest.mark.skipif(os.name != "posix", reason="a page kills a process")
@pytest.mark.parametrize("page", [PAGE, BULK], ids=lambda page: page.stem)
def test_the_guide_shows_what_is_printed(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("TELEPHONY_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(name)
    text = page.read_text(encoding="utf-8")
    assert text.count("\n$ telephony ") >= 12
    assert played(text, tmp_path) == text
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    with serve({"vox": sold_by_sales()}) as urls:
        monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "emulator-key")
        monkeypatch.setenv("TELEPHONY_VOX_BASE_URL", urls["vox"])
        exec(compile(program, page.name, "exec", dont_inherit=True), {"__name__": page.stem})
    assert b"trunk-pw-canary" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_the_guide_names_every_column_of_a_table_and_every_field_of_a_condition() -> None:
    text = BULK.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", text, re.MULTILINE))
    assert rows == dict(COLUMNS)
    fields = re.search(r"FIELD is one of (.*?)\. ", text, re.DOTALL)
    assert fields is not None
    assert set(re.findall(r"`([\w.]+)`", fields[1])) == set(FIELDS)
