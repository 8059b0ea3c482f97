"""Carries out what units ask for: over two clients, one journal and one clock. The only code here that sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from telephony_core.errors import TelephonyError
from telephony_core.migration.directory import Directory
from telephony_core.migration.effects import Call, Effect, End, Look, Record, Reveal, Unit, Wait
from telephony_core.migration.entries import Entry
from telephony_core.migration.journal import Journal, JournalError
from telephony_core.migration.vault import Vault
from telephony_core.redaction import scrubbed
from telephony_core.transport.clock import Clock

if TYPE_CHECKING:
    from telephony_core.client import AsyncTelephony

T = TypeVar("T")

Opener: TypeAlias = "Callable[[], AsyncTelephony]"
"""Makes the client of one end, such as ``lambda: AsyncTelephony(connections["kr-prod"])``; the run closes it."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything that a unit's effects need. ``recorded`` and ``waiting`` are told of what happens, for progress."""

    source: AsyncTelephony
    target: AsyncTelephony
    journal: Journal
    directory: Directory
    vault: Vault
    clock: Clock
    recorded: Callable[[Entry], None] = lambda entry: None
    waiting: Callable[[Wait], None] = lambda wait: None

    async def run(self, unit: Unit[T]) -> T:
        """Run a unit to its end. Raises what it raises, and `JournalError` at once: nothing goes on unrecorded."""
        try:
            effect = next(unit)
            while True:
                try:
                    answer = await self._do(effect)
                except JournalError:
                    raise
                except TelephonyError as error:
                    effect = unit.throw(error)
                else:
                    effect = unit.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            unit.close()

    async def _do(self, effect: Effect[object]) -> object:
        match effect:
            case Call():
                client = self.source if effect.end is End.SOURCE else self.target
                try:
                    return await client.run(effect.flow(client.operations))
                except TelephonyError as error:
                    error.operation = effect.name
                    # The client hides what it was given as a secret; a provider may echo a user name too.
                    error.scrub(lambda text: scrubbed(text, self.vault.secrets))
                    raise
            case Look():
                return await self.directory.records_of(effect.identity, fresh=effect.fresh)
            case Record():
                self.journal.append(effect.entry)
                self.recorded(effect.entry)
            case Wait():
                self.waiting(effect)
                await self.clock.asleep(effect.seconds)
            case Reveal():
                return self.vault.reveal(effect.trunk)
            case _:
                raise NotImplementedError(f"no runner knows how to do {type(effect).__name__}")
        return None
