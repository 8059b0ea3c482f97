"""What vox.ai v3 takes: queries and bodies as the contract allows them, and the refusals for everything else."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from telephony_core.emulator import (
    EmulatedRefusal,
    NoQuery,
    ReceivedRequest,
    RequestModel,
    RequestReader,
    Unfit,
    json_response,
)

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _whole(text: object) -> object:
    # Pydantic reads "1_000" and "1.0" as whole numbers. The limit keeps it from numbers that Python refuses to parse.
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,40}", text):
        raise PydanticCustomError("int_parsing", "is not a whole number")
    return text


# The contract has no grammar for addresses; only what cannot be one is refused.
Address = Annotated[str, Field(min_length=1)]
Memo = Annotated[str, Field(max_length=200)]
Provider = Literal["vox", "custom"]
Status = Literal["active", "scheduled", "cancel_requested", "expired"]
STATUSES: Final = get_args(Status)
LineType = Literal["mobile", "landline", "voip", "uan", "personal", "toll_free"]
Order = Literal["asc", "desc"]


class Paging(RequestModel):
    """Query of any list."""

    cursor: str | None = None
    limit: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=100)] = 50


class OwnedQuery(Paging):
    """Query of the list of owned numbers. Without ``status`` only active ones are meant."""

    provider: Provider | None = None
    # The page says both: a single text by its type, repeatable by its prose. The emulator takes either.
    status: Annotated[tuple[Status, ...], Field(min_length=1)] = ("active",)
    sort_by: Literal["created_at"] = "created_at"  # the only one on the page
    sort_order: Order = "desc"


class AgentsQuery(Paging):
    """Query of the list of agents: ``q`` is looked for in their names."""

    q: str | None = None


class AvailableNumbersQuery(Paging):
    """Query of the lines for sale."""

    line_type: LineType | None = None
    sort_by: Literal["number", "monthly_fee"] = "number"
    sort_order: Order = "asc"


# Strict: a number in the place of a text is the mistake that this emulator is there to find.
class _Body(RequestModel):
    model_config = ConfigDict(strict=True)


class Register(_Body):
    """Body of register."""

    # `[0-9]` and not `\d`, which takes the digits of every script.
    number: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9]+$")]
    address: Address
    auth_username: str | None = None
    auth_password: str | None = Field(default=None, repr=False)
    memo: Memo | None = None


class TrunkBody(_Body):
    """Body of PATCH sip: what is unset stays, null clears; a null password is not documented."""

    address: Address | None = None
    auth_username: str | None = None
    auth_password: str = Field(default="", repr=False)  # null is refused: not documented
    memo: Memo | None = None


class AgentMapping(_Body):
    """One direction's agent. Without a version the draft is meant."""

    agent_id: Annotated[str, Field(pattern=rf"^(?i:{UUID.pattern})$")]
    # A third party: the default of v3 is the draft, where v2 had the published version.
    agent_version: Annotated[str, Field(pattern=r"^(current|production|v[1-9][0-9]*)$")] = "current"


class AgentUpdate(_Body):
    """Body of PATCH agent: what is unset stays, null unmaps."""

    inbound_agent: AgentMapping | None = None
    outbound_agent: AgentMapping | None = None


def refused(status: int, code: str, message: str, **details: object) -> EmulatedRefusal:
    """An error in vox's envelope."""
    return EmulatedRefusal(json_response(status, {"error": {"code": code, "message": message, "details": details}}))


def wrong_method(allowed: list[str]) -> EmulatedRefusal:
    details = {"allowed_values": allowed}
    body = {"error": {"code": "METHOD_NOT_ALLOWED", "message": "지원하지 않는 메서드입니다.", "details": details}}
    return EmulatedRefusal(json_response(405, body, [("allow", ", ".join(allowed))]))


def invalid(field: str, reason: str, **details: object) -> EmulatedRefusal:
    return refused(400, "VALIDATION_ERROR", "요청 값이 올바르지 않습니다.", field=field, reason=reason, **details)


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_query(call: ReceivedRequest, model: type[ModelT]) -> ModelT:
    """The query of a request without a body. Raises `EmulatedRefusal`."""
    _refuse_unknown(call, model)
    return _READER.query(call, model, lists={"status"})


def _refuse_unknown(call: ReceivedRequest, model: type[BaseModel]) -> None:
    allowed = sorted(model.model_fields)
    # Seen by a third party on the list of calls: 400, with the names that would do.
    if unknown := sorted({name for name, _ in call.query} - set(allowed)):
        raise refused(
            400,
            "VALIDATION_ERROR",
            "지원하지 않는 쿼리 파라미터입니다.",
            field=unknown[0],
            reason="unknown_query_parameter",
            allowed_query_parameters=allowed,
        )


def read_body(call: ReceivedRequest, model: type[ModelT]) -> ModelT:
    """The JSON body of a request without a query. Raises `EmulatedRefusal`."""
    _refuse_unknown(call, NoQuery)
    # docs.tryvox.co, PATCH sip: an empty change gets 400.
    if (call.body or b"").strip() == b"{}":
        raise invalid("body", "empty")
    return _READER.body(call, model)


_REASONS: Final[Mapping[str, str]] = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "invalid_format",
    "literal_error": "not_allowed",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "repeated": "repeated",
    "json_invalid": "not_json",
}


def _unfit(found: Sequence[Unfit]) -> EmulatedRefusal:
    first = found[0]
    # So the frame reports a body that is not declared to be JSON.
    if first.type == "model_attributes_type":
        return refused(
            415, "UNSUPPORTED_MEDIA_TYPE", "application/json 형식만 지원합니다.", allowed_values=["application/json"]
        )
    if first.loc == ("body",) and first.type == "extra_forbidden":
        return invalid("body", "not_allowed")
    field = ".".join(map(str, first.loc[1:])) or "body"
    reason = _REASONS.get(first.type, "invalid_type" if first.type.endswith("_type") else "invalid")
    allowed = re.findall(r"'([^']*)'", first.expected)
    return invalid(field, reason, **({"allowed_values": allowed} if allowed else {}))


_READER: Final = RequestReader(_unfit)


Place: TypeAlias = tuple[float | str, str]
"""Where an item stands in a sorted listing: its sort key and its id."""


def write_cursor(filters: Collection[object], last: Place) -> str:
    """A cursor: opaque to clients, bound to the filters and the order of the listing it came from."""
    text = json.dumps([repr(filters), *last], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(filters: Collection[object], cursor: str | None) -> Place | None:
    """Where the page before ended. Raises `EmulatedRefusal` for a foreign cursor, one of other filters included."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, sort_key, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("cursor", "unknown") from None
    # A cursor says where it stands in one order of one list: in another it would skip records in silence.
    if name != repr(filters) or not isinstance(sort_key, (int, float, str)) or not isinstance(key, str):
        raise invalid("cursor", "of_another_listing")
    return sort_key, key
