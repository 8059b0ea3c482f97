"""One account that lies, and a client for it, sync or async."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AsyncTelephony,
    NumberImport,
    OutboundUpdate,
    PhoneNumber,
    Release,
    SideEffect,
    Telephony,
)
from telephony_core.emulator import Record
from telephony_core.provider.capabilities import Field
from telephony_core.testing.contract.driver import Driver
from tests.reliability.lies.lying_backend import LyingBackend
from tests.reliability.lies.strangers import add_somebodys
from tests.reliability.lies.vendors import state_of
from tests.reliability.lies.witness import Asked, Witness
from tests.reliability.models.simulated_time import SharedTime
from tests.vendors import VENDORS, Line, add, address_at, number_of, spec_of

Mode = Literal["sync", "async"]
MODES: Final[tuple[Mode, ...]] = ("sync", "async")
ALL: Final = frozenset(SideEffect)
ADDRESSES: Final = ("new.example.com:5060", "other.example.com:5060")
LABELS: Final = ("Reception", "Door")
LIST: Final = ["203.0.113.7"]


@contextmanager
def account_of(vendor: str, mode: Mode) -> Iterator[Account]:
    """An account in which one record is ours and one a stranger's."""
    account = Account(vendor, mode)
    try:
        yield account
    finally:
        account.close()


class Account:
    """``own`` and ``theirs`` are the ids of the two records; ``new`` is the number that can be imported."""

    def __init__(self, vendor: str, mode: Mode) -> None:
        self.vendor = vendor
        self.time = SharedTime()
        emulator = VENDORS[vendor].emulator(now=self.time.clock.now, twice=True)
        self.spec = spec_of(vendor)
        self.liar = LyingBackend("account", emulator, self.time)
        self.witness = Witness({"account": self.liar}, self.time)
        self.number, _, self.their_number, self.new, self.fresh = VENDORS[vendor].own
        ours = {"address": "trunk.example.com:5060", "username": "acme", "password": "s3cret", "allowed": tuple(LIST)}
        self.own = add(emulator, Line(self.number, label="Ours", **ours))
        self.theirs = add_somebodys(self.liar, self.their_number)
        kind = Telephony if mode == "sync" else AsyncTelephony
        given = {"api_key": self.liar.emulator.api_key, "backend": self.liar, "clock": self.time.clock}
        self.client = Driver(kind(self.spec, **given), self.time.runner)

    def close(self) -> None:
        self.client.close()
        self.time.close()

    # -- what is asked

    @property
    def operations(self) -> tuple[str, ...]:
        """Changes of a record that the vendor offers."""
        offered = self.spec.capabilities.operations
        return tuple(name for name in ("update_sip", "assign_agents", "update_label") if name in offered)

    def change(self, operation: str, number: PhoneNumber | str, pick: int = 0) -> PhoneNumber:
        """One of `operations`; ``pick`` chooses what is set."""
        self._ask(operation, number)
        match operation:
            case "update_label":
                return self.client.update_label(number, LABELS[pick % 2])
            case "update_sip":
                return self.client.update_sip(number, outbound=self._trunk(ADDRESSES[pick % 2]))
        return self.client.assign_agents(number, inbound=self.agent, allow=ALL)

    @property
    def agent(self) -> AgentRef:
        return AgentRef(next(iter(self.liar.emulator.agents.values())), version=PUBLISHED)

    def release(self, number: PhoneNumber | str, allow: frozenset[SideEffect] = ALL) -> Release:
        self._ask("release", number)
        return self.client.release(number, allow=allow)

    def bring(self, *, agent: bool = False) -> PhoneNumber:
        """Import the new number."""
        self.witness.begin(Asked("import", number=self.new))
        fields = self.spec.capabilities.fields
        label = {"label": LABELS[0]} if Field.LABEL in fields else {}
        served = {"inbound_agent": self.agent} if agent else {}
        inbound = {"inbound": {"allowed_addresses": LIST}} if Field.ALLOWED_ADDRESSES in fields else {}
        trunk = {"outbound": self._trunk("pbx.example.com:5060")}
        wish = NumberImport.model_validate({"number": self.new, **trunk, **label, **served, **inbound})
        return self.client.import_number(wish)

    def _trunk(self, host: str) -> OutboundUpdate:
        return OutboundUpdate(address=address_at(self.vendor, host), username="acme", password="s3cret")

    def read(self, id: str) -> PhoneNumber:
        self.witness.begin(Asked("get_number", id))
        return self.client.get_number(id)

    def _ask(self, operation: str, number: PhoneNumber | str) -> None:
        id, identity = (number, None) if isinstance(number, str) else (number.id, number.identity.e164)
        self.witness.begin(Asked(operation, id, identity))

    # -- looking

    @property
    def state(self) -> dict[str, Record]:
        return state_of(self.liar.emulator)

    def shows(self, operation: str, id: str, pick: int = 0) -> bool:
        """Whether the true record is as such a change leaves it."""
        record = self.state[id]
        text = str({name: record.get(name) for name in record if name != "(credentials)"})
        match operation:
            case "update_label":
                return LABELS[pick % 2] in text
            case "update_sip":
                return ADDRESSES[pick % 2].partition(":")[0] in text
        return self.agent.agent_id in text

    def number_at(self, id: str) -> str:
        return number_of(self.vendor, self.state[id])
