"""What one number's changed settings are as changes of the port: as the plan wants them, and back as they were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.input_model import UNSET
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.migration.inventory.fields import AGENTS
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.effects import ResolvedCredentials
from telephony_core.migration.plan.model import DesiredState, StepKind, Trunk
from telephony_core.migration.plan.verification import desired_settings
from telephony_core.operations.operations import Operations
from telephony_core.operations.reconciliation import is_unread, read_field
from telephony_core.provider.capabilities import Capabilities, Operation
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.changes import AgentAssignment, LabelUpdate, SipUpdate
from telephony_core.provider.flow import Flow

SettingsChange: TypeAlias = LabelUpdate | SipUpdate | AgentAssignment

ACTIONS: Final[Mapping[StepKind, Action]] = {
    StepKind.UPDATE_LABEL: Action.SET_LABEL,
    StepKind.UPDATE_SIP: Action.SET_SIP,
    StepKind.ASSIGN_AGENTS: Action.SET_AGENTS,
}
"""What each step of a plan is called in the journal."""


def action_of(setting: str) -> Action:
    """The action that writes a setting, given by its dotted name."""
    if setting == Setting.LABEL:
        return Action.SET_LABEL
    return Action.SET_AGENTS if setting in AGENTS else Action.SET_SIP


def wanted_by(desired: DesiredState, action: Action) -> dict[str, object]:
    """The settings that an action writes and a read can be compared with, by dotted name; ``None`` clears."""
    return {name: value for name, value in desired_settings(desired).items() if action_of(name) is action}


def settings_of(desired: DesiredState, trunk: Trunk | None, action: Action) -> tuple[Setting, ...]:
    """The settings that an action writes, unreadable ones too."""
    names = [Setting(name) for name in wanted_by(desired, action)]
    if action is Action.SET_SIP and trunk is not None:
        names += [Setting.USERNAME] if trunk.username is not None else []
        names += [Setting.PASSWORD] if trunk.password is not None else []
    return tuple(dict.fromkeys(names))


def change_of(
    desired: DesiredState, action: Action, record: PhoneNumber | str, credentials: ResolvedCredentials
) -> SettingsChange:
    """The change that an action is. Raises `InvalidInput` or `NotAllowed` for what no provider takes."""
    values = wanted_by(desired, action)
    if action is Action.SET_SIP:
        given = {Setting.USERNAME: credentials.username, Setting.PASSWORD: credentials.password}
        values |= {name: value for name, value in given.items() if value is not None}
    allow_any = desired.inbound is not None and desired.inbound.allow_any
    change = change_from(values, action, record, allow_any=allow_any, allow=frozenset(desired.allow))
    if isinstance(change, SipUpdate):
        return SipUpdate(record, change.inbound, change.outbound, desired.options)
    return change


def change_from(
    values: Mapping[str, object],
    action: Action,
    record: PhoneNumber | str,
    *,
    allow_any: bool,
    allow: frozenset[SideEffect],
) -> SettingsChange:
    """The change that sets these values, by dotted name; ``None`` clears."""
    if action is Action.SET_LABEL:
        label = values[Setting.LABEL]
        return LabelUpdate(record, None if label is None else str(label))
    if action is Action.SET_AGENTS:
        agents = [values.get(name, UNSET) for name in AGENTS]
        inbound, outbound = (each if isinstance(each, AgentRef) or each is None else UNSET for each in agents)
        return AgentAssignment(record, inbound, outbound, allow)
    halves: dict[str, dict[str, object]] = {"inbound": {}, "outbound": {}}
    for name, value in values.items():
        half, leaf = name.split(".")
        halves[half][leaf] = value
    if "allowed_addresses" in halves["inbound"]:
        halves["inbound"]["allow_any"] = allow_any
    return SipUpdate(
        record,
        InboundUpdate.model_validate(halves["inbound"]) if halves["inbound"] else UNSET,
        OutboundUpdate.model_validate(halves["outbound"]) if halves["outbound"] else UNSET,
    )


OPERATIONS: Final = {
    Action.SET_LABEL: Operation.UPDATE_LABEL,
    Action.SET_SIP: Operation.UPDATE_SIP,
    Action.SET_AGENTS: Operation.ASSIGN_AGENTS,
}


def send(operations: Operations, change: SettingsChange) -> Flow[PhoneNumber]:
    """The flow that makes a change."""
    match change:
        case LabelUpdate():
            return operations.update_label(change)
        case SipUpdate():
            return operations.update_sip(change)
        case AgentAssignment():
            return operations.assign_agents(change)


# -- back as it was


def restorable(
    before: PhoneNumber, settings: Collection[Setting], capabilities: Capabilities
) -> tuple[dict[str, object], dict[Setting, str]]:
    """Of the settings that one action wrote: the values to set back, and why each of the others cannot be."""
    values: dict[str, object] = {}
    why: dict[Setting, str] = {}
    for name in settings:
        value = read_field(before, name) if capabilities.can_read(name) else None
        # A label that is empty and one that is not there look alike to everybody.
        value = value or None if name is Setting.LABEL else value
        if (reason := _why_not(name, value, before, capabilities)) is not None:
            why[name] = reason
        else:
            values[name] = value
    while True:  # what is left out may be what another one has to go along with
        lacking = {
            Setting(name): missing
            for name in values
            if (missing := sorted(capabilities.fields[Setting(name)].requires - values.keys()))
        }
        if not lacking:
            return values, why
        for name, missing in lacking.items():
            del values[name]
            why[name] = f"it can only be written together with {', '.join(missing)}"


def _why_not(name: Setting, value: object, before: PhoneNumber, capabilities: Capabilities) -> str | None:
    if not capabilities.can_read(name):
        return "the provider does not say what it was, so the new one stays"
    # To clear it would take away what nobody saw.
    if value is None and is_unread(before, name, capabilities):
        return "what it was has no place here, or could not be read"
    if value is None and not capabilities.can_clear(name):
        return "there was none before, and the provider documents no way to clear it"
    # An unknown word is never written, and an agent only together with its version.
    if value is MediaEncryption.UNKNOWN or (isinstance(value, AgentRef) and value.version is None):
        return "the provider does not say all of what it was"
    return None


def opens(values: Mapping[str, object]) -> bool:
    """Whether setting these values lets everybody, or a large share of the internet, call in."""
    if Setting.ALLOWED_ADDRESSES not in values:
        return False
    allowed = values[Setting.ALLOWED_ADDRESSES]
    return not isinstance(allowed, tuple) or is_open(allowed)
