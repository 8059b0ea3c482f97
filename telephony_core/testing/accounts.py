"""Accounts at emulators, for tests: what each holds, a client of each kind, and a server where one is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Protocol

from telephony_core.accounts.connection import Connection, environment_name
from telephony_core.client import AsyncTelephony, Telephony
from telephony_core.emulator import Emulator, Fault
from telephony_core.provider.port import ProviderSpec
from telephony_core.testing.emulation import client_of, new_emulator
from telephony_core.transport.lifecycle import Closing


class EmulatedAccount(Closing):
    """An account at a provider's emulator. Use it as a context manager, or ``close`` it.

    ``emulator`` has its state: ``emulator.requests`` are those that arrived, ``emulator.add(…)`` puts a number there,
    ``emulator.faults`` are still to strike. The options are those of `new_emulator`.
    """

    def __init__(
        self,
        provider: str | ProviderSpec,
        *,
        size: int | None = None,
        empty: bool = False,
        faults: Iterable[Fault | str] = (),
    ) -> None:
        self.emulator: Emulator = new_emulator(provider, size=size, empty=empty, faults=faults)
        self._provider = provider
        self._opened = ExitStack()

    @property
    def provider(self) -> str:
        """The provider's slug."""
        return self.emulator.slug

    @property
    def api_key(self) -> str:
        """The only key that the emulator takes."""
        return self.emulator.api_key

    @cached_property
    def client(self) -> Telephony:
        """A client in process: no network, and no waiting between retries."""
        return self._opened.enter_context(client_of(Telephony, self._provider, self.emulator))

    @cached_property
    def async_client(self) -> AsyncTelephony:
        """The same for async code. It is closed with the account, in any event loop or in none."""
        client = client_of(AsyncTelephony, self._provider, self.emulator)
        # Not as an async context: a test that closes the account may have no event loop.
        self._opened.callback(_end, client)
        return client

    @cached_property
    def base_url(self) -> str:
        """Where the emulator is served on loopback, from now on until the account is closed.

        Raises `ConfigurationError` without uvicorn (extra ``emulator``).
        """
        from telephony_core.emulator.server import serve

        return self._opened.enter_context(serve({self.provider: self.emulator}))[self.provider]

    def connection(self, name: str) -> Connection:
        """A connection of this name to the served emulator, for whatever takes one."""
        return Connection(provider=self.provider, name=name, api_key=self.api_key, base_url=self.base_url)

    def close(self) -> None:
        """Close the clients, and end the server."""
        self._opened.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.provider}, {len(self.emulator.store)} numbers>"


def _end(client: AsyncTelephony) -> None:
    """Close a client without an event loop: its backend is not its own, so there is nothing to wait for."""
    with suppress(StopIteration):
        client.aclose().send(None)


def configuration(accounts: Mapping[str, EmulatedAccount], folder: Path) -> dict[str, str]:
    """The environment that leads any program to emulators, each by the name of a connection.

    Writes the configuration file into the folder. There is no limit of pace: the emulators are on this machine.
    """
    tables: list[str] = []
    variables: dict[str, str] = {}
    for name, account in accounts.items():
        # A basic string of TOML is written as one of JSON is.
        lines = [
            f"provider = {json.dumps(account.provider)}",
            f"base_url = {json.dumps(account.base_url)}",
            "pace = {}",
        ]
        # A connection that is called like its provider takes the variables of that slug, as in a real environment.
        if name == account.provider:
            variables[environment_name(name, "BASE_URL")] = account.base_url
            variables[environment_name(name, "API_KEY")] = account.api_key
        else:
            # By reference: a key in a file would draw the warning about files that others can read.
            key = f"TELEPHONY_EMULATED_KEY_{len(tables)}"
            variables[key] = account.api_key
            lines.append(f'api_key = "env:{key}"')
        tables.append("\n".join([f"[connections.{json.dumps(name)}]", *lines, ""]))
    file = folder / "config.toml"
    file.write_text("\n".join(tables), encoding="utf-8")
    return {**variables, "TELEPHONY_CONFIG": str(file)}


class TelephonyEmulator(Protocol):
    """The type of the fixture ``telephony_emulator``."""

    def __call__(
        self,
        provider: str | ProviderSpec,
        *,
        size: int | None = None,
        empty: bool = False,
        faults: Iterable[Fault | str] = (),
    ) -> EmulatedAccount:
        """An account at a fresh emulator; see `new_emulator`."""
        ...


class TelephonyConnections(Protocol):
    """The type of the fixture ``telephony_connections``."""

    def __call__(self, *slugs: str, **accounts: str | EmulatedAccount) -> dict[str, EmulatedAccount]:
        """Lead the code under test to emulators, by the names of connections; gives the accounts by name."""
        ...
