"""Makes the plan: for each number the steps and how they are undone, or why it is not moved. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from telephony_core._version import __version__
from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import Origin, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput
from telephony_core.migration.assessment.agent_lookup import unchecked_agents
from telephony_core.migration.assessment.eligibility import Eligibility, assess_eligibility, capabilities_of
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.assessment.trunk_rules import written_form
from telephony_core.migration.inventory.fields import AGENTS, SETTINGS, value_text
from telephony_core.migration.inventory.inventory import Inventory, RecordsBySpelling, number_text
from telephony_core.migration.mapping.map_file import EMPTY_MAP, MigrationMap
from telephony_core.migration.plan.allowances import Allowance, allowances
from telephony_core.migration.plan.canary import choose_canaries
from telephony_core.migration.plan.estimate import estimate_of, requests_of
from telephony_core.migration.plan.findings import Skipped, SkipReason
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredOutbound,
    DesiredState,
    Endpoint,
    Plan,
    PlanKind,
    PlannedNumber,
    PlannedStep,
    Selection,
    Settings,
    StepKind,
    Trunk,
)
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import AddressForms, Capabilities, Operation, ReleaseEffect
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pace, Pacer

_SAMPLE: Final = 20
"""Records of the target that a plan remembers."""

_FOR_GOOD: Final = frozenset(
    {SkipReason.ALREADY_THERE, SkipReason.IDENTITY, SkipReason.NOT_CHOSEN, SkipReason.RELEASED, SkipReason.PURCHASED}
)
"""Reasons to be skipped that no other plan would change."""


def make_plan(
    source: Inventory,
    target: TargetAccount,
    mapping: MigrationMap = EMPTY_MAP,
    *,
    allow: Iterable[str] = (),
    numbers: Iterable[str] | None = None,
    canaries: Iterable[str] | None = None,
    settings: Settings | None = None,
    source_pace: Pacer | None = None,
    target_pace: Pacer | None = None,
    source_capabilities: Capabilities | None = None,
    clock: Clock | None = None,
) -> Plan:
    """The plan to move the numbers of an inventory to a target. Sends nothing; equal inputs give equal plans.

    ``allow`` names losses and side effects (`allowances`), ``numbers`` chooses some, in any spelling,
    ``canaries`` those that go first; without them the least used ones do. The paces are
    that the two clients are going to have; without them the estimate uses what the providers declare. What cannot be
    moved is in the plan with its reasons. Raises `InvalidInput` for names and numbers that do not exist, and
    `MapError` for a map that does not fit.
    """
    allowed = allowances(allow)
    capabilities = source_capabilities or capabilities_of(source.provider)
    eligibility = assess_eligibility(source, target, mapping, allowed, capabilities)
    chosen = _chosen(eligibility, numbers)
    moving = [number for number in eligibility if number.why is None and number.source.id in chosen]
    planned = tuple(
        PlannedNumber(
            key=number.key,
            source=number.source,
            desired=number.desired,
            steps=tuple(import_steps(number.source, number.desired, number.trunk, target)),
            findings=number.findings,
        )
        for number in moving
        # For the type checker: what is not skipped has it.
        if number.desired is not None
    )
    skipped = tuple(
        _skipped(number) for number in eligibility if number.why is not None or number.source.id not in chosen
    )
    trunks = {number.trunk.name: number.trunk for number in moving if number.trunk is not None}
    return plan_of(
        PlanKind.MIGRATE,
        target,
        planned,
        skipped,
        source=endpoint_of(source, capabilities, is_target=False),
        allowed=allowed,
        trunks=(trunks[name] for name in sorted(trunks)),
        canaries=canaries,
        settings=settings,
        pace=target_pace,
        clock=clock,
        inventory=source,
        source_pace=source_pace or Pace.declared(capabilities.rate_limit),
    )


def plan_of(
    kind: PlanKind,
    target: TargetAccount,
    planned: Sequence[PlannedNumber],
    skipped: Sequence[Skipped],
    *,
    allowed: Iterable[Allowance],
    trunks: Iterable[Trunk],
    canaries: Iterable[str] | None,
    settings: Settings | None,
    pace: Pacer | None,
    clock: Clock | None,
    source: Endpoint | None = None,
    inventory: Inventory | None = None,
    source_pace: Pacer | None = None,
    selection: Selection | None = None,
) -> Plan:
    """The plan of these numbers, of any kind: who goes first, how much work it is, what nobody found out.

    ``pace`` is that of the target. Raises `InvalidInput` for a canary that the plan does not hold.
    """
    settings = settings or Settings()
    first = choose_canaries(planned, skipped, settings.canary, canaries, target.capabilities.region)
    if first:  # `canary` is how many go first: of several that were named, all
        settings = settings.model_copy(update={"canary": len(first)})
    pace = pace or Pace.declared(target.capabilities.rate_limit)
    host = None if kind is PlanKind.SET else target.capabilities.inbound_host
    agents = [agent for number in planned for agent in number.desired.agents.values()]
    return Plan(
        kind=kind,
        created_at=(clock or Clock()).now(),
        made_with=__version__,
        source=source,
        target=endpoint_of(target.inventory, target.capabilities),
        allowed=tuple(sorted(allowed)),
        settings=settings,
        trunks=tuple(trunks),
        inbound_host=None if host is None else host.host,
        estimate=estimate_of(planned, inventory, target, settings, source_pace, pace),
        numbers=tuple(planned),
        skipped=tuple(skipped),
        selection=selection,
        unchecked=unchecked_agents(target.name, agents, target.agents, target.agents_unknown),
        canaries=first,
    )


def exit_status(plan: Plan) -> int:
    """For ``--detailed-exitcode``: 2 when there is something to apply, 0 when everything that could be moved is there.

    1 when there is nothing to apply because numbers need action: an answer, an allowance, the end of a transition.
    """
    if plan.numbers:
        return 2
    return 0 if all(number.why in _FOR_GOOD for number in plan.skipped) else 1


def endpoint_of(inventory: Inventory, capabilities: Capabilities, *, is_target: bool = True) -> Endpoint:
    """An account as a plan knows it; of the target, with some records by which it is recognized."""
    return Endpoint(
        holds=_sample(inventory.numbers) if is_target else {},
        connection=inventory.connection,
        provider=inventory.provider,
        adapter=inventory.adapter,
        base_url=inventory.base_url,
        inventory=None if is_target else inventory.checksum,
        taken_at=inventory.taken_at,
        ids_are_reused=capabilities.ids_are_reused,
    )


def _sample(numbers: Sequence[PhoneNumber]) -> dict[str, str]:
    """Some records by which the account is recognized: live ones first, then the oldest, which stay longest."""
    by_age = sorted(numbers, key=lambda number: (not number.is_live, str(number.created_at or ""), number.id))
    return {number.id: number_text(number.identity) for number in by_age[:_SAMPLE]}


def _chosen(eligibility: Iterable[Eligibility], numbers: Iterable[str] | None) -> set[str]:
    """Ids of the chosen records. Raises `InvalidInput` for a number that the inventory does not have."""
    held = [number.source for number in eligibility]
    if numbers is None:
        return {number.id for number in held}
    index, chosen = RecordsBySpelling(held), set[str]()
    for text in [numbers] if isinstance(numbers, str) else numbers:
        found = index.find(text)
        if not found:
            raise InvalidInput(
                f"the inventory has no number {text[:40]!r}", remedy="write it in E.164, or as the inventory does"
            )
        chosen |= {number.id for number in found}
    return chosen


def _skipped(number: Eligibility) -> Skipped:
    return Skipped(
        key=number.key,
        source_id=number.source.id,
        why=number.why or SkipReason.NOT_CHOSEN,
        message=number.message if number.why is not None else f"{number.message}, and was not chosen",
        remedy=number.remedy,
        findings=number.findings,
        target_id=number.target_id,
    )


# -- one number


def import_steps(
    number: PhoneNumber | None, desired: DesiredState, trunk: Trunk | None, target: TargetAccount
) -> Iterator[PlannedStep]:
    """The steps that import a number; ``number`` is its record at the source, where it has one."""
    before, after = _forms(number, desired, trunk, target)
    label = f" as “{value_text(desired.label)}”" if desired.label else ""
    yield PlannedStep(
        kind=StepKind.IMPORT,
        message=f"import {desired.number if number is None else number_text(number.identity)} at {target.name}{label}",
        before={name: text for name, text in before.items() if name not in AGENTS},
        after={name: text for name, text in after.items() if name not in AGENTS},
        reversible=target.capabilities.offers(Operation.RELEASE, Origin.IMPORTED),
        undo=_undo_import(desired, target),
        requests=requests_of(StepKind.IMPORT, target, has_agents=desired.has_agents),
    )
    if desired.has_agents:
        # A number whose agents would publish a version is planned only with the consent to it.
        publishes = SideEffect.PUBLISHES in desired.allow
        yield PlannedStep(
            kind=StepKind.ASSIGN_AGENTS,
            message=" and ".join(_assignments(desired)),
            before={name: text for name, text in before.items() if name in AGENTS},
            after={name: text for name, text in after.items() if name in AGENTS},
            # What was published before is not put back.
            reversible=not publishes,
            undo="a version that was published stays published" if publishes else "removed with the number",
            side_effects=(SideEffect.PUBLISHES,) if publishes else (),
            requests=requests_of(StepKind.ASSIGN_AGENTS, target),
        )
    # Made once for all of a plan's numbers, of which there may be a hundred thousand.
    yield _read_back(target.name, requests_of(StepKind.READ_BACK, target))


@lru_cache(maxsize=8)
def _read_back(name: str, requests: int) -> PlannedStep:
    return PlannedStep(
        kind=StepKind.READ_BACK,
        message=f"read it back from {name} and compare every field that {name} reports",
        undo="nothing to undo",
        requests=requests,
    )


def _forms(
    number: PhoneNumber | None, desired: DesiredState, trunk: Trunk | None, target: TargetAccount
) -> tuple[dict[str, str], dict[str, str]]:
    """Every setting as it stands at the source and as it will be written, by dotted name."""
    read = {} if number is None else {name: read_field(number, name) for name in SETTINGS}
    before = {} if number is None else {"number": value_text(number.identity.raw)}
    before |= {str(name): value_text(value) for name, value in read.items() if value not in (None, "")}
    after = {"number": value_text(desired.number)}
    after |= {} if desired.label is None else {Setting.LABEL.value: value_text(desired.label)}
    agents = (desired.inbound_agent, desired.outbound_agent)
    after |= _written(desired.inbound, desired.outbound, trunk, agents, target.capabilities.address_forms)
    return before, after


@lru_cache(maxsize=64)
def _written(
    inbound: DesiredInbound | None,
    outbound: DesiredOutbound | None,
    trunk: Trunk | None,
    agents: tuple[AgentRef | None, AgentRef | None],
    forms: AddressForms | None,
) -> Mapping[str, str]:
    """What many numbers have in common, remembered for the next one."""
    written: dict[str, object] = {}
    if outbound is not None:
        written[Setting.ADDRESS] = None if outbound.address is None else written_form(outbound.address, forms)
        written[Setting.OUTBOUND_ENCRYPTION] = outbound.media_encryption
    if inbound is not None:
        written[Setting.ALLOWED_ADDRESSES] = inbound.allowed_addresses
        written[Setting.INBOUND_ENCRYPTION] = inbound.media_encryption
    if trunk is not None:
        none = "none, on purpose" if trunk.auth == "none" else None
        written[Setting.USERNAME] = trunk.username
        written[Setting.PASSWORD] = none or f"from {trunk.password}"
    written |= zip(AGENTS, agents, strict=True)
    return {str(name): value_text(value) for name, value in written.items() if value is not None}


_WHEN: Final = {
    ReleaseEffect.IMMEDIATE: ", at once",
    ReleaseEffect.END_OF_PERIOD: ", at the end of the billing period",
}


def _undo_import(desired: DesiredState, target: TargetAccount) -> str:
    capabilities = target.capabilities
    if not capabilities.offers(Operation.RELEASE, Origin.IMPORTED):
        return f"{target.name} offers no release by its API: the number has to be removed in the dashboard"
    terms = capabilities.release.get(Origin.IMPORTED)
    unpublishes = SideEffect.UNPUBLISHES in capabilities.side_effects.get(Operation.RELEASE, ())
    agents = "; that unpublishes its agents there, perhaps for other numbers too"
    return (
        f"release it at {target.name}"
        + ("" if terms is None else _WHEN[terms.effect])
        + (agents if unpublishes and desired.has_agents else "")
    )


def _assignments(desired: DesiredState) -> Iterator[str]:
    for name, agent in desired.agents.items():
        yield f"let {value_text(agent)} {'answer' if name == Setting.INBOUND_AGENT else 'place'} its calls"
