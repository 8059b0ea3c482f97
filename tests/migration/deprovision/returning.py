"""Numbers that are moved, and both ways of going back from there: what the tests of rollback and release share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import JsonValue

from telephony_core.emulator import Emulator
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.release import preview_release, release_plan
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.deprovision.rollback import preview_rollback, rollback_plan
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.status import MigrationRun, NumberRun, read_run
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.migration.run.verify_report import VerifyReport
from tests.migration.keeping import Kept
from tests.migration.stage import Stage, sorted_state

KEYS = ["+827011110000", "+827011110001", "+827011110002"]
ONE = Settings(timeout=20.0, concurrency=1, canary=0)
WINDOW = ONE.timeout + ONE.settling_window
HOUR = 3600.0
SOAKED = 73 * HOUR
OVER = ("released", "expired", "finished")


class Returning(Stage):
    """A stage from which a migration is taken back, or its source is released."""

    loaded: LoadedPlan
    before: list[object]
    """Both sides before anything was moved."""

    @classmethod
    def at(cls, folder: Path, context: str = "vox-diga", count: int = 3, settings: Settings = ONE) -> Self:
        return cls(folder, context, count, settings)

    @classmethod
    def moved(cls, folder: Path, context: str = "vox-diga", count: int = 3, **changes: object) -> Self:
        """Everything is at the target, and was never verified."""
        if changes:
            return cls.at(folder, context, count).begin(**changes)
        return cls._like_the_first(folder, context, count, soaked=False)

    @classmethod
    def soaked(cls, folder: Path, context: str = "vox-diga", count: int = 3, **changes: object) -> Self:
        """Everything is at the target, and has stood verified for long enough."""
        if changes:
            return cls.at(folder, context, count).begin(**changes).soak()
        return cls._like_the_first(folder, context, count, soaked=True)

    @classmethod
    def _like_the_first(cls, folder: Path, context: str, count: int, *, soaked: bool) -> Self:
        """Made in this folder if it is the first of its kind, else put back in the folder of the first."""
        kind = (cls, context, count, soaked)
        if kind not in _FIRST:
            stage = cls.at(folder, context, count).begin()
            if soaked:
                stage.soak()
            _FIRST[kind] = _First(Kept.of(folder, *stage.both), stage.loaded, stage.before, stage.time.passed)
            return stage
        first = _FIRST[kind]
        stage = cls.at(first.kept.folder, context, count)
        first.kept.put_back(*stage.both)
        stage.loaded, stage.before, stage.time.passed = first.loaded, first.before, first.passed
        stage.be_a_machine()
        return stage

    def begin(self, **changes: object) -> Self:
        """Plan and move."""
        self.loaded = self.plan(**changes)
        self.before = self.state()
        assert self.apply(self.loaded).is_complete
        self.forget_requests()
        return self

    def soak(self) -> Self:
        """Verify what was moved, and let it stand."""
        assert self.verify().is_equal
        self.time.advance(SOAKED)
        self.forget_requests()
        return self

    def forget_requests(self) -> None:
        for emulator in self.both:
            emulator.requests.clear()

    # -- the commands

    def verify(self, **given: Any) -> VerifyReport:
        options = VerifyOptions(clock=self.time.clock, **given)
        return verify_plan(self.loaded, self.open_source, self.open_target, options)

    def _options(self, allow: Collection[str], given: dict[str, Any]) -> DeprovisionOptions:
        return DeprovisionOptions(clock=self.time.clock, allow=tuple(allow), **given)

    def preview_rollback(self, *allow: str, **given: Any) -> DeprovisionPreview:
        options = self._options(allow, given)
        return preview_rollback(self.loaded, self.open_source, self.open_target, options)

    def rollback(self, *allow: str, **given: Any) -> DeprovisionReport:
        """Take back what a preview shows, unless something else is given as ``confirmed``."""
        allow = allow or ("unpublishes",)
        if "confirmed" not in given:
            given["confirmed"] = self.preview_rollback(*allow, **given).shown
        return rollback_plan(self.loaded, self.open_source, self.open_target, self._options(allow, given))

    def preview_release(self, *allow: str, **given: Any) -> DeprovisionPreview:
        options = self._options(allow, given)
        return preview_release(self.loaded, self.open_source, self.open_target, options)

    def release(self, *allow: str, **given: Any) -> DeprovisionReport:
        """Release at the source what a preview shows, unless something else is given as ``confirmed``."""
        allow = allow or ("unpublishes",)
        if "confirmed" not in given:
            given["confirmed"] = self.preview_release(*allow, **given).shown
        return release_plan(self.loaded, self.open_source, self.open_target, self._options(allow, given))

    # -- looking

    def state(self) -> list[object]:
        return [sorted_state(records) for records in self.end_state()]

    def run(self) -> MigrationRun:
        return read_run(self.loaded, now=self.time.clock.now)

    def number(self, key: str) -> NumberRun:
        return next(number for number in self.run().numbers if number.number == key)

    def made(self, key: str) -> str:
        """Id of the record that the migration made of a number."""
        id = self.number(key).record
        assert id is not None
        return id

    def unanswered(self, key: str) -> str | None:
        return self.number(key).unanswered

    def entries(self, key: str) -> list[Entry]:
        with SqliteJournal.reading(self.loaded) as journal:
            return journal.entries_of(key)

    def announce(self, action: Action, key: str, record: str | None = None) -> None:
        """The line that a run which died after it leaves in the journal."""
        data: dict[str, JsonValue] = {"before": []} if action is Action.IMPORT else {}
        with SqliteJournal.writing(self.loaded, "run", create=True, now=self.time.clock.now) as journal:
            journal.append(Entry(key, action, Phase.INTENT, record, data=data))

    def deleted(self, emulator: Emulator) -> list[str]:
        """Ids of the records that were asked to be deleted, in order."""
        paths = [path for path in self.writes(emulator) if path.startswith("DELETE")]
        return [path.rstrip("/").rpartition("/")[2] for path in paths]


@dataclass(frozen=True)
class _First:
    """A stage right after it was made."""

    kept: Kept
    loaded: LoadedPlan
    before: list[object]
    passed: float


_FIRST: dict[tuple[type[Returning], str, int, bool], _First] = {}


def live(emulator: Emulator) -> list[str]:
    """The numbers that are live at one end."""
    return sorted(str(record["number"]) for record in emulator.records() if record["status"] not in OVER)


def begins(event: Event, key: str) -> bool:
    """Whether the turn of a number has come: both listings are done by then, and nothing was read of it alone."""
    return event.kind is EventKind.NUMBER_STARTED and event.number == key
