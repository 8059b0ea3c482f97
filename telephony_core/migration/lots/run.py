"""Running a lot: the runs of one machine, on a slice of a plan and with what a site has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from telephony_core.errors import InvalidInput
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.release import apreview_release, arelease_plan
from telephony_core.migration.deprovision.report import DeprovisionReport
from telephony_core.migration.deprovision.rollback import apreview_rollback, arollback_plan
from telephony_core.migration.lots.lot import Lot, LotDone, groups
from telephony_core.migration.lots.site import Site
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.apply import ApplyOptions, aapply_plan, acheck_plan
from telephony_core.migration.run.endpoints import Opener
from telephony_core.migration.run.events import Event
from telephony_core.migration.run.stopping import Failure, StopRules
from telephony_core.migration.run.verify import VerifyOptions, averify_plan


async def run_lot(lot: Lot, site: Site, beat: Callable[[int], None], stop: asyncio.Event) -> LotDone:
    """Do one lot. Running it again goes on, and does nothing where all is done.

    ``beat`` is called with the numbers that are done whenever something happens; while only an answer is waited for
    that was lost, nothing does. ``stop`` finishes the numbers in hand and starts no other one. Raises what the runs of
    whole plans raise: `JournalError` where the lot is to be tried again later, `StalePlan`, `ConfigurationError` and
    `MigrationError` where that would not help. A release or a rollback does what it finds then: that the plan's numbers
    may be released has to be approved before such a lot is made.
    """
    loaded = await site.plans.get(lot.plan)
    plan = loaded.plan
    numbers = [number.key for group in groups(plan) for number in group]
    if lot.last > len(numbers):
        raise InvalidInput(
            f"the lot ends at {lot.last}, and the plan has {len(numbers)} numbers", remedy="make lots with `in_lots`"
        )
    source = None if plan.source is None else await site.opener(lot.tenant, plan.source)
    target = await site.opener(lot.tenant, plan.target)
    rules = StopRules(plan.settings.equal_failures)
    keys = tuple(numbers[lot.first : lot.last])

    def happened(event: Event) -> None:
        beat(event.done)

    common: dict[str, Any] = {
        # Only a run of the whole plan looks whether its selection has grown.
        "numbers": keys if len(keys) < len(numbers) else None,
        "journals": site.journals,
        "secrets": site.secrets,
        "tenant": lot.tenant,
        "clock": site.clock,
        "on_event": happened,
    }
    watching = asyncio.ensure_future(_ask_when(stop, rules))
    try:
        match lot.command:
            case "check":
                left = await acheck_plan(loaded, source, target, ApplyOptions(**common))
                return LotDone(numbers=len(keys), done=len(keys) - left)
            case "apply":
                # Whoever makes the lots has decided which goes first: no lot has a canary of its own.
                applied = await aapply_plan(loaded, source, target, ApplyOptions(**common, canary=0), rules=rules)
                return LotDone(
                    numbers=applied.total,
                    done=applied.done,
                    in_doubt=len(applied.in_doubt),
                    # An engine keeps the result, and must not learn a number by it.
                    failures=tuple(failure.anonymous for failure in rules.failures),
                    stopped=applied.stopped,
                )
            case "verify":
                verified = await averify_plan(loaded, source, target, VerifyOptions(**common))
                return LotDone(
                    numbers=len(keys),
                    done=sum(number.is_equal for number in verified.numbers),
                    failures=tuple(
                        Failure(error="VerificationFailed") for number in verified.numbers if not number.is_equal
                    ),
                )
            case "release" | "rollback":
                options = DeprovisionOptions(**common, allow=lot.allow)
                return _released(len(keys), await _deprovision(lot, loaded, source, target, options, rules), rules)
    finally:
        watching.cancel()


async def _deprovision(
    lot: Lot,
    loaded: LoadedPlan,
    source: Opener | None,
    target: Opener,
    options: DeprovisionOptions,
    rules: StopRules,
) -> DeprovisionReport:
    if lot.command == "rollback":
        # A release or a rollback takes what it finds for confirmed: a person approved it before the lot was made.
        shown = (await apreview_rollback(loaded, source, target, options)).shown
        return await arollback_plan(loaded, source, target, replace(options, confirmed=shown), rules=rules)
    if source is None:
        raise InvalidInput(f"{loaded.name} is no migration, so there is no source to release anything at")
    shown = (await apreview_release(loaded, source, target, options)).shown
    return await arelease_plan(loaded, source, target, replace(options, confirmed=shown), rules=rules)


def _released(numbers: int, report: DeprovisionReport, rules: StopRules) -> LotDone:
    # Those that failed in the run stand behind those that were left alone before it.
    known = [failure.anonymous for failure in rules.failures]
    before = [Failure(error=left.error) for left in report.left_alone]
    return LotDone(
        numbers=numbers,
        done=numbers - len(report.remainder),
        in_doubt=len(report.in_doubt),
        failures=(*before[: len(before) - len(known)], *known),
        stopped=report.stopped,
    )


async def _ask_when(stop: asyncio.Event, rules: StopRules) -> None:
    await stop.wait()
    rules.ask()
