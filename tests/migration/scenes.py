"""Two made-up providers and a vendor's emulators: what inventories, maps and plans are tested with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telephony_core import Telephony
from telephony_core.domain.agents import AgentVersion
from telephony_core.domain.lifecycle import NumberStatus, Origin, SideEffect
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import (
    CredentialState,
    InboundSip,
    MediaEncryption,
    OutboundSip,
    SipConfig,
)
from telephony_core.domain.sip_address import SipAddress
from telephony_core.emulator import Emulator
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.inventory import Inventory
from telephony_core.provider.capabilities import (
    AddressForms,
    Admits,
    AgentVersions,
    AllowListMeaning,
    Capabilities,
    FieldSupport,
    ImportableNumbers,
    Operation,
    OperationSupport,
    ReleaseEffect,
    ReleaseTerms,
)
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.registry import registry
from telephony_core.transport.clock import Clock

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW)

_EVERY_OPERATION = {operation: OperationSupport(source="made up") for operation in Operation}

WIDE = Capabilities(
    region="KR",
    operations=_EVERY_OPERATION,
    fields={
        name: FieldSupport(source="made up", readable=name is not Setting.PASSWORD, clearable=True) for name in Setting
    },
    importable=ImportableNumbers(source="made up", kinds=frozenset(NumberKind)),
    address_forms=AddressForms(source="made up", sips=True, transport=True, user=True, params=True),
    agent_versions=AgentVersions(source="made up", kinds=frozenset(AgentVersion), literals="v[0-9]+", readable=True),
    release={Origin.IMPORTED: ReleaseTerms(source="made up", effect=ReleaseEffect.IMMEDIATE, revocable=False)},
)
"""A provider that can be told everything."""


def narrowed(*names: Setting, **changes: Any) -> Capabilities:
    """`WIDE` without some settings, and with other points changed."""
    fields = {name: support for name, support in WIDE.fields.items() if name not in names}
    return replace(WIDE, **{"fields": fields, **changes})


def supporting(name: Setting, **changes: Any) -> Capabilities:
    """`WIDE` with one setting supported otherwise."""
    return narrowed(fields={**WIDE.fields, name: replace(WIDE.fields[name], **changes)})


def meaning(*, missing: Admits | None = None, empty: Admits | None = None) -> Capabilities:
    """`WIDE` with another meaning of a missing and of an empty allow-list; ``None``: nobody says."""
    unknown = Admits.UNKNOWN
    said = AllowListMeaning(source="made up", when_missing=missing or unknown, when_empty=empty or unknown)
    return replace(WIDE, allow_list=said)


NO_PARTS = AddressForms(source="made up")
"""Addresses are host[:port] and nothing else."""

PUBLISHING = {Operation.ASSIGN_AGENTS: frozenset({SideEffect.PUBLISHES})}
UNPUBLISHING = {Operation.RELEASE: frozenset({SideEffect.UNPUBLISHES})}


def trunk(
    address: str | None = "sip:pbx.example.com:5060",
    *,
    username: str | None = None,
    credentials: CredentialState = CredentialState.NONE,
    allowed: tuple[str, ...] | None = ("203.0.113.7",),
    inbound: MediaEncryption | None = MediaEncryption.ALLOW,
    outbound: MediaEncryption | None = MediaEncryption.ALLOW,
    word: str | None = None,
) -> SipConfig:
    return SipConfig(
        inbound=InboundSip(allowed_addresses=allowed, media_encryption=inbound, provider_media_encryption=word),
        outbound=OutboundSip(
            address=None if address is None else SipAddress.parse(address),
            username=username,
            credentials=credentials,
            media_encryption=outbound,
            provider_media_encryption=word,
        ),
    )


def number(
    raw: str = "+827011112222",
    *,
    id: str | None = None,
    provider: str = "east",
    region: str = "KR",
    status: NumberStatus = NumberStatus.ACTIVE,
    origin: Origin = Origin.IMPORTED,
    sip: SipConfig | None = None,
    **fields: Any,
) -> PhoneNumber:
    """An imported, active number on a trunk that has everything and needs no credentials."""
    return PhoneNumber(
        provider=provider,
        id=id or f"{provider}-{raw}",
        identity=NumberIdentity.parse(raw, region=region),
        status=status,
        provider_status=status.value,
        origin=origin,
        sip=sip or trunk(),
        **fields,
    )


def inventory(
    *numbers: PhoneNumber, provider: str = "east", connection: str | None = None, pages: int = 1
) -> Inventory:
    return Inventory(
        connection=connection or provider,
        provider=provider,
        adapter=f"telephony-{provider} 1.0",
        base_url=f"https://api.{provider}.example.com/v1",
        taken_at=NOW,
        pages=pages,
        numbers=numbers,
    )


def target(*numbers: PhoneNumber, capabilities: Capabilities = WIDE, **fields: Any) -> TargetAccount:
    """A connection ``west`` that holds these numbers."""
    return TargetAccount(inventory(*numbers, provider="west"), capabilities, **fields)


def emulated(slug: str, **client: Any) -> tuple[Emulator, Telephony]:
    """A vendor's emulator, filled, and a client for it."""
    make = registry.spec(slug).emulator
    assert make is not None
    emulator = make()
    return emulator, Telephony(slug, api_key=emulator.api_key, backend=emulator.backend(), **client)


def writes(*emulators: Emulator) -> list[str]:
    """Every request that was not a GET."""
    return [
        f"{call.method} {call.path}" for emulator in emulators for call in emulator.requests if call.method != "GET"
    ]


def texts(values: Iterable[object]) -> str:
    return "\n".join(str(value) for value in values)
