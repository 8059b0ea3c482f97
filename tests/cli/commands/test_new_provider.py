"""`telephony new-provider`: a distribution that works, under a name of one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telephony_core.cli.provider_template import ProviderNames
from tests.testing.projects import passed, pytest_in


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_tells_what_it_has_written_and_what_to_do_next(telephony, here):
    result = telephony("new-provider", "my-carrier")
    assert result.exit_code == 0, result.stderr
    assert "13 files are in telephony-my-carrier" in result.stdout
    assert "  cd telephony-my-carrier\n  pip install -e . pytest\n  pytest\n" in result.stdout


def test_as_json_it_names_every_file(telephony, here):
    told = telephony.json("new-provider", "my-carrier", "--directory", "deep/er")
    files = {file.relative_to(here / "deep/er").as_posix() for file in (here / "deep/er").rglob("*") if file.is_file()}
    assert set(told.pop("files")) == files
    assert told.pop("next")[0] == "cd deep/er"
    assert told == {
        "directory": "deep/er",
        "slug": "my-carrier",
        "package": "telephony_my_carrier",
        "distribution": "telephony-my-carrier",
    }


def test_nothing_of_the_examples_name_is_left(telephony, here):
    telephony("new-provider", "my-carrier")
    written = [file for file in (here / "telephony-my-carrier").rglob("*") if file.is_file()]
    assert len(written) == 13
    for file in written:
        assert "acme" not in f"{file.relative_to(here)} {file.read_text(encoding='utf-8')}".lower()
    adapter = (here / "telephony-my-carrier/telephony_my_carrier/adapter.py").read_text()
    assert "class MyCarrierProvider(Provider):\n" in adapter
    entry = (here / "telephony-my-carrier/pyproject.toml").read_text()
    assert '[project.entry-points.telephony_core]\nmy-carrier = "telephony_my_carrier.plugin"\n' in entry


@pytest.mark.parametrize("slug", ["my-carrier", pytest.param("x2", marks=pytest.mark.long)])
def test_its_tests_pass_where_it_is_installed(telephony, here, slug):
    assert telephony("new-provider", slug, "--directory", "mine").exit_code == 0
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", "site", "./mine"], check=True)
    # The kit with the other client: `tests/contract/test_acme.py`.
    done = pytest_in(here / "mine", {}, "-k", "not async", "tests", variables={"PYTHONPATH": str(here / "site")})
    assert passed(done) > 250


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Acme", "cannot be the slug"),
        ("a b", "cannot be the slug"),
        ("a_b", "cannot be the slug"),
        ("a--b", "cannot be the slug"),
        ("-", "cannot be the slug"),
        ("a-", "cannot be the slug"),
        ("9a", "cannot be the slug"),
        ("", "cannot be the slug"),
        ("../x", "cannot be the slug"),
        ("전화", "cannot be the slug"),
        ("a" * 41, "cannot be the slug"),
        ("vox", "the provider vox is installed already"),
        ("core", "there is a package telephony_core already"),
        ("telephony-x", "would be the distribution telephony-telephony-x; leave the first word out: x"),
        ("telephony", "leave the first word out: my-carrier"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(telephony, here, name, told):
    error = telephony.error("new-provider", name)
    assert error["exit_code"] == 65
    assert told in f"{error['message']}; {error['remedy']}"
    assert list(here.iterdir()) == []


def test_nothing_is_written_over(telephony, here):
    (here / "telephony-x").mkdir()
    assert telephony("new-provider", "x").exit_code == 0, "an empty folder is nobody's work"
    before = {file: file.read_bytes() for file in here.rglob("*") if file.is_file()}
    error = telephony.error("new-provider", "x")
    assert error["exit_code"] == 65
    assert "is there already, and is not empty" in error["message"]
    assert "--directory" in error["remedy"]
    (here / "file").write_text("mine")
    assert "is no folder" in telephony.error("new-provider", "x", "--directory", "file")["message"]
    (here / "link").symlink_to(here / "elsewhere")
    assert "is no folder" in telephony.error("new-provider", "x", "--directory", "link")["message"]
    after = {file: file.read_bytes() for file in here.rglob("*") if file.is_file() and file.name != "file"}
    assert after == before


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(telephony, here):
    (here / "file").write_text("mine")
    result = telephony("new-provider", "x", "--directory", "file/deep")
    assert result.exit_code != 0
    assert "file" in result.stderr
    assert [file.name for file in here.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("Acme Voice of Acme", "My Carrier of My Carrier"),
        ("class AcmeConfig, TestAcme", "class MyCarrierConfig, TestMyCarrier"),
        ("telephony_acme.plugin telephony-acme", "telephony_my_carrier.plugin telephony-my-carrier"),
        ("TELEPHONY_ACME_API_KEY x-acme-key", "TELEPHONY_MY_CARRIER_API_KEY x-my-carrier-key"),
        ("Acme's, acme", "My Carrier's, my-carrier"),
    ],
)
def test_each_kind_of_name_has_its_form(text, renamed):
    assert ProviderNames("my-carrier").renamed(text) == renamed


def test_a_name_that_the_example_has_itself_changes_nothing_twice():
    assert ProviderNames("acme").renamed("Acme Voice AcmeConfig acme") == "Acme AcmeConfig acme"
