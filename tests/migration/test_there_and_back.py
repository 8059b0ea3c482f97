"""The whole way with the real planner: there and back between accounts, and there and rolled back.

What both providers can express comes back equal; everything else was named on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from telephony_core import AsyncTelephony, MediaEncryption, SipAddress, Telephony
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import Emulator, ReceivedRequest, Response
from telephony_core.migration import (
    ApplyOptions,
    DeprovisionOptions,
    LoadedPlan,
    MigrationMap,
    Settings,
    VerifyOptions,
    apply_plan,
    make_plan,
    preview_rollback,
    rollback_plan,
    save_plan,
    survey,
    take_inventory,
    verify_plan,
)
from telephony_core.migration.inventory.fields import SETTINGS, means_the_same
from telephony_core.migration.mapping.map_file import AgentChoice, TrunkChoice
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome, Finding
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Field
from telephony_core.provider.registry import registry
from telephony_diga.emulator import DigaEmulator
from telephony_elevenlabs.emulator import ElevenLabsEmulator
from telephony_retell.emulator import RetellEmulator
from telephony_vox.emulator import VoxEmulator
from tests.transport.driving import FakeTime

pytestmark = pytest.mark.usefixtures("unmeasured")  # every pair of vendors runs what other tests are about

AGENTS = ("reception", "sales")


class Account:
    """One connection, in a world whose time passes only when somebody waits."""

    def __init__(self, name: str, emulator: Emulator, time: FakeTime) -> None:
        self.name, self.emulator, self.time = name, emulator, time

    def client(self) -> Telephony:
        emulator = self.emulator
        return Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend(), clock=self.time.clock)

    def open(self) -> AsyncTelephony:
        emulator = self.emulator
        return AsyncTelephony(
            emulator.slug, api_key=emulator.api_key, backend=emulator.backend(), clock=self.time.clock
        )

    def live(self) -> dict[str, PhoneNumber]:
        with self.client() as client:
            return {str(number.identity): number for number in client.list_numbers() if number.is_live}


def planned(source: Account, target: Account, folder: Path) -> LoadedPlan:
    """A plan for everything that can be moved, every loss accepted by its name."""
    with source.client() as one, target.client() as other:
        inventory = take_inventory(one, connection=source.name, clock=source.time.clock)
        there = survey(other, connection=target.name, clock=target.time.clock)
    in_use = {
        agent.agent_id
        for number in inventory.numbers
        for agent in (number.inbound_agent, number.outbound_agent)
        if agent
    }
    agents = tuple(
        AgentChoice(
            source=source.emulator.agents[name], target=target.emulator.agents[name], target_version="published"
        )
        for name in AGENTS
        if source.emulator.agents[name] in in_use
    )
    trunks = []
    for number in inventory.numbers:
        credentials = source.emulator.credentials(number.id)
        if not number.is_live or number.sip is None or number.sip.outbound.address is None:
            continue
        name = f"trunk-{len(trunks)}"
        given: dict[str, object] = {"auth": "none"}
        if credentials is not None and credentials.username is not None:
            secret = folder / f"{source.name}-{name}.secret"
            secret.write_text(credentials.password or "")
            del given["auth"]
            given |= {"username": credentials.username, "password": f"file:{secret}"}
        trunks.append(TrunkChoice.model_validate({"name": name, "numbers": (str(number.identity),), **given}))
    consents = [allowance.value for allowance in Allowance]
    plan = make_plan(
        inventory,
        there,
        MigrationMap(agents=agents, trunks=tuple(trunks)),
        allow=consents,
        settings=Settings(timeout=20.0, concurrency=1),
        clock=source.time.clock,
    )
    return save_plan(plan, folder / f"{source.name}-to-{target.name}.json")


def move(source: Account, target: Account, folder: Path) -> LoadedPlan:
    loaded = planned(source, target, folder)
    report = apply_plan(loaded, source.open, target.open, ApplyOptions(clock=source.time.clock))
    assert report.is_complete, str(report)
    found = verify_plan(loaded, source.open, target.open, VerifyOptions(clock=source.time.clock))
    assert found.is_equal, str(found)
    return loaded


def named(loaded: LoadedPlan) -> dict[tuple[str, str], Finding]:
    """What the plan says becomes of each field, by number and field."""
    return {(number.key, finding.field): finding for number in loaded.plan.numbers for finding in number.findings}


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


MAKE: Mapping[str, Callable[[FakeTime, bool, str], Emulator]] = {
    "vox": lambda time, seed, key: VoxEmulator(api_key=key, now=time.clock.now, seed=seed),
    "diga": lambda time, seed, key: DigaEmulator(api_key=key, now=time.clock.now, seed=seed),
    "elevenlabs": lambda time, seed, key: ElevenLabsEmulator(api_key=key, now=time.clock.now, seed=seed),
    "retell": lambda time, seed, key: RetellEmulator(api_key=key, now=time.clock.now, seed=seed),
}
TRUNKS: Final[Mapping[str, Mapping[str, object]]] = {
    "vox": {"memo": "Everywhere", "address": "sip:everywhere.example.com:5060;transport=tcp"},
    "diga": {"nickname": "Everywhere", "sip_config": {"termination_uri": "everywhere.example.com:5060"}},
    "elevenlabs": {
        "label": "Everywhere",
        "outbound_trunk": {"address": "everywhere.example.com:5060", "transport": "tcp"},
    },
    "retell": {
        "nickname": "Everywhere",
        "sip_outbound_trunk_config": {"termination_uri": "everywhere.example.com:5060", "transport": "TCP"},
    },
}
NOTHING: Final = (None, (), MediaEncryption.UNKNOWN)
PAIRS = [f"{here}-{there}" for here in MAKE for there in MAKE]
NUMBER_KEY: Final = {"vox": "number", "diga": "number", "elevenlabs": "phone_number", "retell": "phone_number"}
EVERYWHERE: Final = "+827099990000"
"""A number that every provider can hold: vox takes Korean ones only."""


def accounts(context: str, time: FakeTime) -> list[Account]:
    """The accounts along the way; only the first one has numbers in it."""
    found = [
        Account(f"{slug}-{place}", MAKE[slug](time, place == 0, f"key-of-{place}"), time)
        for place, slug in enumerate(context.split("-"))
    ]
    _add(found[0], EVERYWHERE, TRUNKS[found[0].emulator.slug])
    return found


def _add(account: Account, number: str, fields: Mapping[str, object] | None = None) -> None:
    slug = account.emulator.slug
    text = "0" + number.removeprefix("+82") if slug == "vox" else number
    account.emulator.add(**{NUMBER_KEY[slug]: text, **(fields or {})})


@pytest.mark.parametrize("context", [f"{pair}-{pair.split('-')[0]}" for pair in PAIRS])
def test_every_field_that_both_can_express_comes_back_equal_and_every_other_one_was_named(
    context: str, time: FakeTime, tmp_path: Path
) -> None:
    first, between, last = accounts(context, time)
    there, back = move(first, between, tmp_path), move(between, last, tmp_path)
    before, after = first.live(), last.live()
    moved = [number.key for number in back.plan.numbers]
    assert EVERYWHERE in moved
    for key in moved:
        for name in SETTINGS:
            old, new = (_agentless(first, before[key], name), _agentless(last, after[key], name))
            if not means_the_same(old, new):
                outcomes = {found[key, name].outcome for found in (named(there), named(back)) if (key, name) in found}
                assert outcomes - {None, FieldOutcome.KEPT}, f"{key}: {name} became {new!r} from {old!r}: {outcomes}"
        for emulator, number in ((first.emulator, before[key]), (last.emulator, after[key])):
            stored = emulator.credentials(number.id)
            desired = first.emulator.credentials(before[key].id)
            assert (stored and stored.password) == (desired and desired.password), key


def _agentless(account: Account, number: PhoneNumber, name: str) -> object:
    """A field as it compares between accounts: agents have ids of their own in each, a bare host is what it means."""
    value = read_field(number, name)
    if isinstance(value, SipAddress):
        return registry.spec(account.emulator.slug).capabilities.as_meant(value)
    if name in (Field.INBOUND_AGENT, Field.OUTBOUND_AGENT):
        by_id = {id: agent for agent, id in account.emulator.agents.items()}
        return by_id.get(getattr(value, "agent_id", ""))
    return value


@pytest.mark.parametrize("context", PAIRS)
def test_every_setting_of_the_source_that_the_target_does_not_hold_is_named_with_what_becomes_of_it(
    context: str, time: FakeTime, tmp_path: Path
) -> None:
    source, target = accounts(context, time)
    loaded = planned(source, target, tmp_path)
    holds = registry.spec(target.emulator.slug).capabilities.fields
    there = named(loaded)
    numbers = source.live()
    for key in (number.key for number in loaded.plan.numbers):
        for name in SETTINGS:
            if name not in holds and read_field(numbers[key], name) not in NOTHING:
                finding = there.get((key, name))
                assert finding is not None, f"{key}: {name} is lost in silence"
                assert finding.outcome not in (None, FieldOutcome.KEPT), (
                    f"{key}: {name} is said to be {finding.outcome}"
                )
                assert finding.message


@pytest.mark.parametrize("context", PAIRS)
def test_there_and_rolled_back_leaves_both_sides_as_they_were(context: str, time: FakeTime, tmp_path: Path) -> None:
    source, target = accounts(context, time)
    _add(target, "+827088880000")
    before = source.emulator.records(), target.live()
    loaded = move(source, target, tmp_path)
    assert EVERYWHERE in {number.key for number in loaded.plan.numbers}
    assert len(target.live()) == len(loaded.plan.numbers) + 1
    options = DeprovisionOptions(clock=time.clock, allow=["unpublishes"])
    shown = preview_rollback(loaded, source.open, target.open, options).shown
    assert len(shown) == len(loaded.plan.numbers)
    assert rollback_plan(loaded, source.open, target.open, replace(options, confirmed=shown)).is_complete
    assert (source.emulator.records(), target.live()) == before


def test_where_the_number_is_the_id_one_that_was_imported_again_by_somebody_is_left_alone(
    time: FakeTime, tmp_path: Path
) -> None:
    source, target = accounts("vox-retell", time)
    loaded = move(source, target, tmp_path)
    time.advance(60.0)
    target.emulator.store.edit(EVERYWHERE, {"last_modification_timestamp": int(time.clock.now().timestamp() * 1000)})
    shown = preview_rollback(loaded, source.open, target.open, DeprovisionOptions(clock=time.clock))
    assert EVERYWHERE not in {number for number, _ in shown.shown}
    (left,) = shown.left_alone
    assert (left.number, left.error) == (EVERYWHERE, "ModifiedExternally")
    assert "updated_at" in left.message


class WithoutTimes(RetellEmulator):
    """Shows nothing by which one life of a number is told from the next."""

    def answer(self, call: ReceivedRequest) -> Response:
        response = super().answer(call)
        body = json.loads(response.body or b"null")
        for record in body.get("items", [body]) if isinstance(body, dict) else ():
            record.pop("last_modification_timestamp", None)
        return replace(response, body=json.dumps(body).encode() if response.body else b"")


def test_where_the_number_is_the_id_and_no_time_is_shown_nothing_is_rolled_back(time: FakeTime, tmp_path: Path) -> None:
    source, _ = accounts("vox-retell", time)
    target = Account("retell-1", WithoutTimes(api_key="key-of-1", now=time.clock.now, seed=False), time)
    loaded = move(source, target, tmp_path)
    shown = preview_rollback(loaded, source.open, target.open, DeprovisionOptions(clock=time.clock))
    assert not shown.shown
    assert {left.error for left in shown.left_alone} == {"ModifiedExternally"}
    assert all("uses ids again" in left.message for left in shown.left_alone)
