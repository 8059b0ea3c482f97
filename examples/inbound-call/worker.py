"""The same in a LiveKit agent worker: ``WorkerOptions(entrypoint_fnc=entrypoint_over(index))``.

It needs nothing of LiveKit's package but what is handed to it: a job context with ``connect`` and
``wait_for_participant``. A SIP participant has the dialled number in its attribute ``sip.trunkPhoneNumber``
(https://docs.livekit.io/sip/sip-participant/).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from routing import Route, Verdict, route

from telephony_core import AsyncNumberIndex


class Participant(Protocol):
    """What is used of ``livekit.rtc.RemoteParticipant``."""

    @property
    def attributes(self) -> Mapping[str, str]: ...


class JobContext(Protocol):
    """What is used of ``livekit.agents.JobContext``."""

    async def connect(self) -> None: ...

    async def wait_for_participant(self) -> Participant: ...

    def shutdown(self, reason: str = "") -> None: ...


def entrypoint_over(
    index: AsyncNumberIndex, answer: Callable[[JobContext, Route], Awaitable[None]]
) -> Callable[[JobContext], Awaitable[None]]:
    """An entrypoint that lets ``answer`` speak with the agent of the number that was dialled."""

    async def entrypoint(ctx: JobContext) -> None:
        await ctx.connect()
        participant = await ctx.wait_for_participant()
        dialled = participant.attributes["sip.trunkPhoneNumber"]
        found = route(index, dialled)
        if found.verdict is Verdict.CANNOT_TELL:
            located = await index.find(dialled)  # rare, and worth a wait: the caller is ringing
            found = route(index, dialled) if located.live or not located.failed else found
        if found.verdict is not Verdict.ROUTED:
            ctx.shutdown(reason=f"{dialled}: {found.verdict}")
            return
        await answer(ctx, found)

    return entrypoint
