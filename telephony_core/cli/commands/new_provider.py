"""`telephony new-provider`: the example of an adapter under a name of one's own, to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.provider_template import ProviderNames, copy_template
from telephony_core.cli.session import Session


@examples("telephony new-provider my-carrier", "telephony new-provider my-carrier --directory adapters/my-carrier")
@click.argument("name")
@click.option("--directory", metavar="FOLDER", help="Where to write it; telephony-NAME in this folder without it.")
@options_without_connection("a new adapter has no connection yet")
@pass_session
def command(session: Session, name: str, directory: str | None) -> None:
    """Begin an adapter of your own: a distribution that works, with its tests.

    NAME becomes the slug of the provider. What is written is the example of the documentation under that name: an
    adapter, an emulator and tests of an invented vendor, to be replaced file by file. Nothing is overwritten.
    """
    # Before a folder is touched: a name that is taken leaves nothing behind.
    names = ProviderNames.of(name)
    folder = Path(names.distribution if directory is None else directory)
    files = copy_template(names, folder)
    session.wrote("the adapter", str(folder))
    steps = [f"cd {shlex.quote(str(folder))}", "pip install -e . pytest", "pytest", f"telephony providers {names.slug}"]
    if session.json:
        print_json(
            {
                "directory": str(folder),
                "slug": names.slug,
                "package": names.package,
                "distribution": names.distribution,
                "files": [file.as_posix() for file in files],
                "next": steps,
            }
        )
        return
    print_line(f"{len(files)} files are in {folder}; its README says in which order to replace them.")
    print_line("next:")
    for step in steps:
        print_line(f"  {step}")
