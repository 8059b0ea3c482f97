"""A connection with three numbers, and a plan that changes settings of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from telephony_core.emulator import Fault, FaultKind
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.deprovision.rollback import preview_rollback, rollback_plan
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.apply import ApplyOptions, ApplyReport, apply_plan
from telephony_core.migration.run.events import OnEvent
from telephony_core.migration.run.status import MigrationRun, read_run
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from telephony_core.migration.run.verify_report import VerifyReport
from tests.migration.stage import Stage

ReportT = TypeVar("ReportT", ApplyReport, DeprovisionReport)

ONE = Settings(timeout=20.0, concurrency=1, canary=0)
KEYS = ("+827011110000", "+827011110001", "+827011110002")


@dataclass
class Setting(Stage):
    """The numbers are those of the stage's source; its target is not used. ``diga-vox`` is at Diga."""

    settings: Settings = ONE

    @property
    def here(self) -> str:
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")  # each stage is a machine of its own
        return self.source.slug

    def change(self, loaded: LoadedPlan, **options: object) -> ApplyReport:
        assert self.here
        given = {"on_event": self.events.append, "clock": self.time.clock, **options}
        return apply_plan(loaded, None, self.open_source, ApplyOptions(**given))

    def without_answers(self, kind: FaultKind, run: Callable[[LoadedPlan], ReportT], loaded: LoadedPlan) -> ReportT:
        """Such a run while no write of a setting is answered."""
        self.source.faults.append(Fault(kind, "PATCH", times=99))
        report = run(loaded)
        self.source.faults.clear()
        return report

    def verify(self, loaded: LoadedPlan) -> VerifyReport:
        return verify_plan(loaded, None, self.open_source, VerifyOptions(clock=self.time.clock))

    def preview(self, loaded: LoadedPlan, *allow: str) -> DeprovisionPreview:
        options = DeprovisionOptions(clock=self.time.clock, allow=allow)
        return preview_rollback(loaded, None, self.open_source, options)

    def roll_back(self, loaded: LoadedPlan, *allow: str, on_event: OnEvent = lambda event: None) -> DeprovisionReport:
        shown = self.preview(loaded, *allow).shown
        options = DeprovisionOptions(clock=self.time.clock, confirmed=shown, allow=allow, on_event=on_event)
        return rollback_plan(loaded, None, self.open_source, options)

    def lines(self, loaded: LoadedPlan, *phases: Phase) -> list[tuple[Action, str]]:
        """What the journal says of the first number in these phases."""
        with SqliteJournal.reading(loaded) as journal:
            return [(line.action, line.message) for line in journal.entries_of(KEYS[0]) if line.phase in phases]

    def relabel(self, label: str, of: int = 0) -> None:
        """Somebody else changes a number."""
        with self.client(self.source) as client:
            client.update_label(self.ids[of], label)

    def run(self, loaded: LoadedPlan) -> MigrationRun:
        return read_run(loaded, now=self.time.clock.now)

    def records(self) -> list[dict[str, object]]:
        """What stands at the provider, without what differs from run to run."""
        return [dict(record) for record in self.end_state()[0]]


def account(stage: Setting) -> TargetAccount:
    with stage.client(stage.source) as client:
        return survey(client, clock=stage.time.clock)


def shared(stage: Setting) -> None:
    """Let the first two numbers run over one trunk, as where a provider has trunks apart from numbers."""
    for id in stage.ids[:2]:
        trunk = {"inbound_trunk_id": "ST_in", "outbound_trunk_id": "ST_out", "address": "sip:trunk0.example.com:5060"}
        stage.source.store.edit(id, trunk)
