"""Makes a plan that changes settings of many numbers: of which, and how it is undone. Writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import InvalidInput, NotAllowed, Remedy
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.credentials import faults_of_credentials
from telephony_core.migration.changeset.selection import Conditions, select
from telephony_core.migration.changeset.settings import (
    ACTIONS,
    action_of,
    change_of,
    restorable,
    settings_of,
    wanted_by,
)
from telephony_core.migration.inventory.fields import some, value_text
from telephony_core.migration.inventory.inventory import number_text
from telephony_core.migration.journal.entries import Action
from telephony_core.migration.move.effects import ResolvedCredentials
from telephony_core.migration.plan.allowances import Allowance, allowances
from telephony_core.migration.plan.estimate import requests_of
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason, finding_of
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredOutbound,
    DesiredState,
    Plan,
    PlanKind,
    PlannedNumber,
    PlannedStep,
    Selection,
    Settings,
    StepKind,
    Trunk,
)
from telephony_core.migration.plan.planner import plan_of
from telephony_core.migration.plan.verification import desired_settings
from telephony_core.operations.reconciliation import differences, read_field
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.changes import Options
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pacer

_GIVEN = "given"
"""Name of the trunk of such a plan: there is one at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsUpdate:
    """What is to be set: a field left out stays, ``None`` clears, a value sets.

    Credentials are not in ``outbound``: ``username`` is written out or a reference, ``password`` always a reference
    (``env:NAME``, ``file:PATH``, ``prompt:``), and what it leads to is read when the plan is applied.
    """

    label: str | None | Unset = UNSET
    inbound: InboundUpdate | Unset = UNSET
    outbound: OutboundUpdate | Unset = UNSET
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    inbound_agent: AgentRef | None | Unset = UNSET
    outbound_agent: AgentRef | None | Unset = UNSET
    options: Options | None = None

    @property
    def agents(self) -> tuple[AgentRef, ...]:
        """The agents that are assigned, each once."""
        given = (self.inbound_agent, self.outbound_agent)
        return tuple(dict.fromkeys(agent for agent in given if isinstance(agent, AgentRef)))

    def desired(self, allow: Iterable[SideEffect] = ()) -> tuple[DesiredState, Trunk | None]:
        """As a plan has it, for any number. Raises `InvalidInput`."""
        inbound = self.inbound if isinstance(self.inbound, InboundUpdate) else InboundUpdate()
        outbound = self.outbound if isinstance(self.outbound, OutboundUpdate) else OutboundUpdate()
        # A plan is a file that is shown around: what is in the update would be in it.
        if outbound.password is not None or outbound.username is not None:
            raise InvalidInput(
                "outbound: a plan holds no credentials",
                remedy="give username apart, and password as a reference: env:NAME, file:PATH or prompt:",
            )
        for name, what, remedy in faults_of_credentials(self.username, self.password):
            raise InvalidInput(f"{name}: {what}", remedy=remedy)
        halves = (("inbound", inbound), ("outbound", outbound))
        cleared = [
            Setting(f"{name}.{leaf}") for name, half in halves for leaf in half.changes if getattr(half, leaf) is None
        ]
        plain = (
            (Setting.LABEL, self.label),
            (Setting.INBOUND_AGENT, self.inbound_agent),
            (Setting.OUTBOUND_AGENT, self.outbound_agent),
        )
        cleared += [name for name, value in plain if value is None]
        given = self.username is not None or self.password is not None
        trunk = Trunk(name=_GIVEN, auth="update", username=self.username, password=self.password) if given else None
        desired = DesiredState(
            # Stands for each number until its record is known.
            number="-",
            label=self.label or None,
            inbound=DesiredInbound(**given_in) if (given_in := _given(inbound)) else None,
            outbound=DesiredOutbound(**given_out) if (given_out := _given(outbound)) else None,
            trunk=None if trunk is None else trunk.name,
            inbound_agent=self.inbound_agent or None,
            outbound_agent=self.outbound_agent or None,
            allow=tuple(sorted(set(allow))),
            options=self.options or {},
            clear=tuple(sorted(cleared)),
        )
        if self.label == "":
            raise InvalidInput("the label is empty", remedy=Remedy("give None to clear it", cli="say --clear-label"))
        if not desired.changing_steps:
            raise InvalidInput("the plan would change nothing", remedy="give at least one setting, or one to clear")
        return desired, trunk


def _given(half: InboundUpdate | OutboundUpdate) -> dict[str, Any]:
    """What of a half is set to something."""
    return {name: value for name in half.model_fields_set if (value := getattr(half, name)) is not None}


def plan_settings(
    account: TargetAccount,
    update: SettingsUpdate,
    *,
    where: Iterable[str] = (),
    numbers: Iterable[str] | None = None,
    allow: Iterable[str] = (),
    canaries: Iterable[str] | None = None,
    settings: Settings | None = None,
    pace: Pacer | None = None,
    clock: Clock | None = None,
) -> Plan:
    """The plan to set this for the chosen numbers of an account (`survey`). Sends nothing.

    ``where`` are conditions ``FIELD=VALUE`` (see `changeset.selection`), all of which have to hold; ``numbers`` names
    some, by id or in any spelling, and ``canaries`` those that go first. ``allow`` names side effects and losses. A
    number that is as wanted already, or that cannot be changed, is in the plan with the reason.

    Raises `InvalidInput` for an empty selection, which never means all numbers; for a field, a number or a value that
    there is not; and where no chosen number can be changed.
    """
    allowed = allowances(allow)
    conditions = Conditions.parse([where] if isinstance(where, str) else where)
    named = _listed(numbers)
    conditions.demand_told(account.capabilities, account.inventory.provider)
    desired, trunk = update.desired(SideEffect(name) for name in map(str, allowed) if name in list(SideEffect))
    chosen, left_out = select(account.inventory.numbers, conditions, named, account.capabilities)
    planned: list[PlannedNumber] = []
    skipped = [
        Skipped(
            key=number_text(record.identity),
            source_id=record.id,
            why=SkipReason.NOT_CHOSEN,
            message=f"it is named, and not all of this holds for it: {' and '.join(map(str, conditions.all))}",
        )
        for record in left_out
    ]
    planner = _Planner(account, desired, trunk, {record.id for record in chosen}, allowed)
    for record in chosen:
        one = planner.plan(record)
        if isinstance(one, PlannedNumber):
            planned.append(one)
        else:
            skipped.append(one)
    blocked = [left for left in skipped if left.why is SkipReason.BLOCKED]
    if not planned and blocked:
        # An error says at once what one would have to read out of a plan without numbers.
        raise refused(blocked)
    return plan_of(
        PlanKind.SET,
        account,
        planned,
        skipped,
        allowed=allowed,
        trunks=() if trunk is None else (trunk,),
        canaries=canaries,
        settings=settings,
        pace=pace,
        clock=clock,
        selection=Selection(where=tuple(map(str, conditions.all)), numbers=None if named is None else tuple(named)),
    )


def _listed(numbers: Iterable[str] | None) -> list[str] | None:
    if numbers is None:
        return None
    return list(dict.fromkeys([numbers] if isinstance(numbers, str) else numbers))


def refused(blocked: list[Skipped]) -> InvalidInput | NotAllowed:
    """The error of a change that none of the chosen numbers takes: what, of how many, and what to do."""
    reasons: dict[Finding, list[str]] = defaultdict(list)
    for left in blocked:
        for finding in left.findings:
            if finding.blocks:
                reasons[finding].append(left.key)
    parts = [
        f"{finding.field}: {finding.message} ({keys[0] if len(keys) == 1 else f'{len(keys)} numbers'})"
        for finding, keys in reasons.items()
    ]
    remedies = dict.fromkeys(finding.remedy for finding in reasons if finding.remedy)
    names = sorted({finding.allowance for finding in reasons if finding.allowance})
    message = f"no chosen number can be changed so: {'; '.join(parts)}"
    remedy = "; ".join([*remedies, *(f"or say --allow {name}" for name in names)]) or None
    # Only where consents alone would do: with any other reason among them, allowing them all leaves it refused.
    if names and all(finding.allowance for finding in reasons):
        return NotAllowed(message, allowance=names[0], remedy=remedy)
    return InvalidInput(message, remedy=remedy)


# -- one number


class _Planner:
    """Plans one number after the other."""

    def __init__(
        self,
        account: TargetAccount,
        desired: DesiredState,
        trunk: Trunk | None,
        chosen: set[str],
        allowed: frozenset[Allowance],
    ) -> None:
        self._account = account
        self._desired = desired
        self._trunk = trunk
        self._chosen = chosen
        self._allowed = allowed
        self._named = Counter(number_text(one.identity) for one in account.inventory.numbers if one.id in chosen)
        self._by_trunk: dict[tuple[str, ...], list[PhoneNumber]] = defaultdict(list)
        for record in account.inventory.numbers:
            if record.trunk_ids and record.is_live:
                self._by_trunk[record.trunk_ids].append(record)

    def plan(self, record: PhoneNumber) -> PlannedNumber | Skipped:
        key = self._key(record)
        desired = self._needed(record)
        kinds = desired.changing_steps
        if not kinds:
            return Skipped(key=key, source_id=record.id, why=SkipReason.UNCHANGED, message="it is already as planned")
        findings = tuple(self._findings(record, desired, kinds))
        if fields := ", ".join(dict.fromkeys(finding.field for finding in findings if finding.blocks)):
            first = next(finding for finding in findings if finding.blocks)
            return Skipped(
                key=key,
                source_id=record.id,
                why=SkipReason.BLOCKED,
                message=f"blocked by {fields}",
                remedy=first.remedy,
                findings=findings,
            )
        steps = (*(self._step(record, desired, kind) for kind in kinds), self._read_back())
        return PlannedNumber(key=key, source=record, desired=desired, steps=steps, findings=findings)

    def _key(self, record: PhoneNumber) -> str:
        """What people type; the id as well where two chosen records are of one number."""
        text = number_text(record.identity)
        return text if self._named[text] < 2 else f"{text} {record.id}"

    def _needed(self, record: PhoneNumber) -> DesiredState:
        """What of it has to be written: a step of which everything is there already is left out."""
        wanted = desired_settings(self._desired)
        capabilities = self._account.capabilities
        different = set(differences(wanted, record, capabilities))
        # What cannot be read may be otherwise.
        needed = {action_of(name) for name in wanted if name in different or not capabilities.can_read(Setting(name))}
        if self._trunk is not None or self._desired.options:
            # Neither credentials nor vendor options can be read back, so they are written whatever the record shows.
            needed.add(Action.SET_SIP)
        left_out = set(ACTIONS.values()) - needed
        gone: dict[str, object] = {}
        if Action.SET_LABEL in left_out:
            gone["label"] = None
        if Action.SET_SIP in left_out:
            gone |= {"inbound": None, "outbound": None}
        if Action.SET_AGENTS in left_out:
            gone |= {"inbound_agent": None, "outbound_agent": None}
        clear = tuple(name for name in self._desired.clear if action_of(name) not in left_out)
        return self._desired.model_copy(update={**gone, "number": record.identity.raw, "clear": clear})

    def _findings(self, record: PhoneNumber, desired: DesiredState, kinds: tuple[StepKind, ...]) -> Iterator[Finding]:
        trunk = self._trunk
        # What stands in for credentials, which are read when the plan is applied.
        credentials = ResolvedCredentials(
            "name" if trunk is not None and trunk.username is not None else None,
            SecretStr("stand-in") if trunk is not None and trunk.password is not None else None,
        )
        for kind in kinds:
            yield from map(finding_of, self._account.check(change_of(desired, ACTIONS[kind], record, credentials)))
        if StepKind.UPDATE_SIP in kinds:
            yield from self._shared(record)
        if StepKind.ASSIGN_AGENTS in kinds:
            yield from self._unusable_agents(desired)

    def _unusable_agents(self, desired: DesiredState) -> Iterator[Finding]:
        """Agents that were looked up and cannot be assigned."""
        for name, agent in desired.agents.items():
            if (problem := self._account.agents.get(agent)) is not None:
                message = f"{agent.agent_id} cannot be assigned: {problem.message}"
                yield Finding(field=name, severity=Severity.BLOCK, message=message, remedy=problem.remedy)

    def _shared(self, record: PhoneNumber) -> Iterator[Finding]:
        others = [other for other in self._by_trunk.get(record.trunk_ids, ()) if other.id not in self._chosen]
        if others:
            names = some([number_text(other.identity) for other in others], 5)
            yield Finding(
                field="trunk",
                severity=Severity.BLOCK,
                message=f"its trunk is also the one of {names}, which were not chosen and would change with it",
                remedy="choose these as well",
                allowance=Allowance.SHARED_TRUNK,
                allowed=Allowance.SHARED_TRUNK in self._allowed,
                together=Allowance.SHARED_TRUNK.sentence,
            )

    def _step(self, record: PhoneNumber, desired: DesiredState, kind: StepKind) -> PlannedStep:
        capabilities, action, trunk = self._account.capabilities, ACTIONS[kind], self._trunk
        names = settings_of(desired, trunk, action)
        values, why = restorable(record, names, capabilities)
        after = {
            name: value_text(value) if value is not None else "cleared"
            for name, value in wanted_by(desired, action).items()
        }
        after |= dict(_references(trunk)) if action is Action.SET_SIP else {}
        effects: set[SideEffect] = set()
        if kind is StepKind.ASSIGN_AGENTS and desired.has_agents:
            effects = set(capabilities.side_effects.get(Operation.ASSIGN_AGENTS, ())) & set(desired.allow)
        lost = "; ".join(f"{name}: {reason}" for name, reason in sorted(why.items()))
        undo = f"set back {', '.join(values)}" + (f", but not {lost}" if lost else "") if values else f"not {lost}"
        return PlannedStep(
            kind=kind,
            message=_MESSAGES[kind].format(at=self._account.name),
            before={str(name): value_text(read_field(record, name)) for name in names if capabilities.can_read(name)},
            after=after,
            reversible=not why and not effects,
            undo=undo,
            side_effects=tuple(sorted(effects)),
            requests=requests_of(kind, self._account),
        )

    def _read_back(self) -> PlannedStep:
        return PlannedStep(
            kind=StepKind.READ_BACK,
            message="read it back and compare what was changed",
            undo="nothing to undo",
            requests=requests_of(StepKind.READ_BACK, self._account),
        )


_MESSAGES: Mapping[StepKind, str] = {
    StepKind.UPDATE_LABEL: "change its label at {at}",
    StepKind.UPDATE_SIP: "change its trunk at {at}",
    StepKind.ASSIGN_AGENTS: "change its agents at {at}",
}


def _references(trunk: Trunk | None) -> Iterator[tuple[str, str]]:
    if trunk is not None and trunk.username is not None:
        plain = trunk.plain_username
        yield Setting.USERNAME, f"from {trunk.username}" if plain is None else value_text(plain)
    if trunk is not None and trunk.password is not None:
        yield Setting.PASSWORD, f"from {trunk.password}"
