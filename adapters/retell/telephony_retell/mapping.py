"""Between Retell's words and the model's, both ways: pure functions that know every word they can meet.

Reading never fails for one odd field; it is left unknown and named in ``problems`` by Retell's own field name. So is a
setting that the model has no field for, in ``unmodelled``. Writing holds only what was set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from telephony_core.domain.agents import Agent, AgentRef, AgentVersion
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, OutboundSip, OutboundUpdate, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, Remedy
from telephony_core.provider.capabilities import Field
from telephony_core.provider.changes import AgentAssignment, NumberImport
from telephony_core.provider.flow import Json
from telephony_core.provider.wire import odd_word, read_address, read_record
from telephony_retell.capabilities import CODECS, DEFAULT_TRANSPORT, REGION, SLUG, UNMODELLED
from telephony_retell.wire import AgentShare, ListedAgent, NumberRecord, SipRecord

# OpenAPI, `phone_number_type`: bought through Retell at one of two carriers, or brought along.
ORIGINS: Final[Mapping[str, Origin]] = {
    "retell-twilio": Origin.PURCHASED,
    "retell-telnyx": Origin.PURCHASED,
    "custom": Origin.IMPORTED,
}

# Free text in the schema; the prose names these three, in capitals.
TRANSPORTS: Final[Mapping[str, Literal["udp", "tcp", "tls"]]] = {"TLS": "tls", "TCP": "tcp", "UDP": "udp"}
TRANSPORT_WORDS: Final[Mapping[str, str]] = {transport: word for word, transport in TRANSPORTS.items()}

# OpenAPI, `agent_version`. `latest` is no counterpart of DRAFT: it is the largest version number, which is a draft only
# while one is open.
PUBLISHED: Final = "latest_published"

# The fields for a single agent (`inbound_agent_id`, …) ended on 2026-03-31; old pages still show them.
AGENT_LISTS: Final[Mapping[Field, str]] = {
    Field.INBOUND_AGENT: "inbound_agents",
    Field.OUTBOUND_AGENT: "outbound_agents",
}
"""The weighted lists that hold the agents of the two directions."""

SPLIT: Final = "the calls, which one agent cannot say"
"""How the problem of a list ends that was read whole, and splits the calls."""

_CONFIG: Final = "sip_outbound_trunk_config"
_SETTINGS: Final = sorted(UNMODELLED - {CODECS})
_MODEL_WORDS: Final = frozenset(str(version) for version in AgentVersion)
"""From Retell these would be tags, and the model would take them for its own words."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

Odd: TypeAlias = tuple[str, ...]
"""What could not be read, by Retell's own names of the fields."""


# -- reading

# Looked up once: to find a method on a pydantic class takes as long as a third of what it does.
_identity: Final = NumberIdentity.parse
_number: Final = PhoneNumber.unchecked


def agent_of(record: ListedAgent, unreadable: Odd, raw: Mapping[str, Any]) -> Agent:
    """An agent out of the list of agents."""
    return Agent(provider=SLUG, id=record["id"], name=record["agent_name"] or None, problems=unreadable, raw=raw)


def number_of(record: NumberRecord, unreadable: Odd, raw: Mapping[str, Any]) -> PhoneNumber:
    """A number out of its record, the fields of it that could not be read, and what to show as ``raw``.

    Retell has no word for a status: what it lists is in use.
    """
    origin, odd = _origin(record["phone_number_type"])
    inbound, odd_inbound = _agent_of(record["inbound_agents"], "inbound_agents")
    outbound, odd_outbound = _agent_of(record["outbound_agents"], "outbound_agents")
    sip: SipConfig | None = None
    odd_sip: Odd = ()
    codecs: object = None
    # OpenAPI: absent or null for bought numbers.
    if (trunk := record["sip_outbound_trunk_config"]) is not None or origin is Origin.IMPORTED:
        sip, odd_sip, codecs = _read_sip(trunk or {})
    return _number(
        {
            "provider": SLUG,
            "id": record["id"],
            "identity": _identity(record["id"], region=REGION),
            "status": NumberStatus.ACTIVE,
            "provider_status": None,
            "origin": origin,
            "provider_origin": record["phone_number_type"],
            "label": record["nickname"] or None,
            "sip": sip,
            "trunk_ids": (),
            "inbound_agent": inbound,
            "outbound_agent": outbound,
            "created_at": None,
            # OpenAPI, `last_modification_timestamp`: the last update, or the creation where there was none. There is no
            # other time.
            "updated_at": None if (at := record["last_modification_timestamp"]) is None else _EPOCH + at * _MILLISECOND,
            "starts_at": None,
            "release_requested_at": None,
            "ends_at": None,
            "monthly_fee": None,
            "unmodelled": unmodelled(record, codecs),
            "problems": unreadable + odd + odd_inbound + odd_outbound + odd_sip,
            "raw": raw,
        }
    )


def unmodelled(record: Mapping[str, object], codecs: object) -> tuple[str, ...]:
    """Dotted names of what is set on a record and has no field in the model. An empty list restricts nothing."""
    # OpenAPI: an empty or absent list of countries allows all.
    found = tuple([name for name in _SETTINGS if record[name]])
    return (*found, CODECS) if codecs else found


# What many numbers share is made once: the models are frozen.


@lru_cache(maxsize=256)
def _origin(word: str | None) -> tuple[Origin, Odd]:
    """The origin that a type stands for. An undocumented word is kept beside the `UNKNOWN` that it becomes."""
    odd = () if word is None or word in ORIGINS else (f"phone_number_type: none of {', '.join(ORIGINS)}",)
    return ORIGINS.get(word or "", Origin.UNKNOWN), odd


def _agent_of(shares: Sequence[AgentShare] | None, field: str) -> tuple[AgentRef | None, Odd]:
    """The one agent that takes every call; a list that splits the calls is no agent and is named."""
    if not shares:
        return None, ()
    # Weights "must add up to 1" (prose), so one entry of weight 1 takes every call.
    if len(shares) > 1 or shares[0]["weight"] != 1:
        what = (
            f"{len(shares)} agents share" if len(shares) > 1 else f"one agent has a share of {shares[0]['weight']} of"
        )
        return None, (f"{field}: {what} {SPLIT}",)
    word = shares[0]["agent_version"]
    reference = _reference(shares[0]["agent_id"], None if word is None else str(word))
    # Written back, the tag would become `latest_published`, or be refused.
    if word in _MODEL_WORDS:
        return reference, (f"{field}[0].agent_version: a tag that is called {word}, which the model cannot name",)
    return reference, ()


@lru_cache(maxsize=4096)
def _reference(agent_id: str, word: str | None) -> AgentRef:
    """An agent by Retell's word for its version; unknown where the model would mistake the word for its own."""
    if word in _MODEL_WORDS:
        return AgentRef(agent_id)
    return AgentRef(agent_id, version=AgentVersion.PUBLISHED if word == PUBLISHED else word)


def _read_sip(found: SipRecord | Mapping[str, object]) -> tuple[SipConfig, Odd, object]:
    """The trunk, the fields of it that could not be read, and its codecs, for which the model has no field.

    An imported number always has a trunk, even where Retell shows none: everything about it is unknown then.
    """
    if isinstance(found, SipRecord):
        sip, odd = _trunk(found.termination_uri, found.auth_username, found.transport, True)
        return sip, odd, found.codecs
    record, unreadable = read_record(SipRecord, found)
    # No transport means TCP. One that is there and cannot be read may be anything.
    transport_known = not any(problem.startswith("transport:") for problem in unreadable)
    sip, odd = _trunk(record.termination_uri, record.auth_username, record.transport, transport_known)
    return sip, (*(f"{_CONFIG}.{problem}" for problem in unreadable), *odd), record.codecs


@lru_cache(maxsize=4096)
def _trunk(
    uri: str | None, username: str | None, transport: str | None, transport_known: bool
) -> tuple[SipConfig, Odd]:
    # The schema is free text: a validator lets `SCTP` through.
    odd = odd_word(f"{_CONFIG}.transport", transport, TRANSPORTS)
    address: SipAddress | None = None
    if uri and (odd or not transport_known):
        odd += (f"{_CONFIG}.termination_uri: cannot be read without its transport",)
    elif uri:
        # Where Retell shows no transport none is read; the declared default says what that means.
        address, odd_address = read_address(uri, f"{_CONFIG}.termination_uri", TRANSPORTS.get(transport or ""))
        odd += odd_address
    sip = SipConfig(
        outbound=OutboundSip(
            address=address,
            username=username or None,
            # Without a user name there may still be a password that Retell does not show.
            credentials=CredentialState.SET if username else CredentialState.UNKNOWN,
        )
    )
    return sip, odd


# -- writing


def import_body(change: NumberImport, identity: NumberIdentity) -> dict[str, Json]:
    """The body that imports a number, without agents.

    Retell checks the number only when it is asked to: by default it takes any text.
    """
    body: dict[str, Json] = {
        "phone_number": identity.e164 or identity.raw,
        # OpenAPI: true where it is left out. Without it a slip in the number would be imported, and later be found by
        # its exact spelling only.
        "ignore_e164_validation": identity.e164 is None,
    }
    if change.label is not None:
        body["nickname"] = change.label
    if change.outbound is not None:
        # OpenAPI, import: these names. An update takes `auth_username` and `auth_password`.
        body |= _outbound(change.outbound, "sip_trunk_auth_username", "sip_trunk_auth_password")
    return body


def sip_body(change: OutboundUpdate) -> dict[str, Json]:
    """The body that changes trunk settings: the fields that were set, and nothing else."""
    return _outbound(change, "auth_username", "auth_password")


def _outbound(change: OutboundUpdate, username: str, password: str) -> dict[str, Json]:
    """Trunk settings under the names of an import or of an update, which differ in the credentials."""
    body: dict[str, Json] = {}
    if change.address is not None:
        body |= address_fields(change.address)
    if change.username is not None:
        body[username] = change.username
    if change.password is not None:
        body[password] = change.password
    return body


def address_fields(address: SipAddress) -> dict[str, Json]:
    """An address in Retell's two fields. Raises `UnsupportedField` for what neither of them holds.

    The transport always goes along, the default as well: left out of an update, the one of the old address would stay.
    """
    return {
        "termination_uri": replace(address, transport=None).host_port(),
        "transport": TRANSPORT_WORDS[address.transport or DEFAULT_TRANSPORT],
    }


def agents_body(assignment: AgentAssignment) -> dict[str, Json]:
    """The agents that were set, each as the only one of its list; ``None`` is sent as null, which takes them off."""
    # OpenAPI: null is allowed; "if set and non-empty" says that an empty list would do the same.
    return {AGENT_LISTS[name]: None if agent is None else [_share(agent)] for name, agent in references(assignment)}


def references(assignment: AgentAssignment) -> Iterator[tuple[Field, AgentRef | None]]:
    """The directions that an assignment changes, with the agent of each."""
    for name, agent in ((Field.INBOUND_AGENT, assignment.inbound), (Field.OUTBOUND_AGENT, assignment.outbound)):
        if not isinstance(agent, Unset):
            yield name, agent


def _share(agent: AgentRef) -> dict[str, Json]:
    return {"agent_id": agent.agent_id, "agent_version": version_word(agent.version), "weight": 1}


def version_word(version: AgentVersion | str | None) -> int | str:
    """Retell's word for a version: a number for a numbered one. Raises `InvalidInput` for no version."""
    if version is None:
        raise InvalidInput(
            "the version of the agent is missing",
            remedy=Remedy(
                "give PUBLISHED, a version number, `latest` or a tag",
                cli="give published, a version number, `latest` or a tag",
            ),
        )
    if version is AgentVersion.PUBLISHED:
        return PUBLISHED
    # OpenAPI: a JSON number for a numbered version. As a text it would have to be a tag, and a tag begins with a
    # letter.
    return int(version) if version.isdecimal() else str(version)
