"""What schemathesis makes of a vendor's document, sent to its emulator: the same cases for every vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from telephony_core.emulator import Emulator
from telephony_core.emulator.asgi import asgi_app

Test = Callable[..., None]


def run_against(
    make: Callable[[], Emulator], document: dict[str, Any], *, key: Mapping[str, str], unchecked: tuple[str, ...] = ()
) -> tuple[Test, Test]:
    """A short run and one with many examples, both to be named as tests by the vendor's module.

    ``document`` holds no operation that is not emulated, and asks for nothing that only state can make meaningful.
    ``key`` is the header with the emulator's key; ``unchecked`` are the checks for which the document says too little.
    """

    async def fresh(scope: Any, receive: Any, send: Any) -> None:
        """Every request meets a new emulator, whatever the one before did to its own."""
        await asgi_app(make())(scope, receive, send)

    base_url = make().base_url

    def run(examples: int, *, systematic: bool) -> Test:
        contract = schemathesis.openapi.from_dict(document, config=SchemathesisConfig(seed=1))
        contract.app = fresh
        # Every case is sent with the right key, so a case that is bad only for lack of one would be taken.
        contract.config.generation.with_security_parameters = False
        contract.config.phases.coverage.enabled = systematic
        excluded = CHECKS.get_by_names(list(unchecked))

        @pytest.mark.usefixtures("unmeasured")
        @contract.parametrize()
        @settings(deadline=None, max_examples=examples, derandomize=True, database=None)
        def answers_as_documented(case: schemathesis.Case) -> None:
            case.call_and_validate(base_url=base_url, headers=dict(key), excluded_checks=excluded)

        return answers_as_documented

    # The systematic cases are made while tests are collected, by every worker: once is enough.
    return run(10, systematic=True), pytest.mark.long(run(100, systematic=False))
