"""What stands against moving a number as a whole, and for one that can be moved, what would be made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import SecretStr

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, cli_words
from telephony_core.migration.assessment.context import MigrationContext
from telephony_core.migration.assessment.field_mapping import map_fields
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.fields import SETTINGS, means_the_same, printable, value_text
from telephony_core.migration.inventory.inventory import Inventory, number_text
from telephony_core.migration.mapping.map_file import MapError, MigrationMap, TrunkChoice
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredState,
    Finding,
    Severity,
    SkipReason,
    Trunk,
    import_of,
)
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Capabilities, Operation
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import NumberImport
from telephony_core.provider.registry import registry


@dataclass(frozen=True, slots=True)
class Eligibility:
    """One number of the source, and all that is known about moving it."""

    key: str
    source: PhoneNumber
    why: SkipReason | None
    """Why it stays; ``None`` when it can be moved."""
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()
    desired: DesiredState | None = None
    trunk: Trunk | None = None
    target_before: tuple[str, ...] = ()
    """Ids of records of this number at the target, all of them over."""
    target_id: str | None = None
    """The live record at the target, of a number that is there already."""


def capabilities_of(slug: str) -> Capabilities:
    """What an installed provider declares. Raises `ProviderNotFound` and its siblings."""
    return registry.spec(slug).capabilities


def assess_eligibility(
    source: Inventory,
    target: TargetAccount,
    choices: MigrationMap,
    allowed: frozenset[Allowance],
    source_capabilities: Capabilities,
) -> tuple[Eligibility, ...]:
    """Every number of the source, in the order of the inventory."""
    _refuse_one_account(source, target)
    _refuse_other_map(choices, source, target)
    choices.demand_use(source.numbers)
    trunks = choices.trunks_of(source.numbers)
    context = MigrationContext(
        source_capabilities, target.capabilities, source.connection, target.name, choices, allowed
    )
    # One number twice, or two that a person who types them cannot tell apart.
    live = Counter(name for number in source.numbers if number.is_live for name in _names(number))
    there = _Records(target.inventory.numbers)
    return tuple(
        _judge(
            number, context, target, there, trunks.get(number.id), twice=any(live[name] > 1 for name in _names(number))
        )
        for number in sorted(source.numbers, key=lambda number: (_key(number), number.id))
    )


def _names(number: PhoneNumber) -> set[str]:
    return {number.identity.account_key, number_text(number.identity)}


def _key(number: PhoneNumber) -> str:
    return number.identity.e164 or number.identity.raw


def _refuse_one_account(source: Inventory, target: TargetAccount) -> None:
    if source.provider != target.inventory.provider:
        return
    shared = {number.id for number in source.numbers} & {number.id for number in target.inventory.numbers}
    if shared or (source.connection, source.base_url) == (target.name, target.inventory.base_url):
        raise InvalidInput(
            f"{source.connection} and {target.name} are one account",
            remedy="name another connection as the target; check that the two have different keys",
        )


def _refuse_other_map(choices: MigrationMap, source: Inventory, target: TargetAccount) -> None:
    for end, said, real in (("source", choices.source, source.connection), ("target", choices.target, target.name)):
        if said is not None and said != real:
            raise MapError(
                f"the map is for the {end} {said[:60]!r}, and this {end} is {real!r}",
                remedy=f'write `{end} = "{real}"` in it if it is meant for these two, or name the other map',
            )


# -- numbers as a whole


class _Records:
    """The target's records by the number that they are about."""

    def __init__(self, numbers: Iterable[PhoneNumber]) -> None:
        self._of: dict[str, list[PhoneNumber]] = {}
        self._unclear: list[PhoneNumber] = []
        """Live records that are not written as an E.164 number is, and may be one."""
        for number in numbers:
            self._of.setdefault(number.identity.account_key, []).append(number)
            if number.is_live and number.identity.e164 is None:
                self._unclear.append(number)

    def of_number(self, identity: NumberIdentity) -> list[PhoneNumber]:
        """Records of an E.164 number; for any other, records that are written as it would be, whatever they mean."""
        unclear = [number for number in self._unclear if number.identity.may_be(identity)]
        return [*self._of.get(identity.account_key, []), *unclear]


class _Stay(NamedTuple):
    why: SkipReason
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()
    target_id: str | None = None


def _judge(
    number: PhoneNumber,
    context: MigrationContext,
    target: TargetAccount,
    there: _Records,
    choice: TrunkChoice | None,
    *,
    twice: bool,
) -> Eligibility:
    key = number_text(number.identity)
    records = there.of_number(number.identity)
    stay = (
        _at_the_source(number, context, twice=twice)
        or _at_the_target(number, [record for record in records if record.is_live], context)
        or _identity_obstacle(number, context)
    )
    if stay is not None:
        return Eligibility(key, number, stay.why, stay.message, stay.remedy, stay.findings, target_id=stay.target_id)
    origin = tuple(_doubtful_origin(number, context))
    desired, trunk, crossed = map_fields(number, choice, context)
    findings = (*origin, *crossed)
    findings += tuple(_objections(desired, trunk, target, findings))
    findings = tuple(sorted(findings, key=_weight))
    blocking = [finding for finding in findings if finding.blocks]
    before = tuple(record.id for record in records)
    if not blocking:
        message = f"can be moved to {context.target_name}"
        return Eligibility(key, number, None, message, None, findings, desired, trunk, before)
    fields = ", ".join(dict.fromkeys(finding.field for finding in blocking))
    return Eligibility(key, number, SkipReason.BLOCKED, f"blocked by {fields}", None, findings, desired, trunk, before)


_ORDER: Final = {Severity.BLOCK: 0, Severity.WARN: 1, Severity.INFO: 2}


def _weight(finding: Finding) -> tuple[bool, int]:
    """What still stands in the way first, then by severity."""
    return not finding.blocks, _ORDER[finding.severity]


def _at_the_source(number: PhoneNumber, context: MigrationContext, *, twice: bool) -> _Stay | None:
    if not number.is_live:
        return _Stay(SkipReason.OVER, f"released at {context.source_name}: there is nothing to move")
    if number.origin is Origin.PURCHASED:
        return _Stay(
            SkipReason.PURCHASED,
            f"bought from {context.source_name}, which is its carrier, so no API can move it",
            f"keep it there and forward its calls, or ask {context.source_name} to port it to a carrier of yours and "
            "bring "
            "it over a trunk from there",
        )
    if number.status is NumberStatus.RELEASE_SCHEDULED:
        end = "" if number.ends_at is None else f" and ends {value_text(number.ends_at)}"
        revocable = (terms := context.source.release.get(number.origin)) is not None and terms.revocable
        remedy = "revoke the release first if it is to go on" if revocable else "bring it in anew if it is to go on"
        return _Stay(SkipReason.IN_TRANSITION, f"its release at {context.source_name} is scheduled{end}", remedy)
    if number.status is not NumberStatus.ACTIVE:
        word = printable(number.provider_status or "") or "no status at all"
        said = f"{context.source_name} says {word!r}: it is not in use yet, or nobody here knows the word"
        return _Stay(SkipReason.IN_TRANSITION, said, "wait until it is active, and take the inventory again")
    if twice:
        return _Stay(
            SkipReason.AMBIGUOUS,
            f"{context.source_name} has more than one live record of it",
            "find out which one is in use, and release the other one there",
        )
    return None


def _at_the_target(number: PhoneNumber, live: list[PhoneNumber], context: MigrationContext) -> _Stay | None:
    if not live:
        return None
    ids = ", ".join(printable(record.id) for record in live)
    if number.identity.e164 is None:
        return _Stay(
            SkipReason.AMBIGUOUS,
            f"{context.target_name} has a record written alike ({ids}), and nothing tells whether it is this one",
            "a number without E.164 form means something only where it is; find out, and move it by hand",
        )
    if len(live) > 1:
        said = f"{context.target_name} has more than one live record of it: {ids}"
        return _Stay(SkipReason.AMBIGUOUS, said, "find out which one is in use, and release the other one there")
    record = live[0]
    if record.status is not NumberStatus.ACTIVE:
        word = record.provider_status or record.status
        said = f"{context.target_name} has it as {ids}, where it is {printable(word)}"
        return _Stay(SkipReason.IN_TRANSITION, said, "wait until that is over, or settle it there")
    return _Stay(
        SkipReason.ALREADY_THERE,
        f"{context.target_name} has it already as {ids}",
        findings=tuple(_different_there(number, record, context)),
        target_id=record.id,
    )


_NAMED_BY_EACH: Final = frozenset({Setting.INBOUND_AGENT, Setting.OUTBOUND_AGENT})
"""Agents have ids of their own at each connection, so it can only be compared whether there is one."""


def _different_there(number: PhoneNumber, record: PhoneNumber, context: MigrationContext) -> Iterator[Finding]:
    for name in SETTINGS:
        here, there = read_field(number, name), read_field(record, name)
        if name in _NAMED_BY_EACH:
            yield from _agent_missing_there(name, here, there, context)
        elif here is not None and there is not None and not means_the_same(here, there):
            message = f"{context.source_name} and {context.target_name} differ; nothing of it is changed"
            yield context.finding(name, Severity.WARN, message, before=here, after=there)


def _agent_missing_there(name: Setting, here: object, there: object, context: MigrationContext) -> Iterator[Finding]:
    """Where a move was broken off after the import, the number is there and nobody answers it."""
    if not isinstance(here, AgentRef) or there is not None or not context.target.can_read(name):
        return
    choice = context.choices.agent(here)
    if choice is None or not choice.drop:
        yield context.finding(
            name,
            Severity.WARN,
            f"an agent serves it at {context.source_name}, and none does at {context.target_name}; nothing is changed",
            before=here,
            remedy="go on with the plan that brought it there, or assign one with `telephony agents assign`",
        )


def _identity_obstacle(number: PhoneNumber, context: MigrationContext) -> _Stay | None:
    identity, target = number.identity, context.target
    if not target.offers(Operation.IMPORT):
        return _Stay(SkipReason.IDENTITY, f"{context.target_name} takes no numbers in", "choose another target")
    if not identity.raw.strip():
        said = f"{context.source_name} shows no number for it, so there is nothing that could be written"
        return _Stay(SkipReason.IDENTITY, said, "look at the record in the provider's dashboard")
    rules = target.importable
    if rules is None:
        return None
    if identity.kind not in rules.kinds | rules.as_is:
        return _Stay(
            SkipReason.IDENTITY,
            f"{context.target_name} cannot hold {_KINDS[identity.kind]}",
            "leave it where it is, or give the line an E.164 number at its carrier",
        )
    if identity.kind is NumberKind.E164 and rules.countries is not None and identity.region not in rules.countries:
        countries = ", ".join(sorted(rules.countries))
        said = f"{context.target_name} takes only numbers of {countries}, not of {identity.region or 'nowhere'}"
        return _Stay(SkipReason.IDENTITY, said, "leave it where it is, or choose another target")
    if NumberIdentity.parse(identity.e164 or identity.raw, region=target.region).kind is not identity.kind or (
        identity.kind in (NumberKind.SERVICE, NumberKind.LOCAL) and identity.read_in != target.region.upper()
    ):
        return _Stay(
            SkipReason.IDENTITY,
            f"its digits mean something in {identity.read_in}, and {context.target_name} reads them in {target.region}",
            "leave it where it is, or choose a target in the same country",
        )
    return None


_KINDS: Final = {
    NumberKind.E164: "an E.164 number",
    NumberKind.SERVICE: "a service number",
    NumberKind.LOCAL: "a number without E.164 form",
    NumberKind.SIP_ID: "a SIP identifier",
}


def _doubtful_origin(number: PhoneNumber, context: MigrationContext) -> Iterator[Finding]:
    if number.origin is Origin.UNKNOWN:
        yield context.finding(
            "origin",
            Severity.BLOCK,
            f"{context.source_name} does not tell whether the number was imported or bought, and a bought one cannot "
            "be moved",
            remedy="find out in the provider's dashboard",
            allowance=Allowance.UNKNOWN_ORIGIN,
        )


def _objections(
    desired: DesiredState, trunk: Trunk | None, target: TargetAccount, known: tuple[Finding, ...]
) -> Iterator[Finding]:
    """What the target's own check says of the import, beyond what was found already."""
    blocked = {finding.field for finding in known if finding.severity is Severity.BLOCK}
    change = None
    reason = ""
    try:
        change = _rehearsal(desired, trunk)
    except InvalidInput as error:
        reason = error.message
    if change is None:
        yield Finding(field="number", severity=Severity.BLOCK, message=f"it cannot be written: {reason}")
        return
    warned = {finding.field for finding in known if finding.severity is Severity.WARN}
    for problem in target.check(change):
        # What is missing only because it waits for an answer was said above.
        if problem.field in blocked or _half_of(problem.field) & blocked:
            continue
        if problem.error is None and (problem.field in warned or _half_of(problem.field) & warned):
            continue
        yield Finding(
            field=problem.field,
            severity=Severity.WARN if problem.error is None else Severity.BLOCK,
            message=problem.message,
            remedy=cli_words(problem.remedy),
        )


def _half_of(field: str) -> set[str]:
    """The settings of a half, when a problem is about a half as a whole."""
    return {str(name) for name in SETTINGS if name.startswith(f"{field}.")}


def _rehearsal(desired: DesiredState, trunk: Trunk | None) -> NumberImport:
    """The import as it would be sent, with something in the place of the secrets, which nobody reads for a plan."""
    digest = trunk is not None and trunk.auth == "digest"
    inbound = desired.inbound or DesiredInbound()
    if inbound.allowed_addresses is None or is_open(inbound.allowed_addresses):
        # Whether that was consented to is a finding of its own; the rest can be judged all the same.
        desired = desired.model_copy(update={"inbound": inbound.model_copy(update={"allow_any": True})})
    stand_in = "rehearsal" if digest else None
    return import_of(desired, stand_in, None if stand_in is None else SecretStr(stand_in))
