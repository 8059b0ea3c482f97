"""What can be set at a provider and what it shows, declared as data.

The clients refuse what is not declared before any request, the documentation prints it as a matrix, the contract kit
proves it both ways, and a migration derives from two declarations what would be lost. Each point says whether it was
``verified`` against the live service and names its ``source``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, Self

from telephony_core.domain.agents import AgentVersion
from telephony_core.domain.lifecycle import Origin, SideEffect
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.sip_address import SipAddress


class Operation(StrEnum):
    """The operations of the port."""

    phrase: str
    """What it does, for a sentence: "cannot … "."""

    def __new__(cls, name: str, phrase: str) -> Self:
        made = str.__new__(cls, name)
        # Otherwise the pair of name and phrase would be the value.
        made._value_ = name
        made.phrase = phrase
        return made

    LIST = "list", "list numbers"
    GET = "get", "read a number"
    FIND = "find", "find a number"
    IMPORT = "import", "import a number"
    UPDATE_LABEL = "update_label", "label a number"
    UPDATE_SIP = "update_sip", "change the trunk of a number"
    ASSIGN_AGENTS = "assign_agents", "assign agents to a number"
    RELEASE = "release", "release a number"
    REVOKE_RELEASE = "revoke_release", "revoke the release of a number"
    SEARCH_AVAILABLE = "search_available", "search for numbers to buy"
    # Nobody declares it: no vendor documents it for third parties, and a wrong purchase cannot be taken back.
    PURCHASE = "purchase", "buy a number"
    LIST_AGENTS = "list_agents", "list agents"


class Field(StrEnum):
    """The settings of a number, by their dotted names in the model."""

    LABEL = "label"
    INBOUND_AGENT = "inbound_agent"
    OUTBOUND_AGENT = "outbound_agent"
    ALLOWED_ADDRESSES = "inbound.allowed_addresses"
    INBOUND_ENCRYPTION = "inbound.media_encryption"
    ADDRESS = "outbound.address"
    USERNAME = "outbound.username"
    PASSWORD = "outbound.password"  # noqa: S105 - the name of a field
    OUTBOUND_ENCRYPTION = "outbound.media_encryption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Where a declared point comes from, and whether it was tried against the live service."""

    source: str
    verified: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSupport(Fact):
    """An operation that is offered, and for numbers of which origins. `Origin.LINKED` has to be declared."""

    origins: frozenset[Origin] = frozenset({Origin.PURCHASED, Origin.IMPORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSupport(Fact):
    """What can be done with one field.

    ``required_on_import``: an import without it is refused. ``requires``: fields that must be in the same update.
    ``max_length``: in characters. ``read_from``: where a record of the provider holds it, as a dotted name; so it is
    known what is missing where that could not be read.
    """

    writable: bool = True
    readable: bool = True
    read_from: str | None = None
    clearable: bool = False
    required_on_import: bool = False
    requires: frozenset[Field] = frozenset()
    max_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressForms(Fact):
    """Which parts of a SIP address beyond ``host[:port]`` the provider has a place for, and what one without means.

    ``default_transport``: over which transport an address is reached that names none. ``None``: nobody says, or the
    provider chooses.
    """

    sips: bool = False
    transport: bool = False
    user: bool = False
    params: bool = False
    default_transport: Literal["udp", "tcp", "tls"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersions(Fact):
    """Which agent versions can be assigned, and whether a record tells the version it has."""

    kinds: frozenset[AgentVersion]
    literals: str | None = None
    """A regular expression (full match) for the vendor's own version literals; ``None`` when there are none."""
    literals_in_words: str = "the provider's own word for one"
    """What such a literal is, for people: ``v1, v2, …``."""
    readable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportableNumbers(Fact):
    """Which numbers can be imported.

    ``countries``: ISO 3166 regions of E.164 numbers, ``None`` for all. ``as_is``: kinds that are sent only when the
    caller says ``send_as_is=True``.
    """

    kinds: frozenset[NumberKind]
    countries: frozenset[str] | None = None
    as_is: frozenset[NumberKind] = frozenset()


class Admits(StrEnum):
    """Who may call in over a trunk."""

    EVERYBODY = "everybody"
    NOBODY = "nobody"
    UNKNOWN = "unknown"
    """Nobody says. It may be everybody, so it counts as that wherever consent is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowListMeaning(Fact):
    """Who may call in where a trunk's allow-list names nobody. Vendors mean opposite things by it.

    Where ``inbound.allowed_addresses`` cannot be written there is nothing to consent to, and this only informs.
    """

    when_missing: Admits
    """No list was given on the import, or it was cleared since."""
    when_empty: Admits
    """A list without entries was given."""


class ReleaseEffect(StrEnum):
    """When a release takes effect."""

    IMMEDIATE = "immediate"
    END_OF_PERIOD = "end_of_period"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTerms(Fact):
    """What releasing a number of one origin does."""

    effect: ReleaseEffect
    revocable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundHost(Fact):
    """The SIP host that a carrier must send inbound calls to.

    ``None`` where the vendor does not document it, or where it differs from number to number (`Provider.inbound_uri`).
    """

    host: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(Fact):
    """How many requests the provider takes, as far as anyone says; ``None`` where nobody does."""

    per_second: float | None
    per_minute: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableImport(Fact):
    """Why an import whose answer was lost may be sent once more within the settling window of a plan.

    Only for a provider that documents an idempotency key, or a look-up that shows a number as soon as it is made.
    """

    after: float
    """Seconds after the time-out of the first request; 0 with an idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmodelledSettings(Fact):
    """The settings of a provider's records that the model has no field for, by their dotted names in the record.

    A record names those that are set in `PhoneNumber.unmodelled`. ``restrictive`` are those among ``names`` that say
    which calls are allowed, or where they go: a migration that loses one of them needs consent.
    """

    names: frozenset[str] = frozenset()
    restrictive: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Everything a provider declares about itself. What is not in here is not supported."""

    region: str
    """ISO 3166 region in which the provider's bare digits are read."""
    operations: Mapping[Operation, OperationSupport]
    fields: Mapping[Field, FieldSupport]
    finds_by_number: bool = False
    """Whether the provider looks one number up in one request; else its whole list is read."""
    ids_are_reused: bool = False
    """Whether a record that is made after another one ended can have its id, as where the number is the id. Then a
    migration tells the two apart by when they were made, or else by when they were changed last."""
    importable: ImportableNumbers | None = None
    address_forms: AddressForms | None = None
    agent_versions: AgentVersions | None = None
    side_effects: Mapping[Operation, frozenset[SideEffect]] = field(default_factory=dict)
    release: Mapping[Origin, ReleaseTerms] = field(default_factory=dict)
    inbound_host: InboundHost | None = None
    allow_list: AllowListMeaning | None = None
    """Has to be declared where ``inbound.allowed_addresses`` can be written; `Admits.UNKNOWN` where it is not."""
    rate_limit: RateLimit | None = None
    unmodelled: UnmodelledSettings | None = None
    """``None``: nobody says which there are, so each one that a record names counts as restrictive."""
    repeatable_import: RepeatableImport | None = None
    """``None``: a lost import may show, and even take effect, at any time within the settling window."""

    def offers(self, operation: Operation, origin: Origin = Origin.UNKNOWN) -> bool:
        """Whether the operation exists, for numbers of this origin; an unknown origin is left to the provider."""
        support = self.operations.get(operation)
        return support is not None and (origin is Origin.UNKNOWN or origin in support.origins)

    @property
    def admits_without_list(self) -> Admits:
        """Who may call in where no allow-list was given."""
        return Admits.UNKNOWN if self.allow_list is None else self.allow_list.when_missing

    @property
    def admits_with_empty_list(self) -> Admits:
        """Who may call in where the allow-list has no entries."""
        return Admits.UNKNOWN if self.allow_list is None else self.allow_list.when_empty

    def as_meant(self, address: SipAddress) -> SipAddress:
        """The address with the transport that it has here even where it names none."""
        transport = None if self.address_forms is None else self.address_forms.default_transport
        # `sips` says by itself that it is TLS (RFC 3261, section 26.2.2).
        if transport is None or address.transport is not None or address.scheme == "sips":
            return address
        return replace(address, scheme="sip", transport=transport)

    @property
    def restrictive(self) -> frozenset[str]:
        """The settings without a field here that are known to restrict or route calls."""
        return frozenset() if self.unmodelled is None else self.unmodelled.restrictive

    def restricts(self, setting: str) -> bool:
        """Whether a setting without a field here restricts or routes calls. One that nobody declares may do so."""
        return setting in self.restrictive or self.unmodelled is None or setting not in self.unmodelled.names

    def can_write(self, name: Field) -> bool:
        """Whether the field can be set."""
        support = self.fields.get(name)
        return support is not None and support.writable

    def can_read(self, name: Field) -> bool:
        """Whether the provider shows the field."""
        support = self.fields.get(name)
        return support is not None and support.readable

    def can_clear(self, name: Field) -> bool:
        """Whether the field can be set to nothing."""
        support = self.fields.get(name)
        return support is not None and support.writable and support.clearable
