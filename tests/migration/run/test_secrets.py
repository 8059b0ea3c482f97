"""Secrets of a run: wanted before anything is sent, asked for once, and told nowhere."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from telephony_core import errors
from telephony_core.emulator import Fault, FaultKind
from telephony_core.emulator import json_response as answer
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.model import Trunk
from telephony_core.migration.run.status import read_run
from telephony_core.migration.run.stopping import Interrupted
from telephony_core.migration.run.verify import VerifyOptions, verify_plan
from tests.migration.run.midway import one_at_a_time
from tests.migration.stage import PASSWORD, Stage


def test_a_secret_that_is_not_there_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan()
    stage.secret.unlink()
    with pytest.raises(errors.ConfigurationError, match="password of trunk carrier"):
        stage.apply(loaded)
    assert [emulator.requests for emulator in stage.both] == [[], []]


def test_a_secret_that_is_gone_half_way_stops_the_next_run_with_everything_journaled_intact(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settings=one_at_a_time())
    loaded = stage.plan()
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=1, times=9, response=answer(422, {"detail": "no"})))
    stage.apply(loaded)
    stage.target.faults.clear()
    stage.secret.rename(tmp_path / "elsewhere")
    with pytest.raises(errors.ConfigurationError):
        stage.apply(loaded)
    assert read_run(loaded).counts[MigrationState.MOVED] == 1
    (tmp_path / "elsewhere").rename(stage.secret)
    assert stage.apply(loaded).is_complete


def test_a_person_is_asked_once_for_a_trunk_that_many_numbers_share(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="digest", username="acme", password="prompt:"),))
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return PASSWORD

    assert stage.apply(loaded, prompt=prompt).is_complete
    assert asked == ["password of trunk carrier: "]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot interrupt itself like this on Windows")
def test_ctrl_c_at_the_prompt_ends_it_at_once_and_nothing_was_sent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="digest", username="acme", password="prompt:"),))

    def prompt(text: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return PASSWORD

    with pytest.raises(Interrupted):
        stage.apply(loaded, prompt=prompt)
    assert [emulator.requests for emulator in stage.both] == [[], []]
    assert stage.apply(loaded, prompt=lambda text: PASSWORD).is_complete


def test_a_trunk_without_credentials_sends_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=1)
    loaded = stage.plan(trunks=(Trunk(name="carrier", auth="none"),))
    assert stage.apply(loaded).is_complete
    stored = stage.target.credentials(str(stage.target.records()[0]["id"]))
    assert stored is not None
    assert (stored.username, stored.password) == (None, None)


def test_no_secret_reaches_journal_events_report_errors_or_logs(
    context: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNK_USER", "user-canary")
    stage = Stage(tmp_path, context)
    trunk = Trunk(name="carrier", auth="digest", username="env:TRUNK_USER", password=f"file:{stage.secret}")
    loaded = stage.plan(trunks=(trunk,))
    echo = {"detail": f"bad password {PASSWORD} of user-canary", "error": {"message": PASSWORD}}
    stage.target.faults.append(Fault(FaultKind.ANSWER, "POST", skip=1, response=answer(422, echo)))
    with caplog.at_level(logging.DEBUG):
        report = stage.apply(loaded)
    assert report.failures
    found = verify_plan(loaded, stage.open_source, stage.open_target, VerifyOptions(clock=stage.time.clock))
    texts = {
        "report": report.model_dump_json() + str(report),
        "verification": found.model_dump_json() + "\n".join(found.lines(details=True)),
        "status": read_run(loaded).model_dump_json() + str(read_run(loaded)),
        "events": "".join(event.model_dump_json() + str(event) for event in stage.events),
        "logs": caplog.text,
        "files": "".join(
            path.read_bytes().decode("utf-8", "replace") for path in tmp_path.glob("plan.json*") if path.is_file()
        ),
    }
    assert [where for where, text in texts.items() if PASSWORD in text] == []
    assert [where for where, text in texts.items() if "user-canary" in text] == []
