"""A client on a provider's own emulator, in process: no key, no network, no waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator
from telephony_core.errors import ConfigurationError
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import registry
from telephony_core.testing.virtual_time import virtual_clock


def new_emulator(provider: str | ProviderSpec) -> Emulator:
    """A fresh emulator of a provider, with numbers in it. Raises `ConfigurationError` when it ships none."""
    spec = registry.spec(provider) if isinstance(provider, str) else provider
    if spec.emulator is None:
        raise ConfigurationError(
            f"{spec.slug} ships no emulator", remedy="use canned answers: telephony_core.testing.ScriptedBackend"
        )
    return spec.emulator()


@contextmanager
def emulated(provider: str | ProviderSpec, emulator: Emulator | None = None) -> Iterator[Telephony]:
    """A `Telephony` on an emulator: a fresh one, or the ``emulator`` that was prepared.

    Retries happen without waiting.

        with emulated("vox") as telephony:
            assert [n for n in telephony.list_numbers()]
    """
    emulator = emulator or new_emulator(provider)
    backend = emulator.backend()
    with Telephony(provider, api_key=emulator.api_key, backend=backend, clock=virtual_clock()) as client:
        yield client


@asynccontextmanager
async def emulated_async(
    provider: str | ProviderSpec, emulator: Emulator | None = None
) -> AsyncIterator[AsyncTelephony]:
    """`emulated` for async code."""
    emulator = emulator or new_emulator(provider)
    backend = emulator.backend()
    async with AsyncTelephony(provider, api_key=emulator.api_key, backend=backend, clock=virtual_clock()) as client:
        yield client
