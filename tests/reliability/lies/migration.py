"""A migration between two accounts that lie, planned by the real planner and driven through the public API alone.

What the commands want to be given (consents, the confirmation of what was shown, the settling window) stands in
`Migration` and nowhere else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias, TypeVar

from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator, Record
from telephony_core.migration import (
    Allowance,
    ApplyOptions,
    ApplyReport,
    DeprovisionOptions,
    DeprovisionPreview,
    DeprovisionReport,
    LoadedPlan,
    MigrationMap,
    Settings,
    VerifyOptions,
    VerifyReport,
    aapply_plan,
    apreview_release,
    apreview_rollback,
    arelease_plan,
    arollback_plan,
    averify_plan,
    make_plan,
    save_plan,
    survey,
    take_inventory,
)
from telephony_core.migration.mapping.map_file import AgentChoice, TrunkChoice
from telephony_core.provider.capabilities import Field
from tests.reliability.lies.lying_backend import LyingBackend
from tests.reliability.lies.strangers import add_somebodys
from tests.reliability.lies.vendors import is_live, state_of
from tests.reliability.lies.witness import Asked, Witness, settings_of
from tests.reliability.models.simulated_time import SharedTime
from tests.vendors import SHIPPED, VENDORS, Line, add, number_of, spec_of

DIRECTIONS: Final = ("vox-diga", "diga-vox", "elevenlabs-retell", "retell-elevenlabs")
LISTING: Final = [slug for slug in SHIPPED if Field.ALLOWED_ADDRESSES in spec_of(slug).capabilities.fields]
"""Vendors that keep a list of the addresses from which calls may come."""
PASSWORD: Final = "pa55word-canary"
WINDOW: Final = 900.0
"""Seconds for which an import stays in doubt."""
SOAK: Final = 3600.0
NUMBERS: Final = ("+827011110000", "+827011110001", "+827011110002")
STRANGERS: Final = "+827099990000"
"""A number at the target that somebody else has there."""
FRESH: Final = "+827099991111"
"""One that nobody has yet."""
AT_SOURCE: Final = "+827088880000"
"""A number at the source that the plan leaves where it is."""
UNSERVED: Final = "source_not_serving"
"""The name by which it is accepted that the source does not serve a number that is rolled back."""

T = TypeVar("T")
Command: TypeAlias = Callable[..., Coroutine[Any, Any, T]]


@contextmanager
def migration_of(context: str, count: int = 2) -> Iterator[Migration]:
    """Some numbers on their way, and what their targets have to look like in the end is known."""
    # A journal is on disk after every line of it; here nobody pulls the plug.
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        move = Migration(Path(folder), context, count)
        move.witness.fit = as_planned(context, count)
        try:
            yield move
        finally:
            move.close()


class Migration:
    """Some numbers on their way, with strangers at both ends."""

    def __init__(self, folder: Path, context: str = "vox-diga", count: int = 2, **settings: float) -> None:
        self.folder, self.context, self.numbers = folder, context, NUMBERS[:count]
        self.time = SharedTime()
        self.source, self.target = self._ends()
        for index in range(count):
            self._add_source(index)
        add_somebodys(self.source, AT_SOURCE)
        self.strangers = add_somebodys(self.target, STRANGERS)
        words = self.target.words
        # A record that is over and has the number all the same, where a vendor keeps such.
        over = {words.status: words.over[-1]} if words.over else None
        self.past = add_somebodys(self.target, NUMBERS[0], **over) if over else None
        self.witness = Witness({"source": self.source, "target": self.target}, self.time)
        planned: dict[str, object] = {
            "timeout": 20.0,
            "concurrency": 1,
            "canary": 0,
            "soak_hours": SOAK / 3600,
            "equal_failures": 99,
        }
        planned |= {"settling_window": WINDOW} if "settling_window" in Settings.model_fields else {}
        self.loaded = self._plan(Settings.model_validate({**planned, **settings}))
        assert [number.key for number in self.loaded.plan.numbers] == list(self.numbers)
        records = state_of(self.source.emulator)
        self.ids = {number.key: number.source.id for number in self.loaded.plan.numbers}
        self.witness.plan = {id: records[id] for id in self.ids.values()}
        self.witness.left |= {("source", id): record for id, record in self.witness.plan.items()}

    def close(self) -> None:
        self.time.close()

    # -- both ends

    def _ends(self) -> tuple[LyingBackend, LyingBackend]:
        source, target = self.context.split("-")
        # Another key is another account, whose records have other ids.
        keys = {source: "key-of-the-source", target: "emulator-key"}
        here, there = (
            VENDORS[slug].emulator(now=self.time.clock.now, api_key=key, twice=True) for slug, key in keys.items()
        )
        return LyingBackend("source", here, self.time), LyingBackend("target", there, self.time)

    def _add_source(self, index: int) -> None:
        trunk = {"address": f"trunk{index}.example.com:5060", "username": "acme", "password": PASSWORD}
        served = {"label": f"Desk {index}", "inbound": "reception", "allowed": ("203.0.113.7",)}
        add(self.source.emulator, Line(NUMBERS[index], **trunk, **served))
        self.source.changed()

    def open(self, liar: LyingBackend) -> AsyncTelephony:
        emulator = liar.emulator
        return AsyncTelephony(emulator.slug, api_key=emulator.api_key, backend=liar, clock=self.time.clock)

    def _honest(self, emulator: Emulator) -> Telephony:
        return Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend(), clock=self.time.clock)

    def _plan(self, settings: Settings) -> LoadedPlan:
        source, target = self.source.emulator, self.target.emulator
        with self._honest(source) as here, self._honest(target) as there:
            inventory = take_inventory(here, connection="here", clock=self.time.clock)
            surveyed = survey(there, connection="there", clock=self.time.clock)
        secret = self.folder / "trunk.secret"
        secret.write_text(PASSWORD)
        agent = AgentChoice(
            source=source.agents["reception"], target=target.agents["reception"], target_version="published"
        )
        trunk = TrunkChoice(
            name="carrier",
            numbers=self.numbers,
            username="acme",
            password=f"file:{secret}",
            allowed_addresses=("203.0.113.7",) if target.slug in LISTING else None,
        )
        plan = make_plan(
            inventory,
            surveyed,
            MigrationMap(agents=(agent,), trunks=(trunk,)),
            allow=[allowance.value for allowance in Allowance],
            numbers=self.numbers,
            settings=settings,
            clock=self.time.clock,
        )
        return save_plan(plan, self.folder / "plan.json")

    # -- the commands

    def apply(self, ended_after: float | None = None) -> ApplyReport:
        """``ended_after`` so many seconds somebody ends it, in the middle of whatever it is at: `TimeoutError`."""
        self.witness.begin(Asked("apply"))
        return self._run(aapply_plan, ApplyOptions(clock=self.time.clock), ended_after)

    def verify(self) -> VerifyReport:
        self.witness.begin(Asked("verify"))
        return self._run(averify_plan, VerifyOptions(clock=self.time.clock))

    def preview_rollback(self, *allow: str) -> DeprovisionPreview:
        self.witness.begin(Asked("preview"))
        return self._run(apreview_rollback, self._options(allow))

    def preview_release(self) -> DeprovisionPreview:
        self.witness.begin(Asked("preview"))
        return self._run(apreview_release, self._options(()))

    def rollback(
        self, *allow: str, shown: DeprovisionPreview | None = None, ended_after: float | None = None
    ) -> DeprovisionReport:
        """Take back what the preview shows; ``shown`` is one that was looked at before."""
        shown = shown or self.preview_rollback(*allow)
        self.witness.begin(Asked("rollback", unserved=UNSERVED in allow))
        return self._run(arollback_plan, self._options(allow, shown), ended_after)

    def release(
        self, *, shown: DeprovisionPreview | None = None, ended_after: float | None = None
    ) -> DeprovisionReport:
        """Give up what the preview shows; ``shown`` is one that was looked at before."""
        shown = shown or self.preview_release()
        self.witness.begin(Asked("release"))
        return self._run(arelease_plan, self._options((), shown), ended_after)

    def _run(self, command: Command[T], options: object, ended_after: float | None = None) -> T:
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")  # each world has a machine of its own
        source, target = (lambda: self.open(self.source)), (lambda: self.open(self.target))
        return self.time.run(asyncio.wait_for(command(self.loaded, source, target, options), ended_after))

    def _options(self, allow: Sequence[str], shown: DeprovisionPreview | None = None) -> DeprovisionOptions:
        """The one place that knows how a person accepts, and confirms what was shown."""
        confirmed = None if shown is None else shown.shown
        return DeprovisionOptions(clock=self.time.clock, allow=("unpublishes", *allow), confirmed=confirmed)

    # -- on the way

    def moved(self) -> Migration:
        """After an apply in which nobody lied."""
        report = self.apply()
        assert report.is_complete, str(report)
        return self

    def soaked(self) -> Migration:
        """After an apply, a verification and the soak, in which nobody lied."""
        self.moved()
        report = self.verify()
        assert report.is_equal, str(report)
        self.time.advance(SOAK + 60)
        return self

    # -- looking

    def live(self, end: str, number: str) -> dict[str, Record]:
        """The true live records of a number."""
        liar = self.source if end == "source" else self.target
        return {
            id: record
            for id, record in state_of(liar.emulator).items()
            if is_live(liar.vendor, record) and number_of(liar.vendor, record) == number
        }

    def made(self, number: str) -> str:
        """The id of the one record that this migration truly made of a number."""
        (id,) = (
            id
            for end, id in self.witness.ours
            if end == "target" and number_of(self.target.vendor, state_of(self.target.emulator)[id]) == number
        )
        return id


@cache
def as_planned(context: str, count: int) -> dict[str, Record]:
    """What the targets look like after a run in which nobody lies."""
    with TemporaryDirectory() as folder:
        honest = Migration(Path(folder), context, count)
        try:
            honest.moved()
            records = state_of(honest.target.emulator)
            return {number: settings_of(records[honest.made(number)]) for number in honest.numbers}
        finally:
            honest.close()
