"""Between vox's records and the model: tables and pure functions.

Reading is total: every word has a row or becomes `UNKNOWN`, and what cannot be read is named in ``problems``. Writing
is strict: what cannot be said to vox exactly raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from telephony_core.domain.agents import Agent, AgentRef, AgentVersion
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import Money, NumberStatus, Origin, Release
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import OutboundSip, OutboundUpdate, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, Remedy, UnexpectedResponse, UnsupportedField
from telephony_core.provider.capabilities import ReleaseEffect
from telephony_core.provider.changes import AgentAssignment, NumberImport
from telephony_core.provider.flow import Json
from telephony_core.provider.wire import ModelT, odd_word, read_address, read_record
from telephony_vox.capabilities import CAPABILITIES, FROZEN_VERSION, REGION, SLUG
from telephony_vox.wire import AgentRecord, CancellationRecord, LineRecord, ListedAgent, NumberRecord, SmsRecord

# -- tables

# docs.tryvox.co, get an owned number:
#
#     bought:   scheduled ──> active <──> cancel_requested ──> expired
#     own:                    active ────────────────────────> expired
STATUSES: Final[Mapping[str, NumberStatus]] = {
    "scheduled": NumberStatus.PENDING,
    "active": NumberStatus.ACTIVE,
    "cancel_requested": NumberStatus.RELEASE_SCHEDULED,  # works until its period ends
    "expired": NumberStatus.RELEASED,
}
"""In the order of a number's life, which is the order of listing: a number that moves on meanwhile is met again."""

LISTED: Final[Mapping[NumberStatus | None, tuple[str, ...]]] = {
    None: tuple(STATUSES),
    # A status that is new cannot be asked for, and every list is one of a status.
    NumberStatus.UNKNOWN: tuple(STATUSES),
    **{status: (word,) for word, status in STATUSES.items()},
}
"""Which of vox's statuses are asked for, by the status that is wanted."""

# docs.tryvox.co, get an owned number, `provider`: bought from vox, or the customer's own.
ORIGINS: Final[Mapping[str, Origin]] = {"vox": Origin.PURCHASED, "custom": Origin.IMPORTED}
PROVIDER_WORDS: Final[Mapping[Origin, str]] = {origin: word for word, origin in ORIGINS.items()}

# A third party's reading of the vendor's OpenAPI: `current` is the working draft, `production` the published version,
# and `v7` a frozen one.
VERSIONS: Final[Mapping[str, AgentVersion]] = {"current": AgentVersion.DRAFT, "production": AgentVersion.PUBLISHED}
VERSION_WORDS: Final[Mapping[str, str]] = {version: word for word, version in VERSIONS.items()}
_MODEL_WORDS: Final = frozenset(str(version) for version in AgentVersion)
"""From vox these would be literals, and the model would take them for its own words."""

# docs.tryvox.co, cancel a number: a bought one works until `effective_at`, an own one expires at once. The answer has
# no status, so it follows from the terms that are declared for the origin.
RELEASE_STATUS: Final[Mapping[ReleaseEffect, NumberStatus]] = {
    ReleaseEffect.END_OF_PERIOD: NumberStatus.RELEASE_SCHEDULED,
    ReleaseEffect.IMMEDIATE: NumberStatus.RELEASED,
}

# docs.tryvox.co, list available numbers.
LINE_TYPES: Final = ("mobile", "landline", "voip", "uan", "personal", "toll_free")

# docs.tryvox.co, register: `^\d+$`, 1 to 20 characters.
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

# -- reading

Odd: TypeAlias = tuple[str, ...]
"""What could not be read, by vox's own names of the fields."""

# Looked up once: to find a method on a pydantic class takes as long as a third of what it does.
_identity: Final = NumberIdentity.parse
_number: Final = PhoneNumber.unchecked


def number_of(record: NumberRecord, unreadable: Odd, raw: Mapping[str, Any]) -> PhoneNumber:
    """An owned number out of its record, the fields of it that could not be read, and what to show as ``raw``.

    It runs for every number of a listing, where a call costs as much as what it does; hence so few of them.
    """
    status, origin, sip, fee, odd = _shared(
        record["status"], record["provider"], record["address"], record["monthly_fee"]
    )
    odd = unreadable + odd
    inbound = outbound = None
    if (agent := record["inbound_agent"]) is not None:
        inbound, odd_agent = _agent(agent, "inbound_agent")
        odd += odd_agent
    if (agent := record["outbound_agent"]) is not None:
        outbound, odd_agent = _agent(agent, "outbound_agent")
        odd += odd_agent
    return _number(
        {
            "provider": SLUG,
            "id": record["id"],
            "identity": _identity(record["number"], region=REGION),
            "status": status,
            "provider_status": record["status"],
            "origin": origin,
            "provider_origin": record["provider"],
            "label": record["memo"] or None,
            "sip": sip,
            "trunk_ids": tuple(filter(None, (record["inbound_trunk_id"], record["outbound_trunk_id"]))),
            "inbound_agent": inbound,
            "outbound_agent": outbound,
            "created_at": None if (at := record["created_at"]) is None else _EPOCH + at * _MILLISECOND,
            "updated_at": None if (at := record["updated_at"]) is None else _EPOCH + at * _MILLISECOND,
            "starts_at": None if (at := record["start_at"]) is None else _EPOCH + at * _MILLISECOND,
            "release_requested_at": None
            if (at := record["cancel_requested_at"]) is None
            else _EPOCH + at * _MILLISECOND,
            "ends_at": None if (at := record["end_at"]) is None else _EPOCH + at * _MILLISECOND,
            "monthly_fee": fee,
            "unmodelled": (),
            "problems": odd,
            "raw": raw,
        }
    )


def agent_of(record: ListedAgent, unreadable: Odd, raw: Mapping[str, Any]) -> Agent:
    """An agent out of the list of agents."""
    return Agent(
        provider=SLUG,
        id=record["id"],
        name=record["name"] or None,
        published_version=record["production_version"] or None,
        problems=unreadable,
        raw=raw,
    )


def line_of(record: LineRecord, unreadable: Odd, raw: Mapping[str, Any]) -> AvailableNumber:
    """A line for sale out of its record; see `number_of`."""
    # Which keys of a line for sale may be missing could not be read on its page, so all but two may.
    sms, odd_sms = _nested(SmsRecord, record["sms_capable"] or {}, "sms_capable")
    return AvailableNumber(
        provider=SLUG,
        id=record["id"],
        identity=NumberIdentity.parse(record["number"], region=REGION),
        line_type=record["line_type"],
        monthly_fee=_won(record["monthly_fee"]),
        sends_sms=None if sms is None else sms.send,
        receives_sms=None if sms is None else sms.recv,
        problems=unreadable + odd_sms,
        raw=dict(raw),
    )


def release(payload: object, number: PhoneNumber, *, http_status: int | None = None) -> Release:
    """What a cancellation came to, and of which number: the answer says. Raises `UnexpectedResponse` when it is of
    another shape. ``number`` is the one that was cancelled, for what the answer leaves out."""
    record, _ = read_record(CancellationRecord, payload, status=http_status)
    # The answer decides, because the number may be a record that was read long before.
    origin = ORIGINS.get(record.provider or "", number.origin)
    terms = CAPABILITIES.release.get(origin)
    return Release(
        provider=SLUG,
        id=record.id,
        identity=NumberIdentity.parse(record.number, region=REGION),
        status=NumberStatus.UNKNOWN if terms is None else RELEASE_STATUS[terms.effect],
        takes_effect_at=_time(record.effective_at),
        revocable=terms is not None and terms.revocable,
    )


# What many numbers share is made once: the models are frozen.


@lru_cache(maxsize=4096)
def _shared(
    status: str | None, provider: str | None, address: str | None, fee: int | None
) -> tuple[NumberStatus, Origin, SipConfig | None, Money | None, Odd]:
    """What few words stand for that many numbers share, and what is odd about them."""
    odd = odd_word("provider", provider, ORIGINS) + odd_word("status", status, STATUSES)
    origin = ORIGINS.get(provider or "", Origin.UNKNOWN)
    sip, odd_address = _sip(address, origin)
    return STATUSES.get(status or "", NumberStatus.UNKNOWN), origin, sip, _won(fee), odd + odd_address


def _sip(address: str | None, origin: Origin) -> tuple[SipConfig | None, Odd]:
    if address is None:
        # Null without trunk settings: so it is on every number that vox runs itself.
        return SipConfig() if origin is Origin.IMPORTED else None, ()
    read, odd = read_address(address, "address")
    return SipConfig(outbound=OutboundSip(address=read)), odd


def _agent(payload: Mapping[str, object], field: str) -> tuple[AgentRef | None, Odd]:
    id, word = payload.get("agent_id"), payload.get("agent_version")
    # Two look-ups for nearly every record; what is odd takes the slow way below, which can name it.
    if isinstance(id, str) and isinstance(word, str) and id and word and word not in _MODEL_WORDS:
        return _reference(id, word), ()
    record, odd = _nested(AgentRecord, payload, field)
    if record is None:
        return None, odd
    # Written back, such a word would become vox's `production` or `current`.
    if record.agent_version in _MODEL_WORDS:
        odd = (*odd, f"{field}.agent_version: none of vox's words for a version")
    return _reference(record.agent_id, None), odd


@lru_cache(maxsize=4096)
def _reference(agent_id: str, word: str | None) -> AgentRef:
    return AgentRef(agent_id, version=None if word is None else VERSIONS.get(word, word))


def _nested(model: type[ModelT], payload: Mapping[str, object], field: str) -> tuple[ModelT | None, Odd]:
    try:
        record, unreadable = read_record(model, payload)
    except UnexpectedResponse as error:
        return None, (f"{field}: {error.message}",)
    return record, tuple(f"{field}.{problem}" for problem in unreadable)


def _time(millis: int | None) -> datetime | None:
    return None if millis is None else _EPOCH + millis * _MILLISECOND


def _won(amount: int | None) -> Money | None:
    # docs.tryvox.co, get an owned number: an integer in KRW, a currency without a smaller unit.
    return None if amount is None else Money(amount=Decimal(amount), currency="KRW")


# -- writing


def register_body(change: NumberImport, identity: NumberIdentity) -> dict[str, Json]:
    """The body that registers a number: only what was given. Agents have no place in it."""
    body: dict[str, Json] = {"number": number_digits(identity, as_is=change.send_as_is)}
    if change.outbound is not None:
        body |= sip_body(change.outbound, None)
    if change.label is not None:
        body["memo"] = change.label
    return body


def number_digits(identity: NumberIdentity, *, as_is: bool = False) -> str:
    """A number as vox takes it: 1 to 20 digits that read as the very same number again.

    ``as_is`` lets the digits of a number without E.164 form through, untouched. Raises `UnsupportedField` for a number
    that is not Korean or no number at all, `InvalidInput` for one that cannot be sent untouched.
    """
    if identity.kind is NumberKind.E164:
        digits = identity.national_digits or ""
        # Read back, because national digits do not name their country: those of a foreign number may be another number
        # in Korea.
        if _DIGITS.fullmatch(digits) and NumberIdentity.parse(digits, region=REGION).e164 == identity.e164:
            return digits
        raise UnsupportedField(
            f"{identity.e164} has no Korean national form, which is the only one vox takes",
            field="number",
            remedy="import it at a provider that takes its country",
        )
    if identity.kind is NumberKind.SIP_ID:
        raise UnsupportedField(
            "vox takes digits only, and no SIP identifier",
            field="number",
            remedy="import it at a provider that takes SIP identifiers",
        )
    if not as_is:
        raise UnsupportedField(
            "the number has no E.164 form",
            field="number",
            remedy=Remedy(
                "check its spelling, or give it in digits and say `send_as_is=True`",
                cli="check its spelling, or give it in digits and say --send-as-is",
            ),
        )
    if not _DIGITS.fullmatch(identity.raw):
        raise InvalidInput(
            "a number that is sent as it is has to be 1 to 20 digits and nothing else",
            remedy="write it in digits only, as vox is to hold it",
        )
    return identity.raw


def sip_body(change: OutboundUpdate, current: SipAddress | None) -> dict[str, Json]:
    """The trunk settings that were set, and no others; ``None`` is sent as null, which clears.

    An address goes out as a URI, but for the ``current`` one: that is sent in the spelling in which vox holds it.
    """
    body: dict[str, Json] = {}
    if "address" in change.changes:
        # docs.tryvox.co, PATCH sip: null clears address and user name, and an absent key leaves them.
        body["address"] = None if change.address is None else _address(change.address, current)
    if "username" in change.changes:
        body["auth_username"] = change.username
    if "password" in change.changes:
        body["auth_password"] = change.password
    return body


def _address(address: SipAddress, current: SipAddress | None) -> str:
    held = current.raw if current is not None and current == address else None
    # The sample of the page is sip:host:port; a bare IPv4 was seen on a live record.
    return held or address.uri()


def agents_body(assignment: AgentAssignment) -> dict[str, Json]:
    """The agents that were set, each with its version; ``None`` is sent as null, which unmaps."""
    pairs = (("inbound_agent", assignment.inbound), ("outbound_agent", assignment.outbound))
    return {
        name: None
        if agent is None
        else {"agent_id": agent.agent_id, "agent_version": version_word(agent.version, name)}
        for name, agent in pairs
        if not isinstance(agent, Unset)
    }


_VERSIONS: Final = Remedy("give PUBLISHED, DRAFT or one like `v7`", cli="give published, draft or one like `v7`")


def version_word(version: AgentVersion | str | None, field: str) -> str:
    """vox's word for a version. Always sent: without one vox takes the draft, also on a live line.

    Raises `InvalidInput` for no version, `UnsupportedField` for a word that vox does not have.
    """
    if version is None:
        raise InvalidInput(f"{field}: which version of the agent is meant is not said", remedy=_VERSIONS)
    word = VERSION_WORDS.get(version)
    # A third party's reading of the vendor's OpenAPI: `^(current|production|v[1-9][0-9]*)$`.
    if word is None and not re.fullmatch(FROZEN_VERSION, version):
        raise UnsupportedField(
            "vox has no such version of an agent",
            field=f"{field}.version",
            remedy=_VERSIONS,
        )
    return word or version


def line_type_word(line_type: str) -> str:
    """A line type that vox has. Raises `UnsupportedField` for any other."""
    if line_type in LINE_TYPES:
        return line_type
    raise UnsupportedField(
        "vox has no such line type", field="line_type", remedy=f"give one of {', '.join(LINE_TYPES)}, or none"
    )
