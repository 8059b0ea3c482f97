"""What reaches a terminal: nothing raw, nothing interpreted, nothing lost, whatever its width."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from telephony_core.cli.output import tables
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.tables import Cell, Column
from telephony_core.text.visible import is_visible

HOSTILE = "\x1b[31mred\x07\u202egnirts\u200e\u2028[bold]x[/bold]\x9b2J\r\nend"
ID = "9d0e7b7c-c0df-46d7-89b1-29f0a7e66c04"

STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLUMNS = (Column("NUMBER"), Column("STATUS"), Column("LABEL", 2, gives_way="cut"), Column("ID", 1))
ROWS = [
    ("+827011112222", Cell("active", "green"), "본사 대표번호 — 서울특별시 강남구 테헤란로", ID),
    ("+82277770005", Cell("released", "dim"), "", ID[::-1]),
]


@pytest.fixture
def terminal(monkeypatch):
    """Makes stdout a terminal of some width."""

    def of_width(columns, **environment):
        for module in ("tables", "terminal"):
            monkeypatch.setattr(f"telephony_core.cli.output.{module}.on_terminal", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return of_width


# -- text


@settings(deadline=None, max_examples=300)
@given(st.text())
@example(HOSTILE)
def test_printable_text_is_one_line_of_characters_that_can_be_seen(text):
    assert printable(text).isprintable()


@settings(deadline=None)
@given(st.text(alphabet=st.characters(whitelist_categories=("L", "N", "P", "S"))))
def test_printable_leaves_text_that_can_be_seen_as_it_is(text):
    assume(all(map(is_visible, text)))
    assert printable(text) == text


INVISIBLE = (
    "\u034f\u115f\u1160\u17b4\u180b\u2800\u3164\ufe0f\uffa0\u00ad\u200b\u2060\ufeff\U000e0101\U0001d159\U00016fe4"
)


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda character: f"U+{ord(character):04X}")
def test_two_numbers_that_differ_in_what_nobody_sees_are_shown_differently(telephony, vox, character):
    odd = f"line{character}1"
    assert printable(odd) == "line" + character.encode("unicode_escape").decode() + "1"
    assert character not in safe_json(odd)
    assert json.loads(safe_json(odd)) == odd
    vox.add(number="07099990009", memo=odd)
    assert character not in telephony("numbers", "show", "07099990009", "-p", "vox").stdout


def test_marks_are_kept_where_a_language_needs_them_and_not_where_they_bury_what_is_beside_them():
    for word in ("Peña".encode().decode(), "Pen\u0303a", "Vie\u0323\u0302t", "\u0e17\u0e35\u0e48"):
        assert printable(word) == word
    assert printable("\u0336") == "\\u0336"
    assert printable("a" + "\u0336" * 9).endswith("\\u0336" * 5)


def test_printable_shows_what_was_hidden():
    assert printable("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
@example({"label": HOSTILE + "\ud800😀\U000e0001"})
def test_safe_json_is_json_and_printable(payload):
    text = safe_json(payload)
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == payload


def test_safe_json_keeps_letters_readable():
    assert safe_json("본사", indent=None) == '"본사"'
    assert safe_json("본사", indent=None, ascii_only=True) == '"\\ubcf8\\uc0ac"'


# -- tables


def test_a_pipe_gets_every_column_whole_and_no_colour(capsys):
    tables.print_table(COLUMNS, ROWS, empty="")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NUMBER", "STATUS", "LABEL", "ID"]
    assert lines[1].endswith(ID)
    assert "테헤란로" in lines[1]
    assert "\x1b" not in "".join(lines)
    assert len({cell_len(line) for line in lines[1:]}) == 1


def test_a_pipe_gets_no_colour_even_where_it_is_forced(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    tables.print_table(COLUMNS, ROWS, empty="")
    tables.print_facts([("status", Cell("active", "green"))])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(terminal, capsys, width):
    terminal(width, NO_COLOR="1")
    tables.print_table(COLUMNS, ROWS, empty="")
    lines = STYLE.sub("", capsys.readouterr().out).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("said", ["0", "-1", "", "abc", "²", "٣", "1e3", "99999999999", "9" * 5000])
def test_a_width_that_cannot_be_meant_counts_for_nothing(terminal, capsys, said):
    terminal(said, NO_COLOR="1", LINES=said)
    tables.print_table(COLUMNS, ROWS, empty="")
    assert STYLE.sub("", capsys.readouterr().out).startswith("NUMBER")
    assert tables.terminal().width == tables.terminal(stderr=True).width == 80


def test_a_terminal_of_one_column_still_shows_every_number(terminal, capsys):
    terminal(1, NO_COLOR="1")
    tables.print_table(COLUMNS, ROWS, empty="")
    assert "+827011112222" in capsys.readouterr().out


def test_a_terminal_leaves_out_the_least_important_column_and_says_so(terminal, capsys):
    terminal(60, NO_COLOR="1")
    tables.print_table(COLUMNS, ROWS, empty="")
    out = capsys.readouterr().out
    assert ID not in out
    assert "…" not in out.splitlines()[2]
    assert "not shown: id" in out or "not shown: label" in out


def test_an_id_is_never_cut(terminal, capsys):
    for width in (30, 40, 60, 80, 100):
        terminal(width, NO_COLOR="1")
        tables.print_table(COLUMNS, ROWS, empty="")
        out = capsys.readouterr().out
        assert ID in out or "not shown: id" in out or "not shown: label, id" in out
        assert ID[:8] not in out.replace(ID, "")


def test_where_even_the_essential_columns_have_no_room_the_records_are_listed(terminal, capsys):
    terminal(20, NO_COLOR="1")
    tables.print_table(COLUMNS, ROWS, empty="")
    out = capsys.readouterr().out
    assert ID in out
    assert "status" in out
    assert "STATUS" not in out


def test_a_folded_column_loses_nothing(terminal, capsys):
    terminal(40, NO_COLOR="1")
    row = ("fields", "read, write, clear (at most 200 characters)")
    tables.print_table((Column("POINT"), Column("SAYS", gives_way="folded")), [row], empty="")
    said = " ".join(capsys.readouterr().out.split())
    assert "at most 200 characters)" in said


def test_colour_is_used_on_a_terminal_and_not_with_no_color(terminal, capsys):
    terminal(80)
    tables.print_table(COLUMNS, ROWS, empty="")
    assert "\x1b[32m" in capsys.readouterr().out
    terminal(80, NO_COLOR="1")
    tables.print_table(COLUMNS, ROWS, empty="")
    assert "\x1b[3" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [None, 30, 80, 300])
def test_hostile_text_reaches_no_output_raw_and_markup_is_not_interpreted(terminal, capsys, width):
    if width is not None:
        terminal(width, NO_COLOR="1")
    tables.print_table((Column("NUMBER"), Column("LABEL", 1, gives_way="cut")), [(HOSTILE, HOSTILE)], empty="")
    tables.print_facts([("label", HOSTILE)])
    tables.print_line(HOSTILE)
    out = capsys.readouterr().out.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert all(line.isprintable() for line in out.split("\n"))
    assert "[bold]x[/bold]" in out


def test_hostile_vendor_data_goes_through_the_whole_command_harmlessly(telephony, vox):
    vox.add(number="07099990001", memo=HOSTILE)
    for arguments in (("numbers", "list"), ("numbers", "show", "07099990001"), ("sip", "show", "07099990001")):
        for format_ in ((), ("--json",)):
            result = telephony(*arguments, "-p", "vox", *format_)
            assert result.exit_code == 0, result.stderr
            assert all(line.isprintable() for line in result.output.split("\n"))


def test_json_keeps_hostile_text_as_it_is_once_it_is_parsed(telephony, vox):
    vox.add(number="07099990002", memo=HOSTILE)
    assert telephony.json("numbers", "show", "07099990002", "-p", "vox")["label"] == HOSTILE


def test_a_number_with_half_a_surrogate_pair_breaks_neither_table_nor_json(telephony, vox):
    vox.add(number="07099990003", memo="\ud83d half")
    assert "\\ud83d half" in telephony("numbers", "list", "-p", "vox").stdout
    assert telephony.json("numbers", "show", "07099990003", "-p", "vox")["label"] == "\\ud83d half"


def test_facts_that_are_empty_are_left_out(capsys):
    tables.print_facts([("label", ""), ("id", "x")])
    assert capsys.readouterr().out == "id  x\n"
