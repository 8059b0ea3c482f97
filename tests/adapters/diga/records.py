"""Diga's records as the adapter reads them: out of the bytes of an answer."""

from __future__ import annotations

import json
from typing import Any

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.operations.operations import Operations
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_answer
from telephony_diga import mapping
from telephony_diga.adapter import DigaProvider
from telephony_diga.wire import PhoneRecord


def read(payload: object) -> PhoneNumber:
    answer = Response(200, {}, json.dumps(payload).encode())
    return mapping.number_of(*read_answer(answer, PhoneRecord, DigaProvider.secret_keys))


NOTHING: list[object] = [{"data": [], "has_more": False}] * 6
"""A listing without any number, in all its passes."""


def warned(operations: Operations, change: Any) -> list[str]:
    """The fields that a change is warned of."""
    return [str(problem.field) for problem in operations.check(change) if problem.severity == "warning"]
