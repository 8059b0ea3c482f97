"""`telephony migrate …`: move numbers between providers, one command to a step. This file only puts them together."""

from __future__ import annotations

import click

from telephony_core.cli.commands.migrate.apply import apply_
from telephony_core.cli.commands.migrate.deprovision import release_, rollback_
from telephony_core.cli.commands.migrate.plan import assess_, map_, plan_
from telephony_core.cli.commands.migrate.status import report_, status, verify_
from telephony_core.cli.options import common_options


class Steps(click.Group):
    """Lists its commands in the order in which they are typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Steps, invoke_without_command=True)
@common_options
@click.pass_context
def migrate(ctx: click.Context) -> None:
    """Move numbers between providers without losing one.

    In this order, after `telephony inventory` of the source: assess, map, plan, apply, verify. Then the carrier sends
    the calls to the new provider, and once that has proved itself, release. rollback takes a migration back; status and
    report tell where it stands, at any time.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (assess_, map_, plan_, apply_, status, verify_, release_, rollback_, report_):
    migrate.add_command(_command)
