"""What Diga sends, field by field, read strictly; only what makes a record usable is required.

Names and types are those of the vendor's OpenAPI of 2026-07-22. A value of another type is left out and named by
`telephony_core.provider.wire.read_record`; fields that are not listed here stay in a record's ``raw``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Required, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from telephony_core.provider.wire import Maybe


def _instant(value: object) -> object:
    """An ISO 8601 time in UTC. The vendor states no zone and its examples end in Z, so a bare time is read as UTC."""
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)  # Python 3.11 reads the Z of the examples
            if when.tzinfo is UTC:
                return when
            # OverflowError: a time of the year 1 or 9999 may leave the calendar when its zone is taken off.
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("iso_time", "not an ISO 8601 time")


Instant: TypeAlias = Annotated[datetime, BeforeValidator(_instant)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
# Empty where it is missing: the model says UNKNOWN then, and names no odd word.
Word: TypeAlias = Annotated[str, Field(default="")]

# Strict, so that a value of another type is named as a problem and not converted ("no" would become a boolean). Errors
# hide their input, because Diga may begin to show a secret.
_STRICT: Final = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, **_STRICT)


class SipRecord(_Record):
    """``SipConfigResponseSchema``: both directions of a trunk in one flat object, without the password."""

    termination_uri: str | None = None
    username: str | None = None
    # Texts and not an enumeration: a word that is new is kept and named.
    inbound_media_encryption: str = ""
    outbound_media_encryption: str = ""
    allowed_addresses: list[str] | None = None


@with_config(_STRICT)
class PhoneRecord(TypedDict, total=False):
    """``PhoneRegisterResponseSchema``: one phone, bought (``netelip``) or imported (``custom``)."""

    id: Required[Text]
    number: Required[Text]
    telephony_provider: Word
    status: Word
    nickname: Maybe[str]
    assigned_at: Maybe[Instant]
    released_at: Maybe[Instant]
    scheduled_release_at: Maybe[Instant]
    inbound_agent_id: Maybe[str]
    outbound_agent_id: Maybe[str]
    # As it came where it is odd, so that what is in order in it can still be read.
    sip_config: Annotated[SipRecord | dict[str, object] | None, Field(union_mode="left_to_right", default=None)]


@with_config(_STRICT)
class PhonePage(TypedDict, total=False):
    """A page of the list of phones."""

    data: Required[list[PhoneRecord]]
    has_more: Required[bool]
    last_id: Maybe[Text]


class AgentRecord(_Record):
    """``AgentWithVersionsDropdownResponse``: an agent and its versions."""

    agent_id: Text
    # Each is read by itself, so that one odd version does not cost the agent.
    versions: list[object] = Field(default_factory=list)


@with_config(_STRICT)
class ListedAgent(TypedDict, total=False):
    """The same in a listing, where versions that are odd do not matter as they do for an assignment."""

    id: Required[Annotated[Text, Field(validation_alias="agent_id")]]
    name: Maybe[str]
    versions: Maybe[list[dict[str, object]]]


class VersionRecord(_Record):
    """``VersionItem``: one version of an agent. At most one of an agent's versions is published."""

    version_id: Text
    is_published: bool = False  # the default of the specification, as that of is_draft
    is_draft: bool = False
