"""What can go wrong with one request, as an HTTP library sees it: a failure it raises, or another answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

import httpx

from telephony_core.emulator import Record, Response
from telephony_core.transport.backend import LONGEST_ANSWER


@dataclass
class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; it may break in the end. ``read`` counts the bytes that were taken."""

    pieces: Iterator[bytes]
    breaks: Exception | None = None
    read: int = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.read += len(piece)
            yield piece
        if self.breaks is not None:
            raise self.breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@dataclass(frozen=True)
class Struck:
    """The request that goes wrong, at ``now``, and the answer that a vendor who acts would have given."""

    answer: Response
    now: datetime


Fault = Callable[[Struck], httpx.Response | None]
"""Raises, or gives the answer that comes instead; ``None`` where there is nothing to spoil."""


def raising(failure: type[httpx.RequestError]) -> Fault:
    def fault(_: Struck) -> httpx.Response:
        raise failure("as it was told to")

    return fault


def answering(status: int, body: object = b"", **headers: str) -> Fault:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/html" if content.startswith(b"<") else "application/json"
    named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: given(Response(status, named, content))


def given(response: Response, stream: Body | None = None) -> httpx.Response:
    """An answer as it comes from the network."""
    return httpx.Response(response.status, headers=response.headers, stream=stream or Body(iter([response.body])))


def until_a_date(struck: Struck) -> httpx.Response:
    date = format_datetime(struck.now.replace(microsecond=0) + timedelta(seconds=3), usegmt=True)
    return given(Response(429, {"retry-after": date}, b""))


def cut_in_body(struck: Struck) -> httpx.Response | None:
    whole = struck.answer.body
    if not whole:
        return None
    broken = Body(iter([whole[: len(whole) // 2]]), httpx.ReadError("connection reset"))
    return given(struck.answer, broken)


def not_unpacking(struck: Struck) -> httpx.Response | None:
    if not struck.answer.body:
        return None
    return given(Response(200, {**struck.answer.headers, "content-encoding": "gzip"}, struck.answer.body))


def enormous(_: Struck) -> httpx.Response:
    piece = b" " * 2**20
    return given(Response(200, {"content-type": "application/json"}, b""), Body(piece for _ in range(100)))


def truncated(struck: Struck) -> httpx.Response | None:
    whole = struck.answer.body
    return given(Response(200, struck.answer.headers, whole[: len(whole) // 2])) if whole else None


def retold(change: Callable[[Record], bool]) -> Fault:
    """The real answer, with something done to every object in it; nothing to spoil if nothing could be done."""

    def objects(payload: object) -> Iterator[Record]:
        if isinstance(payload, dict):
            yield payload
        for inner in payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list) else ():
            yield from objects(inner)

    def fault(struck: Struck) -> httpx.Response | None:
        payload = json.loads(struck.answer.body or b"null")
        changed = [change(found) for found in list(objects(payload))]
        if not any(changed):
            return None
        body = json.dumps(payload).encode()
        return given(Response(struck.answer.status, struck.answer.headers, body))

    return fault


def _unknown_value(record: Record) -> bool:
    if "message" in record:
        return False  # the envelope of an error, whose words are others
    words = record.keys() & {"status", "provider", "telephony_provider", "phone_number_type"}
    record.update(dict.fromkeys(words, "word-of-next-year"))
    return bool(words)


def _unknown_field(record: Record) -> bool:
    record["field_of_next_year"] = {"deep": [1, {"er": None}]}
    return True


def _less(record: Record) -> bool:
    optional = {
        "created_at",
        "monthly_fee",
        "total_count",
        "assigned_at",
        "region_codes",
        "total_pages",
        "version_name",
        "provider_config",
        "livekit_stack",
        "supports_inbound",
        "last_modification_timestamp",
    }
    gone = record.keys() & (optional | {"effective_at"})
    for name in gone:
        del record[name]
    return bool(gone)


_PAGE = b"<html><body>Bad gateway</body></html>"
_VALIDATION = {"detail": [{"type": "missing", "loc": ["body", "number"], "msg": "Field required", "input": {}}]}
_ENVELOPES: Mapping[str, object] = {
    "vox": {"error": {"code": "VALIDATION_ERROR", "message": "번호가 올바르지 않습니다."}},
    "diga": {"error_code": "NOT_VALID_FIELD", "message": "Not a valid field"},
    "elevenlabs": {"detail": {"type": "validation_error", "code": "invalid_parameters", "message": "Not valid"}},
    "retell": {"status": "error", "message": "Cannot find requested asset under given api key."},
}


def faults(provider: str) -> dict[str, Fault]:
    """Every fault of the policy by its name there."""
    return {
        "connection refused": raising(httpx.ConnectError),
        "time-out while connecting": raising(httpx.ConnectTimeout),
        "no connection free in time": raising(httpx.PoolTimeout),
        "reset while sending": raising(httpx.WriteError),
        "reset before the answer": raising(httpx.ReadError),
        "closed without an answer": raising(httpx.RemoteProtocolError),
        "time-out while reading": raising(httpx.ReadTimeout),
        "reset in the middle of the body": cut_in_body,
        "body that does not unpack": not_unpacking,
        "body of 100 MB": enormous,
        "400": answering(400, _ENVELOPES[provider]),
        "401": answering(401),
        "403": answering(403),
        "404": answering(404),
        "408": answering(408),
        "409": answering(409),
        "422 in the vendor's envelope": answering(422, _ENVELOPES[provider]),
        "422 in the list of a web framework": answering(422, _VALIDATION),
        "429, wait 2 seconds": answering(429, retry_after="2"),
        "429, wait until a date": until_a_date,
        "429, for how long is not said": answering(429),
        "429, for how long cannot be read": answering(429, retry_after="soon"),
        "429, wait a day": answering(429, retry_after="86400"),
        "500": answering(500, {"message": "internal"}),
        "502 with an HTML page": answering(502, _PAGE),
        "503": answering(503),
        "empty 200": answering(200),
        "200 with an HTML page": answering(200, _PAGE),
        "truncated JSON": truncated,
        "JSON of another shape": answering(200, {"items": 7, "data": 7, "agents": 7}),
        "a value nobody knows": retold(_unknown_value),
        "a field nobody knows": retold(_unknown_field),
        "an optional field is missing": retold(_less),
        "302 to another host": answering(302, location="https://elsewhere.example/v1/phone"),
        "307 to another host": answering(307, location="https://elsewhere.example/v1/phone"),
    }


assert LONGEST_ANSWER < 100 * 2**20
