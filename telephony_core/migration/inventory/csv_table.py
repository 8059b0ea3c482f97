"""An inventory as a table for spreadsheet programs, in which no cell can act as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.migration.inventory.fields import OPEN, printable, sip_of

# Full-width forms as well: some spreadsheet programs take them for the ASCII ones.
_FORMULA: Final = re.compile(r"(^|[;,|\t\"])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a cell, or a part of one that another separator would make a cell of its own, begins as formulas do."""


def _allowed(number: PhoneNumber) -> str | None:
    allowed = sip_of(number).inbound.allowed_addresses
    # An empty cell would not tell a list that is open from one that is not shown.
    return OPEN if allowed == () else " ".join(allowed or ())


def _agent(agent: AgentRef | None) -> str | None:
    return None if agent is None else f"{agent.agent_id} ({agent.version or 'version not reported'})"


_COLUMNS: Final[Mapping[str, Callable[[PhoneNumber], object]]] = {
    "number": lambda number: number.identity.raw,
    "e164": lambda number: number.identity.e164,
    "kind": lambda number: number.identity.kind,
    "region": lambda number: number.identity.region,
    "id": lambda number: number.id,
    "provider": lambda number: number.provider,
    "status": lambda number: number.status,
    "provider_status": lambda number: number.provider_status,
    "origin": lambda number: number.origin,
    "label": lambda number: number.label,
    "address": lambda number: sip_of(number).outbound.address,
    "username": lambda number: sip_of(number).outbound.username,
    "credentials": lambda number: None if number.sip is None else number.sip.outbound.credentials,
    "allowed_addresses": _allowed,
    "inbound_media_encryption": lambda number: sip_of(number).inbound.media_encryption,
    "outbound_media_encryption": lambda number: sip_of(number).outbound.media_encryption,
    "inbound_agent": lambda number: _agent(number.inbound_agent),
    "outbound_agent": lambda number: _agent(number.outbound_agent),
    "monthly_fee": lambda number: number.monthly_fee,
    "starts_at": lambda number: number.starts_at and number.starts_at.isoformat(),
    "release_requested_at": lambda number: number.release_requested_at and number.release_requested_at.isoformat(),
    "ends_at": lambda number: number.ends_at and number.ends_at.isoformat(),
    "unmodelled": lambda number: "; ".join(number.unmodelled),
    "unreadable": lambda number: "; ".join(number.problems),
}


def csv_table(numbers: Iterable[PhoneNumber]) -> str:
    """The table, with a header, every cell quoted. A cell that begins as formulas do gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for number in numbers:
        writer.writerow([_cell(column(number)) for column in _COLUMNS.values()])
    return text.getvalue()


def _cell(value: object) -> str:
    return "" if value is None else _FORMULA.sub(r"\1'", printable(str(value)))
