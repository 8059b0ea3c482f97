"""What is known of one account's numbers: its last listing, and what we wrote there since.

Nothing in here waits or sends. Whoever lists hands each record to a draft, and shows the draft when it is complete; a
listing that fails or is interrupted leaves what was known before. What is written meanwhile goes into both, because the
listing may have read that record before it was changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import TelephonyError
from telephony_core.number_index.directory import Directory
from telephony_core.provider.identity import id_key
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.domain.phone_number import PhoneNumberFields

NEVER: Final = float("inf")
"""The age of what was never read."""


class Listings:
    """The listings of one account: how many were started, and which of them is shown.

    A listing answers a look only if it was started after the look was asked for. So whoever looks keeps ``started``,
    waits for its turn to list, and then asks `since` whether somebody else's listing has answered it meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at: float = -NEVER
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

    def started_elsewhere(self, age: float) -> tuple[int, float]:
        """One that another process started, this many seconds ago."""
        # Not counted among ours: it may have begun before a look was asked for, so it answers none by its number.
        return self.shown, self._clock.monotonic() - age

    def show(self, listing: tuple[int, float]) -> None:
        """Show a listing that is complete."""
        self.shown, self.started_at = listing
        self.took = self.age

    def since(self, asked: int) -> bool:
        """Whether the one that is shown was started after this many others were."""
        return self.shown > asked


@dataclass(slots=True, eq=False)
class Draft:
    """A listing under way."""

    listing: tuple[int, float]
    """As `Listings` names it."""
    records: dict[str, PhoneNumber] = field(default_factory=dict)
    written: dict[str, PhoneNumber | None] = field(default_factory=dict)
    """What was written since it was started, by the key of its id; ``None`` for what is gone."""
    in_doubt: bool = False
    """Whether a write since then may have happened, or not."""

    def add(self, record: PhoneNumber) -> None:
        """Take a record of the listing in, without the provider's own one (`PhoneNumber.raw`), which is long."""
        self.records[id_key(record.id)] = without_raw(record)


class KnownNumbers:
    """The records of one account, by id here and by number in the directory. Threads may read while one writes."""

    def __init__(self, clock: Clock, account: str, directory: Directory) -> None:
        self.listings: Listings = Listings(clock)
        self.in_doubt: bool = False
        """Whether a write may have happened, or not, since the listing was started: only another one can tell."""
        self.error: TelephonyError | None = None
        """Why the account could not be opened or read when that was last tried."""
        self.noted: Callable[[str, PhoneNumber | None], object] = lambda id, record: None
        """Called with the id and the record of every write, after it is known here; ``None`` for what is gone."""
        self.doubted: Callable[[], object] = lambda: None
        """Called after a write came into doubt."""
        self._failed = 0
        self._account, self._directory, self._lock = account, directory, directory.lock
        self._records: dict[str, PhoneNumber] = {}
        self._no_e164: dict[str, PhoneNumber] = {}
        self._draft: Draft | None = None
        directory.add_account(account)

    # -- asking

    @property
    def age(self) -> float:
        """Seconds since the listing that is known began; `NEVER` when there was none."""
        return self.listings.age

    def is_within(self, max_age: float) -> bool:
        """Whether it was read, is at most so old (seconds), and no write is in doubt."""
        return not self.in_doubt and NEVER != self.age <= max_age

    def answered_since(self, asked: int) -> bool:
        """Whether a listing that was begun after so many others has been shown or has failed."""
        return self.listings.since(asked) or self._failed > asked

    def that_may_be(self, identity: NumberIdentity) -> tuple[PhoneNumber, ...]:
        """Every record of a number, in any status, and live ones that may be of it and are not written as one."""
        with self._lock:
            others = list(self._no_e164.values())
        unclear = (record for record in others if record.is_live and record.identity.may_be(identity))
        return (*(record for _, record in self._directory.serving(identity, self._account)), *unclear)

    def all(self) -> list[PhoneNumber]:
        """Every record."""
        with self._lock:
            return list(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    # -- listing

    def start(self, age: float | None = None) -> Draft:
        """A draft for a listing that starts now, or that another process started ``age`` seconds ago."""
        with self._lock:
            self._draft = Draft(self.listings.start() if age is None else self.listings.started_elsewhere(age))
            return self._draft

    def show(self, draft: Draft) -> None:
        """Take a complete listing for what is known, with all that was written while it was made."""
        with self._lock:
            for key, record in draft.written.items():
                draft.records.pop(key, None)
                if record is not None:
                    draft.records[key] = record
            # Records first, and then how young they are: nobody is told that an old one is young.
            self._directory.exchange(self._account, self._records.values(), draft.records.values())
            self._records = draft.records
            self._no_e164 = {key: each for key, each in self._records.items() if each.identity.e164 is None}
            self.in_doubt, self.error, self._draft = draft.in_doubt, None, None
            self.listings.show(draft.listing)
            self._directory.changed()

    def fail(self, error: TelephonyError) -> None:
        """The listing that was started last has failed. What was known before stays."""
        # One account has one listing at a time, so whoever waits for it is told of this failure as well.
        self._failed = self.listings.started
        self.say(error)

    def say(self, error: TelephonyError | None) -> None:
        """Why the account cannot be opened, or that it can."""
        self.error = error
        self._directory.changed()

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
            self._directory.changed()
        self.doubted()

    def _note(self, id: str, record: PhoneNumber | None) -> None:
        key = id_key(id)
        with self._lock:
            before = self._records.pop(key, None)
            self._no_e164.pop(key, None)
            if record is not None:
                self._records[key] = record
                if record.identity.e164 is None:
                    self._no_e164[key] = record
            self._directory.exchange(self._account, filter(None, [before]), filter(None, [record]))
            if self._draft is not None:
                self._draft.written[key] = record
        self.noted(id, record)


def without_raw(record: PhoneNumber) -> PhoneNumber:
    """A record without the provider's own one, which takes more room than all the rest. Its number has been read."""
    slim = PhoneNumber.unchecked(cast("PhoneNumberFields", {**vars(record), "raw": {}}))
    _ = slim.identity.account_key  # takes long, and later everybody would have to wait for it
    return slim
