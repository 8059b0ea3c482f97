"""The options of commands that list: which columns, in which order, or only how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click
from click.shell_completion import CompletionItem

from telephony_core.cli.output.tables import Cell, Shown, print_json, print_line, print_models, print_table
from telephony_core.cli.parameters import CommandT, together
from telephony_core.cli.parameters.number import limit_option
from telephony_core.cli.session import Session

ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound="BaseModel")
if TYPE_CHECKING:
    from pydantic import BaseModel

    _Kind = click.ParamType[Any]
else:
    _Kind = click.ParamType  # in older releases it takes no argument


class ListingGiven(TypedDict):
    """The values of `listing_options`."""

    columns: tuple[str, ...] | None
    sort: str | None
    descending: bool
    count: bool
    limit: int | None


class _Names(_Kind):
    """Names of columns with commas between them, each of which has to be one."""

    name = "columns"

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(known)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(","))
        for name in names:
            if name not in self._known:
                self.fail(f"there is no column {name[:40]!r}; the columns are: {', '.join(self._known)}", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}") for name in self._known if name.startswith(last)]


class _Name(_Names):
    """One such name."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        (*_, name) = super().convert((value,), param, ctx)
        return name


def listing_options(known: Mapping[str, Shown[ItemT]], *, sort: Iterable[str] = ()) -> Callable[[CommandT], CommandT]:
    """``--columns``, ``--sort``, ``--descending``, ``--count`` and ``--limit``, for these columns."""
    return together(
        click.option(
            "--columns",
            type=_Names(known),
            metavar="A,B,C",
            help="Show these columns, in this order. An unknown one lists those that there are.",
        ),
        click.option("--sort", type=_Name(sort or known), metavar="COLUMN", help="Sort by this column."),
        click.option("--descending", is_flag=True, help="The other way round."),
        click.option("--count", is_flag=True, help="Print only how many there are."),
        limit_option,
    )


def print_listing(
    session: Session, items: Sequence[ModelT], known: Mapping[str, Shown[ModelT]], given: ListingGiven, *, empty: str
) -> None:
    """What a listing prints: a table, the models as JSON, or their count."""
    if given["count"]:
        print_json(len(items)) if session.json else print_line(str(len(items)))
    elif session.json:
        print_models(items)
    else:
        chosen = _chosen(known, given["columns"])
        print_table(
            [each.column for each in chosen], [[each.value(item) for each in chosen] for item in items], empty=empty
        )


def _chosen(known: Mapping[str, Shown[ItemT]], names: Sequence[str] | None) -> list[Shown[ItemT]]:
    """The columns that are named, all of which stay on any terminal; or the ones that are shown unasked."""
    if names is None:
        return [each for each in known.values() if each.is_default]
    # A column that somebody asked for by name is not dropped for lack of room.
    return [Shown(known[name].column.kept(), known[name].value) for name in names]


def demand_sense(session: Session, given: ListingGiven) -> None:
    """Raise `click.UsageError` for options that contradict each other, before anything is asked."""
    if given["columns"] is not None and (session.json or given["count"]):
        other = "--json prints whole records" if session.json else "--count prints no table"
        raise click.UsageError(f"--columns chooses the columns of a table, and {other}: leave one of them out")
    if given["descending"] and given["sort"] is None:
        raise click.UsageError("--descending goes with --sort")


def in_order(items: Iterable[ItemT], known: Mapping[str, Shown[ItemT]], given: ListingGiven) -> list[ItemT]:
    """Items in the order that was asked for, those without a value last; else as they came."""
    name = given["sort"]
    if name is None:
        return list(items)

    def text(item: ItemT) -> str:
        value = known[name].value(item)
        return (value.text if isinstance(value, Cell) else value).casefold()

    found = list(items)
    # Also with --descending last: what has no value is neither high nor low.
    there = sorted((item for item in found if text(item)), key=text, reverse=given["descending"])
    return there + [item for item in found if not text(item)]
