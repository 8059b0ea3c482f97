"""What becomes of each setting of one number, derived from what the two providers declare and nothing else.

Each rule adds its findings to the number's context and returns the value to be written, ``None`` for nothing.
"""

from __future__ import annotations

from typing import Final

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.migration.assessment.context import NumberContext
from telephony_core.migration.assessment.trunk_rules import (
    map_address,
    map_allowed_addresses,
    map_credentials,
    map_encryption,
)
from telephony_core.migration.inventory.fields import printable, value_text
from telephony_core.migration.mapping.map_file import LabelRule, TrunkChoice
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome
from telephony_core.migration.plan.model import DesiredInbound, DesiredOutbound, DesiredState, Trunk
from telephony_core.operations.reconciliation import overlap, read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation
from telephony_core.text.visible import STEERING, visible


def map_fields(context: NumberContext) -> tuple[DesiredState, Trunk | None]:
    """What would be made at the target of a number whose identity it can hold, and the trunk that it would use."""
    text, as_is = _map_number(context)
    label = _map_label(context)
    address = map_address(context)
    trunk = map_credentials(context, address)
    # Without an address there is no outbound trunk whose media could be encrypted.
    outbound_encryption = None if address is None else map_encryption(context, Setting.OUTBOUND_ENCRYPTION)
    allowed, allow_any = map_allowed_addresses(context)
    inbound_encryption = map_encryption(context, Setting.INBOUND_ENCRYPTION)
    inbound_agent = _map_agent(context, Setting.INBOUND_AGENT, context.number.inbound_agent)
    outbound_agent = _map_agent(context, Setting.OUTBOUND_AGENT, context.number.outbound_agent)
    publishes = _may_publish(context, inbound_agent, outbound_agent)
    _check_unmodelled(context)
    _check_unreadable(context)

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
    return desired, trunk


# -- the number and its label


def _map_number(context: NumberContext) -> tuple[str, bool]:
    """The number as it will be written, and whether that is sent as is."""
    identity, rules = context.number.identity, context.target.importable
    if identity.e164 is not None:
        context.kept("number", identity.raw, identity.e164)
        return identity.e164, False
    if rules is None or identity.kind in rules.kinds:
        context.kept("number", identity.raw, identity.raw)
        return identity.raw, False
    context.block(
        "number",
        f"it has no E.164 form, so {context.target_name} gets it digit by digit and nobody checks what it means there",
        FieldOutcome.KEPT,
        before=identity.raw,
        after=identity.raw,
        allowance=Allowance.SEND_AS_IS,
    )
    return identity.raw, True


def _map_label(context: NumberContext) -> str | None:
    name, label = Setting.LABEL, context.number.label
    rule, support = context.choices.label.rule, context.target.fields.get(name)
    if not label or not label.strip():
        return _missing_label(context)
    if support is None or not support.writable:
        context.warn(name, context.unsupported, FieldOutcome.LOST, before=label, together="lose the label")
        return None
    if rule is LabelRule.DROP:
        context.warn(name, "dropped, as the map says", FieldOutcome.LOST, before=label, together="lose the label")
        return _missing_label(context)
    # It could turn the text around it on a terminal or a page. The label is not cleaned in silence: it may be how
    # people tell numbers apart.
    if (found := STEERING.search(label)) is not None:
        context.block(
            name,
            f"it holds {visible(found[0])}, which nobody sees and which may change what is shown",
            FieldOutcome.NEEDS_INPUT,
            before=label,
            remedy='set rule = "drop" under [label] in the map, or type it anew at the source',
            together="have a label with characters that nobody sees",
        )
        return None
    longest = support.max_length
    if longest is None or len(label) <= longest:
        context.kept(name, label, label)
        return label
    # Of a label that begins with blanks nothing may be left.
    if rule is LabelRule.CUT and (cut := label[:longest].rstrip()):
        message = f"cut to {longest} characters, as the map says"
        together = f"get a label that is cut to {longest} characters"
        context.warn(name, message, FieldOutcome.CONVERTED, before=label, after=cut, together=together)
        return cut
    context.block(
        name,
        f"it has {len(label)} characters, and {context.target_name} takes {longest}",
        FieldOutcome.NEEDS_INPUT,
        before=label,
        remedy='set rule = "cut" or "drop" under [label] in the map, or shorten it at the source',
        together=f"have a label longer than the {longest} characters that {context.target_name} takes",
    )
    return None


def _missing_label(context: NumberContext) -> str | None:
    """What the map calls numbers without a label; else, where the target needs one, the number itself."""
    name, support, identity = Setting.LABEL, context.target.fields.get(Setting.LABEL), context.number.identity
    if support is None or not support.writable:
        return None
    if (default := context.choices.label.default) is not None:
        context.info(name, "as the map says of numbers without one", FieldOutcome.DEFAULTED, after=default)
        return default
    if not support.required_on_import:
        return None
    # The number is what people would look for, and differs for each.
    label = (identity.e164 or identity.raw)[: support.max_length]
    context.info(
        name,
        f"{context.target_name} imports no number without a label, so its number is used",
        FieldOutcome.DEFAULTED,
        after=label,
        remedy="give `default` under [label] in the map if it is to be another",
    )
    return label


# -- agents


def _map_agent(context: NumberContext, name: Setting, current: AgentRef | None) -> AgentRef | None:
    if current is None:
        return None
    choice = context.choices.agent(current)
    # Before it is asked what the target can do: a map that drops the agent needs nothing there.
    if choice is not None and choice.drop:
        together = f"lose the agent that {'answers' if name is Setting.INBOUND_AGENT else 'places'} calls"
        context.warn(name, "no agent takes over, as the map says", FieldOutcome.LOST, before=current, together=together)
        return None
    if not (context.target.offers(Operation.ASSIGN_AGENTS) and context.target.can_write(name)):
        context.block(
            name,
            f"{context.target_name} has no setting for the agent that serves the number",
            FieldOutcome.LOST,
            before=current,
            remedy="set drop = true under [[agents]] in the map if that is meant",
            allowance=Allowance.INBOUND_AGENT if name is Setting.INBOUND_AGENT else Allowance.OUTBOUND_AGENT,
        )
        return None
    agent = None if choice is None else choice.agent
    if agent is None:
        context.block(
            name,
            f"the map does not say which agent at {context.target_name} takes over",
            FieldOutcome.NEEDS_INPUT,
            before=current,
            remedy="give target and target_version, or drop = true, under [[agents]] in the map",
            together="have no successor in the map",
            subject=f"agent {value_text(current).removeprefix('agent ')}",
        )
    elif (problem := context.agents.get(agent)) is not None:
        context.block(
            name,
            f"it cannot be assigned at {context.target_name}: {problem.message}",
            FieldOutcome.NEEDS_INPUT,
            before=current,
            after=agent,
            remedy=problem.remedy or "name another agent under [[agents]] in the map",
            together=f"cannot be assigned at {context.target_name} ({problem.message.replace(agent.agent_id, 'it')})",
            subject=f"agent {value_text(agent).removeprefix('agent ')}",
        )
    else:
        context.info(name, "as the map says", FieldOutcome.CONVERTED, before=current, after=agent)
    return agent


def _may_publish(context: NumberContext, inbound: AgentRef | None, outbound: AgentRef | None) -> bool:
    """Whether assigning may publish a version, and that was allowed. A published version is not published again."""
    if SideEffect.PUBLISHES not in context.target.side_effects.get(Operation.ASSIGN_AGENTS, ()):
        return False
    may_publish = False
    for name, agent in ((Setting.INBOUND_AGENT, inbound), (Setting.OUTBOUND_AGENT, outbound)):
        # A literal may name the version that is published already, but only the provider knows.
        if agent is not None and agent.version is not AgentVersion.PUBLISHED:
            may_publish = True
            context.block(
                name,
                f"assigning this version at {context.target_name} publishes it, for every number of that agent, "
                "and a rollback does not take that back",
                after=agent,
                remedy='set target_version = "published" in the map',
                allowance=Allowance.PUBLISHES,
            )
    return may_publish and Allowance.PUBLISHES in context.allowed


# -- what the model has no field for


def _check_unmodelled(context: NumberContext) -> None:
    """No adapter writes such a setting, so it is lost even where the target has one that means the same."""
    for setting in context.number.unmodelled:
        name = printable(setting)
        lost = f"set at {context.source_name}, and not taken along"
        remedy = f"set by hand at {context.target_name} what corresponds to it there"
        if context.source.restricts(setting):
            message = f"{lost}: it may say which calls are taken, or where they go"
            context.block(name, message, FieldOutcome.LOST, remedy=remedy, allowance=Allowance.LOST_RESTRICTION)
        else:
            together = f"lose {name}, which has no field here"
            context.warn(name, lost, FieldOutcome.LOST, remedy=remedy, together=together)


# -- what could not be read


_MUST_NOT_VANISH: Final = {
    Setting.ADDRESS: Allowance.ADDRESS,
    Setting.ALLOWED_ADDRESSES: Allowance.LOST_ALLOW_LIST,
    Setting.INBOUND_ENCRYPTION: Allowance.INBOUND_MEDIA_ENCRYPTION,
    Setting.OUTBOUND_ENCRYPTION: Allowance.OUTBOUND_MEDIA_ENCRYPTION,
    Setting.INBOUND_AGENT: Allowance.INBOUND_AGENT,
    Setting.OUTBOUND_AGENT: Allowance.OUTBOUND_AGENT,
}
"""Settings that block where nobody could read them: unread, they look as if the number had none."""


def _check_unreadable(context: NumberContext) -> None:
    number, source = context.number, context.source
    declared = all(support.read_from is not None for support in source.fields.values() if support.readable)
    remedy = "look at it in the provider's dashboard"
    for problem in number.problems:
        field = problem.partition(":")[0]
        message = f"{context.source_name} has something there that could not be read ({printable(problem)})"
        hidden = [
            name
            for name, support in source.fields.items()
            if support.read_from is not None and overlap(field, support.read_from)
        ]
        for name in hidden:
            # What was read in part was assessed by the rule of its setting, and the map may answer the rest.
            unread = read_field(number, name) is None and not _answered(name, context.choice)
            allowance = _MUST_NOT_VANISH.get(name) if unread else None
            add = context.warn if allowance is None else context.block
            add(name, message, remedy=remedy, allowance=allowance, together=f"have a {name} that could not be read")
        if not hidden and declared:
            together = f"have a {printable(field)} that could not be read"
            context.warn(printable(field), message, remedy=remedy, together=together)
        # Nobody can say which setting that was, so it may be one that protects the number.
        elif not hidden:
            context.block(printable(field), message, remedy=remedy, allowance=Allowance.UNREADABLE)


def _answered(name: Setting, choice: TrunkChoice | None) -> bool:
    if choice is None:
        return False
    return (name is Setting.ADDRESS and choice.address is not None) or (
        name is Setting.ALLOWED_ADDRESSES and choice.allowed_addresses is not None
    )
