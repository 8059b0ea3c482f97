"""A wrong file in the right place: what it is, what is wanted, and how that is made, for every command."""

from __future__ import annotations

import pytest


@pytest.fixture
def files(moving):
    moving.plan()
    (moving.folder / "numbers.csv").write_text("number;label\n+34612000001;Desk\n", encoding="utf-8")
    (moving.folder / "telephony.toml").write_text('[connections.a]\nprovider = "vox"\n', encoding="utf-8")
    assert moving.telephony("migrate", "report", "plan.json", "--html", "page.html").exit_code == 0
    return moving


@pytest.mark.parametrize("command", ["apply", "status", "verify", "rollback", "release", "report"])
def test_a_map_is_no_plan(files, command):
    error = files.telephony.error("migrate", command, "map.toml")
    assert error["message"] == "map.toml is a map, and a plan is expected here"
    assert "telephony migrate plan INVENTORY --to NAME --map map.toml" in error["remedy"]


@pytest.mark.parametrize(
    ("words", "found", "wanted"),
    [
        (("apply", "vox.json"), "an inventory", "a plan"),
        (("apply", "numbers.csv"), "a table of numbers", "a plan"),
        (("apply", "page.html"), "a page for a browser", "a plan"),
        (("apply", "telephony.toml"), "a configuration file", "a plan"),
        (("migrate", "assess", "plan.json", "--to", "diga"), "a plan", "an inventory"),
        (("migrate", "assess", "vox.json", "--to", "diga", "--map", "plan.json"), "a plan", "a map"),
        (("migrate", "assess", "vox.json", "--to", "diga", "--map", "vox.json"), "an inventory", "a map"),
        (("inventory", "diff", "map.toml"), "a map", "an inventory"),
        (("numbers", "import", "-p", "diga", "--from", "plan.json", "-o", "new.json"), "a plan", "a table of numbers"),
        (("providers", "--config", "map.toml"), "a map", "a configuration file"),
        (("apply", "plan.json", "--numbers", "@map.toml"), "a map", "a list of numbers"),
    ],
)
def test_every_file_is_called_what_it_is(files, words, found, wanted):
    if words[0] == "providers":
        words = ("numbers", "list", "-p", "vox", *words[1:])
    error = files.telephony.error(*words)
    assert f" is {found}, and {wanted} is expected here" in error["message"]
    assert files.writes() == []


def test_a_journal_leads_to_its_plan(files):
    assert files.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    error = files.telephony.error("status", "plan.json.journal")
    assert "is a journal" in error["message"]
    assert "without .journal" in error["remedy"]


def test_the_faults_of_a_map_are_a_line_each(files):
    file = files.folder / "map.toml"
    file.write_text(file.read_text(encoding="utf-8") + '\n[[agents]]\nsorce = "x"\n\n[label]\nruel = "cut"\n', "utf-8")
    result = files.telephony("migrate", "assess", "vox.json", "--to", "diga", "--map", "map.toml")
    assert result.exit_code != 0
    *faults, error, following = result.stderr.splitlines()
    assert len(faults) >= 3
    assert all(line.startswith("line ") for line in faults)
    assert error == f"error: map.toml: {len(faults)} faults, each on a line above"
    assert following.startswith("  next: ")


def test_who_started_a_run_is_in_its_status(files, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    assert files.telephony("apply", "plan.json", "--yes").exit_code == 0
    assert " by ana on " in files.telephony("status", "plan.json").stdout
    assert files.telephony.json("status", "plan.json")["runs"][0]["user"] == "ana"
