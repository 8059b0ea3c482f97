"""What a server sent, prepared for a report: cut, printable, and without our secrets if it repeats them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from telephony_core.secrets.url_password import HIDDEN
from telephony_core.sip_check.network.failures import NetworkOutcome
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.protocol.digest import Challenge, algorithms_offered, choose, plain
from telephony_core.sip_check.protocol.message import clean
from telephony_core.sip_check.report import Observation

# Replacing a shorter one would reveal it, and damage other text.
_SHORTEST_SECRET = 4
# A digest that is sent back lets the password be guessed at leisure.
_LONG_HEX = re.compile(r"[0-9a-fA-F]{32,}")


def observe(
    outcome: NetworkOutcome,
    challenges: Sequence[Challenge],
    *,
    answered: Challenge | None = None,
    credentials: TrunkCredentials | None = None,
    record: str = "",
) -> Observation:
    """The facts of one request's outcome. ``answered`` is the challenge that credentials were sent for, ``record`` the
    address of record that was to be registered."""

    def show(text: str | None) -> str | None:
        return _show(text, credentials) if text else None

    response = outcome.response or outcome.provisional
    challenge = answered or choose(challenges) or next(iter(challenges), None)
    notes = [
        f"address of record: {_show(record, credentials)}" if record else "",
        f"sent {outcome.sent} times" if outcome.sent > 1 else "",
        f"SIP messages ignored, not replies to this request: {outcome.foreign}" if outcome.foreign else "",
        f"datagrams ignored, not SIP: {outcome.garbage}" if outcome.garbage else "",
    ]
    return Observation(
        status=response.status if response else None,
        status_line=show(response.status_line) if response else None,
        server=show(response.first("server") or response.first("user-agent")) if response else None,
        realm=show(plain(challenge.realm or "")) if challenge else None,
        algorithms=tuple(_show(name, credentials) for name in algorithms_offered(challenges)),
        notes=tuple(note for note in notes if note),
    )


def _show(text: str, credentials: TrunkCredentials | None) -> str:
    password = credentials.password.get_secret_value() if credentials is not None else ""
    if len(password) >= _SHORTEST_SECRET:
        text = text.replace(password, HIDDEN)
    return clean(_LONG_HEX.sub(HIDDEN, text))
