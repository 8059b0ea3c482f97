"""The benchmarks compare like with like, and say what they found. Nothing here depends on how long anything takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks.__main__ import OURS, entries
from benchmarks.measuring import SHAPES, Entry, Measured, Turns, at_work, rounds, serving
from benchmarks.page import PAGE, renew
from benchmarks.report import block, goal, goals, ratio

# Each of twenty processes would measure lines that other tests are about.
pytestmark = pytest.mark.usefixtures("unmeasured")

RECORD_BYTES = 586
EVERYBODY = entries()
SHAPED = ("httpx", *OURS)
"""Who reads the records of every vendor."""
# Diga lists what it gives for no status, and again for one; raw httpx reads both, our adapter tells them apart.
PASSES = {"vox": 1, "diga": 2, "elevenlabs": 1, "retell": 1}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving() as origin:
        yield origin


@pytest.mark.parametrize("vendor", SHAPES)
def test_every_vendor_s_record_is_of_the_same_length(vendor: str, origin: str):
    with urlopen(f"{origin}/{vendor}/200/one") as answer:
        assert len(answer.read()) == RECORD_BYTES


def in_turn(entry: Entry) -> object:
    """Both modes share the vendors; in the long run each reads the records of all."""
    place = list(SHAPES).index(entry.shape) + (entry.mode == "async")
    long = entry.name in SHAPED and (SHAPED.index(entry.name) + place) % 2
    return pytest.param(entry, marks=[pytest.mark.long] if long else [], id=f"{entry.mode}-{entry.name}-{entry.shape}")


@pytest.mark.parametrize("entry", [in_turn(entry) for entry in EVERYBODY])
def test_everybody_reads_all_records(entry: Entry, origin: str):
    with at_work([entry], origin, 200) as workers:
        worker = workers[entry]
        listed = worker.do("list").result
        assert listed == (200 if entry.name.startswith("telephony") else 200 * PASSES[entry.shape])
        assert worker.do("get", 2, 1).result == 2
        assert worker.do("get", 20, 4).result == 20


def test_a_ratio_is_taken_from_the_same_turn(origin: str):
    ours, raw = Entry("sync", "telephony", "vox"), Entry("sync", "httpx", "vox")
    with at_work([ours, raw], origin, 200) as workers:
        found = rounds(workers, 3, "get", 1, 1)
    assert {key: len(turns) for key, turns in found.items()} == {("get", ours): 3, ("get", raw): 3}
    assert all(own is base for own, base in found["get", raw])
    costs = [(1.0, 1.0), (30.0, 10.0), (2.0, 2.0)]
    assert ratio([(Measured(1, cpu=own), Measured(1, cpu=base)) for own, base in costs]) == 1.0


def turns() -> Turns:
    """As if everything had cost the same, and one listing twice as much."""
    one = Measured(1, cpu=1.0, wall=1.0)
    whats = ("get", "list", "100 in flight", "500 in flight")
    everything: Turns = {(what, entry): [(one, one)] for entry in EVERYBODY for what in whats}
    everything["list", Entry("sync", "telephony", "diga")] = [(one._replace(cpu=2.0), one)]
    listings = [Measured(size, peak=150 * size) for size in (100, 10_000)]
    everything["peak", Entry("sync", "telephony", "vox")] = [(each, each) for each in listings]
    return everything


IMPORTS = dict.fromkeys(("httpx + pydantic", "telephony", "telephony --help", "telephony --version"), 100.0)


def test_the_worse_adapter_decides_whether_a_goal_is_met():
    found = {what: rest for what, *rest in goals(turns(), IMPORTS)}
    assert found["list 10,000, sync"] == ["≤ 1.80", "2.00", "**missed**"]
    assert found["list 10,000, sync, `urllib3`"] == ["≤ 1.50", "1.00", "met"]
    assert found["1,000 GETs, async, 100 in flight, % of the ideal"] == ["≥ 40", "50", "met"]
    assert found["1,000 GETs, sync, 100 in flight, % of the ideal"] == ["≥ 60", "50", "**missed**"]
    memory = "memory of a listing for each further number, bytes, vox, telephony"
    assert found[memory] == ["≤ 200", "150", "met"]


def test_who_did_not_survive_has_no_figure_and_missed_its_goal():
    some = turns()
    del some["100 in flight", Entry("sync", "telephony", "vox")]
    found = {what: rest for what, *rest in goals(some, IMPORTS)}
    assert found["1,000 GETs, sync, 100 in flight, % of the ideal"] == ["≥ 60", "0", "**missed**"]
    assert "– / 50 %" in block(some, IMPORTS, "quick mode")


def test_a_missed_goal_is_shown_as_missed():
    assert goal("this", "≤", 1.2, 1.31) == ("this", "≤ 1.20", "1.31", "**missed**")
    assert goal("that", "≥", 40, 48.2) == ("that", "≥ 40", "48", "met")


def test_the_page_keeps_what_people_wrote_and_renews_what_was_measured(tmp_path: Path):
    page, new = tmp_path / "performance.md", block(turns(), IMPORTS, "quick mode")
    begin, end = "<!-- measured: written by `make bench` -->", "<!-- /measured -->"
    page.write_text(f"# Ours\n\n{begin}\nold\n{end}\n\nAfter.\n", encoding="utf-8")
    renew("measured", new, page)
    once = page.read_text(encoding="utf-8")
    assert once == f"# Ours\n\n{begin}\n\n{new}\n\n{end}\n\nAfter.\n"
    renew("measured", new, page)
    assert page.read_text(encoding="utf-8") == once
    with pytest.raises(ValueError, match="no place for 'bulk changes'"):
        renew("bulk changes", new, page)


def test_the_page_has_the_tables_that_are_written(tmp_path: Path):
    text = PAGE.read_text(encoding="utf-8")
    lines = block(turns(), IMPORTS, "quick mode").splitlines()
    heads = [line for line, below in pairwise(lines) if line.startswith("###") or "|---|" in below]
    assert len(heads) == 7
    assert [head for head in heads if head not in text] == []
    copy = tmp_path / "performance.md"
    copy.write_text(text, encoding="utf-8")
    for part in ("measured", "number index", "bulk changes"):
        renew(part, "new", copy)


def test_the_memory_of_a_listing_is_measured(origin: str):
    entry = Entry("sync", "telephony", "vox")
    with at_work([entry], origin, 200) as workers:
        found = workers[entry].do("peak")
    assert found.result == 200
    assert found.peak > 200 * RECORD_BYTES / 2  # a page is held at least
