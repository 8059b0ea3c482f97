"""`telephony emulate`: providers' emulators on loopback, until Ctrl-C."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.request import getproxies

import click

from telephony_core.accounts.connection import environment_name
from telephony_core.cli.emulated import fresh_emulators
from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.tables import print_facts, print_json, print_line
from telephony_core.cli.parameters.connection import slugs as installed_slugs
from telephony_core.cli.session import Session
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator


@examples(
    "telephony emulate vox diga",
    "telephony emulate vox --size 40 --fault lost_after,method=POST",
    "telephony emulate --port-base 8640",
)
@click.argument("slugs", nargs=-1, metavar="[SLUG]...", shell_complete=installed_slugs)
@click.option(
    "--port-base",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Port of the first one; the others follow. 0, which is the default, takes free ones.",
)
@click.option(
    "--size", type=int, metavar="COUNT", help="Hold this many plain numbers each, instead of a few of every status."
)
@click.option("--empty", is_flag=True, help="Hold no numbers.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[,NAME=VALUE]...",
    help="A fault at each of them, such as lost_after,method=POST or answer,status=503,times=2. Repeatable.",
)
@options_without_connection("name the providers themselves")
@pass_session
def command(
    session: Session, slugs: tuple[str, ...], port_base: int, size: int | None, empty: bool, faults: tuple[str, ...]
) -> None:
    """Run providers' emulators on this machine.

    Those of the providers named, or of all, until Ctrl-C. Prints the settings that lead any program to them. What is
    written there is forgotten at the end.
    """
    from telephony_core.emulator.server import run

    emulators = fresh_emulators(slugs, size=size, empty=empty, faults=faults)

    def ready(urls: Mapping[str, str]) -> None:
        if session.json:
            print_json(
                {
                    slug: {"base_url": url, "api_key": emulators[slug].api_key, "agents": dict(emulators[slug].agents)}
                    for slug, url in urls.items()
                }
            )
        else:
            _announce(emulators, urls)
        # The program that started this one waits for the settings, and the next word comes at Ctrl-C.
        sys.stdout.flush()

    run(emulators, port=port_base, ready=ready)


def _announce(emulators: Mapping[str, Emulator], urls: Mapping[str, str]) -> None:
    for slug, url in urls.items():
        # As comments, so that all of it can be pasted into a shell, or read by one from a file.
        print_line(f"# {registry.spec(slug).title} at {url}", "bold")
        print_facts([("# agents", ", ".join(f"{name} {id}" for name, id in emulators[slug].agents.items()))])
    print_line("")
    for slug, url in urls.items():
        print_line(f"export {environment_name(slug, 'BASE_URL')}={shlex.quote(url)}")
        print_line(f"export {environment_name(slug, 'API_KEY')}={shlex.quote(emulators[slug].api_key)}")
    # A proxy of the environment would be asked for a server on this very machine.
    if getproxies():
        print_line('export NO_PROXY="127.0.0.1,$NO_PROXY"')
    print_line("")
    first = next(iter(urls))
    print_line(f"# Copy this into another terminal and try: telephony numbers list -p {first}")
    print_line("# Ctrl-C ends this.")
