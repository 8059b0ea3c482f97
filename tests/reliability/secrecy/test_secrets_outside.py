"""Secrets where the library ends: the command as a process of its own, its crashes, and cassettes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from tests.reliability.secrecy.canaries import CANARY, KEY, NEW, PASSWORD, VENDORS, assert_hidden

NUMBERS = {"vox": "070-1111-2222", "diga": "612345678"}
LOUD = "import logging; logging.basicConfig(level=logging.DEBUG); from telephony_core.cli import main; main()"
"""The command, with every logger of the process at DEBUG on stderr."""
CRASHING = """
import telephony_core.client as client
def crash(self, *args, **kwargs):
    secret = args[0].outbound.password.get_secret_value()
    try:
        raise ValueError("first " + secret)
    except ValueError as error:
        raise RuntimeError("a fault that quotes " + secret + self._line.secrets[0]) from error
client.Telephony.import_number = crash
from telephony_core.cli import main; main()
"""


class Shell:
    """Runs the command in a process of its own, on an emulator that is served on loopback."""

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

    def __call__(self, *arguments: str, program: str = LOUD, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments, "-p", self.slug],
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            input="",
        )
        assert_hidden(done.stdout, done.stderr)
        return done

    def refuse(self, response: Response) -> None:
        self.emulator.faults[:] = [Fault(FaultKind.ANSWER, method=m, times=9, response=response) for m in WRITES]


WRITES = ("POST", "PATCH", "DELETE")


@contextmanager
def shell(slug: str, folder: Path) -> Iterator[Shell]:
    emulator = type(new_emulator(slug))(api_key=KEY)
    with serve({slug: emulator}) as urls:
        yield Shell(slug, emulator, urls[slug], folder)


def trunk(slug: str) -> tuple[str, ...]:
    return ("--address", "pbx.example.com:5060", "--username", "acme", "--password", "env:TRUNK_PASSWORD")


QUOTING = Response(
    422,
    {"content-type": "application/json"},  # an HTTP library at DEBUG prints the headers of answers, and is not ours
    json.dumps(
        {
            "detail": [{"loc": ["body", "password"], "msg": f"bad {PASSWORD}", "input": PASSWORD}],
            "error": {"code": PASSWORD, "message": f"bad {PASSWORD} {KEY}", "details": {"reason": PASSWORD}},
            "raw": json.dumps({"password": PASSWORD, "key": KEY}),
        }
    ).encode(),
)


ANYBODY = {"vox": (), "diga": ("--allow-any",)}
"""Without an allow-list Diga lets everybody call in, and vox has none."""


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("slug", VENDORS)
def test_the_command_shows_no_secret_with_every_logger_at_debug(slug, debug, tmp_path):
    with shell(slug, tmp_path) as telephony:
        for form in ((), ("--json",)):
            done = telephony("numbers", "list", *form, TELEPHONY_DEBUG=debug)
            assert done.returncode == 0, done.stderr
            assert "DEBUG:telephony_core:" in done.stderr, "somebody is listening"
            done = telephony("sip", "set", NUMBERS[slug], *trunk(slug), *form, TELEPHONY_DEBUG=debug)
            assert done.returncode == 0, done.stderr
        stored = [telephony.emulator.credentials(key) for key in telephony.emulator.store]
        assert PASSWORD in [each.password for each in stored if each is not None], "it did reach the vendor"
        telephony.refuse(QUOTING)
        for form in ((), ("--json",)):
            done = telephony("numbers", "import", NEW[slug], *trunk(slug), *ANYBODY[slug], *form, TELEPHONY_DEBUG=debug)
            assert done.returncode == 65, done.stderr
            assert "[hidden]" in done.stderr


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["people", "scripts"])
def test_a_crash_shows_no_secret_even_with_its_traceback(form, debug, tmp_path):
    with shell("vox", tmp_path) as telephony:
        done = telephony("numbers", "import", NEW["vox"], *trunk("vox"), *form, program=CRASHING, TELEPHONY_DEBUG=debug)
        assert done.returncode == 70
        assert "RuntimeError" in done.stderr
        assert ("Traceback" in done.stderr) is bool(debug)
        assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("numbers", "import", "+34699887766", "--address", f"sip:front:{CANARY}@pbx.example.com"),
        ("numbers", "import", "+34699887766", "--address", "pbx", "--username", "u", "--password", CANARY),
        ("sip", "set", "612345678", f"--password={CANARY}"),
        ("numbers", "import", f"sip:front:{CANARY}@pbx.example.com"),
        ("numbers", "import", "+34699887766", "--address", "pbx", "--option", "diga.x=1", "--password", f" {CANARY}"),
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(arguments, tmp_path):
    with shell("diga", tmp_path) as telephony:
        for form in ((), ("--json",)):
            done = telephony(*arguments, *form)
            assert done.returncode in (64, 65), done.stderr
        assert telephony.emulator.requests == []


@pytest.mark.parametrize(
    "line", [f'api_key = "{CANARY}', f"api_key = {CANARY}", f'api_kee = "{CANARY}"', f'api_key = ["{CANARY}"]']
)
def test_a_configuration_that_is_wrong_is_not_quoted(line, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(f'[connections.diga]\nprovider = "diga"\n{line}\n')
    with shell("diga", tmp_path) as telephony:
        done = telephony("numbers", "list", "--config", str(config))
        assert done.returncode == 78
        assert "config.toml" in done.stderr


# -- cassettes


@pytest.mark.parametrize("slug", VENDORS)
def test_a_cassette_holds_no_secret_even_where_the_vendor_quotes_one(slug, tmp_path):
    emulator = type(new_emulator(slug))(api_key=KEY)
    pages = [Response(500, {"content-type": "text/html"}, f"<p>{PASSWORD} {KEY}</p>".encode()), QUOTING]
    for page in pages:
        emulator.faults.append(Fault(FaultKind.ANSWER, method="POST", response=page))
    record = emulator.store[next(iter(emulator.store))]
    record["password"] = record["brand_new"] = f"sip:u:{CANARY}@h"
    trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=PASSWORD)
    with (
        tape(slug, "quoted", source="a test", record=True, secrets=(KEY, PASSWORD), folder=tmp_path),
        httpx.Client(transport=httpx.MockTransport(of_emulator(emulator))) as http,
        Telephony(slug, api_key=KEY, http_client=http, max_retries=0) as client,
    ):
        for _ in pages:
            with pytest.raises(TelephonyError):
                client.import_number(
                    NumberImport(number=NEW[slug], inbound=InboundUpdate(allow_any=True), outbound=trunk)
                )
    text = (tmp_path / slug / "quoted.yaml").read_text(encoding="utf-8")
    assert_hidden(text)
    recorded: Mapping[str, list] = yaml.safe_load(text)
    posts = [each for each in recorded["interactions"] if each["request"]["method"] == "POST"]
    assert len(posts) == len(pages)
    assert all("[hidden]" in each["request"]["body"] for each in posts)
    assert all("[hidden]" in each["response"]["body"]["string"] for each in posts)
