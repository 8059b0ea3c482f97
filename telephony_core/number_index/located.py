"""The answer to "who serves this number?", over several accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, TelephonyError


@dataclass(frozen=True, slots=True)
class Located:
    """Where a number is, how old that knowledge is, and which accounts could not be asked.

    A number that is in none of the accounts is missing only if ``failed`` is empty, and as of `age` seconds ago.
    """

    served_by: tuple[tuple[str, PhoneNumber], ...] = ()
    """Every live or past record, with the name of its connection."""
    failed: Mapping[str, TelephonyError] = field(default_factory=dict)
    """Why an account could not be read when it was last tried, by the name of its connection. What was known of it
    before is in ``served_by`` all the same."""
    began: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By the name of each connection: when the listing or look-up began from which its part of the answer is, in
    seconds of the index's clock. ``-inf`` for an account that was never read."""
    at: float = field(default=0.0, repr=False)
    """When this was answered, by the same clock."""

    @property
    def ages(self) -> dict[str, float]:
        """By the name of each connection: how many seconds before the answer its part of it began to be read. ``inf``
        for an account that was never read."""
        return {name: self.at - began for name, began in self.began.items()}

    @property
    def live(self) -> tuple[tuple[str, PhoneNumber], ...]:
        """Those of ``served_by`` that are in service, or may be."""
        return tuple((name, record) for name, record in self.served_by if record.is_live)

    @property
    def age(self) -> float:
        """Seconds, of the oldest part of the answer; ``inf`` where an account was never read."""
        return self.at - min(self.began.values(), default=self.at)


read: Final = lru_cache(maxsize=16_384)(parse_number)
"""Reading takes longer than finding, and the same numbers are called again and again."""


def comparable(number: str, region: str | None) -> NumberIdentity:
    """A number that can be looked for in several accounts. Raises `InvalidInput` for what has no E.164 form."""
    identity = read(number, region=region or "ZZ")
    if identity.e164 is None:
        raise InvalidInput(
            "only an E.164 number can be looked for across connections",
            remedy="write it with + and country code, or say of which region its national digits are",
        )
    return identity
