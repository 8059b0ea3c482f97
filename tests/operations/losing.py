"""A number to write, and how the answer to a write is lost."""

from __future__ import annotations

from collections.abc import Callable

from telephony_core import OutboundUpdate
from telephony_core.errors import NoAnswer
from telephony_core.provider.flow import Response
from tests.transport.driving import json_answer

NUMBER = "+827011112222"
TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="u", password="p4ss")


def lost_after(answer: Callable[[], Response]) -> Response:
    answer()
    raise NoAnswer("the line broke after the vendor acted")


def lost_before(answer: Callable[[], Response]) -> Response:
    raise NoAnswer("the line broke before the vendor acted")


def garbled_after(answer: Callable[[], Response]) -> Response:
    answer()
    return json_answer(200, b"<html>")
