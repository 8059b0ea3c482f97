"""Comparing a record at the target with what the plan wants, field by field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import InputModel
from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.fields import shown, value_text
from telephony_core.migration.inventory.staleness import status_text
from telephony_core.migration.plan.model import DesiredState, Trunk, import_of
from telephony_core.operations.reconciliation import EMPTY_AT_FIRST, differences, read_field, sent_fields
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.capabilities import Field as Setting


class VerificationResult(StrEnum):
    """The result of comparing one field."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNVERIFIABLE = "unverifiable"
    """The provider does not show it: a password, at some the user name."""


class FieldVerification(InputModel):
    """One field of one number, compared. Texts are for people and hold no secret."""

    field: str
    result: VerificationResult
    desired: str | None = None
    found: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        text = self.result.upper()
        if self.result is VerificationResult.DIFFERS:
            text += f" (planned: {self.desired}; found: {self.found})"
        elif self.result is VerificationResult.EQUAL and self.found:
            text += f" ({self.found})"
        return f"{self.field}: {text}" + (f"; {self.note}" if self.note else "")


def which(found: Sequence[FieldVerification], result: VerificationResult) -> tuple[str, ...]:
    """Names of the fields with this result."""
    return tuple(field.field for field in found if field.result is result)


def expected_of(desired: DesiredState, username: str | None = None) -> dict[str, object]:
    """What an import writes and a read can be compared with, by dotted field name. Agents have a step of their own."""
    return sent_fields(import_of(desired)) | ({} if username is None else {Setting.USERNAME: username})


def desired_settings(desired: DesiredState) -> dict[str, object]:
    """What is set in a record that is there, by dotted name; ``None`` is cleared. Without credentials."""
    half = {"inbound": desired.inbound, "outbound": desired.outbound}
    given: dict[str, object] = {Setting.LABEL: desired.label}
    given |= {
        f"{name}.{leaf}": value for name, part in half.items() for leaf, value in part or () if leaf != "allow_any"
    }
    given |= desired.agents
    known = {str(name): value for name, value in given.items() if value is not None}
    return known | {str(name): None for name in desired.clear}


def verify_settings(
    desired: DesiredState,
    trunk: Trunk | None,
    record: PhoneNumber,
    capabilities: Capabilities,
    *,
    username: str | None = None,
) -> tuple[FieldVerification, ...]:
    """Every setting that was changed, compared with the record; what was not to be changed is not."""
    credentials = () if trunk is None else _credentials(trunk, record, capabilities, username)
    return (*_settings(desired_settings(desired), record, capabilities), *credentials)


def verify_fields(
    desired: DesiredState,
    trunk: Trunk | None,
    record: PhoneNumber,
    capabilities: Capabilities,
    *,
    username: str | None = None,
) -> tuple[FieldVerification, ...]:
    """Every field that was wanted, and every one that was not, compared with the record at the target.

    ``username`` is what the trunk's reference leads to, where that was followed.
    """
    digest = trunk if trunk is not None and trunk.auth == "digest" else None
    expected = expected_of(desired) | desired.agents
    named = expected.keys() if digest is None else {*expected, Setting.USERNAME}
    return (
        *_wanted(desired, expected, record, capabilities),
        *_additions(named, record),
        *(() if digest is None else _credentials(digest, record, capabilities, username)),
    )


def _wanted(
    desired: DesiredState, expected: Mapping[str, object], record: PhoneNumber, capabilities: Capabilities
) -> Iterator[FieldVerification]:
    identity = NumberIdentity.parse(desired.number, region=capabilities.region)
    yield compared_field("number", record.identity.same_in_account(identity), str(identity), str(record.identity))
    # What is not in service differs from what was wanted, whatever its fields say.
    yield compared_field("status", record.status is NumberStatus.ACTIVE, NumberStatus.ACTIVE, status_text(record))
    yield from _settings(expected, record, capabilities)


def _settings(
    expected: Mapping[str, object], record: PhoneNumber, capabilities: Capabilities
) -> Iterator[FieldVerification]:
    different = differences(expected, record, capabilities)
    for name, value in expected.items():
        if not capabilities.can_read(Setting(name)):
            yield _unverifiable(name, value_text(value))
            continue
        found = read_field(record, name)
        # Of an agent without a version only the id can be compared.
        only_id = found.agent_id if isinstance(found, AgentRef) and found.version is None else None
        yield compared_field(
            name, name not in different, value_text(value), value_text(only_id or shown(record, name, capabilities))
        )
        if only_id is not None:
            yield _unverifiable(f"{name}.version")


def _additions(named: Collection[str], record: PhoneNumber) -> Iterator[FieldVerification]:
    """Settings that the record has and nobody planned: an agent that was added, a list, an address."""
    for name in EMPTY_AT_FIRST:
        if name not in named and (found := read_field(record, name)):
            yield compared_field(name, False, "nothing", "one" if name == Setting.USERNAME else value_text(found))


def _credentials(
    trunk: Trunk, record: PhoneNumber, capabilities: Capabilities, username: str | None
) -> Iterator[FieldVerification]:
    """A user name that is only referenced is compared and never shown."""
    plain = trunk.plain_username
    wanted, found = plain or username, read_field(record, Setting.USERNAME)
    if trunk.username is None:
        pass  # it stays as it is
    elif not capabilities.can_read(Setting.USERNAME):
        yield _unverifiable(Setting.USERNAME)
    elif wanted is None:
        yield _unverifiable(Setting.USERNAME, note="the reference to it was not followed")
    elif plain is not None:
        yield compared_field(Setting.USERNAME, found == wanted, value_text(wanted), value_text(found))
    else:
        shown = None if found == wanted else "something else"
        yield compared_field(Setting.USERNAME, found == wanted, "what the reference leads to", shown)
    if trunk.password is not None:
        yield _unverifiable(Setting.PASSWORD, note="only a call or a registration proves it")


def compared_field(
    field: str, equal: bool, desired: str, found: str | None, note: str | None = None
) -> FieldVerification:
    """The result for a field that both sides show."""
    result = VerificationResult.EQUAL if equal else VerificationResult.DIFFERS
    return FieldVerification(field=field, result=result, desired=desired, found=found, note=note)


def _unverifiable(
    field: str, desired: str | None = None, note: str = "the provider does not return it"
) -> FieldVerification:
    return FieldVerification(field=field, result=VerificationResult.UNVERIFIABLE, desired=desired, note=note)
