"""The figures of several processes are added up, and find their place in the page."""

from __future__ import annotations

import pytest

from tests.reliability.figures import PAGE, Figures, added_up, lines, with_figures


def test_counts_add_up_and_measures_stay() -> None:
    parts = [{"10: b": 1, "1: a": 2, "3: rate": "99 %"}, {"1: a": 40}]
    assert added_up(parts) == {"1: a": 42, "3: rate": "99 %", "10: b": 1}
    assert list(added_up(parts)) == ["1: a", "3: rate", "10: b"]


def test_a_count_cannot_become_a_measure() -> None:
    figures = Figures()
    figures.count(1, "cells")
    figures.count(1, "cells", 2)
    assert lines(figures.values) == ["1: cells: 3"]
    figures.measure(1, "rate", "1 %")
    with pytest.raises(AssertionError, match="measured"):
        figures.count(1, "rate")


def test_what_a_long_test_tells_stands_beside_what_others_told() -> None:
    figures = Figures()
    figures.count(1, "cells", 2)
    figures.long = True
    figures.count(1, "cells", 40)
    assert figures.values == {"1: cells": 2, "1: cells (long)": 40}


def test_figures_come_between_the_marks_of_their_point() -> None:
    page = "<!-- figures: 1 -->\nold\n<!-- /figures -->\n<!-- figures: 2 -->\nstays\n<!-- /figures -->\n"
    new = with_figures(page, {"1: cells: in process": 11264, "10: x": 1})
    assert "| cells: in process | 11,264 |" in new
    assert "old" not in new
    assert "stays" in new
    assert with_figures(new, {"1: cells: in process": 11264}) == new


def test_the_page_has_a_place_for_every_point() -> None:
    text = PAGE.read_text(encoding="utf-8")
    whole = with_figures(text, {f"{point}: tried": point for point in range(1, 11)})
    assert all(f"| tried | {point} |" in whole for point in range(1, 11))
