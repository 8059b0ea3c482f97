"""Whether a number can be moved at all, and what would be made at the target of one that can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.context import NumberContext
from telephony_core.migration.assessment.field_mapping import map_fields
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.inventory.fields import AGENTS, SETTINGS, means_the_same, printable, value_text
from telephony_core.migration.inventory.inventory import Inventory, RecordsOfNumber, listing_order, number_text
from telephony_core.migration.mapping.map_file import MapError, MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import Finding, Severity, SkipReason, finding_of
from telephony_core.migration.plan.model import DesiredInbound, DesiredState, Trunk, import_of
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
    """Why it is skipped; ``None`` when it can be moved."""
    message: str
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()
    desired: DesiredState | None = None
    trunk: Trunk | None = None
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
    choices.refuse_unused(source.numbers)
    trunks = choices.trunks_of(source.numbers)
    ends = (source_capabilities, target.capabilities, source.connection, target.name)
    # One number twice, or two that a person who types them cannot tell apart.
    live = Counter(name for number in source.numbers if number.is_live for name in _names(number))
    at_target = RecordsOfNumber(target.inventory.numbers)
    return tuple(
        _assess(
            NumberContext(*ends, choices, allowed, number, trunks.get(number.id), agents=target.agents),
            target,
            at_target.find(number.identity),
            twice=any(live[name] > 1 for name in _names(number)),
        )
        for number in sorted(source.numbers, key=listing_order)
    )


def _names(number: PhoneNumber) -> set[str]:
    return {number.identity.account_key, number_text(number.identity)}


def _refuse_one_account(source: Inventory, target: TargetAccount) -> None:
    if source.provider != target.inventory.provider:
        return
    # Two connections may have one key. Ids of a provider are its own, so accounts that share one are the same.
    shared = {number.id for number in source.numbers} & {number.id for number in target.inventory.numbers}
    if shared or (source.connection, source.base_url) == (target.name, target.inventory.base_url):
        raise InvalidInput(
            f"{source.connection} and {target.name} are one account",
            remedy="name another connection as the target; check that the two have different keys",
        )


def _refuse_other_map(choices: MigrationMap, source: Inventory, target: TargetAccount) -> None:
    for end, meant, real in (("source", choices.source, source.connection), ("target", choices.target, target.name)):
        if meant is not None and meant != real:
            raise MapError(
                f"the map is for the {end} {meant[:60]!r}, and this {end} is {real!r}",
                remedy=f'write `{end} = "{real}"` in it if it is meant for these two, or name the other map',
            )


# -- numbers as a whole


def _assess(context: NumberContext, target: TargetAccount, records: list[PhoneNumber], *, twice: bool) -> Eligibility:
    """One number, with the records of it ``records`` that the target has."""
    number = context.number
    skipped = (
        # What no answer in the map could change comes first: of such a number nothing else is asked.
        _check_source(context, twice=twice)
        or _check_target(context, [record for record in records if record.is_live])
        or _check_identity(context)
    )
    if skipped is not None:
        return skipped
    if number.origin is Origin.UNKNOWN:
        context.block(
            "origin",
            f"{context.source_name} does not report whether the number was imported or bought, and a bought one "
            "cannot be moved",
            remedy="find out in the provider's dashboard",
            allowance=Allowance.UNKNOWN_ORIGIN,
        )
    if number.origin is Origin.LINKED:
        context.block(
            "origin",
            f"it lives at its carrier, and {context.source_name} was given the account there: it has no trunk that "
            f"{context.target_name} could use, and the carrier sends its calls to {context.source_name}",
            remedy="make a trunk for it at its carrier first, and name it under [[trunks]] in the map, with `numbers`",
            allowance=Allowance.LINKED,
        )
    desired, trunk = map_fields(context)
    findings = tuple(sorted((*context.findings, *_objections(context, desired, trunk, target)), key=_weight))
    fields = ", ".join(dict.fromkeys(finding.field for finding in findings if finding.blocks))
    return Eligibility(
        key=number_text(number.identity),
        source=number,
        why=SkipReason.BLOCKED if fields else None,
        message=f"blocked by {fields}" if fields else f"can be moved to {context.target_name}",
        findings=findings,
        desired=desired,
        trunk=trunk,
    )


def _skipped(
    context: NumberContext, why: SkipReason, message: str, remedy: str | None = None, *, target_id: str | None = None
) -> Eligibility:
    number = context.number
    return Eligibility(
        number_text(number.identity), number, why, message, remedy, tuple(context.findings), target_id=target_id
    )


_ORDER: Final = {Severity.BLOCK: 0, Severity.WARN: 1, Severity.INFO: 2}


def _weight(finding: Finding) -> tuple[bool, int]:
    """What still blocks first, then by severity."""
    return not finding.blocks, _ORDER[finding.severity]


_RELEASE_OTHER: Final = "find out which one is in use, and release the other one there"


def _check_source(context: NumberContext, *, twice: bool) -> Eligibility | None:
    number, name = context.number, context.source_name
    if not number.is_live:
        return _skipped(context, SkipReason.RELEASED, f"released at {name}: there is nothing to move")
    if number.origin is Origin.PURCHASED:
        return _skipped(
            context,
            SkipReason.PURCHASED,
            f"bought from {name}, which is its carrier, so no API can move it",
            f"keep it there and forward its calls, or ask {name} to port it to a carrier of yours and import it over "
            "a trunk from there",
        )
    if number.status is NumberStatus.RELEASE_SCHEDULED:
        end = "" if number.ends_at is None else f" and ends {value_text(number.ends_at)}"
        revocable = (terms := context.source.release.get(number.origin)) is not None and terms.revocable
        remedy = "revoke the release first if it is to go on" if revocable else "import it again if it is to go on"
        return _skipped(context, SkipReason.IN_TRANSITION, f"its release at {name} is scheduled{end}", remedy)
    if number.status is not NumberStatus.ACTIVE:
        word = printable(number.provider_status or "") or "no status at all"
        message = f"{name} says {word!r}: it is not in use yet, or the word is unknown here"
        remedy = "wait until it is active, and take the inventory again"
        return _skipped(context, SkipReason.IN_TRANSITION, message, remedy)
    if twice:
        return _skipped(context, SkipReason.AMBIGUOUS, f"{name} has more than one live record of it", _RELEASE_OTHER)
    return None


def _check_target(context: NumberContext, live: list[PhoneNumber]) -> Eligibility | None:
    if not live:
        return None
    ids, name = ", ".join(printable(record.id) for record in live), context.target_name
    # Local digits and identifiers mean something only within their own account (docs/decisions/0003-identity.md).
    if context.number.identity.e164 is None:
        return _skipped(
            context,
            SkipReason.AMBIGUOUS,
            f"{name} has a record written alike ({ids}), and nothing shows whether it is this one",
            "a number without E.164 form means something only where it is; find out, and move it by hand",
        )
    if len(live) > 1:
        message = f"{name} has more than one live record of it: {ids}"
        return _skipped(context, SkipReason.AMBIGUOUS, message, _RELEASE_OTHER)
    (record,) = live
    if record.status is not NumberStatus.ACTIVE:
        message = f"{name} has it as {ids}, where it is {printable(record.provider_status or record.status)}"
        return _skipped(context, SkipReason.IN_TRANSITION, message, "wait until it is active or released there")
    _compare(context, record)
    return _skipped(context, SkipReason.ALREADY_THERE, f"{name} has it already as {ids}", target_id=record.id)


def _compare(context: NumberContext, record: PhoneNumber) -> None:
    """Warn of every setting in which the record at the target differs."""
    for name in SETTINGS:
        here, there = read_field(context.number, name), read_field(record, name)
        if name in AGENTS:
            # Agents have ids of their own at each connection: it can only be compared whether there is one.
            _compare_agent(context, name, here, there)
        # What one of the two does not show is not known to differ.
        elif here is not None and there is not None and not _mean_the_same(context, here, there):
            message = f"{context.source_name} and {context.target_name} differ; nothing of it is changed"
            context.warn(name, message, before=here, after=there)


def _mean_the_same(context: NumberContext, here: object, there: object) -> bool:
    if isinstance(here, SipAddress) and isinstance(there, SipAddress):  # a bare host may mean another transport at each
        here, there = context.source.as_meant(here), context.target.as_meant(there)
    return means_the_same(here, there)


def _compare_agent(context: NumberContext, name: Setting, here: object, there: object) -> None:
    """Where a migration was interrupted after the import, the number is there and no agent answers it."""
    if not isinstance(here, AgentRef) or there is not None or not context.target.can_read(name):
        return
    choice = context.choices.agent(here)
    if choice is None or not choice.drop:
        context.warn(
            name,
            f"an agent serves it at {context.source_name}, and none does at {context.target_name}; nothing is changed",
            before=here,
            remedy="go on with the plan that imported it, or assign one with `telephony agents assign`",
        )


def _check_identity(context: NumberContext) -> Eligibility | None:
    identity, target, name, why = context.number.identity, context.target, context.target_name, SkipReason.IDENTITY
    if not target.offers(Operation.IMPORT):
        return _skipped(context, why, f"{name} imports no numbers", "choose another target")
    if not identity.raw.strip():
        message = f"{context.source_name} shows no number for it, so there is nothing that could be written"
        return _skipped(context, why, message, "look at the record in the provider's dashboard")
    rules = target.importable
    # The adapter declares nothing of it. What can be sent and may be refused is sent.
    if rules is None:
        return None
    if identity.kind not in rules.kinds | rules.as_is:
        remedy = "leave it where it is, or give the line an E.164 number at its carrier"
        return _skipped(context, why, f"{name} cannot hold {_KINDS[identity.kind]}", remedy)
    if identity.kind is NumberKind.E164 and rules.countries is not None and identity.region not in rules.countries:
        countries = ", ".join(sorted(rules.countries))
        message = f"{name} takes only numbers of {countries}, not of {identity.region or 'no country'}"
        return _skipped(context, why, message, "leave it where it is, or choose another target")
    # The target reads bare digits in its own country, where they may be another number.
    if NumberIdentity.parse(identity.e164 or identity.raw, region=target.region).kind is not identity.kind or (
        identity.kind in (NumberKind.SERVICE, NumberKind.LOCAL) and identity.read_in != target.region.upper()
    ):
        message = f"its digits mean something in {identity.read_in}, and {name} reads them in {target.region}"
        return _skipped(context, why, message, "leave it where it is, or choose a target in the same country")
    return None


_KINDS: Final = {
    NumberKind.E164: "an E.164 number",
    NumberKind.SERVICE: "a service number",
    NumberKind.LOCAL: "a number without E.164 form",
    NumberKind.SIP_ID: "a SIP identifier",
}


# -- what the target's own check says


def _objections(
    context: NumberContext, desired: DesiredState, trunk: Trunk | None, target: TargetAccount
) -> Iterator[Finding]:
    """What the target's own check says of the import, beyond what was found already."""
    try:
        change = _rehearsal(desired, trunk)
    except InvalidInput as error:
        yield Finding(field="number", severity=Severity.BLOCK, message=f"it cannot be written: {error.message}")
        return
    found: dict[Severity, set[str]] = {severity: set() for severity in Severity}
    for finding in context.findings:
        found[finding.severity].add(finding.field)
    for problem in target.check(change):
        # An adapter may speak of a half where the rules here speak of one of its settings.
        about = {problem.field, *(name for name in SETTINGS if name.startswith(f"{problem.field}."))}
        # What is missing only because it waits for an answer was found above.
        if about & found[Severity.BLOCK] or (problem.error is None and about & found[Severity.WARN]):
            continue
        yield finding_of(problem)


def _rehearsal(desired: DesiredState, trunk: Trunk | None) -> NumberImport:
    """The import as it would be sent, with something in the place of the secrets, which nobody reads for a plan."""
    digest = trunk is not None and trunk.auth == "digest"
    inbound = desired.inbound or DesiredInbound()
    if inbound.allowed_addresses is None or is_open(inbound.allowed_addresses):
        # Whether that is allowed is a finding of its own; the rest can be checked all the same.
        desired = desired.model_copy(update={"inbound": inbound.model_copy(update={"allow_any": True})})
    stand_in = "rehearsal" if digest else None
    return import_of(desired, stand_in, None if stand_in is None else SecretStr(stand_in))
