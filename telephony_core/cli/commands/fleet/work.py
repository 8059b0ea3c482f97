"""`telephony fleet work`."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path

import click

from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.printable import printable
from telephony_core.cli.session import Session
from telephony_core.cli.stores import database, extra_of_a_fleet
from telephony_core.errors import ConfigurationError
from telephony_core.migration.run.stopping import on_signals


@examples("telephony fleet work diga-prod", "telephony fleet work vox diga --tenants /run/secrets")
@click.argument("accounts", metavar="ACCOUNT...", nargs=-1, required=True)
@click.option(
    "--tenants",
    metavar="FOLDER",
    type=click.Path(),
    default="/run/secrets",
    show_default=True,
    help="Folder with a folder for each tenant: its connections.toml, and its secrets.",
)
@click.option(
    "--lots",
    type=click.IntRange(1, 200),
    default=10,
    show_default=True,
    metavar="N",
    help="Lots of an account at once.",
)
@options_without_connection("name the accounts themselves, and tenants have connections of their own")
@pass_session
def command(session: Session, accounts: tuple[str, ...], tenants: str, lots: int) -> None:
    """Take lots of submitted plans, until Ctrl-C.

    An ACCOUNT is the name of the connection that plans have for their target. Any number of workers may take the same
    ones, on any machine. The first Ctrl-C or SIGTERM finishes the numbers in hand; after a kill, other workers go on
    within seconds.
    """
    with extra_of_a_fleet():
        from telephony_core.fleet.engine import connect
        from telephony_core.fleet.worker import Tenants, new_event_loop, work
        from telephony_core.transport.backends import aiohttp_backend  # noqa: F401 - lots would fail without it
    folder = Path(tenants)
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}", remedy="make it, or name another one by --tenants")
    where = database()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")

    async def main() -> None:
        async with where.of("any"):
            pass  # a worker without its database, its tables or its rights would only fail lot after lot
        client, ended, task = await connect(), asyncio.Event(), asyncio.current_task()
        if task is None:  # never, inside asyncio.run
            return
        async with Tenants(where, folder) as having:
            if not session.quiet:
                click.echo(printable(f"taking lots of {', '.join(accounts)}; Ctrl-C ends it"), err=True)
            with on_signals(ended.set, task):
                await work(client, dict.fromkeys(accounts), having.site, ended, lots=lots)

    gc.freeze()  # what is loaded by now stays as long as the worker, so the collector need not go through it again
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
