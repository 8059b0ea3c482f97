"""Between Acme's words and the model's, both ways: tables and pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from telephony_acme.capabilities import REGION, SLUG
from telephony_acme.wire import AddressRecord, NumberRecord, TrunkRecord
from telephony_core.domain.agents import PUBLISHED, AgentRef
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, InboundSip, InboundUpdate, OutboundSip, OutboundUpdate, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.provider.changes import NumberImport, SipUpdate
from telephony_core.provider.flow import Json
from telephony_core.provider.wire import read_record
from telephony_core.secrets.redaction import without_secrets

STATUSES: Final[Mapping[str | None, NumberStatus]] = {
    "provisioning": NumberStatus.PENDING,
    "live": NumberStatus.ACTIVE,
    "ending": NumberStatus.RELEASE_SCHEDULED,
    "ended": NumberStatus.RELEASED,
}
ORIGINS: Final[Mapping[str | None, Origin]] = {"hosted": Origin.PURCHASED, "sip": Origin.IMPORTED}

# -- reading


def read_number(payload: object, *, http_status: int) -> PhoneNumber:
    """A number as Acme shows it. Raises `UnexpectedResponse` when it has no readable id or number."""
    record, unreadable = read_record(NumberRecord, payload, status=http_status)
    problems = list(unreadable)
    raw = without_secrets(payload)
    return PhoneNumber(
        provider=SLUG,
        id=record.id,
        identity=NumberIdentity.parse(record.e164, region=REGION),
        status=STATUSES.get(record.state, NumberStatus.UNKNOWN),
        provider_status=record.state,
        origin=ORIGINS.get(record.kind, Origin.UNKNOWN),
        provider_origin=record.kind,
        sip=_read_trunk(record.trunk, problems),
        inbound_agent=AgentRef(record.app, version=PUBLISHED) if record.app else None,
        ends_at=_read_time(record.ends, "ends", problems),
        problems=tuple(problems),
        raw=raw if isinstance(raw, dict) else {},
    )


def _read_trunk(payload: Mapping[str, object] | None, problems: list[str]) -> SipConfig | None:
    if payload is None:
        return None
    trunk, unreadable = read_record(TrunkRecord, payload)
    problems += [f"trunk.{problem}" for problem in unreadable]
    return SipConfig(
        inbound=InboundSip(allowed_addresses=None if trunk.allowed is None else tuple(trunk.allowed)),
        outbound=OutboundSip(
            address=_read_address(trunk.address, problems),
            username=trunk.username,
            credentials=CredentialState.SET if trunk.username else CredentialState.NONE,
        ),
    )


def _read_address(payload: Mapping[str, object] | None, problems: list[str]) -> SipAddress | None:
    if payload is None:
        return None
    found, unreadable = read_record(AddressRecord, payload)
    if unreadable:  # what is left of it would lead elsewhere
        problems += [f"trunk.address.{problem}" for problem in unreadable]
        return None
    try:
        return SipAddress(found.host, found.port, "sip" if found.transport else None, found.transport)
    except InvalidInput as error:
        problems.append(f"trunk.address: {error.message}")
        return None


def _read_time(text: str | None, field: str, problems: list[str]) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problems.append(f"{field}: not an ISO 8601 time with its zone")
        return None
    return moment


# -- writing


def trunk_body(change: NumberImport | SipUpdate) -> dict[str, Json]:
    """The trunk settings that were set, and no others; ``None`` is sent as null, which clears."""
    body: dict[str, Json] = {}
    if isinstance(change.inbound, InboundUpdate) and "allowed_addresses" in change.inbound.changes:
        body["allowed"] = change.inbound.allowed_addresses
    if isinstance(change.outbound, OutboundUpdate):
        if change.outbound.address is not None:
            body["address"] = _address(change.outbound.address)
        if change.outbound.changes & {"username", "password"}:
            body["digest"] = _digest(change.outbound)
    return body


def _address(address: SipAddress) -> dict[str, Json]:
    parts: dict[str, Json] = {"host": address.host, "port": address.port, "transport": address.transport}
    return {key: value for key, value in parts.items() if value is not None}


def _digest(change: OutboundUpdate) -> dict[str, Json] | None:
    """Acme keeps user name and password as one thing, which is set or cleared as a whole."""
    if change.username is None:
        return None
    return {"username": change.username, "password": change.password}


def splits_credentials(change: SipUpdate) -> bool:
    """Whether one of the pair would be set and the other one cleared."""
    return not isinstance(change.outbound, Unset) and (
        (change.outbound.username is None) != (change.outbound.password is None)
    )
