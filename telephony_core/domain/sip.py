"""Trunk settings: what was read, and what a caller wants changed. Two different types, on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
)

from telephony_core.domain.allow_list import parse_allowed_addresses
from telephony_core.domain.input_model import InputModel
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, Remedy
from telephony_core.secrets.unusable import MASKED, fault_of

_EMPTY: Final = Remedy(
    "give None to clear it, or leave it out", cli="use the --clear-… options to clear it, or leave it out"
)


class MediaEncryption(StrEnum):
    """SRTP on the media of one direction. Without TLS signalling `REQUIRE` hides nothing: keys travel in the SDP."""

    DISABLE = "disable"
    ALLOW = "allow"
    REQUIRE = "require"
    UNKNOWN = "unknown"
    """A word this adapter does not know; never written."""


_WRITABLE_WORDS: Final = [str(word) for word in MediaEncryption if word is not MediaEncryption.UNKNOWN]


def _writable(value: object) -> object:
    if isinstance(value, str) and value not in _WRITABLE_WORDS:
        what = "is only ever read" if value == MediaEncryption.UNKNOWN else "is not such a word"
        raise InvalidInput(what, remedy=f"write one of {', '.join(_WRITABLE_WORDS)}")
    return value


_Writable = Annotated[
    MediaEncryption, BeforeValidator(_writable), WithJsonSchema({"enum": _WRITABLE_WORDS, "type": "string"})
]


class CredentialState(StrEnum):
    """Whether the trunk has digest credentials, as far as the provider tells."""

    SET = "set"
    NONE = "none"
    UNKNOWN = "unknown"
    """The provider never says (vox). This is not "none"."""


class InboundSip(BaseModel, frozen=True):
    """From the trunk to the provider."""

    allowed_addresses: tuple[str, ...] | None = None
    """Source IPs and networks that may send calls. ``()`` is an empty list, which most providers take for open to
    everybody (`Capabilities.allow_list` tells); ``None`` is unknown or not offered."""
    media_encryption: MediaEncryption | None = None
    """``None`` where the provider has no such setting."""
    provider_media_encryption: str | None = None
    """The provider's own word."""


class OutboundSip(BaseModel, frozen=True):
    """From the provider to the trunk (termination)."""

    address: SipAddress | None = None
    username: str | None = None
    """Digest user. Means something only where the adapter declares it readable."""
    credentials: CredentialState = CredentialState.UNKNOWN
    media_encryption: MediaEncryption | None = None
    provider_media_encryption: str | None = None


class SipConfig(BaseModel, frozen=True):
    """The trunk of an imported number, in two halves because real providers have two trunks."""

    inbound: InboundSip = InboundSip()
    outbound: OutboundSip = OutboundSip()


def _without_null_defaults(schema: dict[str, Any]) -> None:
    """Whoever fills in a default of null would clear what was meant to stay."""
    for field in schema["properties"].values():
        if ("default", None) in field.items():
            del field["default"]


class _HalfUpdate(InputModel):
    """One half of a change: a field left out stays, ``None`` clears, a value sets.

    Leaving and clearing are different things everywhere: in ``==``, in ``repr`` and in every dump, which holds the
    fields that were set and no others, ``None`` included. A dump that is read back is the same change, except for a
    password, of which JSON shows only a mask: that is refused.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra=_without_null_defaults)

    @property
    def changes(self) -> frozenset[str]:
        """The names of the fields to change."""
        return frozenset(self.model_fields_set - {"allow_any"})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.changes == other.changes and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.changes, *vars(self).values()))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in self.model_fields_set:
                yield name, value

    @model_serializer(mode="wrap")
    def _what_was_set(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        wanted = {
            name
            for name in self.model_fields_set
            if (info.include is None or name in info.include) and not (info.exclude and name in info.exclude)
        }
        # A None that was set clears, so it stays in whatever else `exclude_none` and `exclude_defaults` take out.
        return {
            name: dumped.get(name)
            for name in type(self).model_fields
            if name in wanted and (name in dumped or getattr(self, name) is None)
        }


class InboundUpdate(_HalfUpdate):
    """A change of the inbound half.

    ``allowed_addresses`` are IPs or CIDR networks and replace the whole list. An empty list, or one that covers every
    address, opens the trunk to the world: it needs ``allow_any=True``. Raises `InvalidInput` or `NotAllowed`.
    """

    allow_any: bool = False  # first, because the validator below reads it
    allowed_addresses: tuple[str, ...] | None = None
    media_encryption: _Writable | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            allowed_addresses: Iterable[str] | None = ...,
            media_encryption: MediaEncryption | Literal["disable", "allow", "require"] | None = ...,
            allow_any: bool = ...,
        ) -> None: ...

    @field_validator("allowed_addresses", mode="before")
    @classmethod
    def _allow_list(cls, value: Any, info: ValidationInfo) -> Any:
        return None if value is None else parse_allowed_addresses(value, allow_any=info.data.get("allow_any", False))


class OutboundUpdate(_HalfUpdate):
    """A change of the outbound half.

    ``address`` is a `SipAddress` or its text; ``password`` is write-only everywhere, and holds nothing that cannot be
    seen (line breaks, control, zero-width and direction characters, special blanks). Raises `InvalidInput`, which never
    repeats what it refused.
    """

    address: SipAddress | None = None
    username: str | None = None
    password: SecretStr | None = None
    media_encryption: _Writable | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            address: SipAddress | str | None = ...,
            username: str | None = ...,
            password: SecretStr | str | None = ...,
            media_encryption: MediaEncryption | Literal["disable", "allow", "require"] | None = ...,
        ) -> None: ...

    @field_validator("username")
    @classmethod
    def _digest_user(cls, value: str | None) -> str | None:
        if value == "":
            raise InvalidInput("is empty", remedy=_EMPTY)
        # A colon separates the parts that digest authentication hashes (RFC 7616, section 3.4.2).
        if value is not None and (":" in value or not value.isprintable() or fault_of(value) not in (None, MASKED)):
            raise ValueError("may hold neither a colon nor control characters (it is hashed into the digest)")
        return value

    @field_validator("password")
    @classmethod
    def _usable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value():
            raise InvalidInput("is empty", remedy=_EMPTY)
        if value is not None and (fault := fault_of(value.get_secret_value())) is not None:
            raise InvalidInput(fault.says, remedy=fault.remedy)
        return value
