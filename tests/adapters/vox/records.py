"""vox's records as the adapter reads them: out of the bytes of an answer."""

from __future__ import annotations

import json
from typing import Any

from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.provider.flow import Response
from telephony_core.provider.wire import read_answer
from telephony_vox import mapping
from telephony_vox.wire import LineRecord, NumberRecord


def phone_number(payload: object) -> PhoneNumber:
    return mapping.number_of(*read_answer(_answer(payload), NumberRecord))


def available_number(payload: object) -> AvailableNumber:
    return mapping.line_of(*read_answer(_answer(payload), LineRecord))


def page(*items: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "total_count": len(items), "next_cursor": cursor}


def _answer(payload: object) -> Response:
    return Response(200, {}, json.dumps(payload).encode())
