"""Where the journal of a plan is: beside it, or in the database of a fleet; and where the fleet is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telephony_core.errors import ConfigurationError
from telephony_core.migration.plan.store import LoadedPlan

if TYPE_CHECKING:
    from telephony_core.fleet.database import Database
    from telephony_core.fleet.engine import Campaigns
    from telephony_core.migration.journal.protocol import JournalStore
    from telephony_core.migration.run.status import MigrationRun


def journals_of(loaded: LoadedPlan) -> JournalStore | None:
    """The database, where one is named and no journal lies beside the plan; ``None`` is beside the plan.

    Raises `ConfigurationError` where only half of it is named, and where the extra ``fleet`` is missing.
    """
    # A run that was begun with a file goes on with it, whatever the environment says by now: its journal knows what is
    # in doubt.
    if not os.environ.get("TELEPHONY_DATABASE") or loaded.journal_path.exists():
        return None
    return journals_of_fleet()


def journals_of_fleet() -> JournalStore:
    """The database, which is where the workers of a fleet write, whatever lies beside a plan here.

    Raises `ConfigurationError`.
    """
    with extra_of_a_fleet():
        from telephony_core.fleet.journals import PostgresJournals
    return PostgresJournals(database(), tenant())


@contextmanager
def extra_of_a_fleet() -> Iterator[None]:
    """While modules of a fleet are imported. Raises `ConfigurationError` where the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        # Another missing module is a fault of this program, and no matter of an extra.
        missing = (error.name or "").partition(".")[0]
        if missing not in ("aiohttp", "psycopg", "temporalio"):
            raise
    else:
        return
    raise ConfigurationError(
        f"a fleet needs {missing}, which is not installed", remedy="pip install 'telephony-core[cli,fleet]'"
    )


def database() -> Database:
    """The database of the fleet. Raises `ConfigurationError`."""
    with extra_of_a_fleet():
        from telephony_core.fleet.database import Database
    url = os.environ.get("TELEPHONY_DATABASE")
    if not url:
        raise ConfigurationError(
            "the database of the fleet is not named",
            remedy="set TELEPHONY_DATABASE=postgresql://ROLE@HOST:5432/NAME (docs/fleets.md)",
        )
    return Database(url)


def tenant() -> str:
    """Whose plans they are. Raises `ConfigurationError`."""
    named = os.environ.get("TELEPHONY_TENANT")
    if not named:
        raise ConfigurationError(
            "TELEPHONY_TENANT is not set, and what is in a fleet is a tenant's",
            remedy="set it to the tenant's name, or unset TELEPHONY_DATABASE to keep the journal beside the plan",
        )
    return named


async def campaigns() -> Campaigns:
    """The tenant's campaigns, at the engine that is configured. Raises `ConfigurationError`, `EngineUnavailable`."""
    with extra_of_a_fleet():
        from telephony_core.fleet.database import tenant_name
        from telephony_core.fleet.engine import Campaigns, connect
    whose = tenant_name(tenant())
    return Campaigns(await connect(), whose)


def run_of(loaded: LoadedPlan, *, lost: bool = False) -> MigrationRun:
    """How far a plan is, by its journal. ``lost`` and what is raised are those of `read_run`."""
    from telephony_core.migration.run.status import aread_run, read_run

    store = journals_of(loaded)
    return read_run(loaded, lost=lost) if store is None else asyncio.run(aread_run(loaded, store))
