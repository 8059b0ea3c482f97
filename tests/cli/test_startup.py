"""How the command starts: with nothing imported that is not needed, and politely where its extra is missing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from telephony_core import __version__

HEAVY = {
    "httpx",
    "phonenumbers",
    "pydantic",
    "rich",
    "uvicorn",
    "aiohttp",
    "telephony_vox",
    "telephony_diga",
    "telephony_core.emulator",
}

AFTERWARDS = """
import sys
from telephony_core.cli import main
sys.argv = ["telephony", *{arguments!r}]
try:
    main()
finally:
    print("IMPORTED", *sys.modules)
"""


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_and_version_import_no_adapter_and_nothing_heavy(arguments):
    done = python(AFTERWARDS.format(arguments=arguments))
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.rpartition("IMPORTED ")[2].split())
    assert imported & HEAVY == set()
    assert {name for name in imported if name.startswith("telephony_core.cli.")} == {
        "telephony_core.cli.app",
        "telephony_core.cli.exit_codes",
        "telephony_core.cli.failures",
        "telephony_core.cli.hints",
        "telephony_core.cli.options",
        "telephony_core.cli.session",
        "telephony_core.cli.signals",
        "telephony_core.cli.streams",
        "telephony_core.cli.output",
        "telephony_core.cli.output.pasteable",
        "telephony_core.cli.output.printable",
        "telephony_core.cli.output.prose",
        "telephony_core.cli.output.terminal",
        "telephony_core.cli.parameters",
        "telephony_core.cli.parameters.connection",
        "telephony_core.cli.parameters.files",
    }


def test_version_says_the_version():
    done = subprocess.run(
        [sys.executable, "-m", "telephony_core.cli", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"telephony {__version__}\n")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_a_base_install_is_told_which_extra_is_missing(missing):
    done = python(f"import sys; sys.modules[{missing!r}] = None\nfrom telephony_core.cli import main\nmain()")
    assert done.returncode == 78
    assert "pip install 'telephony-core[cli]'" in done.stderr
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_ends_quietly():
    done = subprocess.run(
        f'"{sys.executable}" -m telephony_core.cli providers --json | head -c 1',
        shell=True, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[", "")


def test_output_in_an_encoding_without_these_letters_is_escaped_and_json_stays_json(tmp_path):
    code = (
        "import os, sys\n"
        "os.environ['TELEPHONY_VOX_API_KEY'] = 'emulator-key'\n"
        "from telephony_vox.emulator import VoxEmulator\n"
        "from telephony_core.cli.app import app\n"
        "from telephony_core.cli.session import Session\n"
        "backend = VoxEmulator(api_key='emulator-key').backend()\n"
        "app.main(sys.argv[1:], obj=Session(backend=lambda connection: backend))\n"
    )

    def show(*extra):
        return subprocess.run(
            [sys.executable, "-c", code, "numbers", "show", "07011112222", "-p", "vox", *extra],
            capture_output=True, text=True, timeout=60, check=False,
            env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path), "XDG_CONFIG_HOME": str(tmp_path)},
        )  # fmt: skip

    assert "\\ubcf8\\uc0ac" in show().stdout
    assert '"label": "\\ubcf8\\uc0ac' in show("--json").stdout


def test_a_shell_can_ask_for_completions():
    def completed(words, position):
        environment = {"_TELEPHONY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        return subprocess.run(
            [sys.executable, "-m", "telephony_core.cli"], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, **environment},
        ).stdout.split()  # fmt: skip

    assert completed("telephony numb", 1) == ["plain,numbers"]
    assert completed("telephony numbers rel", 2) == ["plain,release"]


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["numbers", "list", "--nonsense"], 64)])
def test_who_used_temporal_is_ended_without_taking_the_interpreter_down(arguments: list[str], code: int) -> None:
    program = f"""
import atexit, json, sys
from telephony_core.cli import main
atexit.register(print, "TAKEN DOWN")
sys.modules["temporalio"] = json  # as if it had been imported
sys.argv = ["telephony", *{arguments!r}]
main()
"""
    done = python(program)
    assert (done.returncode, "TAKEN DOWN" in done.stdout) == (code, False)
    assert done.stdout or done.stderr
