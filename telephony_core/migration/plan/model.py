"""The plan: what a migration will do, as a file that a person can read and approve, and a program can check.

It holds no secret, only references to secrets. What it says is all that `apply` may do. A plan that was edited or cut
off is refused by its checksum, a stale one by the records that were read when it was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, SecretStr, model_validator

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import InputModel
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber, UtcTime
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.plan.findings import FieldOutcome, Finding, Severity, Skipped, SkipReason
from telephony_core.provider.changes import NumberImport
from telephony_core.secrets.references import is_reference

__all__ = [
    "DesiredInbound",
    "DesiredOutbound",
    "DesiredState",
    "Endpoint",
    "Estimate",
    "FieldOutcome",
    "Finding",
    "Plan",
    "PlannedNumber",
    "PlannedStep",
    "SecretReference",
    "Settings",
    "Severity",
    "SkipReason",
    "Skipped",
    "StepKind",
    "Trunk",
    "import_of",
]


class Endpoint(InputModel):
    """One end of the migration: a connection, and what answered there when the plan was made."""

    connection: str
    """Name of the connection, as in the configuration file."""
    provider: str
    """Slug of the adapter."""
    adapter: str | None = None
    """Distribution and version of the adapter, for people."""
    base_url: str | None = None
    """A client for another address is refused."""
    inventory: str | None = None
    """Checksum of the inventory that was read."""
    holds: Mapping[str, str] = Field(default_factory=dict)
    """Some live records of the account, number by id, by which it is recognized."""
    taken_at: UtcTime | None = None
    ids_are_reused: bool = False
    """What its provider declares: whether one id can stand for two records, one after the other."""


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("is not a reference to a secret; write env:NAME, file:PATH or prompt:")
    return text


SecretReference = Annotated[str, AfterValidator(_reference)]
"""``env:NAME``, ``file:PATH`` or ``prompt:``; what it leads to is read when the plan is applied, and kept nowhere."""


class Trunk(InputModel):
    """The digest credentials of one distinct trunk; many numbers may share it.

    ``auth`` ``"none"`` says that the trunk has none, on purpose. ``username`` is written out or is a reference.
    """

    name: str = Field(min_length=1)
    auth: Literal["digest", "none"]
    username: str | None = Field(default=None, min_length=1)
    password: SecretReference | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.auth == "digest" and (self.username is None or self.password is None):
            raise ValueError("digest credentials are a username and a password, or auth is `none`")
        if self.auth == "none" and (self.username is not None or self.password is not None):
            raise ValueError("auth is `none`, and a username or a password is given")
        return self

    @property
    def plain_username(self) -> str | None:
        """The user name, where the plan has it written out."""
        return None if self.username is None or is_reference(self.username) else self.username

    @property
    def references(self) -> tuple[str, ...]:
        """The references that have to be resolved before anything is written."""
        return tuple(text for text in (self.username, self.password) if text is not None and is_reference(text))


class DesiredInbound(InputModel):
    """The inbound half as it will be written.

    ``allow_any`` is the consent to a trunk that is open: by the list that is written, or because none is.
    """

    allowed_addresses: tuple[str, ...] | None = None
    media_encryption: MediaEncryption | None = None
    allow_any: bool = False


class DesiredOutbound(InputModel):
    """The outbound half as it will be written; its credentials are in the `Trunk`."""

    address: SipAddress | None = None
    media_encryption: MediaEncryption | None = None


class DesiredState(InputModel):
    """What will be made at the target. ``None`` is not written at all."""

    number: str = Field(min_length=1)
    """As `NumberImport.number` takes it."""
    send_as_is: bool = False
    label: str | None = None
    inbound: DesiredInbound | None = None
    outbound: DesiredOutbound | None = None
    trunk: str | None = None
    """Name of the `Trunk` whose credentials go along; ``None`` writes none and says nothing about them."""
    inbound_agent: AgentRef | None = None
    outbound_agent: AgentRef | None = None
    allow: tuple[SideEffect, ...] = ()
    """Side effects that were allowed by name."""
    options: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict)
    """Vendor options by provider slug. Never a secret."""

    @property
    def has_agents(self) -> bool:
        return self.inbound_agent is not None or self.outbound_agent is not None


def import_of(
    desired: DesiredState, username: str | None = None, password: SecretStr | None = None, *, agents: bool = True
) -> NumberImport:
    """The import that makes it. A half is left out where nothing of it is written.

    ``agents=False`` leaves the agents to a step of their own. Raises `InvalidInput` or `NotAllowed` for what
    no provider takes.
    """
    inbound, outbound = _given(desired.inbound), _given(desired.outbound)
    credentials = {"username": username, "password": password}
    outbound |= {name: value for name, value in credentials.items() if value is not None}
    return NumberImport(
        number=desired.number,
        send_as_is=desired.send_as_is,
        label=desired.label,
        inbound=InboundUpdate.model_validate(inbound) if inbound else None,
        outbound=OutboundUpdate.model_validate(outbound) if outbound else None,
        inbound_agent=desired.inbound_agent if agents else None,
        outbound_agent=desired.outbound_agent if agents else None,
        allow=desired.allow,
        options=desired.options,
    )


def _given(half: DesiredInbound | DesiredOutbound | None) -> dict[str, object]:
    return {} if half is None else {name: value for name, value in half if value not in (None, False)}


class StepKind(StrEnum):
    """The steps of one number, in this order."""

    IMPORT = "import"
    ASSIGN_AGENTS = "assign_agents"
    READ_BACK = "read_back"
    """Read it once more and compare everything; a difference is a failure."""


class PlannedStep(InputModel):
    """One step, in words for people. What it writes is in `PlannedNumber.desired`."""

    kind: StepKind
    message: str
    """``import +827011112222 at west as “Front desk”``."""
    before: Mapping[str, str] = Field(default_factory=dict)
    """By dotted field name, as it is at the source."""
    after: Mapping[str, str] = Field(default_factory=dict)
    """By dotted field name, as it will be at the target."""
    reversible: bool = True
    undo: str | None = None
    """How `rollback` undoes it, or why it cannot."""
    side_effects: tuple[SideEffect, ...] = ()
    requests: int = Field(default=0, ge=0)
    """Estimate, retries not counted."""


class PlannedNumber(InputModel):
    """One number that will be moved: the unit of work."""

    key: str = Field(min_length=1)
    """Unique in the plan, and what people type: E.164, or the source's own string."""
    source: PhoneNumber
    """The record as it was read. Planned fields that have changed since make the plan stale."""
    desired: DesiredState
    steps: tuple[PlannedStep, ...] = Field(min_length=1)
    findings: tuple[Finding, ...] = ()

    @model_validator(mode="after")
    def _movable(self) -> Self:
        if blocking := sorted({finding.field for finding in self.findings if finding.blocks}):
            raise ValueError(f"{self.key}: {', '.join(blocking)} still blocks, so it cannot be in the plan")
        agents = [StepKind.ASSIGN_AGENTS] if self.desired.has_agents else []
        if [step.kind for step in self.steps] != [StepKind.IMPORT, *agents, StepKind.READ_BACK]:
            raise ValueError(f"{self.key}: its steps are not those that its settings need")
        return self


class Estimate(InputModel):
    """How much work it is: requests to either end, and seconds at the configured pace."""

    source_requests: int = Field(default=0, ge=0)
    target_requests: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    pace: str | None = None
    """The pace that ``seconds`` is for, in words."""


class Settings(InputModel):
    """How the plan is to be carried out."""

    canary: int = Field(default=1, ge=0)
    """So many numbers are moved first; unless all of them succeed, the others are not started."""
    concurrency: int = Field(default=4, ge=1, le=100)
    """Numbers in work at once."""
    timeout: float = Field(default=30.0, gt=0, le=86_400)
    """Seconds for one operation."""
    settling_window: float = Field(default=900.0, ge=0, le=86_400)
    """Seconds after the time-out of an import whose answer was lost in which it may still show.

    For so long it is looked for; only when every look found nothing is it sent once more.
    """
    equal_failures: int = Field(default=3, ge=1)
    """So many equal failures in a row stop the run."""
    soak_hours: float = Field(default=72.0, ge=0, le=87_600)
    """How long after a good verification a number may be released at the source."""

    @property
    def soak(self) -> timedelta:
        return timedelta(hours=self.soak_hours)

    @property
    def in_doubt(self) -> timedelta:
        """How long after its intent was journaled a request that was not answered may still take effect."""
        return timedelta(seconds=self.timeout + self.settling_window)


class Plan(InputModel):
    """What a migration will do. Raises `InvalidInput` when it contradicts itself."""

    created_at: UtcTime
    made_with: str
    """Version of telephony-core."""
    source: Endpoint
    target: Endpoint
    allowed: tuple[str, ...] = ()
    """What was allowed by name (`telephony_core.migration.plan.allowances`)."""
    settings: Settings = Settings()
    trunks: tuple[Trunk, ...] = ()
    inbound_host: str | None = None
    """Where the carrier has to send calls once a number is cut over; ``None`` where the vendor does not say."""
    estimate: Estimate = Estimate()
    numbers: tuple[PlannedNumber, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        trunks = {trunk.name for trunk in self.trunks}
        names = (
            ("number", (number.key for number in self.numbers)),
            ("source record", (number.source.id for number in self.numbers)),
            ("trunk", (trunk.name for trunk in self.trunks)),
        )
        for what, values in names:
            for value, count in Counter(values).items():
                if count > 1:
                    raise ValueError(f"the {what} {value} is there twice")
        for number in self.numbers:
            if number.desired.trunk is not None and number.desired.trunk not in trunks:
                raise ValueError(f"{number.key}: the plan has no trunk {number.desired.trunk!r}")
            if number.source.provider != self.source.provider:
                raise ValueError(f"{number.key}: its record is {number.source.provider}'s, not the source's")
        return self

    def trunk(self, number: PlannedNumber) -> Trunk | None:
        """The trunk whose credentials a number gets; ``None`` when none are written."""
        return next((trunk for trunk in self.trunks if trunk.name == number.desired.trunk), None)

    def chosen(self, keys: Iterable[str] | None) -> tuple[PlannedNumber, ...]:
        """The numbers with these keys, in the plan's order, or all. Raises `InvalidInput` for any other key."""
        if keys is None:
            return self.numbers
        desired = set(keys)
        if missing := sorted(desired - {number.key for number in self.numbers}):
            raise InvalidInput(
                f"the plan does not move {', '.join(missing[:5])}",
                remedy="write a number as the plan does; `telephony migrate status` lists them",
            )
        return tuple(number for number in self.numbers if number.key in desired)
