"""Sentences on a terminal: broken between words, by the cells that a terminal needs, and commands stay whole."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from telephony_core.cli.output.prose import broken

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize(
    "text",
    [
        "the number is at the target already, and is left as it is there " * 3,
        "대표번호 " * 40,
        unicodedata.normalize("NFD", "서울 한강 " * 40),
        f"{FAMILY} " * 40,
    ],
)
def test_no_line_is_wider_than_the_terminal(text: str, width: int) -> None:
    lines = broken(text, width).split("\n")
    assert max(map(cell_len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == text.strip()


@pytest.mark.parametrize(
    ("lead", "rest"), [("", ""), ("  ! ", "    "), ("    - ", "      "), ("    ", "      "), ("error: ", "       ")]
)
def test_the_lines_that_follow_stand_below_what_a_sign_leads_in(lead: str, rest: str) -> None:
    first, *others = broken(f"{lead}{'word ' * 30}", 40).split("\n")
    assert first.startswith(f"{lead}word")
    assert others
    assert all(line.startswith(f"{rest}word") for line in others)


def test_a_word_that_is_longer_than_a_line_is_left_whole() -> None:
    word = unicodedata.normalize("NFD", "가나다라마바사아자차카타파하")
    assert broken(f"  + {word} once", 20).split("\n") == [f"  + {word}", "    once"]


def test_a_command_to_paste_is_never_broken() -> None:
    command = "`telephony migrate plan vox.json --to diga-production --config my.toml`"
    lines = broken(f"  ! numbers are blocked: run {command}, then look again", 40).split("\n")
    assert lines == ["  ! numbers are blocked: run", f"    {command},", "    then look again"]
    following = "next: telephony migrate apply plan.json --config some/where/else/telephony.toml"
    assert broken(following, 40) == following
