"""A stateful stand-in for one vendor's HTTP API, synchronous and guarded by one lock."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Never
from urllib.parse import parse_qsl, unquote, urlsplit

from telephony_core.emulator.backend import EmulatorBackend
from telephony_core.emulator.faults import Fault, FaultKind
from telephony_core.emulator.records import Record, RecordStore, StoredCredentials
from telephony_core.errors import ConfigurationError, NoAnswer, NotSent, TransportError
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest


class NotEmulated(Exception):
    """A request reached the emulator that is not of this vendor's API at all (another base URL)."""


class EmulatedRefusal(Exception):
    """Raised inside `Emulator.answer` to end a request with the vendor's error ``response``."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"refused with HTTP {response.status}")
        self.response = response


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as an emulator reads it: path segments below the base URL, unescaped, and query pairs in order."""

    method: str
    segments: tuple[str, ...]
    trailing_slash: bool
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    url: str = field(default="", repr=False)
    """The whole URL as it arrived."""

    @property
    def path(self) -> str:
        """The path below the base URL, unescaped."""
        return "/" + "/".join(self.segments) + ("/" if self.trailing_slash and self.segments else "")

    @property
    def is_json(self) -> bool:
        """Whether the body is declared to be JSON."""
        # The media type is case-insensitive, and parameters may follow (RFC 9110, section 8.3.1).
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    def bears(self, api_key: str) -> bool | None:
        """Whether the bearer token is this key; ``None`` when there is none at all."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        # The scheme is case-insensitive (RFC 9110, section 11.1).
        if scheme.lower() != "bearer" or not token.strip():
            return None
        # Bytes, because `compare_digest` refuses text beyond ASCII.
        return hmac.compare_digest(token.strip().encode(), api_key.encode())

    def repeated(self, *, but: Iterable[str] = ()) -> str | None:
        """The first query parameter that is given twice, apart from those that may be."""
        seen = set()
        for name, _ in self.query:
            if name in seen and name not in but:
                return name
            seen.add(name)
        return None


@dataclass(frozen=True, slots=True)
class EmulatedOutcome:
    """The result of a request: the vendor's answer, if there is one, and the fault that struck."""

    response: Response | None
    fault: Fault | None = None

    @property
    def arrives(self) -> Response | None:
        """The answer that a client gets in process; ``None`` when it gets none."""
        return self.response if self.fault is None or self.fault.kind.answers else None

    def error(self) -> TransportError:
        """What a client sees when no answer arrives."""
        if self.fault is not None and self.fault.kind is FaultKind.REFUSED:
            return NotSent("the emulator refuses the connection: a fault is set")
        return NoAnswer("the emulator lost the answer: a fault is set")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Emulator(ABC):
    """Subclass it, set ``slug`` and ``base_url``, and write `answer`, strictly from the vendor's contract.

    ``api_key`` is the only key it takes. ``now`` is its clock (aware UTC) and can be replaced, so that periods end when
    a test says so. Keep the vendor's records in ``store``: then `records`, `add` and `credentials` work.
    """

    slug: ClassVar[str]
    base_url: ClassVar[str]
    """The vendor's own base URL; requests to it, or to a loopback server with the same path, are answered."""
    id_key: ClassVar[str] = "id"
    """The key of a record that holds its id."""

    def __init__(self, *, api_key: str = "emulator-key", now: Callable[[], datetime] = utc_now) -> None:
        self.api_key = api_key
        self.now = now
        self.faults: list[Fault] = []
        self.requests: list[ReceivedRequest] = []
        """Every request that arrived, in order."""
        self.hide_new_for = 0
        """Late visibility: how many GET requests pass before a new record is seen."""
        self.agents: dict[str, str] = {}
        """Ids of the account's agents by name, for tests and examples."""
        self.store: RecordStore = RecordStore()
        self._hidden: dict[str, int] = {}
        self._late: list[ReceivedRequest] = []
        self._ids = 0
        # One that may be taken twice: `answer` runs under it and calls `add`.
        self._lock = threading.RLock()

    @abstractmethod
    def answer(self, call: ReceivedRequest) -> Response:
        """The vendor's answer, with its effect on the state. Runs under the lock; `EmulatedRefusal` ends it early."""

    # -- requests

    def handle(self, request: HttpRequest) -> Response:
        """Answer one request. Raises `NotSent` or `NoAnswer` where a fault prevents an answer."""
        outcome = self.outcome(request)
        response = outcome.arrives
        if response is None:
            raise outcome.error()
        return response

    def outcome(self, request: HttpRequest) -> EmulatedOutcome:
        """Perform one request. Raises `NotEmulated`."""
        call = self._read(request)
        with self._lock:
            # The first one counts itself down; those behind it are not asked, and so lose no turn.
            fault = next((f for f in self.faults if f.strikes(call.method, call.path)), None)
            # Before it is noted: a refused request never arrived.
            if fault is not None and fault.kind is FaultKind.REFUSED:
                return EmulatedOutcome(None, fault)
            self.requests.append(call)
            if fault is None:
                return EmulatedOutcome(self._perform(call))
            if fault.kind is FaultKind.LATE:
                self._late.append(call)
            response = self._perform(call) if fault.kind.acts else None
            if fault.kind is FaultKind.ANOTHER_RECORD and response is not None:
                return EmulatedOutcome(self._of_another(response, fault.record), fault)
            return EmulatedOutcome(fault.response if fault.kind.answers else response, fault)

    def act_late(self) -> list[Response]:
        """Perform every request now that a ``LATE`` fault delayed; returns the answers, which no client gets."""
        with self._lock:
            # Taken first: a request that acts now is not delayed again.
            late, self._late = self._late, []
            return [self._perform(call) for call in late]

    def backend(self) -> EmulatorBackend:
        """This emulator as the backend of a client: ``Telephony("vox", api_key=e.api_key, backend=e.backend())``."""
        return EmulatorBackend(self)

    # -- for tests

    def records(self) -> list[Record]:
        """A copy of every record, visible or not, oldest first, as the vendor would send it."""
        with self._lock:
            # Copies: a test that changes one must not change the vendor.
            return [copy.deepcopy(self.store[key]) for key in self.store]

    def add(
        self,
        record: Mapping[str, object] | None = None,
        /,
        *,
        credentials: StoredCredentials | None = None,
        **fields: object,
    ) -> str:
        """Put a record there without any request, and return its id.

        ``add(number="07011112222")`` fills in what is missing (`complete`). ``add({...})`` stores the object as it is,
        however odd: an unknown status, absent fields, wrong types. One without an id can only be listed.
        """
        with self._lock:
            whole = self.complete(fields) if record is None else {**record, **fields}
            key = whole.get(self.id_key)
            if not isinstance(key, str):
                key = self.new_id()
            self.store.put(key, whole, credentials)
            return key

    def add_fault(self, fault: Fault | str) -> None:
        """Let a fault strike from now on, after those that are set: one, or its short form (`Fault.parse`)."""
        with self._lock:
            self.faults.append(Fault.parse(fault) if isinstance(fault, str) else fault)

    def clear(self) -> None:
        """Forget every number. The account's agents stay, and so does what is for sale."""
        with self._lock:
            for key in self.store:
                self.store.remove(key)
            self._hidden.clear()

    def populate(self, count: int) -> None:
        """Add ``count`` plain numbers in use, the same ones in every run. Override it with numbers of the vendor's.

        Raises `ConfigurationError` where an emulator cannot.
        """
        raise ConfigurationError(
            f"the emulator of {self.slug} makes no numbers up", remedy="add them one by one: `emulator.add(…)`"
        )

    def credentials(self, id: str) -> StoredCredentials | None:
        """The trunk credentials stored with a record; ``None`` when it never had any."""
        with self._lock:
            return self.store.credentials(id)

    # -- for subclasses

    def complete(self, fields: Mapping[str, object]) -> Record:
        """A whole record from the given fields. Override it to fill in the vendor's other ones."""
        return dict(fields)

    def new_id(self, name: str | None = None) -> str:
        """A UUID that is the same in every run, and another one for another account (key)."""
        if name is None:
            self._ids += 1
            name = str(self._ids)
        # By the key too: two accounts of one vendor share no id.
        digest = hashlib.sha256("\n".join((self.slug, self.api_key, name)).encode()).digest()
        # Version 4, as vendors make them at random.
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def appeared(self, id: str) -> None:
        """Call it for a new record: it stays invisible for the next ``hide_new_for`` GET requests."""
        if self.hide_new_for:
            self._hidden[id] = self.hide_new_for
            self.store.forget_listings()

    def is_visible(self, id: str) -> bool:
        """Whether GET requests show this record already. Writes reach it in any case."""
        return id not in self._hidden

    def _perform(self, call: ReceivedRequest) -> Response:
        try:
            return self.answer(call)
        except EmulatedRefusal as refusal:
            return refusal.response
        finally:
            # After the answer: the read that is counted still saw nothing.
            if call.method == "GET" and self._hidden:
                self._hidden = {id: left - 1 for id, left in self._hidden.items() if left > 1}
                self.store.forget_listings()

    def _of_another(self, response: Response, id: str | None) -> Response:
        """The same answer, with the values of another record."""
        try:
            answer = json.loads(response.body)
        except ValueError:
            return response
        # Only an answer that is one record can show another one in its place.
        if not response.is_success or not isinstance(answer, dict) or self.id_key not in answer:
            return response
        others = [key for key in self.store if key != answer[self.id_key] and id in (None, key)]
        if not others:
            return response
        other = self.store[others[0]]
        return json_response(response.status, {key: other.get(key, value) for key, value in answer.items()})

    def _read(self, request: HttpRequest) -> ReceivedRequest:
        parts = urlsplit(request.url)
        base = urlsplit(self.base_url).path.rstrip("/")
        # The path alone: the host is the vendor's own in process and loopback on a server.
        if parts.path != base and not parts.path.startswith(base + "/"):
            raise NotEmulated(f"{parts.path} is not below {base or '/'}")
        below = parts.path[len(base) :].removeprefix("/")
        return ReceivedRequest(
            request.method,
            # Split first and unescaped then: an id may hold an escaped slash.
            tuple(unquote(segment) for segment in below.removesuffix("/").split("/")) if below else (),
            below.endswith("/"),
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in request.headers},
            request.body,
            request.url,
        )


def json_response(status: int, payload: object, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A JSON answer."""
    # What a client sent may come back in an error; a lone surrogate in it is written as the JSON escape it came as.
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(status, {"content-type": "application/json", **dict(headers)}, body)


def read_json(body: bytes) -> object:
    """A request's body as JSON. Raises `ValueError` for anything that is not, ``NaN`` and endless nesting included."""

    def refuse(constant: str) -> Never:
        raise ValueError(f"{constant} is not JSON")

    try:
        # Python reads NaN and Infinity, which no JSON has (RFC 8259, section 6).
        return json.loads(body.decode("utf-8"), parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
