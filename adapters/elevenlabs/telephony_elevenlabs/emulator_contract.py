"""What ElevenLabs takes: queries and bodies as the contract allows them, and its two error envelopes for the rest."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from telephony_core.emulator import EmulatedRefusal, ReceivedRequest, json_response, read_json

Encryption = Literal["disabled", "allowed", "required"]
Transport = Literal["auto", "udp", "tcp", "tls"]
Codec = Literal["G722/8000", "PCMU/8000", "PCMA/8000"]
Stack = Literal["standard", "static"]
Kind = Literal["twilio", "sip_trunk", "exotel"]


def _is_strict(info: ValidationInfo) -> bool:
    return isinstance(info.context, Mapping) and bool(info.context.get("strict"))


def _host(text: str, info: ValidationInfo) -> str:
    if _is_strict(info) and (re.match(r"sips?:", text, re.IGNORECASE) or not re.fullmatch(r"[!-~]+", text)):
        raise PydanticCustomError("trunk_address", "Expected a host name or an IP without sip:, sips: or blanks")
    return text


def _network(text: str, info: ValidationInfo) -> str:
    if _is_strict(info):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise PydanticCustomError("allowed_address", "Expected an IP address or a CIDR block") from None
    return text


Address = Annotated[str, AfterValidator(_host)]
AllowedAddress = Annotated[str, AfterValidator(_network)]
Text = Annotated[str, Field(min_length=1)]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Credentials(_Schema):
    username: Text
    password: str | None = Field(default=None, repr=False)


class InboundConfig(_Schema):
    """The inbound half, of an import and of a change alike."""

    allowed_addresses: list[AllowedAddress] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: Encryption = "allowed"
    credentials: Credentials | None = None
    remote_domains: list[str] | None = None
    attributes_to_headers: dict[str, str] = Field(default_factory=dict)


class OutboundConfig(_Schema):
    """The outbound half, of an import and of a change alike."""

    address: Address
    transport: Transport = "auto"
    media_encryption: Encryption = "allowed"
    headers: dict[str, str] = Field(default_factory=dict)
    attributes_to_headers: dict[str, str] = Field(default_factory=dict)
    credentials: Credentials | None = None
    enabled_codecs: list[Codec] = Field(default_factory=list)


class ImportBody(_Schema):
    """Body of an import over a SIP trunk."""

    provider: Literal["sip_trunk"] = "sip_trunk"
    phone_number: Text
    label: str
    supports_inbound: bool = True
    supports_outbound: bool = True
    agent_id: str | None = None
    inbound_trunk_config: InboundConfig | None = None
    outbound_trunk_config: OutboundConfig | None = None


class UpdateBody(_Schema):
    """Body of the one PATCH. Null has a known effect on the agent and its branch and environment only."""

    agent_id: str | None = None
    label: str | None = None
    inbound_trunk_config: InboundConfig | None = None
    outbound_trunk_config: OutboundConfig | None = None
    livekit_stack: Stack | None = None
    store_sip_messages: bool | None = None
    environment: str | None = None
    branch_id: str | None = None

    @field_validator(
        "label", "inbound_trunk_config", "outbound_trunk_config", "livekit_stack", "store_sip_messages", mode="before"
    )
    @classmethod
    def _documented(cls, value: object, info: ValidationInfo) -> object:
        if value is None and _is_strict(info):
            raise PydanticCustomError("undocumented_null", "What null does here is not documented")
        return value

    @model_validator(mode="after")
    def _changes_something(self, info: ValidationInfo) -> Self:
        if not self.model_fields_set and _is_strict(info):
            raise PydanticCustomError("empty_change", "A change has to change something")
        return self


class ListQuery(_Schema):
    """Query of the list."""

    provider: Kind | None = None
    agent_id: str | None = None
    branch_id: str | None = None


class NoQuery(_Schema):
    """Query of every other operation."""


_STATUSES: Final = {
    "validation_error": 400,
    "authentication_error": 401,
    "not_found": 404,
    "conflict": 409,
}


def failed(kind: str, code: str, message: str, request_id: str) -> EmulatedRefusal:
    """An error in the vendor's own envelope."""
    detail = {
        "type": kind,
        "code": code,
        "message": message,
        "status": code,
        "request_id": request_id,
        "param": None,
    }
    return EmulatedRefusal(json_response(_STATUSES[kind], {"detail": detail}))


def unprocessable(details: Iterable[Mapping[str, object]]) -> EmulatedRefusal:
    """A 422 in FastAPI's envelope."""
    return EmulatedRefusal(json_response(422, {"detail": list(details)}))


def _detail(loc: Sequence[str | int], kind: str, message: str, value: object = None) -> dict[str, object]:
    return {"type": kind, "loc": list(loc), "msg": message, "input": value}


ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads queries and bodies: strictly, or as FastAPI does by default, dropping keys that it does not know.

    Every refusal is an `EmulatedRefusal` with FastAPI's details. Those quote the input back, as FastAPI does.
    """

    strict: bool

    def query(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        if self.strict and (twice := call.repeated()):
            raise unprocessable([_detail(("query", twice), "repeated", "Given more than once")])
        return self._validated(model, dict(call.query), "query")

    def body(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        self.query(call, NoQuery)
        if not call.body:
            raise unprocessable([_detail(("body",), "missing", "Field required")])
        if not call.is_json:
            text = call.body.decode("utf-8", "replace")
            raise unprocessable(
                [_detail(("body",), "model_attributes_type", "Input should be a valid dictionary", text)]
            )
        try:
            payload = read_json(call.body)
        except ValueError:
            raise unprocessable([_detail(("body", 0), "json_invalid", "JSON decode error", {})]) from None
        return self._validated(model, payload, "body")

    def nothing(self, call: ReceivedRequest) -> None:
        """Refuse a query, and a body, where the operation takes none."""
        self.query(call, NoQuery)
        if self.strict and call.body:
            raise unprocessable([_detail(("body",), "extra_forbidden", "This operation takes no body")])

    def _validated(self, model: type[ModelT], values: object, where: str) -> ModelT:
        try:
            return model.model_validate(values, context={"strict": self.strict})
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
        unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
        if unknown and not self.strict:
            return self._validated(model, _without(values, unknown), where)
        raise unprocessable([_detail((where, *f["loc"]), f["type"], f["msg"], f["input"]) for f in faults])


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
