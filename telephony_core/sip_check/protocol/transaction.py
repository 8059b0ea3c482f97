"""Send one request and wait for its final answer: the non-INVITE client transaction of RFC 3261 §17.1.2.

                   request sent
                        |            timer E (UDP): send again
                  +-----v-----+      after T1, 2·T1, 4·T1 ... T2
                  |  Trying   |<-----------+
                  +--+--+--+--+------------+
               1xx   |  |  |  timer F, or the transport failed
            +--------+  |  +-----------------------+
            |           | 200-699                  |
      +-----v------+    |                          |
      | Proceeding |<--- 1xx; timer E: send again  |
      +--+------+--+     every T2                  |
         |      | timer F, or the transport failed |
         |      +----------------------------------+
         | 200-699      |                          |
      +--v--------------v--+              +--------v---------+
      |     Completed      |              |    Terminated    |
      | ANSWERED           |              | SILENT, CLOSED … |
      +--------------------+              +------------------+

Timer F is `Timing.answer` here, not 64·T1. Timer K, which absorbs repeated answers in Completed, is not needed: every
request has a socket of its own, and that is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony_core.sip_check.limits import Bounds
from telephony_core.sip_check.network.connection import SipConnection
from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.protocol.message import NotSip, SipRequest, SipResponse, TlsInstead, read_message


@dataclass(slots=True)
class _Received:
    """What came so far besides the answer."""

    provisional: SipResponse | None = None
    messages: int = 0
    foreign: int = 0
    garbage: int = 0
    sent: int = 0

    def final(self, data: bytes, request: SipRequest) -> SipResponse | None:
        """Count one message; returns it if it is the final answer. Raises `ProbeError` for a TLS record."""
        if not data.strip(b"\r\n\0"):  # a keep-alive (RFC 5626 §4.4.1)
            self.messages += 1
            return None
        try:
            message = read_message(data)
        except TlsInstead:
            raise ProbeError(FailureKind.TLS_INSTEAD) from None
        except NotSip:
            self.messages += 1
            self.garbage += 1
            return None
        if message is not None and message.answers(request):
            if message.is_final:
                return message
            self.provisional = message
        else:
            self.foreign += 1
        self.messages += 1
        return None

    def outcome(self, kind: FailureKind, response: SipResponse | None = None, detail: str = "") -> NetworkOutcome:
        # A port that sends something, none of which is SIP, has shown what it is.
        is_sip = self.foreign or self.provisional
        if kind in (FailureKind.SILENT, FailureKind.FLOODED) and self.garbage and not is_sip:
            kind = FailureKind.NOT_SIP
        return NetworkOutcome(kind, response, self.provisional, self.sent, self.foreign, self.garbage, detail)


async def transact(connection: SipConnection, request: SipRequest, bounds: Bounds) -> NetworkOutcome:
    """Send ``request`` and wait for a final answer to it. Raises nothing; the outcome says how it ended.

    Messages that are not replies to this very request are counted and otherwise ignored.
    """
    clock, timing = bounds.clock, bounds.timing
    timer_f = clock() + bounds.cap(timing.answer)
    received = _Received()
    waits = timing.retransmissions()
    try:
        await connection.send(request.data)
        received.sent = 1
        # §17.1.2.2: no timer E over a transport that repeats lost data itself.
        timer_e = float("inf") if connection.is_reliable else clock() + next(waits)
        while True:
            data = await connection.receive(max(0.0, min(timer_f, timer_e) - clock()))
            if data is None:
                if clock() >= timer_f:
                    return received.outcome(FailureKind.SILENT)
                await connection.send(request.data)
                received.sent += 1
                # In Proceeding timer E is T2 (RFC 3261 §17.1.2.2).
                timer_e = clock() + (timing.t2 if received.provisional else next(waits))
                continue
            if response := received.final(data, request):
                return received.outcome(FailureKind.ANSWERED, response)
            # A peer that never stops sending would hold the check until timer F.
            if received.messages >= bounds.limits.replies:
                return received.outcome(FailureKind.FLOODED)
    except ProbeError as failure:
        return received.outcome(failure.kind, detail=failure.detail)
