"""`telephony providers`: who is installed, what each offers, and what is wrong with a broken one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from telephony_core.cli import failures
from telephony_core.cli.failures import error_data
from telephony_core.cli.options import examples, options_without_connection, pass_session
from telephony_core.cli.output.capabilities import Point, as_data, points
from telephony_core.cli.output.tables import Cell, Column, print_facts, print_json, print_line, print_table
from telephony_core.cli.parameters.connection import slugs as installed_slugs
from telephony_core.cli.session import Session
from telephony_core.errors import PluginError
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.provider.port import ProviderSpec
    from telephony_core.provider.registry import Installed


@examples(
    "telephony providers",
    "telephony providers vox",
)
@click.argument("slug", required=False, shell_complete=installed_slugs)
@options_without_connection("it shows what providers declare, and asks none")
@pass_session
def command(session: Session, slug: str | None) -> None:
    """Show what each installed provider offers.

    With a SLUG every point of that one provider, with its source. A provider that cannot be loaded is shown with the
    reason, and stops nothing. What is not marked as verified was never tried against the live service.
    """
    # Named, a broken provider is the error of this command; among all it is a row.
    found: Mapping[str, ProviderSpec | PluginError] = {slug: registry.spec(slug)} if slug else registry.specs()
    installed = {each.slug: each for each in registry.installed()}
    for broken in registry.unreadable():
        failures.warn(f"{broken} cannot be read: reinstall it or remove it; what it registers is not offered", session)
    if session.json:
        print_json([_as_data(name, installed.get(name), spec) for name, spec in found.items()])
        return
    if slug:
        _print_one(found[slug])
        return
    _print_all(found, installed)


def _print_all(found: Mapping[str, ProviderSpec | PluginError], installed: Mapping[str, Installed]) -> None:
    print_table(
        (Column("PROVIDER"), Column("TITLE", 2), Column("DISTRIBUTION", 3), Column("STATE", 1)),
        [_row(name, installed.get(name), spec) for name, spec in found.items()],
        empty="no provider is installed",
    )
    for name, error in found.items():
        if isinstance(error, PluginError):
            print_line("")
            print_line(f"{name}: {error.message}", "red")
            if error.remedy:
                print_line(f"  next: {error.remedy}")
    matrix = {name: points(spec.capabilities) for name, spec in found.items() if not isinstance(spec, PluginError)}
    if not matrix:
        return
    print_line("")
    # Every provider has the same points in the same order.
    rows = zip(*matrix.values(), strict=True)
    print_table(
        (Column("POINT"), *(Column(name.upper(), gives_way="folded") for name in matrix)),
        [(f"{row[0].group}: {row[0].name}", *(point.says for point in row)) for row in rows],
        empty="",
    )
    print_line("")
    for name, declared in matrix.items():
        print_line(_verified(name, declared), "dim")


def _row(name: str, installed: Installed | None, spec: ProviderSpec | PluginError) -> tuple[str | Cell, ...]:
    # Two distributions claim the slug: neither is used.
    where = "several" if installed is None else f"{installed.distribution} {installed.version}"
    if isinstance(spec, PluginError):
        return name, "", where, Cell(f"broken: {type(spec).__name__}", "red")
    return name, spec.title, where, Cell("ready", "green")


def _verified(name: str, declared: tuple[Point, ...]) -> str:
    facts = [point.fact for point in declared if point.fact is not None]
    tried = sum(fact.verified for fact in facts)
    return f"{name}: {tried} of {len(facts)} points tried against the live service; see `telephony providers {name}`"


def _print_one(spec: ProviderSpec | PluginError) -> None:
    if isinstance(spec, PluginError):
        raise spec
    print_facts([("provider", spec.slug), ("title", spec.title), *((name, url) for name, url in spec.links.items())])
    for point in points(spec.capabilities):
        print_line("")
        print_line(f"{point.group}: {point.name}", "bold")
        fact = point.fact
        print_facts(
            [
                ("  says", point.says),
                ("  note", fact.note if fact is not None else ""),
                ("  source", fact.source if fact is not None else ""),
                ("  verified", "" if fact is None else "yes" if fact.verified else "no"),
            ]
        )


def _as_data(name: str, installed: Installed | None, spec: ProviderSpec | PluginError) -> dict[str, object]:
    base: dict[str, object] = {
        "slug": name,
        "distribution": None if installed is None else installed.distribution,
        "version": None if installed is None else installed.version,
    }
    if isinstance(spec, PluginError):
        return {**base, "error": {"kind": type(spec).__name__, **error_data(spec)}}
    return {
        **base,
        "title": spec.title,
        "contract": spec.contract,
        "links": dict(spec.links),
        "capabilities": as_data(spec.capabilities),
    }
