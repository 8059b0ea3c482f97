"""Every write as a value: what is to be changed, before anybody decides whether it can be.

`Telephony.check(change)` takes one of these and returns all of its problems, without a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import UNSET, InputModel, Unset
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.number_parsing import undressed
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.secrets.url_password import without_password

Options: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Vendor options by provider slug: ``{"vox": {"no_authentication": True}}``. Those of other providers are ignored."""


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
        if half is not None and (half.username is None) != (half.password is None):
            missing = "password" if half.password is None else "username"
            raise ValueError(f"{missing} is missing: digest credentials are a pair or nothing")
        return half


@dataclass(frozen=True, slots=True)
class LabelUpdate:
    """Rename a number; ``None`` takes the name away."""

    number: PhoneNumber | str
    label: str | None


@dataclass(frozen=True, slots=True)
class SipUpdate:
    """Change trunk settings; a half that is `UNSET` stays."""

    number: PhoneNumber | str
    inbound: InboundUpdate | Unset = UNSET
    outbound: OutboundUpdate | Unset = UNSET
    options: Options = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class AgentAssignment:
    """Say which agents serve a number; `UNSET` stays, ``None`` takes the agent off."""

    number: PhoneNumber | str
    inbound: AgentRef | None | Unset = UNSET
    outbound: AgentRef | None | Unset = UNSET
    allow: frozenset[SideEffect] = frozenset()


@dataclass(frozen=True, slots=True)
class NumberRelease:
    """Release a number."""

    number: PhoneNumber | str
    allow: frozenset[SideEffect] = frozenset()


@dataclass(frozen=True, slots=True)
class ReleaseRevocation:
    """Take a scheduled release back."""

    number: PhoneNumber | str


Change: TypeAlias = NumberImport | LabelUpdate | SipUpdate | AgentAssignment | NumberRelease | ReleaseRevocation
