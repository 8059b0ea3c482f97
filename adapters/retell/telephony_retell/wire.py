"""What Retell sends, field by field, as far as anything is concluded from it.

Strict about types and open about everything else: keys that are not named here are ignored and stay in ``raw``, and all
but the number may be missing, null or (through `telephony_core.provider.wire.read_record`) unreadable. Names and types
are those of the vendor's OpenAPI; ``codecs`` is only in its SDK so far.
"""

from __future__ import annotations

from typing import Annotated, Final, Required, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from telephony_core.provider.wire import Maybe

LATEST_MILLIS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which a date cannot be held."""

EpochMillis: TypeAlias = Annotated[int, Field(ge=0, le=LATEST_MILLIS)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
VersionNumber: TypeAlias = Annotated[int, Field(ge=0, le=999_999_999)]

# Strict: another type is named as a problem, not converted. Errors hide their input, which may hold a secret.
_STRICT: Final = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


@with_config(_STRICT)
class AgentShare(TypedDict, total=False):
    """One entry of a list of agents: which agent, in which version, takes which share of the calls."""

    agent_id: Required[Text]
    # OpenAPI: above 0 and up to 1.
    weight: Required[Annotated[float, Field(gt=0, le=1)]]
    agent_version: Maybe[VersionNumber | Text]


class SipRecord(BaseModel):
    """``sip_outbound_trunk_config``: how Retell reaches the trunk. The password is never in it."""

    model_config = ConfigDict(frozen=True, **_STRICT)

    termination_uri: str | None = None
    auth_username: str | None = None
    transport: str | None = None
    codecs: object = None  # only whether any are set matters


@with_config(_STRICT)
class NumberRecord(TypedDict, total=False):
    """A number, bought (``retell-twilio``, ``retell-telnyx``) or imported (``custom``). It is its own id."""

    # Every other field may be missing: Retell leaves out what has no value (a third party's experience).
    id: Required[Annotated[Text, Field(alias="phone_number")]]
    phone_number_type: Maybe[str]
    nickname: Maybe[str]
    last_modification_timestamp: Maybe[EpochMillis]
    inbound_agents: Maybe[list[AgentShare]]
    outbound_agents: Maybe[list[AgentShare]]
    # As it came where it is odd, so that what is in order in it can still be read.
    sip_outbound_trunk_config: Annotated[
        SipRecord | dict[str, object] | None, Field(union_mode="left_to_right", default=None)
    ]
    # Settings that the model has no field for. Of these only whether they are there matters, so any type will do.
    inbound_webhook_url: Maybe[object]
    inbound_sms_webhook_url: Maybe[object]
    allowed_inbound_country_list: Maybe[object]
    allowed_outbound_country_list: Maybe[object]
    fallback_number: Maybe[object]
    inbound_sms_agents: Maybe[object]
    outbound_sms_agents: Maybe[object]


@with_config(_STRICT)
class NumberPage(TypedDict, total=False):
    """A page of the list of numbers."""

    items: Required[list[NumberRecord]]
    has_more: Maybe[bool]
    pagination_key: Maybe[Text]


@with_config(_STRICT)
class ListedAgent(TypedDict, total=False):
    """An agent in the list of agents. Which of its versions is published is not told there."""

    id: Required[Annotated[Text, Field(alias="agent_id")]]
    agent_name: Maybe[str]


@with_config(_STRICT)
class AgentPage(TypedDict, total=False):
    """A page of the list of agents."""

    items: Required[list[ListedAgent]]
    has_more: Maybe[bool]
    pagination_key: Maybe[Text]
