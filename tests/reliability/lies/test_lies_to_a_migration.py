"""What a migration does when an answer is about something else, a list lags, or somebody else is at work.

Every case looks at what is true at both vendors afterwards: nothing of others is touched, no number is twice live, and
nothing is given up while the other end does not serve it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from telephony_core import TelephonyError
from telephony_core.emulator import Record
from tests.reliability.lies.lying_backend import Acts, Lie, LyingBackend, Odd, Sort, What
from tests.reliability.lies.migration import (
    DIRECTIONS,
    FRESH,
    NUMBERS,
    SOAK,
    STRANGERS,
    UNSERVED,
    WINDOW,
    Migration,
    migration_of,
)
from tests.reliability.lies.strangers import CHANGES, OUT_OF_SERVICE, Deed, add_somebodys, can_do
from tests.reliability.lies.vendors import state_of
from tests.vendors import VENDORS

T = TypeVar("T")
ONE = NUMBERS[0]
LOST_DELETIONS = [
    (what, acts)
    for what in (What.SILENCE, What.BROKEN, What.REDIRECT, What.INTERIM, What.NOT_FOUND, What.ANOTHER)
    for acts in Acts
    if (what, acts) != (What.NOT_FOUND, Acts.LATE)
]
"""A 404 comes after the deletion, where somebody on the way sent it twice; or it is not true, and nothing was done."""


@pytest.fixture(params=DIRECTIONS)
def migration(request: pytest.FixtureRequest) -> Iterator[Migration]:
    """One number, on its way, in a world that is judged when the test is over."""
    with migration_of(str(request.param), 1) as move:
        yield move
        assert move.witness.wrong == []


def each_direction(end: str, *deeds: Deed) -> pytest.MarkDecorator:
    """Both directions, with what somebody can do to a record at that end."""
    place = ("source", "target").index(end)
    cases = [(context, deed) for context in DIRECTIONS for deed in deeds if can_do(context.split("-")[place], deed)]
    return pytest.mark.parametrize(("migration", "deed"), cases, indirect=["migration"])


def tried(run: Callable[[], T]) -> T | Exception:
    """What a command came to; an error that the library raises on purpose is an answer too, as is that it was ended."""
    try:
        return run()
    except (TelephonyError, TimeoutError) as error:
        return error


def complete(said: object) -> bool:
    return bool(getattr(said, "is_complete", False))


def theirs(migration: Migration) -> Record:
    return state_of(migration.target.emulator)[migration.strangers]


# -- an import that is answered with another record


@pytest.mark.parametrize("acts", Acts)
def test_an_import_answered_with_a_strangers_record_never_leads_to_its_deletion(
    migration: Migration, acts: Acts
) -> None:
    before = theirs(migration)
    migration.target.lies.append(Lie(What.ANOTHER, Sort.CREATE, acts, about=migration.strangers))
    tried(migration.apply)
    migration.witness.settle_down()
    tried(migration.rollback)
    assert theirs(migration) == before


@pytest.mark.parametrize("acts", Acts)
def test_an_import_answered_with_a_strangers_id_never_touches_the_strangers_record(
    migration: Migration, acts: Acts
) -> None:
    before = theirs(migration)
    migration.target.lies.append(Lie(What.OTHER_ID, Sort.CREATE, acts, about=migration.strangers))
    tried(migration.apply)
    migration.witness.settle_down()
    tried(migration.rollback)
    assert theirs(migration) == before


def test_an_import_answered_with_a_strangers_new_record_of_the_same_number_never_leads_to_its_deletion(
    migration: Migration,
) -> None:
    target = migration.target
    lie = Lie(What.ANOTHER, Sort.CREATE, Acts.NEVER, quicker=lambda: add_somebodys(target, ONE))
    target.lies.append(lie)
    tried(migration.apply)
    assert lie.about is not None
    before = state_of(target.emulator)[lie.about]
    tried(migration.rollback)
    assert state_of(target.emulator)[lie.about] == before


@pytest.mark.parametrize("migration", [each for each in DIRECTIONS if VENDORS[each.split("-")[1]].over], indirect=True)
def test_an_import_answered_with_a_record_that_is_over_is_no_result(migration: Migration) -> None:
    assert migration.past is not None
    migration.target.lies.append(Lie(What.ANOTHER, Sort.CREATE, Acts.NEVER, about=migration.past))
    past = state_of(migration.target.emulator)[migration.past]
    said = tried(migration.apply)
    assert len(migration.live("target", ONE)) == complete(said)
    assert state_of(migration.target.emulator)[migration.past] == past


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize("what", [What.ANOTHER, What.OTHER_NUMBER, What.OTHER_ID])
@pytest.mark.parametrize("acts", [Acts.AT_ONCE, Acts.NEVER])
def test_an_assignment_answered_with_another_record_is_not_taken_for_done(
    migration: Migration, what: What, acts: Acts
) -> None:
    migration.target.lies.append(Lie(what, Sort.CHANGE, acts, about=migration.strangers))
    said = tried(migration.apply)
    assert (
        not complete(said)
        or migration.live("target", ONE)[migration.made(ONE)].items()
        >= {name: value for name, value in migration.witness.fit[ONE].items() if "agent" in name}.items()
    )


@each_direction("target", Deed.RECYCLE)
def test_agents_are_not_assigned_to_a_record_that_serves_another_number_by_now(
    migration: Migration, deed: Deed
) -> None:
    """Interrupted after the import; when it goes on, the id is somebody else's."""
    migration.target.lies.append(Lie(What.REDIRECT, Sort.CHANGE, Acts.NEVER, times=9))
    assert not complete(tried(migration.apply))
    migration.target.lies.clear()
    id = migration.made(ONE)
    migration.witness.touch("target", deed, id, FRESH)
    before = state_of(migration.target.emulator)[id]
    tried(migration.apply)
    tried(migration.rollback)
    assert state_of(migration.target.emulator)[id] == before


# -- an import that may have happened


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize("what", [What.SILENCE, What.BROKEN, What.REDIRECT, What.INTERIM])
@pytest.mark.parametrize(("lag", "late"), [(60.0, 0.0), (0.0, 300.0), (60.0, 300.0), (0.0, 840.0)])
def test_a_lost_import_never_makes_two_records_however_late_it_acts_or_shows(
    migration: Migration, what: What, lag: float, late: float
) -> None:
    migration.target.lag = lag
    acts = Acts.LATE if late else Acts.AT_ONCE
    migration.target.lies.append(Lie(what, Sort.CREATE, acts, late=late))
    said = tried(migration.apply)
    migration.witness.settle_down()
    assert len(migration.live("target", ONE)) == 1
    migration.time.advance(WINDOW)
    if not complete(said):
        assert complete(tried(migration.apply))
    assert len(migration.live("target", ONE)) == 1
    assert migration.target.creates == 1


def test_an_import_that_never_happened_is_sent_once_more_when_the_window_is_over(migration: Migration) -> None:
    migration.target.lies.append(Lie(What.SILENCE, Sort.CREATE, Acts.NEVER))
    began = migration.time.passed
    said = tried(migration.apply)
    if not complete(said):
        migration.time.advance(WINDOW)
        said = tried(migration.apply)
    assert complete(said)
    assert migration.target.creates == 2
    assert migration.time.passed - began >= WINDOW


@pytest.mark.parametrize("odd", Odd)
def test_an_import_that_comes_back_otherwise_is_not_called_moved_and_its_source_stays(
    migration: Migration, odd: Odd
) -> None:
    migration.target.lies.append(Lie(What.TRUTH, Sort.CREATE, odd=odd))
    assert not complete(tried(migration.apply))
    said = tried(migration.verify)
    assert not getattr(said, "is_equal", False)
    migration.time.advance(SOAK + 60)
    tried(migration.release)
    assert len(migration.live("source", ONE)) == 1


def test_an_import_in_doubt_is_not_called_rolled_back_while_it_may_still_act(migration: Migration) -> None:
    migration.target.lies.append(Lie(What.SILENCE, Sort.CREATE, Acts.LATE, late=300.0))
    tried(lambda: migration.apply(ended_after=25.0))
    said = tried(migration.rollback)
    migration.witness.settle_down()
    assert not complete(said) or migration.live("target", ONE) == {}


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize("ended_after", [25.0, 120.0, None])
@pytest.mark.parametrize("first", ["rollback", "release"])
def test_one_end_is_not_given_up_while_a_deletion_at_the_other_end_may_still_act(
    migration: Migration, first: str, ended_after: float | None
) -> None:
    migration.soaked()
    begun, then = migration.rollback, migration.release
    liar = migration.target
    if first == "release":
        begun, then, liar = migration.release, migration.rollback, migration.source
    liar.lies.append(Lie(What.SILENCE, Sort.END, Acts.LATE, late=600.0))
    tried(lambda: begun(ended_after=ended_after))
    tried(then)
    migration.witness.settle_down()
    assert migration.live("source", ONE) or migration.live("target", ONE)


# -- rollback: the other end must serve


@each_direction("source", *OUT_OF_SERVICE, Deed.REMAKE, *CHANGES)
def test_a_rollback_leaves_the_target_while_the_source_does_not_serve_as_planned(
    migration: Migration, deed: Deed
) -> None:
    migration.moved()
    migration.witness.touch("source", deed, migration.ids[ONE], FRESH)
    assert not complete(tried(migration.rollback))
    assert len(migration.live("target", ONE)) == 1


@each_direction("source", Deed.SUSPEND, Deed.STRIP, Deed.REMOVE, Deed.RECYCLE)
def test_a_rollback_goes_on_when_it_is_accepted_by_name_that_the_source_does_not_serve(
    migration: Migration, deed: Deed
) -> None:
    migration.moved()
    migration.witness.touch("source", deed, migration.ids[ONE], FRESH)
    assert complete(tried(lambda: migration.rollback(UNSERVED)))
    assert migration.live("target", ONE) == {}


@each_direction("source", *OUT_OF_SERVICE)
def test_a_source_that_goes_out_of_service_after_the_preview_keeps_the_target(migration: Migration, deed: Deed) -> None:
    migration.moved()
    shown = migration.preview_rollback()
    migration.witness.touch("source", deed, migration.ids[ONE], FRESH)
    tried(lambda: migration.rollback(shown=shown))
    assert len(migration.live("target", ONE)) == 1


@pytest.mark.parametrize("what", [What.ANOTHER, What.OTHER_NUMBER, What.OTHER_ID, What.NOT_FOUND, What.INTERIM])
def test_a_source_that_cannot_be_read_truly_keeps_the_target(migration: Migration, what: What) -> None:
    migration.moved()
    migration.source.lies.append(Lie(what, Sort.READ, times=9))
    assert not complete(tried(migration.rollback))
    assert len(migration.live("target", ONE)) == 1


# -- rollback: only what this migration made, as it left it


@pytest.mark.turns(when=2)
@pytest.mark.parametrize("when", ["before the preview", "after the preview"])
@each_direction("target", Deed.RECYCLE, Deed.REMAKE, *CHANGES)
def test_a_rollback_leaves_a_target_record_that_is_not_as_it_was_made(
    migration: Migration, deed: Deed, when: str
) -> None:
    id = migration.moved().made(ONE)
    shown = migration.preview_rollback() if when == "after the preview" else None
    migration.witness.touch("target", deed, id, FRESH)
    before = state_of(migration.target.emulator)[id]
    tried(lambda: migration.rollback(shown=shown))
    assert state_of(migration.target.emulator)[id] == before


@pytest.mark.parametrize("what", [What.ANOTHER, What.OTHER_NUMBER, What.OTHER_ID])
def test_a_rollback_deletes_nothing_after_a_read_that_named_another_record(migration: Migration, what: What) -> None:
    migration.moved()
    before = theirs(migration)
    migration.target.lies.append(Lie(what, Sort.READ, times=9, about=migration.strangers))
    tried(migration.rollback)
    assert theirs(migration) == before
    assert len(migration.live("target", ONE)) == 1


@pytest.mark.parametrize("times", [1, 9])
def test_a_target_record_that_is_not_found_by_its_id_and_still_listed_is_not_gone(
    migration: Migration, times: int
) -> None:
    migration.moved()
    migration.target.lies.append(Lie(What.NOT_FOUND, Sort.READ, times=times))
    said = tried(migration.rollback)
    assert not complete(said) or migration.live("target", ONE) == {}
    migration.target.lies.clear()
    if not complete(said):
        assert complete(tried(migration.rollback))
        assert migration.live("target", ONE) == {}


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize(("what", "acts"), LOST_DELETIONS)
def test_a_rollback_whose_deletion_is_not_answered_truly_is_done_when_it_is_done(
    migration: Migration, what: What, acts: Acts
) -> None:
    migration.moved()
    migration.target.lies.append(Lie(what, Sort.END, acts, about=migration.strangers))
    said = tried(migration.rollback)
    assert not complete(said) or migration.live("target", ONE) == {}
    migration.witness.settle_down()
    migration.time.advance(WINDOW)
    if not complete(said):
        assert complete(tried(migration.rollback))
    assert migration.live("target", ONE) == {}


# -- release: the target must serve, once and as planned


@pytest.mark.turns(when=3)
@pytest.mark.parametrize("when", ["before the preview", "after the preview", "before a verification"])
@each_direction("target", *CHANGES, *OUT_OF_SERVICE, Deed.REMAKE, Deed.DOUBLE)
def test_a_release_leaves_the_source_while_the_target_does_not_serve_once_and_as_planned(
    migration: Migration, deed: Deed, when: str
) -> None:
    id = migration.soaked().made(ONE)
    shown = migration.preview_release() if when == "after the preview" else None
    migration.witness.touch("target", deed, id, FRESH)
    if when == "before a verification":
        said = tried(migration.verify)
        assert not getattr(said, "is_equal", False), str(said)
        migration.time.advance(SOAK + 60)
    tried(lambda: migration.release(shown=shown))
    assert len(migration.live("source", ONE)) == 1


@pytest.mark.turns(when=2)
@pytest.mark.parametrize("when", ["before the preview", "after the preview"])
@each_direction("source", *CHANGES, Deed.STRIP, Deed.SUSPEND, Deed.PEND, Deed.RECYCLE, Deed.REMAKE)
def test_a_release_leaves_a_source_record_that_is_not_as_planned(migration: Migration, deed: Deed, when: str) -> None:
    migration.soaked()
    shown = migration.preview_release() if when == "after the preview" else None
    migration.witness.touch("source", deed, migration.ids[ONE], FRESH)
    before = state_of(migration.source.emulator)
    tried(lambda: migration.release(shown=shown))
    assert state_of(migration.source.emulator) == before


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize("end", ["source", "target"])
@pytest.mark.parametrize("what", [What.ANOTHER, What.OTHER_NUMBER, What.OTHER_ID, What.NOT_FOUND, What.INTERIM])
def test_a_release_gives_nothing_up_after_a_read_that_was_not_true(migration: Migration, what: What, end: str) -> None:
    migration.soaked()
    before = state_of(migration.source.emulator)
    liar = migration.source if end == "source" else migration.target
    liar.lies.append(Lie(what, Sort.READ, times=9))
    said = tried(migration.release)
    assert not complete(said)
    assert state_of(migration.source.emulator) == before


@pytest.mark.turns(migration=len(DIRECTIONS))
@pytest.mark.parametrize(("what", "acts"), LOST_DELETIONS)
def test_a_release_whose_deletion_is_not_answered_truly_is_done_when_it_is_done(
    migration: Migration, what: What, acts: Acts
) -> None:
    migration.soaked()
    migration.source.lies.append(Lie(what, Sort.END, acts))
    said = tried(migration.release)
    assert not complete(said) or migration.live("source", ONE) == {}
    migration.witness.settle_down()
    migration.time.advance(WINDOW)
    if not complete(said):
        assert complete(tried(migration.release))
    assert migration.live("source", ONE) == {}


@pytest.mark.parametrize("times", [1, 2])
def test_a_source_that_is_not_found_once_after_a_lost_deletion_and_still_listed_is_not_released(
    migration: Migration, times: int
) -> None:
    migration.soaked()
    # The looks before the deletion are true, those after it are not.
    migration.source.lies.append(Lie(What.SILENCE, Sort.END, Acts.NEVER))
    migration.source.before_each, eligibility = _after_the_end(migration, times), migration.source.before_each
    said = tried(migration.release)
    migration.source.before_each = eligibility
    assert not complete(said) or migration.live("source", ONE) == {}


def _after_the_end(migration: Migration, times: int) -> Callable[[], None]:
    """Once the deletion was sent, so many reads of the record find nothing."""
    eligibility, waiting = migration.source.before_each, [Lie(What.NOT_FOUND, Sort.READ, times=times)]

    def watch() -> None:
        eligibility()
        if waiting and migration.source.lies[0].times == 0:
            migration.source.lies.append(waiting.pop())

    return watch


# -- the account itself


def test_the_first_apply_refuses_another_account_than_the_one_that_was_planned_for(migration: Migration) -> None:
    now = migration.time.clock.now
    emulator = migration.target.words.emulator(now=now, api_key="of-another-account", twice=True)
    other = LyingBackend("target", emulator, migration.time)
    other.emulator.agents.update(migration.target.emulator.agents)
    migration.target, planned = other, migration.target
    assert not complete(tried(migration.apply))
    assert other.creates == 0
    assert planned.creates == 0


# -- with the means of the tests themselves


def test_nothing_is_held_against_a_run_in_which_nobody_lies(migration: Migration) -> None:
    migration.soaked()
    assert complete(migration.release())
    assert [*migration.live("target", ONE)] == [migration.made(ONE)]
    assert [*migration.live("target", STRANGERS)] == [migration.strangers]
