"""One run of the command: its global options, and the connection and client that follow from them."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from telephony_core.accounts.connection import Connection
    from telephony_core.accounts.connections import Connections
    from telephony_core.cli.output.waiting import Waiting
    from telephony_core.client import AsyncTelephony, Telephony
    from telephony_core.errors import OutcomeUnknown, TelephonyError
    from telephony_core.observation.events import RequestEvent
    from telephony_core.transport.backend import AsyncBackend, Backend


class OpenedAccount(NamedTuple):
    """Where a command works: the connection by its name, and what is behind it."""

    connection: str
    provider: str
    host: str

    def __str__(self) -> str:
        """As prompts and errors name it: ``kr-prod (vox at api.vox.ai)``, ``vox (api.vox.ai)``."""
        who = "" if self.connection == self.provider else f"{self.provider} at "
        return f"{self.connection} ({who}{self.host or 'unknown address'})"


def account_of(connection: str, provider: str, base_url: str) -> OpenedAccount:
    """The account behind a base URL, of which the host is shown, with its port where it has one."""
    # Without user and password, which a URL may hold before an @.
    return OpenedAccount(connection or provider, provider, urlsplit(base_url).netloc.rpartition("@")[2])


@dataclass(slots=True)
class Session:
    """The values of ``-p``, ``--config``, ``--json`` and ``-q``, what was done, and the secrets that nothing shows."""

    provider: str | None = None
    config: str | None = None
    json: bool = False
    quiet: bool = False
    backend: Callable[[Connection], Backend | None] = field(default=lambda _connection: None)
    """What sends for a connection; tests put an emulator here. ``None`` takes the library's own."""
    async_backend: Callable[[Connection], AsyncBackend | None] = field(default=lambda _connection: None)
    """The same for clients of async code."""
    secrets: set[str] = field(default_factory=set, repr=False)
    account: OpenedAccount | None = None
    """Where the one client of this run works; ``None`` before there is one, and where a run has two."""
    done: list[str] = field(default_factory=list)
    """What was done so far, in words."""
    under_way: tuple[str, str] | None = None
    """The write that is under way, in words, and the number or record to look at."""
    unknown: list[OutcomeUnknown] = field(default_factory=list)
    """Writes that were in flight when the run was interrupted."""
    _waiting: Waiting | None = field(default=None, init=False, repr=False)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Waiting]:
        """While this lasts, stderr says that ``what`` is going on, if it takes long. Nothing may be asked meanwhile."""
        from telephony_core.cli.output.waiting import Waiting

        account = "" if self.account is None else f" at {self.account}"
        try:
            with Waiting(f"{what}{account}", json=self.json, quiet=self.quiet) as self._waiting:
                yield self._waiting
        finally:
            self._waiting = None

    def _answered(self, event: RequestEvent) -> None:
        """What clients tell of their requests."""
        if (waiting := self._waiting) is not None:
            waiting.answered(event)

    @contextmanager
    def writing(self, what: str, where: str) -> Iterator[None]:
        """While this lasts, an interruption says that ``what`` may have happened, to the number or record ``where``."""
        self.under_way = what, where
        with self.waiting(what):
            yield
        # Not in a `finally`: what was under way when an error came is what its report has to name.
        self.under_way = None

    def did(self, what: str) -> None:
        """Remember what is done now: printed where stdout takes nothing, or where the run is interrupted afterwards."""
        self.done.append(what if self.account is None else f"{self.account}: {what}")

    def wrote(self, what: str, file: str) -> None:
        """The same for a file."""
        self.done.append(f"{what} is written to {file}")

    def learn_account(self, error: TelephonyError) -> None:
        """Take the account that an error came from for the one of this run: where there are two, it alone knows."""
        if error.connection is not None:
            self.account = OpenedAccount(error.connection, error.provider or "", error.host or "")

    @property
    def is_named(self) -> bool:
        """Whether a connection was named."""
        return bool(self.provider or os.environ.get("TELEPHONY_PROVIDER"))

    def connections(self) -> Connections:
        """The configured connections. Raises `ConfigurationError`; a file that others can read is warned of."""
        from telephony_core.accounts.connections import Connections, ReadableByOthers
        from telephony_core.cli import prompts

        with self._told(ReadableByOthers):
            # Without a terminal there is nobody to ask, and a `prompt:` of the file is an error of its own.
            return Connections.load(self.config, prompt=prompts.secret if prompts.stdin_is_terminal() else None)

    @contextmanager
    def _told(self, kind: type[Warning]) -> Iterator[None]:
        """Say warnings of this kind as the command says its own, where Python would print a place in the library."""
        from telephony_core.cli import failures

        with warnings.catch_warnings(record=True) as caught:
            # Python shows a warning once for each place, and a process may run several commands.
            warnings.simplefilter("always", kind)
            yield
        for warning in caught:
            failures.warn(str(warning.message), self)

    def connection(self) -> Connection:
        """The connection of ``-p``, of ``TELEPHONY_PROVIDER``, or the only one that is configured.

        Raises `ConfigurationError` when there is none, `click.UsageError` when there are several.
        """
        import click

        from telephony_core.accounts.connections import user_file
        from telephony_core.errors import ConfigurationError

        connections = self.connections()
        name = self.provider or os.environ.get("TELEPHONY_PROVIDER")
        if name:
            return connections[name]
        configured = list(connections)
        # Two could be two accounts of one provider: to guess would write to the wrong one.
        if len(configured) == 1:
            return connections[configured[0]]
        if configured:
            names = " or -p ".join(map(shlex.quote, configured))
            raise click.UsageError(f"which connection? Say -p {names} (or set TELEPHONY_PROVIDER)")
        raise ConfigurationError(
            "no connection is configured",
            remedy="set TELEPHONY_<SLUG>_API_KEY (`telephony providers` lists the slugs), or write a table "
            f"[connections.NAME] into {user_file() or 'the file that TELEPHONY_CONFIG names'}, or try it all offline "
            "with `telephony emulate`",
        )

    def client(self, connection: Connection | None = None) -> Telephony:
        """A client for a connection, by default for `connection()`; at its own pace, or the one its provider declares.

        Raises `ConfigurationError` or `PluginError`.
        """
        from telephony_core.client import Telephony

        ready = self._ready(connection or self.connection())
        client = Telephony(
            ready,
            pace=ready.pace,
            backend=self.backend(ready),
            observers=[self._answered],
            # So that Ctrl-C can name the write that was in flight.
            on_unknown=self.unknown.append,
        )
        self.account = account_of(ready.name, ready.provider, client.adapter.config.base_url)
        self._remember_numbers(client)
        return client

    def _remember_numbers(self, client: Telephony) -> None:
        """Let the client use the file of ``TELEPHONY_NUMBER_INDEX``, where there is one, and note its writes there."""
        file = os.environ.get("TELEPHONY_NUMBER_INDEX")
        if not file:
            return
        import click

        from telephony_core.number_index.index_file import IndexFileNotUsed
        from telephony_core.number_index.sync_index import NumberIndex

        with self._told(IndexFileNotUsed):
            index = NumberIndex(client, file=file)
        # The client does not own it, and it has work of its own in the background.
        click.get_current_context().call_on_close(index.close)

    def opener(self, connection: Connection) -> Callable[[], AsyncTelephony]:
        """Makes async clients for a connection, which share its pace. Its key is read now, and once.

        Raises `ConfigurationError` or `PluginError`.
        """
        from telephony_core.client import AsyncTelephony

        ready = self._ready(connection)
        return lambda: AsyncTelephony(ready, backend=self.async_backend(ready), observers=[self._answered])

    def _ready(self, connection: Connection) -> Connection:
        """A connection with its key read and its pace decided."""
        from telephony_core.provider.registry import registry
        from telephony_core.transport.pace import Pace

        spec = registry.spec(connection.provider)
        key = connection.config(spec).api_key
        # Before the first request: whatever is printed from now on is searched for it.
        self.secrets.add(key.get_secret_value())
        # The key as a value: a reference would be read again for each client, and may be a prompt.
        return replace(connection, api_key=key, pace=connection.pace or Pace.declared(spec.capabilities.rate_limit))
