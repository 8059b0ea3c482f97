"""`telephony completion`: what a shell is offered, by the protocol of the script and by bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from telephony_core.cli.app import app

TELEPHONY = Path(sys.executable).with_name("telephony")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    config = tmp_path / "c.toml"
    config.write_text('[connections.kr-prod]\nprovider = "vox"\n[connections.kr-test]\nprovider = "vox"\n')
    monkeypatch.setenv("TELEPHONY_CONFIG", str(config))
    return config


def offered(line):
    """What is offered for the last word of a line, as the script asks in a process of its own."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TELEPHONY_COMPLETE": "bash_complete"}
    done = CliRunner(env=asked).invoke(app)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("telephony num", ["plain,numbers"]),
        ("telephony numbers li", ["plain,list"]),
        ("telephony numbers list --desc", ["plain,--descending"]),
        ("telephony numbers list -p kr-", ["plain,kr-prod", "plain,kr-test"]),
        ("telephony migrate plan x --to kr-p", ["plain,kr-prod"]),
        ("telephony numbers list -p di", ["plain,diga"]),
        ("telephony providers re", ["plain,retell"]),
        ("telephony emulate vox el", ["plain,elevenlabs"]),
        ("telephony completion f", ["plain,fish"]),
        ("telephony apply pl", ["file,pl"]),
        ("telephony inventory -o x", ["file,x"]),
        ("telephony numbers list --columns number,stat", ["plain,number,status"]),
        ("telephony numbers list --where sta", ["plain,status="]),
        ("telephony numbers list --status act", ["plain,active"]),
    ],
)
@pytest.mark.usefixtures("configured")
def test_what_is_offered(line, words):
    assert offered(line) == words


def test_connections_are_those_of_the_file_that_the_line_names(configured, tmp_path, monkeypatch):
    other = tmp_path / "other.toml"
    other.write_text('[connections.es-prod]\nprovider = "diga"\n')
    assert offered(f"telephony --config {other} numbers list -p es") == ["plain,es-prod"]
    configured.write_text("not toml [")
    assert offered("telephony numbers list -p vo") == ["plain,vox"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_this_command(telephony, shell):
    script = telephony("completion", shell).stdout
    assert f"_TELEPHONY_COMPLETE={shell}_complete" in script


def test_another_shell_is_refused_with_those_that_there_are(telephony):
    result = telephony("completion", "tcsh")
    assert result.exit_code == 64
    assert "'bash', 'zsh', 'fish'" in result.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.usefixtures("configured")
def test_bash_completes_with_the_script():
    ask = """
        eval "$(telephony completion bash)"
        COMP_WORDS=(telephony numbers list -p kr-) COMP_CWORD=4
        _telephony_completion telephony
        printf "%s\\n" "${COMPREPLY[@]}"
        complete -p telephony
    """
    path = f"{TELEPHONY.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", ask],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[:2] == ["kr-prod", "kr-test"]
    assert "_telephony_completion" in done.stdout.splitlines()[2]
