"""What Diga sends, field by field, read strictly; only what makes a record usable is required.

Names and types are those of the vendor's OpenAPI of 2026-07-22. A value of another type is left out and named by
`telephony_core.wire.read_record`; fields that are not listed here stay in a record's ``raw``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _instant(value: object) -> object:
    """An ISO 8601 time in UTC. The vendor states no zone and its examples end in Z, so a bare time is read as UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("iso_time", "not an ISO 8601 time")


Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class PhoneRecord(_Record):
    """``PhoneRegisterResponseSchema``: one phone, bought (``netelip``) or imported (``custom``)."""

    id: Text
    number: Text
    telephony_provider: str = ""
    status: str = ""
    nickname: str | None = None
    assigned_at: Instant = None
    released_at: Instant = None
    scheduled_release_at: Instant = None
    inbound_agent_id: str | None = None
    outbound_agent_id: str | None = None
    sip_config: dict[str, object] | None = None


class SipRecord(_Record):
    """``SipConfigResponseSchema``: both directions of a trunk in one flat object, without the password."""

    termination_uri: str | None = None
    username: str | None = None
    inbound_media_encryption: str = ""
    outbound_media_encryption: str = ""
    allowed_addresses: list[str] | None = None


class AgentRecord(_Record):
    """``AgentWithVersionsDropdownResponse``: an agent and its versions."""

    agent_id: Text
    versions: list[object] = Field(default_factory=list)


class VersionRecord(_Record):
    """``VersionItem``: one version of an agent. At most one of an agent's versions is published."""

    version_id: Text
    is_published: bool = False
    is_draft: bool = False
