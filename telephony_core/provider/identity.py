"""Whether an answer is about what was asked: the record with that id, and of that number.

Caches, proxies and vendors have answered a request with another record's body. Such an answer is never a result: what
follows from it (a release, a change, "made") would hit somebody else. Core asks this of everything an adapter returns,
so an adapter needs it only for what it reads in the middle of an operation of its own::

    seen = require_about((yield from self.get(number.id)), id=number.id, identity=number.identity)
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

from telephony_core.domain.lifecycle import Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import UnexpectedResponse

RecordT = TypeVar("RecordT", bound=PhoneNumber | Release)

_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def same_id(one: str, other: str) -> bool:
    """Whether two ids name one record. Letter by letter, but for UUIDs, which have several spellings (RFC 9562)."""
    return one == other or id_key(one) == id_key(other)


def id_key(id: str) -> str:
    """What to index records by: equal where `same_id` is true."""
    return id if _UUID.fullmatch(id) is None else id.replace("-", "").lower()


def require_about(
    record: RecordT, *, id: str | None = None, identity: NumberIdentity | None = None, status: int | None = None
) -> RecordT:
    """The record itself, when it has this id and is of this number (``None``: any).

    ``status`` is the HTTP status of the answer, for the error. Raises `UnexpectedResponse`.
    """
    another_id = id is not None and not same_id(record.id, id)
    if not another_id and (identity is None or record.identity.same_in_account(identity)):
        return record
    asked = " of ".join(text for text in (id, None if identity is None else str(identity)) if text is not None)
    raise UnexpectedResponse(
        f"the answer is about {record.id} of {record.identity}, and {asked} was asked about",
        remedy="read the number again before anything is done with it; a cache or proxy on the way may mix answers up",
        status=status,
    )
