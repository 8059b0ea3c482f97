"""The one endpoint of a change of settings, answered by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace

from pydantic import SecretStr

from telephony_core import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.changeset.restore import RestoreRule
from telephony_core.migration.changeset.set_steps import change_settings
from telephony_core.migration.deprovision.procedure import Granted
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Claim,
    Effect,
    Lookup,
    MigrationTask,
    Now,
    ProviderNow,
    Record,
    ResolvedCredentials,
    ResolveSecrets,
    RunFlow,
    Wait,
)
from telephony_core.migration.move.state import state_of
from telephony_core.migration.plan.model import EndpointRole
from telephony_core.provider.flow import Semantics
from tests.migration.by_hand import answered
from tests.migration.stage import PASSWORD
from tests.transport.driving import START


@dataclass
class World:
    """The one endpoint, its clock, this machine's, and a journal."""

    task: MigrationTask
    reads: list[PhoneNumber | Exception]
    """What reads by id are answered, the last one again and again."""
    writes: list[PhoneNumber | Exception] = field(default_factory=list)
    listed: tuple[PhoneNumber, ...] = ()
    lines: list[Entry] = field(default_factory=list)
    now: datetime = START
    there: datetime | None = None
    sent: list[object] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of the operations that sent it, as errors have them."""
    waits: list[Wait] = field(default_factory=list)
    asked: list[Effect[object]] = field(default_factory=list)
    """Of claims and secrets."""

    def change(self, shared_with: str | None = None) -> None:
        answered(change_settings(self.task, state_of(self.lines), shared_with), self._answer)

    def roll_back(self, *, shown: bool = True, allow: Iterable[SideEffect] = ()) -> None:
        confirmed = frozenset({(self.task.key, self.task.number.record.id)} if shown else ())
        granted = Granted(confirmed, frozenset(allow))
        answered(RestoreRule().procedure(self.task, state_of(self.lines), granted), self._answer)

    def announced(self, action: Action, semantics: Semantics) -> None:
        data = {"semantics": semantics.value, "time_at_target": START.isoformat()}
        self._write(Entry(self.task.key, action, Phase.INTENT, self.task.number.record.id, data=data))

    def _write(self, entry: Entry) -> None:
        self.lines.append(replace(entry, at=self.now, seq=len(self.lines) + 1))

    def _answer(self, effect: Effect[object]) -> object:
        match effect:
            case Record(entry):
                self._write(entry)
            case RunFlow(EndpointRole.TARGET, "get_number"):
                return self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
            case RunFlow(EndpointRole.TARGET, name, flow, announcement) if announcement is not None:
                self.names.append(name)
                keep = self.sent.append
                flow(SimpleNamespace(update_label=keep, update_sip=keep, assign_agents=keep))
                self._write(replace(announcement.entry, data={**announcement.entry.data, "semantics": "idempotent"}))
                announcement.sent = Semantics.IDEMPOTENT
                return self.writes.pop(0)
            case Lookup(EndpointRole.TARGET):
                return self.listed
            case Now():
                return self.now
            case ProviderNow(EndpointRole.TARGET):
                return self.there
            case Wait(seconds):
                self.waits.append(effect)
                self.now += timedelta(seconds=seconds)
                self.there = None if self.there is None else self.there + timedelta(seconds=seconds)
                return True
            case ResolveSecrets():
                self.asked.append(effect)
                hidden = effect.trunk.password is not None
                return ResolvedCredentials("acme2", SecretStr(PASSWORD) if hidden else None)
            case Claim():
                self.asked.append(effect)
            case _:
                raise AssertionError(effect)
        return None
