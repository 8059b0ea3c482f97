"""What Diga takes: queries and bodies as the contract allows them, and its two error envelopes for everything else."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
)
from pydantic_core import PydanticCustomError

from telephony_core.emulator import (
    EmulatedRefusal,
    Entry,
    Record,
    RequestModel,
    Response,
    Unfit,
    json_response,
    validation_list,
)

Status = Literal["reserved", "pending_verification", "assigned", "released", "finished"]
Encryption = Literal["disable", "allow", "require"]


def _dialable(number: str) -> str:
    # The schema has no pattern since 2026-07-03; its prose says E.164 with + or user@domain.
    if not re.fullmatch(r"\+[1-9][0-9]{1,14}|[^\s@:]+@[^\s@]+", number):
        raise PydanticCustomError("phone_number", "Expected E.164 with a leading + or user@domain")
    return number


def _host(text: str) -> str:
    # The schema says "host or IP, no sip:/sips: prefix" in prose only; a port stands in its examples.
    if re.match("sips?:", text, re.IGNORECASE) or not re.fullmatch(r"[\w.:[\]-]+", text, re.ASCII):
        raise PydanticCustomError("termination_uri", "Expected a host or an IP, and nothing but a port with it")
    return text


def _address(text: str) -> str:
    try:
        # The contract says IP or CIDR, and nothing about bits behind the prefix.
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("allowed_address", "Expected an IP address or a CIDR block") from None
    return text


def _whole(value: object) -> object:
    # Pydantic reads "1_000" and "1.0" as whole numbers. The limit keeps it from numbers that Python refuses to parse.
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,40}", value):
        raise PydanticCustomError("int_parsing", "Input should be a valid integer")
    return value


def _dated(value: object) -> object:
    # FastAPI takes bare numbers for Unix times too.
    if isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value):
        raise PydanticCustomError("datetime_parsing", "Input should be a valid datetime")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
DateTime = Annotated[datetime, BeforeValidator(_dated)]
PhoneNumber = Annotated[str, Field(min_length=1), AfterValidator(_dialable)]
TerminationUri = Annotated[str, AfterValidator(_host)]
AllowedAddress = Annotated[str, AfterValidator(_address)]


class _Patch(RequestModel):
    """A body in which null is typed but what it does is not documented."""

    @field_validator("*", mode="before")
    @classmethod
    def _documented(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("undocumented_null", "What null does here is not documented")
        return value


# The bodies of an import have defaults, those of a PATCH have none (OpenAPI of 2026-07-22).
class InboundConfig(RequestModel):
    media_encryption: Encryption = "allow"
    allowed_addresses: list[AllowedAddress] | None = None


class OutboundConfig(RequestModel):
    termination_uri: TerminationUri
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    media_encryption: Encryption = "allow"


class ImportBody(RequestModel):
    """Body of import; without an outbound part the phone is inbound-only."""

    phone_number: PhoneNumber
    nickname: str | None = None
    inbound_config: InboundConfig | None = None
    outbound_config: OutboundConfig | None = None


class PhoneBody(_Patch):
    """Body of PATCH phone."""

    nickname: str | None = None
    inbound_version_id: UUID | None = None
    outbound_version_id: UUID | None = None


class InboundBody(_Patch):
    media_encryption: Encryption | None = None
    allowed_addresses: list[AllowedAddress] | None = None


class OutboundBody(_Patch):
    termination_uri: TerminationUri | None = None
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    media_encryption: Encryption | None = None


class SipBody(_Patch):
    """Body of PATCH sip-config."""

    inbound_config: InboundBody | None = None
    outbound_config: OutboundBody | None = None


class PublishBody(RequestModel):
    """Body of PATCH published_version; without a version the published one is unpublished."""

    version_id: UUID | None = None
    inbound_phone_number_id: UUID | None = None
    outbound_phone_number_id: UUID | None = None


class Paging(RequestModel):
    """Query of every paged list."""

    after: UUID | None = None
    before: UUID | None = None
    page: Annotated[Whole, Field(ge=1)] | None = None
    limit: Annotated[Whole, Field(ge=1, le=100)] = 20  # agents default to 10; their paged list is not emulated
    order: Literal["asc", "desc"] = "desc"


class PhoneQuery(Paging):
    """Query of the list of phones."""

    inbound_agent_id: UUID | None = None
    outbound_agent_id: UUID | None = None
    status: Status | None = None
    start_assigned_at: DateTime | None = None
    end_assigned_at: DateTime | None = None


def failed(status: int, code: str, message: str) -> EmulatedRefusal:
    """An error in the vendor's own envelope."""
    return EmulatedRefusal(json_response(status, {"status": "error", "error_code": code, "message": message}))


def not_valid_field(found: Sequence[Unfit]) -> EmulatedRefusal:
    """What the list of phones says to an unusable query, in place of FastAPI's list."""
    # Whether a bad value gives this or a 422 is not documented; 400 is what the list documents.
    return failed(400, "NOT_VALID_FIELD", f"Unusable query parameter: {list(found[0].loc)}")


def bad_parameter(message: str) -> EmulatedRefusal:
    return failed(400, "BAD_PARAMETER", message)


def uuid_in(path_segment: str, name: str) -> str:
    """An id of the path in its canonical form. Raises `EmulatedRefusal` (422) when it is no UUID."""
    try:
        return str(UUID(path_segment))
    except ValueError:
        unfit = Unfit("uuid_parsing", ("path", name), "Input should be a valid UUID", path_segment)
        raise validation_list([unfit]) from None


def instant(value: object) -> datetime | None:
    """A date-time field of a record; ``None`` when it holds none."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def written(moment: datetime) -> str:
    """A date-time as Diga's examples write it."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


QUARANTINE_DAYS: Final = 30
"""How long a released bought number rests before its record is finished."""


def with_slash(url: str, slash: bool) -> str:
    """The same URL with its path ending in one slash or in none."""
    address, mark, query = url.partition("?")
    return address.rstrip("/") + "/" * slash + mark + query


def page(
    entries: list[Entry], read: Callable[[str], Record], position: Callable[[str], int | None], query: Paging
) -> Response:
    """One page of entries whose sort key is their position."""
    cursors = [cursor for cursor in (query.after, query.before) if cursor is not None]
    # OpenAPI: `after` and `before` together are 422. That `page` goes with neither is a choice of this emulator.
    if len(cursors) + (query.page is not None) > 1:
        raise _contradiction("'before', 'after' and 'page' cannot be used together")
    ascending = query.order == "asc"
    ordered = entries if ascending else entries[::-1]
    start, stop, pages = 0, len(ordered), None
    if query.page is not None:
        start, pages = (query.page - 1) * query.limit, -(-len(ordered) // query.limit)
    for cursor in cursors:
        # A place is kept for a removed record too, so that a listing survives a release in its middle.
        at = position(str(cursor))
        if at is None:
            raise _contradiction("the cursor is not an id of this list")
        # The cursor's own entry lies between these two, unless it is filtered out or gone.
        low, high = bisect_left(entries, (at, "")), bisect_left(entries, (at + 1, ""))
        if query.after:
            start = high if ascending else len(entries) - low
        else:
            stop = low if ascending else len(entries) - high
            start = max(0, stop - query.limit)
    end = min(stop, start + query.limit)
    ids = [id for _, id in ordered[start:end]]
    return json_response(
        200,
        {
            "data": [read(id) for id in ids],
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
            "has_more": start > 0 if query.before else end < stop,
            "current_page": query.page,  # filled only where pages are asked for, which is assumed
            "total_pages": pages,
        },
    )


def _contradiction(message: str) -> EmulatedRefusal:
    return failed(422, "INVALID_PAGINATION_PARAMETERS", message)


def read_names(direction: str, settings: Mapping[str, object]) -> Record:
    """Trunk settings by the names of the flat read shape, which tells the two encryptions apart."""
    return {f"{direction}_{name}" if name == "media_encryption" else name: value for name, value in settings.items()}
