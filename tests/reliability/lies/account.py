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
from telephony_core.emulator import Record, StoredCredentials
from telephony_core.testing.contract.driver import Driver
from tests.reliability.lies.lying_backend import LyingBackend
from tests.reliability.lies.strangers import add_somebodys
from tests.reliability.lies.vendors import new_emulator, number_of, provider_of, state_of, written
from tests.reliability.lies.witness import Asked, Witness
from tests.reliability.models.simulated_time import SharedTime

Mode = Literal["sync", "async"]
VENDORS: Final = ("vox", "diga", "acme")
MODES: Final[tuple[Mode, ...]] = ("sync", "async")
ALL: Final = frozenset(SideEffect)
TRUNK: Final = OutboundUpdate(address="pbx.example.com:5060", username="acme", password="s3cret")
ADDRESS: Final = "new.example.com:5060"
LABEL: Final = "Reception"
LIST: Final = ["203.0.113.7"]
NUMBERS: Final = {
    "vox": ("+827011110000", "+827011110001", "+827011110002", "+827011110003"),
    "diga": ("+34612000000", "+34612000001", "+34612000002", "+34612000003"),
    "acme": ("+442079460100", "+442079460101", "+442079460102", "+442079460103"),
}
"""By vendor: ours, a stranger's, one that is to be imported, one that nobody has yet."""


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
        self.liar = LyingBackend("account", new_emulator(vendor, self.time), self.time)
        self.witness = Witness({"account": self.liar}, self.time)
        self.number, self.their_number, self.new, self.fresh = NUMBERS[vendor]
        self.own = self._add_own()
        self.theirs = add_somebodys(self.liar, self.their_number)
        kind = Telephony if mode == "sync" else AsyncTelephony
        given = {"api_key": self.liar.emulator.api_key, "backend": self.liar, "clock": self.time.clock}
        self.client = Driver(kind(provider_of(vendor), **given), self.time.runner)  # type: ignore[arg-type]

    def close(self) -> None:
        self.client.close()
        self.time.close()

    def _add_own(self) -> str:
        emulator, given = self.liar.emulator, StoredCredentials("acme", "s3cret")
        number = {self.liar.words.number: written(self.vendor, self.number)}
        if self.vendor == "vox":
            return emulator.add(memo="Ours", credentials=given, **number)
        if self.vendor == "diga":
            sip = {
                "termination_uri": "trunk.example.com:5060",
                "username": "acme",
                "allowed_addresses": ["203.0.113.7"],
            }
            encryption = dict.fromkeys(("inbound_media_encryption", "outbound_media_encryption"), "allow")
            return emulator.add(nickname="Ours", sip_config={**sip, **encryption}, credentials=given, **number)
        trunk = {"address": {"host": "trunk.example.com", "port": 5060}, "username": "acme", "allowed": LIST}
        return emulator.add(trunk=trunk, credentials=given, **number)

    # -- what is asked

    @property
    def operations(self) -> tuple[str, ...]:
        """Changes of a record that the vendor offers."""
        return ("update_sip", "assign_agents", *(("update_label",) if self.vendor != "acme" else ()))

    def change(self, operation: str, number: PhoneNumber | str, pick: int = 0) -> PhoneNumber:
        """One of `operations`; ``pick`` chooses what is set."""
        self._ask(operation, number)
        match operation:
            case "update_label":
                return self.client.update_label(number, (LABEL, "Door")[pick % 2])
            case "update_sip":
                address = (ADDRESS, "other.example.com:5060")[pick % 2]
                outbound = OutboundUpdate(address=address, username="acme", password="s3cret")
                return self.client.update_sip(number, outbound=outbound)
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
        label = {} if self.vendor == "acme" else {"label": LABEL}
        served = {"inbound_agent": self.agent} if agent else {}
        inbound = {} if self.vendor == "vox" else {"inbound": {"allowed_addresses": LIST}}
        wish = NumberImport.model_validate({"number": self.new, "outbound": TRUNK, **label, **served, **inbound})
        return self.client.import_number(wish)

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
                return (LABEL, "Door")[pick % 2] in text
            case "update_sip":
                return (ADDRESS, "other.example.com:5060")[pick % 2].partition(":")[0] in text
        return self.agent.agent_id in text

    def number_at(self, id: str) -> str:
        return number_of(self.vendor, self.state[id])
