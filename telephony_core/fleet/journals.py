"""Journals and plans of one tenant in the PostgreSQL of a fleet, where any number of machines work on one plan."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from telephony_core._version import __version__
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import MigrationError
from telephony_core.fleet.database import Connection, Database
from telephony_core.migration.journal.claim_rules import ClaimRow, ClaimRules
from telephony_core.migration.journal.claimed import Claimed
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.protocol import JournalStore
from telephony_core.migration.journal.runs import RunRecord, current_user
from telephony_core.migration.journal.sqlite_file import JournalError
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.store import LoadedPlan, PlanStore, dump_plan, parse_plan

_LINES: Final = "SELECT number, action, phase, record, message, data, seq, at, run FROM entries"
_PAGE: Final = 5_000
"""Lines that are read at once."""


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
            try:
                yield campaign
            except BaseException as error:
                with suppress(JournalError):  # what ended it is what has to be told
                    await campaign.finish(f"ended by {type(error).__name__}")
                raise

    @asynccontextmanager
    async def reading(self, loaded: LoadedPlan) -> AsyncIterator[_Campaign]:
        async with self.database.of(self.tenant) as connection:
            campaign = _Campaign(connection, connection, loaded, self.now)
            await campaign.demand_started()
            yield campaign

    async def was_started(self, loaded: LoadedPlan) -> bool:
        async with self.database.of(self.tenant) as connection:
            return bool(await connection.rows("SELECT 1 FROM runs WHERE plan = %s LIMIT 1", loaded.checksum))


class _Campaign:
    """One plan, over two connections: one for lines, and a quick one for claims.

    A claim is durable as soon as the line is that announces what it was made for, and is of no use before that.
    """

    taken_over: RunRecord | None = None

    def __init__(
        self, connection: Connection, quick: Connection, loaded: LoadedPlan, now: Callable[[], datetime]
    ) -> None:
        self.loaded = loaded
        self.run = 0
        self._connection = connection
        self._quick = quick
        self._now = now

    async def demand_started(self) -> None:
        if not await self._connection.rows("SELECT 1 FROM runs WHERE plan = %s LIMIT 1", self.loaded.checksum):
            raise JournalError(
                f"{self.loaded.name} was not started by this tenant in the database of the fleet",
                remedy="start it with `telephony apply`",
            )

    async def start(self, command: str) -> None:
        values = (command, os.getpid(), socket.gethostname(), current_user(), __version__)
        while not self.run:  # two that start at the same moment want the same id
            made = await self._connection.rows(
                "INSERT INTO runs (plan, id, command, started_at, process, host, started_by, version)"
                " SELECT %s, coalesce(max(id), 0) + 1, %s, clock_timestamp(), %s, %s, %s, %s FROM runs WHERE plan = %s"
                " ON CONFLICT DO NOTHING RETURNING id, pg_advisory_lock(run_lock(tenant, plan, id))",
                self.loaded.checksum,
                *values,
                self.loaded.checksum,
            )
            self.run = made[0][0] if made else 0

    async def claim(self, number: str) -> Claimed:
        [(epoch,)] = await self._quick.rows(
            "INSERT INTO numbers (plan, number) VALUES (%s, %s)"
            " ON CONFLICT (tenant, plan, number) DO UPDATE SET epoch = numbers.epoch + 1 RETURNING epoch",
            self.loaded.checksum,
            number,
        )
        return Claimed(self, number, epoch, [] if epoch == 1 else None)  # the first one of all finds no lines

    async def write(self, entry: Entry, epoch: int) -> Entry | None:
        data = json.dumps(dict(entry.data))
        record = None if entry.record is None else _text(entry.record)
        message = _text(entry.message)
        # One statement: whoever claims the number waits for the row that is held here, and then reads this line.
        written = await self._connection.rows(
            "WITH mine AS (UPDATE numbers SET last_action = %s, phase = %s"
            " WHERE plan = %s AND number = %s AND epoch = %s RETURNING plan, number, last_action, phase)"
            " INSERT INTO entries (plan, number, action, phase, at, run, record, message, data)"
            " SELECT *, clock_timestamp(), %s, %s, %s, %s::json FROM mine RETURNING seq, at",
            entry.action.value,
            entry.phase.value,
            self.loaded.checksum,
            entry.number,
            epoch,
            self.run,
            record,
            message,
            data,
        )
        if not written:
            return None
        [(seq, at)] = written
        return Entry(
            entry.number, entry.action, entry.phase, record, message, json.loads(data), seq=seq, at=at, run=self.run
        )

    async def lines_of(self, number: str) -> list[Entry]:
        found = await self._quick.rows(
            f"{_LINES} WHERE plan = %s AND number = %s ORDER BY seq", self.loaded.checksum, number
        )
        return [_entry(row) for row in found]

    def claims(self, names: Mapping[str, str]) -> _Claims:
        return _Claims(self._quick, ClaimRules(self.loaded, names, self._now))

    async def lines(self, numbers: Collection[str] | None = None) -> AsyncIterator[list[Entry]]:
        lines: list[Entry] = []
        last = ("", 0)
        while page := await self._quick.rows(
            f"{_LINES} WHERE plan = %s AND number = ANY (coalesce(%s, ARRAY[number])) AND (number, seq) > (%s, %s)"
            " ORDER BY number, seq LIMIT %s",
            self.loaded.checksum,
            None if numbers is None else [*numbers],
            *last,
            _PAGE,
        ):
            for entry in map(_entry, page):
                if lines and lines[0].number != entry.number:
                    yield lines
                    lines = []
                lines.append(entry)
            last = (lines[-1].number, lines[-1].seq)
        if lines:
            yield lines

    async def made(self, most: int) -> set[str]:
        found = await self._quick.rows(
            "SELECT DISTINCT number FROM entries AS e WHERE plan = %s AND action = 'import' AND phase = 'done'"
            " AND NOT EXISTS (SELECT FROM entries WHERE plan = e.plan AND number = e.number"
            " AND action = 'roll_back' AND phase = 'done') LIMIT %s",
            self.loaded.checksum,
            most,
        )
        return {number for (number,) in found}

    async def agents_unpublished(self, action: Action) -> frozenset[str]:
        found = await self._connection.rows(
            "SELECT DISTINCT json_array_elements_text(data -> 'agents') FROM entries"
            " WHERE plan = %s AND action = %s AND phase = 'intent' AND action IN ('release', 'roll_back')"
            " AND json_typeof(data -> 'agents') = 'array'",
            self.loaded.checksum,
            action.value,
        )
        return frozenset(agent for (agent,) in found)

    async def runs(self) -> list[RunRecord]:
        found = await self._connection.rows(
            "SELECT to_json(r) FROM (SELECT id, command, started_at, ended_at, how_it_ended, process, host,"
            ' started_by AS "user" FROM runs WHERE plan = %s ORDER BY id) AS r',
            self.loaded.checksum,
        )
        return [RunRecord(**run) for (run,) in found]

    async def at_work(self) -> frozenset[int]:
        found = await self._connection.rows(
            "SELECT id FROM runs WHERE plan = %s AND ended_at IS NULL AND run_lock(tenant, plan, id) IN"
            " (SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory')",
            self.loaded.checksum,
        )
        return frozenset(id for (id,) in found)

    async def finish(self, how: str) -> None:
        await self._connection.rows(
            "UPDATE runs SET ended_at = clock_timestamp(), how_it_ended = %s WHERE plan = %s AND id = %s",
            how,
            self.loaded.checksum,
            self.run,
        )


@dataclass(frozen=True, slots=True)
class _Claims:
    quick: Connection
    rules: ClaimRules
    known: dict[tuple[str, str], tuple[ClaimRow | None, int]] = field(default_factory=dict)
    """Rows as they were written last, each with its version."""

    async def claim(self, number: str, identity: NumberIdentity, *, goes_on: bool = False) -> None:
        key = self.rules.key(identity.account_key)
        self.known.setdefault(key, (None, 0))  # as nearly always; where it is not so, the row is read
        await self._change(key, lambda row: self.rules.claimed(row, number, goes_on=goes_on))

    async def follow(self, entry: Entry) -> None:
        if (key := self.rules.key_after(entry)) is not None:
            await self._change(key, lambda row: self.rules.after(row, entry))

    async def _change(self, key: tuple[str, str], decide: Callable[[ClaimRow | None], ClaimRow | None]) -> None:
        """Write what is decided of a row, or decide again where it is another one by then."""
        while True:
            row, version = self.known.pop(key) if key in self.known else await self._read(key)
            decided = decide(row)
            if decided == row:
                return
            if decided is None:
                statement = "DELETE FROM claims WHERE account = %s AND number = %s AND version = %s RETURNING 1"
                if await self.quick.rows(statement, *key, version):
                    return
                continue
            written = await self.quick.rows(
                "INSERT INTO claims AS old (account, number, plan, shown_as, record, until, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, 1) ON CONFLICT (tenant, account, number)"
                " DO UPDATE SET (plan, shown_as, record, until, version)"
                " = (excluded.plan, excluded.shown_as, excluded.record, excluded.until, old.version + 1)"
                " WHERE old.version = %s RETURNING version",
                *key, decided.plan, decided.shown_as, decided.record, decided.until, version,
            )  # fmt: skip
            if written:
                self.known[key] = decided, written[0][0]
                return

    async def _read(self, key: tuple[str, str]) -> tuple[ClaimRow | None, int]:
        found = await self.quick.rows(
            "SELECT plan, shown_as, record, until, version FROM claims WHERE account = %s AND number = %s", *key
        )
        return (ClaimRow(*found[0][:4]), found[0][4]) if found else (None, 0)


@dataclass(frozen=True, slots=True)
class PostgresPlans(PlanStore):
    """A `PlanStore` of one tenant. Plans hold references to secrets, and no secret."""

    database: Database
    tenant: str

    async def put(self, plan: Plan) -> str:
        checksum, document = dump_plan(plan)
        async with self.database.of(self.tenant) as connection:
            statement = "INSERT INTO plans (checksum, document, numbers) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
            await connection.rows(statement, checksum, document.decode(), len(plan.numbers))
        return checksum

    async def get(self, checksum: str) -> LoadedPlan:
        async with self.database.of(self.tenant) as connection:
            found = await connection.rows("SELECT document FROM plans WHERE checksum = %s", checksum)
        if not found:
            raise MigrationError(
                f"the database of the fleet has no plan {checksum!r:.80} of the tenant {self.tenant}",
                remedy="put it there first; another tenant's plans are not seen",
            )
        return parse_plan(found[0][0].encode(), f"the plan {checksum} in the database of the fleet")


def _entry(row: tuple[Any, ...]) -> Entry:
    number, action, phase, *rest = row
    return Entry(number, Action(action), Phase(phase), *rest)


def _text(text: str) -> str:
    """The same, with a mark for what PostgreSQL does not keep: the character zero, halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
