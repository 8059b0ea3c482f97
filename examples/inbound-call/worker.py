"""The same in a LiveKit agent worker: ``WorkerOptions(entrypoint_fnc=entrypoint, prewarm_fnc=prewarm)``.

LiveKit runs each job in a process of its own and hands it these functions by their names, so they are functions of a
module. Each process has its own index, warm from the file that all of them share. Of LiveKit's package nothing is used
but what it hands in. A SIP participant has the dialled number in its attribute ``sip.trunkPhoneNumber``
(https://docs.livekit.io/sip/sip-participant/).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from routing import Route, Verdict, route

from telephony_core import Connections, InvalidInput, NumberIndex


class Participant(Protocol):
    """What is used of ``livekit.rtc.RemoteParticipant``."""

    @property
    def attributes(self) -> Mapping[str, str]: ...


class JobProcess(Protocol):
    """What is used of ``livekit.agents.JobProcess``."""

    @property
    def userdata(self) -> dict[str, Any]: ...


class JobContext(Protocol):
    """What is used of ``livekit.agents.JobContext``."""

    @property
    def proc(self) -> JobProcess: ...

    async def connect(self) -> None: ...

    async def wait_for_participant(self) -> Participant: ...

    def shutdown(self, reason: str = "") -> None: ...


def prewarm(process: JobProcess) -> None:
    """Before the first job of a process; nobody waits for the first listing."""
    index = NumberIndex(Connections.load(), max_age=300, refresh_after=60, file="numbers.sqlite3")
    index.keep_fresh()
    process.userdata["index"] = index


async def entrypoint(ctx: JobContext) -> None:
    """Let the agent of the number that was dialled answer."""
    await ctx.connect()
    participant = await ctx.wait_for_participant()
    dialled = participant.attributes.get("sip.trunkPhoneNumber", "")  # callers from a browser have none
    index: NumberIndex = ctx.proc.userdata["index"]
    try:
        found = route(index, dialled)
        if found.verdict is Verdict.CANNOT_TELL:
            located = await asyncio.to_thread(index.find, dialled)  # rare, and worth a wait: the caller is ringing
            found = route(index, dialled) if located.live or not located.failed else found
    except InvalidInput as error:
        ctx.shutdown(reason=error.message)
        return
    if found.verdict is not Verdict.ROUTED:
        ctx.shutdown(reason=f"{dialled}: {found.verdict}")
        return
    await answer(ctx, found)


async def answer(ctx: JobContext, found: Route) -> None:
    """Yours: start a session with ``found.agent`` of ``found.tenant``."""
    ctx.shutdown(reason=f"nothing starts {found.agent} of {found.tenant} yet")
