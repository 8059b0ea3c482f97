"""The settings of an adapter under test, and the helpers of every case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, ClassVar, NoReturn, TypeVar

import pytest
from pydantic import SecretStr

from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.emulator import Emulator, Record, StoredCredentials
from telephony_core.errors import TelephonyError
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.changes import NumberImport
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import registry
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import CASES, WRITTEN_BY, values_of
from telephony_core.testing.contract.driver import Driver
from telephony_core.testing.emulation import new_emulator

ValueT = TypeVar("ValueT")
ErrorT = TypeVar("ErrorT", bound=TelephonyError)

EVERYTHING = frozenset(SideEffect)
HALVES = ("inbound", "outbound")
PAIR = frozenset({Field.USERNAME, Field.PASSWORD})
PASSWORD = 'contract-"päss"-word'
"""With a quote and a letter beyond ASCII, so that escaping on the way shows."""


def needed(value: ValueT | None, absent: str) -> ValueT:
    """What a case needs of its provider. Skips the case where that is absent, and says so in its report.

    Every adapter runs every case, and what does not apply to one has to be seen. What an emulator lacks is no such
    thing: that fails.
    """
    if not value:
        pytest.skip(absent)
    return value


class Subject:
    """The provider under test. A subclass sets ``provider``, ``new_number`` and `page`; the rest has defaults."""

    provider: ClassVar[str | ProviderSpec]
    """Its slug, or its spec where the distribution is not installed."""
    new_number: ClassVar[str]
    """A valid E.164 number that the provider would take, and that its emulator does not hold."""

    id_key: ClassVar[str] = "id"
    number_key: ClassVar[str] = "number"
    status_key: ClassVar[str | None] = "status"
    """Keys of the vendor's number record; no ``status_key`` where every record stands for a number in use."""

    paged: ClassVar[bool] = True
    """Whether a listing comes in pages; where it comes whole, `page` leaves the cursor out."""

    unmodelled_keys: ClassVar[Mapping[str, str]] = {}
    """Dotted keys of the vendor's record that set a setting of `Capabilities.unmodelled`, where its name is another."""

    label: ClassVar[str] = "Contract kit ☎"
    address: ClassVar[str] = "trunk.contract.example:5070"
    username: ClassVar[str] = "contract-user"
    allowed_addresses: ClassVar[tuple[str, ...]] = ("203.0.113.7", "2001:db8:7::/48")
    """Settings that the vendor accepts."""

    def page(self, records: list[object], cursor: str | None) -> object:
        """The vendor's page of a listing: these number records, and where the next page is."""
        self._has_to("say what a page of its vendor looks like")

    def agent(self, emulator: Emulator) -> AgentRef:
        """An agent that can be assigned without any side effect."""
        return AgentRef(next(iter(emulator.agents.values()), "agent-1"), version=PUBLISHED)

    def agent_by_literal(self, emulator: Emulator) -> AgentRef:
        """One in the vendor's own word for a version; needed where `AgentVersions.literals` is declared."""
        self._has_to("name an agent by one of its vendor's version literals")

    def agent_with_side_effect(self, emulator: Emulator) -> AgentRef:
        """One whose assignment has the declared side effect; needed where `ASSIGN_AGENTS` declares one."""
        self._has_to("name an agent whose assignment has a side effect")

    def _has_to(self, what: str) -> NoReturn:
        """Fail the case: what the kit cannot know of a vendor, its subclass has to tell."""
        pytest.fail(f"{type(self).__name__} has to {what}", pytrace=False)

    def agent_field(self, account: ContractAccount) -> Field:
        """The direction in which agents can be assigned; the inbound one if there are both."""
        fields = (Field.INBOUND_AGENT, Field.OUTBOUND_AGENT)
        return next(name for name in fields if account.capabilities.can_write(name))

    def number_with_side_effect(self, account: ContractAccount) -> PhoneNumber:
        """A number to assign that agent to; override it where the side effect follows from what the number has."""
        return self.number_for(account, Operation.ASSIGN_AGENTS)

    # -- set-up

    @classmethod
    def spec(cls) -> ProviderSpec:
        return registry.spec(cls.provider) if isinstance(cls.provider, str) else cls.provider

    @classmethod
    def capabilities(cls) -> Capabilities:
        return cls.spec().capabilities

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrise by what is declared: one case for each writable field, each operation not offered, …"""
        spec = self.spec()
        for name in sorted(CASES.keys() & set(metafunc.fixturenames)):
            nothing = pytest.mark.skip(reason=f"{spec.slug} declares no {name.replace('_', ' ')} case")
            # One skipped case in the place of none, so that a report shows what was not tried.
            values = list(values_of(name, spec.capabilities)) or [pytest.param(None, marks=nothing, id="none")]
            metafunc.parametrize(name, values, ids=str)

    @pytest.fixture(params=("sync", "async"))
    def account(self, request: pytest.FixtureRequest) -> Iterator[ContractAccount]:
        """An account on a fresh emulator, once with each client."""
        spec = self.spec()
        with closing(ContractAccount(spec, new_emulator(spec), request.param)) as account:
            yield account

    def needs(self, account: ContractAccount, operation: Operation) -> None:
        """Skip the case of a provider that does not offer this."""
        needed(
            account.capabilities.offers(operation), f"{account.spec.slug} offers no {operation.value.replace('_', ' ')}"
        )

    def needs_pages(self, account: ContractAccount) -> None:
        """Skip the case of a provider whose listing comes whole."""
        needed(self.paged, f"{account.spec.slug} lists everything at once")

    def needs_status(self, account: ContractAccount) -> str:
        """The key of the status. Skips the case of a provider whose records have none."""
        return needed(self.status_key, f"a record of {account.spec.slug} has no status")

    # -- choosing numbers

    def numbers(
        self,
        account: ContractAccount,
        *,
        status: NumberStatus = NumberStatus.ACTIVE,
        origins: Iterable[Origin] | None = None,
    ) -> list[PhoneNumber]:
        """Numbers of the emulator in this status and of these origins."""
        wanted = None if origins is None else frozenset(origins)
        return [n for n in account.client.list_numbers(status=status) if wanted is None or n.origin in wanted]

    def number_for(self, account: ContractAccount, operation: Operation, origin: Origin | None = None) -> PhoneNumber:
        """An active number to which an operation can be done; one with a trunk and without agents if there is any."""
        support = account.capabilities.operations.get(operation)
        origins = {origin} if origin is not None else None if support is None else support.origins
        numbers = self.numbers(account, origins=origins)
        if not numbers:
            pytest.fail(f"the emulator has no active number for {operation} ({origin or 'any origin'}): seed one")
        # On a number with agents a release may need consent, and on one without a trunk a change cannot be seen.
        return min(numbers, key=_distance)

    def changeable(self, account: ContractAccount, operation: Operation, origin: Origin | None = None) -> PhoneNumber:
        """A number in a state in which this operation is possible."""
        number = self.number_for(account, operation, origin)
        if operation is not Operation.REVOKE_RELEASE:
            return number
        account.client.release(number, allow=EVERYTHING)
        return account.client.get_number(number.id)

    def filled(self, account: ContractAccount, number: PhoneNumber) -> PhoneNumber:
        """This number with a value in every field that can be written: what is lost shows on no empty one."""
        for operation in (Operation.UPDATE_LABEL, Operation.UPDATE_SIP, Operation.ASSIGN_AGENTS):
            names = [n for n in Field if WRITTEN_BY[n] is operation and account.capabilities.can_write(n)]
            if names and account.capabilities.offers(operation, number.origin):
                number = self.write(account, number, {name: self.value(account, name, number) for name in names})
        return number

    def state(self, account: ContractAccount) -> dict[str, tuple[PhoneNumber, StoredCredentials]]:
        """Every number by its id, with the credentials that no answer shows."""
        numbers = account.client.list_numbers()
        return {n.id: (n, account.emulator.credentials(n.id) or StoredCredentials()) for n in numbers}

    def record(self, account: ContractAccount) -> Record:
        """A vendor's record with as many values as any record of the emulator has: the fullest one, with its empty
        fields filled in from others."""
        records = account.emulator.records()
        fullest = max(records, key=_weight)
        whole = dict(fullest)
        for other in records:
            whole = _filled_in(whole, other)
        return whole

    # -- values

    def value(self, account: ContractAccount, name: Field, number: PhoneNumber | None = None) -> Any:
        """A value of a field that the vendor accepts, other than the one that the number has."""
        match name:
            case Field.LABEL:
                return self.label
            case Field.ADDRESS:
                return SipAddress.parse(self.address)
            case Field.USERNAME:
                return self.username
            case Field.PASSWORD:
                return SecretStr(PASSWORD)
            case Field.ALLOWED_ADDRESSES:
                return self.allowed_addresses
            case Field.INBOUND_AGENT | Field.OUTBOUND_AGENT:
                return self.agent(account.emulator)
            case Field.INBOUND_ENCRYPTION | Field.OUTBOUND_ENCRYPTION:
                current = None if number is None else read_field(number, name)
                # Not ALLOW, which vendors fill in by themselves where nothing was sent.
                choice = (MediaEncryption.REQUIRE, MediaEncryption.DISABLE)
                return choice[1] if current is choice[0] else choice[0]

    def new_value(self, account: ContractAccount, name: Field, number: PhoneNumber) -> dict[Field, object]:
        """An update of one field of a number, complete."""
        return self.with_companions(account, {name: self.value(account, name, number)}, number)

    def with_companions(
        self, account: ContractAccount, values: Mapping[Field, object], number: PhoneNumber | None = None
    ) -> dict[Field, object]:
        """Values, and those of the fields that have to be in the same update: cleared along where they can be."""
        whole = dict(values)
        for name, value in values.items():
            for companion in account.capabilities.fields[name].requires - whole.keys():
                cleared = value is None and account.capabilities.can_clear(companion)
                whole[companion] = None if cleared else self.value(account, companion, number)
        return whole

    def import_of(self, account: ContractAccount, fields: Iterable[Field], **more: Any) -> NumberImport:
        """An import with a value for each of these fields, every side effect and an open trunk allowed."""
        values = {name: self.value(account, name) for name in fields}
        inbound, outbound = halves(values)
        if inbound is UNSET and account.capabilities.can_write(Field.ALLOWED_ADDRESSES):
            inbound = InboundUpdate(allow_any=True)
        return NumberImport(
            **{
                "number": self.new_number,
                "allow": EVERYTHING,
                **{str(name): value for name, value in values.items() if "." not in name},
                **({"inbound": inbound} if inbound else {}),
                **({"outbound": outbound} if outbound else {}),
                **more,
            }
        )

    def required(self, account: ContractAccount) -> set[Field]:
        """The fields without which nothing is imported."""
        fields = account.capabilities.fields
        needed = {name for name in fields if fields[name].required_on_import}
        return needed | (PAIR if needed & PAIR else set())

    def importable(self, account: ContractAccount) -> set[Field]:
        """Every field that an import can carry."""
        can_assign = account.capabilities.offers(Operation.ASSIGN_AGENTS)
        return {
            name
            for name in Field
            if account.capabilities.can_write(name) and (can_assign or WRITTEN_BY[name] is not Operation.ASSIGN_AGENTS)
        }

    # -- doing

    def write(
        self,
        account: ContractAccount,
        number: PhoneNumber | str,
        values: Mapping[Field, object],
        *,
        allow: Iterable[SideEffect] = EVERYTHING,
        client: Driver | None = None,
    ) -> PhoneNumber:
        """Write fields of one operation."""
        (operation,) = {WRITTEN_BY[name] for name in values}
        client, by_name = client or account.client, {str(name): value for name, value in values.items()}
        if operation is Operation.UPDATE_LABEL:
            label = by_name["label"]
            assert label is None or isinstance(label, str)
            return client.update_label(number, label)
        if operation is Operation.ASSIGN_AGENTS:
            inbound, outbound = (_agent(by_name.get(key, UNSET)) for key in ("inbound_agent", "outbound_agent"))
            return client.assign_agents(number, inbound=inbound, outbound=outbound, allow=allow)
        inbound_half, outbound_half = halves(values)
        return client.update_sip(number, inbound=inbound_half, outbound=outbound_half)

    def attempt(
        self, account: ContractAccount, operation: Operation, number: PhoneNumber | str, client: Driver | None = None
    ) -> Callable[[], object]:
        """An operation with valid values, ready to be called."""
        client = client or account.client
        record = number if isinstance(number, PhoneNumber) else None
        match operation:
            case Operation.IMPORT:
                return partial(client.import_number, self.import_of(account, self.required(account)))
            case Operation.RELEASE:
                return partial(client.release, number, allow=EVERYTHING)
            case Operation.REVOKE_RELEASE:
                return partial(client.revoke_release, number)
            case Operation.SEARCH_AVAILABLE:
                return client.search_available
            case Operation.LIST_AGENTS:
                return client.list_agents
            case _:
                names = [name for name, by in WRITTEN_BY.items() if by is operation]
                name = next((name for name in names if account.capabilities.can_write(name)), names[0])
                values: dict[Field, object] = {name: self.value(account, name, record)}
                if name in account.capabilities.fields:
                    values = self.with_companions(account, values, record)
                return partial(self.write, account, number, values, client=client)

    # -- asserting

    def refused(
        self, account: ContractAccount, kind: type[ErrorT] | tuple[type[ErrorT], ...], call: Callable[[], object]
    ) -> ErrorT:
        """The error of a call that is refused before any request, with all that an error has to say."""
        with account.no_request(), pytest.raises(kind) as caught:
            call()
        error = caught.value
        assert error.provider == account.spec.slug
        assert error.operation
        assert error.remedy, "an error says what to do next"
        return error

    def assert_written(self, account: ContractAccount, number: PhoneNumber, values: Mapping[Field, object]) -> None:
        """What was written came back, is there when it is read again, or is at the vendor where it cannot be read."""
        records = [number, account.client.get_number(number.id)]
        for name, value in values.items():
            if account.capabilities.can_read(name):
                for record in records:
                    read = read_field(record, name)
                    assert same(value, read, account.capabilities), f"{name} was written as {value} and reads {read}"
            # A password is never readable: whether it arrived only the emulator knows.
            elif name in PAIR:
                stored = account.emulator.credentials(number.id)
                held = None if stored is None else getattr(stored, name.split(".")[1])
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                assert held == plain, f"{name} did not reach the vendor"


def _distance(number: PhoneNumber) -> tuple[bool, bool]:
    """How far a number is from one with a trunk address and without agents, on which every change shows."""
    without_trunk = number.sip is None or number.sip.outbound.address is None
    return without_trunk, (number.inbound_agent or number.outbound_agent) is not None


def _filled_in(record: Record, other: Record) -> Record:
    """The record with its empty fields filled in from another one, at every depth."""
    filled = {**record, **{key: value for key, value in other.items() if record.get(key) is None}}
    return filled | {
        key: _filled_in(value, more)
        for key, value in record.items()
        if isinstance(value, dict) and isinstance(more := other.get(key), dict)
    }


def _weight(record: Record) -> int:
    """How much a record holds."""
    return len(str({key: value for key, value in record.items() if value}))


def halves(values: Mapping[Field, object]) -> tuple[InboundUpdate | Unset, OutboundUpdate | Unset]:
    """Trunk settings as the two halves of an update, an open trunk allowed; a half without any is left out."""
    leaves = {half: {n.split(".")[1]: v for n, v in values.items() if n.startswith(f"{half}.")} for half in HALVES}
    return (
        InboundUpdate.model_validate({**leaves["inbound"], "allow_any": True}) if leaves["inbound"] else UNSET,
        OutboundUpdate.model_validate(leaves["outbound"]) if leaves["outbound"] else UNSET,
    )


def _agent(value: object) -> AgentRef | None | Unset:
    assert value is None or isinstance(value, AgentRef | Unset)
    return value


def same(written: object, read: object, capabilities: Capabilities) -> bool:
    """Whether a value came back as it was written, as far as the provider declares that it can be read."""
    if isinstance(written, SipAddress) and isinstance(read, SipAddress):
        written, read = capabilities.as_meant(written), capabilities.as_meant(read)
        return written.same_endpoint(read) and written.params == read.params
    if isinstance(written, AgentRef) and isinstance(read, AgentRef):
        rules = capabilities.agent_versions
        # Where versions cannot be read back, the agent alone can be compared.
        version = written.version if rules is not None and rules.readable else None
        return read == AgentRef(written.agent_id, version=version)
    if isinstance(written, tuple) and isinstance(read, tuple):
        # The order of an allow-list means nothing.
        return set(written) == set(read)
    return written == read


def leaves(body: object) -> Iterator[object]:
    """Every value of a JSON document that is neither an object nor a list."""
    if isinstance(body, dict):
        for value in body.values():
            yield from leaves(value)
    elif isinstance(body, list):
        for value in body:
            yield from leaves(value)
    else:
        yield body
