"""Whether a record is still as it was seen: the times by which it may be another one, and settings without a field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony_core.migration.inventory.staleness import changed_since, has_time, snapshot, stale_fields
from telephony_core.provider.registry import registry
from tests.migration.scenes import NOW, number

DECLARED = registry.spec("retell").capabilities
LATER = NOW + timedelta(minutes=1)


def drifted(before: dict[str, object], now: dict[str, object], *, ids_are_reused: bool) -> list[str]:
    """The fields that differ, by the plan and by the journal alike."""
    planned, shown = number(**before), number(**now)
    declared = replace(DECLARED, ids_are_reused=ids_are_reused)
    by_plan = [drift.field for drift in stale_fields(planned, shown, declared)]
    by_journal = [drift.field for drift in changed_since(snapshot(planned, declared), shown, declared)]
    assert by_plan == by_journal
    return by_plan


def test_a_later_change_is_another_record_only_where_ids_are_used_again() -> None:
    before, now = {"updated_at": NOW}, {"updated_at": LATER}
    assert drifted(before, now, ids_are_reused=True) == ["updated_at"]
    assert drifted(before, now, ids_are_reused=False) == []


def test_a_time_of_change_that_is_not_shown_any_more_says_nothing_good_where_ids_are_used_again() -> None:
    assert drifted({"updated_at": NOW}, {}, ids_are_reused=True) == ["updated_at"]
    assert drifted({"updated_at": NOW}, {}, ids_are_reused=False) == []


@pytest.mark.parametrize("made", ["created_at", "starts_at"])
@pytest.mark.parametrize("ids_are_reused", [True, False])
def test_where_the_time_of_creation_is_shown_it_tells(made: str, ids_are_reused: bool) -> None:
    before = {made: NOW, "updated_at": NOW}
    assert drifted(before, {made: LATER, "updated_at": NOW}, ids_are_reused=ids_are_reused) == [made]
    assert drifted(before, {made: NOW, "updated_at": LATER}, ids_are_reused=ids_are_reused) == []
    assert drifted(before, {"updated_at": NOW}, ids_are_reused=ids_are_reused) == []  # some answers leave it out


def test_a_record_without_any_time_cannot_be_told_from_a_later_one() -> None:
    assert not has_time(snapshot(number(), DECLARED))
    assert has_time(snapshot(number(updated_at=NOW), DECLARED))


# -- settings without a field


BEFORE, AFTER = number(), number(unmodelled=("countries",))


def test_one_that_was_set_after_the_plan_makes_it_stale() -> None:
    (drift,) = stale_fields(BEFORE, AFTER, DECLARED)
    assert str(drift) == "unmodelled: none → countries"
    assert stale_fields(AFTER, AFTER, DECLARED) == ()


def test_one_that_was_set_by_hand_at_the_target_is_no_change_by_others() -> None:
    """A migration cannot take it along, and asks for that."""
    assert changed_since(snapshot(BEFORE, DECLARED), AFTER, DECLARED) == ()
