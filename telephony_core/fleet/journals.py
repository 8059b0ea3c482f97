"""Journals and plans of one tenant in the PostgreSQL of a fleet, where any number of machines work on one plan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, LiteralString

from psycopg.types.json import Json

from telephony_core._version import __version__
from telephony_core.errors import MigrationError
from telephony_core.fleet.database import Database, DatabaseSession
from telephony_core.migration.journal.claim_rules import ClaimRow, Claims, Decide
from telephony_core.migration.journal.claims import note_in_fleet
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import Journal, JournalStore
from telephony_core.migration.journal.runs import RunRecord, how_ended_by, this_process
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.store import LoadedPlan, PlanStore, dump_plan, parse_plan

_PAGE: Final = 1_000
"""Numbers whose lines are read at once."""
_KEPT: Final = 8
"""Plans that stay in memory."""

_FINISH: Final = """
  UPDATE runs SET ended_at = clock_timestamp(), how_it_ended = %(how)s WHERE plan = %(plan)s AND id = %(id)s"""
# One statement: whoever claims the number waits for the row that is held here, and then reads this line.
_WRITE: Final = """
  WITH mine AS (
    UPDATE numbers SET last_action = %(action)s, phase = %(phase)s
    WHERE plan = %(plan)s AND number = %(number)s AND epoch = %(epoch)s RETURNING plan, number, last_action, phase)
  INSERT INTO entries (plan, number, action, phase, record, message, data, at, run)
  SELECT *, %(record)s, %(message)s, %(data)s, clock_timestamp(), %(run)s FROM mine
  RETURNING number, action, phase, record, message, data, seq, at, run"""
_LINES: Final = "SELECT number, action, phase, record, message, data, seq, at, run FROM entries WHERE plan = %(plan)s"
# A number that is claimed and has no line yet has no phase: a page of such ones alone would look like the last one.
_SOME: Final = """ AND number IN (
    SELECT number FROM numbers WHERE plan = %(plan)s AND phase IS NOT NULL AND number > %(last)s
    AND number = ANY (coalesce(%(numbers)s, ARRAY[number])) ORDER BY number LIMIT %(most)s)
  ORDER BY number, seq"""
# A claim against other plans is written only over the row that it was decided by: else it is decided again.
_SET: Final = """
  INSERT INTO claims AS old (account, number, plan, shown_as, record, until) VALUES (%s, %s, %s, %s, %s, %s)
  ON CONFLICT (tenant, account, number) DO UPDATE SET (plan, shown_as, record, until)
    = (excluded.plan, excluded.shown_as, excluded.record, excluded.until)
  WHERE (old.plan, old.shown_as, old.record, old.until) IS NOT DISTINCT FROM (%s, %s, %s, %s) RETURNING 1"""
_DELETE: Final = """
  DELETE FROM claims WHERE account = %s AND number = %s
  AND (plan, shown_as, record, until) IS NOT DISTINCT FROM (%s, %s, %s, %s) RETURNING 1"""

_ROW: Final = attrgetter("plan", "shown_as", "record", "until")


@dataclass(frozen=True, slots=True)
class PostgresJournals(JournalStore):
    """A `JournalStore` of one tenant. Each run has connections of its own; lines carry the time of the database.

    Nothing is locked but what is claimed, so there is never a place to take over.
    """

    database: Database
    tenant: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @asynccontextmanager
    async def begin(self, loaded: LoadedPlan, command: str) -> AsyncIterator[_Campaign]:
        database = self.database
        async with database.of(self.tenant) as connection, database.of(self.tenant, durable=False) as quick:
            campaign = _Campaign(connection, quick, loaded, self.now)
            if command != "apply":
                await campaign.demand_started()
            await campaign.start(command)
            if loaded.path is not None:
                note_in_fleet(loaded, self.tenant)
            try:
                yield campaign
            except BaseException as error:
                with suppress(JournalError):  # what ended it is what has to be told
                    await campaign.finish(how_ended_by(type(error)))
                raise

    @asynccontextmanager
    async def reading(self, loaded: LoadedPlan) -> AsyncIterator[_Campaign]:
        async with self.database.of(self.tenant) as connection:
            campaign = _Campaign(connection, connection, loaded, self.now)
            await campaign.demand_started()
            yield campaign

    async def was_started(self, loaded: LoadedPlan) -> bool:
        async with self.database.of(self.tenant) as connection:
            return await _Campaign(connection, connection, loaded, self.now).was_started()


@dataclass(slots=True)
class _Campaign:
    """One plan, over two connections: one for lines, and a quick one for claims and for what is read.

    A claim is durable as soon as the line is that announces what it was made for, and is of no use before that.
    """

    connection: DatabaseSession
    quick: DatabaseSession
    loaded: LoadedPlan
    now: Callable[[], datetime]
    run: int = 0
    taken_over: RunRecord | None = None
    rows: dict[tuple[str, str], ClaimRow | None] = field(default_factory=dict)
    """Claims against other plans, as they were written last."""

    async def was_started(self) -> bool:
        return bool(await self._read("SELECT FROM runs WHERE plan = %(plan)s LIMIT 1"))

    async def demand_started(self) -> None:
        if not await self.was_started():
            raise JournalError(
                f"{self.loaded.name} was not started by this tenant in the database of the fleet",
                remedy="start it with `telephony apply`",
            )

    async def start(self, command: str) -> None:
        while not self.run:  # two that start at the same moment want the same id
            made = await self._write(
                "INSERT INTO runs (plan, id, command, started_at, process, host, started_by, version)"
                " SELECT %(plan)s, coalesce(max(id), 0) + 1, %(command)s, clock_timestamp(), %(process)s, %(host)s,"
                " %(user)s, %(version)s FROM runs WHERE plan = %(plan)s"
                " ON CONFLICT DO NOTHING RETURNING id, pg_advisory_lock(run_lock(tenant, plan, id))",
                command=command,
                version=__version__,
                **this_process(),
            )
            self.run = made[0][0] if made else 0  # with the lock, by which the others see that it is at work

    async def finish(self, how: str) -> None:
        await self._write(_FINISH, how=how, id=self.run)

    async def runs(self) -> list[RunRecord]:
        found = await self._read(
            "SELECT to_json(r) FROM (SELECT id, command, started_at, ended_at, how_it_ended, process, host,"
            ' started_by AS "user" FROM runs WHERE plan = %(plan)s ORDER BY id) AS r'
        )
        return [RunRecord(**run) for (run,) in found]

    async def at_work(self) -> frozenset[int]:
        found = await self._read(
            "SELECT id FROM runs WHERE plan = %(plan)s AND ended_at IS NULL AND run_lock(tenant, plan, id) IN"
            " (SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory')"
        )
        return frozenset(id for (id,) in found)

    async def claim(self, number: str) -> Journal:
        [(epoch,)] = await self._read(
            "INSERT INTO numbers (plan, number) VALUES (%(plan)s, %(number)s)"
            " ON CONFLICT (tenant, plan, number) DO UPDATE SET epoch = numbers.epoch + 1 RETURNING epoch",
            number=number,
        )
        return Journal(self, number, epoch, [] if epoch == 1 else None)  # the first one of all finds no lines

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        record = None if entry.record is None else _text(entry.record)
        written = await self._write(
            _WRITE,
            number=entry.number,
            action=entry.action.value,
            phase=entry.phase.value,
            record=record,
            message=_text(entry.message),
            data=Json(dict(entry.data)),
            epoch=epoch,
            run=self.run,
        )
        return _entry(written[0]) if written else None

    async def lines_of(self, number: str) -> list[Entry]:
        return [*map(_entry, await self._read(f"{_LINES} AND number = %(number)s ORDER BY seq", number=number))]

    async def lines(self, numbers: Collection[str] | None = None) -> AsyncIterator[list[Entry]]:
        these, last = None if numbers is None else [*numbers], ""
        while page := await self._read(_LINES + _SOME, numbers=these, last=last, most=_PAGE):
            for number, lines in groupby(map(_entry, page), attrgetter("number")):
                yield list(lines)
                last = number

    async def made(self, most: int) -> set[str]:
        found = await self._read(
            "SELECT DISTINCT number FROM entries AS e WHERE plan = %(plan)s AND action = 'import' AND phase = 'done'"
            " AND NOT EXISTS (SELECT FROM entries WHERE plan = e.plan AND number = e.number"
            " AND action = 'roll_back' AND phase = 'done') LIMIT %(most)s",
            most=most,
        )
        return {number for (number,) in found}

    async def agents_unpublished(self, action: Action) -> frozenset[str]:
        found = await self._read(
            "SELECT DISTINCT json_array_elements_text(data -> 'agents') FROM entries"
            " WHERE plan = %(plan)s AND action = %(action)s AND phase = 'intent' AND action IN ('release', 'roll_back')"
            " AND json_typeof(data -> 'agents') = 'array'",
            action=action.value,
        )
        return frozenset(agent for (agent,) in found)

    def claims(self, names: Mapping[str, str]) -> Claims:
        return Claims(self.loaded, names, self.now, self._change)

    async def _change(self, key: tuple[str, str], decide: Decide) -> None:
        """Write what is decided of a claim, or decide again where it is another one by then."""
        # A claim that is made is nearly always the first of its number; where it is not so, the row is read below.
        if key not in self.rows and decide(None) is None:
            self.rows[key] = await self._row(key)
        row = self.rows.pop(key, None)
        while (decided := decide(row)) != row:
            before = (None,) * 4 if row is None else _ROW(row)
            after = () if decided is None else _ROW(decided)
            if await self.quick.rows(_SET if after else _DELETE, (*key, *after, *before)):
                self.rows[key] = decided
                return
            row = await self._row(key)

    async def _row(self, key: tuple[str, str]) -> ClaimRow | None:
        asked = "SELECT plan, shown_as, record, until FROM claims WHERE account = %s AND number = %s"
        found = await self.quick.rows(asked, key)
        return ClaimRow(*found[0]) if found else None

    async def _read(self, statement: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        return await self.quick.rows(statement, {"plan": self.loaded.checksum, **values})

    async def _write(self, statement: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        return await self.connection.rows(statement, {"plan": self.loaded.checksum, **values})


@dataclass(frozen=True, slots=True)
class KeptPlans:
    """The plans that were asked for last, by tenant and checksum: each lot of a plan asks for it."""

    plans: dict[tuple[str, str], LoadedPlan] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    """A large plan takes seconds, for which other lots of it wait, so that each does not read it as well."""


@dataclass(frozen=True, slots=True)
class PostgresPlans(PlanStore):
    """A `PlanStore` of one tenant. Plans hold references to secrets, and no secret."""

    database: Database
    tenant: str
    kept: KeptPlans = field(default_factory=KeptPlans)
    """What several stores may share."""

    async def put(self, plan: Plan) -> str:
        checksum, document = dump_plan(plan)
        async with self.database.of(self.tenant) as connection:
            statement = "INSERT INTO plans (checksum, document, numbers) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
            await connection.rows(statement, (checksum, document.decode(), len(plan.numbers)))
        return checksum

    async def get(self, checksum: str) -> LoadedPlan:
        key, plans = (self.tenant, checksum), self.kept.plans
        if key not in plans:
            async with self.kept.reading:
                if key not in plans:
                    plans[key] = await self._read(checksum)
        plans[key] = loaded = plans.pop(key)
        while len(plans) > _KEPT:
            del plans[next(iter(plans))]
        return loaded

    async def _read(self, checksum: str) -> LoadedPlan:
        async with self.database.of(self.tenant) as connection:
            found = await connection.rows("SELECT document FROM plans WHERE checksum = %s", [checksum])
        if not found:
            raise MigrationError(
                f"the database of the fleet has no plan {checksum!r:.80} of the tenant {self.tenant}",
                remedy="put it there first; another tenant's plans are not seen",
            )
        # In a thread: seconds for ten thousand numbers, in which a worker has other lots, and to say that it lives.
        where = f"the plan {checksum} in the database of the fleet"
        return await asyncio.to_thread(lambda: parse_plan(found[0][0].encode(), where))


def _entry(row: tuple[Any, ...]) -> Entry:
    number, action, phase, *rest = row
    return Entry(number, Action(action), Phase(phase), *rest)


def _text(text: str) -> str:
    """The same, with a mark for what PostgreSQL does not keep: the character zero, halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
