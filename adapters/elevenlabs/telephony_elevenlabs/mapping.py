"""Between ElevenLabs' words and the model's, both ways: pure functions that know every word they can meet.

Reading never fails for one odd field; it is left unknown and named in ``problems`` by ElevenLabs' own field name. A
setting that the model has no field for is named in ``unmodelled``. Writing builds a half of the trunk whole, out of
what the number has now, because nobody documents whether a half that is sent is merged or replaces what was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, TypeVar

from pydantic import SecretStr

from telephony_core.domain.agents import PUBLISHED, Agent, AgentRef
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import (
    CredentialState,
    InboundSip,
    InboundUpdate,
    MediaEncryption,
    OutboundSip,
    OutboundUpdate,
    SipConfig,
)
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, NotAllowed, Remedy, UnexpectedResponse, UnsupportedField
from telephony_core.provider.changes import NumberImport, SipUpdate
from telephony_core.provider.flow import Json
from telephony_core.provider.wire import odd_entries, odd_word, read_address, read_record, setting_names
from telephony_elevenlabs.capabilities import REGION, SLUG
from telephony_elevenlabs.config import INBOUND_HOSTS, Region
from telephony_elevenlabs.wire import AgentRecord, InboundRecord, ListedAgent, NumberRecord, OutboundRecord

# OpenAPI, `provider` of a number. Nothing is bought at ElevenLabs; twilio and exotel numbers were connected with a
# secret of that account, and their webhooks point to ElevenLabs since.
ORIGINS: Final[Mapping[str, Origin]] = {
    "sip_trunk": Origin.IMPORTED,
    "twilio": Origin.LINKED,
    "exotel": Origin.LINKED,
}

# OpenAPI, `media_encryption` of either trunk; whether SRTP is used.
ENCRYPTIONS: Final[Mapping[str, MediaEncryption]] = {
    "disabled": MediaEncryption.DISABLE,
    "allowed": MediaEncryption.ALLOW,
    "required": MediaEncryption.REQUIRE,
}
_ENCRYPTION_WORDS: Final = {meaning: word for word, meaning in ENCRYPTIONS.items()}

# OpenAPI: the default of `transport`; ElevenLabs chooses then, so it says nothing about the transport.
AUTO: Final = "auto"
# The guide of 2025-08 calls udp "not currently available", later texts experimental; the schema has it.
TRANSPORTS: Final[Mapping[str, Literal["udp", "tcp", "tls"] | None]] = {
    AUTO: None,
    "udp": "udp",
    "tcp": "tcp",
    "tls": "tls",
}

_SWITCHES: Final = ("supports_inbound", "supports_outbound", "store_sip_messages")
"""Settings of a number that are on unless somebody switched them off."""
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})
"""What a setting that is not known here can be without being set. ``false`` and 0 may be anything but the default."""

PartT = TypeVar("PartT", AgentRecord, InboundRecord, OutboundRecord)


# -- reading

# Looked up once: to find a method on a pydantic class takes as long as a third of what it does.
_identity: Final = NumberIdentity.parse
_number: Final = PhoneNumber.unchecked


def agent_of(record: ListedAgent, unreadable: tuple[str, ...], raw: Mapping[str, Any]) -> Agent:
    """An agent out of the list of agents, which does not tell its branches."""
    return Agent(provider=SLUG, id=record["id"], name=record["name"] or None, problems=unreadable, raw=raw)


def agent_names(number: PhoneNumber) -> dict[str, str]:
    """The name of the agent of a number, which its record tells beside the id."""
    agent = number.raw.get("assigned_agent")
    name = agent.get("agent_name") if isinstance(agent, Mapping) else None
    return {} if number.inbound_agent is None or not isinstance(name, str) else {number.inbound_agent.agent_id: name}


def number_of(record: NumberRecord, unreadable: tuple[str, ...], raw: Mapping[str, Any]) -> PhoneNumber:
    """A number out of its record, the fields of it that could not be read, and what to show as ``raw``."""
    provider, problems = record["provider"], list(unreadable)
    problems += odd_word("provider", provider or None, ORIGINS)
    agent = _part(AgentRecord, record["assigned_agent"], "assigned_agent", problems)
    inbound = _part(InboundRecord, record["inbound_trunk"], "inbound_trunk", problems)
    # OpenAPI: `provider_config` is the deprecated name of `outbound_trunk`.
    found = record["outbound_trunk"] or record["provider_config"]
    outbound = _part(OutboundRecord, found, "outbound_trunk", problems)
    # A number over a trunk that shows none has one without settings; a linked number has no trunk object at all.
    has_trunk = ORIGINS.get(provider) is Origin.IMPORTED or not (inbound is None and outbound is None)
    sip = _read_trunk(inbound, outbound, problems) if has_trunk else None
    inbound_agent = _read_agent(agent, problems)
    return _number(
        {
            "provider": SLUG,
            "id": record["id"],
            "identity": _identity(record["phone_number"], region=REGION),
            # OpenAPI: a record has no status, no times and no fee. One that exists is in use.
            "status": NumberStatus.ACTIVE,
            "provider_status": None,
            "origin": ORIGINS.get(provider, Origin.UNKNOWN),
            "provider_origin": provider or None,
            "label": record["label"] or None,
            "sip": sip,
            "trunk_ids": (),
            "inbound_agent": inbound_agent,
            "outbound_agent": None,  # no such thing: whoever orders a call names the agent
            "created_at": None,
            "updated_at": None,
            "starts_at": None,
            "release_requested_at": None,
            "ends_at": None,
            "monthly_fee": None,
            "unmodelled": setting_names(_unmodelled(record, agent, inbound, outbound)),
            "problems": tuple(problems),
            "raw": raw,
        }
    )


def _part(shape: type[PartT], found: PartT | dict[str, object] | None, name: str, problems: list[str]) -> PartT | None:
    """One object inside a record; what of it cannot be read is named."""
    if found is None or isinstance(found, shape):
        return found
    part, unreadable = read_record(shape, found)
    problems += [f"{name}.{problem}" for problem in unreadable]
    return part


def _read_agent(agent: AgentRecord | None, problems: list[str]) -> AgentRef | None:
    if agent is None or not agent.agent_id:
        return None
    # An unreadable branch is no missing one: PUBLISHED would be a wrong claim.
    unread = any(problem.startswith("assigned_agent.branch_id:") for problem in problems)
    return _agent(agent.agent_id, None if unread else agent.branch_id or PUBLISHED)


@lru_cache(maxsize=4096)
def _agent(id: str, version: str | None) -> AgentRef:
    return AgentRef(id, version=version)


def _read_trunk(inbound: InboundRecord | None, outbound: OutboundRecord | None, problems: list[str]) -> SipConfig:
    """Both halves. One that is not configured has no settings, and no credentials."""
    told_in = told_out = None
    if inbound is not None:
        listed = inbound.allowed_addresses
        told_in = None if listed is None else tuple(listed), inbound.media_encryption
    if outbound is not None:
        told_out = (
            outbound.address,
            outbound.transport,
            outbound.media_encryption,
            outbound.username,
            outbound.has_auth_credentials,
        )
    sip, odd = _trunk(told_in, told_out)
    problems += odd
    return sip


_Inbound: TypeAlias = tuple[tuple[str, ...] | None, str]
_Outbound: TypeAlias = tuple[str | None, str, str, str | None, bool | None]
# `has_auth_credentials` is required in an answer; where it is missing, credentials may be there all the same.
_CREDENTIALS: Final = {True: CredentialState.SET, False: CredentialState.NONE, None: CredentialState.UNKNOWN}

# What many numbers share is made once: the models are frozen.


@lru_cache(maxsize=4096)
def _trunk(inbound: _Inbound | None, outbound: _Outbound | None) -> tuple[SipConfig, tuple[str, ...]]:
    into, odd_in = (InboundSip(), ()) if inbound is None else _inbound(*inbound)
    # No outbound half means no credentials for certain, unlike a half that does not tell.
    out_of, odd_out = (OutboundSip(credentials=CredentialState.NONE), ()) if outbound is None else _outbound(*outbound)
    return SipConfig(inbound=into, outbound=out_of), (*odd_in, *odd_out)


def _inbound(addresses: tuple[str, ...] | None, encryption: str) -> tuple[InboundSip, tuple[str, ...]]:
    odd = odd_entries("inbound_trunk.allowed_addresses", addresses)
    sip = InboundSip(
        allowed_addresses=addresses,
        media_encryption=ENCRYPTIONS.get(encryption, MediaEncryption.UNKNOWN),
        provider_media_encryption=encryption or None,
    )
    return sip, (*odd, *odd_word("inbound_trunk.media_encryption", encryption or None, ENCRYPTIONS))


def _outbound(
    address: str | None, transport: str, encryption: str, username: str | None, has_credentials: bool | None
) -> tuple[OutboundSip, tuple[str, ...]]:
    read, odd = _read_address(address, transport)
    sip = OutboundSip(
        address=read,
        username=username or None,
        credentials=_CREDENTIALS[has_credentials],
        media_encryption=ENCRYPTIONS.get(encryption, MediaEncryption.UNKNOWN),
        provider_media_encryption=encryption or None,
    )
    return sip, (*odd, *odd_word("outbound_trunk.media_encryption", encryption or None, ENCRYPTIONS))


def _read_address(text: str | None, transport: str) -> tuple[SipAddress | None, tuple[str, ...]]:
    """Host and port from one field and the transport from another, as one address.

    Without a transport that can be read it is none: the bare host would say that ElevenLabs chooses.
    """
    if text and transport not in TRANSPORTS:
        odd = odd_word("outbound_trunk.transport", transport or None, TRANSPORTS)
        return None, (*odd, "outbound_trunk.address: not read, because its transport is not known")
    return read_address(text or None, "outbound_trunk.address", TRANSPORTS.get(transport))


def _unmodelled(
    record: NumberRecord, agent: AgentRecord | None, inbound: InboundRecord | None, outbound: OutboundRecord | None
) -> Iterator[str]:
    """Settings of a number that restrict or change its calls, and that the model cannot show, by dotted name."""
    if agent is not None and agent.environment:
        yield "assigned_agent.environment"
    if inbound is not None:
        yield from _set_in(inbound, "inbound_trunk", ("allowed_numbers", "remote_domains", "attributes_to_headers"))
        # Digest that callers have to pass. Reading "no list of addresses" alone would take the trunk for open.
        if inbound.has_auth_credentials or inbound.username:
            yield "inbound_trunk.credentials"
    if outbound is not None:
        yield from _set_in(outbound, "outbound_trunk", ("headers", "attributes_to_headers", "enabled_codecs"))
    # The static stack (enterprise) has other hosts and fixed addresses for carriers (guide "SIP trunking").
    if record["livekit_stack"] not in ("", "standard"):
        yield "livekit_stack"
    yield from (name for name in _SWITCHES if record[name] is False)


def _set_in(trunk: InboundRecord | OutboundRecord, name: str, fields: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{name}.{field}" for field in fields if getattr(trunk, field))
    yield from (f"{name}.{field}" for field, value in (trunk.model_extra or {}).items() if value not in _NOTHING)


# -- writing


def import_body(change: NumberImport, identity: NumberIdentity) -> dict[str, Json]:
    """The body that imports a number. ``provider`` is always said: nothing else tells the kinds of import apart."""
    body: dict[str, Json] = {
        "provider": "sip_trunk",
        # The schema has no pattern. The guide asks for E.164, or for the very text that the trunk calls.
        "phone_number": identity.e164 or identity.raw,
        "label": change.label,  # required (OpenAPI); core has asked for it before
    }
    if change.inbound is not None and change.inbound.changes:
        body["inbound_trunk_config"] = inbound_body(None, change.inbound)
    if change.outbound is not None and change.outbound.changes:
        body["outbound_trunk_config"] = outbound_body(None, change.outbound)
    return body


def sip_body(change: SipUpdate, payload: Mapping[str, object]) -> dict[str, Json]:
    """The body that changes trunk settings: each half that changes, whole, built out of a payload just read.

    The payload has to be the vendor's own, not a number's ``raw``: a hidden value would be written as ``[hidden]``.
    Raises what `inbound_body` and `outbound_body` raise.
    """
    body: dict[str, Json] = {}
    if isinstance(change.inbound, InboundUpdate) and change.inbound.changes:
        body["inbound_trunk_config"] = inbound_body(payload.get("inbound_trunk"), change.inbound)
    if isinstance(change.outbound, OutboundUpdate) and change.outbound.changes:
        # As it is read: an object without settings is the trunk, and what the older name shows is not written over it.
        trunk = payload.get("outbound_trunk")
        trunk = payload.get("provider_config") if trunk is None else trunk
        body["outbound_trunk_config"] = outbound_body(trunk, change.outbound)
    return body


# Shown in an answer, and no key of a write: credentials are written as an object of their own.
_READ_ONLY: Final = frozenset({"has_auth_credentials", "username", "has_outbound_trunk"})
_INBOUND: Final = frozenset(
    {"allowed_addresses", "allowed_numbers", "media_encryption", "remote_domains", "attributes_to_headers"}
)
_OUTBOUND: Final = frozenset(
    {"address", "transport", "media_encryption", "headers", "attributes_to_headers", "enabled_codecs"}
)


def inbound_body(trunk: object, change: InboundUpdate) -> dict[str, Json]:
    """The inbound half: what the trunk has (``None``: there is none), with the change on top.

    Raises `NotAllowed` where this would make a trunk without a list, and what `_kept` raises.
    """
    half = _kept(trunk, _INBOUND, "inbound")
    # What a missing list means is not documented; in LiveKit, below ElevenLabs, an empty one accepts every source.
    if trunk is None and "allowed_addresses" not in change.changes and not change.allow_any:
        raise NotAllowed(
            "the number has no inbound trunk yet, and one without an allow-list may let everybody call in",
            allowance="allow_any",
            remedy=Remedy(
                "name the addresses of the carrier, or pass `InboundUpdate(allow_any=True)` if everybody may call",
                cli="name the addresses of the carrier, or say --allow-any if everybody may call",
            ),
        )
    for leaf in change.changes:
        value = getattr(change, leaf)
        if value is None:
            # The schema takes null for some fields, and what it does is said for none.
            raise _not_clearable(f"inbound.{leaf}")
        half[leaf] = _ENCRYPTION_WORDS[value] if isinstance(value, MediaEncryption) else value
    # A half without `credentials` may take away the digest that callers have to pass.
    if _has_credentials(trunk):
        half["credentials"] = _credentials(trunk, "inbound")
    return half


def outbound_body(trunk: object, change: OutboundUpdate) -> dict[str, Json]:
    """The outbound half: what the trunk has (``None``: there is none), with the change on top.

    Raises `InvalidInput` where the address or one of user name and password is missing, and what `_kept` raises.
    """
    half = _kept(trunk, _OUTBOUND, "outbound")
    for leaf in change.changes:
        if getattr(change, leaf) is None:
            raise _not_clearable(f"outbound.{leaf}")
    if change.address is not None:
        # OpenAPI: "hostname or IP", no `sip:`; the transport is a field of its own.
        half["address"] = replace(change.address, transport=None).host_port()
        # Always along: left out of a half that is merged, the transport of the old address would stay.
        half["transport"] = change.address.transport or AUTO
    if change.media_encryption is not None:
        half["media_encryption"] = _ENCRYPTION_WORDS[change.media_encryption]
    # OpenAPI: required in every write of this half.
    if "address" not in half:
        raise InvalidInput(
            "the number has no outbound trunk yet, and its first setting has to be the address",
            remedy="give outbound.address along",
        )
    if change.changes & {"username", "password"} or _has_credentials(trunk):
        half["credentials"] = _credentials(trunk, "outbound", change.username, change.password)
    return half


def _kept(trunk: object, fields: frozenset[str], half: str) -> dict[str, Json]:
    """What a half has now and would lose if it were replaced by one without it.

    Raises `UnsupportedField` where it has a setting that this adapter does not know and so cannot send back.
    """
    if trunk is None:
        return {}
    if not isinstance(trunk, Mapping):
        raise UnexpectedResponse(f"the {half} trunk is a JSON {type(trunk).__name__}, not an object")
    unknown = sorted(
        str(name) for name, value in trunk.items() if value not in _NOTHING and name not in fields | _READ_ONLY
    )
    if unknown:
        raise UnsupportedField(
            f"the {half} trunk has settings that are not known here and might be lost by a change of it: "
            f"{', '.join(unknown)[:200]}",
            field=half,
            remedy="make this change in the dashboard, or upgrade telephony-core",
        )
    # Null goes back for no field: what it does is not documented, and to leave the key out says the same.
    return {name: _sent_back(name, value) for name, value in trunk.items() if name in fields and value is not None}


def _sent_back(name: str, value: Any) -> Json:
    """A value as it was read. Headers may hold what identifies a caller to a server: no error shows their values."""
    if name == "headers" and isinstance(value, Mapping):
        return {key: SecretStr(text) if isinstance(text, str) and text else text for key, text in value.items()}
    kept: Json = value
    return kept


def _has_credentials(trunk: object) -> bool:
    """Whether a trunk has, or may have, credentials that a half without them would take away."""
    return isinstance(trunk, Mapping) and (
        # Anything but a clear `false` counts as yes: credentials that are not told could be lost.
        trunk.get("has_auth_credentials") is not False or bool(trunk.get("username"))
    )


def _credentials(
    trunk: object, half: str, username: str | None = None, password: SecretStr | None = None
) -> dict[str, Json]:
    """User name and password, the new ones before those that are there.

    A password that is left out stays (spec); without a user name the vendor would refuse them.
    """
    username = username or (trunk.get("username") if isinstance(trunk, Mapping) else None)
    # OpenAPI: `username` is required in `credentials`.
    if not isinstance(username, str) or not username:
        raise InvalidInput(
            f"the {half} trunk shows no user name, and its credentials cannot be sent without one",
            remedy="give outbound.username and outbound.password along"
            if half == "outbound"
            else "make this change in the dashboard",
        )
    if password is None and not _has_credentials(trunk):
        raise InvalidInput(
            "the outbound trunk has no password yet, so a user name alone says nothing",
            remedy="give outbound.password along",
        )
    # OpenAPI, `password`: "if not specified, then remain unchanged".
    return {"username": username} if password is None else {"username": username, "password": password}


def _not_clearable(field: str) -> UnsupportedField:
    return UnsupportedField(
        f"{SLUG} documents no way to clear it", field=field, remedy="set another value, or leave it as it is"
    )


def agent_body(number: PhoneNumber, agent: AgentRef | None) -> dict[str, Json]:
    """The body that assigns an agent, or takes it off.

    A branch that the number has now would stay (an absent key leaves), so it is taken off where none is wanted.
    """
    if agent is None:
        # The schema allows null; that it takes the agent off is a client's guide (a third party).
        return {"agent_id": None}
    if agent.version is not PUBLISHED:
        return {"agent_id": agent.agent_id, "branch_id": agent.version}
    had_branch = number.inbound_agent is not None and number.inbound_agent.version is not PUBLISHED
    # Null only where it is needed: that it takes the branch off is assumed (README, Assumptions).
    return {"agent_id": agent.agent_id} | ({"branch_id": None} if had_branch else {})


# -- where calls are sent


def inbound_uri(number: PhoneNumber, region: Region) -> SipAddress | None:
    """Where the carrier has to send calls to this number; ``None`` where ElevenLabs does not document it."""
    # The stack is in the payload only: the model has no field for it.
    host = INBOUND_HOSTS.get((str(number.raw.get("livekit_stack")), region))
    if host is None or number.origin is not Origin.IMPORTED:
        return None
    try:
        # Guide "SIP trunking": port 5060 over TCP, and the user part has to be there.
        return SipAddress(host, 5060, "sip", "tcp", number.identity.e164 or number.identity.raw)
    except InvalidInput:
        return None  # a text that can be no user part of an address
