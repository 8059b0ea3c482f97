"""`telephony emulate` as a real process on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from telephony_core import Telephony
from telephony_core.cli import emulated
from telephony_core.cli.app import app
from telephony_core.provider.registry import registry


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "telephony_core.cli", "emulate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "*"},
    )


def lines_until(process, what):
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(what):
            return lines
    raise AssertionError(process.stderr.read())


@pytest.mark.skipif(os.name != "posix", reason="signals of another process")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_emulators_serve_until_they_are_told_to_end(monkeypatch, end):
    monkeypatch.setenv("NO_PROXY", "*")
    process = start("vox", "diga")
    try:
        exports = dict(
            line.removeprefix("export ").split("=", 1)
            for line in lines_until(process, "# Ctrl-C ends this")
            if line.startswith("export TELEPHONY")
        )
        assert set(exports) == {
            f"TELEPHONY_{slug}_{what}" for slug in ("VOX", "DIGA") for what in ("BASE_URL", "API_KEY")
        }
        for name, value in exports.items():
            monkeypatch.setenv(name, value)
        for slug in ("vox", "diga"):
            with Telephony(slug) as client:
                assert next(iter(client.list_numbers())).provider == slug
            command = [sys.executable, "-m", "telephony_core.cli", "numbers", "list", "-p", slug, "--json"]
            listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            assert {record["provider"] for record in json.loads(listed.stdout)} == {slug}
        process.send_signal(end)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


held = {}
"""The emulators that were served last, by slug."""


@pytest.fixture
def served_for_a_moment(monkeypatch):
    """`run` that says it is ready, and ends."""
    asked = {}
    held.clear()

    def run(emulators, *, port, ready):
        asked.update(slugs=list(emulators), port=port)
        held.update(emulators)
        ready({slug: f"http://127.0.0.1:{9000 + index}" for index, slug in enumerate(emulators)})

    monkeypatch.setattr("telephony_core.emulator.server.run", run)
    return asked


def test_emulate_prints_json(served_for_a_moment):
    result = CliRunner().invoke(app, ["emulate", "diga", "--json", "--port-base", "9000"])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["diga"]["base_url"] == "http://127.0.0.1:9000"
    assert printed["diga"]["api_key"] == "emulator-key"
    assert set(printed["diga"]["agents"]) >= {"reception", "sales"}
    assert served_for_a_moment == {"slugs": ["diga"], "port": 9000}


@pytest.mark.usefixtures("served_for_a_moment")
def test_emulate_holds_what_it_is_told_and_strikes_at_each():
    faults = ["--fault", "lost_after,method=POST", "--fault", "answer,status=429,retry_after=1,times=2"]
    assert CliRunner().invoke(app, ["emulate", "vox", "diga", "--size", "3", *faults]).exit_code == 0
    for emulator in held.values():
        assert len(emulator.records()) == 3
        assert [(fault.kind, fault.times) for fault in emulator.faults] == [("lost_after", 1), ("answer", 2)]
    assert held["vox"].faults[0] is not held["diga"].faults[0]


@pytest.mark.usefixtures("served_for_a_moment")
def test_emulate_can_hold_nothing():
    assert CliRunner().invoke(app, ["emulate", "--empty"]).exit_code == 0
    assert {slug: emulator.records() for slug, emulator in held.items()} == {
        slug: [] for slug in ("diga", "elevenlabs", "retell", "vox")
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "-1"], "whole number from 0 on, not -1"),
        (["--size", "3", "--empty"], "empty or has a size"),
        (["--fault", "lost"], "'lost' is no kind of fault"),
        (["--fault", "lost_after,status=500"], "status means nothing to the fault lost_after"),
    ],
)
def test_emulate_refuses_what_cannot_be(served_for_a_moment, options, told):
    result = CliRunner().invoke(app, ["emulate", "vox", *options])
    assert (result.exit_code, served_for_a_moment) == (65, {}), result.stderr
    assert told in result.stderr


def test_emulate_without_a_name_takes_every_provider_that_can_be_emulated(served_for_a_moment):
    assert CliRunner().invoke(app, ["emulate"]).exit_code == 0
    assert served_for_a_moment["slugs"] == [
        slug for slug, spec in registry.specs().items() if getattr(spec, "emulator", None) is not None
    ]


@pytest.mark.usefixtures("served_for_a_moment")
def test_emulate_reminds_of_a_proxy_that_would_be_in_the_way(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    assert 'export NO_PROXY="127.0.0.1,$NO_PROXY"' in CliRunner().invoke(app, ["emulate", "vox"]).stdout


def test_emulate_of_an_unknown_provider_is_an_error():
    assert CliRunner().invoke(app, ["emulate", "nobody"]).exit_code == 78


def test_emulate_on_a_port_that_is_taken_is_an_error():
    from telephony_core.emulator.server import serve

    with serve({"vox": registry.spec("vox").emulator()}) as urls:
        port = urls["vox"].rpartition(":")[2].partition("/")[0]
        result = CliRunner().invoke(app, ["emulate", "vox", "--port-base", port])
    assert result.exit_code == 78
    assert port in result.stderr


def test_a_provider_without_an_emulator_cannot_be_emulated(monkeypatch):
    from dataclasses import replace

    bare = replace(registry.spec("vox"), emulator=None)
    monkeypatch.setattr(registry, "spec", lambda _slug: bare)
    result = CliRunner().invoke(app, ["emulate", "vox"])
    assert result.exit_code == 78
    assert "no emulator of vox" in result.stderr


def test_the_environment_is_as_before_afterwards(monkeypatch):
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "mine")
    monkeypatch.setenv("NO_PROXY", "internal.example.com")
    monkeypatch.delenv("TELEPHONY_DIGA_API_KEY", raising=False)
    with emulated.environment({"TELEPHONY_VOX_API_KEY": "theirs", "TELEPHONY_DIGA_API_KEY": "theirs"}):
        assert os.environ["TELEPHONY_VOX_API_KEY"] == "theirs"
        assert os.environ["NO_PROXY"] == "internal.example.com,127.0.0.1"
    assert os.environ["TELEPHONY_VOX_API_KEY"] == "mine"
    assert os.environ["NO_PROXY"] == "internal.example.com"
    assert "TELEPHONY_DIGA_API_KEY" not in os.environ
