"""What a lot tells of its numbers, in figures, and what a site brings to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import AsyncTelephony, Pace, SideEffect
from telephony_core.accounts.connection import Connection
from telephony_core.emulator import Fault, FaultKind, json_response
from telephony_core.emulator.server import serve
from telephony_core.errors import ConfigurationError, InvalidInput
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.lots.lot import Lot
from telephony_core.migration.lots.site import Site
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Endpoint, Settings
from telephony_core.migration.run.stopping import Failure, Stopped
from telephony_core.transport.clock import Clock
from tests.migration.lots.test_lots import Fleet, Vault, lots


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, count=5)


def test_a_release_is_a_lot_too(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, soak_hours=1.0))
    for command in ("apply", "verify"):
        assert sum(fleet.do(lot).done for lot in lots(loaded, command)) == 5
    fleet.time.advance(4000)
    allow = tuple(map(str, SideEffect))
    done = [fleet.do(lot) for lot in lots(loaded, "release", allow=allow)]
    assert [(each.numbers, each.done, each.failures) for each in done] == [(2, 2, ()), (2, 2, ()), (1, 1, ())]
    assert fleet.counts(loaded) == {MigrationState.RELEASED: 5}


def test_where_nothing_was_moved_there_is_nothing_to_release_it_from(fleet: Fleet) -> None:
    fleet.settings = Settings(timeout=20.0, canary=0)
    plan = fleet.settings_plan(label="New").plan
    end = plan.target.model_copy(update={"connection": "here"})
    checksum = asyncio.run(fleet.site.plans.put(plan.model_copy(update={"target": end})))
    lot = Lot(tenant="acme", plan=checksum, command="release", first=0, last=2)
    with pytest.raises(InvalidInput, match="is no migration, so there is no source to release anything at"):
        fleet.do(lot)
    assert fleet.do(lot.model_copy(update={"command": "apply"})).done == 2
    rolled_back = fleet.do(lot.model_copy(update={"command": "rollback"}))
    assert (rolled_back.numbers, rolled_back.done, rolled_back.failures) == (2, 2, ())


def test_what_verify_finds_different_is_counted_without_its_number(fleet: Fleet) -> None:
    loaded = fleet.submit()
    assert fleet.do(lots(loaded, size=3)[0]).done == 3
    made = fleet.target.records()[0]
    with fleet.client(fleet.target) as client:
        client.update_label(str(made[fleet.target.id_key]), "Somebody's")
    verified = fleet.do(lots(loaded, "verify", 3)[0])
    assert (verified.numbers, verified.done) == (3, 2)
    assert verified.failures == (Failure(error="VerificationFailed"),)


def test_what_is_in_doubt_is_counted_and_the_lot_can_be_run_again(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1, canary=0))
    whole = Lot(tenant="acme", plan=loaded.checksum, command="apply", first=0, last=5)
    fleet.target.faults.append(Fault(FaultKind.LOST_BEFORE, method="POST", times=99))
    done = fleet.do(whole)
    assert (done.numbers, done.done, done.in_doubt) == (5, 0, 3)
    assert done.stopped is Stopped.EQUAL_FAILURES
    fleet.target.faults.clear()
    again = fleet.do(whole)
    assert (again.done, again.in_doubt, again.stopped, again.failures) == (5, 0, None, ())


def test_what_a_killed_worker_sent_a_moment_ago_is_in_doubt_for_a_rollback(fleet: Fleet) -> None:
    loaded = fleet.submit()

    async def killed() -> None:
        async with fleet.site.journals.begin(loaded, "apply") as journal:
            key = loaded.plan.numbers[0].key
            await (await journal.claim(key)).append(Entry(key, Action.IMPORT, Phase.INTENT))

    asyncio.run(killed())
    lot = lots(loaded, "rollback")[0]
    done = fleet.do(lot)
    assert (done.done, done.in_doubt, done.may_pass) == (1, 1, True)
    assert [each.error for each in done.failures] == ["InDoubt"]
    fleet.time.advance(loaded.plan.settings.in_doubt.total_seconds())
    assert fleet.do(lot).done == 2


def test_a_rollback_that_fails_half_way_says_why_and_how_many(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1))
    assert sum(fleet.do(lot).done for lot in lots(loaded)) == 5
    record = fleet.target.records()[0]
    with fleet.client(fleet.target) as client:  # this one is left alone before anything is sent
        client.update_label(str(record[fleet.target.id_key]), "Somebody's")
    refusal = json_response(403, {"error": {"code": "no", "message": "no"}})
    fleet.target.faults.append(Fault(FaultKind.ANSWER, method="DELETE", times=1, response=refusal))
    whole = Lot(tenant="acme", plan=loaded.checksum, command="rollback", first=0, last=5, allow=("unpublishes",))
    done = fleet.do(whole)
    assert done.numbers == 5
    assert done.done + len(done.failures) <= 5
    assert [each.error for each in done.failures] == ["ModifiedExternally", "PermissionDenied"]
    assert done.failures[1].refuses_key
    assert done.stopped is Stopped.KEY


def test_the_pace_of_a_connection_is_its_own_where_it_has_one(fleet: Fleet) -> None:
    seen: list[Connection] = []

    def opened(connection: Connection, clock: Clock) -> AsyncTelephony:
        seen.append(connection)
        return fleet._client(connection, clock)

    pace = Pace(per_second=3.0)
    loaded = fleet.submit()
    paced = {name: replace(fleet._at(name), pace=pace) for name in ("here", "there")}
    fleet.site = replace(fleet.site, pacer_of=None, open=opened, connections_of=lambda tenant: paced)
    fleet.do(lots(loaded)[0])
    assert {each.pace for each in seen} == {pace}


def test_the_pace_is_asked_for_by_tenant_once_the_key_is_read(fleet: Fleet) -> None:
    asked: list[tuple[str, str, object]] = []

    def pacer(tenant: str, connection: Connection) -> Pace:
        asked.append((tenant, str(connection.name), connection.api_key))
        return Pace.unlimited()

    loaded = fleet.submit()
    fleet.site = replace(fleet.site, pacer_of=pacer)
    fleet.do(lots(loaded)[0])
    assert [(tenant, name) for tenant, name, _ in asked] == [("acme", "here"), ("acme", "there")]
    assert all(isinstance(key, SecretStr) for _, _, key in asked)


def test_a_key_that_is_no_reference_is_taken_as_it_is(fleet: Fleet) -> None:
    keyed = {
        "here": Connection(provider=fleet.source.slug, name="here", api_key=SecretStr(fleet.source.api_key)),
        "there": Connection(provider=fleet.target.slug, name="there", api_key=SecretStr(fleet.target.api_key)),
    }
    loaded = fleet.submit()
    fleet.site = replace(fleet.site, connections_of=lambda tenant: keyed)
    assert fleet.do(lots(loaded)[0]).done == 2
    assert fleet.vault.asked == [("acme", "env:TRUNK")]


def test_a_key_that_the_tenant_does_not_have_is_named_by_its_connection(fleet: Fleet) -> None:
    loaded = fleet.submit()
    fleet.vault = Vault({})
    fleet.site = replace(fleet.site, secrets=fleet.vault)
    with pytest.raises(ConfigurationError, match=r"API key of .*here.*: acme has nothing under env:KEY"):
        fleet.do(lots(loaded)[0])


@pytest.mark.parametrize(("size", "canary"), [(0, 0), (1, -1)])
def test_lots_of_nothing_are_refused(size: int, canary: int, fleet: Fleet) -> None:
    loaded = fleet.submit()
    with pytest.raises(InvalidInput, match=f"lots of {size} numbers, {canary} first") as refused:
        lots(loaded, size=size, canary=canary)
    assert refused.value.remedy == "give a size of 1 or more"


def test_a_lot_says_whose_it_is_and_what_is_allowed(fleet: Fleet) -> None:
    loaded = fleet.submit()
    for lot in lots(loaded, "rollback", 2, canary=1, allow=("unpublishes",)):
        assert (lot.tenant, lot.plan, lot.command, lot.allow) == ("acme", loaded.checksum, "rollback", ("unpublishes",))


def test_a_first_number_that_fails_keeps_the_rest_of_a_lot_from_nothing(fleet: Fleet) -> None:
    """Which lot goes first as a trial is the engine's to say: within one there is no canary."""
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1, canary=2))
    refusal = json_response(422, {"error": {"code": "no", "message": "no"}})
    fleet.target.faults.append(Fault(FaultKind.ANSWER, method="POST", response=refusal))
    whole = Lot(tenant="acme", plan=loaded.checksum, command="apply", first=0, last=5)
    done = fleet.do(whole)
    assert (done.done, done.stopped, len(done.failures)) == (4, None, 1)


def test_a_release_that_is_refused_says_why_and_stops(fleet: Fleet) -> None:
    loaded = fleet.submit(settings=Settings(timeout=20.0, concurrency=1, soak_hours=1.0))
    whole = Lot(
        tenant="acme", plan=loaded.checksum, command="apply", first=0, last=5, allow=tuple(map(str, SideEffect))
    )
    for command in ("apply", "verify"):
        assert fleet.do(whole.model_copy(update={"command": command})).done == 5
    fleet.time.advance(4000)
    refusal = json_response(403, {"error": {"code": "no", "message": "no"}})
    fleet.source.faults.append(Fault(FaultKind.ANSWER, method="DELETE", response=refusal))
    done = fleet.do(whole.model_copy(update={"command": "release"}))
    assert (done.done, done.stopped) == (0, Stopped.KEY)
    assert [(each.error, each.refuses_key) for each in done.failures] == [("PermissionDenied", True)]


def test_a_key_that_is_given_is_not_looked_for_in_the_process(fleet: Fleet) -> None:
    given = Connection(provider="vox", api_key=SecretStr(fleet.source.api_key))
    seen: list[Connection] = []

    def opened(connection: Connection, clock: Clock) -> AsyncTelephony:
        seen.append(connection)
        return AsyncTelephony(connection, backend=fleet.source.backend(), clock=clock)

    fleet.site = replace(fleet.site, connections_of=lambda tenant: {"vox": given}, open=opened)
    open_it = asyncio.run(fleet.site.opener("acme", Endpoint(connection="vox", provider="vox")))
    open_it()
    assert [connection.api_key for connection in seen] == [given.api_key]
    assert fleet.vault.asked == []


def test_a_lot_of_a_whole_plan_sees_that_its_selection_grew(fleet: Fleet) -> None:
    fleet.settings = Settings(timeout=20.0, canary=0)
    plan = fleet.settings_plan(label="New").plan
    end = plan.target.model_copy(update={"connection": "here"})
    checksum = asyncio.run(fleet.site.plans.put(plan.model_copy(update={"target": end})))
    fleet._add_source(7)
    with pytest.raises(StalePlan, match="fits the selection by now, and was not shown"):
        fleet.do(Lot(tenant="acme", plan=checksum, command="apply", first=0, last=5))
    assert fleet.writes(fleet.source) == []


def test_a_client_is_of_the_tenants_connection_and_waits_by_the_clock_of_the_site(fleet: Fleet) -> None:
    slow_down = json_response(429, {"error": {"code": "slow", "message": "slow"}}, [("retry-after", "3")])
    fleet.source.faults.append(Fault(FaultKind.ANSWER, response=slow_down))
    with serve({"vox": fleet.source}) as urls:
        here = replace(fleet._at("here"), base_url=urls["vox"])
        site = Site(
            plans=fleet.site.plans,
            journals=fleet.site.journals,
            connections_of=lambda tenant: {"here": here},
            secrets=fleet.vault,
            clock=fleet.time.clock,
        )

        async def listed() -> list[str]:
            open_it = await site.opener("acme", Endpoint(connection="here", provider="vox"))
            async with open_it() as client:
                return [number.id async for number in client.list_numbers()]

        assert sorted(asyncio.run(listed())) == sorted(fleet.ids)
    assert fleet.time.slept[0] >= 3
