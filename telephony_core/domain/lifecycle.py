"""The status of a number, how it came, what it costs, and what releasing it does."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from telephony_core.domain.number_identity import NumberIdentity


class NumberStatus(StrEnum):
    """The status of a number. The vendor's own word is kept beside it as ``provider_status``."""

    PENDING = "pending"
    """Ordered or reserved, not usable yet."""
    ACTIVE = "active"
    """In use."""
    RELEASE_SCHEDULED = "release_scheduled"
    """Released, and still working until ``ends_at``."""
    RELEASED = "released"
    """No longer in service. The record is history."""
    UNKNOWN = "unknown"
    """A word this adapter does not know. Counts as live."""


class Origin(StrEnum):
    """How the number came to this provider."""

    PURCHASED = "purchased"
    """Bought from the provider; it is the carrier."""
    IMPORTED = "imported"
    """The customer's own number, imported over a SIP trunk; it stays at its carrier."""
    LINKED = "linked"
    """The customer's own number, brought by the secret of an account at its carrier, where it lives and where the
    provider rewrites its webhooks. There is no trunk of the customer's; to release it means to unlink it."""
    UNKNOWN = "unknown"


class SideEffect(StrEnum):
    """What an operation does beyond the number it names. Has to be allowed by name where it would really happen."""

    PUBLISHES = "publishes"
    """An agent version goes live that was not."""
    UNPUBLISHES = "unpublishes"
    """Agents of the number are unpublished, perhaps for other numbers as well."""
    REPLACES_SPLIT = "replaces_split"
    """Several agents that share the calls of the number are replaced by one, or by none."""


class Money(BaseModel, frozen=True):
    """An amount in a currency (ISO 4217), as the vendor states it: KRW has no minor unit, EUR two."""

    amount: Decimal
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Release(BaseModel, frozen=True):
    """The result of a release.

    ``status`` is `RELEASED` (it no longer works), `RELEASE_SCHEDULED` (it works until ``takes_effect_at``) or `UNKNOWN`
    (the vendor accepted and does not say which). ``takes_effect_at`` is aware UTC, ``None`` where the vendor does not
    tell. ``revocable`` says whether `revoke_release` can still take it back at this provider.
    """

    provider: str
    id: str
    identity: NumberIdentity
    status: NumberStatus
    takes_effect_at: datetime | None = None
    revocable: bool
