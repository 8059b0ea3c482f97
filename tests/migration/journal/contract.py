"""What every store of journals has to do. A store's test subclasses this and gives a fixture ``store``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

import pytest

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.migration.journal.claim_rules import NumberClaimed
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import CampaignJournal, JournalStore, states_of
from telephony_core.migration.journal.sqlite_file import JournalError, JournalLocked, Superseded
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.status import aread_run
from tests.migration.stage import Stage

T = TypeVar("T")
KEY, OTHER = "+827011110000", "+827011110001"
ANNOUNCED = Entry(KEY, Action.IMPORT, Phase.INTENT, message="가나다", data={"before": ["a"]})
MADE = (Entry(KEY, Action.IMPORT, Phase.DONE, "r1"), Entry(KEY, Action.READ_BACK, Phase.DONE, "r1"))


async def write(journal: CampaignJournal, *entries: Entry) -> None:
    for entry in entries:
        await (await journal.claim(entry.number)).append(entry)


class JournalStoreContract:
    """One test a promise of `telephony_core.migration.journal.protocol`."""

    several_runs = True
    """Whether several runs may work on one plan at once."""

    @pytest.fixture
    def loaded(self, tmp_path: Path) -> LoadedPlan:
        return Stage(tmp_path).plan()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def test_what_was_written_comes_back_in_order(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> list[Entry]:
            async with store.begin(loaded, "apply") as journal:
                await write(journal, ANNOUNCED, Entry(OTHER, Action.CHECK, Phase.FAILED), *MADE)
                return await (await journal.claim(KEY)).entries()

        lines = self.run(work())
        assert [(line.number, line.action, line.phase) for line in lines] == [
            (each.number, each.action, each.phase) for each in (ANNOUNCED, *MADE)
        ]
        assert (lines[0].message, lines[0].data, lines[1].record) == ("가나다", {"before": ["a"]}, "r1")
        assert [line.seq for line in lines] == sorted({line.seq for line in lines})
        assert all(line.at is not None and line.at.utcoffset() == UTC.utcoffset(None) for line in lines)

    def test_another_run_reads_it_number_by_number(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> tuple[list[list[str]], dict[str, MigrationState]]:
            async with store.begin(loaded, "apply") as journal:
                await write(journal, ANNOUNCED, Entry(OTHER, Action.CHECK, Phase.FAILED), *MADE)
            async with store.reading(loaded) as journal:
                numbers = [[line.number for line in lines] async for lines in journal.lines()]
                assert [[line.number for line in lines] async for lines in journal.lines({OTHER, "+1"})] == [[OTHER]]
                assert [lines async for lines in journal.lines(())] == []
                assert [*await states_of(journal, [OTHER])] == [OTHER]
                return numbers, {key: state.state for key, state in (await states_of(journal)).items()}

        numbers, states = self.run(work())
        assert sorted(numbers) == [[KEY] * 3, [OTHER]]
        assert states == {KEY: MigrationState.MOVED, OTHER: MigrationState.FAILED}

    def test_a_line_under_an_older_claim_is_refused(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> int:
            async with store.begin(loaded, "apply") as journal:
                first, other = await journal.claim(KEY), await journal.claim(OTHER)
                second = await journal.claim(KEY)
                with pytest.raises(Superseded, match="827011110000 was claimed by another run"):
                    await first.append(ANNOUNCED)
                await second.append(ANNOUNCED)
                await other.append(Entry(OTHER, Action.CHECK, Phase.FAILED))
                with pytest.raises(JournalError):
                    await first.append(MADE[0])
                return len(await first.entries())

        assert self.run(work()) == 1

    def test_a_claim_shows_its_own_lines_as_they_were_kept(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> tuple[list[Entry], ...]:
            async with store.begin(loaded, "apply") as journal:
                first = await journal.claim(KEY)
                nothing = await first.entries()
                await first.append(ANNOUNCED)
                await first.append(MADE[0])
                return nothing, await first.entries(), await (await journal.claim(KEY)).entries()

        nothing, mine, read = self.run(work())
        assert nothing == []
        assert len(mine) == 2
        assert mine == read

    def test_a_second_run_takes_a_number_over_or_is_locked_out(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> None:
            async with store.begin(loaded, "apply") as first:
                mine = await first.claim(KEY)
                if not self.several_runs:
                    with pytest.raises(JournalLocked):
                        async with store.begin(loaded, "apply"):
                            pass
                    return
                async with store.begin(loaded, "apply") as second:
                    theirs = await second.claim(KEY)
                    assert len(await second.at_work()) == 2
                    with pytest.raises(Superseded):
                        await mine.append(ANNOUNCED)
                    await theirs.append(ANNOUNCED)

        self.run(work())

    def test_who_takes_a_number_back_sees_what_another_run_wrote_meanwhile(
        self, store: JournalStore, loaded: LoadedPlan
    ) -> None:
        async def work() -> list[Phase]:
            async with store.begin(loaded, "apply") as first:
                assert await (await first.claim(KEY)).entries() == []
                async with store.begin(loaded, "apply") as second:
                    await (await second.claim(KEY)).append(ANNOUNCED)
                return [line.phase for line in await (await first.claim(KEY)).entries()]

        if self.several_runs:
            assert self.run(work()) == [Phase.INTENT]

    def test_only_apply_starts_one(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def refused(command: str) -> str:
            with pytest.raises(JournalError) as error:
                async with store.begin(loaded, command):
                    pass
            assert loaded.name in error.value.message
            return str(error.value.remedy)

        async def work() -> None:
            assert not await store.was_started(loaded)
            for command in ("verify", "release", "rollback"):
                assert "telephony apply" in await refused(command)
            with pytest.raises(JournalError):
                async with store.reading(loaded):
                    pass
            async with store.begin(loaded, "apply"):
                pass
            assert await store.was_started(loaded)

        self.run(work())

    def test_runs_are_kept_with_how_they_ended(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> list[tuple[int, str, str | None, bool]]:
            async with store.begin(loaded, "apply") as journal:
                assert await journal.at_work() == {run.id for run in await journal.runs()}
                await journal.finish("3 of 3 moved")
            with pytest.raises(RuntimeError):
                async with store.begin(loaded, "verify"):
                    raise RuntimeError
            async with store.reading(loaded) as journal:
                assert await journal.at_work() == frozenset()
                return [(run.id, run.command, run.how_it_ended, run.ended_at is None) for run in await journal.runs()]

        assert self.run(work()) == [(1, "apply", "3 of 3 moved", False), (2, "verify", "ended by RuntimeError", False)]

    def test_some_of_the_numbers_that_were_made_and_not_taken_back(
        self, store: JournalStore, loaded: LoadedPlan
    ) -> None:
        async def work() -> list[set[str]]:
            async with store.begin(loaded, "apply") as journal:
                await write(journal, ANNOUNCED, Entry(OTHER, Action.CHECK, Phase.FAILED))
                found = [await journal.made(9)]
                await write(journal, *MADE, Entry(OTHER, Action.IMPORT, Phase.DONE, "r2"))
                found += [await journal.made(9), await journal.made(1)]
                await write(journal, Entry(OTHER, Action.ROLL_BACK, Phase.DONE, "r2"))
                return [*found, await journal.made(9)]

        nothing, both, one, left = self.run(work())
        assert (nothing, both, len(one), left) == (set(), {KEY, OTHER}, 1, {KEY})

    def test_agents_that_releases_may_have_unpublished(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> tuple[frozenset[str], frozenset[str]]:
            async with store.begin(loaded, "apply") as journal:
                await write(
                    journal,
                    Entry(KEY, Action.RELEASE, Phase.INTENT, data={"agents": ["one", "two"]}),
                    Entry(OTHER, Action.RELEASE, Phase.DONE, data={"agents": ["three"]}),
                    Entry(OTHER, Action.ROLL_BACK, Phase.INTENT),
                )
                released = await journal.agents_unpublished(Action.RELEASE)
                return released, await journal.agents_unpublished(Action.ROLL_BACK)

        assert self.run(work()) == ({"one", "two"}, frozenset())

    def test_two_plans_do_not_import_one_number_at_once(
        self, store: JournalStore, loaded: LoadedPlan, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        another = Stage(tmp_path / "other", count=2).plan()
        identity = NumberIdentity.parse(KEY, region="KR")
        names = {KEY: identity.account_key}

        async def work() -> None:
            async with store.begin(loaded, "apply") as one, store.begin(another, "apply") as two:
                mine, theirs = one.claims(names), two.claims(names)
                await mine.claim(KEY, identity)
                await mine.claim(KEY, identity)
                with pytest.raises(NumberClaimed, match="is importing or changing"):
                    await theirs.claim(KEY, identity)
                await mine.follow(ANNOUNCED)
                await mine.follow(Entry(KEY, Action.CHECK, Phase.FAILED))
                with pytest.raises(NumberClaimed):
                    await theirs.claim(KEY, identity)
                await mine.follow(Entry(KEY, Action.IMPORT, Phase.FAILED))
                await theirs.claim(KEY, identity)

        self.run(work())

    def test_the_status_is_read_from_it(self, store: JournalStore, loaded: LoadedPlan) -> None:
        async def work() -> None:
            assert (await aread_run(loaded, store)).counts == {MigrationState.NOT_STARTED: 3}
            async with store.begin(loaded, "apply") as journal:
                await write(journal, ANNOUNCED)
                run = await aread_run(loaded, store)
                assert run.is_running
                assert run.counts == {MigrationState.STARTED: 1, MigrationState.NOT_STARTED: 2}
            run = await aread_run(loaded, store)
            assert not run.is_running
            assert run.counts == {MigrationState.IN_DOUBT: 1, MigrationState.NOT_STARTED: 2}
            assert run.numbers[0].in_doubt_until is not None

        self.run(work())
