"""When a number is free for another plan: from what was written of it, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.migration.journal.claim_rules import ClaimRow, Claims, Decide, NumberClaimed, place_of
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.memory import MemoryJournals
from telephony_core.migration.plan.model import Endpoint, Settings
from telephony_core.migration.plan.store import LoadedPlan, load_plan
from tests.migration.stage import Stage
from tests.transport.driving import START

KEY, OTHER = "+827011110000", "+827011110001"
IDENTITY = NumberIdentity.parse(KEY, region="KR")
NAMES = {KEY: IDENTITY.account_key}
SETTINGS = Settings(timeout=20.0)
WINDOW = SETTINGS.in_doubt


def line(action: Action, phase: Phase, record: str | None = None, number: str = KEY, **data: str) -> Entry:
    return Entry(number, action, phase, record, data=data)


SENT, MADE = line(Action.IMPORT, Phase.INTENT), line(Action.IMPORT, Phase.DONE, "r1")
CHECKED = line(Action.CHECK, Phase.FAILED)
ANNOUNCED, CHANGED = line(Action.SET_SIP, Phase.INTENT, "r1"), line(Action.SET_SIP, Phase.DONE, "r1")
READ_BACK = line(Action.READ_BACK, Phase.DONE, "r1")


class Rivals:
    """Two plans at one target."""

    def __init__(self, folder: Path) -> None:
        (folder / "other").mkdir()
        self.stage = Stage(folder, settings=SETTINGS)
        self.store = MemoryJournals(self.stage.time.clock.now)
        self.mine = self.stage.plan()
        self.theirs = Stage(folder / "other", count=2).plan("theirs.json")

    async def claims(self, loaded: LoadedPlan) -> Claims:
        async with self.store.begin(loaded, "apply") as journal:
            return journal.claims(NAMES)

    def after(self, *entries: Entry, loaded: LoadedPlan | None = None, pause: float = 0.0) -> None:
        """The first plan has the number, and these lines were written, each after a pause."""

        async def work() -> None:
            claims = await self.claims(loaded or self.mine)
            await claims.claim(KEY, IDENTITY)
            for entry in entries:
                self.stage.time.advance(pause)
                await claims.follow(entry)

        asyncio.run(work())

    def claim(self, loaded: LoadedPlan | None = None, *, goes_on: bool = False) -> None:
        async def work() -> None:
            await (await self.claims(loaded or self.theirs)).claim(KEY, IDENTITY, goes_on=goes_on)

        asyncio.run(work())

    def is_free(self) -> bool:
        try:
            self.claim()
        except NumberClaimed:
            return False
        return True


@pytest.fixture
def rivals(tmp_path: Path) -> Rivals:
    return Rivals(tmp_path)


@pytest.mark.parametrize(
    ("written", "free"),
    [
        ([], False),
        ([CHECKED], True),
        ([SENT], False),
        ([SENT, CHECKED], False),
        ([SENT, line(Action.IMPORT, Phase.FAILED)], True),
        ([SENT, line(Action.IMPORT, Phase.FAILED, error="Conflict")], False),
        ([SENT, MADE], False),
        ([SENT, MADE, READ_BACK], False),
        ([SENT, MADE, CHECKED], False),
        ([SENT, MADE, line(Action.ROLL_BACK, Phase.INTENT)], False),
        ([SENT, MADE, line(Action.ROLL_BACK, Phase.DONE)], True),
        ([SENT, MADE, line(Action.ROLL_BACK, Phase.FAILED)], False),
        ([ANNOUNCED], False),
        ([ANNOUNCED, CHECKED], False),
        ([ANNOUNCED, CHANGED], False),
        ([ANNOUNCED, CHANGED, CHECKED], True),
        ([ANNOUNCED, line(Action.SET_SIP, Phase.FAILED), CHECKED], True),
        ([ANNOUNCED, line(Action.SET_SIP, Phase.LOOK), CHECKED], False),
        ([line(Action.IMPORT, Phase.FAILED, number=OTHER)], False),
    ],
)
def test_a_number_is_free_once_nothing_of_it_can_take_effect(
    written: Sequence[Entry], free: bool, rivals: Rivals
) -> None:
    rivals.after(*written)
    assert rivals.is_free() is free


def test_a_change_of_settings_is_over_once_it_was_read_back(rivals: Rivals) -> None:
    rivals.mine = rivals.stage.settings_plan("mine.json", label="A")
    rivals.theirs = rivals.stage.settings_plan("theirs.json", label="B")
    rivals.after(ANNOUNCED, CHANGED)
    assert not rivals.is_free()
    rivals.after(READ_BACK)
    assert rivals.is_free()


@pytest.mark.parametrize("sent", [SENT, ANNOUNCED], ids=["import", "change"])
def test_what_is_in_doubt_is_said_with_the_plan_and_when_it_shows(sent: Entry, rivals: Rivals) -> None:
    rivals.after(sent)
    with pytest.raises(NumberClaimed, match=rf"the plan {rivals.mine.file} is importing or changing \{KEY} at") as said:
        rivals.claim()
    until = START + WINDOW
    assert str(said.value.remedy) == (
        f"look at it with `telephony status`; what it made shows at the latest at {until:%Y-%m-%dT%H:%M:%S} UTC"
    )


def test_what_was_made_a_moment_ago_is_named_by_its_record(rivals: Rivals) -> None:
    rivals.after(SENT, MADE)
    with pytest.raises(NumberClaimed, match=rf"imported \{KEY} as r1 a moment ago at this target, so nothing was"):
        rivals.claim()


def test_a_plan_without_a_file_is_named_too(rivals: Rivals) -> None:
    bare = LoadedPlan(plan=rivals.mine.plan, checksum=rivals.mine.checksum)
    rivals.after(loaded=bare)
    with pytest.raises(NumberClaimed, match=f"the plan {bare.name} is importing"):
        rivals.claim()


def test_a_plan_is_named_so_that_it_is_found_from_everywhere_by_the_name_under_which_it_was_last_run(
    rivals: Rivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(rivals.mine.file.parent)
    rivals.after(loaded=load_plan(rivals.mine.file.name))
    with pytest.raises(NumberClaimed, match=f"the plan {rivals.mine.file} is importing"):
        rivals.claim()
    moved = rivals.mine.file.rename(rivals.mine.file.with_name("moved.json"))
    rivals.after(loaded=load_plan(moved))
    with pytest.raises(NumberClaimed, match=f"the plan {moved} is importing"):
        rivals.claim()


@pytest.mark.parametrize("written", [[], [SENT], [SENT, MADE], [ANNOUNCED]])
def test_every_claim_ends_by_itself_with_the_window(written: Sequence[Entry], rivals: Rivals) -> None:
    rivals.after()
    rivals.stage.time.advance(60)
    rivals.after(*written, pause=60)  # each line counts anew, and so does a claim that is made again
    rivals.stage.time.advance(WINDOW.total_seconds() - 1)
    assert not rivals.is_free()
    rivals.stage.time.advance(1)
    assert rivals.is_free()


def test_a_plan_goes_on_with_what_it_sent_and_sends_nothing_that_its_journal_does_not_know(rivals: Rivals) -> None:
    rivals.after()
    rivals.claim(rivals.mine)
    rivals.after(SENT)
    with pytest.raises(NumberClaimed):
        rivals.after()
    rivals.stage.time.advance(WINDOW.total_seconds() - 1)
    rivals.claim(rivals.mine, goes_on=True)
    rivals.stage.time.advance(WINDOW.total_seconds() - 1)
    assert not rivals.is_free()


def test_lines_of_another_plan_free_nothing(rivals: Rivals) -> None:
    rivals.after(SENT, MADE)

    async def work() -> None:
        theirs = await rivals.claims(rivals.theirs)
        await theirs.follow(line(Action.ROLL_BACK, Phase.DONE))
        await theirs.follow(CHECKED)

    asyncio.run(work())
    assert not rivals.is_free()


def test_what_was_released_may_be_imported_there_again_by_any_plan(rivals: Rivals) -> None:
    """A number comes to an account by one plan, and leaves it by another, whose source that account is."""
    rivals.after(SENT, MADE)
    plan = rivals.theirs.plan
    away = plan.model_copy(update={"source": plan.target, "target": plan.source, "numbers": ()})

    async def work() -> None:
        leaving = await rivals.claims(LoadedPlan(plan=away, checksum="y"))
        await leaving.follow(line(Action.RELEASE, Phase.INTENT))
        assert rivals.store.claims
        await leaving.follow(line(Action.RELEASE, Phase.DONE))

    asyncio.run(work())
    assert rivals.is_free()


def test_what_another_plan_made_may_be_moved_on_from_there(rivals: Rivals) -> None:
    """Accounts of one provider share an address."""
    source_id = rivals.theirs.plan.numbers[0].record.id
    rivals.after(SENT, line(Action.IMPORT, Phase.DONE, source_id))
    assert rivals.is_free()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://api.example.com/v1", "HTTPS://API.example.com:443/v1/", True),
        ("http://127.0.0.1", "http://127.0.0.1:80", True),
        ("https://api.example.com", "https://api.example.com:80", False),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8002", False),
        ("https://api.example.com/v1", "https://api.example.com/v2", False),
        (None, None, True),
    ],
)
def test_a_target_is_known_by_where_it_was_asked(one: str | None, other: str | None, same: bool) -> None:
    ends = [Endpoint(connection=name, provider="vox", base_url=url) for name, url in (("a", one), ("b", other))]
    assert (place_of(ends[0]) == place_of(ends[1])) is same


def test_without_an_address_a_target_is_known_by_its_provider() -> None:
    assert place_of(Endpoint(connection="a", provider="vox")) == "vox"


# -- a run that was held up


def held_up(rivals: Rivals, *meanwhile: Entry, taken: bool = True) -> Claims:
    """Of the first plan, which has the number, and whose claim has ended by itself before anything was sent."""

    async def work() -> Claims:
        claims = await rivals.claims(rivals.mine)
        await claims.claim(KEY, IDENTITY)
        await claims.renew(KEY)
        rivals.stage.time.advance(WINDOW.total_seconds())
        if taken:
            other = await rivals.claims(rivals.theirs)
            await other.claim(KEY, IDENTITY)
            for entry in meanwhile:
                await other.follow(entry)
        return claims

    return asyncio.run(work())


def test_a_claim_that_ended_is_renewed_before_a_request_if_nobody_took_the_number(rivals: Rivals) -> None:
    asyncio.run(held_up(rivals, taken=False).renew(KEY))
    assert not rivals.is_free()


@pytest.mark.parametrize(
    "meanwhile",
    [(), (SENT,), (SENT, MADE), (SENT, MADE, line(Action.ROLL_BACK, Phase.DONE)), (CHECKED,)],
    ids=["claimed", "sent", "made", "made and rolled back", "given up"],
)
def test_nothing_is_sent_by_a_run_that_was_held_up_while_another_plan_had_the_number(
    meanwhile: tuple[Entry, ...], rivals: Rivals
) -> None:
    claims = held_up(rivals, *meanwhile)
    for _ in range(2):  # a claim that was lost does not come back
        with pytest.raises(NumberClaimed, match="so nothing was sent") as raised:
            asyncio.run(claims.renew(KEY))
        assert "run the command again" in str(raised.value.remedy)


def test_a_claim_that_was_lost_stays_lost_whatever_this_run_writes_down(rivals: Rivals) -> None:
    claims = held_up(rivals, SENT, MADE, line(Action.ROLL_BACK, Phase.DONE))
    asyncio.run(claims.follow(CHECKED))
    with pytest.raises(NumberClaimed, match="so nothing was sent"):
        asyncio.run(claims.renew(KEY))


def test_what_a_run_has_ended_itself_needs_no_claim(rivals: Rivals) -> None:
    async def work() -> None:
        claims = await rivals.claims(rivals.mine)
        await claims.claim(KEY, IDENTITY)
        for entry in (SENT, MADE, line(Action.ROLL_BACK, Phase.DONE)):
            await claims.follow(entry)
        rivals.stage.time.advance(WINDOW.total_seconds())
        await claims.renew(KEY)

    asyncio.run(work())
    assert rivals.is_free()


@pytest.mark.parametrize("kept", [True, False], ids=["decided twice", "not kept"])
def test_what_was_decided_and_not_kept_counts_for_nothing(kept: bool, rivals: Rivals) -> None:
    """As where two workers change a row at once, or a database is lost in the moment of writing."""
    rows: list[ClaimRow | None] = [None]

    async def change(key: tuple[str, str], decide: Decide) -> None:
        rows[0] = decide(rows[0])

    async def change_late(key: tuple[str, str], decide: Decide) -> None:
        decide(rows[0])  # and another plan is quicker
        theirs = ClaimRow("theirs", "theirs.json", None, START + 9 * WINDOW)
        if not kept:
            raise ConnectionError
        rows[0] = decide(theirs)

    async def work() -> None:
        calls = [change, change_late]
        claims = Claims(rivals.mine, NAMES, rivals.stage.time.clock.now, lambda key, decide: calls.pop(0)(key, decide))
        await claims.claim(KEY, IDENTITY)
        rivals.stage.time.advance(WINDOW.total_seconds())
        with pytest.raises(NumberClaimed if kept else ConnectionError):
            await claims.renew(KEY)
        calls.append(change)
        rows[0] = None
        with pytest.raises(NumberClaimed):
            await claims.renew(KEY)

    asyncio.run(work())


def test_what_was_never_claimed_needs_no_claim(rivals: Rivals) -> None:
    async def work() -> None:
        claims = await rivals.claims(rivals.mine)
        await claims.renew(KEY)
        await claims.renew("a number of no plan")

    asyncio.run(work())
    assert rivals.is_free()
