"""Every write as a value: what is to be changed, before anybody decides whether it can be.

`Telephony.check(change)` takes one of these and returns all of its problems, without a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self, TypeAlias, TypeVar

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapSerializer,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import UNSET, InputModel, Unset, describe, its_fields
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.number_parsing import undressed
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import LISTED, InvalidInput, Remedy, instead_of
from telephony_core.secrets.url_password import without_password

Options: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Vendor options by provider slug: ``{"vox": {"no_authentication": True}}``. Those of other providers are ignored."""


ValueT = TypeVar("ValueT")

if TYPE_CHECKING:
    _OrUnset: TypeAlias = ValueT | Unset
else:

    class _OrUnset:
        """A value or `UNSET` itself, which no JSON document can hold and no schema shows: there it is left out."""

        def __class_getitem__(cls, value: Any) -> Any:
            return Annotated[
                value,
                WrapValidator(lambda given, check: given if given is UNSET else check(given)),
                WrapSerializer(lambda given, dump: given if given is UNSET else dump(given)),
                Field(json_schema_extra=lambda schema: schema.pop("default", None)),
            ]


class NumberImport(InputModel):
    """Bring your own number to a provider, over a SIP trunk.

    ``number`` is E.164 (``+82…``), the provider's national digits in any usual spelling, or a SIP identifier
    (``user@domain``); blanks that do not break, typographic dashes and full-width digits become plain ones.
    ``inbound=InboundUpdate(allow_any=True)`` without a list leaves the list out, and consents to what that means where
    the provider lets everybody call in then. ``send_as_is`` sends a number that has no E.164 form verbatim, where the
    provider takes that.
    Agents are assigned right after; if that fails the record exists and `PartialOutcome` says so.
    Raises `InvalidInput` without repeating what it refused.
    """

    number: str = Field(min_length=1)
    label: str | None = None
    inbound: InboundUpdate | None = None
    outbound: OutboundUpdate | None = None
    inbound_agent: AgentRef | None = None
    outbound_agent: AgentRef | None = None
    allow: frozenset[SideEffect] = frozenset()
    send_as_is: bool = False
    options: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict, repr=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            number: str,
            label: str | None = ...,
            inbound: InboundUpdate | None = ...,
            outbound: OutboundUpdate | None = ...,
            inbound_agent: AgentRef | None = ...,
            outbound_agent: AgentRef | None = ...,
            allow: Iterable[SideEffect] = ...,
            send_as_is: bool = ...,
            options: Options = ...,
        ) -> None: ...

    @model_validator(mode="after")
    def _in_plain_characters(self) -> Self:
        if not self.send_as_is:
            # The model is frozen, and only here it is known whether the number is to be sent as it is.
            vars(self)["number"] = undressed(self.number)
        return self

    @field_validator("number")
    @classmethod
    def _no_password(cls, number: str) -> str:
        if without_password(number) != number:
            raise ValueError("holds a password; give it as outbound.username and outbound.password, where it is hidden")
        return number

    @field_validator("inbound", "outbound")
    @classmethod
    def _sets(cls, half: InboundUpdate | OutboundUpdate | None) -> InboundUpdate | OutboundUpdate | None:
        if half is not None:
            cleared = sorted(name for name in half.changes if getattr(half, name) is None)
            if cleared:
                raise ValueError(f"{', '.join(cleared)}: there is nothing to clear on an import; leave it out")
        return half

    @field_validator("outbound")
    @classmethod
    def _pair(cls, half: OutboundUpdate | None) -> OutboundUpdate | None:
        # LiveKit, on which several vendors run, does not authenticate at all with one of the two alone.
        if half is not None and (half.username is None) != (half.password is None):
            missing = "password" if half.password is None else "username"
            raise ValueError(f"{missing} is missing: digest credentials are a pair or nothing")
        return half


class _RecordChange(InputModel):
    """A change of one record, ``number``: the record itself, or its id. Fields may be given by position.

    A dump holds what was given, so that one that is read back is the same change; of a password it shows only a mask.
    """

    number: PhoneNumber | str

    if not TYPE_CHECKING:

        def __init__(self, /, *given: object, **data: object) -> None:
            names = list(type(self).model_fields)
            # `zip` would drop the rest without a word.
            if len(given) > len(names):
                raise InvalidInput(
                    f"{type(self).__name__}: {len(given)} values were given for {len(names)} fields",
                    remedy=its_fields(type(self)),
                )
            super().__init__(**dict(zip(names, given, strict=False)), **data)

    @field_validator("number", mode="before")
    @classmethod
    def _record_or_id(cls, number: object) -> object:
        if isinstance(number, PhoneNumber | str):
            return number
        # A change that is read back from its own dump has its record as a table.
        if isinstance(number, Mapping):
            with instead_of(ValidationError, lambda error: InvalidInput(describe(error), remedy=LISTED)):
                return PhoneNumber.model_validate(number)
        raise InvalidInput("a number is given as its record or the record's id", remedy=LISTED)

    @model_serializer(mode="wrap")
    def _what_was_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        return {name: value for name, value in dumped.items() if getattr(self, name) is not UNSET}


_SET_OR_LEFT_OUT: Final = Remedy("set its fields to None to clear them", cli="use the --clear-… options")


class LabelUpdate(_RecordChange):
    """Rename a number; ``None`` takes the name away."""

    __match_args__: ClassVar = ("number", "label")

    label: str | None

    if TYPE_CHECKING:

        def __init__(self, number: PhoneNumber | str, label: str | None) -> None: ...


class SipUpdate(_RecordChange):
    """Change trunk settings; a half that is `UNSET` stays."""

    __match_args__: ClassVar = ("number", "inbound", "outbound", "options")

    inbound: _OrUnset[InboundUpdate] = UNSET
    outbound: _OrUnset[OutboundUpdate] = UNSET
    options: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict, repr=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            number: PhoneNumber | str,
            inbound: InboundUpdate | Unset = ...,
            outbound: OutboundUpdate | Unset = ...,
            options: Options = ...,
        ) -> None: ...

    @field_validator("inbound", "outbound", mode="before")
    @classmethod
    def _set_or_left_out(cls, half: object) -> object:
        # Whoever writes None may mean "leave it" as well as "clear all of it".
        if half is None:
            raise InvalidInput("a half is set or left out", remedy=_SET_OR_LEFT_OUT)
        return half


class AgentAssignment(_RecordChange):
    """Say which agents serve a number; `UNSET` stays, ``None`` takes the agent off."""

    __match_args__: ClassVar = ("number", "inbound", "outbound", "allow")

    inbound: _OrUnset[AgentRef | None] = UNSET
    outbound: _OrUnset[AgentRef | None] = UNSET
    allow: frozenset[SideEffect] = frozenset()

    if TYPE_CHECKING:

        def __init__(
            self,
            number: PhoneNumber | str,
            inbound: AgentRef | None | Unset = ...,
            outbound: AgentRef | None | Unset = ...,
            allow: Iterable[SideEffect] = ...,
        ) -> None: ...

    @field_validator("inbound", "outbound", mode="before")
    @classmethod
    def _agent(cls, agent: object) -> object:
        # Not a bare id: it would leave open which version of the agent takes the calls.
        if agent is None or isinstance(agent, AgentRef | Unset | dict):
            return agent
        raise InvalidInput(
            f"has to be an AgentRef, not {type(agent).__name__}",
            remedy=Remedy(
                "give AgentRef(id, version=…), or None to take the agent off", cli="give the agent's id and its version"
            ),
        )


class NumberRelease(_RecordChange):
    """Release a number."""

    __match_args__: ClassVar = ("number", "allow")

    allow: frozenset[SideEffect] = frozenset()

    if TYPE_CHECKING:

        def __init__(self, number: PhoneNumber | str, allow: Iterable[SideEffect] = ...) -> None: ...


class ReleaseRevocation(_RecordChange):
    """Take a scheduled release back."""

    __match_args__: ClassVar = ("number",)

    if TYPE_CHECKING:

        def __init__(self, number: PhoneNumber | str) -> None: ...


Change: TypeAlias = NumberImport | LabelUpdate | SipUpdate | AgentAssignment | NumberRelease | ReleaseRevocation
