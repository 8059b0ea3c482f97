"""Secrets where the library ends: the command as a process of its own, its crashes, and cassettes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from telephony_core import InboundUpdate, NumberImport, OutboundUpdate, Telephony
from telephony_core.emulator import Emulator, Fault, FaultKind, Response
from telephony_core.emulator.server import serve
from telephony_core.errors import TelephonyError
from telephony_core.testing import new_emulator
from tests.cassettes.tape import of_emulator, tape
from tests.reliability.secrecy.canaries import CANARY, KEY, NEW, PASSWORD, assert_hidden
from tests.vendors import SHIPPED, address_at

NUMBERS = {
    "vox": "070-1111-2222",
    "diga": "612345678",
    "elevenlabs": "+12025550101",
    "retell": "+12135550110",
}
LOUD = """
import json, logging, sys
logging.basicConfig(level=logging.DEBUG)
from telephony_core.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        for stream in (sys.stdout, sys.stderr):
            print(f"\\x1e{int(ended.code or 0)}", end="\\x1d", file=stream, flush=True)
"""
"""Commands one after the other, as JSON, with every logger of the process at DEBUG on stderr."""
CRASHING = f"""
import telephony_core.client as client
def crash(self, *args, **kwargs):
    secret = args[0].outbound.password.get_secret_value()
    try:
        raise ValueError("first " + secret)
    except ValueError as error:
        raise RuntimeError("a fault that quotes " + secret + self._pipeline.secrets[0]) from error
client.Telephony.import_number = crash
{LOUD}"""


@dataclass(frozen=True)
class Done:
    """What became of one command."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs commands in a process of their own, on an emulator that is served on loopback."""

    def __init__(self, slug: str, emulator: Emulator, url: str, folder: Path) -> None:
        self.slug = slug
        self.emulator = emulator
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TELEPHONY_")},
            f"TELEPHONY_{slug.upper()}_API_KEY": KEY,
            f"TELEPHONY_{slug.upper()}_BASE_URL": url,
            "TRUNK_PASSWORD": PASSWORD,
            "XDG_CONFIG_HOME": str(folder),
        }

    def __call__(self, *commands: Sequence[str], program: str = LOUD, **environment: str) -> list[Done]:
        given = json.dumps([[*command, "-p", self.slug] for command in commands])
        ran = subprocess.run(
            [sys.executable, "-c", program, given],
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            input="",
        )
        assert_hidden(ran.stdout, ran.stderr)
        parts = [_by_command(stream) for stream in (ran.stdout, ran.stderr)]
        assert [len(part) for part in parts] == [len(commands)] * 2, ran.stderr
        return [Done(int(code), out, err) for (out, code), (err, _) in zip(*parts, strict=True)]


def _by_command(stream: str) -> list[list[str]]:
    """What each command wrote, and its exit code."""
    return [part.split("\x1e") for part in stream.split("\x1d")[:-1]]


FORMS = ((), ("--json",))


@contextmanager
def shell(slug: str, folder: Path) -> Iterator[Shell]:
    emulator = type(new_emulator(slug))(api_key=KEY)
    with serve({slug: emulator}) as urls:
        yield Shell(slug, emulator, urls[slug], folder)


def trunk_at(slug: str) -> tuple[str, ...]:
    address = address_at(slug, "pbx.example.com:5060")
    return ("--address", address, "--username", "acme", "--password", "env:TRUNK_PASSWORD")


TRUNK = trunk_at("vox")

QUOTING = Response(
    422,
    {"content-type": "application/json"},  # an HTTP library at DEBUG prints the headers of answers, and is not ours
    json.dumps(
        {
            "detail": [{"loc": ["body", "password"], "msg": f"bad {PASSWORD}", "input": PASSWORD}],
            "error": {"code": PASSWORD, "message": f"bad {PASSWORD} {KEY}", "details": {"reason": PASSWORD}},
            "status": "error",
            "message": f"bad {PASSWORD}",
            "raw": json.dumps({"password": PASSWORD, "key": KEY}),
        }
    ).encode(),
)


ANYBODY = {"diga": ("--allow-any",), "elevenlabs": ("--label", "Desk", "--allow-any")}
"""What an import has to say besides: without an allow-list Diga lets everybody call in, ElevenLabs wants a label."""


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("slug", SHIPPED)
def test_the_command_shows_no_secret_with_every_logger_at_debug(slug, debug, tmp_path):
    refused = Fault(FaultKind.ANSWER, method="POST", times=9, response=QUOTING)
    with shell(slug, tmp_path) as telephony:
        telephony.emulator.faults.append(refused)
        reads = [("numbers", "list", *form) for form in FORMS]
        sets = [("sip", "set", NUMBERS[slug], *trunk_at(slug), *form) for form in FORMS]
        imports = [("numbers", "import", NEW[slug], *trunk_at(slug), *ANYBODY.get(slug, ()), *form) for form in FORMS]
        done = telephony(*reads, *sets, *imports, TELEPHONY_DEBUG=debug)
        assert [each.returncode for each in done] == [0, 0, 0, 0, 65, 65], done
        assert all("DEBUG:telephony_core:" in each.stderr for each in done), "somebody is listening"
        assert all("[hidden]" in each.stderr for each in done[4:])
        stored = [telephony.emulator.credentials(key) for key in telephony.emulator.store]
        assert PASSWORD in [each.password for each in stored if each is not None], "it did reach the vendor"


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_crash_shows_no_secret_even_with_its_traceback(debug, tmp_path):
    with shell("vox", tmp_path) as telephony:
        imports = [("numbers", "import", NEW["vox"], *TRUNK, *form) for form in FORMS]
        for done in telephony(*imports, program=CRASHING, TELEPHONY_DEBUG=debug):
            assert done.returncode == 70
            assert "RuntimeError" in done.stderr
            assert ("Traceback" in done.stderr) is bool(debug)
            assert done.stdout == ""


WITH_A_SECRET = (
    ("numbers", "import", "+34699887766", "--address", f"sip:front:{CANARY}@pbx.example.com"),
    ("numbers", "import", "+34699887766", "--address", "pbx", "--username", "u", "--password", CANARY),
    ("sip", "set", "612345678", f"--password={CANARY}"),
    ("numbers", "import", f"sip:front:{CANARY}@pbx.example.com"),
    ("numbers", "import", "+34699887766", "--address", "pbx", "--option", "diga.x=1", "--password", f" {CANARY}"),
)


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(tmp_path):
    with shell("diga", tmp_path) as telephony:
        for done in telephony(*((*arguments, *form) for arguments in WITH_A_SECRET for form in FORMS)):
            assert done.returncode in (64, 65), done.stderr
        assert telephony.emulator.requests == []


def test_a_configuration_that_is_wrong_is_not_quoted(tmp_path):
    lines = (f'api_key = "{CANARY}', f"api_key = {CANARY}", f'api_kee = "{CANARY}"', f'api_key = ["{CANARY}"]')
    files = [tmp_path / f"config{n}.toml" for n in range(len(lines))]
    for file, line in zip(files, lines, strict=True):
        file.write_text(f'[connections.diga]\nprovider = "diga"\n{line}\n')
    with shell("diga", tmp_path) as telephony:
        ran = telephony(*(("numbers", "list", "--config", str(file)) for file in files))
        for file, done in zip(files, ran, strict=True):
            assert done.returncode == 78
            assert file.name in done.stderr


# -- cassettes


@pytest.mark.parametrize("slug", SHIPPED)
def test_a_cassette_holds_no_secret_even_where_the_vendor_quotes_one(slug, tmp_path):
    emulator = type(new_emulator(slug))(api_key=KEY)
    pages = [Response(500, {"content-type": "text/html"}, f"<p>{PASSWORD} {KEY}</p>".encode()), QUOTING]
    for page in pages:
        emulator.faults.append(Fault(FaultKind.ANSWER, method="POST", response=page))
    record = emulator.store[next(iter(emulator.store))]
    record["password"] = record["brand_new"] = f"sip:u:{CANARY}@h"
    trunk = OutboundUpdate(address=address_at(slug, "pbx.example.com:5060"), username="acme", password=PASSWORD)
    with (
        tape(slug, "quoted", source="a test", record=True, secrets=(KEY, PASSWORD), folder=tmp_path),
        httpx.Client(transport=httpx.MockTransport(of_emulator(emulator))) as http,
        Telephony(slug, api_key=KEY, http_client=http, max_retries=0) as client,
    ):
        for _ in pages:
            with pytest.raises(TelephonyError):
                client.import_number(
                    NumberImport(number=NEW[slug], label="Desk", inbound=InboundUpdate(allow_any=True), outbound=trunk)
                )
    text = (tmp_path / slug / "quoted.yaml").read_text(encoding="utf-8")
    assert_hidden(text)
    recorded: Mapping[str, list] = yaml.safe_load(text)
    posts = [each for each in recorded["interactions"] if each["request"]["method"] == "POST"]
    assert len(posts) == len(pages)
    assert all("[hidden]" in each["request"]["body"] for each in posts)
    assert all("[hidden]" in each["response"]["body"]["string"] for each in posts)
