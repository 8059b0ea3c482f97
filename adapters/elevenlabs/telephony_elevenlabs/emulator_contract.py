"""What ElevenLabs takes: queries and bodies as the contract allows them, and its two error envelopes for the rest."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from telephony_core.emulator import EmulatedRefusal, RequestModel, json_response

Encryption = Literal["disabled", "allowed", "required"]
Transport = Literal["auto", "udp", "tcp", "tls"]
Codec = Literal["G722/8000", "PCMU/8000", "PCMA/8000"]
Stack = Literal["standard", "static"]
Kind = Literal["twilio", "sip_trunk", "exotel"]


def _host(text: str) -> str:
    # The schema has no pattern; its prose says hostname or IP.
    if re.match("sips?:", text, re.IGNORECASE) or not re.fullmatch(r"[\w.:[\]-]+", text, re.ASCII):
        raise PydanticCustomError("trunk_address", "Expected a host name or an IP, and nothing but a port with it")
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("allowed_address", "Expected an IP address or a CIDR block") from None
    return text


Address = Annotated[str, AfterValidator(_host)]
AllowedAddress = Annotated[str, AfterValidator(_network)]
Text = Annotated[str, Field(min_length=1)]


# Strict: FastAPI would take "true" for a boolean, and hide a mistake of the adapter.
class _Schema(RequestModel):
    model_config = ConfigDict(strict=True)


class Credentials(_Schema):
    username: Text
    password: str | None = Field(default=None, repr=False)


class InboundConfig(_Schema):
    """The inbound half, of an import and of a change alike."""

    allowed_addresses: list[AllowedAddress] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: Encryption = "allowed"  # the default of the specification, in both halves
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

    # The union of imports has no discriminator; the other two kinds are not emulated.
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
    def _documented(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("undocumented_null", "What null does here is not documented")
        return value

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        # Valid by the specification. It is refused, because an adapter that sends it has lost what it meant to change.
        if not self.model_fields_set:
            raise PydanticCustomError("empty_change", "A change has to change something")
        return self


class ListQuery(_Schema):
    """Query of the list."""

    provider: Kind | None = None
    agent_id: str | None = None
    branch_id: str | None = None


# Not strict about types: everything in a query is a text.
class AgentsQuery(RequestModel):
    """Query of the list of agents."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 30
    cursor: str | None = None
    search: str | None = None


# The page "Errors" names the types. Which status each has on these operations is a choice of this emulator.
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
        "status": code,  # the former name of the code, still sent
        "request_id": request_id,
        "param": None,
    }
    return EmulatedRefusal(json_response(_STATUSES[kind], {"detail": detail}))
