"""Which numbers of a plan somebody names, in whatever spelling."""

from __future__ import annotations

from collections.abc import Iterable

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.number_parsing import parse_number
from telephony_core.migration.inventory.inventory import RecordsBySpelling
from telephony_core.migration.plan.model import PlannedNumber


class NumbersBySpelling:
    """The keys of a plan's numbers by everything that people call them."""

    def __init__(self, numbers: Iterable[PlannedNumber], region: str) -> None:
        """``region`` is where the target reads bare digits."""
        held = list(numbers)
        self._region = region
        self._keys = {number.key for number in held}
        self._of_record = {number.source.id: number.key for number in held if number.source is not None}
        self._records = RecordsBySpelling(number.source for number in held if number.source is not None)
        self._planned = {
            NumberIdentity.parse(number.desired.number, region=region).account_key: number.key for number in held
        }

    def find(self, text: str) -> list[str]:
        """The keys that a text means. Raises `InvalidInput` for what cannot be meant as a number."""
        if text in self._keys:
            return [text]
        found = [self._of_record[record.id] for record in self._records.find(text)]
        if found:
            return found
        # A table's numbers have no record; and bare digits are those of the source, where it has such a number.
        planned = self._planned.get(parse_number(text, region=self._region).account_key)
        return [] if planned is None else [planned]
