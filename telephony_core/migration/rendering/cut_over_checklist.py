"""What has to be done at the carrier once numbers are moved, and what only a real call can prove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from telephony_core.migration.plan.model import Plan, PlanKind
from telephony_core.migration.run.verify_report import NumberVerification
from telephony_core.provider.capabilities import Capabilities


def cut_over_checklist(
    plan: Plan, capabilities: Capabilities, numbers: Sequence[NumberVerification]
) -> tuple[str, ...]:
    """The list for the person at the carrier, from what the target declares and what could not be compared."""
    # Changed settings send no call anywhere else.
    return tuple(_items(plan, capabilities, numbers)) if numbers and plan.kind is not PlanKind.SET else ()


def _items(plan: Plan, capabilities: Capabilities, numbers: Sequence[NumberVerification]) -> Iterator[str]:
    equal = [number for number in numbers if number.is_equal]
    if left := len(numbers) - len(equal):
        what = "1 number where it is" if left == 1 else f"{left} numbers where they are"
        yield f"leave {what} until what differs is corrected"
    if not equal:
        return
    yield from _where_to_send(plan, capabilities, equal)
    yield f"begin with one number, {equal[0].number}: call it, and check that the right agent answers"
    desired = {number.key: number.desired for number in plan.numbers}
    if any(desired[number.number].outbound_agent is not None for number in equal):
        yield "let the agent place a call, and check that the right caller id arrives"
    if unproven := sorted({name for number in equal for name in number.unverifiable}):
        yield f"only such calls prove what the provider does not return: {', '.join(unproven)}"
    if len(equal) > 1:
        yield "then cut the others over, and verify again"
    if plan.source is not None:
        source, hours = plan.source.provider, plan.settings.soak_hours
        yield f"keep {source} as it is for {hours:g} hours before releasing anything there"


_ANY: Final = "NUMBER"
"""Stands for each number in an address that differs in nothing else."""


def _where_to_send(plan: Plan, capabilities: Capabilities, numbers: Sequence[NumberVerification]) -> Iterator[str]:
    """One item for each address, which may depend on the number."""
    declared = capabilities.inbound_host
    groups: dict[str | None, list[NumberVerification]] = {}
    for number in numbers:
        uri = number.inbound_uri
        # Some providers have the number itself in the address, which would make as many items as numbers.
        groups.setdefault(None if uri is None else uri.replace(number.number, _ANY), []).append(number)
    for uri, sent in groups.items():
        count = f"{len(sent)} numbers" if len(sent) > 1 else sent[0].number
        if len(groups) > 1 and len(sent) > 1:
            count += f" ({', '.join(number.number for number in sent)})"
        if uri is not None:
            known = "" if declared is None or declared.verified else f" (as the vendor documents it: {declared.source})"
            yield f"send inbound calls of {count} to {uri if len(sent) > 1 else sent[0].inbound_uri}{known}"
        else:
            hint = f": {declared.note}" if declared is not None and declared.note else ""
            yield (
                f"send inbound calls of {count} to {plan.target.provider}; its host is not documented, so ask the "
                f"vendor first{hint}"
            )
