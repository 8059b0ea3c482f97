"""Named accounts, several per provider if need be, and which of them serves a number."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

from pydantic import Field, SecretStr

from telephony_core.accounts.connection import Connection, environment_name
from telephony_core.domain.input_model import InputModel
from telephony_core.errors import ConfigurationError, InvalidInput, instead_of
from telephony_core.number_index.located import Located, comparable
from telephony_core.provider.registry import registry
from telephony_core.secrets.references import is_reference
from telephony_core.text.file_kinds import kind_of, other_kind
from telephony_core.text.reading import parse_toml, read_text
from telephony_core.text.visible import visible
from telephony_core.transport.pace import Pace

if TYPE_CHECKING:
    from telephony_core.number_index.async_index import AsyncNumberIndex
    from telephony_core.number_index.sync_index import NumberIndex


class ReadableByOthers(UserWarning):
    """A configuration file holds a key in clear text and other users of this machine can read it."""


# Strict, as arguments are: `timeout = true` would be a second.
_More = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
# A day: beyond some point sockets count in no number they have.
_Timeout = Annotated[float, Field(strict=True, gt=0, le=86_400)]
_Retries = Annotated[int, Field(strict=True, ge=0, le=1_000)]


class _PaceTable(InputModel):
    named_in_errors: ClassVar[bool] = False

    per_second: _More | None = None
    per_minute: _More | None = None


class _ConnectionTable(InputModel):
    named_in_errors: ClassVar[bool] = False

    provider: str = Field(min_length=1)
    api_key: SecretStr | None = None
    base_url: str | None = None
    timeout: _Timeout = 30.0
    max_retries: _Retries = 2
    pace: _PaceTable | None = None
    settings: dict[str, Any] = Field(default_factory=dict, repr=False)


class Connections(Mapping[str, Connection]):
    """Accounts by name, and each connection has the name under which it is here.

    Every installed provider's slug is a name too, configured from its environment variables, unless the file uses the
    name for something else. Iterating gives the names that are configured: those of the file, and slugs with a key.
    """

    def __init__(self, connections: Mapping[str, Connection] | None = None) -> None:
        given = dict(connections or {}) if isinstance(connections, Mapping | None) else {"": connections}
        if not all(isinstance(name, str) and isinstance(each, Connection) for name, each in given.items()):
            raise InvalidInput(
                "connections are given as Connection objects by their names",
                remedy="give a table of them, or load them from the configuration file",
            )
        self._named = {name: each if each.name == name else replace(each, name=name) for name, each in given.items()}

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, *, prompt: Callable[[str], str] | None = None) -> Self:
        """Read the file at ``path``, or at ``TELEPHONY_CONFIG``, or in the user's configuration folder if there is one.

        Never picks a file up from the working directory. ``prompt`` asks for keys that are given as ``prompt:``.
        Raises `ConfigurationError` naming file, connection and setting; warns with `ReadableByOthers`.
        """
        if not isinstance(path, str | os.PathLike | None):
            raise InvalidInput(
                f"the configuration file is named by its path, not by {type(path).__name__}",
                remedy="give a path, or nothing to take the file of the user",
            )
        named = path or os.environ.get("TELEPHONY_CONFIG")
        file = Path(named) if named else user_file()
        if file is None or (not named and _is_absent(file)):
            return cls()
        tables = _tables(file)
        connections = {name: _connection(name, table, file, prompt) for name, table in tables.items()}
        _warn_if_readable(file, connections)
        return cls(connections)

    def __getitem__(self, name: str) -> Connection:
        if name in self._named:
            return self._named[name]
        if any(installed.slug == name for installed in registry.installed()):
            return Connection(provider=name, name=name)
        slugs = {installed.slug for installed in registry.installed()}
        raise ConfigurationError(
            f"there is no connection {str(name)[:60]!r}",
            remedy=f"use one of: {', '.join(sorted(slugs | self._named.keys())) or 'none is configured'}",
        )

    # `Mapping` asks `__getitem__` here and in `get`, and expects a KeyError where ours says what to do.
    def __contains__(self, name: object) -> bool:
        return name in self._named or any(installed.slug == name for installed in registry.installed())

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - this is what `get` is made of

    def __iter__(self) -> Iterator[str]:
        yield from self._named
        for slug in sorted({installed.slug for installed in registry.installed()} - self._named.keys()):
            if os.environ.get(environment_name(slug, "API_KEY")):
                yield slug

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(
        self, number: str, *, region: str | None = None, fresh: bool = False, index: NumberIndex | None = None
    ) -> Located:
        """Ask every configured connection who serves a number, all at the same time.

        Across providers only E.164 can be compared, so ``number`` has to be E.164, or national digits with their
        ``region``. A connection that fails is told in the answer and hides nothing of the others.

        Every account is listed for that, or asked, where its provider looks numbers up. An ``index`` of these
        connections answers from what it knows, where that is not too old for it; ``fresh`` makes it ask as well.
        """
        from telephony_core.client import Telephony
        from telephony_core.number_index.sync_index import NumberIndex

        if index is not None:
            return index.find(number, region=region, fresh=fresh)
        identity = comparable(number, region)
        with NumberIndex(self, opener=Telephony) as once:
            return once.find(str(identity), fresh=True)

    async def afind(
        self, number: str, *, region: str | None = None, fresh: bool = False, index: AsyncNumberIndex | None = None
    ) -> Located:
        """`find` for async code."""
        from telephony_core.client import AsyncTelephony
        from telephony_core.number_index.async_index import AsyncNumberIndex

        if index is not None:
            return await index.find(number, region=region, fresh=fresh)
        identity = comparable(number, region)
        async with AsyncNumberIndex(self, opener=AsyncTelephony) as once:
            return await once.find(str(identity), fresh=True)


def user_file() -> Path | None:
    """Where a person's configuration is: ``$XDG_CONFIG_HOME/telephony/config.toml`` (or ``%APPDATA%`` on Windows).

    ``None`` where there is no home folder to look in. Raises `ConfigurationError` for a folder that is relative: it
    would be another one in every working directory.
    """
    variable = "APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME"
    folder = os.environ.get(variable)
    if not folder:
        variable = "HOME"
        try:
            folder = os.path.join(Path.home(), ".config")
        except RuntimeError:  # no HOME, and a user that the machine does not know, as in many containers
            return None
    if not os.path.isabs(folder):
        raise ConfigurationError(
            f"{variable} names a relative folder, which is another one in every working directory",
            remedy=f"set {variable} to an absolute path, or name the file with TELEPHONY_CONFIG",
        )
    return Path(folder) / "telephony" / "config.toml"


def _is_absent(file: Path) -> bool:
    """Whether there is no such file. One that is there and cannot be looked at is not absent: reading it says why."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        # A link that leads nowhere was meant to lead to a file.
        return not file.is_symlink()
    except OSError:
        return False
    return False


_WHAT: Final = "the configuration file"


class _Table:
    """One table of the file, which may hold a key in clear text, so that no recorded traceback shows it."""

    __slots__ = ("content",)

    def __init__(self, content: object) -> None:
        self.content = content


def _configuration(file: Path) -> str:
    """The text of the file, which is among no error's locals: it may hold keys."""
    text = read_text(file, what=_WHAT)
    found = kind_of(text.encode())
    if found in (None, "a configuration file"):
        return text
    del text
    raise other_kind(file, found, "a configuration file", ConfigurationError)


def _tables(file: Path) -> dict[str, _Table]:
    """The tables of the connections by name."""

    def invalid(error: ValueError) -> ConfigurationError:
        # The decoder's message gives line and column; it may quote one character, never a value.
        return ConfigurationError(f"{file} is not valid TOML: {error}", remedy="correct it there")

    with instead_of(ValueError, invalid):
        document = {name: _Table(table) for name, table in parse_toml(_configuration(file)).items()}
    tables = document.pop("connections", _Table({})).content
    if document or not isinstance(tables, dict):
        what = f"unknown table {', '.join(sorted(document))}" if document else "`connections` is not a table"
        del tables
        raise ConfigurationError(f"{file}: {what}", remedy="write [connections.NAME] tables")
    # Two names that look alike would be two accounts, and nobody could name one without any letter.
    if (unseen := next((name for name in tables if not name.strip() or visible(name) != name), None)) is not None:
        del tables
        raise ConfigurationError(
            f"{file}: the name of the connection {unseen!r} is empty or holds what cannot be seen",
            remedy="give it a name of characters that can be read",
        )
    return {name: _Table(table) for name, table in tables.items()}


def _connection(name: str, table: _Table, file: Path, prompt: Callable[[str], str] | None) -> Connection:
    reason, pace = "it is not a table", None
    if isinstance(table.content, dict):
        try:
            given = _ConnectionTable(**table.content)
            if given.pace is not None:
                pace = Pace(per_second=given.pace.per_second, per_minute=given.pace.per_minute)
        except InvalidInput as error:
            # Raised further down: there the first error, whose frames hold the table, is no part of it.
            reason = error.message
        else:
            key = given.api_key
            return Connection(
                provider=given.provider,
                name=name,
                api_key=key.get_secret_value() if key is not None and is_reference(key.get_secret_value()) else key,
                base_url=given.base_url,
                settings=given.settings,
                timeout=given.timeout,
                max_retries=given.max_retries,
                pace=pace,
                prompt=prompt,
            )
    raise ConfigurationError(
        f"{file}: connection {name!r}: {reason}", remedy=f"its settings are: {', '.join(_ConnectionTable.model_fields)}"
    )


def _warn_if_readable(file: Path, connections: Mapping[str, Connection]) -> None:
    clear = [name for name, connection in connections.items() if isinstance(connection.api_key, SecretStr)]
    if clear and os.name == "posix" and file.expanduser().stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(
            f"{file} holds the key of {', '.join(clear)} in clear text and others can read it: "
            f"chmod 600 it, or write the key as env:NAME or file:PATH",
            ReadableByOthers,
            stacklevel=3,
        )
