"""Either client, called in ordinary code, so that every case of the kit is written once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.domain.agents import Agent, AgentRef
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.errors import OutcomeUnknown
from telephony_core.operations.reconciliation import Reconciliation
from telephony_core.provider.capabilities import Capabilities
from telephony_core.provider.changes import Change, NumberImport, Options
from telephony_core.provider.port import Problem, Provider

T = TypeVar("T")


class Driver:
    """The operations of a `Telephony` or an `AsyncTelephony`; an awaitable is run to its end on the given runner."""

    def __init__(self, client: Telephony | AsyncTelephony, runner: asyncio.Runner) -> None:
        self.client = client
        self._runner = runner

    @property
    def adapter(self) -> Provider:
        return self.client.adapter

    @property
    def capabilities(self) -> Capabilities:
        return self.client.capabilities

    def close(self) -> None:
        if isinstance(self.client, Telephony):
            self.client.close()
        else:
            self._runner.run(self.client.aclose())

    # -- reading

    def list_numbers(
        self, *, status: NumberStatus | None = None, origin: Origin | None = None, first: int | None = None
    ) -> list[PhoneNumber]:
        """Every number, or the ``first`` ones of a listing that is then left alone."""
        return self._taken(self.client.list_numbers(status=status, origin=origin), first)

    def get_number(self, id: str) -> PhoneNumber:
        return self._done(self.client.get_number(id))

    def find_number(self, number: str) -> PhoneNumber:
        return self._done(self.client.find_number(number))

    def search_available(self, *, first: int | None = None) -> list[AvailableNumber]:
        return self._taken(self.client.search_available(), first)

    def list_agents(self, *, first: int | None = None) -> list[Agent]:
        return self._taken(self.client.list_agents(), first)

    # -- writing

    def import_number(self, change: NumberImport) -> PhoneNumber:
        return self._done(self.client.import_number(change))

    def update_label(self, number: PhoneNumber | str, label: str | None) -> PhoneNumber:
        return self._done(self.client.update_label(number, label))

    def update_sip(
        self,
        number: PhoneNumber | str,
        *,
        inbound: InboundUpdate | Unset = UNSET,
        outbound: OutboundUpdate | Unset = UNSET,
        options: Options | None = None,
    ) -> PhoneNumber:
        return self._done(self.client.update_sip(number, inbound=inbound, outbound=outbound, options=options))

    def assign_agents(
        self,
        number: PhoneNumber | str,
        *,
        inbound: AgentRef | None | Unset = UNSET,
        outbound: AgentRef | None | Unset = UNSET,
        allow: Iterable[SideEffect] = (),
    ) -> PhoneNumber:
        return self._done(self.client.assign_agents(number, inbound=inbound, outbound=outbound, allow=allow))

    def release(self, number: PhoneNumber | str, *, allow: Iterable[SideEffect] = ()) -> Release:
        return self._done(self.client.release(number, allow=allow))

    def revoke_release(self, number: PhoneNumber | str) -> PhoneNumber:
        return self._done(self.client.revoke_release(number))

    # -- the rest

    def check(self, change: Change) -> list[Problem]:
        return self.client.check(change)

    def reconcile(self, error: OutcomeUnknown) -> Reconciliation:
        return self._done(self.client.reconcile(error))

    def _done(self, result: T | Coroutine[Any, Any, T]) -> T:
        # By what came back and not by the kind of client, so that a case need not know it.
        return self._runner.run(result) if isinstance(result, Coroutine) else result

    def _taken(self, items: Iterator[T] | AsyncIterator[T], first: int | None) -> list[T]:
        if isinstance(items, AsyncIterator):
            return self._runner.run(_collected(items, first))
        return list(islice(items, first))


async def _collected(items: AsyncIterator[T], first: int | None) -> list[T]:
    found: list[T] = []
    while first is None or len(found) < first:
        try:
            found.append(await anext(items))
        except StopAsyncIteration:
            break
    return found
