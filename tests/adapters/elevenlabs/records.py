"""ElevenLabs' records as the adapter reads them: out of the bytes of an answer."""

from __future__ import annotations

import json

from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_answer
from telephony_elevenlabs import mapping
from telephony_elevenlabs.wire import NumberRecord


def read_number(payload: object) -> PhoneNumber:
    answer = Response(200, {}, json.dumps(payload).encode())
    return mapping.number_of(*read_answer(answer, NumberRecord))
