"""What to type next, ready to be pasted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from telephony_core.migration.inventory.fields import clock_text
from telephony_core.migration.plan.model import Plan, PlanKind

_MOST_IN_A_COMMAND: Final = 100
"""More numbers than these are to be put into a file: they would not fit into a command line."""


def command(
    name: str, plan: str | os.PathLike[str], numbers: Iterable[str] = (), *, kind: PlanKind = PlanKind.MIGRATE
) -> str:
    """``telephony NAME PLAN``, or ``telephony migrate NAME PLAN``, quoted for a shell where it has to be; for these
    ``numbers``, or all."""
    named = list(numbers)
    chosen = "".join(f" --numbers {shlex.quote(number)}" for number in named)
    if len(named) > _MOST_IN_A_COMMAND:
        chosen = " --numbers @FILE"
    group = "migrate " if kind is PlanKind.MIGRATE else ""
    return f"telephony {group}{name} {file_word(plan)}{chosen}"


def of_record(verb: str, id: str, connection: str) -> str:
    """The command that shows or releases one record: ``telephony numbers show ID --id -p NAME``."""
    return f"telephony numbers {verb} {shlex.quote(id)} --id -p {shlex.quote(connection)}"


def there_already(number: str, id: str, connection: str) -> str:
    """What to do about a record of the number that no plan made: none moves onto it."""
    show, release = (of_record(verb, id, connection) for verb in ("show", "release"))
    return (
        f"look at it: `{show}`; if it is right, this plan has nothing to do for {number}, so leave it out; if it is to "
        f"go, `{release}`, then run the same command again"
    )


def next_lines(commands: Iterable[str], since: datetime | None = None) -> list[str]:
    """The lines that say what to type next; ``since`` is from when on the first one is possible, if that is later."""
    lines = [f"next: {command}" for command in commands]
    if since is not None and lines:
        lines[0] = f"from {clock_text(since)} on, {lines[0]}"
    return lines


def is_next(line: str) -> bool:
    """Whether a line says what to type next."""
    return line.startswith("next: ") or (line.startswith("from ") and " on, next: " in line)


def anew(plan: Plan) -> str:
    """How numbers that were rolled back are done again: only by another plan, since this one leaves them alone."""
    with_another = f"to {plan.kind.verb} these numbers after all, make another plan, under another name"
    end = shlex.quote(plan.target.connection if plan.source is None else plan.source.connection)
    begin = {
        PlanKind.MIGRATE: f"of a new inventory: `telephony inventory -p {end} -o NEW.json`",
        PlanKind.IMPORT: f"of a table: `telephony numbers import -p {end} --from TABLE -o NEW.json`",
        PlanKind.SET: f"as this one was made: `telephony numbers set -p {end} --help` shows how",
    }
    return f"{with_another}, {begin[plan.kind]}"


def file_word(file: str | os.PathLike[str]) -> str:
    """The name of a file as one word of a command: quoted where it has to be, and never taken for an option."""
    path = os.fspath(file)
    return shlex.quote(f"./{path}" if path.startswith("-") else path)
