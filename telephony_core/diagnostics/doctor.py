"""Is this connection well, and does its vendor still speak as documented? `telephony doctor`, as a flow.

    diagnosis = client.run(examine(client.adapter))

One look at the list of numbers tells whether the provider is reached, the key is taken, the clocks agree, and where
the records depart from what the adapter knows. Nothing is written, and no value of a record is repeated but words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    PermissionDenied,
    ProviderUnavailable,
    RateLimited,
    TelephonyError,
    TransportError,
    UnexpectedResponse,
)
from telephony_core.errors.chaining import linked
from telephony_core.operations.listing import Listing, of_a_listing
from telephony_core.provider.flow import Flow, Request, Response, relay
from telephony_core.provider.port import ListQuery, Page, Provider
from telephony_core.provider.schema import Shape
from telephony_core.provider.vendor_errors import http_date
from telephony_core.secrets.redaction import Secrets, scrubbed

T = TypeVar("T")

ENOUGH_RECORDS: Final = 100
"""Reading ends with the page on which this many records were read."""
MOST_PAGES: Final = 10
FARTHEST_CLOCK: Final = timedelta(seconds=60)
"""Two clocks that are farther apart make waiting times and release dates wrong."""
_LONGEST_REASON: Final = 120
_MOST_EXAMPLES: Final = 5


class CheckOutcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_TRIED = "not_tried"
    """An earlier one failed, or the provider does not tell."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and its answer for people. ``error`` is what stands behind a failure."""

    name: str
    outcome: CheckOutcome
    message: str
    error: TelephonyError | None = None


class DriftKind(StrEnum):
    """In which way records depart from what the adapter knows."""

    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    UNKNOWN_VALUE = "unknown_value"
    WRONG_TYPE = "wrong_type"
    UNREADABLE = "unreadable"
    """The adapter could not read it, for the reason in ``seen``."""
    NEVER_SEEN = "never_seen"
    """Documented, may be missing, and missing in every record. A notice: the account may simply have no such thing."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One departure and how often it was met. ``field`` is the vendor's, dotted; ``seen`` what was there instead."""

    kind: DriftKind
    field: str
    records: int
    """In how many records."""
    seen: tuple[str, ...] = ()
    example: str | None = None
    """The id of one of them."""

    @property
    def is_notice(self) -> bool:
        return self.kind is DriftKind.NEVER_SEEN


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an examination found."""

    checks: tuple[Check, ...]
    records: int = 0
    """How many records were read."""
    described: bool = False
    """Whether the adapter says which fields a record has; without that, unknown and missing ones cannot be told."""
    drift: tuple[Drift, ...] = ()

    @property
    def error(self) -> TelephonyError | None:
        """The first thing that is wrong; ``None`` when everything is well."""
        failed = next((check.error for check in self.checks if check.error is not None), None)
        if failed is not None:
            return failed
        departures = [each for each in self.drift if not each.is_notice]
        if not departures:
            return None
        return UnexpectedResponse(
            f"the records depart from what the adapter knows in {len(departures)} ways",
            remedy="every number was read all the same; look for a newer adapter, or report this to its author",
        )


def examine(
    provider: Provider, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), pages: int = MOST_PAGES
) -> Flow[Diagnosis]:
    """Ask the provider for its numbers and judge what comes back. Raises nothing that a provider or a network causes.

    Records are read page by page until `ENOUGH_RECORDS` were seen, the list ends, or ``pages`` were asked for.
    """
    watch = _Watch(now)
    numbers: list[PhoneNumber] = []
    failure: TelephonyError | None = None
    try:
        yield from _read(provider, watch, numbers, pages)
    except TelephonyError as error:
        failure = error
        # It ends here, where no client hides what the vendor quotes: an answer may repeat the header with the key.
        key = Secrets((provider.config.api_key.get_secret_value(),))
        for link in linked(error):
            if isinstance(link, TelephonyError):
                link.scrub(lambda text: scrubbed(text, key))
    shape = provider.documented_record()
    drift = tuple(_drift(numbers, shape))
    checks = (*_connection(failure, watch), _clock(watch), _records(failure, numbers))
    return Diagnosis(checks, len(numbers), shape is not None, drift)


def unusable(error: TelephonyError) -> Diagnosis:
    """The diagnosis of a connection that no client can be made for."""
    return Diagnosis((Check("configuration", CheckOutcome.FAILED, error.message, error),))


def _read(provider: Provider, watch: _Watch, numbers: list[PhoneNumber], pages: int) -> Flow[None]:
    cursor: str | None = None
    # Believed as little as every other listing: what nobody can list is not well.
    listing = Listing()
    for _ in range(pages):
        page: Page[PhoneNumber] = yield from watch.over(of_a_listing(provider.list_page(ListQuery(), cursor)))
        numbers += listing.accept(page)
        if page.cursor is None or len(numbers) >= ENOUGH_RECORDS:
            return
        cursor = page.cursor


class _Watch:
    """Looks on while a flow runs: whether it was answered, and how far the provider's clock is from ours."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.pages = 0
        """How many pages were read to their end."""
        self.apart: timedelta | None = None
        """The provider's clock minus ours, by the answer that says the least; ``None`` when none had a date."""

    def over(self, flow: Flow[T]) -> Flow[T]:
        result = yield from relay(flow, self._request)
        self.pages += 1
        return result

    def _request(self, request: Request) -> Flow[Response]:
        asked = self._now()
        response = yield request
        self._compare(response, asked, self._now())
        return response

    def _compare(self, response: Response, asked: datetime, answered: datetime) -> None:
        said = http_date(response.headers.get("date"))
        if said is None:
            return
        # It was said at some moment between asking and the answer, in whole seconds.
        apart = said - min(max(said, asked - timedelta(seconds=1)), answered)
        if self.apart is None or abs(apart) < abs(self.apart):
            self.apart = apart


def _connection(failure: TelephonyError | None, watch: _Watch) -> Iterator[Check]:
    if isinstance(failure, _NOT_REACHED):
        yield Check("reachability", CheckOutcome.FAILED, failure.message, failure)
    else:
        yield Check("reachability", CheckOutcome.OK, "the provider answers")
    if isinstance(failure, _NOT_LET_IN):
        yield Check("key", CheckOutcome.FAILED, failure.message, failure)
    elif watch.pages:
        # A page was read, so the key was good, whatever failed later.
        yield Check("key", CheckOutcome.OK, "the key is taken")
    else:
        yield Check("key", CheckOutcome.NOT_TRIED, "nothing was answered that would tell")


def _clock(watch: _Watch) -> Check:
    apart = watch.apart
    if apart is None:
        return Check("clock", CheckOutcome.NOT_TRIED, "no answer with a date that could be compared")
    seconds = abs(apart).total_seconds()
    if abs(apart) <= FARTHEST_CLOCK:
        return Check("clock", CheckOutcome.OK, f"this clock and the provider's are {seconds:.0f} s apart")
    way = "behind" if apart > timedelta(0) else "ahead of"
    message = f"this clock is {seconds:.0f} s {way} the provider's"
    error = ConfigurationError(message, remedy="set this machine's clock; waiting times and release dates depend on it")
    return Check("clock", CheckOutcome.FAILED, message, error)


def _records(failure: TelephonyError | None, numbers: Sequence[PhoneNumber]) -> Check:
    # Those were told by the checks before this one.
    if failure is not None and not isinstance(failure, (*_NOT_REACHED, *_NOT_LET_IN)):
        return Check("records", CheckOutcome.FAILED, failure.message, failure)
    if failure is not None and not numbers:
        return Check("records", CheckOutcome.NOT_TRIED, "none could be read")
    return Check(
        "records", CheckOutcome.OK, f"{len(numbers)} read" if numbers else "the account has no numbers to look at"
    )


_NOT_REACHED: Final = (TransportError, ProviderUnavailable, RateLimited)
_NOT_LET_IN: Final = (AuthenticationFailed, PermissionDenied)


# -- drift


def _drift(numbers: Iterable[PhoneNumber], shape: Shape | None) -> Iterator[Drift]:
    """Every departure of these records, each once, the most telling kinds first."""
    found: dict[tuple[DriftKind, str], _Met] = {}
    there: dict[str, bool] = {}
    for number in numbers:
        here: dict[tuple[DriftKind, str], set[str]] = {}
        for kind, name, seen in _departures(number, shape):
            here.setdefault((kind, name), set()).add(seen)
        for key, seen_here in here.items():
            found.setdefault(key, _Met()).by(number, seen_here)
        if shape is not None and number.raw:
            for name, present in shape.paths(number.raw):
                there[name] = there.get(name, False) or present
    missing = {name for kind, name in found if kind is DriftKind.MISSING_FIELD}
    # One that has to be there and is not was told as missing.
    for name in sorted({name for name, present in there.items() if not present} - missing):
        found[DriftKind.NEVER_SEEN, name] = _Met()
    order = list(DriftKind)
    for kind, name in sorted(found, key=lambda key: (order.index(key[0]), key[1])):
        met = found[kind, name]
        yield Drift(kind, name, met.records, tuple(sorted(met.seen)[:_MOST_EXAMPLES]), met.example)


@dataclass(slots=True)
class _Met:
    """How often one departure was met, and as what."""

    records: int = 0
    seen: set[str] = field(default_factory=set)
    example: str | None = None

    def by(self, number: PhoneNumber, seen: set[str]) -> None:
        self.records += 1
        self.seen |= seen - {""}
        self.example = self.example or number.id


def _departures(number: PhoneNumber, shape: Shape | None) -> Iterator[tuple[DriftKind, str, str]]:
    """Where one record departs: from its description as far as there is one, and from what the adapter can read."""
    told = set()
    if shape is not None and number.raw:
        for deviation in shape.deviations(number.raw):
            told.add(deviation.field)
            yield DriftKind(deviation.kind.value), deviation.field, deviation.seen
    for problem in number.problems:
        name, _, reason = problem.partition(": ")
        if not any(name == each or each.startswith((f"{name}.", f"{name}[")) for each in told):
            told.add(name)
            yield DriftKind.UNREADABLE, scrubbed(name)[:_LONGEST_REASON], scrubbed(reason)[:_LONGEST_REASON]
    # A documented word may mean an unknown origin all the same: a number that lives at a carrier of the vendor's.
    if told or (shape is not None and number.raw):
        return
    # An adapter that neither describes its records nor names what is odd still shows the vendor's own words.
    if number.status is NumberStatus.UNKNOWN and number.provider_status:
        yield DriftKind.UNKNOWN_VALUE, "status", scrubbed(number.provider_status)[:_LONGEST_REASON]
    if number.origin is Origin.UNKNOWN and number.provider_origin:
        yield DriftKind.UNKNOWN_VALUE, "origin", scrubbed(number.provider_origin)[:_LONGEST_REASON]
