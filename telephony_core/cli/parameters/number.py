"""Which record an argument means: an id, or a number in any spelling.

An argument is taken for a number when it is written as one, in whatever dress (digits, ``+``, and the separators blank
``-`` ``.`` ``(`` ``)`` in any of their forms), or as a SIP identifier (``user@domain``, ``sip:…``, ``tel:…``). A UUID
is always an id, and so is everything else; ``--id`` makes any argument one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from telephony_core.domain.lifecycle import NumberStatus
from telephony_core.domain.number_parsing import is_written_as_number
from telephony_core.errors import AmbiguousNumber, NotFound, WrongState

if TYPE_CHECKING:
    from telephony_core.client import Telephony
    from telephony_core.domain.phone_number import PhoneNumber

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SIP_IDENTIFIER: Final = re.compile(r"(?:sips?|tel):|.*@", re.IGNORECASE | re.DOTALL)

limit_option: Final = click.option("--limit", type=click.IntRange(1, 10**9), metavar="N", help="Stop after so many.")
fresh_option: Final = click.option(
    "--fresh", is_flag=True, help="List the account anew, whatever the file of TELEPHONY_NUMBER_INDEX knows."
)


def is_id(argument: str, region: str) -> bool:
    """Whether an argument is a record's id and not a number."""
    # First: one of digits and hyphens alone would pass for a number.
    if _UUID.fullmatch(argument):
        return True
    # A plus is a number even where it is a wrong one, so that the error is about the number.
    return not (argument.strip().startswith("+") or is_written_as_number(argument)) and (
        _SIP_IDENTIFIER.match(argument.strip()) is None
    )


def to_read(client: Telephony, argument: str, by_id: bool, *, fresh: bool = False) -> PhoneNumber:
    """The record to show: the single live one, or else the only one. Raises `NotFound` or `AmbiguousNumber`."""
    if by_id or is_id(argument, client.capabilities.region):
        return client.get_number(argument)
    try:
        return client.find_number(argument, fresh=fresh)
    except NotFound:
        if fresh or client.number_index is None:
            raise
    return client.find_number(argument, fresh=True)  # a person who asks for it may just have made it elsewhere


def to_write(client: Telephony, argument: str, by_id: bool) -> PhoneNumber:
    """The record to change. A number has to have exactly one live record.

    Raises `NotFound`, `AmbiguousNumber`, or `WrongState` where only released records hold the number.
    """
    if by_id or is_id(argument, client.capabilities.region):
        return client.get_number(argument)
    try:
        number = client.find_number(argument, fresh=True)  # a second live record would have to be seen
    except AmbiguousNumber as error:
        if any(candidate.is_live for candidate in error.candidates):
            raise
        # Several released records: none can be changed, and to call that ambiguous would ask for a choice.
        released = error.candidates
    else:
        if number.status is not NumberStatus.RELEASED:
            return number
        released = (number,)
    raise WrongState(
        f"no live record holds {released[0].identity}, only released ones: "
        f"{', '.join(record.id for record in released)}",
        remedy="a released record cannot be changed; import the number again",
        provider=client.provider,
        operation="find_number",
    )
