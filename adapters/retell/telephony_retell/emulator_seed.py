"""The numbers and agents that a fresh Retell emulator holds: every origin, every transport, every kind of version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from telephony_core.emulator import Record, StoredCredentials
from telephony_retell.emulator_contract import millis


class Agent(NamedTuple):
    """An agent: the number of its newest version, the newest published one, and the tags given to versions."""

    newest: int
    published: int | None
    tags: Mapping[str, int | None]


AGENTS: Final[Mapping[str, Agent]] = {
    "reception": Agent(4, 3, {"prod": 3, "staging": 4}),
    "sales": Agent(1, 1, {"prod": 1}),
    "support": Agent(7, 6, {"prod": 5, "canary": None}),
    "survey": Agent(0, None, {}),
}
"""Agents by name. Versions count from 0; a tag may be known and unassigned."""


def numbers(now: datetime, agents: Mapping[str, str]) -> Iterator[tuple[Record, StoredCredentials | None]]:
    """Numbers as the fields that differ from a plain imported one, oldest first, with their credentials."""

    def at(days: float) -> int:
        return millis(now - timedelta(days=days))

    def served(agent: str, version: int | str) -> list[Record]:
        return [{"agent_id": agents[agent], "weight": 1, "agent_version": version}]

    def bought(number: str, age: int, kind: str = "retell-twilio", **fields: object) -> tuple[Record, None]:
        whole: Record = {"phone_number": number, "phone_number_type": kind, "area_code": int(number[2:5])}
        return {**whole, "last_modification_timestamp": at(age), **fields}, None

    def imported(
        number: str, age: int, uri: str, transport: str | None = "TCP", user: str | None = None, **fields: object
    ) -> tuple[Record, StoredCredentials]:
        trunk: Record = {"termination_uri": uri}
        trunk |= {} if transport is None else {"transport": transport}
        trunk |= {} if user is None else {"auth_username": user}
        record: Record = {"phone_number": number, "sip_outbound_trunk_config": trunk}
        password = None if user is None else f"password-of-{user}"
        return {**record, "last_modification_timestamp": at(age), **fields}, StoredCredentials(user, password)

    yield bought("+14157774444", 300, nickname="Frontdesk", inbound_agents=served("reception", "latest_published"))
    yield bought("+14157774445", 290, "retell-telnyx", outbound_agents=served("support", 5))
    yield bought("+18885550143", 280)
    yield imported("+12135550110", 250, "acme.pstn.twilio.com", "TLS", "acme", nickname="On call",
        inbound_agents=served("reception", "prod"), outbound_agents=served("sales", "latest_published"))  # fmt: skip
    yield imported("+13125550111", 240, "trunk.example.com:5060", "TCP", "chicago", nickname="Chicago")
    yield imported("+16465550112", 230, "trunk.example.com", "UDP")
    # Imported before transports could be chosen: Retell shows none.
    yield imported("+17185550113", 220, "old.example.com", None, nickname="Brooklyn")
    yield imported("+442079460018", 210, "uk.trunk.example.com", "TLS", "london", nickname="London",
        inbound_agents=served("support", 6))  # fmt: skip
    yield imported("+827044445555", 200, "kr.trunk.example.com:5061", "TLS", "seoul", nickname="서울 지사",
        inbound_agents=served("support", "latest"))  # fmt: skip
    yield imported("+34911234567", 190, "203.0.113.20", "UDP", nickname="Madrid")
    # A pseudo number: any text, where the validation is left off (OpenAPI, import).
    yield imported("2002", 180, "pbx.example.com", "TCP", "pbx", nickname="Extension of the old PBX")
