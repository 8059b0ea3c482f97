"""What to type next, ready to be pasted."""

from __future__ import annotations

import os
import shlex


def command(name: str, plan: str | os.PathLike[str]) -> str:
    """``telephony migrate NAME PLAN``, the path quoted for a shell where it has to be."""
    return f"telephony migrate {name} {shlex.quote(os.fspath(plan))}"
