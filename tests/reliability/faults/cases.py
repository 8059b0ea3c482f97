"""Every operation of both adapters as a case: an account to do it in, and the requests it is made of.

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
from telephony_core.emulator import Emulator, StoredCredentials
from telephony_core.errors import OutcomeUnknown
from telephony_core.operations.reconciliation import Attempt
from telephony_core.provider.capabilities import Operation
from telephony_core.testing.contract.driver import Driver
from telephony_diga.emulator import DigaEmulator
from telephony_vox.emulator import VoxEmulator

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NEW = {"vox": "+827099998888", "diga": "+34910000001"}
OWN = {"vox": "+827011112222", "diga": "+34612345678"}
TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="pbx", password="s3cret-of-the-trunk")
OLD = StoredCredentials("acme", "old-password")
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
        versions = (
            [emulator.versions(agent) for agent in emulator.agents.values()]
            if isinstance(emulator, DigaEmulator)
            else None
        )
        return records, [emulator.credentials(str(record["id"])) for record in records], versions


def vox(*, allow_duplicates: bool = False) -> Account:
    emulator = VoxEmulator(seed=False, now=lambda: NOW, allow_duplicates=allow_duplicates)
    born = int(NOW.timestamp() * 1000) - 86_400_000
    agent = {"agent_id": emulator.agents["reception"], "agent_version": "v7"}
    ids = {
        "own": emulator.add(number="07011112222", memo="Front desk", inbound_agent=agent, credentials=OLD),
        "bought": emulator.add(number="0212345678", provider="vox", start_at=born),
        "ending": emulator.add(
            number="0311234567", provider="vox", status="cancel_requested", start_at=born, end_at=born + 20 * 86_400_000
        ),
        "other": emulator.add(number="07011113333", memo="Somebody", inbound_agent=agent),
        "past": emulator.add(number=NEW["vox"].replace("+82", "0"), status="expired", end_at=born),
    }
    emulator.lines = [
        {"id": f"line{n}", "number": f"0707777000{n}", "line_type": "voip", "monthly_fee": 3300, "provider": "vox"}
        for n in range(3)
    ]
    return Account(emulator, ids, NEW["vox"])


def diga(*, allow_duplicates: bool = False) -> Account:
    emulator = DigaEmulator(seed=False, now=lambda: NOW, allow_duplicates=allow_duplicates)
    agents = emulator.agents
    sip = {
        "termination_uri": "trunk.example.com:5060",
        "username": "acme",
        "inbound_media_encryption": "allow",
        "outbound_media_encryption": "allow",
        "allowed_addresses": ["192.0.2.10"],
    }
    ids = {
        "own": emulator.add(
            number="+34612345678", nickname="Front desk", inbound_agent_id=agents["sales"], sip_config=sip,
            credentials=OLD,
        ),
        "bought": emulator.add(number="+34911234567", telephony_provider="netelip"),
        "other": emulator.add(number="+34612345679", nickname="Somebody", inbound_agent_id=agents["support"]),
        "past": emulator.add(number=NEW["diga"], status="finished"),
    }  # fmt: skip
    return Account(emulator, ids, NEW["diga"])


ACCOUNTS: dict[str, Callable[..., Account]] = {"vox": vox, "diga": diga}

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
        return ACCOUNTS[self.provider]()


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
        outbound=TRUNK,
        inbound_agent=agent_of(account, "reception") if agent else None,
    )


def lost(account: Account, operation: Operation) -> OutcomeUnknown:
    """A write of which nobody knows what became."""
    slug = account.emulator.slug
    number, id = (account.new, None) if operation is Operation.IMPORT else (OWN[slug], account.ids["own"])
    return OutcomeUnknown("lost", attempt=Attempt(slug, operation, NumberIdentity.parse(number, region="KR"), id))


def _cases() -> Iterator[Case]:
    for slug, passes in (("vox", 4), ("diga", 6)):
        listing = ("read",) * passes
        # The last pass shows a record of the number that is to be imported, and that record is over.
        looking = (*listing[1:], "read, shows an old record")
        dropdown = ("read",) if slug == "diga" else ()
        # What its id does not show any more is looked for in a listing: gone is what neither shows.
        gone = ("look after release, listed",) * passes
        ends = {
            "vox own": ("once, to release", "look after release, scheduled"),  # its id shows it on, as expired
            "vox bought": ("once, to release", "look after release, scheduled"),
            "diga own": ("once, answer not read", "look after release", *gone),
            "diga bought": ("once, answer not read", "look after release, scheduled"),
        }

        def case(name: str, run: Run, *steps: str, slug: str = slug, **more: object) -> Case:
            return Case(slug, name, run, steps, **more)  # type: ignore[arg-type]

        yield case("list", lambda c, _: c.list_numbers(), *listing)
        yield case("get", lambda c, a: c.get_number(a.ids["own"]), "read")
        own = {"vox": "070-1111-2222", "diga": "612 345 678"}[slug]
        yield case("find", lambda c, _, own=own: c.find_number(own), *listing)  # type: ignore[misc]
        yield case("settle an import", lambda c, a: c.reconcile(lost(a, Operation.IMPORT)), *listing)
        yield case(
            "settle a release",
            lambda c, a: c.reconcile(lost(a, Operation.RELEASE)),
            "read, to settle a release",
            looks={"read": (passes, passes)},
        )  # fmt: skip
        yield case(
            "import",
            lambda c, a: c.import_number(an_import(a, agent=False)),
            *looking, "once",
            looks={"once": (passes + 1, passes)},
        )  # fmt: skip
        yield case(
            "import with an agent",
            lambda c, a: c.import_number(an_import(a)),
            *looking, *dropdown, "once", *(f"{step}, after import" for step in (*dropdown, "assign")),
            looks={"once": (passes + 1, passes), "assign": (1, 1)}, goes_on=True,
        )  # fmt: skip
        looked = {"update": (1, 1)}
        rename = lambda c, a: c.update_label(a.ids["own"], "Reception")  # noqa: E731
        yield case("update label", rename, "read", "update", looks=looked)
        change = lambda c, a: c.update_sip(a.ids["own"], outbound=TRUNK)  # noqa: E731
        yield case("update SIP", change, "read", "update", looks=looked)
        yield case(
            "assign agents",
            lambda c, a: c.assign_agents(a.ids["own"], inbound=agent_of(a, "reception")),
            "read", *dropdown, "assign",
            looks={"assign": (1, 1)},
        )  # fmt: skip
        for kind in ("own", "bought"):
            yield case(
                f"release, {kind}",
                lambda c, a, kind=kind: c.release(a.ids[kind], allow=ALL),  # type: ignore[misc]
                "read, to release", *ends[f"{slug} {kind}"],
                looks={
                    "read": (passes, passes),
                    "once": (1 + passes if (slug, kind) == ("diga", "own") else 1, 1),
                    "once, 404": (passes, passes),
                    "look after release": (passes, passes),
                },
            )  # fmt: skip
    yield Case("vox", "search for sale", lambda c, _: c.search_available(), ("read",))
    yield Case(
        "vox",
        "revoke a release",
        lambda c, a: c.revoke_release(a.ids["ending"]),
        ("read", "once"),
        looks={"once": (1, 1)},
    )
    yield Case(
        "diga",
        "update SIP, both halves",
        lambda c, a: c.update_sip(
            a.ids["own"],
            inbound=InboundUpdate(allowed_addresses=["203.0.113.7"], media_encryption=MediaEncryption.REQUIRE),
            outbound=TRUNK,
        ),
        ("read", "update"),
        looks={"update": (1, 1)},
    )
    yield Case(
        "diga",
        "assign agents, which publishes",
        lambda c, a: c.assign_agents(a.ids["own"], inbound=unpublished(a), allow=ALL),
        ("read", "read", "once"),
        looks={"once": (2, 1)},
    )


CASES = list(_cases())


@contextmanager
def cells() -> Iterator[list[str]]:
    """Collects what is wrong with the cells of one test, and fails with all of it."""
    wrong: list[str] = []
    yield wrong
    assert not wrong, "\n" + "\n".join(wrong)
