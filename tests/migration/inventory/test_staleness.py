"""Settings without a field: whether a record is still as it was seen."""

from __future__ import annotations

from telephony_core.migration.inventory.staleness import changed_since, snapshot, stale_fields
from tests.migration.scenes import number

BEFORE, AFTER = number(), number(unmodelled=("countries",))


def test_one_that_was_set_after_the_plan_makes_it_stale() -> None:
    (drift,) = stale_fields(BEFORE, AFTER)
    assert str(drift) == "unmodelled: none → countries"
    assert stale_fields(AFTER, AFTER) == ()


def test_one_that_was_set_after_a_step_is_a_change_by_others() -> None:
    (drift,) = changed_since(snapshot(BEFORE), AFTER)
    assert drift.field == "unmodelled"


def test_an_older_journal_that_does_not_know_them_sees_no_change() -> None:
    older = {name: text for name, text in snapshot(BEFORE).items() if name != "unmodelled"}
    assert changed_since(older, AFTER) == ()
