"""One plan under two names, and one number in two plans."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.conftest import APPLY, PLAN


def begun(moving):
    """One number of three is moved, and the whole folder is copied then."""
    moving.plan("--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    (moving.folder / "copy").mkdir()
    for file in moving.folder.glob("plan.json*"):
        shutil.copy(file, moving.folder / "copy")


def test_a_plan_through_a_link_goes_on_with_the_same_run(moving):
    begun(moving)
    (moving.folder / "link.json").symlink_to("plan.json")
    assert moving.telephony.json("migrate", "status", "link.json")["counts"] == {"moved": 1, "not_started": 2}
    result = moving.telephony("migrate", "apply", "link.json", "--yes")
    assert result.exit_code == 0, result.stderr
    assert moving.telephony.json("migrate", "status", "plan.json")["counts"] == {"moved": 3}
    assert len(moving.live()) == 3


@pytest.mark.parametrize("command", [("apply", "--yes"), ("verify",), ("rollback", "--yes", "--allow", "unpublishes")])
def test_a_copy_of_a_plan_is_refused_by_name_and_told_how_to_take_over(moving, command):
    begun(moving)
    name, *options = command
    writes = moving.writes()
    refused = moving.telephony("migrate", name, "copy/plan.json", *options)
    assert refused.exit_code == 5
    assert f"this plan was started as {moving.folder / 'plan.json'}" in refused.stderr
    assert "--take-over" in refused.stderr
    assert moving.writes() == writes
    taken = moving.telephony("migrate", name, "copy/plan.json", *options, "--take-over")
    assert taken.exit_code == (9 if name == "verify" else 0), taken.stderr


def test_another_plan_for_the_same_number_is_told_which_one_has_it(moving):
    moving.plan("--canary", "0")
    rival = [*PLAN[:-1], "rival.json", "--canary", "0", "--concurrency", "1"]
    assert moving.telephony(*rival).exit_code == 0
    assert moving.telephony(*APPLY, "--yes").exit_code == 0
    moving.diga.hide_new_for = 10_000  # as if no list showed them yet
    for id in moving.diga.store:
        moving.diga.appeared(id)
    writes = moving.writes()
    result = moving.telephony("migrate", "apply", "rival.json", "--yes", "--json")
    assert result.exit_code == 1
    failures = json.loads(result.stdout)["failures"]
    assert {failure["error"] for failure in failures} == {"NumberClaimed"}
    plan = (moving.folder / "plan.json").resolve()
    assert all(f"the plan {plan} imported" in failure["message"] for failure in failures)
    assert moving.writes() == writes
