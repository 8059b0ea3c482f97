"""What vox sends, field by field, as far as the model has a place for it.

Strict about types and open about everything else: keys that are not named here are ignored, and all but ``id`` and
``number`` may be missing, null or (through `telephony_core.provider.wire.read_record`) unreadable.
"""

from __future__ import annotations

from typing import Annotated, Final, Required, TypeAlias

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from telephony_core.provider.wire import Maybe

LATEST_MILLIS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which a date cannot be held."""

EpochMillis: TypeAlias = Annotated[int, Field(ge=0, le=LATEST_MILLIS)]
"""Unix time in milliseconds, in every ``*_at`` of v3."""
Text: TypeAlias = Annotated[str, Field(min_length=1)]


# Strict: another type is named as a problem, not converted. Errors hide their input, which may hold a secret.
_STRICT: Final = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


@with_config(_STRICT)
class NumberRecord(TypedDict, total=False):
    """An owned number (docs.tryvox.co, get an owned number)."""

    id: Required[Text]
    number: Required[Text]
    provider: Maybe[str]
    status: Maybe[str]
    start_at: Maybe[EpochMillis]
    created_at: Maybe[EpochMillis]
    updated_at: Maybe[EpochMillis]
    monthly_fee: Maybe[int]
    address: Maybe[str]
    inbound_trunk_id: Maybe[str]
    outbound_trunk_id: Maybe[str]
    # Read by hand in `mapping`: one that is odd costs neither the record nor the other direction.
    inbound_agent: Maybe[dict[str, object]]
    outbound_agent: Maybe[dict[str, object]]
    memo: Maybe[str]
    end_at: Maybe[EpochMillis]
    cancel_requested_at: Maybe[EpochMillis]


@with_config(_STRICT)
class NumberPage(TypedDict, total=False):
    """A page of owned numbers (docs.tryvox.co, list owned numbers)."""

    items: Required[list[NumberRecord]]
    next_cursor: Maybe[Text]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, **_STRICT)


class AgentRecord(_Wire):
    """An agent mapping inside an owned number."""

    agent_id: Text
    agent_version: Text | None = None  # unknown where it is missing, although a write without one means the draft


@with_config(_STRICT)
class ListedAgent(TypedDict, total=False):
    """An agent in the list of agents (a third party's reading of docs.tryvox.co, list agents).

    It is ``agent_id`` there, and ``id`` by the vendor's own convention; either is read.
    """

    id: Required[Annotated[Text, Field(validation_alias=AliasChoices("agent_id", "id"))]]
    name: Maybe[str]
    production_version: Maybe[str]


@with_config(_STRICT)
class AgentPage(TypedDict, total=False):
    """A page of agents."""

    items: Required[list[ListedAgent]]
    next_cursor: Maybe[Text]


@with_config(_STRICT)
class LineRecord(TypedDict, total=False):
    """A line for sale (docs.tryvox.co, list available numbers)."""

    id: Required[Text]
    number: Required[Text]
    line_type: Maybe[str]
    monthly_fee: Maybe[int]
    sms_capable: Maybe[dict[str, object]]


@with_config(_STRICT)
class LinePage(TypedDict, total=False):
    """A page of lines for sale."""

    items: Required[list[LineRecord]]
    next_cursor: Maybe[Text]


class SmsRecord(_Wire):
    """What a line for sale can do with SMS."""

    send: bool | None = None
    recv: bool | None = None


class CancellationRecord(_Wire):
    """The answer to a cancellation (docs.tryvox.co, cancel a number): not the shape of an owned number."""

    id: Text
    number: Text
    provider: str | None = None
    effective_at: EpochMillis | None = None
