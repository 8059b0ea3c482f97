"""Options that every command takes, before or after its name, and the groups that pass them on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from telephony_core.cli.session import Session

P = ParamSpec("P")
R = TypeVar("R")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class Amount(click.FloatRange):
    """A number that can be meant, within bounds: ``nan`` is neither below nor above any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        amount = super().convert(value, param, ctx)
        if amount is not None and math.isnan(amount):
            self.fail(f"{value} is no number.", param, ctx)
        return amount


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Hand the session to a command, as its first argument."""
    return click.make_pass_decorator(Session)(command)


def _session(ctx: click.Context) -> Session:
    return ctx.ensure_object(Session)


def _provider(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).provider = value


def _config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).config = value


def _json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        _session(ctx).json = True


def common_options(command: CommandT) -> CommandT:
    """``-p``, ``--config`` and ``--json``. Given twice, the one nearer to the end of the line counts."""
    options = (
        click.option(
            "-p",
            "--provider",
            metavar="NAME",
            expose_value=False,
            callback=_provider,
            help="Connection to use: a provider's slug, or a name from the configuration file.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            expose_value=False,
            callback=_config,
            help="Configuration file, instead of TELEPHONY_CONFIG or the one in your configuration folder.",
        ),
        click.option(
            "--json", is_flag=True, expose_value=False, callback=_json, help="Print JSON, and errors as JSON too."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def group(summary: str) -> click.Group:
    """A group of commands that shows its help when none is named, and takes the common options as well."""

    @click.group(help=summary, invoke_without_command=True)
    @common_options
    @click.pass_context
    def made(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return made
