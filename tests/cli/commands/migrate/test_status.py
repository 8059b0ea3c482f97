"""`telephony migrate status`: how far a run is, from the journal alone."""

from __future__ import annotations

from tests.cli.conftest import APPLY


def test_status_before_during_and_after(moving):
    moving.plan()
    before = moving.telephony("migrate", "status", "plan.json")
    assert before.exit_code == 0
    assert "3 not started" in before.stdout
    assert "next: telephony migrate apply plan.json" in before.stdout
    assert moving.telephony(*APPLY, "--yes").exit_code == 0
    asked = len(moving.diga.requests)
    data = moving.telephony.json("migrate", "status", "plan.json")
    assert (data["counts"], data["remainder"]) == ({"moved": 3}, [])
    assert data["next"] == ["telephony migrate verify plan.json"]
    assert len(moving.diga.requests) == asked


def test_status_of_a_plan_that_is_not_there(moving):
    result = moving.telephony("migrate", "status", "nowhere.json")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
