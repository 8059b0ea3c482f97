"""Names of connections and slugs of providers, which a shell can complete."""

from __future__ import annotations

from contextlib import suppress

import click

from telephony_core.cli.session import Session


def connection_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Connections that a shell offers: names of the configuration file, and slugs. Which there are is known when one is
    opened."""
    return [name for name in dict.fromkeys([*_configured(ctx), *_slugs()]) if name.startswith(incomplete)]


def slugs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Installed providers that a shell offers."""
    return [slug for slug in _slugs() if slug.startswith(incomplete)]


def _configured(ctx: click.Context) -> list[str]:
    """The connections of the configuration; none where it cannot be read, for a shell shows no errors."""
    import warnings

    from telephony_core.accounts.connections import Connections
    from telephony_core.errors import TelephonyError

    session = ctx.find_object(Session)
    # What is printed here would appear in the middle of the line that is being typed.
    with suppress(TelephonyError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(Connections.load(None if session is None else session.config))
    return []


def _slugs() -> list[str]:
    from telephony_core.provider.registry import registry

    return sorted({installed.slug for installed in registry.installed()})
