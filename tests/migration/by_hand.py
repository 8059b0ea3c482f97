"""A procedure by hand: a test answers each effect itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telephony_core.migration.move.effects import Effect, Procedure


def answered(procedure: Procedure[None], answer: Callable[[Effect[Any]], object]) -> None:
    """Run it to its end; an answer that is an exception is thrown into it."""
    try:
        effect = next(procedure)
        while True:
            given = answer(effect)
            effect = procedure.throw(given) if isinstance(given, Exception) else procedure.send(given)
    except StopIteration:
        pass
