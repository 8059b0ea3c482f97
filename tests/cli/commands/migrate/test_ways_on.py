"""The printed next steps of changes of many numbers lead to an end, too: never round in a circle, nor to what is done.

plan ──> apply ──> verify ──> report (the end)
                     └── rollback ──> report, and a sentence with the way on
"""

from __future__ import annotations

import re

import pytest

from telephony_core.migration.rendering.commands import is_next

TABLE = """number;address;username;password;allowed_addresses
+34612000001;pbx.example.com:5060;acme;env:TRUNK_PASSWORD;203.0.113.7
+34612000002;pbx.example.com:5060;acme;env:TRUNK_PASSWORD;203.0.113.7
"""


@pytest.fixture
def imported(moving):
    (moving.folder / "numbers.csv").write_text(TABLE, encoding="utf-8")
    moving.first = moving.telephony("numbers", "import", "-p", "diga", "--from", "numbers.csv", "-o", "plan.json")
    return moving


@pytest.fixture
def changed(moving):
    moving.first = moving.telephony(
        "numbers", "set", "-p", "vox", "--where", "status=active", "--label", "L", "-o", "plan.json"
    )
    return moving


@pytest.fixture(params=["imported", "changed"])
def changing(request):
    return request.getfixturevalue(request.param)


def following(result) -> list[str]:
    """The commands that are printed as next steps."""
    lines = (line for line in result.stdout.splitlines() if is_next(line))
    return [line.partition("next: telephony ")[2] for line in lines]


def run(moving, command):
    words = command.split()
    return moving.telephony(*words, *(["--yes"] if words[-2] in ("apply", "rollback") else []))


def walked(moving, result) -> list[str]:
    """Follow the first command that is printed until none is left."""
    path = []
    while commands := following(result):
        assert commands[0] not in path, f"it goes round: {[*path, commands[0]]}"
        path.append(commands[0])
        result = run(moving, commands[0])
        assert result.exit_code == 0, result.stderr
    return path


def test_from_the_plan_the_steps_lead_to_the_report_and_end_there(changing):
    assert walked(changing, changing.first) == ["apply plan.json", "verify plan.json", "report plan.json"]


@pytest.mark.parametrize("begin", ["rollback", "status", "apply", "verify"])
def test_after_a_rollback_nothing_stale_is_named_and_the_way_on_is(changing, begin):
    assert run(changing, "apply plan.json").exit_code == 0
    back = run(changing, "rollback plan.json")
    result = back if begin == "rollback" else run(changing, f"{begin} plan.json")
    assert walked(changing, result) == ["report plan.json"]
    status = run(changing, "status plan.json").stdout
    assert re.search("make another plan, under another name, .*`telephony numbers (import|set) -p ", status)


def test_a_difference_leads_to_verify_and_back_to_rollback(changing):
    assert run(changing, "apply plan.json").exit_code == 0
    emulator = changing.diga if "import" in changing.first.stdout.lower().split("\n")[0] else changing.vox
    for record in list(emulator.store):
        emulator.store.edit(record, {"nickname" if emulator is changing.diga else "memo": "foreign"})
    result = changing.telephony("verify", "plan.json")
    assert result.exit_code == 9
    assert [command.split()[0] for command in following(result)] == ["verify", "rollback"]


def test_while_the_soak_lasts_the_next_step_says_from_when_on(moving):
    moving.plan()
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    result = moving.telephony("migrate", "verify", "plan.json")
    assert re.search(
        r"^from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC on, next: telephony migrate release", result.stdout, re.M
    )
    status = moving.telephony("migrate", "status", "plan.json").stdout
    assert re.search(r"^from .* UTC on, next: telephony migrate release plan.json$", status, re.M)


def test_accepted_losses_are_listed_by_verify(moving):
    for record in list(moving.vox.store):
        moving.vox.store.edit(record, {"address": "sip:pbx.example.com:5061;transport=tls"})
    moving.plan("--allow", "tls")
    assert moving.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0
    result = moving.telephony("migrate", "verify", "plan.json")
    assert "3 of 3 moved numbers are as planned; 0 of them with every setting of the source" in result.stdout
    assert "    3 numbers lose encrypted signalling (+827011110000" in result.stdout
    report = moving.telephony.json("migrate", "verify", "plan.json")
    assert {finding["allowance"] for number in report["numbers"] for finding in number["accepted"]} == {"tls"}


def test_what_blocks_is_shown_before_apply_asks(moving, monkeypatch):
    moving.vox.add(number="140001", memo="short")
    moving.plan()
    monkeypatch.setattr("telephony_core.cli.prompts.stdin_is_terminal", lambda: True)
    result = moving.telephony("migrate", "apply", "plan.json", stdin="n\n")
    assert result.exit_code == 8
    assert result.stderr.index("140001: diga cannot hold") < result.stderr.index("[y/N]")
    assert moving.writes() == []


def test_a_canary_is_a_count_or_numbers(moving):
    moving.inventory()
    moving.map()
    words = ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "plan.json", "--force")
    named = moving.telephony.json(*words, "--canary", "+827011110002", "--canary", "070-1111-0001")
    assert [canary["number"] for canary in named["canaries"]] == ["+827011110002", "+827011110001"]
    assert moving.telephony.json(*words, "--canary", "2")["settings"]["canary"] == 2
    mixed = moving.telephony(*words, "--canary", "2", "--canary", "+827011110002")
    assert (mixed.exit_code, "one count (0 to 999), or numbers" in mixed.stderr) == (64, True)
