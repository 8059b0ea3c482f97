"""The number as every provider's adapter returns it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypedDict

from pydantic import AfterValidator, BaseModel, Field

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.construction import new, set_extra, set_fields, set_names, set_private
from telephony_core.domain.lifecycle import Money, NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip import SipConfig


def _aware_utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a time needs its zone; give it in UTC")
    return when if when.tzinfo is UTC else when.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_aware_utc)]


class PhoneNumberFields(TypedDict):
    """Every field of a `PhoneNumber`, in their order. Times are aware UTC."""

    provider: str
    id: str
    identity: NumberIdentity
    status: NumberStatus
    provider_status: str | None
    origin: Origin
    provider_origin: str | None
    label: str | None
    sip: SipConfig | None
    trunk_ids: tuple[str, ...]
    inbound_agent: AgentRef | None
    outbound_agent: AgentRef | None
    created_at: datetime | None
    updated_at: datetime | None
    starts_at: datetime | None
    release_requested_at: datetime | None
    ends_at: datetime | None
    monthly_fee: Money | None
    unmodelled: tuple[str, ...]
    problems: tuple[str, ...]
    raw: Mapping[str, Any]


class _Record(BaseModel, frozen=True):
    """What a provider told of a number. ``raw`` is neither compared nor dumped."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        mine, theirs = self.__dict__, other.__dict__
        return all(mine[name] == theirs[name] for name in type(self).model_fields if name != "raw")

    def __hash__(self) -> int:
        mine = self.__dict__
        return hash((mine["provider"], mine["id"]))


class PhoneNumber(_Record, frozen=True):
    """One number's record at one provider.

    Only ``provider``, ``id`` and ``identity`` are always there. ``None`` means that the provider does not tell (or has
    no such thing); a value that was there and could not be read is named in ``problems``.
    """

    provider: str
    """Slug of the adapter that read it."""
    id: str
    """The record's id at the provider: not the number, and not shared between providers."""
    identity: NumberIdentity
    status: NumberStatus = NumberStatus.UNKNOWN
    provider_status: str | None = None
    """The provider's own word for the status."""
    origin: Origin = Origin.UNKNOWN
    provider_origin: str | None = None
    """The provider's own word for the origin."""
    label: str | None = None
    """The name people gave it (vox: memo, Diga: nickname)."""
    sip: SipConfig | None = None
    """Trunk settings; ``None`` for numbers without a trunk of the customer's."""
    trunk_ids: tuple[str, ...] = ()
    """The provider's ids of the trunks behind ``sip``, opaque: inbound, outbound. Only ever read. A new one means that
    a trunk was made anew. Beside ``sip``, because that is one object for many numbers."""
    inbound_agent: AgentRef | None = None
    outbound_agent: AgentRef | None = None
    created_at: UtcTime | None = None
    updated_at: UtcTime | None = None
    starts_at: UtcTime | None = None
    """When service began or begins."""
    release_requested_at: UtcTime | None = None
    ends_at: UtcTime | None = None
    """When service ends or ended, once a release was ordered."""
    monthly_fee: Money | None = None
    unmodelled: tuple[str, ...] = ()
    """Dotted names, the provider's own and sorted, of settings that are set, restrict or change the number's calls, and
    have no field here. Names only, never values: those are in ``raw``."""
    problems: tuple[str, ...] = ()
    """Dotted names of fields that were there and could not be read, each with the reason."""
    raw: Mapping[str, Any] = Field(default_factory=dict, repr=False, exclude=True)
    """The provider's record without its secrets, for what the model has no word for. Not compared, not dumped."""

    @staticmethod
    def unchecked(fields: PhoneNumberFields) -> PhoneNumber:
        """A record out of parts that are of their types already; an adapter has read them out of a strict shape.

        ``fields`` becomes the record's own. To check them all a second time would take as long as everything else.
        """
        number = new(PhoneNumber)
        set_fields(number, fields)
        set_names(number, _NAMES)
        set_extra(number, None)
        set_private(number, None)
        return number

    @property
    def is_live(self) -> bool:
        """Whether the record still stands for a number in service, or may (an unknown status counts as live)."""
        return self.status is not NumberStatus.RELEASED

    def __str__(self) -> str:
        return f"{self.identity} ({self.provider} {self.id}, {self.status})"


_NAMES: Final = set(PhoneNumber.model_fields)


def _raw(number: PhoneNumber) -> dict[str, Any]:
    """``raw`` may have been left unparsed by its reader. Whoever looks gets an ordinary dict."""
    fields = vars(number)
    if type(fields["raw"]) is not dict:
        fields["raw"] = dict(fields["raw"])
    raw: dict[str, Any] = fields["raw"]
    return raw


# Only now, when the model has made a field of it.
type.__setattr__(PhoneNumber, "raw", property(_raw))


class AvailableNumber(_Record, frozen=True):
    """A number the provider has for sale."""

    provider: str
    id: str
    identity: NumberIdentity
    line_type: str | None = None
    """The provider's own word (vox: mobile, landline, voip, uan, personal, toll_free)."""
    monthly_fee: Money | None = None
    sends_sms: bool | None = None
    receives_sms: bool | None = None
    problems: tuple[str, ...] = ()
    raw: Mapping[str, Any] = Field(default_factory=dict, repr=False, exclude=True)
