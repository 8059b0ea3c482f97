"""Settings without a field: whether a record is still as it was seen."""

from __future__ import annotations

from telephony_core.migration.inventory.staleness import changed_since, snapshot, stale_fields
from tests.migration.scenes import number

BEFORE, AFTER = number(), number(unmodelled=("countries",))


def test_one_that_was_set_after_the_plan_makes_it_stale() -> None:
    (drift,) = stale_fields(BEFORE, AFTER)
    assert str(drift) == "unmodelled: none → countries"
    assert stale_fields(AFTER, AFTER) == ()


def test_one_that_was_set_by_hand_at_the_target_is_no_change_by_others() -> None:
    """A migration cannot take it along, and asks for that."""
    assert changed_since(snapshot(BEFORE), AFTER) == ()
