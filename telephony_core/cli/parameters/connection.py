"""Names of connections and slugs of providers, which a shell can complete."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from telephony_core.cli.session import Session

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # in older releases it takes no argument


class ConnectionName(_Text):
    """A connection: a name of the configuration file, or a slug. Which there are is known when it is opened."""

    name = "connection"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        names = dict.fromkeys([*_configured(ctx), *_slugs()])
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Slug(_Text):
    """A provider that is installed."""

    name = "slug"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        return [CompletionItem(slug) for slug in _slugs() if slug.startswith(incomplete)]


def _configured(ctx: click.Context) -> list[str]:
    """The connections of the configuration; none where it cannot be read, for a shell shows no errors."""
    import warnings

    from telephony_core.accounts.connections import Connections
    from telephony_core.errors import TelephonyError

    session = ctx.find_object(Session)
    with suppress(TelephonyError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(Connections.load(None if session is None else session.config))
    return []


def _slugs() -> list[str]:
    from telephony_core.provider.registry import registry

    return sorted({installed.slug for installed in registry.installed()})
