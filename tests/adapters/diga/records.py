"""Diga's records as the adapter reads them: out of the bytes of an answer."""

from __future__ import annotations

import json

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_answer
from telephony_diga import mapping
from telephony_diga.adapter import DigaProvider
from telephony_diga.wire import PhoneRecord


def read_number(payload: object) -> PhoneNumber:
    answer = Response(200, {}, json.dumps(payload).encode())
    return mapping.number_of(*read_answer(answer, PhoneRecord, DigaProvider.secret_keys))
