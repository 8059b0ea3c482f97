"""Where the journal of a plan is: beside it, or in the database of a fleet."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from telephony_core.errors import ConfigurationError
from telephony_core.migration.plan.store import LoadedPlan

if TYPE_CHECKING:
    from telephony_core.migration.journal.protocol import JournalStore
    from telephony_core.migration.run.status import MigrationRun


def journals_of(loaded: LoadedPlan) -> JournalStore | None:
    """The database, where one is named and no journal lies beside the plan; ``None`` is beside the plan.

    Raises `ConfigurationError` where only half of it is named, and where the extra ``fleet`` is missing.
    """
    database, tenant = os.environ.get("TELEPHONY_DATABASE"), os.environ.get("TELEPHONY_TENANT")
    if not database or loaded.journal_path.exists():
        return None
    if not tenant:
        raise ConfigurationError(
            "TELEPHONY_DATABASE is set, and TELEPHONY_TENANT is not: a journal there is a tenant's",
            remedy="set it to the tenant's name, or unset TELEPHONY_DATABASE to keep the journal beside the plan",
        )
    try:
        from telephony_core.fleet.database import Database
        from telephony_core.fleet.journals import PostgresJournals
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "psycopg":
            raise
        raise ConfigurationError(
            "TELEPHONY_DATABASE is set, and PostgreSQL's client is not installed",
            remedy="pip install 'telephony-core[fleet]'",
        ) from None
    return PostgresJournals(Database(database), tenant)


def run_of(loaded: LoadedPlan, *, lost: bool = False) -> MigrationRun:
    """How far a plan is, by its journal. ``lost`` and what is raised are those of `read_run`."""
    from telephony_core.migration.run.status import aread_run, read_run

    store = journals_of(loaded)
    return read_run(loaded, lost=lost) if store is None else asyncio.run(aread_run(loaded, store))
