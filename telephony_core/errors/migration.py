"""What keeps a plan's number from being moved, imported or changed, or from being released again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from telephony_core.errors import MigrationError, OutcomeUnknown


class StalePlan(MigrationError):
    """The endpoints are not as the plan read them, so the plan may be wrong. Nothing was written."""

    default_remedy: ClassVar[str | None] = (
        "take the inventory again and make a new plan, under another name, for what has changed"
    )


class VerificationFailed(MigrationError):
    """The record was made, and is not as planned."""

    default_remedy: ClassVar[str | None] = (
        "compare at the provider; correct it there and run apply again, or take this number back with "
        "`telephony rollback`"
    )


class ManualActionRequired(MigrationError):
    """Whether a number was made, or whose a record is, cannot be decided from here. Everything is left as it is."""

    default_remedy: ClassVar[str | None] = (
        "look at the provider and remove what is not yours; then run the same command again"
    )


class ContradictoryAnswers(MigrationError):
    """A record is not found by its id, and the list shows it. Neither is believed, and nothing is written."""

    default_remedy: ClassVar[str | None] = (
        "run the same command again in a few minutes; if it stays so, ask the provider"
    )


class NotInService(MigrationError):
    """The record was made as planned, and the provider does not serve it yet: it is pending, suspended or the like."""

    default_remedy: ClassVar[str | None] = (
        "find out at the provider what it waits for, then run `telephony apply` again: it makes nothing twice"
    )


# An `OutcomeUnknown` as well, so that whoever handles a lost answer of one client handles that of a migration alike.
class InDoubt(MigrationError, OutcomeUnknown):
    """The answer to a write was lost, and it may still take effect: sent at ``since``, impossible from ``until`` on
    (aware UTC).

    Remedy: run the same command again: it looks whether the write happened, and waits until it cannot any more.
    """

    def __init__(self, message: str, *, since: datetime, until: datetime, **data: Any) -> None:
        super().__init__(message, **data)
        self.since = since
        self.until = until
