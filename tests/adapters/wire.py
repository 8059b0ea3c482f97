"""Flows of an adapter driven by hand, without any client."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from telephony_core.errors import TelephonyError
from telephony_core.provider.flow import Flow, Request, Response, Semantics

T = TypeVar("T")


class Wire:
    """Answers a flow's requests from a list, and keeps what was asked."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def run(self, flow: Flow[T], *answers: object, now: object = None) -> T:
        """Drive a flow to its end; an answer is a response, the payload of a 200, or an error to throw.

        ``now`` is the record as the read finds it that comes before every write; that one is not kept.
        """
        waiting = list(answers)
        try:
            request = next(flow)
            if now is not None:
                assert request.semantics is Semantics.READ
                request = flow.send(respond(now))
            while True:
                self.sent.append(request)
                assert waiting, f"a request too many: {request.method} {request.path}"
                answer = waiting.pop(0)
                if isinstance(answer, TelephonyError):
                    request = flow.throw(answer)
                else:
                    request = flow.send(answer if isinstance(answer, Response) else respond(answer))
        except StopIteration as end:
            assert not waiting, f"{len(waiting)} answers were never asked for"
            return end.value

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        return [(request.method, request.path, request.semantics.value) for request in self.sent]

    @property
    def bodies(self) -> list[Any]:
        return [None if request.body is None else json.loads(request.body) for request in self.sent]


def respond(payload: object, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(payload, ensure_ascii=False).encode())
