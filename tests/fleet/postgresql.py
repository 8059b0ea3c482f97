"""A real PostgreSQL for tests: `postgresql.sh` starts a private one on loopback, one for each process that tests.

Where it is not installed the tests are skipped and say so, unless ``TELEPHONY_REQUIRE_POSTGRESQL`` is set, as it is in
CI: then they fail.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from telephony_core.fleet.database import Database, create_schema

SCRIPT = Path(__file__).with_name("postgresql.sh")


@dataclass(frozen=True)
class Server:
    """A server with the schema of a fleet, a login for workers and one for its operator; nobody has a password."""

    folder: Path
    port: int

    def url(self, role: str = "worker") -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/postgres"

    @property
    def database(self) -> Database:
        return Database(self.url())

    def ask(self, statement: str, *values: object, role: str = "postgres") -> list[tuple[Any, ...]]:
        """As a role that is nobody's worker, and that sees everything unless another one is named."""
        with psycopg.connect(self.url(role), autocommit=True, options="-c search_path=telephony") as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def call(self, command: str, *more: str) -> None:
        subprocess.run([SCRIPT, command, self.folder, *more], check=True)

    def kill(self) -> None:
        self.call("kill")

    def start(self) -> None:
        self.call("start", str(self.port))

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def dump(self) -> str:
        """All that a backup holds."""
        programs = subprocess.run([SCRIPT, "programs"], check=True, capture_output=True, text=True).stdout.strip()
        command = [f"{programs}/pg_dumpall", "--dbname", self.url("postgres")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def require_postgresql() -> None:
    found = subprocess.run([SCRIPT, "programs"], capture_output=True, text=True, check=False)
    if found.returncode:
        if os.environ.get("TELEPHONY_REQUIRE_POSTGRESQL"):
            pytest.fail(found.stderr.strip())
        pytest.skip(found.stderr.strip())


@contextmanager
def running() -> Iterator[Server]:
    """A server of its own, gone afterwards. Not in pytest's folders: into those the user `postgres` may not look."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    above = Path(tempfile.mkdtemp(prefix="telephony-postgresql-"))
    above.chmod(0o755)
    server = Server(above / "server", port)
    try:
        server.call("create")
        server.start()
        asyncio.run(create_schema(Database(server.url("postgres"))))
        server.ask("CREATE ROLE worker LOGIN IN ROLE telephony_worker")
        server.ask("CREATE ROLE operator LOGIN IN ROLE telephony_operator")
        yield server
    finally:
        server.call("stop")
        shutil.rmtree(above)
