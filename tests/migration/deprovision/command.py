"""Release and rollback as one thing with two sets of words, for the rules that hold for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telephony_core.emulator import Emulator
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.state import MigrationState
from tests.migration.deprovision.returning import KEYS, SOAKED, Returning


@dataclass(frozen=True)
class Command:
    action: Action
    name: str
    """As a method of `Returning`, and of what the journal has no answer to."""
    word: str
    """In a sentence."""
    state: MigrationState
    """Of a number after it."""
    end: str
    """At which end it deletes; the other one has to serve."""
    changed: str
    """What it says of a record at its end that is not as this migration left it."""
    not_serving: str
    """And of one at the other end."""
    at_diga: str
    """The way in which its end is Diga, where a release stops the agents of other numbers."""
    at_vox: str
    """And the way in which it is vox, where it does not."""

    @property
    def other(self) -> Command:
        return ROLLBACK if self is RELEASE else RELEASE

    @property
    def keys(self) -> list[str]:
        """The numbers of two in the order of their turns."""
        return KEYS[:2] if self is RELEASE else KEYS[1::-1]

    def stage(self, folder: Path, context: str, count: int = 3, **changes: Any) -> Returning:
        """Numbers to which it may be done."""
        return (Returning.soaked if self is RELEASE else Returning.moved)(folder, context, count, **changes)

    def make_ready_again(self, stage: Returning) -> None:
        if self is RELEASE:
            stage.verify()
            stage.time.advance(SOAKED)

    def at(self, stage: Returning) -> Emulator:
        end: Emulator = getattr(stage, self.end)
        return end

    def id(self, stage: Returning, key: str) -> str:
        """Of the record of a number that it would delete, while that is there."""
        return stage.ids[KEYS.index(key)] if self is RELEASE else stage.made(key)

    def announce(self, stage: Returning, key: str) -> None:
        """The line of one that was not answered."""
        stage.announce(self.action, key, self.id(stage, key))

    def preview(self, stage: Returning, *allow: str, **given: Any) -> DeprovisionPreview:
        shown: DeprovisionPreview = getattr(stage, f"preview_{self.name}")(*allow, **given)
        return shown

    def run(self, stage: Returning, *allow: str, **given: Any) -> DeprovisionReport:
        report: DeprovisionReport = getattr(stage, self.name)(*allow, **given)
        return report


RELEASE = Command(
    action=Action.RELEASE,
    name="release",
    word="release",
    state=MigrationState.RELEASED,
    end="source",
    changed="StalePlan",
    not_serving="VerificationFailed",
    at_diga="diga-vox",
    at_vox="vox-diga",
)
ROLLBACK = Command(
    action=Action.ROLL_BACK,
    name="rollback",
    word="roll back",
    state=MigrationState.ROLLED_BACK,
    end="target",
    changed="ModifiedExternally",
    not_serving="SourceGone",
    at_diga="vox-diga",
    at_vox="diga-vox",
)
