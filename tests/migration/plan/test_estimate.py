"""The estimate of a plan is what `apply` sends: counted at the emulators, at both ends."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator, EmulatorBackend, HttpRequest
from telephony_core.migration.assessment.target import survey
from telephony_core.migration.inventory.inventory import take_inventory
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import Settings
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.plan.store import save_plan
from telephony_core.migration.run.apply import ApplyOptions, apply_plan
from telephony_core.provider.flow import Response
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import registry
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator
from tests.transport.driving import FakeTime


def source_account(slug: str, count: int, first: str) -> Emulator:
    """An account with so many numbers, every other one with an agent."""
    emulator: Emulator = VoxEmulator(seed=False) if slug == "vox" else DigaEmulator(seed=False)
    agent = emulator.agents["reception"]
    for index in range(count):
        number = f"{first}{index:02d}"
        if slug == "vox":
            answered = {"inbound_agent": {"agent_id": agent, "agent_version": "production"}} if index % 2 else {}
            emulator.add(number=number, address="sip:pbx.example.com:5060", **answered)
        else:
            answered = {"inbound_agent_id": agent} if index % 2 else {}
            emulator.add(number=number, sip_config={"termination_uri": "pbx.example.com:5060"}, **answered)
    return emulator


class Estimated(EmulatorBackend):
    """Answers after as long as the estimate supposes."""

    def __init__(self, emulator: Emulator, time: FakeTime) -> None:
        super().__init__(emulator)
        self._time = time

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        self._time.advance(0.3)
        return await super().asend(request, timeout)


def acme() -> ProviderSpec:
    spec: ProviderSpec = importlib.import_module("telephony_acme.plugin").telephony_register_provider()
    return spec


@pytest.mark.parametrize(
    ("here", "there", "first"),
    [("vox", "diga", "+8270111100"), ("diga", "vox", "+8270111100"), ("diga", "acme", "+44207946")],
)
@pytest.mark.parametrize(("count", "settings"), [(1, Settings()), (5, Settings(concurrency=1)), (9, Settings())])
def test_an_estimate_is_what_apply_sends(
    here: str, there: str, first: str, count: int, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples" / "telephony-acme"))
    spec = acme() if there == "acme" else registry.spec(there)
    source = source_account(here, count, first + "00" * (there == "acme"))
    assert spec.emulator is not None
    target = spec.emulator()
    for record in target.records():
        target.store.remove(str(record["id"]))
    agent = target.agents["reception"] if there != "acme" else next(iter(target.agents.values()))

    time = FakeTime()

    def open_source() -> AsyncTelephony:
        return AsyncTelephony(here, api_key=source.api_key, backend=Estimated(source, time), clock=time.clock)

    def open_target() -> AsyncTelephony:
        return AsyncTelephony(spec, api_key=target.api_key, backend=Estimated(target, time), clock=time.clock)

    with (
        Telephony(here, api_key=source.api_key, backend=source.backend()) as one,
        Telephony(spec, api_key=target.api_key, backend=target.backend()) as other,
    ):
        agents = [{"source": source.agents["reception"], "target": agent, "target_version": "published"}]
        trunks = [{"name": "t", "source_address": "sip:pbx.example.com:5060", "auth": "none"}]
        mapping = MigrationMap.model_validate({"agents": agents if count > 1 else [], "trunks": trunks})
        plan = make_plan(take_inventory(one), survey(other), mapping, allow=list(Allowance), settings=settings)
    loaded = save_plan(plan, tmp_path / "plan.json")
    source.requests.clear()
    target.requests.clear()
    report = apply_plan(loaded, open_source, open_target, ApplyOptions(clock=time.clock))
    assert report.done == count
    assert len(source.requests) == plan.estimate.source_requests
    if settings.concurrency == 1 or count == 1 or spec.capabilities.finds_by_number:
        assert len(target.requests) == plan.estimate.target_requests
    else:  # which look-ups share a listing depends on when they are asked for
        assert len(target.requests) == pytest.approx(plan.estimate.target_requests, rel=0.2)
