"""`docs/migration.md` shows what its commands print: all of them are run here, in its order."""

from __future__ import annotations

import ast
import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.docs.migration_guide import PAGE, played


@pytest.mark.skipif(os.name != "posix", reason="the page kills a process")
def test_the_guide_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("TELEPHONY_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(name)
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\n$ telephony ") >= 12
    assert played(text, tmp_path) == text
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    asyncio.run(eval(compile(program, "migration.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)))
    assert b"trunk-pw-canary" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
