"""What becomes of each setting of one number on its way, derived from what the two providers declare and nothing else.

Each rule tells its findings and gives the value to be written, ``None`` for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.assessment.context import MigrationContext, Rule
from telephony_core.migration.assessment.trunk_rules import (
    address_rule,
    allowed_addresses_rule,
    credentials_rule,
    encryption_rule,
)
from telephony_core.migration.inventory.fields import printable
from telephony_core.migration.mapping.map_file import LabelRule, TrunkChoice
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredOutbound,
    DesiredState,
    FieldOutcome,
    Finding,
    Severity,
    Trunk,
)
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation

T = TypeVar("T")


class FieldMapping(NamedTuple):
    """What would be made at the target, and everything to know about it."""

    desired: DesiredState
    trunk: Trunk | None
    findings: tuple[Finding, ...]


def map_fields(number: PhoneNumber, choice: TrunkChoice | None, context: MigrationContext) -> FieldMapping:
    """Every setting of a number whose identity the target can hold. ``choice``: what the map says of its trunk."""
    findings: list[Finding] = []

    def heard(rule: Rule[T]) -> T:
        while True:
            try:
                findings.append(next(rule))
            except StopIteration as end:
                result: T = end.value
                return result

    text, as_is = heard(_number(number, context))
    label = heard(_label(number, context))
    address = heard(address_rule(number, choice, context))
    trunk = heard(credentials_rule(number, choice, address, context))
    # Without an address there is no outbound trunk whose media could be encrypted.
    outbound_encryption = (
        None if address is None else heard(encryption_rule(number, Setting.OUTBOUND_ENCRYPTION, context))
    )
    allowed, allow_any = heard(allowed_addresses_rule(number, choice, context))
    inbound_encryption = heard(encryption_rule(number, Setting.INBOUND_ENCRYPTION, context))
    inbound_agent = heard(_agent(number.inbound_agent, Setting.INBOUND_AGENT, context))
    outbound_agent = heard(_agent(number.outbound_agent, Setting.OUTBOUND_AGENT, context))
    publishes = heard(_publishing((inbound_agent, outbound_agent), context))
    findings += _unreadable(number, choice, context)

    inbound = DesiredInbound(allowed_addresses=allowed, media_encryption=inbound_encryption, allow_any=allow_any)
    outbound = DesiredOutbound(address=address, media_encryption=outbound_encryption)
    desired = DesiredState(
        number=text,
        send_as_is=as_is,
        label=label,
        inbound=None if inbound == DesiredInbound() else inbound,
        outbound=None if outbound == DesiredOutbound() else outbound,
        trunk=None if trunk is None else trunk.name,
        inbound_agent=inbound_agent,
        outbound_agent=outbound_agent,
        allow=(SideEffect.PUBLISHES,) if publishes else (),
    )
    return FieldMapping(desired, trunk, tuple(findings))


# -- the number and its label


def _number(number: PhoneNumber, context: MigrationContext) -> Rule[tuple[str, bool]]:
    identity = number.identity
    if identity.e164 is not None:
        yield context.kept("number", identity.raw, identity.e164)
        return identity.e164, False
    rules = context.target.importable
    if rules is None or identity.kind in rules.kinds:
        yield context.kept("number", identity.raw, identity.raw)
        return identity.raw, False
    yield context.finding(
        "number",
        Severity.BLOCK,
        f"it has no E.164 form, so {context.target_name} gets it digit by digit and nobody checks what it means there",
        FieldOutcome.KEPT,
        before=identity.raw,
        after=identity.raw,
        allowance=Allowance.SEND_AS_IS,
    )
    return identity.raw, True


def _label(number: PhoneNumber, context: MigrationContext) -> Rule[str | None]:
    label = number.label
    if not label or not label.strip():
        return None
    rule, support = context.choices.label.rule, context.target.fields.get(Setting.LABEL)
    if support is None or not support.writable:
        yield context.finding(Setting.LABEL, Severity.WARN, context.no_place, FieldOutcome.LOST, before=label)
        return None
    if rule is LabelRule.DROP:
        yield context.finding(
            Setting.LABEL, Severity.WARN, "left behind, as the map says", FieldOutcome.LOST, before=label
        )
        return None
    longest = support.max_length
    if longest is None or len(label) <= longest:
        yield context.kept(Setting.LABEL, label, label)
        return label
    if rule is LabelRule.CUT and (cut := label[:longest].rstrip()):
        message = f"cut to {longest} characters, as the map says"
        yield context.finding(Setting.LABEL, Severity.WARN, message, FieldOutcome.CONVERTED, before=label, after=cut)
        return cut
    yield context.finding(
        Setting.LABEL,
        Severity.BLOCK,
        f"it has {len(label)} characters, and {context.target_name} takes {longest}",
        FieldOutcome.NEEDS_INPUT,
        before=label,
        remedy='say rule = "cut" or "drop" under [label] in the map, or shorten it at the source',
    )
    return None


# -- agents


def _agent(current: AgentRef | None, name: Setting, context: MigrationContext) -> Rule[AgentRef | None]:
    if current is None:
        return None
    choice = context.choices.agent(current)
    if choice is not None and choice.drop:
        message = "no agent takes over, as the map says"
        yield context.finding(name, Severity.WARN, message, FieldOutcome.LOST, before=current)
        return None
    if not (context.target.offers(Operation.ASSIGN_AGENTS) and context.target.can_write(name)):
        yield context.finding(
            name,
            Severity.BLOCK,
            f"{context.target_name} cannot be told which agent serves the number",
            FieldOutcome.LOST,
            before=current,
            remedy="say drop = true under [[agents]] in the map if that is meant",
            allowance=Allowance.INBOUND_AGENT if name is Setting.INBOUND_AGENT else Allowance.OUTBOUND_AGENT,
        )
        return None
    agent = None if choice is None else choice.agent
    if agent is None:
        yield context.finding(
            name,
            Severity.BLOCK,
            f"which agent at {context.target_name} takes over is not said",
            FieldOutcome.NEEDS_INPUT,
            before=current,
            remedy="give target and target_version, or drop = true, under [[agents]] in the map",
        )
        return None
    yield context.finding(name, Severity.INFO, "as the map says", FieldOutcome.CONVERTED, before=current, after=agent)
    return agent


def _publishing(agents: tuple[AgentRef | None, ...], context: MigrationContext) -> Rule[bool]:
    """Whether assigning may publish a version. What is published already cannot be published by it."""
    if SideEffect.PUBLISHES not in context.target.side_effects.get(Operation.ASSIGN_AGENTS, ()):
        return False
    names = (Setting.INBOUND_AGENT, Setting.OUTBOUND_AGENT)
    may_publish = False
    for name, agent in zip(names, agents, strict=True):
        if agent is not None and agent.version is not AgentVersion.PUBLISHED:
            may_publish = True
            yield context.finding(
                name,
                Severity.BLOCK,
                f"assigning this version at {context.target_name} publishes it, for every number of that agent, "
                "and a rollback does not take that back",
                after=agent,
                remedy='say target_version = "published" in the map',
                allowance=Allowance.PUBLISHES,
            )
    return may_publish and Allowance.PUBLISHES in context.allowed


# -- the rest


_MUST_NOT_VANISH: Final = {
    Setting.ADDRESS: Allowance.ADDRESS,
    Setting.ALLOWED_ADDRESSES: Allowance.ALLOWED_ADDRESSES,
    Setting.INBOUND_ENCRYPTION: Allowance.INBOUND_MEDIA_ENCRYPTION,
    Setting.OUTBOUND_ENCRYPTION: Allowance.OUTBOUND_MEDIA_ENCRYPTION,
    Setting.INBOUND_AGENT: Allowance.INBOUND_AGENT,
    Setting.OUTBOUND_AGENT: Allowance.OUTBOUND_AGENT,
}
"""Settings that block where nobody could read them: unread, they look as if the number had none."""


def _unreadable(number: PhoneNumber, choice: TrunkChoice | None, context: MigrationContext) -> Iterator[Finding]:
    declared = all(support.read_from is not None for support in context.source.fields.values() if support.readable)
    for problem in number.problems:
        field = problem.partition(":")[0]
        message = f"{context.source_name} has something there that could not be read ({printable(problem)})"
        remedy = "look at it in the provider's dashboard"
        hidden = [
            name
            for name, support in context.source.fields.items()
            if support.read_from is not None and _overlap(field, support.read_from)
        ]
        for name in hidden:
            # What was read in part was judged by the rule of its setting, and the map may answer the rest.
            unread = read_field(number, name) is None and not _answered(name, choice)
            allowance = _MUST_NOT_VANISH.get(name) if unread else None
            severity = Severity.WARN if allowance is None else Severity.BLOCK
            yield context.finding(name, severity, message, remedy=remedy, allowance=allowance)
        if not hidden:
            severity = Severity.WARN if declared else Severity.BLOCK
            allowance = None if declared else Allowance.UNREADABLE
            yield context.finding(printable(field), severity, message, remedy=remedy, allowance=allowance)


def _overlap(one: str, other: str) -> bool:
    """Whether two dotted names are of one field, or one of them is within the other."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))


def _answered(name: Setting, choice: TrunkChoice | None) -> bool:
    if choice is None:
        return False
    return (name is Setting.ADDRESS and choice.address is not None) or (
        name is Setting.ALLOWED_ADDRESSES and choice.allowed_addresses is not None
    )
