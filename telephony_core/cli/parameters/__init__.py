"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def together(*options: Callable[[Any], Any]) -> Callable[[CommandT], CommandT]:
    """Several options as one decorator; the help shows them in this order."""

    def add(command: CommandT) -> CommandT:
        for option in reversed(options):  # decorators are applied from the last to the first
            command = option(command)
        return command

    return add
