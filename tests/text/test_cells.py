"""The width of a text on a terminal: a decomposed syllable, a joined emoji, an accented letter is one character."""

from __future__ import annotations

import unicodedata

import pytest

from telephony_core.migration.rendering.layout import wrapped
from telephony_core.text.cells import by_character, cell_width

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("Seoul", 5),
        ("서울", 4),
        (unicodedata.normalize("NFD", "서울 한강"), 9),
        ("Línea", 5),
        (unicodedata.normalize("NFD", "Línea"), 5),
        ("x\u0332\u0301", 1),  # two marks, which no single character has
        (FAMILY, 2),
        ("\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", 2),
        ("ＡＢ", 4),
    ],
)
def test_cells_are_counted_as_a_terminal_shows_them(text, width):
    assert cell_width(text) == width


@pytest.mark.parametrize("text", ["서울", unicodedata.normalize("NFD", "서울 한강"), "Línea", "x\u0332\u0301", "ＡＢ"])
def test_without_rich_the_width_is_the_same(text):
    assert by_character(text) == cell_width(text)


def test_without_rich_a_joined_emoji_counts_as_its_parts():
    assert by_character(FAMILY) == 6


def test_a_word_that_is_too_long_is_not_broken_within_a_syllable():
    word = unicodedata.normalize("NFD", "가나다라마바사아자차카타파하")
    lines = wrapped(word, 20)
    assert all(cell_width(line) <= 20 for line in lines)
    assert "".join(unicodedata.normalize("NFC", line) for line in lines) == unicodedata.normalize("NFC", word)
