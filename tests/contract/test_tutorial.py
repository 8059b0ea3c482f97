"""The tutorial on a provider of one's own: its files, in an empty folder, are one that passes the contract kit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.testing.projects import passed, pytest_in

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "new-provider.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, re.M | re.S))


def test_its_files_are_a_provider_that_passes_the_contract_kit(tmp_path: Path) -> None:
    source, site = tmp_path / "telephony-tinytel", tmp_path / "site"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(site), str(source)], check=True)
    done = pytest_in(source, {}, "tests", variables={"PYTHONPATH": str(site)})
    assert passed(done) > 250


def test_it_is_about_a_hundred_lines() -> None:
    assert len(FILES) == PAGE.count("```") / 2 == 6
    code = [
        line for text in FILES.values() for line in text.splitlines() if line.strip() and not line.startswith('"""')
    ]
    assert len(code) < 140
