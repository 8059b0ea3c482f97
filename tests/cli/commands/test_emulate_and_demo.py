"""`telephony emulate` as a real process on loopback, and `telephony demo`, part by part."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from telephony_core import Telephony
from telephony_core.cli import demo_program, emulated
from telephony_core.cli.app import app
from telephony_core.cli.commands import demo
from telephony_core.errors import UnsupportedField
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
            for line in lines_until(process, "Copy the exports")
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


@pytest.fixture
def served_for_a_moment(monkeypatch):
    """`run` that says it is ready, and ends."""
    asked = {}

    def run(emulators, *, port, ready):
        asked.update(slugs=list(emulators), port=port)
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


# -- demo


@pytest.fixture(autouse=True)
def left_behind(monkeypatch, tmp_path):
    """Where the demo leaves its files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_demo_shows_the_main_job_and_ends_well():
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    out = result.stdout
    assert all(part.title in out for part in demo.PARTS)
    assert "with Telephony(provider) as telephony:" in out  # the program itself
    assert "run('vox', '07011112222'" in out
    assert "run('diga', '612345678'" in out
    assert "vox was sent nothing: inbound.allowed_addresses" in out  # the refused write
    rows = [line.split() for line in out.splitlines() if line.startswith(("vox ", "diga ", "elevenlabs "))]
    assert {row[0] for row in rows} == {"vox", "diga", "elevenlabs"}  # one table
    assert "telephony emulate" in out
    assert "All as expected" in out


def test_the_demo_with_json_prints_facts_on_stdout_and_the_show_on_stderr():
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["parts"] == [part.title for part in demo.PARTS]
    assert facts["refused"] == {"diga": None, "elevenlabs": None, "vox": "inbound.allowed_addresses"}
    assert min(facts["numbers"].values()) > 10
    assert "All as expected" in result.stderr


def test_the_demo_kills_a_migration_resumes_it_and_leaves_its_report(left_behind):
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)["migration"]
    assert facts["moved"] == 5
    assert set(facts["stayed"]) == {
        "already_there", "ambiguous", "blocked", "identity", "in_transition", "over", "purchased"
    }  # fmt: skip
    assert "3 of 5 are at diga, and it knows of 2" in result.stderr
    assert "found after its answer was lost" in result.stderr
    (folder,) = left_behind.iterdir()
    assert facts["folder"] == str(folder)
    assert "rolled back" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_demo_fails_where_numbers_would_be_there_twice(monkeypatch):
    from telephony_core.cli import demo_migration

    original = demo_migration._live
    monkeypatch.setattr(demo_migration, "_live", lambda emulator: original(emulator) * 2)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "this does not hold: none is missing, none is there twice" in result.stderr


def test_the_demo_fails_when_something_is_not_as_it_should_be(monkeypatch):
    original = demo_program.run

    def never_refused(*arguments):
        return original(*arguments)[0], None

    monkeypatch.setattr(demo_program, "run", never_refused)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "this does not hold: vox: an allow-list is refused" in result.stderr
    assert "All as expected" not in result.stdout


def test_the_demo_fails_when_the_program_does(monkeypatch):
    def refuse(*_arguments):
        raise UnsupportedField("no place", field="label", provider="vox")

    monkeypatch.setattr(demo_program, "run", refuse)
    assert CliRunner().invoke(app, ["demo"]).exit_code == 65


def test_a_part_of_ones_own_plays_on_the_same_stage(capsys):
    def count(stage):
        stage.facts["counted"] = {each.spec.slug: len(stage.numbers(each.spec.slug)) for each in stage.emulated}

    facts = demo.play([demo.Part("Counting", count)])
    assert min(facts["counted"].values()) > 10
    assert "== Counting" in capsys.readouterr().out


def test_the_demo_says_when_there_is_nothing_to_show_it_on():
    with pytest.raises(demo.Unexpected, match="no number with a trunk"):
        demo._movable([], "vox")


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


def test_the_program_is_about_twenty_lines():
    import inspect

    assert len(inspect.getsource(demo_program).splitlines()) <= 25
