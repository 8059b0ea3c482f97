"""What becomes of each setting of one number on its way, derived from what the two providers declare and nothing else.

Each rule tells its findings and gives the value to be written, ``None`` for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.assessment.context import Rule, Way
from telephony_core.migration.assessment.trunk_rules import (
    address_rule,
    allowed_addresses_rule,
    credentials_rule,
    encryption_rule,
)
from telephony_core.migration.inventory.fields import printable
from telephony_core.migration.mapping.map_file import LabelRule, TrunkChoice
from telephony_core.migration.plan.allowances import Consent
from telephony_core.migration.plan.model import Fate, Finding, Severity, Trunk, Wanted, WantedInbound, WantedOutbound
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation

T = TypeVar("T")


class Crossing(NamedTuple):
    """What would be made at the target, and everything to know about it."""

    wanted: Wanted
    trunk: Trunk | None
    findings: tuple[Finding, ...]


def cross(number: PhoneNumber, choice: TrunkChoice | None, way: Way) -> Crossing:
    """Every setting of a number whose identity the target can hold. ``choice``: what the map says of its trunk."""
    findings: list[Finding] = []

    def heard(rule: Rule[T]) -> T:
        while True:
            try:
                findings.append(next(rule))
            except StopIteration as end:
                result: T = end.value
                return result

    text, as_is = heard(_number(number, way))
    label = heard(_label(number, way))
    address = heard(address_rule(number, choice, way))
    trunk = heard(credentials_rule(number, choice, address, way))
    # Without an address there is no outbound trunk whose media could be encrypted.
    outbound_encryption = None if address is None else heard(encryption_rule(number, Setting.OUTBOUND_ENCRYPTION, way))
    allowed, allow_any = heard(allowed_addresses_rule(number, choice, way))
    inbound_encryption = heard(encryption_rule(number, Setting.INBOUND_ENCRYPTION, way))
    inbound_agent = heard(_agent(number.inbound_agent, Setting.INBOUND_AGENT, way))
    outbound_agent = heard(_agent(number.outbound_agent, Setting.OUTBOUND_AGENT, way))
    publishes = heard(_publishing((inbound_agent, outbound_agent), way))
    findings += _unreadable(number, choice, way)

    inbound = WantedInbound(allowed_addresses=allowed, media_encryption=inbound_encryption, allow_any=allow_any)
    outbound = WantedOutbound(address=address, media_encryption=outbound_encryption)
    wanted = Wanted(
        number=text,
        send_as_is=as_is,
        label=label,
        inbound=None if inbound == WantedInbound() else inbound,
        outbound=None if outbound == WantedOutbound() else outbound,
        trunk=None if trunk is None else trunk.name,
        inbound_agent=inbound_agent,
        outbound_agent=outbound_agent,
        allow=(SideEffect.PUBLISHES,) if publishes else (),
    )
    return Crossing(wanted, trunk, tuple(findings))


# -- the number and its label


def _number(number: PhoneNumber, way: Way) -> Rule[tuple[str, bool]]:
    identity = number.identity
    if identity.e164 is not None:
        yield way.kept("number", identity.raw, identity.e164)
        return identity.e164, False
    rules = way.target.importable
    if rules is None or identity.kind in rules.kinds:
        yield way.kept("number", identity.raw, identity.raw)
        return identity.raw, False
    yield way.finding(
        "number",
        Severity.BLOCK,
        f"it has no E.164 form, so {way.target_name} gets it digit by digit and nobody checks what it means there",
        Fate.KEPT,
        before=identity.raw,
        after=identity.raw,
        consent=Consent.SEND_AS_IS,
    )
    return identity.raw, True


def _label(number: PhoneNumber, way: Way) -> Rule[str | None]:
    label = number.label
    if not label or not label.strip():
        return None
    rule, support = way.choices.label.rule, way.target.fields.get(Setting.LABEL)
    if support is None or not support.writable:
        yield way.finding(Setting.LABEL, Severity.WARN, way.no_place, Fate.LOST, before=label)
        return None
    if rule is LabelRule.DROP:
        yield way.finding(Setting.LABEL, Severity.WARN, "left behind, as the map says", Fate.LOST, before=label)
        return None
    longest = support.max_length
    if longest is None or len(label) <= longest:
        yield way.kept(Setting.LABEL, label, label)
        return label
    if rule is LabelRule.CUT and (cut := label[:longest].rstrip()):
        message = f"cut to {longest} characters, as the map says"
        yield way.finding(Setting.LABEL, Severity.WARN, message, Fate.CONVERTED, before=label, after=cut)
        return cut
    yield way.finding(
        Setting.LABEL,
        Severity.BLOCK,
        f"it has {len(label)} characters, and {way.target_name} takes {longest}",
        Fate.NEEDS_INPUT,
        before=label,
        remedy='say rule = "cut" or "drop" under [label] in the map, or shorten it at the source',
    )
    return None


# -- agents


def _agent(current: AgentRef | None, name: Setting, way: Way) -> Rule[AgentRef | None]:
    if current is None:
        return None
    choice = way.choices.agent(current)
    if choice is not None and choice.drop:
        message = "no agent takes over, as the map says"
        yield way.finding(name, Severity.WARN, message, Fate.LOST, before=current)
        return None
    if not (way.target.offers(Operation.ASSIGN_AGENTS) and way.target.can_write(name)):
        yield way.finding(
            name,
            Severity.BLOCK,
            f"{way.target_name} cannot be told which agent serves the number",
            Fate.LOST,
            before=current,
            remedy="say drop = true under [[agents]] in the map if that is meant",
            consent=Consent.INBOUND_AGENT if name is Setting.INBOUND_AGENT else Consent.OUTBOUND_AGENT,
        )
        return None
    agent = None if choice is None else choice.agent
    if agent is None:
        yield way.finding(
            name,
            Severity.BLOCK,
            f"which agent at {way.target_name} takes over is not said",
            Fate.NEEDS_INPUT,
            before=current,
            remedy="give target and target_version, or drop = true, under [[agents]] in the map",
        )
        return None
    yield way.finding(name, Severity.INFO, "as the map says", Fate.CONVERTED, before=current, after=agent)
    return agent


def _publishing(agents: tuple[AgentRef | None, ...], way: Way) -> Rule[bool]:
    """Whether assigning may publish a version. What is published already cannot be published by it."""
    if SideEffect.PUBLISHES not in way.target.side_effects.get(Operation.ASSIGN_AGENTS, ()):
        return False
    names = (Setting.INBOUND_AGENT, Setting.OUTBOUND_AGENT)
    may_publish = False
    for name, agent in zip(names, agents, strict=True):
        if agent is not None and agent.version is not AgentVersion.PUBLISHED:
            may_publish = True
            yield way.finding(
                name,
                Severity.BLOCK,
                f"assigning this version at {way.target_name} publishes it, for every number of that agent, "
                "and a rollback does not take that back",
                after=agent,
                remedy='say target_version = "published" in the map',
                consent=Consent.PUBLISHES,
            )
    return may_publish and Consent.PUBLISHES in way.accepted


# -- the rest


_MUST_NOT_VANISH: Final = {
    Setting.ADDRESS: Consent.ADDRESS,
    Setting.ALLOWED_ADDRESSES: Consent.ALLOWED_ADDRESSES,
    Setting.INBOUND_ENCRYPTION: Consent.INBOUND_MEDIA_ENCRYPTION,
    Setting.OUTBOUND_ENCRYPTION: Consent.OUTBOUND_MEDIA_ENCRYPTION,
    Setting.INBOUND_AGENT: Consent.INBOUND_AGENT,
    Setting.OUTBOUND_AGENT: Consent.OUTBOUND_AGENT,
}
"""Settings that block where nobody could read them: unread, they look as if the number had none."""


def _unreadable(number: PhoneNumber, choice: TrunkChoice | None, way: Way) -> Iterator[Finding]:
    declared = all(support.read_from is not None for support in way.source.fields.values() if support.readable)
    for problem in number.problems:
        field = problem.partition(":")[0]
        says = f"{way.source_name} has something there that could not be read ({printable(problem)})"
        remedy = "look at it in the provider's dashboard"
        hidden = [
            name
            for name, support in way.source.fields.items()
            if support.read_from is not None and _overlap(field, support.read_from)
        ]
        for name in hidden:
            # What was read in part was judged by the rule of its setting, and the map may answer the rest.
            unread = read_field(number, name) is None and not _answered(name, choice)
            consent = _MUST_NOT_VANISH.get(name) if unread else None
            severity = Severity.WARN if consent is None else Severity.BLOCK
            yield way.finding(name, severity, says, remedy=remedy, consent=consent)
        if not hidden:
            severity = Severity.WARN if declared else Severity.BLOCK
            consent = None if declared else Consent.UNREADABLE
            yield way.finding(printable(field), severity, says, remedy=remedy, consent=consent)


def _overlap(one: str, other: str) -> bool:
    """Whether two dotted names are of one field, or one of them is within the other."""
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))


def _answered(name: Setting, choice: TrunkChoice | None) -> bool:
    if choice is None:
        return False
    return (name is Setting.ADDRESS and choice.address is not None) or (
        name is Setting.ALLOWED_ADDRESSES and choice.allowed_addresses is not None
    )
