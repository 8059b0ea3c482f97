"""The PostgreSQL of a fleet: connecting to it for one tenant, making its tables, and what its errors mean."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Final, LiteralString, Self

from psycopg import AsyncConnection, Error, InterfaceError, OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from telephony_core.errors import ConfigurationError, InvalidInput, instead_of
from telephony_core.migration.journal.sqlite_file import JournalError

SCHEMA: Final = "telephony-core 1"
"""The comment of the schema, which says of what version its tables are."""
# It becomes a folder, a part of an id at the engine and a setting of a session: no path, no blank, no quote.
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_OPEN_SECONDS: Final = 10  # libpq would wait for a host that is silent as long as the system does
# Nor would either side hear for two hours that the other one's machine is gone: a lot would wait for a database that is
# elsewhere by now, and a run would count as at work.
_SILENCE: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# What a database or a role may have otherwise, and every statement here relies on.
_SESSION: Final = {
    "search_path": "telephony",
    "extra_float_digits": 1,
    "default_transaction_isolation": r"read\ committed",
    **{f"tcp_{name.removeprefix('tcp_')}": value for name, value in _SILENCE.items()},
}
_MAKE_SCHEMA: Final = "have its owner run `python -m telephony_core.fleet`"


class DatabaseUnavailable(JournalError):
    """The database of a fleet does not answer.

    Cause: it is not running, cannot be reached from here, or does not let this role in.

    Remedy: see whether it runs; the same command goes on from where it stopped.
    """


class Database:
    """Where a fleet's PostgreSQL is, as a URL (``postgresql://worker@db.example:5432/telephony``) or libpq's key=value.

    What is not said is taken from libpq's variables (``PGPASSWORD``, ``PGSSLMODE``, ``PGPASSFILE``). Raises
    `ConfigurationError` for what libpq does not understand, without repeating it.
    """

    def __init__(self, url: str | SecretStr) -> None:
        self._url = url if isinstance(url, SecretStr) else SecretStr(url)
        fault = ConfigurationError(
            "the address of the fleet's database is not understood",
            remedy="write it as postgresql://USER@HOST:5432/NAME; percent-encode special characters of a password",
        )
        with instead_of(ProgrammingError, lambda _: fault):  # its text repeats the URL, password and all
            conninfo_to_dict(self._url.get_secret_value())
        if not self._url.get_secret_value().strip():
            raise fault

    def __repr__(self) -> str:
        return "Database(**********)"

    async def connect(self, *, durable: bool = True) -> DatabaseSession:
        """A connection of its own, whose every statement is durable when it is done. Raises `JournalError`.

        What is written over one that is not ``durable`` is there for everybody at once, and durable with whatever
        durable is written after it, since the database keeps one log.
        """
        settings = {**_SESSION, "synchronous_commit": "on" if durable else "off"}
        with instead_of(Error, _failure):
            session = await AsyncConnection.connect(
                self._url.get_secret_value(),
                autocommit=True,
                connect_timeout=_OPEN_SECONDS,
                application_name="telephony-core",
                client_encoding="UTF8",
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
                **_SILENCE,
            )
        return DatabaseSession(session)

    @asynccontextmanager
    async def of(self, tenant: str, *, durable: bool = True) -> AsyncIterator[DatabaseSession]:
        """A connection that sees and writes the rows of one tenant.

        Raises `JournalError`, also for a role that row-level security does not hold (a superuser), since it would see
        the rows of all tenants as if they were of one.
        """
        tenant_name(tenant)
        async with await self.connect(durable=durable) as connection:
            # With how times are written, which libpq's variables would say over the options of a connection.
            [(is_above, schema, *_)] = await connection.rows(
                "SELECT rolsuper OR rolbypassrls, obj_description(to_regnamespace('telephony'), 'pg_namespace'),"
                " set_config('telephony.tenant', %s, false), set_config('datestyle', 'ISO', false),"
                " set_config('timezone', 'UTC', false) FROM pg_roles WHERE rolname = current_user",
                [tenant],
            )
            if is_above:
                raise JournalError(
                    "this role of the database sees every tenant's rows, whatever is asked for",
                    remedy="connect as a role that is no superuser and does not bypass row-level security, with "
                    "`GRANT telephony_worker TO …`",
                )
            if schema is None:
                raise JournalError("the database of the fleet has no tables of telephony-core", remedy=_MAKE_SCHEMA)
            if schema != SCHEMA:
                raise JournalError(
                    f"the tables in the database of the fleet are {schema!r:.40}, and this program knows {SCHEMA!r}",
                    remedy=f"use the telephony-core that made them, or {_MAKE_SCHEMA}",
                )
            yield connection


class DatabaseSession:
    """One session of the database, which does one statement at a time. As a context manager it closes itself."""

    def __init__(self, session: AsyncConnection[tuple[Any, ...]]) -> None:
        self._session = session
        self._cursor = session.cursor()  # making one for each statement costs as much as a third of the statement
        self._free = asyncio.Lock()  # or one task would fetch the rows of another one's statement

    async def rows(
        self, statement: LiteralString | bytes, values: Sequence[object] | Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Every row that a statement answers, none for one that only writes. Raises `JournalError`."""
        async with self._free:
            with instead_of(Error, _failure):
                await self._cursor.execute(statement, values)
                return [] if self._cursor.rownumber is None else await self._cursor.fetchall()

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""
        return self._session.closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()


def tenant_name(text: str) -> str:
    """The name of a tenant, if it is one. Raises `InvalidInput`."""
    if not _TENANT.fullmatch(text):
        raise InvalidInput(
            f"{text!r:.80} cannot name a tenant",
            remedy="take up to 100 letters, digits and -._ and begin with a letter or digit",
        )
    return text


async def create_schema(database: Database) -> None:
    """Make the tables, functions and roles that are missing; it may be run again at any time and changes no row.

    ``database`` names the owner: a role that may create roles and a schema. Raises `JournalError`.
    """
    script = resources.files("telephony_core.fleet").joinpath("schema.sql").read_bytes()
    async with await database.connect() as connection:
        await connection.rows(script)


def _failure(error: Error) -> JournalError:
    """What ends a run at once, and lets it be tried again. The database's error may hold the values of a row."""
    says = error.diag.message_primary
    if isinstance(error, OperationalError | InterfaceError):
        # Of an answer of the server its first line; what libpq says of connecting names host, port and user.
        says = (says or str(error)).strip().partition("\n")[0] or type(error).__name__
        return DatabaseUnavailable(
            f"the database of the fleet does not answer ({says})",
            remedy="see whether it runs and can be reached from here; the same command goes on from where it stopped",
        )
    lacks = error.sqlstate in ("42501", "42P01", "42703", "42883", "3F000")  # a right, table, column, function, schema
    return JournalError(
        f"the database of the fleet refused: {says or type(error).__name__}",
        remedy=f"{_MAKE_SCHEMA}, which also gives the rights to `telephony_worker`" if lacks else None,
    )
