"""What to type next, ready to be pasted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

from telephony_core.migration.plan.model import PlanKind


def command(
    name: str, plan: str | os.PathLike[str], numbers: Iterable[str] = (), *, kind: PlanKind = PlanKind.MIGRATE
) -> str:
    """``telephony NAME PLAN``, or ``telephony migrate NAME PLAN``, quoted for a shell where it has to be; for these
    ``numbers``, or all."""
    chosen = "".join(f" --numbers {shlex.quote(number)}" for number in numbers)
    group = "migrate " if kind is PlanKind.MIGRATE else ""
    return f"telephony {group}{name} {file_word(plan)}{chosen}"


def file_word(file: str | os.PathLike[str]) -> str:
    """The name of a file as one word of a command: quoted where it has to be, and never taken for an option."""
    path = os.fspath(file)
    return shlex.quote(f"./{path}" if path.startswith("-") else path)
