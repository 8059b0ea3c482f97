"""Progress of a run: a bar on a terminal, lines elsewhere, and every event as JSON with ``--json``."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import APPLY


def events(result):
    return [line["event"] for line in map(json.loads, result.stderr.splitlines()) if "event" in line]


def test_off_a_terminal_progress_is_plain_lines(moving):
    moving.plan()
    moving.refuse(409)
    result = moving.telephony(*APPLY, "--yes", "--canary", "0", "--concurrency", "1")
    told = [line for line in result.stderr.splitlines() if not line.startswith(("error: ", "  next: "))]
    assert told[0].startswith("+827011110002: ")
    assert told[1:] == ["moved 1 of 3, 1 failed", "moved 2 of 3, 1 failed"]


def test_quiet_leaves_the_report_alone(moving):
    moving.plan()
    result = moving.telephony(*APPLY, "--yes", "-q")
    assert result.stdout.startswith("3 of 3 moved")
    assert result.stderr == ""


def test_many_numbers_get_a_line_for_each_tenth_and_every_few_seconds():
    from datetime import UTC, datetime, timedelta

    from telephony_core.cli.output.progress import _Lines
    from telephony_core.migration.run.events import Event, EventKind

    began = datetime(2026, 11, 27, tzinfo=UTC)

    def said(every):
        lines, told = _Lines("moved"), []
        for done in range(1, 101):
            event = Event(kind=EventKind.NUMBER_DONE, at=began + timedelta(seconds=done * every), done=done, total=100)
            told += lines.of(event, "")
        return told

    assert said(0.01) == [f"moved {done} of 100" for done in range(10, 101, 10)]
    assert len(said(2.5)) == 50


def test_with_json_progress_is_one_line_for_each_event_on_stderr(moving):
    moving.plan()
    told = events(moving.telephony(*APPLY, "--yes", "--json"))
    assert [each["kind"] for each in told].count("number_done") == 3
    assert (told[0]["kind"], told[-1]["kind"], told[-1]["done"]) == ("started", "ended", 3)


def test_a_reader_that_goes_away_does_not_stop_the_run(moving, monkeypatch):
    moving.plan()
    from telephony_core.cli.output import progress

    told = []

    def gone(*arguments, **_options):
        told.append(arguments)
        raise BrokenPipeError

    monkeypatch.setattr(progress, "safe_json", gone)
    assert moving.telephony(*APPLY, "--yes", "--json").exit_code == 0
    assert told
    assert len(moving.live()) == 3


class Terminal:
    """Takes what goes to stderr, and says that it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


@pytest.mark.parametrize("columns", ["40", "100"])
@pytest.mark.parametrize("colour", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_progress_is_a_bar_on_any_terminal(monkeypatch, columns, colour):
    from datetime import UTC, datetime

    from telephony_core.cli.output.progress import Progress
    from telephony_core.cli.session import Session
    from telephony_core.migration.run.events import Event, EventKind

    for name, value in {"COLUMNS": columns, "TERM": "xterm", **colour}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    session = Session(secrets={"pw-canary"})

    def event(kind, **data):
        return Event(kind=kind, at=datetime.now(UTC), total=3, **data)

    with Progress(session, "moved") as progress:
        progress.event(event(EventKind.STARTED, message="3 of 3 numbers to move"))
        assert terminal.text == ""  # somebody may be asked for a password now
        progress.event(event(EventKind.NOTICE, message="taking the place of a run"))
        assert "taking the place" in terminal.text
        progress.event(event(EventKind.NUMBER_STARTED, number="+827011110000"))
        progress.event(event(EventKind.WAITING, message="1 s: for pw-canary"))
        progress.event(event(EventKind.NUMBER_FAILED, number="+827011110000", message="refused pw-canary", failed=1))
        progress.event(event(EventKind.NOTICE, message="a lock\x1b[31m was taken over"))
        progress.event(event(EventKind.NOTICE, message="stopping"))
    assert "+827011110000: refused [hidden]" in terminal.text.replace("\n", "")
    assert "a lock\\x1b[31m" in terminal.text
    assert "stopping" in terminal.text
    assert "pw-canary" not in terminal.text
