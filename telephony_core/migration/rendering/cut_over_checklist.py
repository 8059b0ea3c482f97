"""What has to be done at the carrier once numbers are moved, and what only a real call can prove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from telephony_core.migration.plan.model import Plan
from telephony_core.migration.run.verify_report import NumberVerification
from telephony_core.provider.capabilities import Capabilities


def cut_over_checklist(
    plan: Plan, capabilities: Capabilities, numbers: Sequence[NumberVerification]
) -> tuple[str, ...]:
    """The list for the person at the carrier, from what the target declares and what could not be compared."""
    return tuple(_items(plan, capabilities, numbers)) if numbers else ()


def _items(plan: Plan, capabilities: Capabilities, numbers: Sequence[NumberVerification]) -> Iterator[str]:
    equal = [number for number in numbers if number.is_equal]
    if len(equal) < len(numbers):
        yield f"leave {len(numbers) - len(equal)} numbers where they are until their differences are solved"
    if not equal:
        return
    host = capabilities.inbound_host
    count = f"{len(equal)} numbers" if len(equal) > 1 else equal[0].number
    if host is not None and host.host is not None:
        known = "" if host.verified else f" (as the vendor documents it: {host.source})"
        yield f"send inbound calls of {count} to {host.host}{known}"
    else:
        hint = f": {host.note}" if host is not None and host.note else ""
        yield (
            f"send inbound calls of {count} to {plan.target.provider}; its host is not documented, so ask the vendor "
            f"first{hint}"
        )
    yield f"begin with one number, {equal[0].number}: place a call to it, and hear the right agent answer"
    desired = {number.key: number.desired for number in plan.numbers}
    if any(desired[number.number].outbound_agent is not None for number in equal):
        yield "let the agent place a call, and see the right caller id arrive"
    if unproven := sorted({name for number in equal for name in number.unverifiable}):
        yield f"only such calls prove what the provider does not tell: {', '.join(unproven)}"
    if len(equal) > 1:
        yield "then cut the others over, and verify again"
    yield f"keep {plan.source.provider} as it is for {plan.settings.soak_hours:g} hours before releasing anything there"
