"""Finding out whether a write happened whose answer was lost.

One empty look proves nothing (the request may still execute late), and a hit may be somebody else's record. So an
import is only adopted when a live record is there that was not there before, whose readable settings equal what was
sent, and which has none that were not. Nothing in here ever repeats a write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import Unset
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.changes import NumberImport, SipUpdate
from telephony_core.provider.identity import same_id


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write whose outcome is unknown: what was tried, and what to look for. Holds no secret."""

    provider: str
    operation: Operation
    identity: NumberIdentity
    id: str | None = None
    """The record that was to be changed; ``None`` for an import, unless the provider had named what it made."""
    before: frozenset[str] = frozenset()
    """Ids of the records of this number that were there before an import."""
    expected: Mapping[str, object] = field(default_factory=dict)
    """Readable fields by dotted name, as they were sent."""
    telling: bool = True
    """Whether a look can tell: not when the record looked as expected before the write already."""
    started_at: datetime | None = None

    def was_there(self, id: str) -> bool:
        """Whether the number had this record before an import, however its id is spelled now."""
        return any(same_id(id, other) for other in self.before)


@dataclass(slots=True, eq=False)
class Trail:
    """What came of a write so far, kept up to date while its operation runs, for whoever interrupts that."""

    number: PhoneNumber | None = None
    """The record that is known to be there by it."""
    adopted: bool = False
    """Whether its answer was lost or unusable, and a look found that it happened."""


class ReconciliationOutcome(StrEnum):
    """What a look found."""

    MADE = "made"
    """It happened; ``number`` is the record (``None`` when there is none any more, after a release)."""
    NOT_SEEN = "not_seen"
    """No trace as of ``as_of``. It may still happen: look again after the time-out of the request."""
    AMBIGUOUS = "ambiguous"
    """Something is there that may be somebody else's: ``candidates`` are for a person to judge."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What is known now about an `Attempt`."""

    outcome: ReconciliationOutcome
    as_of: datetime
    number: PhoneNumber | None = None
    candidates: tuple[PhoneNumber, ...] = ()


def trunk_settings(change: NumberImport | SipUpdate) -> dict[Field, object]:
    """The settings of both halves that a change sets or clears, passwords among them."""
    return {
        Field(f"{name}.{leaf}"): getattr(half, leaf)
        for name, half in (("inbound", change.inbound), ("outbound", change.outbound))
        if isinstance(half, InboundUpdate | OutboundUpdate)
        for leaf in sorted(half.changes)
    }


def sent_fields(change: NumberImport | SipUpdate) -> dict[str, object]:
    """The settings of a change by dotted name, without passwords; what a read can be compared with."""
    label = change.label if isinstance(change, NumberImport) else None
    sent: dict[str, object] = {} if label is None else {Field.LABEL: label}
    return sent | {name: value for name, value in trunk_settings(change).items() if name is not Field.PASSWORD}


def sends_unreadable(change: NumberImport | SipUpdate, capabilities: Capabilities) -> bool:
    """Whether a change sets something that no later look can confirm, such as a password."""
    return not all(map(capabilities.can_read, trunk_settings(change)))


def read_field(number: PhoneNumber, name: str) -> object:
    """One field of a record by its dotted name; ``None`` where there are no SIP settings."""
    if "." not in name:
        return getattr(number, name)
    if number.sip is None:
        return None
    half, leaf = name.split(".")
    return getattr(getattr(number.sip, half), leaf)


def is_unread(record: PhoneNumber, name: str, capabilities: Capabilities) -> bool:
    """Whether a record has something in the place of a setting that could not be read, or that has no place here: not
    there and not readable look alike in it. Where the adapter does not say which place that is, it may be any."""
    support = capabilities.fields.get(Field(name))
    if support is None or support.read_from is None:
        return bool(record.problems)
    places = (entry.partition(":")[0] for entry in (*record.problems, *record.unmodelled))
    return any(overlap(place, support.read_from) for place in places)


def overlap(one: str, other: str) -> bool:
    """Whether two dotted names are of one field of a provider's, or one of them is within the other."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))


def differences(expected: Mapping[str, object], number: PhoneNumber, capabilities: Capabilities) -> tuple[str, ...]:
    """Names of the fields that were sent, can be read back, and came back otherwise."""
    return tuple(
        name
        for name, sent in expected.items()
        if capabilities.can_read(Field(name))
        # What could not be read is not shown to be gone.
        and (
            not _same(sent, read_field(number, name), capabilities)
            or (not sent and is_unread(number, name, capabilities))
        )
    )


def _same(sent: object, read: object, capabilities: Capabilities) -> bool:
    # Vendors answer in spellings of their own: `host:5060` for `sip:host:5060`, 203.0.113.7/32 for the address alone.
    if isinstance(sent, SipAddress) and isinstance(read, SipAddress):
        return capabilities.as_meant(sent).same_endpoint(capabilities.as_meant(read))
    if isinstance(sent, tuple) and isinstance(read, tuple):
        return same_networks(sent, read)
    if isinstance(sent, AgentRef) and isinstance(read, AgentRef):
        # Not every vendor's record tells the version.
        return sent.agent_id == read.agent_id and read.version in (None, sent.version)
    return sent == read


def same_networks(one: Iterable[object], other: Iterable[object]) -> bool:
    """Whether two allow-lists name the same addresses, in whichever order and spelling."""
    return {*map(_network, one)} == {*map(_network, other)}


def _network(entry: object) -> object:
    try:
        return ip_network(str(entry))
    except ValueError:
        # LiveKit's lists also take host names, and compare them as text.
        return entry


def match_import(
    attempt: Attempt, records: Sequence[PhoneNumber], capabilities: Capabilities, *, as_of: datetime
) -> Reconciliation:
    """What the records of a number say about a lost import of it.

    Nothing was live before it, or it would not have been sent. A record that was over then and is live now may have
    been revived by it, and one whose number cannot be read may be of this number: a person has to look.
    """
    new = tuple(record for record in records if record.is_live)
    if not new:
        return Reconciliation(ReconciliationOutcome.NOT_SEEN, as_of)
    told = all(not attempt.was_there(record.id) and record.identity.e164 == attempt.identity.e164 for record in new)
    if (
        told
        and len(new) == 1
        and not differences(attempt.expected, new[0], capabilities)
        and not _additions(attempt, new[0])
    ):
        return Reconciliation(ReconciliationOutcome.MADE, as_of, new[0])
    return Reconciliation(ReconciliationOutcome.AMBIGUOUS, as_of, candidates=new)


EMPTY_AT_FIRST = (
    Field.LABEL,
    Field.INBOUND_AGENT,
    Field.OUTBOUND_AGENT,
    Field.ALLOWED_ADDRESSES,
    Field.ADDRESS,
    Field.USERNAME,
)
"""Settings that no provider makes up. Encryption is not among them: it has defaults."""


def _additions(attempt: Attempt, number: PhoneNumber) -> tuple[str, ...]:
    """Names of settings that the record has and the import did not send: whoever set them, it was not this import."""
    return tuple(name for name in EMPTY_AT_FIRST if name not in attempt.expected and read_field(number, name))


def match_change(
    attempt: Attempt, number: PhoneNumber | None, capabilities: Capabilities, *, as_of: datetime
) -> Reconciliation:
    """What a record says about a lost release, revocation, assignment or update of it, or about the import that made
    it. ``None``: there is no such record.

    That is so when neither its id nor a listing that was started afterwards shows it. An id that serves another number
    now says nothing.
    """
    if number is not None and not number.identity.same_in_account(attempt.identity):
        return Reconciliation(ReconciliationOutcome.AMBIGUOUS, as_of, candidates=(number,))
    made = Reconciliation(ReconciliationOutcome.MADE, as_of, number)
    not_seen = Reconciliation(ReconciliationOutcome.NOT_SEEN, as_of)
    if attempt.operation is Operation.RELEASE:
        # What is to end at a later date was released as well: that is how bought numbers go at some vendors.
        over = number is None or number.status in (NumberStatus.RELEASED, NumberStatus.RELEASE_SCHEDULED)
        return made if over else not_seen
    if attempt.operation is Operation.IMPORT and number is not None and number.is_live:
        return made
    # It was as expected before the write already, or is gone: either could be with the write and without it.
    if number is None or not attempt.telling or attempt.operation is Operation.IMPORT:
        return Reconciliation(ReconciliationOutcome.AMBIGUOUS, as_of, candidates=() if number is None else (number,))
    if attempt.operation is Operation.REVOKE_RELEASE:
        return made if number.status in (NumberStatus.ACTIVE, NumberStatus.PENDING) else not_seen
    return not_seen if differences(attempt.expected, number, capabilities) else made


def assigned_fields(inbound: AgentRef | None | Unset, outbound: AgentRef | None | Unset) -> dict[str, object]:
    """The agents of an assignment by field name, as far as they are set."""
    pairs = ((Field.INBOUND_AGENT, inbound), (Field.OUTBOUND_AGENT, outbound))
    return {name: agent for name, agent in pairs if not isinstance(agent, Unset)}
