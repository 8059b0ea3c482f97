"""`telephony migrate assess`, `map` and `plan`: what they print, write and refuse, and that they only read."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest

from examples.demo.sip_peer import local_peer
from telephony_core.migration.assessment.eligibility import capabilities_of
from telephony_core.provider.capabilities import AddressForms
from tests.cli.conftest import PLAN, TRUNK_PASSWORD


def test_assess_says_what_would_become_of_every_number(moving):
    moving.inventory()
    result = moving.telephony("migrate", "assess", "vox.json", "--to", "diga")
    assert result.exit_code == 0
    assert "3 blocked" in result.stdout
    assert "has no successor in the" in result.stdout
    assert "next: telephony migrate map vox.json --to diga -o map.toml" in result.stdout
    assert moving.writes() == []


def test_assess_with_a_map_counts_its_answers(moving):
    moving.inventory()
    moving.map()
    found = moving.telephony.json("migrate", "assess", "vox.json", "--to", "diga", "--map", "map.toml")
    assert [each["why"] for each in found["numbers"]] == [None, None, None]


def test_assess_with_a_map_says_how_to_go_on_to_a_plan(moving):
    moving.inventory()
    moving.map()
    result = moving.telephony("migrate", "assess", "vox.json", "--to", "diga", "--map", "map.toml")
    assert "next: telephony migrate plan vox.json --to diga --map map.toml -o plan.json" in result.stdout


def test_assess_says_how_a_loss_is_allowed_here(moving):
    record = next(iter(moving.vox.store))
    moving.vox.store.edit(record, {"address": "sip:pbx.example.com:5061;transport=tls"})
    moving.inventory()
    result = moving.telephony("migrate", "assess", "vox.json", "--to", "diga")
    assert "if that is meant: --allow tls\n" in result.stdout
    allowed = moving.telephony.json("migrate", "assess", "vox.json", "--to", "diga", "--allow", "tls")
    assert allowed["allowed"] == ["tls"]


def test_a_loss_that_does_not_exist_cannot_be_allowed(moving):
    moving.inventory()
    result = moving.telephony("migrate", "assess", "vox.json", "--to", "diga", "--allow", "everything")
    assert result.exit_code == 64
    assert "lost_allow_list" in result.stderr


def test_a_connection_that_is_not_there_is_told(moving):
    moving.inventory()
    result = moving.telephony("migrate", "assess", "vox.json", "--to", "nobody")
    assert result.exit_code == 78
    assert "next: use one of" in result.stderr


def test_map_is_written_for_editing(moving):
    moving.inventory()
    result = moving.telephony("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml")
    assert "1 agent and 1 trunk to fill in" in result.stdout
    assert "next: telephony migrate plan vox.json --to diga --map map.toml -o plan.json" in result.stdout
    assert "[[trunks]]" in (moving.folder / "map.toml").read_text(encoding="utf-8")
    data = moving.telephony.json("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml", "--force")
    assert data == {"file": "map.toml", "agents": 1, "trunks": 1}
    again = moving.telephony("migrate", "map", "vox.json", "--to", "diga", "-o", "map.toml")
    assert (again.exit_code, "--force" in again.stderr) == (1, True)


def test_plan_is_written_and_shown(moving):
    moving.inventory()
    moving.map()
    result = moving.telephony(*PLAN, "--html", "plan.html")
    assert result.exit_code == 0
    assert "Move 3 of 3 numbers from vox to diga." in result.stdout
    assert "next: telephony migrate apply plan.json" in result.stdout
    checksum = json.loads((moving.folder / "plan.json").read_text())["checksum"]
    assert checksum in (moving.folder / "plan.html").read_text()
    assert moving.writes() == []


def test_plan_as_json_is_the_plan(moving):
    moving.inventory()
    moving.map()
    plan = moving.telephony.json(*PLAN, "--canary", "2", "--concurrency", "3", "--timeout", "9", "--soak-hours", "5")
    assert (plan["file"], len(plan["numbers"])) == ("plan.json", 3)
    settings = plan["settings"]
    assert (settings["canary"], settings["concurrency"], settings["timeout"], settings["soak_hours"]) == (2, 3, 9, 5)


def test_no_secret_is_in_what_is_written_or_printed(moving):
    moving.inventory()
    moving.map()
    result = moving.telephony(*PLAN, "--html", "plan.html")
    assert TRUNK_PASSWORD not in result.output
    assert all(TRUNK_PASSWORD not in file.read_text(encoding="utf-8") for file in moving.folder.glob("*.*"))


def test_the_detailed_exit_code_tells_changes_from_nothing_from_stuck(moving):
    moving.inventory()
    stuck = moving.telephony("migrate", "plan", "vox.json", "--to", "diga", "-o", "p.json", "--detailed-exitcode")
    assert stuck.exit_code == 1
    assert "next: telephony migrate map vox.json" in stuck.stdout
    moving.map()
    assert moving.telephony(*PLAN, "--detailed-exitcode").exit_code == 2
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    moving_again = ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "b.json")
    nothing = moving.telephony(*moving_again, "--detailed-exitcode")
    assert nothing.exit_code == 0
    assert "Nothing to move" in nothing.stdout


def test_some_numbers_can_be_chosen_in_any_spelling(moving):
    moving.inventory()
    moving.map()
    (moving.folder / "some.txt").write_text("# the first two\n070-1111-0000\n\n+827011110001\n")
    plan = moving.telephony.json(*PLAN, "--numbers", "@some.txt")
    assert [each["key"] for each in plan["numbers"]] == ["+827011110000", "+827011110001"]
    assert [each["why"] for each in plan["skipped"]] == ["not_chosen"]


@pytest.mark.parametrize("text", ['{"remainder": 3}', "[1]", "{", '{"numbers": []}'])
def test_a_list_of_numbers_that_is_none_is_refused(moving, text):
    moving.inventory()
    moving.map()
    (moving.folder / "some.json").write_text(text)
    result = moving.telephony(*PLAN, "--numbers", "@some.json")
    assert result.exit_code == 64
    assert "neither a list of numbers nor a report" in result.stderr


@pytest.mark.parametrize("text", ["", " \n", "# none of them\n", "[]"])
def test_a_list_that_names_no_number_is_refused(moving, text):
    moving.inventory()
    moving.map()
    (moving.folder / "some.txt").write_text(text)
    result = moving.telephony(*PLAN, "--numbers", "@some.txt", "--detailed-exitcode")
    assert result.exit_code == 64
    assert "some.txt names no number" in result.stderr
    assert not (moving.folder / "plan.json").exists()


def test_a_list_of_numbers_that_cannot_be_read_is_refused(moving):
    moving.inventory()
    moving.map()
    assert moving.telephony(*PLAN, "--numbers", "@nowhere.txt").exit_code == 64


def test_a_plan_that_was_begun_is_not_replaced_even_by_force(moving):
    moving.moved()
    result = moving.telephony(*PLAN, "--force")
    assert result.exit_code == 1
    assert "was begun" in result.stderr


def test_to_name_a_plan_that_was_begun_is_not_answered_by_force_which_does_not_help(moving):
    moving.moved()
    result = moving.telephony(*PLAN)
    assert result.exit_code == 1
    assert "was begun" in result.stderr
    assert "--force" not in result.stderr


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"format": "telephony-core migration plan", "version": 1}'])
def test_a_plan_that_was_begun_and_is_spoilt_is_not_to_be_made_again_in_its_place(moving, spoilt):
    moving.moved()
    (moving.folder / "plan.json").write_bytes(spoilt)
    result = moving.telephony("status", "plan.json")
    assert result.exit_code == 1
    assert "make it again" not in result.stderr
    assert "its journal plan.json.journal belongs to no other plan" in result.stderr
    # What it says to do where there is no copy.
    anew = moving.telephony.json(*PLAN[:-1], "other.json")
    assert [len(anew[part]) for part in ("numbers", "skipped")] == [0, 3]


def test_a_map_with_faults_tells_their_lines(moving):
    moving.inventory()
    moving.map()
    file = moving.folder / "map.toml"
    file.write_text(file.read_text(encoding="utf-8") + '\n[labels]\nrule = "cut"\n', encoding="utf-8")
    result = moving.telephony(*PLAN)
    assert result.exit_code == 1
    assert "labels: there is no such setting" in result.stderr


# -- trunks that are asked


def with_trunk(moving, address):
    for id in moving.vox.store:
        moving.vox.store.edit(id, {"address": f"sip:{address}"})
    moving.inventory()
    moving.map()


@pytest.fixture
def closed():
    """An address at which nothing listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"127.0.0.1:{port}"


def test_no_trunk_is_asked_unless_that_is_wanted(moving, monkeypatch):
    monkeypatch.setattr("telephony_core.cli.commands.migrate.trunks.acheck_trunk", None)
    moving.plan()


def test_a_trunk_that_answers_is_noted(moving):
    with local_peer() as address:
        with_trunk(moving, address)
        plan = moving.telephony.json(*PLAN, "--check-trunks")
    assert len(plan["numbers"]) == 3
    assert "checked from" in plan["numbers"][0]["findings"][-1]["message"]


def test_a_distinct_trunk_is_asked_once(moving, monkeypatch):
    from telephony_core.cli.commands.migrate import trunks

    asked = []
    original = trunks.acheck_trunk

    async def counted(address):
        asked.append(address)
        return await original(address)

    monkeypatch.setattr(trunks, "acheck_trunk", counted)
    with local_peer() as address:
        with_trunk(moving, address)
        assert moving.telephony(*PLAN, "--check-trunks").exit_code == 0
    assert len(asked) == 1


def test_a_trunk_is_asked_over_the_transport_that_the_target_uses(moving, monkeypatch):
    declared = capabilities_of("diga")
    forms = AddressForms(source="test", transport=True, default_transport="tcp")
    monkeypatch.setattr(
        "telephony_core.cli.commands.migrate.trunks.capabilities_of", lambda _: replace(declared, address_forms=forms)
    )
    with local_peer() as address:  # over UDP
        with_trunk(moving, address)
        result = moving.telephony(*PLAN, "--check-trunks")
    assert "all 3 blocked numbers" in result.stdout
    assert "transport=tcp" in result.stdout


def test_a_trunk_that_fails_keeps_its_numbers_out_of_the_plan(moving, closed):
    with_trunk(moving, closed)
    result = moving.telephony(*PLAN, "--check-trunks", "--detailed-exitcode")
    assert result.exit_code == 1
    assert "all 3 blocked numbers" in result.stdout
    assert "--allow trunk_check" in result.stdout
    assert json.loads((moving.folder / "plan.json").read_text())["numbers"] == []


def test_a_trunk_that_fails_can_be_allowed_by_name_and_is_applied_then(moving, closed):
    with_trunk(moving, closed)
    plan = moving.telephony.json(*PLAN, "--check-trunks", "--allow", "trunk_check")
    (finding,) = [each for each in plan["numbers"][0]["findings"] if each["allowance"] == "trunk_check"]
    assert (finding["severity"], finding["allowed"]) == ("block", True)
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0


def test_the_command_that_shows_every_step_can_be_pasted(moving):
    with_trunk(moving, "[::1]:9")
    result = moving.telephony(*PLAN, "--check-trunks")
    assert "`telephony sip check 'sip:[::1]:9'`" in " ".join(result.stdout.split())


def test_what_is_not_checked_cannot_be_allowed(moving):
    moving.inventory()
    result = moving.telephony(*PLAN, "--allow", "trunk_check")
    assert result.exit_code == 64
    assert "--check-trunks" in result.stderr
