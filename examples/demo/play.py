"""The long demo: one program on two providers, a trunk that is checked, a migration that is killed half-way, and a move
between two others.

`make demo` runs it. Everything happens on this machine, on the emulators of four providers.
"""

from __future__ import annotations

import secrets
import tempfile
from contextlib import ExitStack, chdir
from pathlib import Path

import newcomers
import program
from migration import PASSWORD, SOURCE, TARGET, Migration, keep_a_dozen
from shell import expect, run, title
from sip_peer import local_peer

from telephony_core.cli.emulated import environment
from telephony_core.testing import EmulatedAccount
from telephony_core.testing.accounts import configuration

PROGRAM = Path(program.__file__)


def main() -> None:
    password = secrets.token_urlsafe(12)
    with ExitStack() as stack:
        emulated = served(stack, SOURCE, TARGET)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="telephony-demo-")))
        stack.enter_context(environment(configuration(emulated, folder)))
        title("One program for every provider")
        print(PROGRAM.read_text(encoding="utf-8"))
        for provider, number in ((SOURCE, "07011112222"), (TARGET, "612345678")):
            agent = emulated[provider].emulator.agents["sales"]
            print(f"run({provider!r}, {number!r}, {agent!r}, password)")
            refused = program.run(provider, number, agent, password)
            expect(refused == ("inbound.allowed_addresses" if provider == SOURCE else None), "vox takes no allow-list")
            print()

    title("Does a trunk answer?")
    with local_peer() as address:
        run("sip", "check", address, "--transport", "udp")

    title("Numbers move to another provider, and the program is killed half-way")
    folder = Path(tempfile.mkdtemp(prefix="telephony-demo-"))
    with ExitStack() as stack:
        emulated = served(stack, SOURCE, TARGET, newcomers.SOURCE, newcomers.TARGET)
        stack.enter_context(environment({**configuration(emulated, folder), PASSWORD: password}))
        stack.enter_context(chdir(folder))
        source, target = emulated[SOURCE].emulator, emulated[TARGET].emulator
        keep_a_dozen(source, target)
        Migration(source, target).play()

        title("What four providers offer, and a move between two others")
        run("providers")
        newcomers.move(emulated[newcomers.SOURCE].emulator, emulated[newcomers.TARGET].emulator)
    leaked = [file.name for file in folder.iterdir() if password.encode() in file.read_bytes()]
    expect(not leaked, f"no file holds the password: {', '.join(leaked)}")

    title("All as expected")
    print(f"The report, the plan as a page, and every other file: {folder}")
    print("Next: `.venv/bin/telephony emulate` keeps the emulators running; docs/cli.md has every command.")


def served(stack: ExitStack, *slugs: str) -> dict[str, EmulatedAccount]:
    """An emulator of each of these providers, served on loopback until the stack is left."""
    return {slug: stack.enter_context(EmulatedAccount(slug)) for slug in slugs}


if __name__ == "__main__":
    main()
