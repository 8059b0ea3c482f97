"""The benchmarks compare like with like, and say what they found. Nothing here depends on how long anything takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks.__main__ import entries
from benchmarks.measuring import SDKS, Entry, Figures, Turn, at_work, rounds, serving
from benchmarks.page import renew
from benchmarks.report import Goal, block, goals

# Each of twenty processes would measure lines that other tests are about.
pytestmark = pytest.mark.usefixtures("unmeasured")

RECORD_BYTES = 586
EVERYBODY = entries(quick=True, sdks=False)
# Diga lists what it gives for no status, and again for one; raw httpx reads both, our adapter tells them apart.
PASSES = {"vox": 1, "diga": 2, "elevenlabs": 1, "retell": 1}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serving([200]) as origin:
        yield origin


@pytest.mark.parametrize("vendor", ["vox", "diga", *SDKS])
def test_every_vendor_s_record_is_of_the_same_length(vendor: str, origin: str):
    wrapped = len(b'{"data":}') if vendor == "telnyx" else 0
    with urlopen(f"{origin}/{vendor}/200/one") as answer:
        assert len(answer.read()) - wrapped == RECORD_BYTES


@pytest.mark.parametrize("entry", EVERYBODY, ids=lambda entry: f"{entry.mode}-{entry.name}-{entry.shape}")
def test_everybody_reads_all_records(entry: Entry, origin: str):
    with at_work([entry], origin, 200) as workers:
        worker = workers[entry]
        listed = worker.do("list")["records"]
        assert listed == (200 if entry.name.startswith("telephony") else 200 * PASSES[entry.shape])
        assert worker.do("get", count=2)["records"] == 2
        assert worker.do("burst", count=20, at_once=4)["records"] == 20


def test_a_ratio_is_taken_from_the_same_turn(origin: str):
    ours, raw = Entry("sync", "telephony", "vox"), Entry("sync", "httpx", "vox")
    with at_work([ours, raw], origin, 200) as workers:
        found = rounds(workers, 3, "get", count=1)
    assert {entry: len(turns) for entry, turns in found.items()} == {ours: 3, raw: 3}
    assert all(turn.cpu == turn.base for turn in found[raw])
    figures = Figures(quick=True, get={ours: [Turn(1.0, 1.0), Turn(30.0, 10.0), Turn(2.0, 2.0)]})
    assert figures.get_ratio(ours) == 1.0


def figures() -> Figures:
    """As if everything had cost the same, and one listing twice as much."""
    everybody = [*EVERYBODY, *(Entry("sync", name, name) for name in SDKS)]
    costs = {
        entry: [Turn(2.0 if (entry.name, entry.shape) == ("telephony", "diga") else 1.0, 1.0)] for entry in everybody
    }
    return Figures(
        quick=True,
        get_count=1,
        get={entry: [Turn(1.0, 1.0)] for entry in everybody},
        list=costs,
        bursts={(entry, at_once): 1.0 for entry in everybody for at_once in (100, 500)},
        growth={(entry, size): (1.0, 150.0 * size) for entry in everybody[:1] for size in (100, 10_000)},
        imports=dict.fromkeys(("httpx + pydantic", "telephony", "telephony --help", "telephony --version"), 100.0),
    )


def test_the_worse_adapter_decides_whether_a_goal_is_met():
    found = {goal.what: goal for goal in goals(figures())}
    assert not found["list 10,000, sync"].met
    assert found["list 10,000, sync, `urllib3`"].met
    assert found["GET one, sync, `urllib3`, beside the fastest SDK (twilio)"].met
    assert found["1,000 GETs, async, 100 in flight, % of the ideal"] == Goal(
        "1,000 GETs, async, 100 in flight, % of the ideal", 40, 50.0, at_least=True
    )
    assert not found["1,000 GETs, sync, 100 in flight, % of the ideal"].met


def test_a_missed_goal_is_shown_as_missed():
    assert Goal("this", 1.2, 1.31).row() == "| this | ≤ 1.20 | 1.31 | **missed** |"
    assert Goal("that", 40, 48.2, at_least=True).row() == "| that | ≥ 40 | 48 | met |"


def test_the_page_keeps_what_people_wrote_and_renews_what_was_measured(tmp_path: Path):
    page = tmp_path / "performance.md"
    begin, end = "<!-- measured: written by `make bench` -->", "<!-- end of what was measured -->"
    page.write_text(f"# Ours\n\n{begin}\nold\n{end}\n\nAfter.\n", encoding="utf-8")
    renew(begin, end, block(figures()), page)
    once = page.read_text(encoding="utf-8")
    assert once.startswith(f"# Ours\n\n{begin}\n")
    assert once.endswith(f"{end}\n\nAfter.\n")
    assert "old" not in once
    assert block(figures()) in once
    renew(begin, end, block(figures()), page)
    assert page.read_text(encoding="utf-8") == once


def test_the_memory_of_a_listing_is_measured(origin: str):
    entry = Entry("sync", "telephony", "vox")
    with at_work([entry], origin, 200) as workers:
        peak = workers[entry].do("peak")
    assert peak["records"] == 200
    assert peak["peak"] > 200 * RECORD_BYTES / 2  # a page is held at least
