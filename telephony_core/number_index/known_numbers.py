"""What is known of one account's numbers: its last listing, and what we wrote there since.

Nothing in here waits or sends. Whoever lists hands each record to a draft, and shows the draft when it is complete; a
listing that fails or is interrupted leaves what was known before. What is written meanwhile goes into both, because the
listing may have read that record before it was changed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber, PhoneNumberFields
from telephony_core.provider.identity import id_key
from telephony_core.transport.clock import Clock

NEVER: Final = float("inf")
"""The age of what was never read."""


class Listings:
    """The listings of one account: how many were started, and which of them is shown.

    A listing answers a look only if it was started after the look was asked for. So whoever looks keeps ``started``,
    waits for its turn to list, and then asks `since` whether somebody else's listing has answered it meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at: float = float("-inf")
        """When the one that is shown was started, on the monotonic clock."""
        self.started: int = 0
        """Listings that were started."""
        self.shown: int = 0
        """Which of them is shown; 0 for none."""
        self.took: float = 0.0
        """Seconds that the one that is shown took."""

    @property
    def age(self) -> float:
        """Seconds since the listing that is shown was started; `NEVER` for none."""
        return self._clock.monotonic() - self.started_at

    def start(self) -> tuple[int, float]:
        """Start a listing; what it returns is handed to `show` when that is complete."""
        self.started += 1
        return self.started, self._clock.monotonic()

    def show(self, listing: tuple[int, float]) -> None:
        """Show a listing that is complete."""
        self.shown, self.started_at = listing
        self.took = self.age

    def since(self, asked: int) -> bool:
        """Whether the one that is shown was started after this many others were."""
        return self.shown > asked

    def restore(self, age: float) -> None:
        """Show one that another process made, this many seconds ago."""
        self.started_at = self._clock.monotonic() - age
        self.took = 0.0


@dataclass(slots=True, eq=False)
class Draft:
    """A listing under way."""

    listing: tuple[int, float] | None
    """As `Listings.start` names it; ``None`` for what another process has listed."""
    records: dict[str, PhoneNumber] = field(default_factory=dict)
    written: dict[str, PhoneNumber | None] = field(default_factory=dict)
    """What was written since it was started, by the key of its id; ``None`` for what is gone."""
    in_doubt: bool = False
    """Whether a write since then may have happened, or not."""

    def add(self, record: PhoneNumber) -> None:
        """Take a record of the listing in, without the provider's own one (`PhoneNumber.raw`), which is long."""
        self.records[id_key(record.id)] = without_raw(record)


class KnownNumbers:
    """The records of one account by id and by number. Threads may read while one lists or writes."""

    def __init__(self, clock: Clock) -> None:
        self.listings: Listings = Listings(clock)
        self.in_doubt: bool = False
        """Whether a write may have happened, or not, since the listing was started: only another one can tell."""
        self._records: dict[str, PhoneNumber] = {}
        self.by_number: dict[str, tuple[PhoneNumber, ...]] = {}
        """Every record by what `NumberIdentity.account_key` says of its number. Only ever read from outside."""
        self._no_e164: dict[str, PhoneNumber] = {}
        self._draft: Draft | None = None
        self._lock = threading.Lock()

    # -- asking

    @property
    def age(self) -> float:
        """Seconds since the listing that is known began; `NEVER` when there was none."""
        return self.listings.age

    def is_within(self, max_age: float) -> bool:
        """Whether it is at most so old (seconds), and no write is in doubt."""
        return self.age <= max_age and not self.in_doubt

    def records_of(self, identity: NumberIdentity) -> tuple[PhoneNumber, ...]:
        """Every record of a number, in any status, the last known state of each."""
        return self.by_number.get(identity.account_key, ())

    def unclear(self, identity: NumberIdentity) -> tuple[PhoneNumber, ...]:
        """Live records that may be of this number, and are not written as one."""
        with self._lock:
            others = list(self._no_e164.values())
        return tuple(record for record in others if record.is_live and record.identity.may_be(identity))

    def all(self) -> list[PhoneNumber]:
        """Every record."""
        with self._lock:
            return list(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    # -- listing

    def start(self) -> Draft:
        """A draft for a listing that starts now."""
        with self._lock:
            self._draft = Draft(self.listings.start())
            return self._draft

    def start_restoring(self) -> Draft:
        """A draft for what another process has listed."""
        with self._lock:
            self._draft = Draft(None)
            return self._draft

    def show(self, draft: Draft, age: float = 0.0) -> None:
        """Take a complete listing for what is known, with all that was written while it was made.

        ``age`` is in seconds, for a listing of another process.
        """
        by_number, no_e164 = _indexed(draft.records)  # takes long, and nobody has to wait for it
        with self._lock:
            self._records, self.by_number, self._no_e164 = draft.records, by_number, no_e164
            for key, record in draft.written.items():
                self._put(key, record)
            self.in_doubt, self._draft = draft.in_doubt, None
            if draft.listing is not None:
                self.listings.show(draft.listing)
            else:
                self.listings.restore(age)

    # -- what we wrote

    def written(self, record: PhoneNumber) -> None:
        """A write was answered with this record."""
        self._note(record.id, without_raw(record))

    def gone(self, id: str) -> None:
        """A record is there no longer."""
        self._note(id, None)

    def doubt(self) -> None:
        """A write may have happened."""
        with self._lock:
            self.in_doubt = True
            if self._draft is not None:
                self._draft.in_doubt = True

    def _note(self, id: str, record: PhoneNumber | None) -> None:
        with self._lock:
            self._put(id_key(id), record)
            if self._draft is not None:
                self._draft.written[id_key(id)] = record

    def _put(self, key: str, record: PhoneNumber | None) -> None:
        before = self._records.pop(key, None)
        if before is not None:
            self._no_e164.pop(key, None)
            number = before.identity.account_key
            left = tuple(other for other in self.by_number[number] if other is not before)
            if left:
                self.by_number[number] = left
            else:
                del self.by_number[number]
        if record is not None:
            self._records[key] = record
            number = record.identity.account_key
            self.by_number[number] = (*self.by_number.get(number, ()), record)
            if record.identity.e164 is None:
                self._no_e164[key] = record


def without_raw(record: PhoneNumber) -> PhoneNumber:
    """A record without the provider's own one, which takes more room than all the rest."""
    fields: PhoneNumberFields = {**vars(record), "raw": {}}  # type: ignore[typeddict-item]
    return PhoneNumber.unchecked(fields)


def _indexed(
    records: dict[str, PhoneNumber],
) -> tuple[dict[str, tuple[PhoneNumber, ...]], dict[str, PhoneNumber]]:
    by_number: dict[str, tuple[PhoneNumber, ...]] = {}
    no_e164: dict[str, PhoneNumber] = {}
    for key, record in records.items():
        number = record.identity.account_key
        by_number[number] = (*by_number.get(number, ()), record)
        if record.identity.e164 is None:
            no_e164[key] = record
    return by_number, no_e164
