"""What `telephony migrate apply` ends with: the code of a run, and of every error of a migration."""

from __future__ import annotations

import importlib
import json

import pytest

from telephony_core.cli.commands.migrate.running import exit_code
from telephony_core.cli.exit_codes import BY_NAME, exit_code_for
from telephony_core.emulator import Fault, FaultKind
from telephony_core.errors import MigrationError
from telephony_core.migration.run.stopping import Stopped
from tests.cli.conftest import APPLY


def test_a_part_of_it_has_a_code_of_its_own_and_its_remainder_can_be_fed_back(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    moving.refuse(422)
    result = moving.telephony(*APPLY, "--yes", "--json")
    assert result.exit_code == 6
    assert json.loads(result.stdout)["remainder"] == ["+827011110000"]
    (moving.folder / "run.json").write_text(result.stdout)
    again = moving.telephony(*APPLY, "--yes", "--numbers", "@run.json")
    assert again.exit_code == 0
    assert "1 of 1 moved" in again.stdout
    assert len(moving.live()) == 3


def test_a_failed_canary_keeps_the_rest_and_is_an_error(moving):
    moving.plan()
    moving.refuse(422)
    result = moving.telephony(*APPLY, "--yes")
    assert result.exit_code == 1
    assert "stopped because a canary failed" in result.stdout
    assert moving.live() == []


def test_an_import_that_is_never_answered_has_the_code_of_what_may_have_happened(moving):
    moving.plan("--timeout", "0.05", "--settling-window", "0.1")
    moving.diga.faults.append(Fault(FaultKind.LOST_BEFORE, "POST", times=9))
    assert moving.telephony(*APPLY, "--yes").exit_code == 7


def test_an_import_that_is_never_answered_goes_before_a_part_that_was_done(moving):
    moving.plan("--timeout", "0.05", "--settling-window", "0.1", "--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    moving.diga.faults.append(Fault(FaultKind.LOST_BEFORE, "POST", times=9))
    result = moving.telephony(*APPLY, "--yes", "--json", "--numbers", "+827011110000", "--numbers", "+827011110001")
    report = json.loads(result.stdout)
    assert (report["done"], report["in_doubt"]) == (1, ["+827011110001"])
    assert result.exit_code == 7


@pytest.mark.parametrize(
    ("complete", "doubted", "done", "stopped", "code"),
    [
        (True, False, 3, None, 0),
        (False, True, 3, Stopped.ASKED, 7),
        (False, True, 3, None, 7),
        (False, True, 0, Stopped.KEY, 7),
        (False, False, 3, Stopped.ASKED, 130),
        (False, False, 3, Stopped.KEY, 6),
        (False, False, 0, Stopped.KEY, 77),
        (False, False, 0, Stopped.CANARY, 1),
    ],
)
def test_a_run_ends_with_the_first_code_that_fits(complete, doubted, done, stopped, code):
    assert exit_code(complete, doubted, done, stopped) == code


def test_what_was_rolled_back_is_no_part_that_was_done(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    assert moving.telephony(*APPLY, "--yes", "--numbers", "+827011110000").exit_code == 0
    assert moving.telephony("migrate", "rollback", "plan.json", "--yes", "--allow", "unpublishes").exit_code == 0
    moving.refuse(422)
    assert moving.telephony(*APPLY, "--yes", "--stop-on-error").exit_code == 1


def test_a_key_that_is_refused_ends_with_its_code(moving):
    moving.plan()
    moving.refuse(401)
    assert moving.telephony(*APPLY, "--yes").exit_code == 77


def test_the_first_error_can_be_the_last(moving):
    moving.plan("--canary", "0", "--concurrency", "1")
    moving.refuse(422)
    result = moving.telephony(*APPLY, "--yes", "--stop-on-error")
    assert result.exit_code == 1
    assert moving.live() == []


# -- of errors


def test_errors_that_have_codes_by_name_exist():
    for name in BY_NAME:
        module, _, kind = name.rpartition(".")
        assert getattr(importlib.import_module(module), kind).__module__ == module  # where it is defined, not only seen


EXIT_CODES = {
    "FileNotWritten": 71,
    "InDoubt": 7,
    "Interrupted": 130,
    "JournalLocked": 5,
    "JournalNotWritable": 71,
    "PlanElsewhere": 5,
    "StalePlan": 5,
}
"""Of the errors of migrations; those that are not here end with 1."""


def test_every_error_of_a_migration_ends_with_its_code():
    importlib.import_module("telephony_core.migration")
    kinds, found = [MigrationError], {}
    while kinds:
        kind = kinds.pop()
        # Those of a fleet are there only where its extra is, and once something has imported them.
        kinds += [each for each in kind.__subclasses__() if not each.__module__.startswith("telephony_core.fleet")]
        if (code := exit_code_for(kind.__new__(kind))) != 1:
            found[kind.__name__] = code
    assert found == EXIT_CODES


def test_an_error_of_one_end_names_its_connection_and_host(moving, monkeypatch):
    moving.plan()
    monkeypatch.setenv("TELEPHONY_DIGA_API_KEY", "wrong-key")
    error = json.loads(moving.telephony(*APPLY, "--yes", "--json").stderr.splitlines()[-1])["error"]
    assert (error["kind"], error["provider"], error["connection"]) == ("AuthenticationFailed", "diga", "diga")
    assert error["host"] == "api.diga.io"
    assert "error: diga (api.diga.io) " in moving.telephony(*APPLY, "--yes").stderr
