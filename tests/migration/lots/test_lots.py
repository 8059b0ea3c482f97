"""Lots: pieces of a plan that workers do over shared stores, again and again, and at once, without doing one twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import AsyncTelephony, Pace
from telephony_core.accounts.connection import Connection
from telephony_core.accounts.connections import Connections
from telephony_core.emulator import Fault, FaultKind, json_response
from telephony_core.errors import ConfigurationError, InvalidInput, MigrationError, NotAllowed, RateLimited
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.memory import MemoryJournals
from telephony_core.migration.journal.sqlite_journals import SqliteJournals
from telephony_core.migration.lots.lot import Lot, LotDone, in_lots
from telephony_core.migration.lots.run import run_lot
from telephony_core.migration.lots.site import Site
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Canary, Endpoint, Settings, Trunk
from telephony_core.migration.plan.store import LoadedPlan, MemoryPlans, PlanFolder, PlanStore
from telephony_core.migration.run.status import aread_run
from telephony_core.migration.run.stopping import Failure, Stopped, StopRules
from telephony_core.provider.flow import Response
from telephony_core.provider.registry import registry
from telephony_core.transport.clock import Clock
from tests.migration.stage import PASSWORD, Stage


@dataclass(frozen=True)
class Vault:
    """The secrets of tenants, who use the same names for other secrets."""

    secrets: Mapping[tuple[str, str], str]
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def read(self, tenant: str, reference: str, *, what: str) -> SecretStr:
        await asyncio.sleep(0)
        self.asked.append((tenant, reference))
        if (tenant, reference) not in self.secrets:
            raise ConfigurationError(f"{what}: {tenant} has nothing under {reference}", remedy="put it there")
        return SecretStr(self.secrets[tenant, reference])


class Fleet(Stage):
    """A stage whose plan is in a store, with a site over it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.be_a_machine()
        self.vault = Vault(
            {
                ("acme", "env:KEY"): self.source.api_key,
                ("acme", "env:OTHER_KEY"): self.target.api_key,
                ("acme", "env:TRUNK"): PASSWORD,
            }
        )
        self.beats: list[int] = []
        self.site = Site(
            plans=MemoryPlans(),
            journals=MemoryJournals(self.time.clock.now),
            connections_of=lambda tenant: {"here": self._at("here"), "there": self._at("there")},
            secrets=self.vault,
            pacer_of=lambda tenant, connection: Pace.unlimited(),
            open=self._client,
            clock=self.time.clock,
        )

    def _at(self, name: str) -> Connection:
        slug, key = {"here": (self.source.slug, "env:KEY"), "there": (self.target.slug, "env:OTHER_KEY")}[name]
        return Connection(provider=slug, name=name, api_key=key)

    def _client(self, connection: Connection, clock: Clock) -> AsyncTelephony:
        emulator = {"here": self.source, "there": self.target}[connection.name]
        assert connection.api_key.get_secret_value() == emulator.api_key
        return AsyncTelephony(connection, backend=emulator.backend(), clock=clock)

    def submit(self, **changes: object) -> LoadedPlan:
        trunk = Trunk(name="carrier", auth="digest", username="acme", password="env:TRUNK")
        loaded = self.plan(**{"trunks": (trunk,), **changes})
        checksum = asyncio.run(self.site.plans.put(loaded.plan))
        return asyncio.run(self.site.plans.get(checksum))

    async def work(self, lot: Lot, *, stop: asyncio.Event | None = None) -> LotDone:
        return await run_lot(lot, self.site, self.beats.append, stop or asyncio.Event())

    def do(self, lot: Lot) -> LotDone:
        # What goes to a worker and back is JSON.
        done = asyncio.run(self.work(Lot.model_validate_json(lot.model_dump_json())))
        return LotDone.model_validate_json(done.model_dump_json())

    def counts(self, loaded: LoadedPlan) -> dict[MigrationState, int]:
        return asyncio.run(aread_run(loaded, self.site.journals)).counts

    def imported(self) -> Counter[str]:
        return Counter(str(record["number"]) for record in self.target.records())


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, count=5)


def lots(loaded: LoadedPlan, command: str = "apply", size: int = 2, **more: object) -> list[Lot]:
    return list(in_lots(loaded, command, size, tenant="acme", **more))


def test_a_plan_without_a_file_is_moved_lot_by_lot(fleet: Fleet) -> None:
    loaded = fleet.submit()
    assert loaded.path is None
    assert [(lot.first, lot.last) for lot in lots(loaded, canary=1)] == [(0, 1), (1, 3), (3, 5)]
    done = [fleet.do(lot) for lot in lots(loaded, canary=1)]
    assert [(each.numbers, each.done, each.failures) for each in done] == [(1, 1, ()), (2, 2, ()), (2, 2, ())]
    assert fleet.counts(loaded) == {MigrationState.MOVED: 5}
    assert set(fleet.imported().values()) == {1}
    assert fleet.beats[-1] == 2


def test_the_first_lot_is_the_canaries_of_the_plan_wherever_they_stand_in_it(fleet: Fleet) -> None:
    keys = [number.key for number in fleet.plan().plan.numbers]
    loaded = fleet.submit(name="other.json", canaries=tuple(Canary(number=key, why="named") for key in keys[3:]))
    first, *others = lots(loaded, canary=2)
    assert fleet.do(first).done == 2
    assert sorted(fleet.imported()) == keys[3:]
    assert [fleet.do(lot).done for lot in others] == [2, 1]
    assert sorted(fleet.imported().elements()) == keys


def test_a_lot_that_is_run_again_sends_nothing_more(fleet: Fleet) -> None:
    loaded = fleet.submit()
    lot = lots(loaded)[0]
    first = fleet.do(lot)
    sent = len(fleet.target.requests)
    assert fleet.do(lot) == first
    assert len(fleet.target.requests) == sent


def test_workers_that_have_the_same_lot_do_no_number_twice(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1))
    whole = Lot(tenant="acme", plan=loaded.checksum, command="apply", first=0, last=5)

    async def both() -> None:
        await asyncio.gather(*(fleet.work(whole) for _ in range(3)), return_exceptions=True)

    asyncio.run(both())
    assert fleet.do(whole).done == 5
    assert set(fleet.imported().values()) == {1}
    assert fleet.counts(loaded) == {MigrationState.MOVED: 5}


def test_all_commands_are_lots(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, soak_hours=1.0))
    check = fleet.do(lots(loaded, "check", 9)[0])
    assert (check.numbers, check.done) == (5, 0)
    assert fleet.writes(fleet.target) == []
    assert not asyncio.run(fleet.site.journals.was_started(loaded))
    assert sum(fleet.do(lot).done for lot in lots(loaded)) == 5
    assert fleet.do(lots(loaded, "check", 9)[0]).done == 5
    assert [fleet.do(lot).done for lot in lots(loaded, "verify", 3)] == [3, 2]
    too_early = fleet.do(lots(loaded, "release", 2)[0])
    assert (too_early.done, [each.error for each in too_early.failures]) == (0, ["NotReleasable"] * 2)
    fleet.time.advance(4000)
    with pytest.raises(NotAllowed, match="unpublishes"):
        fleet.do(lots(loaded, "rollback")[-1])
    rolled_back = fleet.do(lots(loaded, "rollback", 2, allow=("unpublishes",))[-1])
    assert rolled_back.done == 1, rolled_back
    assert fleet.counts(loaded) == {MigrationState.MOVED: 4, MigrationState.ROLLED_BACK: 1}


def test_a_lot_and_its_result_hold_no_number_no_name_and_no_secret(fleet: Fleet) -> None:
    loaded = fleet.submit()
    fleet.target.faults.append(Fault(FaultKind.ANSWER, response=_refusal(), method="POST"))
    first, *_ = lots(loaded)
    said = first.model_dump_json() + fleet.do(first).model_dump_json()
    assert '"error":"' in said
    for secret in ("82701", PASSWORD, fleet.source.api_key, fleet.target.api_key, "acme.example"):
        assert secret not in said


def _refusal() -> Response:
    return json_response(422, {"error": {"code": "bad", "message": "+827011110000 is not good"}})


def test_asked_to_stop_a_lot_finishes_the_number_in_hand(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1))

    async def work() -> LotDone:
        stop = asyncio.Event()
        lot = Lot(tenant="acme", plan=loaded.checksum, command="apply", first=0, last=5)

        def beat(done: int) -> None:
            if done:
                stop.set()

        return await run_lot(lot, fleet.site, beat, stop)

    done = asyncio.run(work())
    assert done.stopped is Stopped.ASKED
    assert 1 <= done.done < 5


def test_a_record_that_changed_stops_a_lot_before_it_writes(fleet: Fleet) -> None:
    loaded = fleet.submit()
    with fleet.client(fleet.source) as client:
        client.update_label(fleet.ids[0], "another")
    with pytest.raises(StalePlan):
        fleet.do(lots(loaded, "check", 2)[0])
    with pytest.raises(StalePlan):
        fleet.do(lots(loaded)[0])
    assert fleet.writes(fleet.target) == []


def test_secrets_are_those_of_the_tenant(fleet: Fleet) -> None:
    loaded = fleet.submit()
    with pytest.raises(ConfigurationError, match="other has nothing under"):
        fleet.do(lots(loaded)[0].model_copy(update={"tenant": "other"}))
    fleet.do(lots(loaded)[0])
    assert ("acme", "env:TRUNK") in fleet.vault.asked
    made = fleet.target.records()[0]
    credentials = fleet.target.credentials(str(made[fleet.target.id_key]))
    assert credentials is not None
    assert credentials.password == PASSWORD


def test_a_tenant_without_the_connection_is_told(fleet: Fleet) -> None:
    loaded = fleet.submit()
    both = fleet.site.connections_of("other")
    fleet.site = replace(fleet.site, connections_of=lambda tenant: both if tenant == "other" else {})
    with pytest.raises(ConfigurationError, match="the tenant 'acme' has no connection 'here'") as refused:
        fleet.do(lots(loaded)[0])
    assert "give this worker that connection" in str(refused.value.remedy)
    other = Vault({("other", reference): secret for (_, reference), secret in fleet.vault.secrets.items()})
    fleet.site = replace(fleet.site, secrets=other)
    assert fleet.do(lots(loaded)[0].model_copy(update={"tenant": "other"})).done == 2


def test_a_key_in_a_variable_of_the_worker_is_no_tenants(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed as any reference of the tenant: a plan that names a vendor must not get whatever is set here."""
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "key of the worker")
    fleet.site = replace(fleet.site, connections_of=lambda tenant: Connections())
    end = Endpoint(connection="vox", provider="vox")
    with pytest.raises(ConfigurationError, match="acme has nothing under env:TELEPHONY_VOX_API_KEY"):
        asyncio.run(fleet.site.opener("acme", end))


def test_a_lot_beyond_the_plan_is_refused(fleet: Fleet) -> None:
    loaded = fleet.submit()
    with pytest.raises(InvalidInput, match="the plan has 5 numbers") as refused:
        fleet.do(Lot(tenant="acme", plan=loaded.checksum, command="apply", first=4, last=6))
    assert "in_lots" in str(refused.value.remedy)
    with pytest.raises(InvalidInput, match="behind its first"):
        Lot(tenant="acme", plan=loaded.checksum, command="apply", first=4, last=4)
    with pytest.raises(InvalidInput, match="size"):
        lots(loaded, size=0)


def test_files_are_a_site_too(fleet: Fleet, tmp_path: Path) -> None:
    fleet.site = replace(
        fleet.site, plans=PlanFolder(tmp_path / "plans"), journals=SqliteJournals(fleet.time.clock.now)
    )
    loaded = fleet.submit()
    assert [fleet.do(lot).done for lot in lots(loaded)] == [2, 2, 1]
    assert loaded.journal_path.exists()
    assert fleet.counts(loaded) == {MigrationState.MOVED: 5}


@pytest.mark.parametrize(
    ("changes", "ends"), [(True, [2, 3, 4]), (False, [1, 2, 3, 4])], ids=["changes it", "moves numbers from it"]
)
def test_numbers_that_share_a_trunk_are_in_one_lot_of_a_plan_that_changes_it(
    changes: bool, ends: list[int], tmp_path: Path
) -> None:
    fleet = Fleet(tmp_path, "diga-vox", count=4)
    plan = fleet.settings_plan(label="New").plan if changes else fleet.plan().plan
    shared = [
        number.model_copy(update={"source": number.record.model_copy(update={"trunk_ids": ids})})
        for number, ids in zip(plan.numbers, (("a",), ("b",), ("a",), ()), strict=True)
    ]
    plan = plan.model_copy(update={"numbers": tuple(shared), "canaries": ()})
    parted = list(in_lots(LoadedPlan(plan=plan, checksum="x"), "apply", 1))
    assert [lot.first for lot in parted] == [0, *ends[:-1]]
    assert [lot.last for lot in parted] == ends


def test_lots_are_of_nobody_in_particular_where_no_tenant_is_named_and_a_plan_of_nothing_has_none(fleet: Fleet) -> None:
    loaded = fleet.submit()
    assert {lot.tenant for lot in in_lots(loaded, "apply", 2)} == {""}
    nothing = loaded.plan.model_copy(update={"numbers": ()})
    assert list(in_lots(LoadedPlan(plan=nothing, checksum="x"), "apply", 2)) == []


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_store_of_plans_gives_back_what_was_put(kind: str, tmp_path: Path, fleet: Fleet) -> None:
    store: PlanStore = PlanFolder(tmp_path / "plans") if kind == "folder" else MemoryPlans()
    loaded = fleet.plan()

    async def work() -> None:
        checksum = await store.put(loaded.plan)
        assert checksum == loaded.checksum == await store.put(loaded.plan)
        assert (await store.get(checksum)).plan == loaded.plan
        for nothing in ("sha256:" + "0" * 64, "../../etc/passwd"):
            with pytest.raises(MigrationError):
                await store.get(nothing)

    asyncio.run(work())


def test_a_folder_with_another_plan_in_its_place_is_noticed(tmp_path: Path, fleet: Fleet) -> None:
    store = PlanFolder(tmp_path / "plans")
    checksum = asyncio.run(store.put(fleet.plan().plan))
    (file,) = (tmp_path / "plans").iterdir()
    other = tmp_path / "plans" / f"{'0' * 64}.json"
    other.write_bytes(file.read_bytes())
    with pytest.raises(MigrationError, match="holds another plan"):
        asyncio.run(store.get("sha256:" + "0" * 64))
    assert asyncio.run(store.get(checksum)).checksum == checksum


def test_failures_are_judged_as_data() -> None:
    error = RateLimited("too many", status=429, code="slow", provider="vox")
    failure = Failure.model_validate_json(Failure.of(error).model_dump_json())
    assert failure == Failure.of(error)
    rules = StopRules(3)
    for _ in range(2):
        rules.failed(failure)
    assert rules.why is None
    rules.failed(failure.anonymous)
    assert rules.why is Stopped.EQUAL_FAILURES
    key = StopRules(3)
    key.failed(Failure(error="SomeOther", refuses_key=True, provider="vox"))
    assert (key.why, key.message) == (Stopped.KEY, "vox does not accept the key for this")


def test_an_adapter_declares_the_pace_where_nobody_gives_one(fleet: Fleet) -> None:
    seen: list[Connection] = []

    def opened(connection: Connection, clock: Clock) -> AsyncTelephony:
        seen.append(connection)
        return fleet._client(connection, clock)

    loaded = fleet.submit()
    fleet.site = replace(fleet.site, pacer_of=None, open=opened)
    fleet.do(lots(loaded)[0])
    limit = registry.spec("vox").capabilities.rate_limit
    here = next(each for each in seen if each.name == "here")
    assert here.pace is not None
    assert limit is not None
    assert here.pace.per_second == limit.per_second
