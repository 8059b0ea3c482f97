"""Every operation of every adapter as a case: an account to do it in, and the requests it is made of.

A step of a case is the kind of one request (see `fault_policy.md`) and, after a comma, its place or peculiarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from telephony_core import (
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    MediaEncryption,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    PhoneNumber,
    SideEffect,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.emulator import Emulator
from telephony_core.errors import OutcomeUnknown
from telephony_core.operations.reconciliation import Attempt
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.testing.contract.driver import Driver
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator
from tests.vendors import RELEASED, SCHEDULED, SHIPPED, VENDORS, Line, add, address_at, spec_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOST = "pbx.example.com:5060"
PASSWORD = "s3cret-of-the-trunk"
ALL = frozenset(SideEffect)


@dataclass(frozen=True)
class Account:
    """A vendor's account with few numbers: their ids by what they are good for."""

    emulator: Emulator
    ids: dict[str, str]
    new: str
    """A number that is not here yet."""

    @property
    def state(self) -> object:
        """Everything the vendor knows of numbers, credentials included, to be compared."""
        emulator = self.emulator
        records = emulator.records()
        read = getattr(emulator, "versions", None)
        versions = [read(agent) for agent in emulator.agents.values()] if read is not None else None
        return records, [emulator.credentials(str(record[emulator.id_key])) for record in records], versions


def trunk_at(provider: str) -> OutboundUpdate:
    return OutboundUpdate(address=address_at(provider, HOST), username="pbx", password=PASSWORD)


def account_at(provider: str, *, twice: bool = False) -> Account:
    """``twice``: the vendor takes a number that it has."""
    vendor = VENDORS[provider]
    emulator = vendor.emulator(now=lambda: NOW, twice=twice)
    own, bought, other, new, ending = vendor.own
    trunk = {"address": "trunk.example.com:5060", "username": "acme", "password": "old-password"}
    lines = {
        "own": Line(own, label="Front desk", inbound="sales", allowed=("192.0.2.10",), **trunk),
        "bought": Line(bought, imported=False),
        "other": Line(other, label="Somebody", inbound="reception"),
    }
    if vendor.over:
        lines["past"] = Line(new, status=RELEASED)
    if Operation.REVOKE_RELEASE in spec_of(provider).capabilities.operations:
        lines["ending"] = Line(ending, imported=False, status=SCHEDULED)
    ids = {name: add(emulator, line) for name, line in lines.items()}
    if isinstance(emulator, VoxEmulator):
        sold = {"line_type": "voip", "monthly_fee": 3300, "provider": "vox"}
        emulator.lines = [{"id": f"line{n}", "number": f"0707777000{n}", **sold} for n in range(3)]
    return Account(emulator, ids, new)


Run: TypeAlias = Callable[[Driver, Account], object]


@dataclass(frozen=True)
class Case:
    """One operation.

    ``looks`` counts the requests after the lost answer of a step of this kind: when it is found to be done, and when
    not.
    """

    provider: str
    name: str
    run: Run
    steps: tuple[str, ...]
    looks: Mapping[str, tuple[int, int]] = field(default_factory=dict, hash=False)
    goes_on: bool = False
    """Whether the rest of the steps follows when a look found the change."""

    def __str__(self) -> str:
        return f"{self.provider} {self.name}"

    def account(self) -> Account:
        return account_at(self.provider)


def a_number(id: str, provider: str = "diga", origin: Origin = Origin.PURCHASED) -> PhoneNumber:
    """A record as if it had been read before."""
    identity = NumberIdentity.parse("+34911234567", region="ES")
    return PhoneNumber(provider=provider, id=id, identity=identity, status=NumberStatus.ACTIVE, origin=origin)


def agent_of(account: Account, name: str) -> AgentRef:
    return AgentRef(account.emulator.agents[name], version=PUBLISHED)


def unpublished(account: Account) -> AgentRef:
    """A version of an agent of which none is published."""
    emulator = account.emulator
    assert isinstance(emulator, DigaEmulator)
    agent = emulator.agents["survey"]
    return AgentRef(agent, version=emulator.versions(agent)[0].version_id)


def an_import(account: Account, *, agent: bool = True) -> NumberImport:
    return NumberImport(
        number=account.new,
        label="Brought in",
        inbound=InboundUpdate(allow_any=True),
        outbound=trunk_at(account.emulator.slug),
        inbound_agent=agent_of(account, "reception") if agent else None,
    )


def lost(account: Account, operation: Operation) -> OutcomeUnknown:
    """A write of which nobody knows what became."""
    slug = account.emulator.slug
    own = VENDORS[slug].own[0], account.ids["own"]
    number, id = (account.new, None) if operation is Operation.IMPORT else own
    return OutcomeUnknown("lost", attempt=Attempt(slug, operation, NumberIdentity.parse(number, region="KR"), id))


@dataclass(frozen=True)
class Requests:
    """Of what a vendor's operations are made, where vendors differ."""

    passes: int
    """Requests of a listing."""
    ends: Mapping[str, tuple[str, ...]]
    """What follows the read before a release, by the number that is released."""
    to_release: str = "read, to release"
    dropdown: tuple[str, ...] = ()
    """Before an agent is assigned: in which versions there is one."""
    made: tuple[str, ...] = ()
    """After an import that is answered with an id alone."""
    change: tuple[str, ...] = ("read", "update")
    """A change of the trunk."""


def _gone(passes: int) -> tuple[str, ...]:
    """What its id does not show any more is looked for in a listing: gone is what neither shows."""
    return ("once, answer not read", "look after release", *("look after release, listed",) * passes)


SCHEDULED_AT_ONCE = ("once, to release", "look after release, scheduled")  # its id shows it on, as expired
REQUESTS = {
    "vox": Requests(4, {"own": SCHEDULED_AT_ONCE, "bought": SCHEDULED_AT_ONCE}),
    "diga": Requests(
        6,
        {"own": _gone(6), "bought": ("once, answer not read", "look after release, scheduled")},
        dropdown=("read",),
    ),
    "elevenlabs": Requests(
        1,
        {"own": _gone(1)},
        "read, to release, unless linked",
        made=("look after import",),
        # What linked numbers cannot do is refused by the first read; the second one is what the half is built of.
        change=("read, unless linked", "read, to build a half", "update"),
    ),
    "retell": Requests(1, {"own": _gone(1), "bought": _gone(1)}),
}


def _cases_at(slug: str) -> Iterator[Case]:
    asks, vendor, capabilities = REQUESTS[slug], VENDORS[slug], spec_of(slug).capabilities
    passes = asks.passes
    listing = ("read, of a list",) * passes
    # The last pass shows a record of the number that is to be imported, and that record is over.
    looking = (*listing[1:], "read, shows an old record" if vendor.over else "read, of a list")
    found = passes + len(asks.change) - 1  # its credentials, which nobody can see, are sent again

    def case(name: str, run: Run, *steps: str, **more: object) -> Case:
        return Case(slug, name, run, steps, **more)

    yield case("list", lambda c, _: c.list_numbers(), *listing)
    yield case("get", lambda c, a: c.get_number(a.ids["own"]), "read")
    yield case("find", lambda c, _: c.find_number(vendor.own[0]), *listing)
    yield case("settle an import", lambda c, a: c.reconcile(lost(a, Operation.IMPORT)), *listing)
    yield case(
        "settle a release",
        lambda c, a: c.reconcile(lost(a, Operation.RELEASE)),
        "read, to settle a release",
        looks={"read": (passes, passes)},
    )  # fmt: skip
    imported = {"once": (found, passes), "look after import": (found, passes)}
    yield case(
        "import",
        lambda c, a: c.import_number(an_import(a, agent=False)),
        *looking, "once", *asks.made,
        looks=imported,
    )  # fmt: skip
    yield case(
        "import with an agent",
        lambda c, a: c.import_number(an_import(a)),
        *looking, *asks.dropdown, "once", *asks.made, *(f"{step}, after import" for step in (*asks.dropdown, "assign")),
        looks={**imported, "assign": (1, 1)}, goes_on=True,
    )  # fmt: skip
    looked = {"update": (1, 1)}
    yield case("update label", lambda c, a: c.update_label(a.ids["own"], "Reception"), "read", "update", looks=looked)
    trunk = trunk_at(slug)
    yield case("update SIP", lambda c, a: c.update_sip(a.ids["own"], outbound=trunk), *asks.change, looks=looked)
    if Field.ALLOWED_ADDRESSES in capabilities.fields:
        inbound = InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption=MediaEncryption.REQUIRE)
        yield case(
            "update SIP, both halves",
            lambda c, a: c.update_sip(a.ids["own"], inbound=inbound, outbound=trunk),
            *asks.change,
            looks=looked,
        )
    yield case(
        "assign agents",
        lambda c, a: c.assign_agents(a.ids["own"], inbound=agent_of(a, "reception")),
        "read", *asks.dropdown, "assign",
        looks={"assign": (1, 1)},
    )  # fmt: skip
    if SideEffect.PUBLISHES in capabilities.side_effects.get(Operation.ASSIGN_AGENTS, ()):
        yield case(
            "assign agents, which publishes",
            lambda c, a: c.assign_agents(a.ids["own"], inbound=unpublished(a), allow=ALL),
            "read", "read", "once",
            looks={"once": (2, 1)},
        )  # fmt: skip
    for kind, end in asks.ends.items():
        yield case(
            f"release, {kind}",
            lambda c, a, kind=kind: c.release(a.ids[kind], allow=ALL),
            asks.to_release, *end,
            looks={
                "read": (passes, passes),
                "once": (len(end) - 1, 1),
                "once, 404": (passes, passes),
                "look after release": (passes, passes),
            },
        )  # fmt: skip
    if Operation.SEARCH_AVAILABLE in capabilities.operations:
        yield case("search for sale", lambda c, _: c.search_available(), "read, of a list")
    if Operation.LIST_AGENTS in capabilities.operations:
        yield case("list agents", lambda c, _: c.list_agents(), "read, of a list")
    if Operation.REVOKE_RELEASE in capabilities.operations:
        revoke: Run = lambda c, a: c.revoke_release(a.ids["ending"])  # noqa: E731
        yield case("revoke a release", revoke, "read", "once", looks={"once": (1, 1)})


CASES = [case for slug in SHIPPED for case in _cases_at(slug)]


@contextmanager
def cells() -> Iterator[list[str]]:
    """Collects what is wrong with the cells of one test, and fails with all of it."""
    wrong: list[str] = []
    yield wrong
    assert not wrong, "\n" + "\n".join(wrong)
