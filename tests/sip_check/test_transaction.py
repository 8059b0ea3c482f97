"""One request and its answer, on a clock that only moves when the connection waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check.limits import Bounds, Limits, Timing
from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.protocol.message import Dialog, SipRequest, build_request
from telephony_core.sip_check.protocol.transaction import transact
from tests.sip_check.peer import Heard

LOCAL = ("192.0.2.7", 40000)
Event = tuple[float, bytes | ProbeError]


class Scripted:
    """A connection on which messages arrive at set times."""

    local = LOCAL

    def __init__(self, events: Sequence[Event] = (), *, is_reliable: bool = False) -> None:
        self.is_reliable = is_reliable
        self.now = 0.0
        self.sent_at: list[float] = []
        self._events = list(events)

    def clock(self) -> float:
        return self.now

    async def send(self, data: bytes) -> None:
        self.sent_at.append(self.now)

    async def receive(self, timeout: float) -> bytes | None:
        assert timeout >= 0
        if self._events and self._events[0][0] <= self.now + timeout:
            at, what = self._events.pop(0)
            self.now = max(self.now, at)
            if isinstance(what, ProbeError):
                raise what
            return what
        self.now += timeout
        return None


def options() -> SipRequest:
    return build_request(
        "OPTIONS", SipAddress.parse("192.0.2.1"), dialog=Dialog(), transport="udp", local=LOCAL, cseq=1
    )


def run(
    connection: Scripted,
    request: SipRequest,
    *,
    timing: Timing | None = None,
    limits: Limits | None = None,
) -> NetworkOutcome:
    bounds = Bounds(timing or Timing(), limits or Limits(), connection.clock)
    return asyncio.run(transact(connection, request, bounds))


def answer(request: SipRequest, status: int = 200, **changes: str) -> bytes:
    return Heard(request.data).reply(status, "Whatever", **changes)


def test_over_udp_a_request_is_sent_again_after_half_a_second_and_twice_as_long_each_time() -> None:
    connection = Scripted()
    assert run(connection, options()).kind is FailureKind.SILENT
    assert connection.sent_at == [0.0, 0.5, 1.5, 3.5, 7.5]
    assert connection.now == 11.5


def test_with_the_patience_of_the_rfc_the_interval_stops_growing_at_four_seconds() -> None:
    connection = Scripted()
    run(connection, options(), timing=Timing(answer=32))
    assert connection.sent_at == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_over_a_stream_nothing_is_sent_again() -> None:
    connection = Scripted(is_reliable=True)
    assert run(connection, options()).sent == 1
    assert connection.now == 11.5


def test_a_late_answer_is_an_answer_and_says_how_often_it_took() -> None:
    request = options()
    outcome = run(Scripted([(1.6, answer(request))]), request)
    assert outcome.kind is FailureKind.ANSWERED
    assert outcome.sent == 3


def test_a_provisional_answer_slows_the_repetitions_and_ends_nothing() -> None:
    request = options()
    connection = Scripted([(0.1, answer(request, 100)), (6.0, answer(request, 404))])
    outcome = run(connection, request)
    assert outcome.response is not None
    assert outcome.response.status == 404
    assert connection.sent_at == [0.0, 0.5, 4.5]


def test_only_provisional_answers_are_silence_with_a_witness() -> None:
    request = options()
    outcome = run(Scripted([(0.1, answer(request, 183))]), request)
    assert outcome.kind is FailureKind.SILENT
    assert outcome.provisional is not None
    assert outcome.provisional.status == 183


def test_the_end_of_the_whole_check_cuts_the_wait() -> None:
    connection = Scripted()
    run(connection, options(), timing=Timing(total=2.0))
    assert connection.now == 2.0


def test_messages_with_a_foreign_call_id_are_counted_and_ignored() -> None:
    request = options()
    connection = Scripted([(0.1, answer(request, 200, call_id="other")), (0.2, answer(request, 486))])
    outcome = run(connection, request)
    assert outcome.response is not None
    assert outcome.response.status == 486
    assert outcome.foreign == 1


def test_only_foreign_messages_are_no_answer() -> None:
    request = options()
    outcome = run(Scripted([(0.1, answer(request, call_id="other"))]), request)
    assert outcome.kind is FailureKind.SILENT


def test_garbage_before_an_answer_is_ignored() -> None:
    request = options()
    outcome = run(Scripted([(0.1, b"\x00\x01garbage"), (0.2, answer(request))]), request)
    assert outcome.kind is FailureKind.ANSWERED
    assert outcome.garbage == 1


def test_nothing_but_garbage_is_another_protocol() -> None:
    outcome = run(Scripted([(0.1, b"garbage")]), options())
    assert outcome.kind is FailureKind.NOT_SIP


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\0\0\0\0", b"\r\n"])
def test_keep_alives_are_neither_garbage_nor_answers(data: bytes) -> None:
    outcome = run(Scripted([(0.1, data)]), options())
    assert outcome.kind is FailureKind.SILENT
    assert outcome.garbage == outcome.foreign == 0


@pytest.mark.parametrize("status", [100, 200])
def test_a_flood_ends_the_wait_at_once(status: int) -> None:
    request = options()
    changes = {"call_id": "other"} if status == 200 else {}
    flood = [(0.1, answer(request, status, **changes))] * 100_000
    connection = Scripted(flood)
    assert run(connection, request).kind is FailureKind.FLOODED
    assert connection.now == 0.1


def test_an_answer_within_the_limit_of_a_flood_still_counts() -> None:
    request = options()
    noise: list[Event] = [(0.1, answer(request, call_id="other"))] * 63
    assert run(Scripted([*noise, (0.1, answer(request))]), request).kind is FailureKind.ANSWERED


def test_a_flood_of_garbage_is_another_protocol() -> None:
    assert run(Scripted([(0.1, b"x")] * 1000), options()).kind is FailureKind.NOT_SIP


def test_trouble_on_the_connection_is_the_outcome() -> None:
    outcome = run(Scripted([(0.6, ProbeError(FailureKind.REFUSED, "ECONNREFUSED"))]), options())
    assert (outcome.kind, outcome.detail, outcome.sent) == (FailureKind.REFUSED, "ECONNREFUSED", 2)
