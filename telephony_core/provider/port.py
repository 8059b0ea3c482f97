"""The port: what an adapter implements to serve numbers, and the spec by which it registers.

An adapter subclasses `Provider` and writes the vendor's operations as flows. Everything that must be the same for every
vendor is done once, around it, by `telephony_core.operations`: refusing what is not declared, reading the record of
what is to be changed, looking for a number before importing it, believing no answer that is about another record,
reconciling lost answers, assigning agents after an import and comparing what came back with what was sent.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator, model_validator

from telephony_core.domain.agents import Agent
from telephony_core.domain.input_model import InputModel, describe
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import (
    InvalidInput,
    Remedy,
    TelephonyError,
    UnsupportedField,
    UnsupportedOperation,
    instead_of,
)
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.changes import AgentAssignment, Change, NumberImport, NumberRelease, SipUpdate
from telephony_core.provider.flow import Flow, Response
from telephony_core.provider.vendor_errors import ErrorEnvelope

if TYPE_CHECKING:
    from telephony_core.emulator import Emulator
    from telephony_core.provider.schema import Shape

CONTRACT: Final = 2
"""Version of this port. A spec names the one it was written for; a newer one is refused with `ContractMismatch`."""
OLDEST_CONTRACT: Final = 1
"""The oldest version that is still served: what came since has defaults that are safe for whoever does not know it."""

ItemT = TypeVar("ItemT")


_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# Narrow on purpose: what is left out is read as one host by one library and as another by the next, and the key would
# go to either.
_BASE_URL: Final = re.compile(
    rf"(https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?)(/[a-z0-9._~!$&'()*+,;=:%/-]*)?",
    re.IGNORECASE | re.ASCII,
)


def _fault_of_url(url: str) -> str:
    """What is wrong with a base URL that is not taken, of which nothing is repeated."""
    scheme, mark, rest = url.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    named = re.match(r"\[[^\]]*\]?|[^:]*", authority)
    host = "" if named is None else named[0]
    port = authority[len(host) :]
    # One slip often makes several of these true; the first that is true is told, so those that explain the others come
    # first.
    faults = {
        "is empty": not url,
        "takes no user and no password (it holds an @); the key is given apart": "@" in url,
        "takes no query (it holds a ?)": "?" in url,
        "takes no fragment (it holds a #)": "#" in url,
        "has a blank, a control character or a letter outside ASCII in it": re.search(r"[^!-~]", url) is not None,
        "has no scheme, http:// or https://, in front": not mark,
        "has a scheme that is neither http nor https": scheme.lower() not in ("http", "https"),
        "has no host": not host,
        "has a port that is no number from 1 to 65535": bool(port)
        and (re.fullmatch(":[0-9]{1,5}", port) is None or not 1 <= int(port[1:]) <= 65_535),
        "has a host that is neither a name nor an address": _BASE_URL.fullmatch(f"https://{host}") is None,
    }
    return next((fault for fault, is_so in faults.items() if is_so), "has a path with a character that URLs escape")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class ProviderConfig(InputModel):
    """What an account needs. An adapter subclasses it with its default ``base_url`` and settings of its own.

    ``insecure_host`` names the one host to which the key may go over plain http; loopback hosts always may.
    """

    named_in_errors: ClassVar[bool] = False

    api_key: SecretStr
    base_url: str
    insecure_host: str | None = None

    @field_validator("api_key")
    @classmethod
    def _sendable_key(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value()
        # It travels in a header, whose value is printable ASCII; blanks around it would be taken off on the way (RFC
        # 9110, section 5.5).
        if not text or not text.isascii() or not text.isprintable() or text != text.strip():
            raise InvalidInput("has to be printable ASCII without blanks around it", remedy="copy the key once more")
        return key

    @field_validator("base_url")
    @classmethod
    def _usable_url(cls, url: str) -> str:
        url = url.strip()
        parts = _BASE_URL.fullmatch(url)
        port = None if parts is None else re.search(r":([0-9]+)\Z", parts[1])
        # Name services of the system count a larger one from 65536 on anew: the key would go to another port.
        if parts is None or (port is not None and not 1 <= int(port[1]) <= 65_535):
            fault = _fault_of_url(url)
            del url  # there may be a password in it
            raise InvalidInput(fault, remedy="write it as https://api.example.com, with :PORT and /PATH if need be")
        # Capitals mean the same there (RFC 3986, section 6.2.2.1), and whom to trust was once chosen by `https:` in
        # small letters. The path of every request begins with the slash that is taken off here.
        return parts[1].lower() + (parts[2] or "").rstrip("/")

    @model_validator(mode="after")
    def _key_stays_private(self) -> ProviderConfig:
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        if parts.scheme == "http" and not is_loopback(host) and host != (self.insecure_host or "").lower():
            raise InvalidInput(
                "base_url: would send the key over plain http",
                remedy="use https, or allow this one host by name with the setting insecure_host",
            )
        return self


class NoOptions(BaseModel):
    """The options of an adapter that has none."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """One page of a listing. ``cursor`` leads to the next page and is the adapter's own; ``None`` ends the listing."""

    items: Sequence[ItemT]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which numbers are wanted. An adapter may narrow its requests by it; core filters what comes back in any case."""

    status: NumberStatus | None = None
    origin: Origin | None = None

    def matches(self, number: PhoneNumber) -> bool:
        """Whether a listing that was asked for shows this number."""
        return self.status in (None, number.status) and self.origin in (None, number.origin)


@dataclass(frozen=True, slots=True)
class AvailableQuery:
    """Which numbers for sale are wanted. ``line_type`` is the provider's own word."""

    line_type: str | None = None
    sort_by: Literal["number", "monthly_fee"] = "number"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a change is refused (``error``), or what its author should know (``warning``).

    ``field`` is the dotted name it is about. A client raises ``error`` objects as they are.
    """

    field: str
    message: str
    error: TelephonyError | None = None
    remedy: str | None = None

    @property
    def severity(self) -> Literal["error", "warning"]:
        """Whether the change would be refused, or only deserves a look."""
        return "warning" if self.error is None else "error"

    @classmethod
    def of(cls, name: str, error: TelephonyError) -> Problem:
        """A problem from the error that the change would end with."""
        if error.field is None and isinstance(error, InvalidInput):
            error.field = str(name)
        return cls(name, error.message, error, error.remedy)

    @classmethod
    def invalid(cls, name: str, message: str, *, remedy: Remedy | str) -> Problem:
        """That the change would end with `InvalidInput`: this field cannot be meant so."""
        return cls.of(name, InvalidInput(message, remedy=remedy))

    @classmethod
    def unsupported(cls, name: str, message: str, *, remedy: Remedy | str) -> Problem:
        """That the change would end with `UnsupportedField`: the provider cannot store this accurately."""
        return cls.of(name, UnsupportedField(message, field=name, remedy=remedy))

    def __str__(self) -> str:
        return f"{self.severity}: {self.field}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class Provider(ABC):
    """A vendor's account as core sees it. No method sends anything: flows yield requests.

    Only `list_page`, `get`, `read_error` and `auth_headers` are required; a vendor that offers more overrides more, and
    declares it in its `Capabilities` (the contract kit compares the two). Writes always get a whole `PhoneNumber`.
    """

    slug: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options_model: ClassVar[type[BaseModel]] = NoOptions
    secret_keys: ClassVar[frozenset[str]] = frozenset()
    """Payload keys that hold secrets, beyond the usual names."""
    ids_look_like_numbers: ClassVar[bool] = False
    """Whether a record's id may be a number, or be written like one. Elsewhere a number in the place of an id is
    refused before anything is sent."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    # -- how to talk to the vendor

    @abstractmethod
    def auth_headers(self) -> Mapping[str, str]:
        """Headers that carry the key; they go to ``base_url`` and nowhere else."""

    @abstractmethod
    def read_error(self, response: Response) -> ErrorEnvelope:
        """What the vendor's error envelope says. Must not raise, whatever the body is."""

    # -- reading

    @abstractmethod
    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        """One page of every number the account has, in every status. The same id may come twice; core merges."""

    @abstractmethod
    def get(self, id: str) -> Flow[PhoneNumber]:
        """The record with this id. Raises `NotFound`."""

    def find(self, identity: NumberIdentity) -> Flow[tuple[PhoneNumber, ...]]:
        """Every record of one E.164 number, where `Capabilities.finds_by_number` is declared. Anything else is looked
        for in the list, by core."""
        raise self.not_offered(Operation.FIND)

    def available_page(self, query: AvailableQuery, cursor: str | None) -> Flow[Page[AvailableNumber]]:
        """One page of the numbers for sale."""
        raise self.not_offered(Operation.SEARCH_AVAILABLE)

    def agents_page(self, cursor: str | None) -> Flow[Page[Agent]]:
        """One page of the agents that can be assigned to numbers."""
        raise self.not_offered(Operation.LIST_AGENTS)

    # -- writing

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        """Create the record, without agents. The create request is `ONCE`."""
        raise self.not_offered(Operation.IMPORT)

    def update_label(self, number: PhoneNumber, label: str | None) -> Flow[PhoneNumber]:
        """Rename the number; ``None`` takes the name away. By default it is not offered."""
        raise self.not_offered(Operation.UPDATE_LABEL)

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        """Change what is set in the halves of the change, and nothing else. By default it is not offered."""
        raise self.not_offered(Operation.UPDATE_SIP)

    def check_agents(self, assignment: AgentAssignment) -> Flow[None] | None:
        """Read what is needed to know that `assign_agents` will be accepted; raise what it would raise.

        Runs before an import, so that a number is not created for an assignment that cannot follow. ``None``: nothing
        has to be read.
        """
        return None

    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        """Assign the agents that are set; ``None`` takes one off. By default it is not offered."""
        raise self.not_offered(Operation.ASSIGN_AGENTS)

    def release(self, number: PhoneNumber) -> Flow[Release]:
        """Release the number, by a request that is `ONCE`. ``id`` and ``identity`` are those that the answer names.

        Where the vendor accepts without a word, return `release_ordered`: core looks what became of it.
        """
        raise self.not_offered(Operation.RELEASE)

    def revoke_release(self, number: PhoneNumber) -> Flow[PhoneNumber]:
        """Take back a release that has not taken effect. By default it is not offered."""
        raise self.not_offered(Operation.REVOKE_RELEASE)

    # -- judging

    def check(self, change: Change) -> Sequence[Problem]:
        """Problems beyond those that follow from the declared capabilities. Sends nothing."""
        return ()

    def waives(self, change: SipUpdate) -> frozenset[Field]:
        """Fields of this change that need none of the fields they are declared to require."""
        return frozenset()

    def side_effects(self, release: NumberRelease) -> frozenset[SideEffect]:
        """Which declared side effects a release would really have on this number."""
        return self.capabilities.side_effects.get(Operation.RELEASE, frozenset())

    def inbound_uri(self, number: PhoneNumber) -> SipAddress | None:
        """Where a carrier has to send the calls of this number; by default the declared ``inbound_host``.

        ``None`` where the vendor does not document it, and for numbers whose calls no carrier of the customer's has to
        send: those that the provider sold, and linked ones, which the provider points at itself.
        """
        declared = self.capabilities.inbound_host
        if declared is None or declared.host is None or number.origin in (Origin.PURCHASED, Origin.LINKED):
            return None
        return SipAddress.parse(declared.host)

    def agent_names(self, number: PhoneNumber) -> Mapping[str, str]:
        """The names of agents by their ids, as far as the number's own record tells them."""
        return {}

    def documented_record(self) -> Shape | None:
        """What a number's record is documented to look like, so that `telephony doctor` can tell what is new or gone.

        ``None``: this adapter does not say. It decides nothing: reading stays as tolerant as it is.
        """
        return None

    # -- for adapters

    def not_offered(self, operation: Operation) -> UnsupportedOperation:
        """The error for an operation that this provider does not have."""
        return UnsupportedOperation(
            f"{self.slug} cannot {operation.phrase}",
            remedy=f"`telephony providers {self.slug}` shows what it offers; the provider's dashboard may offer more",
        )

    def release_ordered(self, number: PhoneNumber) -> Release:
        """What `release` returns where the vendor accepts without a word: core looks what became of the number."""
        return Release(
            provider=self.slug,
            id=number.id,
            identity=number.identity,
            status=NumberStatus.UNKNOWN,
            revocable=False,
        )

    def options(self, change: NumberImport | SipUpdate) -> BaseModel:
        """This adapter's options in a change, validated by its own model. Raises `InvalidInput`."""
        return parse_options(self.slug, self.options_model, change.options)


def parse_options(slug: str, model: type[BaseModel], options: Mapping[str, Mapping[str, Any]]) -> BaseModel:
    """The options given for one provider. Raises `InvalidInput` naming what is unknown or wrong."""
    remedy = f"its options are: {', '.join(sorted(model.model_fields)) or 'none'}"
    given = options.get(slug, {})
    with instead_of(
        ValidationError, lambda error: InvalidInput(f"options for {slug}: {describe(error)}", remedy=remedy)
    ):
        return model.model_validate(dict(given) if isinstance(given, Mapping) else given)


ConfigT = TypeVar("ConfigT", bound=ProviderConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """How a provider registers: data, and three callables that import the rest only when it is needed.

    The plugin module that holds it imports no adapter, no wire models and no HTTP library.
    """

    slug: str
    """= entry-point name = adapter folder = cassette folder = docs page."""
    title: str
    capabilities: Capabilities
    config: Callable[[], type[ProviderConfig]]
    """Gives the config model."""
    factory: Callable[[Any], Provider]
    """Builds the provider from its config."""
    emulator: Callable[[], Emulator] | None = None
    """Builds a fresh emulator with realistic numbers in it."""
    contract: int = CONTRACT
    links: Mapping[str, str] = field(default_factory=dict)
    """Documentation for people, by title."""


def class_at(place: str) -> Callable[[], Any]:
    """Gives the class that is at a place (``telephony_acme.config:AcmeConfig``), imported then and not before."""

    def find() -> Any:
        found = resolve_name(place)
        if not isinstance(found, type):
            raise TypeError(f"{place} is no class but a {type(found).__name__}")
        return found

    return find


def made_by(place: str) -> Callable[..., Any]:
    """Makes an object of the class that is at a place, as `class_at` gives it."""
    find = class_at(place)

    def make(*given: object) -> Any:
        return find()(*given)

    return make
