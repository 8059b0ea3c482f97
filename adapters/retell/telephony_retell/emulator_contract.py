"""What Retell takes: queries and bodies as the contract allows them, and its one error envelope for everything else."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from telephony_core.emulator import EmulatedRefusal, RequestModel, RequestReader, Unfit, json_response

E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
# ISO 3166-1 alpha-2 by the prose; the schema has no pattern.
COUNTRY: Final = re.compile(r"[A-Z]{2}")
TAG: Final = re.compile(r"(?!v[0-9]+$)[a-z][a-z0-9_-]{0,19}")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVENLY: Final = 1e-6
"""How far from 1 weights may add up: three agents of a third each do not reach it."""


def _whole(text: object) -> object:
    # Pydantic reads "1_000" and "1.0" as whole numbers. The limit keeps it from numbers that Python refuses to parse.
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,40}", text):
        raise PydanticCustomError("int_parsing", "is not a whole number")
    return text


def _tag(word: str) -> str:
    if not TAG.fullmatch(word):
        raise PydanticCustomError("agent_version", "is neither latest, latest_published nor a tag")
    return word


def _host(text: str) -> str:
    # The contract has no grammar for it; only what no host[:port] can hold is refused.
    if re.match("sips?:", text, re.IGNORECASE) or not re.fullmatch(r"[\w.:[\]-]+", text, re.ASCII):
        raise PydanticCustomError("termination_uri", "is not a host")
    return text


def _country(code: str) -> str:
    if not COUNTRY.fullmatch(code):
        raise PydanticCustomError("country", "is no ISO 3166-1 alpha-2 code")
    return code


# Strict: `ignore_e164_validation` has to be a JSON boolean, and never the text "false".
class _Schema(RequestModel):
    model_config = ConfigDict(strict=True)


class AgentShare(_Schema):
    """One entry of a list of agents."""

    agent_id: Annotated[str, Field(min_length=1)]
    weight: Annotated[float, Field(gt=0, le=1)]
    agent_version: Annotated[int, Field(ge=0)] | Annotated[str, AfterValidator(_tag)] = "latest"


def _add_up(shares: list[AgentShare] | None) -> list[AgentShare] | None:
    # In the prose only: a validator over the schema takes weights that add up to 0.7.
    if shares and abs(sum(share.weight for share in shares) - 1) > _EVENLY:
        raise PydanticCustomError("weights", "do not add up to 1")
    return shares


Agents = Annotated[list[AgentShare] | None, AfterValidator(_add_up)]
Countries = list[Annotated[str, AfterValidator(_country)]] | None
# Free text in the vendor's schema; its prose names these three.
Transport = Literal["TLS", "TCP", "UDP"] | None
TerminationUri = Annotated[str, Field(min_length=1), AfterValidator(_host)]


class _Settings(_Schema):
    """What an import and an update have in common."""

    inbound_agents: Agents = None
    outbound_agents: Agents = None
    inbound_webhook_url: str | None = None
    allowed_inbound_country_list: Countries = None
    allowed_outbound_country_list: Countries = None
    transport: Transport = None
    codecs: list[str] = Field(default_factory=list)


class ImportBody(_Settings):
    """Body of import. A name may be left out and not be null."""

    phone_number: Annotated[str, Field(min_length=1)]
    ignore_e164_validation: bool = True
    termination_uri: TerminationUri
    sip_trunk_auth_username: str = ""
    sip_trunk_auth_password: str = Field(default="", repr=False)
    nickname: str = ""  # nullable in an update only


class UpdateBody(_Settings):
    """Body of update: what is not in it stays; null clears what it may stand for."""

    nickname: str | None = None
    termination_uri: TerminationUri = ""  # can be replaced and never cleared, like the credentials
    auth_username: str = ""
    auth_password: str = Field(default="", repr=False)
    inbound_sms_agents: Agents = None
    outbound_sms_agents: Agents = None
    inbound_sms_webhook_url: str | None = None
    fallback_number: str | None = None


class ListQuery(RequestModel):
    """Query of a list: of numbers, or of agents."""

    limit: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1000)] = 50
    sort_order: Literal["ascending", "descending"] = "descending"
    pagination_key: str | None = None


class ChannelFilter(_Schema):
    """By which channel an agent has to be reached."""

    type: Literal["string"]
    op: Literal["eq", "ne", "sw", "ew", "co"]
    value: Literal["voice", "chat"]


class AgentCriteria(_Schema):
    """Which agents are wanted; all of it has to hold."""

    channel: ChannelFilter = ChannelFilter(type="string", op="eq", value="voice")  # as every agent here is
    query: str = ""


class AgentsBody(_Schema):
    """Body of the list of agents."""

    filter_criteria: AgentCriteria = Field(default_factory=AgentCriteria)


def failed(status: int, message: str, headers: Iterable[tuple[str, str]] = ()) -> EmulatedRefusal:
    """An error in Retell's envelope, which has no code."""
    return EmulatedRefusal(json_response(status, {"status": "error", "message": message}, headers))


def invalid(message: str = "Invalid request format, please check API reference.") -> EmulatedRefusal:
    return failed(400, message)


def not_found() -> EmulatedRefusal:
    # The words of the specification.
    return failed(422, "Cannot find requested asset under given api key.")


def _unfit(found: Sequence[Unfit]) -> EmulatedRefusal:
    first = found[0]
    return invalid() if first.loc == ("body",) else invalid(f"{'/'.join(map(str, first.loc))} {first.message}")


READER: Final = RequestReader(_unfit)


def write_key(position: int) -> str:
    """A pagination key: opaque to clients, it says after which place the next page begins."""
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode().rstrip("=")


def read_key(key: str) -> int:
    """The place that a pagination key stands for. Raises `EmulatedRefusal` for one that no page gave."""
    try:
        text = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("query/pagination_key is not one of this list") from None
    found = re.fullmatch(r"after:([0-9]{1,12})", text)
    if found is None:
        raise invalid("query/pagination_key is not one of this list")
    return int(found[1])


def millis(moment: datetime) -> int:
    """A time as Retell writes it: Unix milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def pretty(number: str) -> str:
    """A number as Retell prints it; one of another country as it is."""
    if re.fullmatch(r"\+1[0-9]{10}", number):
        return f"+1 ({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number
