"""Whether an operation in which one request went wrong ended as the policy says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from telephony_core.errors import OutcomeUnknown, PartialOutcome, TelephonyError
from telephony_core.testing.contract.driver import Driver
from tests.reliability.faults.cases import Account, Case
from tests.reliability.faults.network import Stage
from tests.reliability.faults.policy import ROWS, Row, cell


class Played(Protocol):
    """An account, and the requests that reached it or were meant to."""

    account: Account
    sent: list[tuple[str, str, bytes]]


@dataclass(frozen=True)
class Clean:
    """A case that goes well: its requests, and the vendor's state before and after each."""

    sent: list[tuple[str, str, bytes]]
    states: list[object]


@cache
def clean(case: Case) -> Clean:
    stage = Stage(case.account())
    states = [stage.account.state]
    stage.after_each = lambda: states.append(stage.account.state)
    with asyncio.Runner() as runner:
        case.run(stage.client("sync", runner), stage.account)
    return Clean(stage.sent, states)


def failure(case: Case, client: Driver, account: Account) -> TelephonyError | None:
    """What the operation raises, if anything."""
    try:
        case.run(client, account)
    except TelephonyError as error:
        return error
    return None


def meant(case: Case, row: Row, at: int) -> Row:
    """The row of the policy for a fault at this request: Retell says 404 with a 422 of its own, where it is asked
    about one number."""
    about_one = "%2B" in clean(case).sent[at][1]
    is_404 = case.provider == "retell" and about_one and row.fault == "422 in the vendor's envelope"
    return next(each for each in ROWS if each.fault == "404") if is_404 else row


def differences(case: Case, row: Row, at: int, stage: Played, error: TelephonyError | None) -> Iterator[str]:
    row, step, good = meant(case, row, at), case.steps[at], clean(case)
    expected = cell(row, step)
    kind, _, place = step.partition(", ")
    writes = kind in ("update", "assign", "once")
    # When the look at what was made fails, a listing finds it, and credentials are sent again, for which it is read.
    finds = kind == "look after import" and expected.error not in (None, OutcomeUnknown)
    looked = expected.looked or finds
    ok = expected.error is None or kind == "look after release" or (finds and not row.always)

    told = None if ok else OutcomeUnknown if finds and row.stays else expected.error
    if told is not None and (place == "after import" or (finds and not row.stays)):
        if type(error) is not PartialOutcome or type(error.cause) is not told:
            yield f"gave {error!r}, not a PartialOutcome because of {told.__name__}"
    elif type(error) is not (told or type(None)):
        yield f"gave {error!r}, not {told.__name__ if told else 'ok'}"

    total = at + expected.sent
    if looked:
        looks = case.looks.get(f"{kind}, {row.fault}") or case.looks[kind]
        total += 3 if row.stays else looks[0 if expected.done or finds else 1]
    if finds and row.always and not row.stays:
        total += expected.sent - 2  # the change that did not come to be
    # A look that fails is the last one, and what was found need not be read once more.
    if ok and (case.goes_on or not looked) and not (kind == "look after release" and expected.error):
        total += sum(not (looked and rest == "look after import") for rest in case.steps[at + 1 :])
    if len(stage.sent) != total:
        yield f"sent {len(stage.sent)} requests, not {total}"

    state = good.states[-1] if ok else good.states[at + 1 if writes and expected.done else at]
    if stage.account.state != state:
        yield "left another state at the vendor"
    if error is not None:
        yield from _bad_manners(error, case)


def _bad_manners(error: TelephonyError, case: Case) -> Iterator[str]:
    if error.provider != case.provider or not error.operation:
        yield "does not say where it happened"
    if not error.remedy:
        yield "does not say what to do next"
    cause = error.cause if isinstance(error, PartialOutcome) else error
    if isinstance(cause, OutcomeUnknown) and cause.attempt is None:
        yield "does not say what was attempted"
