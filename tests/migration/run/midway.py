"""A run with one number in hand at a time, and somebody who acts when the first one is done."""

from __future__ import annotations

from collections.abc import Callable

from telephony_core.migration.plan.model import Settings
from telephony_core.migration.run.events import Event, EventKind
from tests.migration.stage import Stage


def after_first(stage: Stage, act: Callable[[], object]) -> Callable[[Event], None]:
    """An observer that does something once, when the first number is done."""
    waiting = [act]

    def observe(event: Event) -> None:
        stage.events.append(event)
        if event.kind is EventKind.NUMBER_DONE and waiting:
            waiting.pop()()

    return observe


def one_at_a_time(**changes: object) -> Settings:
    return Settings.model_validate({"timeout": 20.0, "concurrency": 1, **changes})
