"""A client on a provider's own emulator, in process: no key, no network, no waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TypeVar

from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator, Fault
from telephony_core.errors import ConfigurationError, InvalidInput
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import emulator_of, registry
from telephony_core.testing.virtual_time import virtual_clock

ClientT = TypeVar("ClientT", Telephony, AsyncTelephony)


def new_emulator(
    provider: str | ProviderSpec,
    *,
    size: int | None = None,
    empty: bool = False,
    faults: Iterable[Fault | str] = (),
) -> Emulator:
    """A fresh emulator of a provider.

    It holds a few numbers of every status and origin. With a ``size`` it holds that many plain ones in use instead, and
    ``empty`` it holds none. ``faults`` are `Fault`s or their short form (``"lost_after,method=POST"``); those that are
    handed in stay as they are.

    Raises `ConfigurationError` when the provider ships no emulator or it makes no numbers up, and `InvalidInput` for a
    size or a fault that cannot be.
    """
    # True is an int in Python.
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise InvalidInput(f"the size of an emulator is a whole number from 0 on, not {size!r:.40}")
    if size is not None and empty:
        raise InvalidInput("an emulator is empty or has a size", remedy="give one of the two")
    if not isinstance(provider, str | ProviderSpec):
        raise InvalidInput(
            f"a provider is named by its slug, not by {type(provider).__name__}", remedy="take a slug, such as 'vox'"
        )
    # A text is a sequence of letters, each of which would be no kind of fault.
    if isinstance(faults, str | Fault) or not isinstance(faults, Iterable):
        raise InvalidInput("faults come in a list", remedy="give faults=[fault]")
    # A fault counts itself down: a copy, so that the one that was handed in can be used again.
    struck = [replace(each) if isinstance(each, Fault) else Fault.parse(each) for each in faults]
    spec = registry.spec(provider) if isinstance(provider, str) else provider
    emulator = emulator_of(spec)
    if emulator is None:
        raise ConfigurationError(
            f"{spec.slug} ships no emulator", remedy="use canned answers: telephony_core.testing.ScriptedBackend"
        )
    # Also with a size: the seeded numbers are of every status, and those are to be plain.
    if empty or size is not None:
        emulator.clear()
    if size:
        emulator.populate(size)
    for fault in struck:
        emulator.add_fault(fault)
    return emulator


def client_of(kind: type[ClientT], provider: str | ProviderSpec, emulator: Emulator) -> ClientT:
    """A client of this kind in process: no network, and no waiting between retries."""
    return kind(
        provider,
        api_key=emulator.api_key,
        # Said and not left out, so that no variable of the environment leads elsewhere.
        base_url=emulator.base_url,
        backend=emulator.backend(),
        clock=virtual_clock(),
    )


@contextmanager
def emulated(provider: str | ProviderSpec, emulator: Emulator | None = None) -> Iterator[Telephony]:
    """A `Telephony` on an emulator: a fresh one, or the ``emulator`` that was prepared.

    Retries happen without waiting.

        with emulated("vox") as telephony:
            assert [n for n in telephony.list_numbers()]
    """
    with client_of(Telephony, provider, emulator or new_emulator(provider)) as client:
        yield client


@asynccontextmanager
async def emulated_async(
    provider: str | ProviderSpec, emulator: Emulator | None = None
) -> AsyncIterator[AsyncTelephony]:
    """`emulated` for async code."""
    async with client_of(AsyncTelephony, provider, emulator or new_emulator(provider)) as client:
        yield client
