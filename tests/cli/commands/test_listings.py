"""What a listing shows on terminals of several widths, and what a write says that it changed."""

from __future__ import annotations

import os
import re

import pytest
from rich.cells import cell_len

from telephony_core.cli.output import tables
from tests.cli.commands.seeded import MAIN_LINE, SPANISH_MOBILE

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
LABEL = "본사 대표번호 안내 데스크 (평일 09:00-18:00)"


@pytest.fixture
def wide(monkeypatch):
    """Makes stdout a real terminal (a pty) of some width, as far as the command can see."""
    main, other = os.openpty()

    def of(columns):
        monkeypatch.setattr(tables, "on_terminal", lambda: os.isatty(other))
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")

    yield of
    os.close(main)
    os.close(other)


def without_folds(text):
    return re.sub(r"\s+", "", STYLE.sub("", text))


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_number_status_label_and_agent_are_whole_at_every_width(telephony, vox, wide, columns):
    agent = vox.agents["reception"]
    for record in vox.records():
        vox.store.remove(record["id"])
    vox.add(number="07011110000", memo=LABEL, inbound_agent={"agent_id": agent, "agent_version": "production"})
    wide(columns)
    lines = STYLE.sub("", telephony("numbers", "list", "-p", "vox").stdout).splitlines()
    assert [line for line in lines if cell_len(line) > columns] == []
    assert "…" not in "".join(lines)
    table = [line for line in lines[1:] if not line.startswith("not shown")]
    if "NUMBER" in lines[0]:
        # Each column by itself, its folds put together again.
        starts = [lines[0].index(title) for title in ("NUMBER", "STATUS", "LABEL", "AGENT")]
        ends = [*starts[1:], lines[0].index("ORIGIN") if "ORIGIN" in lines[0] else columns]
        cells = ["".join(_cut(line, start, end) for line in table) for start, end in zip(starts, ends, strict=True)]
    else:
        cells = ["".join(lines)] * 4
    for wanted, cell in zip(("+827011110000", "active", LABEL, f"{agent} published"), cells, strict=True):
        assert without_folds(wanted) in without_folds(cell)


def _cut(line, start, end):
    """The characters of a line between two columns of the terminal."""
    cut, at = "", 0
    for character in line:
        cut += character if start <= at < end else ""
        at += cell_len(character)
    return cut


def test_at_80_columns_the_seeded_account_is_a_table_with_what_people_need(telephony, wide):
    wide(80)
    first = STYLE.sub("", telephony("numbers", "list", "-p", "vox").stdout).splitlines()[0]
    assert first.split()[:4] == ["NUMBER", "STATUS", "LABEL", "AGENT"]


def test_columns_are_those_that_were_chosen_in_their_order(telephony):
    shown = telephony("numbers", "list", "-p", "vox", "--columns", "label, number,outbound.address").stdout
    assert re.split(r"\s{2,}", shown.splitlines()[0]) == ["LABEL", "NUMBER", "OUTBOUND TO"]


def test_an_unknown_column_is_answered_with_those_that_there_are(telephony, vox):
    for options in (("--columns", "number,colour"), ("--sort", "colour")):
        result = telephony("numbers", "list", "-p", "vox", *options)
        assert result.exit_code == 64
        assert "there is no column 'colour'; the columns are: number, status, label, agent, " in result.stderr
    assert vox.requests == []


@pytest.mark.parametrize("other", ["--json", "--count"])
def test_columns_of_what_is_no_table_are_refused(telephony, other):
    assert telephony("numbers", "list", "-p", "vox", "--columns", "number", other).exit_code == 64


def test_sorting_puts_what_has_no_value_last(telephony):
    for order in ((), ("--descending",)):
        labels = [each["label"] for each in telephony.json("numbers", "list", "-p", "vox", "--sort", "label", *order)]
        known = [label.casefold() for label in labels if label]
        assert labels[len(known) :] == [None] * (len(labels) - len(known))
        assert known == sorted(known, reverse=bool(order))
    assert telephony("numbers", "list", "-p", "vox", "--descending").exit_code == 64


def test_where_and_numbers_choose_with_the_words_of_sip_set(telephony, vox):
    reception = vox.agents["reception"]
    found = telephony.json("numbers", "list", "-p", "vox", "--where", f"agent={reception}", "--where", "status=active")
    assert found
    for each in found:
        agents = [each[way]["agent_id"] for way in ("inbound_agent", "outbound_agent") if each[way]]
        assert (each["status"], reception in agents) == ("active", True)
    (one,) = telephony.json("numbers", "list", "-p", "vox", "--numbers", "+82 70-1111-2222")
    assert one["identity"]["e164"] == MAIN_LINE
    assert telephony.json("numbers", "list", "-p", "vox", "--where", "label=nobody has this") == []
    assert "the fields are: status, origin" in telephony("numbers", "list", "-p", "vox", "--where", "colour=1").stderr


def test_count_prints_how_many_there_are(telephony):
    every = telephony.json("numbers", "list", "-p", "vox")
    assert telephony("numbers", "list", "-p", "vox", "--count").stdout == f"{len(every)}\n"
    assert telephony.json("numbers", "list", "-p", "vox", "--count") == len(every)
    assert telephony.json("numbers", "list", "-p", "vox", "--count", "--limit", "2") == 2


def test_agents_are_listed_with_their_names_and_the_published_version(telephony, vox, diga):
    assert {each["name"]: each["id"] for each in telephony.json("agents", "list", "-p", "vox")} == vox.agents
    table = telephony("agents", "list", "-p", "diga", "--sort", "name", "--columns", "name,id").stdout.splitlines()
    assert table[0].split() == ["NAME", "ID"]
    assert [line.split()[0] for line in table[1:]] == sorted(diga.agents)
    assert telephony("agents", "list", "-p", "vox", "--count").stdout == f"{len(vox.agents)}\n"


def test_writes_say_what_was_and_what_is(telephony, vox, diga, monkeypatch):
    monkeypatch.setenv("TRUNK_PASSWORD", "trunk-pw-canary")
    label = telephony("numbers", "label", MAIN_LINE, "Sales", "-p", "vox").stdout
    assert "changed\n  label  본사 대표번호 → Sales\n" in label
    assert telephony("numbers", "label", MAIN_LINE, "Sales", "-p", "vox").stdout.startswith("nothing is different")
    trunk = telephony("sip", "set", MAIN_LINE, "-p", "vox", "--address", "new.example.com:5060", "--username", "acme",
                      "--password", "env:TRUNK_PASSWORD").stdout  # fmt: skip
    assert "outbound to        sip:trunk.example.com:5060 → sip:new.example.com:5060" in trunk
    assert "outbound username  replaced (vox does not show it)" in trunk
    assert "outbound password  replaced (vox does not show it)" in trunk
    assert "trunk-pw-canary" not in trunk
    agent = telephony("agents", "assign", SPANISH_MOBILE, "-p", "diga", "--inbound-agent", diga.agents["support"],
                      "--agent-version", "published").stdout  # fmt: skip
    assert f"→ {diga.agents['support']}" in agent
    gone = telephony("numbers", "release", MAIN_LINE, "-p", "vox", "-y").stdout
    assert "status  active → released" in gone
