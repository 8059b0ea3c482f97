"""Between Diga's words and the model's, both ways: pure functions that know every word they can meet.

Reading never fails for one odd field; it is left unknown and named in ``problems`` by Diga's own field name. Writing
holds only what was set: Diga documents nowhere what an explicit null does, so none is ever sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import SecretStr

from telephony_core.domain.agents import Agent, AgentRef, AgentVersion
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
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
from telephony_core.errors import InvalidInput, NotFound, Remedy, UnexpectedResponse, UnsupportedField, WrongState
from telephony_core.provider.capabilities import Field
from telephony_core.provider.changes import NumberImport, SipUpdate
from telephony_core.provider.flow import Json
from telephony_core.provider.wire import odd_entries, odd_word, read_address, read_record
from telephony_diga.capabilities import REGION, SLUG
from telephony_diga.wire import AgentRecord, ListedAgent, PhoneRecord, SipRecord, VersionRecord

# PhoneRegisterStatus of the vendor OpenAPI of 2026-07-22. It grew that month (`pending_verification`), so it is read as
# an open list.
#
#     bought:     reserved ──> pending_verification ──> assigned ──> released ──> finished
#     imported:                                         assigned ──> gone, or one of the last two
STATUSES: Final[Mapping[str, NumberStatus]] = {
    "reserved": NumberStatus.PENDING,  # held during the checkout, not paid yet
    "pending_verification": NumberStatus.PENDING,  # paid, the company not verified yet
    "assigned": NumberStatus.ACTIVE,
    "released": NumberStatus.RELEASED,  # rests for 30 days before it is sold again
    "finished": NumberStatus.RELEASED,  # closed for good, never comes back
}
"""Every documented status, in the order in which a number goes through them."""

# PhoneRegisterResponseSchema.telephony_provider: bought through Diga, or imported.
ORIGINS: Final[Mapping[str, Origin]] = {"netelip": Origin.PURCHASED, "custom": Origin.IMPORTED}

# SipConfigResponseSchema: whether calls use SRTP. The same three words in both directions, reading and writing.
ENCRYPTIONS: Final[Mapping[str, MediaEncryption]] = {
    "disable": MediaEncryption.DISABLE,
    "allow": MediaEncryption.ALLOW,
    "require": MediaEncryption.REQUIRE,
}


# -- reading

# Looked up once: to find a method on a pydantic class takes as long as a third of what it does.
_identity: Final = NumberIdentity.parse
_number: Final = PhoneNumber.unchecked


def number_status(word: str, *, release_ordered: bool) -> NumberStatus:
    """A status word in the model. A phone stays ``assigned`` while its release is ordered for a later time."""
    status = STATUSES.get(word, NumberStatus.UNKNOWN)
    return NumberStatus.RELEASE_SCHEDULED if status is NumberStatus.ACTIVE and release_ordered else status


def words_of(status: NumberStatus) -> tuple[str, ...]:
    """The status words that records of this status can carry; none for `NumberStatus.UNKNOWN`."""
    if status is NumberStatus.RELEASE_SCHEDULED:
        status = NumberStatus.ACTIVE
    return tuple(word for word, meaning in STATUSES.items() if meaning is status)


def number_of(record: PhoneRecord, unreadable: tuple[str, ...], raw: Mapping[str, Any]) -> PhoneNumber:
    """A phone out of its record, the fields of it that could not be read, and what to show as ``raw``."""
    release_at = record["scheduled_release_at"]
    # A time that cannot be read still says that the release was ordered.
    release_ordered = release_at is not None or bool(unreadable and raw.get("scheduled_release_at"))
    status, origin, odd_words = _words(record["status"], record["telephony_provider"], release_ordered)
    sip: SipConfig | None = None
    odd_sip: tuple[str, ...] = ()
    # `sip_config` is documented for imported phones only, and may be null there.
    if (trunk := record["sip_config"]) is not None or origin is Origin.IMPORTED:
        sip, odd_sip = _read_sip(trunk or {})
    return _number(
        {
            "provider": SLUG,
            "id": record["id"],
            "identity": _identity(record["number"], region=REGION),
            "status": status,
            "provider_status": record["status"] or None,
            "origin": origin,
            "provider_origin": record["telephony_provider"] or None,
            "label": record["nickname"] or None,
            "sip": sip,
            "trunk_ids": (),
            # The answer shows agent ids and never a version, although a write takes version ids.
            "inbound_agent": None if (id := record["inbound_agent_id"]) is None else _agent(id),
            "outbound_agent": None if (id := record["outbound_agent_id"]) is None else _agent(id),
            # Diga shows when a number was assigned, and not when its record was made or changed.
            "created_at": None,
            "updated_at": None,
            "starts_at": record["assigned_at"],
            "release_requested_at": None,
            # Released beats scheduled: a record that has both has ended.
            "ends_at": record["released_at"] or release_at,
            "monthly_fee": None,
            "unmodelled": (),
            "problems": unreadable + odd_words + odd_sip,
            "raw": raw,
        }
    )


# What many phones share is made once: the models are frozen.


@lru_cache(maxsize=256)
def _words(status: str, provider: str, release_ordered: bool) -> tuple[NumberStatus, Origin, tuple[str, ...]]:
    """The status and the origin that two words of Diga stand for, and which of them are not documented."""
    odd = (*odd_word("telephony_provider", provider or None, ORIGINS), *odd_word("status", status or None, STATUSES))
    return number_status(status, release_ordered=release_ordered), ORIGINS.get(provider, Origin.UNKNOWN), odd


@lru_cache(maxsize=4096)
def _agent(id: str) -> AgentRef | None:
    # An empty id is no agent. Without a version, because none is shown.
    return AgentRef(id) if id else None


def _read_sip(found: SipRecord | Mapping[str, object]) -> tuple[SipConfig, tuple[str, ...]]:
    """The flat trunk object as two halves, and the fields of it that could not be read.

    An imported phone always has a trunk, even where Diga shows none: everything about it is unknown then.
    """
    record, unreadable = (found, ()) if isinstance(found, SipRecord) else read_record(SipRecord, found)
    addresses = record.allowed_addresses
    sip, odd = _trunk(
        record.termination_uri,
        record.username,
        record.inbound_media_encryption,
        record.outbound_media_encryption,
        # None is "not told" and an empty list is "open to everybody": they never become each other.
        None if addresses is None else tuple(addresses),
    )
    return sip, (*(f"sip_config.{problem}" for problem in unreadable), *odd) if unreadable else odd


@lru_cache(maxsize=4096)
def _trunk(
    uri: str | None,
    username: str | None,
    inbound_encryption: str,
    outbound_encryption: str,
    allowed_addresses: tuple[str, ...] | None,
) -> tuple[SipConfig, tuple[str, ...]]:
    address, odd_address = read_address(uri or None, "termination_uri")
    odd = (
        *odd_address,
        *odd_word("inbound_media_encryption", inbound_encryption or None, ENCRYPTIONS),
        *odd_word("outbound_media_encryption", outbound_encryption or None, ENCRYPTIONS),
        *odd_entries("allowed_addresses", allowed_addresses),
    )
    sip = SipConfig(
        inbound=InboundSip(
            allowed_addresses=allowed_addresses,
            # Left out is unknown. The documented default (`allow`) is what an import sets, not what a missing field
            # means.
            media_encryption=ENCRYPTIONS.get(inbound_encryption, MediaEncryption.UNKNOWN),
            provider_media_encryption=inbound_encryption or None,
        ),
        outbound=OutboundSip(
            address=address,
            username=username or None,
            # Without a user name there may still be credentials that Diga does not show.
            credentials=CredentialState.SET if username else CredentialState.UNKNOWN,
            media_encryption=ENCRYPTIONS.get(outbound_encryption, MediaEncryption.UNKNOWN),
            provider_media_encryption=outbound_encryption or None,
        ),
    )
    return sip, tuple(f"sip_config.{problem}" for problem in odd)


# -- writing


def written_number(identity: NumberIdentity) -> str:
    """The number as an import takes it: E.164 with its ``+``, or ``user@domain``.

    Raises `UnsupportedField` for anything else, without repeating it: a SIP address may hold a password.
    """
    if identity.e164 is not None:
        return identity.e164
    text = identity.raw.strip(" ")
    # OpenAPI, import: `user@domain.com`. Only blanks at the ends go; the user part is case-sensitive (RFC 3261,
    # 19.1.4).
    if identity.kind is NumberKind.SIP_ID and "@" in text and not text.lower().startswith(("sip:", "sips:")):
        try:
            # The grammar of SIP addresses refuses a password or a header in the identifier.
            address = SipAddress.parse(f"sip:{text}")
        except InvalidInput as error:
            raise _no_such_identifier(error.message) from None
        if address.transport is None and not address.params:
            return text
        raise _no_such_identifier("it holds URI parameters")
    raise _no_such_identifier("it is neither an E.164 number nor written as user@domain")


def _no_such_identifier(reason: str) -> UnsupportedField:
    return UnsupportedField(
        f"{SLUG} cannot be given this number: {reason}",
        field="number",
        remedy="give E.164 with + and country code, or a SIP identifier as user@domain without sip:",
    )


def import_body(change: NumberImport, identity: NumberIdentity) -> dict[str, Json]:
    """The body that imports a number. Without outbound settings Diga makes a phone that only receives calls."""
    body: dict[str, Json] = {"phone_number": written_number(identity)}
    if change.label is not None:
        body["nickname"] = change.label
    return body | _halves(change)


def sip_body(change: SipUpdate) -> dict[str, Json]:
    """The body that changes trunk settings: the fields that were set, and nothing else."""
    return _halves(change)


_INBOUND: Final = {"media_encryption": "media_encryption", "allowed_addresses": "allowed_addresses"}
_OUTBOUND: Final = {
    "address": "termination_uri",
    "username": "username",
    "password": "password",
    "media_encryption": "media_encryption",
}


def _halves(change: NumberImport | SipUpdate) -> dict[str, Json]:
    halves = (
        ("inbound_config", "inbound", change.inbound, _INBOUND),
        ("outbound_config", "outbound", change.outbound, _OUTBOUND),
    )
    body: dict[str, Json] = {}
    for key, name, half, words in halves:
        # An empty half is left out: on an import, an empty `outbound_config` would lack its address.
        if half is not None and not isinstance(half, Unset) and half.changes:
            body[key] = _config(half, name, words)
    return body


def _config(half: InboundUpdate | OutboundUpdate, name: str, words: Mapping[str, str]) -> dict[str, Json]:
    return {
        word: _written(getattr(half, leaf), f"{name}.{leaf}") for leaf, word in words.items() if leaf in half.changes
    }


def _written(value: SipAddress | MediaEncryption | SecretStr | str | tuple[str, ...] | None, field: str) -> Json:
    if value is None:
        raise not_clearable(field)
    # OpenAPI: `termination_uri` is host or IP without `sip:` or `sips:`. A port stands in the examples of the guides.
    return value.host_port() if isinstance(value, SipAddress) else value


def not_clearable(field: str) -> UnsupportedField:
    """The error in the place of a null."""
    return UnsupportedField(
        f"{SLUG} documents no way to clear it", field=field, remedy="set another value, or leave it as it is"
    )


# -- agents


@dataclass(frozen=True, slots=True)
class VersionChoice:
    """The version that an assignment comes down to. ``publishes``: it is not the one that is live now."""

    agent_id: str
    version_id: str
    publishes: bool


def read_versions(payload: object, agent_id: str) -> tuple[VersionRecord, ...]:
    """The versions of one agent out of Diga's list of all agents.

    Raises `NotFound` when the list does not have the agent, `UnexpectedResponse` when it, or this agent in it, is of
    another shape, or has the agent twice. What is odd about other agents does not matter here.
    """
    if not isinstance(payload, list):
        raise UnexpectedResponse(f"the list of agents is a JSON {type(payload).__name__}")
    found = [item for item in payload if isinstance(item, dict) and item.get("agent_id") == agent_id]
    if not found:
        raise NotFound(
            f"no agent {agent_id[:60]!r}",
            remedy="take the agent's id (not a version's) from the dashboard of the project this key belongs to",
        )
    if len(found) > 1:
        # Two entries may name two published versions, and the choice would be a guess.
        raise UnexpectedResponse(f"the list has agent {agent_id} {len(found)} times")
    agent, problems = read_record(AgentRecord, found[0])
    if problems:
        raise UnexpectedResponse(f"the versions of agent {agent_id} cannot be read ({'; '.join(problems)})")
    # A version whose state cannot be read counts as not published, so that assigning it asks for consent.
    return tuple(read_record(VersionRecord, version)[0] for version in agent.versions)


def agent_of(record: ListedAgent, unreadable: tuple[str, ...], raw: Mapping[str, Any]) -> Agent:
    """An agent out of the list of all agents."""
    published = [
        version.get("version_id") for version in record["versions"] or () if version.get("is_published") is True
    ]
    # OpenAPI: at most one version of an agent is published. Of two none is guessed.
    literal = published[0] if len(published) == 1 and isinstance(published[0], str) else None
    odd = ("versions: the answer does not say which one is published",) if published and literal is None else ()
    return Agent(
        provider=SLUG,
        id=record["id"],
        name=record["name"] or None,
        published_version=literal,
        problems=(*unreadable, *odd),
        raw=raw,
    )


def choose_version(reference: AgentRef, versions: Sequence[VersionRecord]) -> VersionChoice:
    """The version id that a reference means. A literal is a version id of this very agent.

    Raises `WrongState` when the agent has no such version now, `NotFound` for a version id that is not this agent's.
    """
    agent, wanted = reference.agent_id, reference.version
    remedy: str
    if wanted is AgentVersion.PUBLISHED:
        found = [version for version in versions if version.is_published]
        publish = "publish one in the dashboard, or name a version by its id and"
        remedy = Remedy(
            f"{publish} allow SideEffect.PUBLISHES, since assigning it publishes it",
            cli=f"{publish} say --allow publishes, since assigning it publishes it",
        )
    # Whether a draft can be assigned is not documented: the dashboard makes a version of it first. It is sent, and the
    # vendor may refuse.
    elif wanted is AgentVersion.DRAFT:
        found = [version for version in versions if version.is_draft]
        remedy = Remedy(
            "name a version by its id, or assign version=PUBLISHED",
            cli="name a version by its id, or assign the version published",
        )
    else:
        # UUIDs mean the same in either case (RFC 9562, section 4).
        found = [version for version in versions if wanted and version.version_id.lower() == wanted.lower()]
        if not found:
            known = ", ".join(version.version_id for version in versions) or "none"
            raise NotFound(f"agent {agent} has no version with this id", remedy=f"its versions are: {known}")
        remedy = ""
    if not found:
        raise WrongState(f"agent {agent} has no {wanted} version", remedy=remedy)
    if len(found) > 1:
        raise WrongState(f"agent {agent} has {len(found)} {wanted} versions", remedy="name one of them by its id")
    return VersionChoice(agent, found[0].version_id, publishes=not found[0].is_published)


# OpenAPI, PATCH phone: titled "Agent ID" there, and described as versions.
AGENT_KEYS: Final[Mapping[Field, str]] = {
    Field.INBOUND_AGENT: "inbound_version_id",
    Field.OUTBOUND_AGENT: "outbound_version_id",
}
"""The keys that take **version** ids on a write; the same phone shows **agent** ids when it is read."""
