"""`--check-trunks`: each distinct trunk of a plan is asked once whether it answers; one that fails blocks."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from telephony_core.cli.parameters.migration import TRUNK_CHECK
from telephony_core.migration.assessment.eligibility import capabilities_of
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason
from telephony_core.migration.plan.model import Plan
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.sip_check import CheckVerdict, TrunkReport, acheck_trunk

if TYPE_CHECKING:
    from telephony_core.domain.sip_address import SipAddress

_AT_ONCE: Final = 8
_SEVERITIES: Final = {
    CheckVerdict.PASS: Severity.INFO,
    # Silence may be an allow-list that takes the provider and not this host.
    CheckVerdict.INCONCLUSIVE: Severity.WARN,
    CheckVerdict.FAIL: Severity.BLOCK,
}
_TOGETHER: Final = {
    CheckVerdict.PASS: "answer",
    CheckVerdict.INCONCLUSIVE: "may not answer: the check could not tell",
    CheckVerdict.FAIL: "fail the check",
}


def with_checked_trunks(plan: Plan, make: Callable[[Iterable[str] | None], Plan], *, allowed: bool) -> Plan:
    """The plan with what its trunks answered; numbers whose trunk failed are left out unless that was allowed.

    ``make`` makes the plan anew for some of its numbers, so that its estimate fits them. Sends SIP `OPTIONS`.
    """
    target = capabilities_of(plan.target.provider)
    reached = {
        # Over the transport that the target takes where the address names none.
        number.key: target.as_meant(number.desired.outbound.address)
        for number in plan.numbers
        if number.desired.outbound is not None and number.desired.outbound.address is not None
    }
    # Each once: thousands of numbers may share a trunk.
    addresses = {str(address): address for address in reached.values()}
    reports = dict(zip(addresses, asyncio.run(_check([*addresses.values()])), strict=True))
    findings = {key: _finding(reports[str(address)], allowed=allowed) for key, address in reached.items()}
    blocked = {
        number.record.id: findings[number.key]
        for number in plan.numbers
        if number.key in findings and findings[number.key].blocks
    }
    if blocked:
        plan = make([number.key for number in plan.numbers if number.record.id not in blocked])
        skipped = tuple(_left_out(one, blocked.get(one.source_id)) for one in plan.skipped)
        plan = plan.model_copy(update={"skipped": skipped})
    numbers = tuple(
        number.model_copy(update={"findings": (*number.findings, findings[number.key])})
        if number.key in findings
        else number
        for number in plan.numbers
    )
    return plan.model_copy(update={"numbers": numbers})


async def _check(addresses: Sequence[SipAddress]) -> list[TrunkReport]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(address: SipAddress) -> TrunkReport:
        async with slots:
            return await acheck_trunk(address)

    return list(await asyncio.gather(*map(one, addresses)))


def _finding(report: TrunkReport, *, allowed: bool) -> Finding:
    failed = report.verdict is CheckVerdict.FAIL
    return Finding(
        field=Setting.ADDRESS,
        severity=_SEVERITIES[report.verdict],
        # From where: the calls will come from the provider, and not from here.
        message=f"checked from {report.vantage_point.host}: {report.summary}",
        before=report.address,
        remedy=None
        if report.verdict is CheckVerdict.PASS
        else f"`telephony sip check {shlex.quote(report.address)}` shows every step",
        allowance=TRUNK_CHECK if failed else None,
        allowed=failed and allowed,
        together=_TOGETHER[report.verdict],
        subject=f"trunk {report.address}",
    )


def _left_out(number: Skipped, finding: Finding | None) -> Skipped:
    if finding is None:
        return number
    return Skipped(
        key=number.key,
        source_id=number.source_id,
        why=SkipReason.BLOCKED,
        message="blocked by its trunk, which failed the check",
        findings=(finding, *number.findings),
    )
