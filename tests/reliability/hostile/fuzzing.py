"""How many generated cases a property gets: a few of the same ones in every run, many new ones in the long run.

The long run draws a seed, which is printed with the figures and kept with them; ``RELIABILITY_SEED`` runs it again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from telephony_core.errors import TelephonyError
from tests.reliability.figures import figures

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=TelephonyError)

FEW = 100
MANY = 100_000
AT_ONCE = 10_000
"""Of the many, so many are drawn from one seed, the next ones from the next: hypothesis keeps all that it has tried."""
EXAMPLES = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.long)]
"""For ``@pytest.mark.parametrize("examples", EXAMPLES)``."""


def chosen(examples: int, few: int = FEW) -> settings:
    """The same cases every time where they are few, and no database of earlier failures in any case."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples <= few,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def drawn_seed(name: str) -> int:
    """The seed of a long run, written down."""
    number = int(os.environ.get("RELIABILITY_SEED") or random.SystemRandom().randrange(2**32))
    figures.measure(7, f"seed of {name}", str(number))
    return number


def holds(check: Callable[..., None], examples: int, **strategies: SearchStrategy[object]) -> None:
    """Try a property on so many generated cases."""
    tried = 0

    def counted(**values: object) -> None:
        nonlocal tried
        tried += 1
        check(**values)

    try:
        if examples <= FEW:
            chosen(examples)(given(**strategies)(counted))()
            return
        name = os.environ.get("PYTEST_CURRENT_TEST", "?").split("::")[-1].split(" ")[0]
        first = drawn_seed(name)
        for part in range(examples // AT_ONCE):
            seed(first + part)(chosen(AT_ONCE)(given(**strategies)(counted)))()
    finally:
        figures.count(7, "examples of parsers", tried)


def refusal(call: Callable[[], object], *kinds: type[ErrorT]) -> ErrorT | None:
    """The error of one of these kinds that a call raises, or ``None``. Any other one goes through."""
    try:
        call()
    except kinds as error:
        return error
    return None
