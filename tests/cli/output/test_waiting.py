"""What is said while something takes long: after a second on a terminal, in lines elsewhere, and never with ``-q``."""

from __future__ import annotations

import io
import json
import threading

import pytest

from telephony_core.cli.output import waiting
from telephony_core.cli.output.waiting import Waiting
from telephony_core.observation.events import RequestEvent


class Told(io.StringIO):
    """Takes what goes to stderr, and lets a test wait for it."""

    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal
        self.heard = threading.Event()

    def isatty(self):
        return self._terminal

    def write(self, text):
        written = super().write(text)
        if "numbers" in self.getvalue():
            self.heard.set()
        return written


@pytest.fixture
def stderr(monkeypatch):
    """Makes stderr a terminal or none, where nothing has to be waited for; says what it was told."""

    def of(terminal=False):
        told = Told(terminal)
        monkeypatch.setattr("sys.stderr", told)
        monkeypatch.setattr(waiting, "SOON", 0)
        monkeypatch.setattr(waiting, "EVERY", 0.001)
        monkeypatch.setenv("TERM", "xterm")
        return told

    return of


def answer(status):
    return RequestEvent(
        provider="vox",
        connection="vox",
        host="vox.example",
        operation="list_numbers",
        method="GET",
        route="/numbers",
        changes=False,
        attempt=1,
        status=status,
        error=None,
        seconds=0.1,
    )


def test_elsewhere_than_on_a_terminal_it_is_plain_lines(stderr):
    told = stderr()
    with Waiting("listing the numbers"):
        assert told.heard.wait(20)
    line = told.getvalue().splitlines()[0]
    assert line == "listing the numbers: 0 s"


def test_with_json_it_is_a_line_of_json(stderr):
    told = stderr()
    with Waiting("listing the numbers", json=True):
        assert told.heard.wait(20)
    assert json.loads(told.getvalue().splitlines()[0]) == {
        "progress": {"message": "listing the numbers", "done": 0, "seconds": 0}
    }


def test_on_a_terminal_it_is_a_line_that_goes_away(stderr):
    told = stderr(terminal=True)
    with Waiting("listing the numbers"):
        assert told.heard.wait(20)
    assert "\x1b[2K" in told.getvalue().rpartition("listing")[2]


def test_what_is_over_at_once_says_nothing(monkeypatch):
    told = Told(terminal=False)
    monkeypatch.setattr("sys.stderr", told)
    with Waiting("listing the numbers"):
        pass
    assert told.getvalue() == ""


@pytest.mark.parametrize("json", [True, False])
def test_quiet_says_nothing_and_starts_nothing(stderr, json):
    told, threads = stderr(), threading.active_count()
    with Waiting("listing the numbers", json=json, quiet=True):
        assert threading.active_count() == threads
    assert told.getvalue() == ""


def test_it_counts_and_tells_of_trouble():
    wait = Waiting("listing the numbers")
    wait.answered(answer(200))
    assert str(wait) == "listing the numbers: 1 answers, 0 s"
    assert list(wait.counted(["a", "b"])) == ["a", "b"]
    assert str(wait) == "listing the numbers: 2 so far, 0 s"
    wait.answered(answer(429))
    assert str(wait) == "listing the numbers: 2 so far, HTTP 429, trying again, 0 s"
    wait.answered(answer(None))
    assert "no answer came, trying again" in str(wait)


def test_a_reader_that_goes_away_stops_nothing(stderr, monkeypatch):
    stderr()
    asked = threading.Event()

    def gone(*_arguments, **_options):
        asked.set()
        raise BrokenPipeError

    monkeypatch.setattr("click.echo", gone)
    with Waiting("listing the numbers"):
        assert asked.wait(20)


@pytest.mark.parametrize("arguments", [("numbers", "list"), ("agents", "list"), ("numbers", "show", "07011112222")])
def test_commands_say_what_they_wait_for_and_where(telephony, vox, monkeypatch, arguments):
    said = []
    enter = Waiting.__enter__

    def remember(self):
        said.append(str(self))
        return enter(self)

    monkeypatch.setattr(Waiting, "__enter__", remember)
    assert telephony(*arguments, "-p", "vox").exit_code == 0
    assert said
    assert all(" at vox (client-api.tryvox.co): " in text for text in said)


def test_quiet_silences_warnings_and_not_errors(telephony, vox):
    vox.add(number="07099990000", status="hibernating")
    assert telephony("numbers", "list", "-p", "vox").stderr.startswith("warning: ")
    assert telephony("numbers", "list", "-p", "vox", "-q").stderr == ""
    assert telephony("-q", "numbers", "show", "07000000001", "-p", "vox").stderr.startswith("error: ")
