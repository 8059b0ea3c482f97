"""Two emulators, a plan between them, and what a test wants to know of either: written once for every test here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from telephony_core import PUBLISHED, AgentRef, AsyncTelephony, OutboundUpdate, PhoneNumber, Telephony
from telephony_core.emulator import Emulator
from telephony_core.migration.assessment.target import survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.changeset.table import read_table
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredOutbound,
    DesiredState,
    Endpoint,
    Plan,
    PlannedNumber,
    PlannedStep,
    Settings,
    StepKind,
    Trunk,
)
from telephony_core.migration.plan.store import LoadedPlan, save_plan
from telephony_core.migration.run.apply import ApplyOptions, ApplyReport, apply_plan
from telephony_core.migration.run.events import Event
from telephony_core.provider.capabilities import Field
from tests.transport.driving import START, FakeTime
from tests.vendors import CHANCE, VENDORS, Line, add, address_at, spec_of

PASSWORD = "pa55word-canary"
WRITES = ("POST", "PATCH", "PUT", "DELETE")


@dataclass
class Stage:
    """A source with numbers in it and an empty target. ``context`` names both, as in ``vox-diga``."""

    folder: Path
    context: str = "vox-diga"
    count: int = 3
    settings: Settings = field(default_factory=lambda: Settings(timeout=20.0))
    time: FakeTime = field(default_factory=FakeTime)

    def __post_init__(self) -> None:
        source, target = self.context.split("-")
        now = self.time.clock.now
        # Another key is another account, whose records have other ids.
        self.source = VENDORS[source].emulator(now=now, twice=True)
        self.target = VENDORS[target].emulator(now=now, api_key="emulator-key-of-the-target", twice=True)
        self.ids = [self._add_source(index) for index in range(self.count)]
        secret = self.folder / "trunk.secret"
        secret.write_text(PASSWORD + "\n")
        self.secret = secret
        self.events: list[Event] = []

    # -- the source

    def _add_source(self, index: int) -> str:
        label = "번호" if self.source.slug == "vox" else "Número"
        trunk = {"address": f"trunk{index % 3}.example.com:5060", "username": "acme", "password": PASSWORD}
        line = Line(f"+8270{11110000 + index}", label=f"{label} {index}", inbound="reception", **trunk)
        return add(self.source, replace(line, allowed=("203.0.113.7",)))

    # -- clients

    def client(self, emulator: Emulator) -> Telephony:
        return Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend(), clock=self.time.clock)

    def open_source(self) -> AsyncTelephony:
        return self._open(self.source)

    def open_target(self) -> AsyncTelephony:
        return self._open(self.target)

    def _open(self, emulator: Emulator) -> AsyncTelephony:
        return AsyncTelephony(
            emulator.slug, api_key=emulator.api_key, backend=emulator.backend(), clock=self.time.clock
        )

    # -- the plan

    def planned(self, record: PhoneNumber, **changes: object) -> PlannedNumber:
        assert record.sip is not None
        agent = AgentRef(self.target.agents["reception"], version=PUBLISHED)
        listed = Field.ALLOWED_ADDRESSES in spec_of(self.target.slug).capabilities.fields
        inbound = DesiredInbound(allowed_addresses=("203.0.113.7",)) if listed else None
        address = record.sip.outbound.address
        where = address and address_at(self.target.slug, f"{address.host}:{address.port}")
        given: dict[str, object] = {
            "number": record.identity.e164,
            "label": record.label,
            "inbound": inbound,
            "outbound": DesiredOutbound(address=where) if where else None,
            "trunk": "carrier",
            "inbound_agent": agent,
        }
        desired = DesiredState.model_validate({**given, **changes})
        kinds = [StepKind.IMPORT, *([StepKind.ASSIGN_AGENTS] if desired.has_agents else []), StepKind.READ_BACK]
        return PlannedNumber(
            key=str(record.identity.e164),
            source=record,
            desired=desired,
            steps=tuple(PlannedStep(kind=kind, message=kind.value) for kind in kinds),
        )

    def plan(self, name: str = "plan.json", **changes: object) -> LoadedPlan:
        with self.client(self.source) as client:
            records = list(client.list_numbers())
        chosen = sorted((r for r in records if r.is_live), key=lambda record: str(record.identity))
        given: dict[str, object] = {
            "created_at": START,
            "made_with": "0",
            "source": Endpoint(connection="here", provider=self.source.slug),
            "target": Endpoint(connection="there", provider=self.target.slug),
            "settings": self.settings,
            "trunks": (Trunk(name="carrier", auth="digest", username="acme", password=f"file:{self.secret}"),),
            "numbers": tuple(self.planned(record) for record in chosen),
        }
        loaded = save_plan(Plan.model_validate({**given, **changes}), self.folder / name)
        self.source.requests.clear()
        return loaded

    def settings_plan(self, name: str = "plan.json", **update: object) -> LoadedPlan:
        """A plan that changes every setting of every number of the source that its provider can have changed."""
        given: dict[str, object] = {
            "label": "New",
            "outbound": OutboundUpdate(address=address_at(self.source.slug, "new.example.com:5060")),
            "username": "acme2",
            "password": f"file:{self.secret}",
            "inbound_agent": AgentRef(self.source.agents["sales"], version=PUBLISHED),
        }
        with self.client(self.source) as client:
            account = survey(client, clock=self.time.clock)
        chosen = SettingsUpdate(**(update or given))
        plan = plan_settings(account, chosen, where=["status=active"], settings=self.settings, clock=self.time.clock)
        self.source.requests.clear()
        return save_plan(_anywhere(plan), self.folder / name)

    def import_plan(self, name: str = "plan.json") -> LoadedPlan:
        """A plan that imports as many numbers of a table at the target as the source has."""
        agent = self.target.agents["reception"]
        allowed = "203.0.113.7" if self.target.slug == "diga" else ""
        rest = f"pbx.example.com:5060,acme,file:{self.secret},{allowed},{agent},published"
        rows = [f"+8270{33330000 + index},Row {index},{rest}" for index in range(self.count)]
        head = "number,label,address,username,password,allowed_addresses,inbound_agent,inbound_agent_version"
        table = self.folder / "numbers.csv"
        table.write_text("\n".join([head, *rows]) + "\n")
        with self.client(self.target) as client:
            account = survey(client, clock=self.time.clock)
        plan = plan_imports(account, read_table(table), settings=self.settings, clock=self.time.clock)
        self.target.requests.clear()
        return save_plan(_anywhere(plan), self.folder / name)

    # -- running

    def be_a_machine(self) -> None:
        """Each stage is one of its own."""
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")

    def apply(self, loaded: LoadedPlan, **options: object) -> ApplyReport:
        self.be_a_machine()
        given = {"on_event": self.events.append, "clock": self.time.clock, **options}
        return apply_plan(loaded, self.open_source, self.open_target, ApplyOptions(**given))

    # -- looking

    def end_state(self) -> object:
        """What stands at either side, without ids and times that differ from run to run."""
        return [[_without_chance(emulator, record) for record in emulator.records()] for emulator in self.both]

    @property
    def both(self) -> tuple[Emulator, Emulator]:
        return self.source, self.target

    def live_at_target(self) -> list[str]:
        with self.client(self.target) as client:
            return sorted(str(number.identity) for number in client.list_numbers() if number.is_live)

    def writes(self, emulator: Emulator) -> list[str]:
        return [f"{call.method} {call.path}" for call in emulator.requests if call.method in WRITES]


def _anywhere(plan: Plan) -> Plan:
    """The plan, for emulators at any address."""
    return plan.model_copy(update={"target": plan.target.model_copy(update={"base_url": None})})


def _without_chance(emulator: Emulator, record: Mapping[str, object]) -> dict[str, object]:
    credentials = emulator.credentials(str(record[emulator.id_key]))
    said = {name: value for name, value in record.items() if name not in CHANCE}
    return {**said, "username": credentials and credentials.username, "password": credentials and credentials.password}


def sorted_state(state: Iterable[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return sorted(state, key=lambda record: str(record.get("number") or record.get("phone_number")))
