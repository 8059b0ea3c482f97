"""Send one request and wait for its final answer: the non-INVITE client transaction of RFC 3261 §17.1.2."""

from __future__ import annotations

from dataclasses import dataclass

from telephony_core.sip_check.limits import Deadline, Limits, Timing
from telephony_core.sip_check.network.connection import SipConnection
from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.protocol.message import NotSip, SipRequest, SipResponse, TlsInstead, read_message


@dataclass(slots=True)
class _Heard:
    """What came so far besides the answer."""

    provisional: SipResponse | None = None
    provisionals: int = 0
    foreign: int = 0
    garbage: int = 0
    keep_alives: int = 0
    sent: int = 0

    @property
    def messages(self) -> int:
        return self.provisionals + self.foreign + self.garbage + self.keep_alives

    def note(self, data: bytes, request: SipRequest) -> SipResponse | None:
        """Count one message; returns it if it is the final answer. Raises `ProbeError` for a TLS record."""
        if not data.strip(b"\r\n\0"):
            self.keep_alives += 1
            return None
        try:
            message = read_message(data)
        except TlsInstead:
            raise ProbeError(FailureKind.TLS_INSTEAD) from None
        except NotSip:
            self.garbage += 1
            return None
        if message is None or not message.answers(request):
            self.foreign += 1
        elif message.is_final:
            return message
        else:
            self.provisional = message
            self.provisionals += 1
        return None

    def outcome(self, happened: FailureKind, response: SipResponse | None = None, detail: str = "") -> NetworkOutcome:
        # A port that says things, none of which are SIP, has told what it is.
        if (
            happened in (FailureKind.SILENT, FailureKind.FLOODED)
            and self.garbage
            and not (self.foreign or self.provisionals)
        ):
            happened = FailureKind.NOT_SIP
        return NetworkOutcome(happened, response, self.provisional, self.sent, self.foreign, self.garbage, detail)


async def transact(
    connection: SipConnection, request: SipRequest, *, timing: Timing, limits: Limits, deadline: Deadline
) -> NetworkOutcome:
    """Send ``request`` and wait for a final answer to it. Raises nothing; the outcome says how it ended.

    Over UDP it is sent again by timer E, every ``t2`` once a provisional answer came. Messages that are not replies to
    this very request are counted and otherwise ignored.
    """
    clock = deadline.clock
    give_up = clock() + deadline.cap(timing.answer)
    heard = _Heard()
    waits = timing.retransmissions()
    try:
        await connection.send(request.data)
        heard.sent = 1
        send_again = float("inf") if connection.is_reliable else clock() + next(waits)
        while True:
            data = await connection.receive(max(0.0, min(give_up, send_again) - clock()))
            if data is None:
                if clock() >= give_up:
                    return heard.outcome(FailureKind.SILENT)
                await connection.send(request.data)
                heard.sent += 1
                send_again = clock() + (timing.t2 if heard.provisional else next(waits))
                continue
            if response := heard.note(data, request):
                return heard.outcome(FailureKind.ANSWERED, response)
            if heard.messages >= limits.replies:
                return heard.outcome(FailureKind.FLOODED)
    except ProbeError as trouble:
        return heard.outcome(trouble.happened, detail=trouble.detail)
