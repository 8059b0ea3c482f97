"""Many numbers: exact in spite of random faults, and in memory that does not grow with what was done."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony
from telephony_core.emulator import Emulator, Fault, FaultKind, HttpRequest
from telephony_core.emulator import json_response as answer
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import load_plan
from telephony_core.migration.run.apply import ApplyOptions, apply_plan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.provider.flow import Response
from tests.migration.run.test_kill import Process
from tests.migration.stage import Stage, sorted_state
from tests.transport.driving import FakeTime

pytestmark = pytest.mark.usefixtures("unmeasured")
SECONDS_PER_ANSWER = 0.05


class Answering:
    """An emulator that takes a moment of the made-up time to answer, and has bad moments."""

    name = "answering"

    def __init__(self, emulator: Emulator, time: FakeTime, chance: random.Random | None, share: float) -> None:
        self._emulator = emulator
        self._time = time
        self._chance = chance
        self._share = share

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        self._time.advance(SECONDS_PER_ANSWER)
        if self._chance is not None and self._chance.random() < self._share:
            self._emulator.faults.append(self._fault(self._chance))
        return self._emulator.handle(request)

    def _fault(self, chance: random.Random) -> Fault:
        kinds = (FaultKind.REFUSED, FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER)
        answers = {
            FaultKind.ANSWER: (answer(429, {}), answer(503, {})),
            FaultKind.ANSWER_AFTER: (answer(502, {}), answer(504, {})),
        }
        kind = chance.choice((*kinds, *answers))
        return Fault(kind, response=chance.choice(answers.get(kind, (answer(500, {}),))))

    async def aclose(self) -> None:
        pass


class Crowd(Stage):
    """Many numbers, on clients whose answers take time and may go wrong."""

    chance: random.Random | None = None
    share = 0.02

    def _open(self, emulator: Emulator) -> AsyncTelephony:
        return AsyncTelephony(
            emulator.slug,
            api_key=emulator.api_key,
            backend=Answering(emulator, self.time, self.chance, self.share),
            clock=self.time.clock,
        )


def crowd(folder: Path, context: str, count: int, settings: Settings, seed: int | None = None) -> Crowd:
    stage = Crowd(folder, context, count, settings)
    stage.chance = None if seed is None else random.Random(seed)
    return stage


SETTINGS = Settings(timeout=30.0, concurrency=8, equal_failures=1000)


def ends_exactly(folder: Path, context: str, count: int, seed: int) -> None:
    (folder / "quiet").mkdir()
    quiet = crowd(folder / "quiet", context, count, SETTINGS)
    assert quiet.apply(quiet.plan()).is_complete
    stage = crowd(folder, context, count, SETTINGS, seed)
    loaded = stage.plan()
    stage.share = 0.02
    for _ in range(5):  # whoever failed is tried again, as a person would
        report = stage.apply(loaded)
        if report.is_complete:
            break
    assert report.is_complete, str(report)
    stage.chance = None
    states = [[sorted_state(records) for records in one.end_state()] for one in (quiet, stage)]
    assert states[0] == states[1]
    assert len(stage.target.records()) == count
    options = VerifyOptions(clock=stage.time.clock)
    assert verify_plan(loaded, stage.open_source, stage.open_target, options).is_equal


@pytest.mark.parametrize("context", ["vox-diga", "diga-vox"])
def test_a_hundred_numbers_with_faults_in_every_fiftieth_request_end_exactly(context: str, tmp_path: Path) -> None:
    ends_exactly(tmp_path, context, 100, seed=7)


@pytest.mark.long
@pytest.mark.parametrize("context", ["vox-diga", "diga-vox"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_numbers_with_faults_in_every_fiftieth_request_end_exactly(
    context: str, seed: int, tmp_path: Path
) -> None:
    ends_exactly(tmp_path, context, 1000, seed)


def resident() -> float:
    """Memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells its memory in this way")
def test_the_memory_for_ten_thousand_numbers_does_not_grow_with_what_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 10_000
    # The emulators live in another process, so that all that grows here is the migration's.
    server = Process("tests.migration.run.kill_server", "vox-diga", str(count))
    urls = server.read()
    stage = Stage(tmp_path, "vox-diga", count, SETTINGS)
    loaded = load_plan(stage.plan().path)
    keys = {emulator.slug: emulator.api_key for emulator in stage.both}
    del stage
    sizes: dict[int, float] = {}

    def opener(slug: str) -> Callable[[], AsyncTelephony]:
        return lambda: AsyncTelephony(slug, api_key=keys[slug], base_url=urls[slug])

    def observe(event: Event) -> None:
        if event.kind is EventKind.NUMBER_DONE and event.done % 1000 == 0:
            sizes[event.done] = resident()

    try:
        report = apply_plan(loaded, opener("vox"), opener("diga"), ApplyOptions(on_event=observe))
    finally:
        server.close()
    grown = max(sizes.values()) - sizes[1000]
    journal = sum(path.stat().st_size for path in tmp_path.glob("plan.json.journal*")) / 1e6
    with capsys.disabled():
        print(
            f" [peak {max(sizes.values()):.0f} MB, of which {grown:.1f} MB came with the last 9,000 numbers;"
            f" journal {journal:.1f} MB]",
            end="",
        )
    assert report.is_complete
    assert grown < 30
