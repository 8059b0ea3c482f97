"""Register and end it at once, to see whether a server takes the credentials; stops before an account is locked.

::

    REGISTER ─┬─ anything but 401 and 407 ──────────> NOT_REQUIRED
              ├─ no challenge that can be answered ─> UNUSABLE
              └─ REGISTER with the credentials ─┬─ stale, with a new nonce: once more with that ─┐
                                                ├────────────────────────────────────────────────┘
                                                ├─ the challenge of another server ─> SECOND_SERVER
                                                └─ anything else, a refusal too ────> SENT
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check.limits import Bounds
from telephony_core.sip_check.network.connection import SipConnection
from telephony_core.sip_check.network.failures import NetworkOutcome
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.protocol.digest import Challenge, authorize, choose, read_challenges
from telephony_core.sip_check.protocol.message import Dialog, SipResponse, build_request, request_uri
from telephony_core.sip_check.protocol.transaction import transact
from telephony_core.sip_check.report import Transport

# Where a challenge stands, and where its answer goes (RFC 3261 §22.2 and §22.3).
_CHALLENGES = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}


class AuthStage(Enum):
    """How far the exchange of credentials went."""

    NOT_REQUIRED = auto()
    """The server asked for none; none were sent."""
    UNUSABLE = auto()
    """It asked in a way that cannot be answered here; none were sent."""
    SENT = auto()
    """They were sent, and the outcome is the server's answer."""
    SECOND_SERVER = auto()
    """They were sent, and then a second server on the way asked for credentials of its own."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How a registration ended: its last outcome, and the challenges it met."""

    outcome: NetworkOutcome
    stage: AuthStage = AuthStage.NOT_REQUIRED
    challenges: tuple[Challenge, ...] = ()
    answered: Challenge | None = None


def challenges_of(response: SipResponse) -> tuple[Challenge, ...]:
    """Those of a 401 or 407; none of any other reply."""
    header, _ = _CHALLENGES.get(response.status, ("", ""))
    return read_challenges(response.all(header)) if header else ()


async def register(
    connection: SipConnection,
    address: SipAddress,
    credentials: TrunkCredentials,
    *,
    transport: Transport,
    bounds: Bounds,
) -> Registration:
    """REGISTER with ``Expires: 0``. Raises nothing.

    The credentials are sent once, and once more only if the server calls the nonce stale: several servers count
    refusals and lock the account, or ban the address.
    """
    dialog = Dialog()

    async def send(cseq: int, authorization: tuple[str, str] | None = None) -> NetworkOutcome:
        request = build_request(
            "REGISTER",
            address,
            dialog=dialog,
            transport=transport,
            local=connection.local,
            cseq=cseq,
            username=credentials.username,
            authorization=authorization,
        )
        return await transact(connection, request, bounds)

    async def answer(cseq: int, status: int, challenge: Challenge) -> NetworkOutcome:
        value = authorize(
            challenge,
            credentials,
            method="REGISTER",
            uri=request_uri(address, "REGISTER"),
            cnonce=secrets.token_hex(16),
        )
        return await send(cseq, (_CHALLENGES[status][1], value))

    outcome = await send(1)
    response = _challenging(outcome)
    if response is None:
        return Registration(outcome)
    offered = challenges_of(response)
    challenge = choose(offered)
    if challenge is None:
        return Registration(outcome, AuthStage.UNUSABLE, offered)
    outcome = await answer(2, response.status, challenge)
    asked_by = response.status
    again = _challenging(outcome)
    renewed = choose(challenges_of(again)) if again else None
    if again and renewed and again.status == asked_by and _only_stale(renewed, challenge):
        challenge = renewed
        outcome = await answer(3, asked_by, challenge)
        again = _challenging(outcome)
        renewed = choose(challenges_of(again)) if again else None
    # Another realm is another server's question (RFC 3261 §22.3), not a refusal of the first answer. So is that of a
    # registrar (401) after a proxy's (407), which may be of one realm.
    elsewhere = again and renewed and (again.status, renewed.realm) != (asked_by, challenge.realm)
    return Registration(outcome, AuthStage.SECOND_SERVER if elsewhere else AuthStage.SENT, offered, challenge)


def _challenging(outcome: NetworkOutcome) -> SipResponse | None:
    """The reply of an outcome, if it asks for credentials."""
    response = outcome.response
    return response if response is not None and response.status in _CHALLENGES else None


def _only_stale(renewed: Challenge, answered: Challenge) -> bool:
    """Whether the server accepted the answer and asks for it with a fresh nonce (RFC 7616 §3.3)."""
    return renewed.stale and renewed.realm == answered.realm and renewed.nonce != answered.nonce
