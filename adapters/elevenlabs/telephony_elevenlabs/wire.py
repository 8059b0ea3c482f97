"""What ElevenLabs sends, field by field, read strictly; only what makes a record usable is required.

Names and types are those of the vendor's OpenAPI of 2026-08-22. A value of another type is left out and named by
`telephony_core.provider.wire.read_record`; fields that are not listed here stay in a record's ``raw``.
"""

from __future__ import annotations

from typing import Annotated, Final, Required, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from telephony_core.provider.wire import Maybe

RecordT = TypeVar("RecordT", bound=BaseModel)

Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
# Empty where it is missing: unknown then, and no odd word.
Word: TypeAlias = Annotated[str, Field(default="")]
# As it came where it is odd, so that what is in order in it can still be read.
Part: TypeAlias = Annotated[RecordT | dict[str, object] | None, Field(union_mode="left_to_right", default=None)]

# Strict: another type is named as a problem, not converted. Errors hide their input, which may hold a secret.
_STRICT: Final = ConfigDict(strict=True, hide_input_in_errors=True)


class _Record(BaseModel):
    # What is not listed is kept: a setting that nobody here knows has to be named, not lost.
    model_config = ConfigDict(frozen=True, extra="allow", **_STRICT)


class AgentRecord(_Record):
    """The agent of a number. Without a branch it is the agent's main one."""

    agent_id: str = ""
    agent_name: str | None = None
    environment: str | None = None
    branch_id: str | None = None


class InboundRecord(_Record):
    """The trunk for calls to ElevenLabs. ``username`` belongs to the digest that callers have to pass."""

    allowed_addresses: list[str] | None = None
    allowed_numbers: list[str] | None = None
    media_encryption: str = ""
    has_auth_credentials: bool | None = None
    username: str | None = None
    remote_domains: list[str] | None = None
    attributes_to_headers: dict[str, str] | None = None


class OutboundRecord(_Record):
    """The trunk for calls from ElevenLabs."""

    address: str | None = None
    transport: str = ""
    media_encryption: str = ""
    headers: dict[str, str] | None = None
    attributes_to_headers: dict[str, str] | None = None
    has_auth_credentials: bool | None = None
    username: str | None = None
    has_outbound_trunk: bool | None = None
    enabled_codecs: list[str] | None = None


@with_config(ConfigDict(extra="ignore", **_STRICT))
class NumberRecord(TypedDict, total=False):
    """One number, over a SIP trunk (``sip_trunk``) or linked to an account at its carrier (``twilio``, ``exotel``)."""

    id: Required[Annotated[Text, Field(validation_alias="phone_number_id")]]
    phone_number: Required[Text]
    provider: Word
    label: Maybe[str]
    assigned_agent: Part[AgentRecord]
    inbound_trunk: Part[InboundRecord]
    outbound_trunk: Part[OutboundRecord]
    provider_config: Part[OutboundRecord]
    """The name of ``outbound_trunk`` in older answers; deprecated."""
    # Required only in the records over a trunk, so every one of these may be missing.
    livekit_stack: Word
    supports_inbound: Maybe[bool]
    supports_outbound: Maybe[bool]
    store_sip_messages: Maybe[bool]


@with_config(ConfigDict(extra="ignore", **_STRICT))
class ListedAgent(TypedDict, total=False):
    """An agent in the list of agents."""

    id: Required[Annotated[Text, Field(validation_alias="agent_id")]]
    name: Maybe[str]


@with_config(ConfigDict(extra="ignore", **_STRICT))
class AgentPage(TypedDict, total=False):
    """A page of agents."""

    agents: Required[list[ListedAgent]]
    has_more: Required[bool]
    next_cursor: Maybe[Text]
