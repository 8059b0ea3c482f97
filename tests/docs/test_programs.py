"""Every block of the documentation is run, generated, or the output of the block before it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from telephony_core import Connections, NumberImport, OutboundUpdate, Telephony
from tests.docs.blocks import BLOCK, blocks
from tests.docs.matrix import README

DOCS = README.parent / "docs"
OPENING = re.compile(r"^ *```.+$", re.MULTILINE)
ELSEWHERE = {
    "adapters.md",  # tests/contract/test_guide.py
    "fleets.md",  # tests/fleet/test_page.py
    "bulk-changes.md",  # tests/docs/test_migration_guide.py, like the next
    "new-provider.md",  # tests/contract/test_tutorial.py
    "testing.md",  # tests/testing/test_page.py
    "migration.md",
    "sip-check.md",  # tests/sip_check/test_page.py
}
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if str(page.relative_to(DOCS)) not in ELSEWHERE]
WITH_PYTHON = [page for page in sorted(DOCS.rglob("*.md")) if blocks(page, "python")]
WITH_CODE = [page for page in PAGES if "```" in page.read_text(encoding="utf-8")]


UNTYPED = {
    "adapters.md",  # parts of files
    "new-provider.md",
    "testing.md",  # tests, which few annotate
}


def test_every_program_passes_a_strict_type_checker(tmp_path: Path) -> None:
    """They are pasted into applications that are checked."""
    for page in (README, *(page for page in WITH_PYTHON if page.name not in UNTYPED)):
        for place, code in enumerate(blocks(page, "python")):
            (tmp_path / f"{page.stem}_{place}.py".replace("-", "_")).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pages have commands for a POSIX shell, and one forks")
@pytest.mark.usefixtures("online")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_blocks_of_a_page_run_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    trunk = OutboundUpdate(address="sip:trunk.example.com:5060", username="acme", password="old")
    with Telephony("vox") as client:  # what the page on passwords looks for
        client.import_number(NumberImport(number="+827099998888", outbound=trunk))
    printed = ""
    for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        match kind:
            case "python":  # each is a program by itself
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compile(code, page.name, "exec", dont_inherit=True), {"__name__": "program"})
                printed = out.getvalue()
            case "sh":
                for name, value in re.findall(r"^export (\w+)=(\S+)$", code, re.MULTILINE):  # for what follows, too
                    monkeypatch.setenv(name, value)
                done = subprocess.run(["sh", "-ec", code], capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
            case "toml":
                Path("config.toml").write_text(code, encoding="utf-8")
                assert all(connection.provider for connection in Connections.load("config.toml").values())
            case "text":
                assert code == printed
            case _:
                raise AssertionError(f"nobody runs a block of {kind}")


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(DOCS)))
def test_no_block_is_overlooked(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == len(OPENING.findall(text))
