"""stdout and stderr that are full, closed or left: the work keeps its exit code, and what was done is said."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony_core.emulator.server import serve

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a shell and /dev/full")

KEY = "emulator-key"
TELEPHONY = f"{shlex.quote(sys.executable)} -m telephony_core.cli"
LABEL = f"{TELEPHONY} numbers label 07011112222 hello -p vox"
LIST = f"{TELEPHONY} numbers list -p vox"
MISSING = f"{TELEPHONY} numbers show 07000000000 -p vox"
FULL = ["> /dev/full", ">&-"]


@pytest.fixture(autouse=True)
def place(vox, monkeypatch, tmp_path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with serve({"vox": vox}) as urls:
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("TELEPHONY_VOX_API_KEY", KEY)
        monkeypatch.setenv("TELEPHONY_VOX_BASE_URL", urls["vox"])
        yield


def shell(line):
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("redirected", FULL)
@pytest.mark.parametrize("more", ["", " --json"])
def test_a_write_that_worked_is_said_on_stderr_and_ends_with_0_where_stdout_takes_nothing(vox, redirected, more):
    done = shell(f"{LABEL}{more} {redirected}")
    assert done.returncode == 0
    assert "stdout took no more" in done.stderr
    assert "done: vox (127.0.0.1:" in done.stderr
    assert "the label of +827011112222 (record " in done.stderr
    assert vox.requests[-1].method == "PATCH"


@pytest.mark.parametrize("redirected", FULL)
def test_a_read_whose_words_are_lost_has_failed_and_says_that_nothing_was_changed(redirected):
    done = shell(f"{LIST} {redirected}")
    assert done.returncode == 74
    assert "stdout took no more" in done.stderr
    assert "nothing was changed" in done.stderr


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("redirected", [*FULL, "2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>&1"])
def test_an_error_keeps_its_code_wherever_it_cannot_be_said(redirected):
    assert shell(f"{MISSING} {redirected}").returncode == 3


def test_a_reader_that_has_seen_enough_is_no_failure():
    done = shell(f"{LIST} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")
    done = shell(f"{LABEL} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 0


def test_a_closed_stderr_takes_no_file_or_socket_in_its_place():
    done = shell(f"{TELEPHONY} inventory -p vox -o vox.json 2>&- >&-")
    assert done.returncode == 0
    with open("vox.json") as file:
        assert json.load(file)["format"] == "telephony-core inventory"


def test_closed_stdin_is_an_error_with_a_next_step():
    done = shell(f"{TELEPHONY} sip set 07011112222 -p vox --username u --password - <&-")
    assert done.returncode == 78
    assert "stdin cannot be read (it is closed)" in done.stderr
    assert shell(f"{TELEPHONY} numbers release 07011112222 -p vox <&-").returncode == 8


def test_an_inventory_to_stdout_has_it_alone():
    done = shell(f"{TELEPHONY} inventory -p vox -o /dev/stdout")
    assert done.returncode == 0
    assert json.loads(done.stdout)["provider"] == "vox"
    assert "written to /dev/stdout" in done.stderr
    shell(f"echo before > all.txt; {TELEPHONY} inventory -p vox -o /dev/stdout >> all.txt")
    with open("all.txt") as file:
        assert file.read().startswith('before\n{\n  "format"')
    assert shell(f"{TELEPHONY} inventory -p vox -o /dev/stdout --json").returncode == 64


def test_a_dash_is_stdout_for_what_is_written_and_stdin_for_what_is_read(diga, monkeypatch):
    with serve({"diga": diga}) as urls:
        monkeypatch.setenv("TELEPHONY_DIGA_API_KEY", KEY)
        monkeypatch.setenv("TELEPHONY_DIGA_BASE_URL", urls["diga"])
        _through_pipes()


def _through_pipes():
    done = shell(f"{TELEPHONY} inventory -p vox -o - | tee vox.json | {TELEPHONY} migrate assess - --to diga")
    assert "next: telephony migrate assess INVENTORY --to NAME" in done.stderr
    assert "next: telephony migrate map INVENTORY --to diga -o map.toml" in done.stdout
    made = shell(f"{TELEPHONY} migrate map vox.json --to diga -o - > map.toml")
    assert made.returncode == 0, made.stderr
    assert "--map MAP -o plan.json" in made.stderr
    planned = shell(f"{TELEPHONY} migrate plan vox.json --to diga --map - -o - --html plan.html < map.toml")
    assert json.loads(planned.stdout)["format"] == "telephony-core migration plan"
    assert shell(f"cat vox.json | {TELEPHONY} inventory diff - vox.json").returncode == 0
    assert not Path("-").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("inventory -p vox -o ''", "an empty name"),
        ("inventory -p vox -o x.json --csv ''", "an empty name"),
        ("inventory -p vox -o - --csv -", "one file cannot hold both"),
        ("inventory -p vox -o - --json", "--json prints on stdout"),
        ("inventory diff - -", "stdin is read already"),
        ("migrate assess '' --to diga", "an empty name"),
        ("migrate status -", "the journal lies beside the plan"),
        ("migrate status ''", "an empty name"),
        ("numbers list -p vox --config ''", "an empty name"),
        ("numbers list -p vox --config -", "stdin cannot be taken here"),
    ],
)
def test_a_file_that_cannot_be_meant_is_a_usage_error_with_the_reason(arguments, said, telephony):
    done = telephony(*shlex.split(arguments), stdin="")
    assert (done.exit_code, done.stdout) == (64, "")
    assert said in done.stderr


def test_text_that_is_none_is_refused_before_anything_is_sent(vox):
    done = shell(f"{TELEPHONY} numbers show $'\\xff' -p vox")
    assert done.returncode == 64
    assert "argument 3 is no text" in done.stderr
    assert vox.requests == []


def test_what_an_encoding_lacks_is_shown_as_its_escape():
    done = shell(f"PYTHONIOENCODING=latin-1 {LIST}")
    assert done.returncode == 0
    assert "\\ubcf8\\uc0ac" in done.stdout


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("what", ["bash_source", "bash_complete", "nonsense"])
@pytest.mark.parametrize("redirected", ["", *FULL])
def test_completion_shows_no_traceback_either(what, redirected):
    shell(f"_TELEPHONY_COMPLETE={what} {TELEPHONY} {redirected}")


def test_a_working_directory_that_is_gone_is_no_crash():
    gone = f"mkdir gone; cd gone; rmdir ../gone; {TELEPHONY}"
    assert shell(f"{gone} inventory -p vox -o x.json").returncode == 1
    assert shell(f"{gone} demo").returncode == 71
    assert shell(f"{gone} numbers list -p vox").returncode == 0
