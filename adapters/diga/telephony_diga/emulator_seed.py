"""The phones, agents and verifications that a fresh Diga emulator holds: every status, both providers, every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from telephony_core.emulator import Record, StoredCredentials
from telephony_diga.emulator_contract import written

AGENTS: Final[Mapping[str, tuple[int, int | None]]] = {
    "reception": (3, 2),
    "sales": (1, 1),
    "support": (5, 4),
    "survey": (2, None),
}
"""Agents by name, with the number of their frozen versions and the published one of them."""

# OpenAPI: usually one code, two for the prefixes that Ceuta and Melilla share, none for mobile numbers.
REGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "+3491": ("M",), "+3493": ("B",), "+3495651": ("CE", "ML"), "+3495": ("MA",), "+34971": ("PM",),
}  # fmt: skip
"""Spanish region codes by prefix of a landline number; the first prefix that fits counts."""


@dataclass(slots=True)
class PublishedVersion:
    """One version of an agent. A draft cannot be published."""

    version_id: str
    version_number: int
    version_name: str | None = None
    is_published: bool = False
    is_draft: bool = False


@dataclass(slots=True)
class Agent:
    """An agent and its versions, oldest first."""

    agent_id: str
    name: str | None
    versions: list[PublishedVersion] = field(default_factory=list)

    @property
    def published(self) -> PublishedVersion | None:
        return next((version for version in self.versions if version.is_published), None)

    def publish(self, published: PublishedVersion | None) -> None:
        """Publish one version and no other, or none."""
        for version in self.versions:
            version.is_published = version is published


def verifications() -> Iterator[Record]:
    """The company's verifications, oldest first, without ids."""
    yield {"notification_email": "ops@example.com", "status": "rejected", "status_reason": "La firma no es válida"}
    yield {"notification_email": None, "status": "verified", "status_reason": None}


def phones(now: datetime, agents: Mapping[str, str]) -> Iterator[tuple[Record, StoredCredentials | None]]:
    """Phones as the fields that differ from a plain assigned one, oldest first, with their trunk credentials."""

    def at(days: float) -> str:
        return written(now + timedelta(days=days))

    def bought(number: str, age: int, **fields: object) -> tuple[Record, None]:
        return {"number": number, "telephony_provider": "netelip", "assigned_at": at(-age), **fields}, None

    def imported(
        number: str, age: int, uri: str | None, user: str | None = None, *, sip: Record | None = None, **fields: object
    ) -> tuple[Record, StoredCredentials]:
        config: Record = {
            "termination_uri": uri,
            "username": user,
            "inbound_media_encryption": "allow",
            "outbound_media_encryption": "allow",
            "allowed_addresses": None,
            **(sip or {}),
        }
        record: Record = {"number": number, "telephony_provider": "custom", "assigned_at": at(-age)}
        password = None if user is None else f"password-of-{user}"
        return {**record, "sip_config": config, **fields}, StoredCredentials(user, password)

    yield bought("+34911234567", 300, nickname="Centralita Madrid", inbound_agent_id=agents["reception"])
    # A release that is ordered and has not happened: still `assigned`.
    yield bought("+34931234567", 290, nickname="Barcelona", scheduled_release_at=at(11))
    yield bought("+34956512345", 280, outbound_agent_id=agents["support"])
    yield bought("+34971234567", 270, status="released", released_at=at(-10))
    yield bought("+34951234567", 260, status="finished", released_at=at(-80))
    yield imported(
        "+34612345678", 250, "trunk.example.com:5060", "acme", nickname="Móvil de guardia",
        inbound_agent_id=agents["reception"], outbound_agent_id=agents["sales"],
        sip={
            "inbound_media_encryption": "require", "outbound_media_encryption": "require",
            "allowed_addresses": ["192.0.2.10", "198.51.100.0/24"],
        },
    )  # fmt: skip
    # Inbound-only, and open to everybody by an empty list.
    yield imported("+34900123456", 240, None, nickname="Línea gratuita (solo entrada)", sip={"allowed_addresses": []})
    yield imported(
        "+827044445555", 230, "kr.trunk.example.com:5060", "seoul", nickname="서울 지사",
        inbound_agent_id=agents["support"], sip={"allowed_addresses": ["2001:db8::/32", "203.0.113.7"]},
    )  # fmt: skip
    yield imported("+827044446666", 220, "203.0.113.20", nickname="부산 지사")
    yield imported("+8216446677", 210, "uan.example.com", "uan", nickname="대표번호")
    yield imported("+82212345678", 200, "[2001:db8::7]:5060", sip={"outbound_media_encryption": "disable"})
    yield imported("frontdesk@pbx.example.com", 190, "pbx.example.com:5061", "frontdesk", nickname="Front desk")
    yield imported("2001@pbx.example.com", 180, "pbx.example.com", sip={"inbound_media_encryption": "disable"})
    yield imported(
        "+34711234567", 170, "trunk.example.net:5061", "móvil", sip={"outbound_media_encryption": "require"},
        outbound_agent_id=agents["sales"],
    )  # fmt: skip
    yield imported("+34881234567", 160, "old.example.com", status="released", released_at=at(-60))
    yield imported("+34600000001", 150, "older.example.com", status="finished", released_at=at(-100))
    # The contract excludes imported phones in these states nowhere, so reading has to bear them.
    yield imported("+34600000002", 5, "held.example.com", status="reserved", assigned_at=None)
    yield imported("+34600000003", 4, "held.example.com", status="pending_verification", assigned_at=None)
    yield bought(
        "+34911234568", 3, status="reserved", assigned_at=None, reservation_expires_at=at(0.02),
        checkout_url="https://checkout.example.com/c/pay/cs_test_0001",
    )  # fmt: skip
    yield bought("+34911234569", 2, status="pending_verification", assigned_at=None)
    yield bought("+34622334455", 1)
