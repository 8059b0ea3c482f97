"""`telephony demo`: the main job on both emulators, offline, in seconds."""

from __future__ import annotations

import io
import secrets
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from telephony_core.cli.emulated import environment
from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.number import print_numbers
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.session import Session
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import TelephonyError, UnsupportedField
from telephony_core.provider.changes import NumberImport

if TYPE_CHECKING:
    from telephony_core.domain.phone_number import PhoneNumber

SOURCE, TARGET = "vox", "diga"
MOVED = ("070-5555-0001", "070-5555-0002", "070-5555-0003")
TRUNK = OutboundUpdate(address="sip:trunk.example.com:5060")
MAP = f"""format = "telephony-core migration map"
version = 1

[[trunks]]
name = "carrier"
source_address = "{TRUNK.address}"
username = "acme"
password = "env:TELEPHONY_DEMO_TRUNK_PASSWORD"
allowed_addresses = ["203.0.113.7"]
"""
"""What `telephony migrate map` would ask, answered."""


@examples("telephony demo")
@options_without_connection("it has emulators of its own")
@pass_session
def command(session: Session) -> None:
    """Watch the main job on the emulators, offline.

    Starts the emulators of vox and Diga on loopback, runs one program on both, and moves a few numbers from one to the
    other. It ends by itself, within seconds.
    """
    if not session.json:
        _play()
        return
    # stdout is one JSON document.
    with redirect_stdout(sys.stderr):
        facts = _play()
    print_json(facts)


def _play() -> dict[str, object]:
    from telephony_core.client import Telephony
    from telephony_core.testing.accounts import EmulatedAccount, configuration

    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="telephony-demo-")))
        emulated = {slug: stack.enter_context(EmulatedAccount(slug)) for slug in (SOURCE, TARGET)}
        password = {"TELEPHONY_DEMO_TRUNK_PASSWORD": secrets.token_urlsafe(12)}
        stack.enter_context(environment({**configuration(emulated, folder), **password}))
        # Files have short names in the commands that are shown, and go with the folder.
        stack.enter_context(chdir(folder))

        _title("The numbers of both providers, in one table")
        numbers: list[PhoneNumber] = []
        for slug in emulated:
            with Telephony(slug) as telephony:
                numbers += telephony.list_numbers()
        print_numbers(numbers, empty="")

        _title("One program, run on each of them")
        refused = {slug: one_program(slug) for slug in emulated}

        _title(f"Three numbers move from {SOURCE} to {TARGET}")
        with Telephony(SOURCE) as telephony:
            for number in MOVED:
                telephony.import_number(
                    NumberImport(number=number, outbound=TRUNK, options={SOURCE: {"no_authentication": True}})
                )
        Path("map.toml").write_text(MAP, encoding="utf-8")
        print_line("map.toml, in which you answer what nobody else can know:")
        for line in MAP.splitlines():
            print_line(f"  {line}")
        Path("numbers.txt").write_text("\n".join(MOVED), encoding="utf-8")
        to = ("vox.json", "--to", TARGET, "--map", "map.toml")
        _run("inventory", "-p", SOURCE, "-o", "vox.json")
        _run("migrate", "assess", *to, lines=8)
        _run("migrate", "plan", *to, "-o", "plan.json", "--numbers", "@numbers.txt", lines=14)
        _run("migrate", "apply", "plan.json", "--yes")
        _run("migrate", "verify", "plan.json", lines=4)
    _title("What to try next")
    print_line("  telephony emulate                 keep the emulators running, and copy the settings it prints")
    print_line("  telephony inventory -p NAME -o …  where a migration of your own begins")
    print_line("  telephony --help                  everything else")
    counts = {slug: sum(number.provider == slug for number in numbers) for slug in emulated}
    return {"numbers": counts, "refused": refused, "moved": len(MOVED), "seconds": round(time.monotonic() - started, 1)}


def one_program(provider: str) -> str | None:
    """Change the trunk of a number, whatever the provider; gives the field that was refused."""
    from telephony_core.client import Telephony

    with Telephony(provider) as telephony:
        imported = telephony.list_numbers(origin=Origin.IMPORTED)
        number = next(each for each in imported if each.sip and each.sip.outbound.address and each.status == "active")
        trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=secrets.token_urlsafe(12))
        number = telephony.update_sip(number, outbound=trunk)
        print_line(f"{provider}: {number.identity} calls out over pbx.example.com:5060")
        try:
            telephony.update_sip(number, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
        except UnsupportedField as error:
            print_line(f"{provider}: nothing was sent: {error.field}: {error.message}; {error.remedy}", "yellow")
            return error.field
        print_line(f"{provider}: {number.identity} takes calls from 203.0.113.7 only")
        return None


def _title(text: str) -> None:
    print_line("")
    print_line(f"== {text}", "bold")
    print_line("")


def _run(*words: str, lines: int | None = None) -> None:
    """Run a command in this process, and show what it prints, or its first ``lines``. Raises `TelephonyError`."""
    from telephony_core.cli.app import app

    print_line(f"$ telephony {shlex.join(words)}", "bold")
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            # A session of its own, as in a terminal of its own: no option of the demo goes along.
            app.main(words, obj=Session())
        # A command ends the process; here it only ends itself.
        except SystemExit as end:
            code = end.code
    if code:
        raise TelephonyError(f"`telephony {words[0]}` ended with {code}: {err.getvalue()}", remedy="please report this")
    printed: Sequence[str] = out.getvalue().splitlines()
    for line in printed[:lines]:
        print_line(f"  {line}")
    if lines is not None and len(printed) > lines:
        print_line(f"  … and {len(printed) - lines} more lines", "dim")
