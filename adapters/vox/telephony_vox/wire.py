"""What vox sends, field by field, as far as the model has a place for it.

Strict about types and open about everything else: keys that are not named here are ignored, and all but ``id`` and
``number`` may be missing, null or (through `telephony_core.wire.read_record`) unreadable.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

LATEST_MILLIS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which a date cannot be held."""

EpochMillis: TypeAlias = Annotated[int, Field(ge=0, le=LATEST_MILLIS)]
"""Unix time in milliseconds, in every ``*_at`` of v3."""
Text: TypeAlias = Annotated[str, Field(min_length=1)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class AgentRecord(_Wire):
    """An agent mapping inside an owned number."""

    agent_id: Text
    agent_version: Text | None = None


Agent: TypeAlias = Annotated[AgentRecord | dict[str, object] | None, Field(union_mode="left_to_right")]
"""An agent mapping; as it came where it is odd, so that what is in order in it can still be read."""


class NumberRecord(_Wire):
    """An owned number (docs.tryvox.co, get an owned number)."""

    id: Text
    number: Text
    provider: str | None = None
    status: str | None = None
    start_at: EpochMillis | None = None
    created_at: EpochMillis | None = None
    updated_at: EpochMillis | None = None
    monthly_fee: int | None = None
    address: str | None = None
    inbound_agent: Agent = None
    outbound_agent: Agent = None
    memo: str | None = None
    end_at: EpochMillis | None = None
    cancel_requested_at: EpochMillis | None = None


class NumberPage(_Wire):
    """A page of owned numbers (docs.tryvox.co, list owned numbers)."""

    items: list[NumberRecord]
    next_cursor: Text | None = None


class LineRecord(_Wire):
    """A line for sale (docs.tryvox.co, list available numbers)."""

    id: Text
    number: Text
    line_type: str | None = None
    monthly_fee: int | None = None
    sms_capable: dict[str, object] | None = None


class LinePage(_Wire):
    """A page of lines for sale."""

    items: list[LineRecord]
    next_cursor: Text | None = None


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
