"""A client of Retell on canned answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from telephony_core import Telephony
from telephony_core.testing import ScriptedBackend, json_response, virtual_clock


class Scripted(NamedTuple):
    """A client and what it sent."""

    client: Telephony
    script: ScriptedBackend

    @property
    def calls(self) -> list[str]:
        """Method and URL below the base, of every request."""
        return [f"{each.method} {each.url.removeprefix('https://api.retellai.com')}" for each in self.script.sent]

    @property
    def body(self) -> Any:
        """The body of the last request."""
        return json.loads(self.script.sent[-1].body or b"null")


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Makes a client that gets these answers: responses, or the payloads of a 200."""
    with ExitStack() as stack:

        def make(*answers: Any) -> Scripted:
            responses = [json_response(200, each) if isinstance(each, dict) else each for each in answers]
            script = ScriptedBackend(responses)
            client = Telephony("retell", api_key="retell-key", backend=script, clock=virtual_clock(), max_retries=0)
            return Scripted(stack.enter_context(client), script)

        yield make
