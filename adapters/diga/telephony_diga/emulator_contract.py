"""What Diga takes: queries and bodies as the contract allows them, and its two error envelopes for everything else."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from telephony_core.emulator import EmulatedRefusal, Entry, ReceivedRequest, Record, Response, json_response, read_json

Status = Literal["reserved", "pending_verification", "assigned", "released", "finished"]
Encryption = Literal["disable", "allow", "require"]


def _is_strict(info: ValidationInfo) -> bool:
    return isinstance(info.context, Mapping) and bool(info.context.get("strict"))


def _dialable(number: str, info: ValidationInfo) -> str:
    if _is_strict(info) and "@" not in number and not re.fullmatch(r"\+[1-9][0-9]{1,14}", number):
        raise PydanticCustomError("phone_number", "Expected E.164 with a leading + or user@domain")
    return number


def _host(text: str, info: ValidationInfo) -> str:
    if _is_strict(info) and (re.match(r"sips?:", text, re.IGNORECASE) or not re.fullmatch(r"[!-~]+", text)):
        raise PydanticCustomError("termination_uri", "Expected a host or an IP without sip:, sips: or blanks")
    return text


def _address(text: str, info: ValidationInfo) -> str:
    if _is_strict(info):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise PydanticCustomError("allowed_address", "Expected an IP address or a CIDR block") from None
    return text


def _whole(value: object, info: ValidationInfo) -> object:
    if _is_strict(info) and isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,40}", value):
        raise PydanticCustomError("int_parsing", "Input should be a valid integer")
    return value


def _dated(value: object, info: ValidationInfo) -> object:
    # FastAPI takes bare numbers for Unix times too.
    if _is_strict(info) and isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value):
        raise PydanticCustomError("datetime_parsing", "Input should be a valid datetime")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
DateTime = Annotated[datetime, BeforeValidator(_dated)]
PhoneNumber = Annotated[str, Field(min_length=1), AfterValidator(_dialable)]
TerminationUri = Annotated[str, AfterValidator(_host)]
AllowedAddress = Annotated[str, AfterValidator(_address)]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Patch(_Schema):
    """A body in which null is typed but what it does is not documented."""

    @field_validator("*", mode="before")
    @classmethod
    def _documented(cls, value: object, info: ValidationInfo) -> object:
        if value is None and _is_strict(info):
            raise PydanticCustomError("undocumented_null", "What null does here is not documented")
        return value


class InboundConfig(_Schema):
    media_encryption: Encryption = "allow"
    allowed_addresses: list[AllowedAddress] | None = None


class OutboundConfig(_Schema):
    termination_uri: TerminationUri
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    media_encryption: Encryption = "allow"


class ImportBody(_Schema):
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


class PublishBody(_Schema):
    """Body of PATCH published_version; without a version the published one is unpublished."""

    version_id: UUID | None = None
    inbound_phone_number_id: UUID | None = None
    outbound_phone_number_id: UUID | None = None


class Paging(_Schema):
    """Query of every paged list."""

    after: UUID | None = None
    before: UUID | None = None
    page: Annotated[Whole, Field(ge=1)] | None = None
    limit: Annotated[Whole, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"


class PhoneQuery(Paging):
    """Query of the list of phones."""

    inbound_agent_id: UUID | None = None
    outbound_agent_id: UUID | None = None
    status: Status | None = None
    start_assigned_at: DateTime | None = None
    end_assigned_at: DateTime | None = None


class NoQuery(_Schema):
    """Query of every other operation."""


def failed(status: int, code: str, message: str) -> EmulatedRefusal:
    """An error in the vendor's own envelope."""
    return EmulatedRefusal(json_response(status, {"status": "error", "error_code": code, "message": message}))


def bad_parameter(message: str) -> EmulatedRefusal:
    return failed(400, "BAD_PARAMETER", message)


def unprocessable(details: Iterable[Mapping[str, object]]) -> EmulatedRefusal:
    """A 422 in FastAPI's envelope."""
    return EmulatedRefusal(json_response(422, {"detail": list(details)}))


def detail(loc: Sequence[str | int], kind: str, message: str, value: object = None) -> dict[str, object]:
    return {"type": kind, "loc": list(loc), "msg": message, "input": value}


class Unfit(Exception):
    """Input that does not fit its schema, with FastAPI's details. Those quote the input back, as FastAPI does."""

    def __init__(self, details: list[dict[str, object]]) -> None:
        super().__init__("unfit input")
        self.details = details


ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads queries and bodies: strictly, or as FastAPI does by default, dropping keys that it does not know."""

    strict: bool

    def query(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        """Raises `Unfit`."""
        if self.strict and (twice := call.repeated()):
            raise Unfit([detail(("query", twice), "repeated", "Given more than once")])
        return self._validated(model, dict(call.query), "query")

    def body(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        """Raises `EmulatedRefusal`."""
        if not call.body:
            raise unprocessable([detail(("body",), "missing", "Field required")])
        if not call.is_json:
            text = call.body.decode("utf-8", "replace")
            raise unprocessable(
                [detail(("body",), "model_attributes_type", "Input should be a valid dictionary", text)]
            )
        try:
            payload = read_json(call.body)
        except ValueError:
            raise unprocessable([detail(("body", 0), "json_invalid", "JSON decode error", {})]) from None
        try:
            return self._validated(model, payload, "body")
        except Unfit as unfit:
            raise unprocessable(unfit.details) from None

    def nothing(self, call: ReceivedRequest, *, takes_body: bool = False) -> None:
        """Refuse a query, and a body, where the operation takes none."""
        try:
            self.query(call, NoQuery)
        except Unfit as unfit:
            raise unprocessable(unfit.details) from None
        if self.strict and call.body and not takes_body:
            raise unprocessable([detail(("body",), "extra_forbidden", "This operation takes no body")])

    def _validated(self, model: type[ModelT], values: object, where: str) -> ModelT:
        context = {"strict": self.strict}
        try:
            return model.model_validate(values, context=context)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
        unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
        if unknown and not self.strict:
            return self._validated(model, _without(values, unknown), where)
        raise Unfit([detail((where, *f["loc"]), f["type"], f["msg"], f["input"]) for f in faults])


def _without(values: Any, unknown: Iterable[tuple[int | str, ...]]) -> object:
    """The same JSON object without some of its keys."""
    kept = dict(values)
    for loc in unknown:
        head, *rest = loc
        if rest:
            kept[head] = _without(kept[head], [tuple(rest)])
        else:
            kept.pop(head, None)
    return kept


def uuid_in(path_segment: str, name: str) -> str:
    """An id of the path in its canonical form. Raises `EmulatedRefusal` (422) when it is no UUID."""
    try:
        return str(UUID(path_segment))
    except ValueError:
        fault = detail(("path", name), "uuid_parsing", "Input should be a valid UUID", path_segment)
        raise unprocessable([fault]) from None


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
    if len(cursors) + (query.page is not None) > 1:
        raise _contradiction("'before', 'after' and 'page' cannot be used together")
    ascending = query.order == "asc"
    ordered = entries if ascending else entries[::-1]
    start, stop, pages = 0, len(ordered), None
    if query.page is not None:
        start, pages = (query.page - 1) * query.limit, -(-len(ordered) // query.limit)
    for cursor in cursors:
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
            "current_page": query.page,
            "total_pages": pages,
        },
    )


def _contradiction(message: str) -> EmulatedRefusal:
    return failed(422, "INVALID_PAGINATION_PARAMETERS", message)


def read_names(direction: str, settings: Mapping[str, object]) -> Record:
    """Trunk settings by the names of the flat read shape, which tells the two encryptions apart."""
    return {f"{direction}_{name}" if name == "media_encryption" else name: value for name, value in settings.items()}
