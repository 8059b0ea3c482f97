"""Every fault of the policy, at a request of every operation of every adapter: one fault at one request, the next fault
at the next request, with one of the two clients. In the long run it is every request, with either client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle

import pytest

from telephony_core.provider.registry import registry
from tests.reliability.faults.cases import CASES, Case, cells
from tests.reliability.faults.faults import faults
from tests.reliability.faults.network import MODES, Mode, Stage, Strike
from tests.reliability.faults.policy import ROWS, Row
from tests.reliability.faults.verdict import clean, differences, failure
from tests.reliability.figures import figures
from tests.vendors import SHIPPED


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_is_made_of_the_steps_that_it_says(case: Case) -> None:
    good = clean(case)
    methods = [method for method, _, _ in good.sent]
    assert len(methods) == len(case.steps)
    for method, step in zip(methods, case.steps, strict=True):
        reads_by = "POST" if (case.provider, case.name) == ("retell", "list agents") else "GET"
        assert (method == reads_by) == step.startswith(("read", "look")), (methods, case.steps)
    writes = [step for step in case.steps if not step.startswith(("read", "look"))]
    assert (good.states[0] == good.states[-1]) == (not writes)


def test_every_fault_of_the_policy_exists() -> None:
    for slug in SHIPPED:
        assert {row.fault for row in ROWS} == set(faults(slug))


def test_every_operation_that_is_declared_has_a_case() -> None:
    words = {
        "list": "list", "get": "get", "find": "find", "import": "import", "update_label": "update label",
        "update_sip": "update SIP", "assign_agents": "assign agents", "release": "release",
        "revoke_release": "revoke a release", "search_available": "search for sale", "list_agents": "list agents",
    }  # fmt: skip
    for slug in SHIPPED:
        tried = [case.name for case in CASES if case.provider == slug]
        for operation in registry.spec(slug).capabilities.operations:
            assert any(name.startswith(words[operation]) for name in tried), operation


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("provider", SHIPPED)
def test_a_fault_has_the_outcome_of_the_policy(provider: str, row: Row, runner: asyncio.Runner) -> None:
    def in_turn(case: Case) -> list[int]:
        around, at = divmod(ROWS.index(row), len(case.steps))
        return [(at + around) % len(case.steps)]  # rows come in pairs: each begins a round at another request

    _try(provider, row, runner, MODES, in_turn)


@pytest.mark.long
@pytest.mark.parametrize("modes", [MODES, MODES[::-1]], ids=lambda modes: f"{modes[0]} first")
@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("provider", SHIPPED)
def test_a_fault_has_that_outcome_at_every_request_with_both_clients(
    provider: str, row: Row, modes: Sequence[Mode], runner: asyncio.Runner
) -> None:
    _try(provider, row, runner, modes, lambda case: range(len(case.steps)))


def _try(
    provider: str, row: Row, runner: asyncio.Runner, modes: Sequence[Mode], places: Callable[[Case], Iterable[int]]
) -> None:
    """These requests of every operation meet the fault once, and from each to the next the client changes.

    Rows begin with one client and the other in turn, so a request meets the faults of the policy half with each.
    """
    turns = cycle(modes)
    if ROWS.index(row) % 2:
        next(turns)
    with cells() as wrong:
        for case in CASES:
            for at in places(case) if case.provider == provider else ():
                mode = next(turns)
                if problem := _problem(case, row, at, mode, runner):
                    wrong.append(f"{case} [{at}: {case.steps[at]}] {row} ({mode}): {problem}")


def _problem(case: Case, row: Row, at: int, mode: Mode, runner: asyncio.Runner) -> str | None:
    """What is wrong with one cell of the matrix."""
    fault = faults(case.provider)[row.fault]
    stage = Stage(case.account(), Strike(fault, at, row.acts, row.always, row.stays))
    client = stage.client(mode, runner)
    error = failure(case, client, stage.account)
    assert stage.strike is not None
    if not stage.strike.applies:
        return None
    figures.count(1, "cells in process")
    return next(differences(case, row, at, stage, error), None)
