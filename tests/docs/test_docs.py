"""Every code block of the documentation runs, every link leads somewhere, and the matrix is fresh."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from telephony_core import Telephony
from telephony_core.emulator.server import serve
from telephony_core.testing import new_emulator
from tests.docs.matrix import README, with_matrix
from tests.docs.provider_pages import FOLDER, pages

ROOT = README.parent
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "adapters").glob("*/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
APPLICATIONS = ROOT / "docs" / "applications.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?:\]\(|^\[[^\]]+\]: )([^)#\s]+)(?:#[^)\s]*)?", re.MULTILINE)
# What a shell block may hold that `make wheel` tries, where the README is run from top to bottom.
NOT_HERE = ("export ", "make ", "pip install", "telephony demo", "telephony emulate")
REPOSITORY: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Both emulators on loopback, and the environment of somebody who has keys."""
    emulators = {slug: new_emulator(slug) for slug in ("vox", "diga")}
    config = tmp_path / "telephony" / "config.toml"
    config.parent.mkdir()
    (toml,) = [code for kind, code in BLOCK.findall(README.read_text(encoding="utf-8")) if kind == "toml"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("VOX_KEY", emulators["vox"].api_key)
    with serve(emulators) as urls:
        config.write_text(re.sub(r'(?<=base_url = ")[^"]+', urls["vox"], toml), encoding="utf-8")
        for slug, emulator in emulators.items():
            monkeypatch.setenv(f"TELEPHONY_{slug.upper()}_API_KEY", emulator.api_key)
            monkeypatch.setenv(f"TELEPHONY_{slug.upper()}_BASE_URL", urls[slug])
        for slug, number in (("vox", "070-1111-2222"), ("diga", "612345678")):
            with Telephony(slug) as client:
                agent = client.find_number(number).inbound_agent
            assert agent is not None
            monkeypatch.setenv(f"{slug.upper()}_AGENT", agent.agent_id)
        yield


def blocks(page: Path, kind: str) -> list[str]:
    return [code for found, code in BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


@pytest.mark.usefixtures("online")
def test_every_python_block_of_the_readme_runs() -> None:
    for code in blocks(README, "python"):  # each is a program by itself
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.usefixtures("online")
def test_every_python_block_of_the_page_on_the_number_index_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where its file comes to be
    namespace: dict[str, object] = {"__name__": "number_index"}
    found = blocks(ROOT / "docs" / "number-index.md", "python")
    assert len(found) == 3
    for code in found:
        exec(compile(code, "number-index.md", "exec"), namespace)


@pytest.mark.usefixtures("online")
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = [line.split("  #")[0] for code in blocks(README, "sh") for line in code.splitlines() if line.strip()]
    here = [command for command in commands if not command.startswith(NOT_HERE)]
    assert len(here) >= 5
    for command in here:
        program, *arguments = shlex.split(command)
        assert program == "telephony"
        installed = Path(sys.executable).with_name(program)
        done = subprocess.run([installed, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_that_a_python_block_imports_exists(page: Path) -> None:
    for code in blocks(page, "python"):
        imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(f"{REPOSITORY}/blob/main/"):
            assert (ROOT / target.removeprefix(f"{REPOSITORY}/blob/main/")).exists(), target
        elif not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_every_link_of_the_readme_leads_somewhere_from_a_package_index_too() -> None:
    targets = LINK.findall(README.read_text(encoding="utf-8"))
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith(f"{REPOSITORY}/blob/main/")] == []


def test_every_shorthand_of_a_link_in_the_readme_is_defined() -> None:
    text = re.sub(BLOCK, "", README.read_text(encoding="utf-8"))
    used = re.findall(r"(?<![`\]\w])\[([^\]\[`]+)\](?![(:\w])", text)
    defined = re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE)
    assert set(used) == set(defined)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page: Path) -> None:
    for named in re.findall(r"`([^`\s]*\btest_\w+\.py)`", page.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), named


def test_every_promise_against_a_vendor_that_errs_names_its_test() -> None:
    tables = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split("| shown by |\n|---|---|---|\n")[1:]
    rows = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(rows) > 40
    for row in rows:
        assert re.search(r"`tests/[^`]+\.py`[^|]*\|$|\| the same[^|]*\|$", row), row


def test_the_matrix_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    assert "| operations: list |" in text
    assert with_matrix(text) == text


def test_the_pages_of_the_providers_are_fresh() -> None:
    written = {file: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert written == pages()


def test_the_readme_shows_the_table_of_errors_that_exist() -> None:
    from telephony_core import errors

    table = README.read_text(encoding="utf-8").split("## When it goes wrong")[1].split("```")[0]
    named = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    for row in named:
        for name in re.findall(r"`(\w+)`", row):
            assert name in errors.__all__


@pytest.mark.usefixtures("online")
def test_every_python_block_of_the_page_on_applications_runs() -> None:
    for code in blocks(APPLICATIONS, "python"):
        exec(compile(code, APPLICATIONS.name, "exec", dont_inherit=True), {"__name__": "application"})


@pytest.fixture
def service(online: None) -> Iterator[TestClient]:
    """The web service of the page on applications."""
    namespace: dict[str, Any] = {"__name__": "service"}
    exec(compile(blocks(APPLICATIONS, "python")[0], APPLICATIONS.name, "exec", dont_inherit=True), namespace)
    with TestClient(namespace["app"], raise_server_exceptions=False) as client:
        yield client


TRUNK = {"address": "pbx.example.com", "username": "pbx", "password": "canary-9f2c"}
IMPORT = {"number": "+827099996666", "outbound": TRUNK}


def test_the_web_service_imports_a_number(service: TestClient) -> None:
    answer = service.post("/numbers", json=IMPORT)
    assert (answer.status_code, answer.json()["identity"]["e164"]) == (200, "+827099996666")
    assert "raw" not in answer.json()
    assert TRUNK["password"] not in answer.text


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({**IMPORT, "outbound": {**TRUNK, "adress": "x"}}, 422, "outbound.adress: is not among its fields"),
        ({**IMPORT, "outbound": {**TRUNK, "address": "sip:u:canary-9f2c@h"}}, 422, "holds a password"),
        ({**IMPORT, "outbound": {**TRUNK, "password": ["canary-9f2c"]}}, 422, "outbound.password: has to be text"),
        ({"outbound": TRUNK}, 422, "number: is missing"),
        ([IMPORT], 422, "dictionary"),
        ({**IMPORT, "inbound": {"allowed_addresses": []}}, 422, "lets every source call in"),
        ({**IMPORT, "inbound": {"media_encryption": "require"}}, 422, "does not support"),
        ({**IMPORT, "number": "070-1111-2222"}, 409, "already here"),
    ],
)
def test_a_refused_body_is_answered_with_the_reason_and_nothing_of_what_was_in_it(
    service: TestClient, body: object, status: int, word: str
) -> None:
    answer = service.post("/numbers", json=body)
    assert answer.status_code == status
    assert word in answer.text
    assert "canary" not in answer.text


def test_a_body_that_is_no_json_is_not_repeated_either(service: TestClient) -> None:
    answer = service.post(
        "/numbers", content=b'{"password": "canary-9f2c"', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "canary" not in answer.text


def test_the_web_service_describes_what_it_takes(service: TestClient) -> None:
    schemas = service.get("/openapi.json").json()["components"]["schemas"]
    outbound = schemas["OutboundUpdate"]["properties"]
    assert (outbound["password"]["anyOf"][0]["writeOnly"], "default" in outbound["password"]) == (True, False)
