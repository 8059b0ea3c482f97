"""What to type next, ready to be pasted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable


def command(name: str, plan: str | os.PathLike[str], numbers: Iterable[str] = ()) -> str:
    """``telephony migrate NAME PLAN``, quoted for a shell where it has to be; for these ``numbers``, or all."""
    chosen = "".join(f" --numbers {shlex.quote(number)}" for number in numbers)
    return f"telephony migrate {name} {shlex.quote(os.fspath(plan))}{chosen}"
