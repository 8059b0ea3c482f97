"""Flows: operations written as generators that yield requests and are sent responses.

An adapter's operation is one generator. ``yield`` sends, ``return`` gives the domain object, ``yield from`` composes::

    def get(self, id: str) -> Flow[PhoneNumber]:
        response = yield from call(Request.of("GET", path("numbers", id)), self.read_error)
        return self.read_number(response)

Nothing in here sends anything: that is the clients' business (`telephony_core.transport`). So an adapter is tested with
no HTTP at all, and the sync and the async client run the same code.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from telephony_core.domain.input_model import unpickled
from telephony_core.errors import LISTED, InvalidInput, TelephonyError, UnexpectedResponse, instead_of
from telephony_core.provider.vendor_errors import ErrorEnvelope, error_for
from telephony_core.secrets.hidden import HiddenBytes, HiddenTuple

if TYPE_CHECKING:
    from telephony_core.operations.reconciliation import Attempt, Trail

T = TypeVar("T")
ActionT = TypeVar("ActionT")
AnswerT = TypeVar("AnswerT")
log: Final = logging.getLogger("telephony_core")
log.addHandler(logging.NullHandler())  # an application that set up no logging is not spoken to by the library
# A surrogate, escaped or as bytes: perhaps one of a good pair, perhaps half of none.
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")

Json: TypeAlias = "None | bool | int | float | str | SecretStr | Iterable[Json] | Mapping[str, Json]"
"""What a body may be made of. A `SecretStr` is revealed when it is serialised, and nowhere else."""


# Escaped dots count as dots: RFC 3986, section 6.2.2.2, lets every server and proxy on the way read `%2e%2e` as `..`,
# and resolve it.
_PATH: Final = re.compile(
    r"(?:/(?!(?:\.|%2[Ee]){1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+",
)
"""Segments as RFC 3986 has them (section 3.3), none of which is a dot segment."""


class Semantics(Enum):
    """What repeating a request means; retry reads this and never the HTTP method alone."""

    READ = "read"
    """Changes nothing."""
    IDEMPOTENT = "idempotent"
    """The same request twice leaves the same state (a PATCH of settings)."""
    ONCE = "once"
    """Must not happen twice, or cannot be taken back: register, import, purchase, release, revoke, publish."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of an adapter, relative to its base URL. Make it with `Request.of`.

    Raises `InvalidInput` for a path that could lead anywhere but below the base URL. It may hold secrets, so it cannot
    be pickled.
    """

    method: str
    path: str
    semantics: Semantics
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values in this request that no log and no error may show."""
    attempt: Attempt | None = field(default=None, repr=False, compare=False)
    """What this write is a part of, told when its answer is lost. Core fills it in; adapters leave it alone."""
    trail: Trail | None = field(default=None, repr=False, compare=False)
    """What came of it so far, told when its operation is interrupted. Core fills it in as well."""
    announce: Callable[[], object] | None = field(default=None, repr=False, compare=False)
    """Called, and awaited where that can be, when its turn has come, right before each time that it is sent. Core fills
    it in as well."""

    def __post_init__(self) -> None:
        # Pasted behind a base URL, `numbers` or `@elsewhere.example` is another host, to which the key must not go.
        if not _PATH.fullmatch(self.path):
            raise InvalidInput(
                "the path of a request does not begin with a slash, or holds what has to be escaped",
                remedy="build it with `path(…)` from its segments, and give the query apart",
            )
        # `quote` would end in a bare UnicodeEncodeError, which keeps the text that it could not encode.
        if not _has_utf8("".join([text for pair in self.query for text in pair])):
            raise _no_utf8()

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        # Not by `__getstate__`: early releases of Python 3.11 put one of their own in its place (frozen with slots).
        raise unpickled(type(self))

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        semantics: Semantics | None = None,
        *,
        query: Iterable[tuple[str, str]] = (),
        json_body: Json = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Request:
        """A request with its body serialised once; secrets in it are remembered so that errors can hide them.

        ``semantics``: by the method where it is not said, and then only GET and HEAD are taken to change nothing. What
        else is sent may have been a write, and is never sent twice.
        """
        if semantics is None:
            semantics = Semantics.READ if method in ("GET", "HEAD") else Semantics.ONCE
        if json_body is None:
            return cls(method, path, semantics, tuple(query), None, tuple(headers))
        body, secrets = _serialised(json_body)
        if body is None:
            raise _no_utf8()
        return cls(method, path, semantics, tuple(query), body, tuple(headers), secrets)


def _serialised(json_body: Json) -> tuple[HiddenBytes | None, HiddenTuple]:
    """A body and the secrets in it; no body where it has no form in UTF-8.

    What it holds is in clear in here for a moment, and no error of ours is raised where that could be seen.
    """
    secrets: list[str] = []
    unusable: list[str] = []

    def reveal(value: object) -> object:
        if isinstance(value, SecretStr):
            secrets.append(value.get_secret_value())
            return secrets[-1]
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, Iterable):
            return list(value)
        # Told afterwards: an error that is raised from in here has a frame of this function, with the secrets revealed
        # so far.
        unusable.append(type(value).__name__)
        return None

    text = json.dumps(json_body, default=reveal, ensure_ascii=False, separators=(",", ":"))
    revealed, body = HiddenTuple(secrets), HiddenBytes(text.encode()) if _has_utf8(text) else None
    # Before anything is raised below, so that a recorded traceback of this frame shows no secret.
    secrets.clear()
    del text
    if unusable:
        raise InvalidInput(
            f"a {unusable[0]} cannot be put into a JSON body", remedy="build it of texts, numbers, lists and dicts"
        )
    return body, revealed


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, headers by lower-case name, body bytes (bounded by the backend)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


Flow: TypeAlias = Generator[Request, Response, T]
"""An operation: yields requests, is sent responses, returns a domain object."""


def relay(
    flow: Flow[T], send: Callable[[Request], Generator[ActionT, AnswerT, Response]]
) -> Generator[ActionT, AnswerT, T]:
    """Run a flow to its end, each of its requests by ``send``, whose `TelephonyError`s are thrown into the flow.

    Whoever watches a flow, or sends for it, is a ``send``::

        def counted(request: Request) -> Flow[Response]:
            count.append(request)
            return (yield request)

        number = yield from relay(provider.get(id), counted)
    """
    try:
        request = next(flow)
        while True:
            try:
                response = yield from send(request)
            except TelephonyError as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        try:
            flow.close()
        except Exception:  # an adapter that will not be closed; whatever ended the operation goes on its way
            log.exception("%r could not be closed", flow)


_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
"""What nearly all ids are: nothing to escape, and no time to be spent on it."""


def path(*segments: str) -> str:
    """A URL path from segments, each escaped as a whole, so that an id can never reach another resource.

    >>> path("v1", "phone", "a/../b?c")
    '/v1/phone/a%2F..%2Fb%3Fc'
    """
    for segment in segments:
        if not isinstance(segment, str):
            raise InvalidInput("an id is text", remedy=LISTED)
        # Escaping leaves dots as they are, and `..` would be resolved on the way: the request would be about the folder
        # above.
        if segment in ("", ".", "..") or not _has_utf8(segment):
            raise InvalidInput(f"{segment!r} cannot be the id of anything", remedy=LISTED)
    return "".join(["/" + (segment if _PLAIN.fullmatch(segment) else quote(segment, safe="")) for segment in segments])


def _has_utf8(text: str) -> bool:
    """Whether a text can be sent at all: half of a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _no_utf8() -> InvalidInput:
    return InvalidInput(
        "a text holds half of a surrogate pair, which has no form in UTF-8", remedy="look for a broken character in it"
    )


def call(request: Request, read_error: Callable[[Response], ErrorEnvelope]) -> Flow[Response]:
    """Send one request and return its 2xx response; any other one is raised as the error it means.

    Raises the `ProviderError` that the status and the vendor's machine code stand for.
    """
    response = yield request
    if response.is_success:
        return response
    raise error_for(response.status, response.headers, response.body, read_error(response), secrets=request.secrets)


def loads(body: bytes) -> Any:
    """A JSON text as Python values, every string of which can be written out again. Raises `ValueError`.

    JSON may hold half a surrogate pair, which no encoding can write; it becomes the text of its escape, ``\\ud800``.
    """
    payload: object = json.loads(body)
    return _writable(payload) if _HALF_PAIR.search(body) else payload


def _writable(payload: object) -> object:
    if isinstance(payload, str):
        return payload.encode("utf-8", "backslashreplace").decode()
    if isinstance(payload, dict):
        return {_writable(key): _writable(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_writable(item) for item in payload]
    return payload


def parse_json(response: Response) -> object:
    """The body as JSON. Raises `UnexpectedResponse` for anything else (a gateway's HTML page, a cut-off body)."""
    # Brackets a hundred thousand deep are JSON, and more than the parser's recursion takes.
    with instead_of((ValueError, RecursionError), lambda _: _no_json(response)):
        return loads(response.body)


def _no_json(response: Response) -> UnexpectedResponse:
    kind = response.headers.get("content-type", "no content type")
    return UnexpectedResponse(
        f"the answer is not JSON ({kind}, {len(response.body)} bytes)",
        status=response.status,
        request_id=response.headers.get("x-request-id"),
    )
