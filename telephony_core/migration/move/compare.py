"""Comparing records: with what the plan read, with what it wants, and with what this migration left behind."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import InputModel
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.diff import FieldDrift
from telephony_core.migration.inventory.fields import SETTINGS, means_the_same, printable, value_text
from telephony_core.migration.plan.model import DesiredState, Trunk, import_of
from telephony_core.operations.reconciliation import EMPTY_AT_FIRST, differences, read_field, sent_fields
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import NumberImport

_WHOLE: Final = ("status", "origin")
_BEGINNINGS: Final = ("created_at", "starts_at")
"""When a record was made, as providers tell it: vox the one, Diga the other."""
_GONE: Final = FieldDrift(field="number", before="there", after="gone")


def stale_fields(
    planned: PhoneNumber, now: PhoneNumber | None, stopped: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """What has changed about a record since the plan read it; ``None``: it is gone.

    ``stopped`` are agents that this migration itself took off the air by giving up another number of theirs.
    """
    if now is None:
        return (_GONE,)
    changed = list(_made_again(planned, now))
    changed += [
        FieldDrift(field=name, before=before, after=after)
        for name in (*_WHOLE, *SETTINGS)
        if not means_the_same(_read(planned, name), _read(now, name))
        and not _was_stopped(_read(planned, name), _read(now, name), stopped)
        # The plan keeps texts without the passwords that a provider may show inside of them.
        and (before := value_text(_read(planned, name))) != (after := value_text(_read(now, name)))
    ]
    if not planned.identity.same_in_account(now.identity):
        changed.insert(0, FieldDrift(field="number", before=str(planned.identity), after=str(now.identity)))
    return tuple(changed)


def _made_again(planned: PhoneNumber, now: PhoneNumber) -> Iterator[FieldDrift]:
    """Another time of creation: the record was deleted, and another one was made under its id."""
    for name in _BEGINNINGS:
        before, after = getattr(planned, name), getattr(now, name)
        if before is not None and after is not None and before != after:
            yield FieldDrift(field=name, before=value_text(before), after=value_text(after))


def _was_stopped(before: object, now: object, stopped: Collection[str]) -> bool:
    return isinstance(before, AgentRef) and before.agent_id in stopped and now is None


def seen(record: PhoneNumber) -> dict[str, str]:
    """What a record shows, as texts: what the journal keeps to tell a foreign change by."""
    texts = {name: value_text(_in_order(_read(record, name))) for name in (*_WHOLE, *SETTINGS)}
    for name in _BEGINNINGS:
        if (at := getattr(record, name)) is not None:  # some answers to an import leave it out
            texts[name] = at.isoformat()
    # A user name may have come from a secret reference: enough of it is kept to tell whether it has changed.
    texts[Setting.USERNAME] = hashlib.sha256(texts[Setting.USERNAME].encode()).hexdigest()[:16]
    return texts


def foreign_changes(left_behind: Mapping[str, object], now: PhoneNumber) -> tuple[FieldDrift, ...]:
    """What somebody else changed since this migration last saw a record (`seen`)."""
    shown = seen(now)
    return tuple(
        FieldDrift(field=name, before=str(before), after=shown.get(name, "not told"))
        for name, before in left_behind.items()
        if before != shown.get(name) and (name not in _BEGINNINGS or name in shown)
    )


def _read(record: PhoneNumber, name: str) -> object:
    value = getattr(record, name) if name in _WHOLE else read_field(record, name)
    # A label that is empty and one that is not there look alike to everybody.
    return value or None if name == Setting.LABEL else value


def _in_order(value: object) -> object:
    return tuple(sorted(map(str, value))) if isinstance(value, tuple) else value


# -- with what is wanted


class VerificationResult(StrEnum):
    """What a comparison came to."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNVERIFIABLE = "unverifiable"
    """The provider does not tell it: a password, at some the user name."""


class FieldVerification(InputModel):
    """One field of one number, compared. Texts are for people and hold no secret."""

    field: str
    result: VerificationResult
    desired: str | None = None
    found: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        match self.result:
            case VerificationResult.EQUAL:
                said = f"EQUAL ({self.found})" if self.found else "EQUAL"
            case VerificationResult.DIFFERS:
                said = f"DIFFERS ({self.desired} was wanted, {self.found} is there)"
            case VerificationResult.UNVERIFIABLE:
                said = "UNVERIFIABLE"
        return f"{self.field}: {said}" + (f"; {self.note}" if self.note else "")


def expected_of(desired: DesiredState, username: str | None = None) -> dict[str, object]:
    """What an import writes and a read can be compared with, by dotted field name. Agents have a step of their own."""
    return sent_fields(import_of(desired)) | ({} if username is None else {Setting.USERNAME: username})


def agents_of(desired: DesiredState) -> dict[str, object]:
    """The agents that are assigned, by field name."""
    agents = ((Setting.INBOUND_AGENT, desired.inbound_agent), (Setting.OUTBOUND_AGENT, desired.outbound_agent))
    return {name: agent for name, agent in agents if agent is not None}


def verify_fields(
    desired: DesiredState,
    trunk: Trunk | None,
    record: PhoneNumber,
    capabilities: Capabilities,
    *,
    username: str | None = None,
) -> tuple[FieldVerification, ...]:
    """Every field that was wanted, compared with the record at the target.

    ``username`` is what the trunk's reference leads to, where that was followed.
    """
    return tuple(_verdicts(desired, trunk, record, capabilities, username))


def _verdicts(
    desired: DesiredState, trunk: Trunk | None, record: PhoneNumber, capabilities: Capabilities, username: str | None
) -> Iterator[FieldVerification]:
    yield _number(desired, record, capabilities)
    yield _status(record)
    expected = expected_of(desired) | agents_of(desired)
    odd = differences(expected, record, capabilities)
    for name, value in expected.items():
        yield _field(name, value, record, capabilities, odd=name in odd)
        yield from _version(name, record)
    yield from _additions(desired, trunk, record)
    if trunk is not None and trunk.auth == "digest":
        yield _username(trunk.plain_username or username, record, capabilities, hidden=trunk.plain_username is None)
        yield FieldVerification(
            field=Setting.PASSWORD,
            result=VerificationResult.UNVERIFIABLE,
            note="only a call or a registration proves it",
        )


def _field(
    name: str, value: object, record: PhoneNumber, capabilities: Capabilities, *, odd: bool
) -> FieldVerification:
    shown = value_text(value)
    if not capabilities.can_read(Setting(name)):
        return FieldVerification(field=name, result=VerificationResult.UNVERIFIABLE, desired=shown, note=_NOT_TOLD)
    found = value_text(_shown(record, name))
    return FieldVerification(
        field=name, result=VerificationResult.DIFFERS if odd else VerificationResult.EQUAL, desired=shown, found=found
    )


def _username(
    username: str | None, record: PhoneNumber, capabilities: Capabilities, *, hidden: bool
) -> FieldVerification:
    """A user name that is only referenced is compared and never shown."""
    if not capabilities.can_read(Setting.USERNAME):
        return FieldVerification(field=Setting.USERNAME, result=VerificationResult.UNVERIFIABLE, note=_NOT_TOLD)
    if username is None:
        note = "the reference to it was not followed"
        return FieldVerification(field=Setting.USERNAME, result=VerificationResult.UNVERIFIABLE, note=note)
    found = read_field(record, Setting.USERNAME)
    return FieldVerification(
        field=Setting.USERNAME,
        result=VerificationResult.EQUAL if found == username else VerificationResult.DIFFERS,
        desired="what the reference leads to" if hidden else value_text(username),
        found=None if hidden and found == username else "something else" if hidden else value_text(found),
    )


_NOT_TOLD: Final = "the provider does not tell it"


def _shown(record: PhoneNumber, name: str) -> object:
    value = read_field(record, name)
    # Of an agent without a version only the id was compared.
    return getattr(value, "agent_id", value) if getattr(value, "version", "") is None else value


def _version(name: str, record: PhoneNumber) -> Iterator[FieldVerification]:
    if getattr(read_field(record, name), "version", "") is None:
        yield FieldVerification(field=f"{name}.version", result=VerificationResult.UNVERIFIABLE, note=_NOT_TOLD)


def _number(desired: DesiredState, record: PhoneNumber, capabilities: Capabilities) -> FieldVerification:
    identity = NumberIdentity.parse(desired.number, region=capabilities.region)
    return FieldVerification(
        field="number",
        result=VerificationResult.EQUAL if record.identity.same_in_account(identity) else VerificationResult.DIFFERS,
        desired=str(identity),
        found=str(record.identity),
    )


def _status(record: PhoneNumber) -> FieldVerification:
    """What is not in service differs from what was wanted, whatever its fields say."""
    return FieldVerification(
        field="status",
        result=VerificationResult.EQUAL if record.status is NumberStatus.ACTIVE else VerificationResult.DIFFERS,
        desired=NumberStatus.ACTIVE,
        found=status_text(record),
    )


def _additions(desired: DesiredState, trunk: Trunk | None, record: PhoneNumber) -> Iterator[FieldVerification]:
    """Settings that the record has and nobody planned: an agent that was added, a list, an address."""
    named = expected_of(desired).keys() | agents_of(desired).keys()
    if trunk is not None and trunk.auth == "digest":
        named |= {Setting.USERNAME.value}
    for name in EMPTY_AT_FIRST:
        if name not in named and (found := read_field(record, name)):
            shown = "one" if name == Setting.USERNAME else value_text(found)
            yield FieldVerification(field=name, result=VerificationResult.DIFFERS, desired="nothing", found=shown)


def status_text(record: PhoneNumber) -> str:
    """The status, with the provider's own word where that says more."""
    word = record.provider_status
    return str(record.status) if word in (None, str(record.status)) else f"{record.status} ({printable(word)})"


def is_over(record: PhoneNumber | None) -> bool:
    """Whether a record is given up already, or about to be."""
    return record is None or record.status in (NumberStatus.RELEASED, NumberStatus.RELEASE_SCHEDULED)


def which(found: Sequence[FieldVerification], result: VerificationResult) -> tuple[str, ...]:
    """Names of the fields with this verdict."""
    return tuple(field.field for field in found if field.result is result)


def unreadable_sent(change: NumberImport, capabilities: Capabilities) -> bool:
    """Whether a change writes settings that nobody can read back: only sending them shows that they are there."""
    if change.outbound is not None and change.outbound.password is not None:
        return True
    return any(not capabilities.can_read(Setting(name)) for name in sent_fields(change))
