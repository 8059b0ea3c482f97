"""The plan: what will be done to many numbers, as a file that a person can approve, and a program can check.

It holds no secret, only references to secrets. What it says is all that `apply` may do. A plan that was edited or cut
off is refused by its checksum, a stale one by the records that were read when it was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, JsonValue, SecretStr, model_validator

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import InputModel
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber, UtcTime
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.inventory.fields import AGENTS
from telephony_core.migration.plan.findings import Finding, Skipped
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import NumberImport
from telephony_core.secrets.references import is_reference


class PlanKind(StrEnum):
    """What a plan does with its numbers. Everything behind its planner is the same for all of them."""

    MIGRATE = "migrate"
    """Import numbers of one connection at another one; they are released at the first later, if at all."""
    IMPORT = "import"
    """Import the numbers of a table at a connection."""
    SET = "set"
    """Change settings of numbers that a connection has."""

    @property
    def verb(self) -> str:
        """What is done with numbers, for a sentence."""
        return {PlanKind.MIGRATE: "move", PlanKind.IMPORT: "import", PlanKind.SET: "change"}[self]

    @property
    def done(self) -> str:
        """What numbers are when it is carried out, for a sentence."""
        return {PlanKind.MIGRATE: "moved", PlanKind.IMPORT: "imported", PlanKind.SET: "changed"}[self]


class EndpointRole(StrEnum):
    """The two ends of a migration."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def other(self) -> EndpointRole:
        return EndpointRole.TARGET if self is EndpointRole.SOURCE else EndpointRole.SOURCE


class Endpoint(InputModel):
    """One end of a plan: a connection, and what answered there when the plan was made."""

    connection: str
    """Name of the connection, as in the configuration file."""
    provider: str
    """Slug of the adapter."""
    adapter: str | None = None
    """Distribution and version of the adapter, for people."""
    base_url: str | None = None
    """A client for another address is refused."""
    inventory: str | None = None
    """Checksum of the inventory that was read; only of a source."""
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

    ``auth`` ``"none"`` says that the trunk has none, on purpose; ``"update"`` that what is given is changed, and what
    is not stays as it is. ``username`` is written out or is a reference.
    """

    name: str = Field(min_length=1)
    auth: Literal["digest", "none", "update"]
    username: str | None = Field(default=None, min_length=1)
    password: SecretReference | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.auth == "digest" and (self.username is None or self.password is None):
            raise ValueError("digest credentials are a username and a password, or auth is `none`")
        if self.auth == "none" and (self.username is not None or self.password is not None):
            raise ValueError("auth is `none`, and a username or a password is given")
        if self.auth == "update" and self.username is None and self.password is None:
            raise ValueError("auth is `update`, and neither a username nor a password is given")
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
    """What will be made at the target, or set there. ``None`` is not written at all."""

    number: str = Field(min_length=1)
    """As `NumberImport.number` takes it. Where settings are changed, it only says whose these are."""
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
    clear: tuple[Setting, ...] = ()
    """Settings to clear; only where settings are changed."""

    @property
    def agents(self) -> dict[str, AgentRef]:
        """The agents that are assigned, by field name."""
        both = zip(AGENTS, (self.inbound_agent, self.outbound_agent), strict=True)
        return {name: agent for name, agent in both if agent is not None}

    @property
    def has_agents(self) -> bool:
        return self.inbound_agent is not None or self.outbound_agent is not None

    @property
    def changing_steps(self) -> tuple[StepKind, ...]:
        """The steps that write these settings into a record that is there, in their order."""
        cleared, agents = set(self.clear), {*AGENTS}
        halves = any((_given(self.inbound), _given(self.outbound), self.trunk, self.options))
        wanted = {
            StepKind.UPDATE_LABEL: self.label is not None or Setting.LABEL in cleared,
            StepKind.UPDATE_SIP: halves or bool(cleared - agents - {Setting.LABEL}),
            StepKind.ASSIGN_AGENTS: self.has_agents or bool(cleared & agents),
        }
        return tuple(kind for kind, is_needed in wanted.items() if is_needed)


class Halves(NamedTuple):
    """Both halves of a trunk as an import sends them; ``None`` where nothing of one is written."""

    inbound: InboundUpdate | None
    outbound: OutboundUpdate | None


def halves_of(
    inbound: DesiredInbound | None,
    outbound: DesiredOutbound | None,
    username: str | None = None,
    password: SecretStr | None = None,
) -> Halves:
    """Both halves as they are sent. Raises `InvalidInput` or `NotAllowed` for what no provider takes."""
    given_in, given_out = _given(inbound), _given(outbound)
    credentials = {"username": username, "password": password}
    # In an update `None` clears, and nothing of a credential is to be cleared.
    given_out |= {name: value for name, value in credentials.items() if value is not None}
    return Halves(
        InboundUpdate.model_validate(given_in) if given_in else None,
        OutboundUpdate.model_validate(given_out) if given_out else None,
    )


def import_of(
    desired: DesiredState,
    username: str | None = None,
    password: SecretStr | None = None,
    *,
    agents: bool = True,
    halves: Halves | None = None,
) -> NumberImport:
    """The import that makes it. ``halves`` are those of `halves_of`, where they were made already.

    ``agents=False`` leaves the agents to a step of their own. Raises `InvalidInput` or `NotAllowed` for what
    no provider takes.
    """
    inbound, outbound = halves or halves_of(desired.inbound, desired.outbound, username, password)
    return NumberImport(
        number=desired.number,
        send_as_is=desired.send_as_is,
        label=desired.label,
        inbound=inbound,
        outbound=outbound,
        inbound_agent=desired.inbound_agent if agents else None,
        outbound_agent=desired.outbound_agent if agents else None,
        allow=desired.allow,
        options=desired.options,
    )


def _given(half: DesiredInbound | DesiredOutbound | None) -> dict[str, object]:
    # What a plan leaves out is not sent at all: in an update `None` would clear it.
    return {} if half is None else {name: value for name, value in half if value not in (None, False)}


class StepKind(StrEnum):
    """The steps of one number, in this order."""

    IMPORT = "import"
    UPDATE_LABEL = "update_label"
    UPDATE_SIP = "update_sip"
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
    """One number of the plan: the unit of work."""

    key: str = Field(min_length=1)
    """Unique in the plan, and what people type: E.164, or the connection's own string."""
    source: PhoneNumber | None
    """The record as it was read: at the source, or where settings are changed at the target itself. Planned fields that
    have changed since make the plan stale. ``None`` where the number is imported from a table."""
    desired: DesiredState
    steps: tuple[PlannedStep, ...] = Field(min_length=1)
    findings: tuple[Finding, ...] = ()

    @property
    def record(self) -> PhoneNumber:
        """The record that was read, of a number that has one."""
        if self.source is None:
            raise LookupError(f"{self.key} is imported from a table, so nothing was read")
        return self.source

    @model_validator(mode="after")
    def _movable(self) -> Self:
        # The checksum shows that a file is whole, and not that this library wrote it.
        if blocking := sorted({finding.field for finding in self.findings if finding.blocks}):
            raise ValueError(f"{self.key}: {', '.join(blocking)} still blocks, so it cannot be in the plan")
        agents = (StepKind.ASSIGN_AGENTS,) if self.desired.has_agents else ()
        imports = self.steps[0].kind is StepKind.IMPORT
        needed = (StepKind.IMPORT, *agents) if imports else self.desired.changing_steps
        # The steps are what a person approves, the settings are what is done: a plan in which the two differ is none.
        if tuple(step.kind for step in self.steps) != (*needed, StepKind.READ_BACK) or not needed:
            raise ValueError(f"{self.key}: its steps are not those that its settings need")
        if imports and self.desired.clear:
            raise ValueError(f"{self.key}: there is nothing to clear on an import")
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
        """How long a number has to be in service at the target before the source is released."""
        return timedelta(hours=self.soak_hours)

    @property
    def in_doubt(self) -> timedelta:
        """How long after its intent was journaled a request that was not answered may still take effect."""
        return timedelta(seconds=self.timeout + self.settling_window)


class Selection(InputModel):
    """How the numbers were chosen whose settings are changed, so that others that fit by now are noticed."""

    where: tuple[str, ...] = ()
    """Conditions ``FIELD=VALUE``, all of which hold for each of the numbers."""
    numbers: tuple[str, ...] | None = None
    """Numbers that were named besides, in the spelling in which they were given."""


class Canary(InputModel):
    """A number that goes first, and why it was chosen."""

    number: str
    """Its key in the plan."""
    why: str
    """``it is the one that was named``, ``no agent serves it``."""


class Plan(InputModel):
    """What will be done, to which numbers. Raises `InvalidInput` when it contradicts itself."""

    kind: PlanKind = PlanKind.MIGRATE
    created_at: UtcTime
    made_with: str
    """Version of telephony-core."""
    source: Endpoint | None
    """Where numbers come from; ``None`` but for a migration."""
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
    selection: Selection | None = None
    """Only where settings are changed."""
    unchecked: tuple[str, ...] = ()
    """What could not be found out when it was made, in words: whether an agent exists where none can be looked up."""
    canaries: tuple[Canary, ...] = ()
    """The numbers that go first, and why these; none in a plan of an earlier version, whose first numbers go first."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        trunks = {trunk.name for trunk in self.trunks}
        names = (
            ("number", (number.key for number in self.numbers)),
            ("source record", (number.source.id for number in self.numbers if number.source is not None)),
            ("trunk", (trunk.name for trunk in self.trunks)),
        )
        for what, values in names:
            # The journal, claims and reports know a number by its key alone, and a trunk by its name.
            for value, count in Counter(values).items():
                if count > 1:
                    raise ValueError(f"the {what} {value} is there twice")
        for number in self.numbers:
            if number.desired.trunk is not None and number.desired.trunk not in trunks:
                raise ValueError(f"{number.key}: the plan has no trunk {number.desired.trunk!r}")
            self._demand_record(number)
        if missing := {canary.number for canary in self.canaries} - {number.key for number in self.numbers}:
            raise ValueError(f"{min(missing)} is to go first, and the plan does not hold it")
        if (self.source is not None) is not (self.kind is PlanKind.MIGRATE):
            raise ValueError("a migration has a source, and nothing else has one")
        return self

    def _demand_record(self, number: PlannedNumber) -> None:
        """Raise `ValueError` unless a number has the record, and the kind of steps, that its plan is about."""
        if (number.steps[0].kind is StepKind.IMPORT) is (self.kind is PlanKind.SET):
            raise ValueError(f"{number.key}: its steps are not those of this kind of plan")
        if (number.source is None) is not (self.kind is PlanKind.IMPORT):
            raise ValueError(f"{number.key}: only a number that is imported from a table has no record")
        whose, end = ("target", self.target) if self.source is None else ("source", self.source)
        if number.source is not None and number.source.provider != end.provider:
            raise ValueError(f"{number.key}: its record is {number.source.provider}'s, not the {whose}'s")

    @property
    def origin(self) -> Endpoint:
        """The source of a migration."""
        if self.source is None:
            raise LookupError("only a migration has a source")
        return self.source

    def trunk(self, number: PlannedNumber) -> Trunk | None:
        """The trunk whose credentials a number gets; ``None`` when none are written."""
        return None if number.desired.trunk is None else self._trunk_by_name.get(number.desired.trunk)

    @cached_property
    def _trunk_by_name(self) -> Mapping[str, Trunk]:
        return {trunk.name: trunk for trunk in self.trunks}

    def chosen(self, keys: Iterable[str] | None) -> tuple[PlannedNumber, ...]:
        """The numbers with these keys, in the plan's order, or all. Raises `InvalidInput` for any other key."""
        if keys is None:
            return self.numbers
        desired = set(keys)
        if missing := sorted(desired - {number.key for number in self.numbers}):
            raise InvalidInput(
                f"the plan does not {self.kind.verb} {', '.join(missing[:5])}",
                remedy="write a number as the plan does; `telephony status PLAN --details` lists them",
            )
        return tuple(number for number in self.numbers if number.key in desired)
