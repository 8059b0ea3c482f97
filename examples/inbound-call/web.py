"""``GET /calls/{number}`` with FastAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from fastapi import FastAPI, HTTPException
from routing import Verdict, route

from telephony_core import AsyncNumberIndex, Connections, InvalidInput


def configured() -> AsyncNumberIndex:
    """Every connection of the configuration; warm from the first call on, where there was a process before."""
    return AsyncNumberIndex(Connections.load(), max_age=300, refresh_after=60, file="numbers.sqlite3")


def application(open_index: Callable[[], AsyncNumberIndex] = configured) -> FastAPI:
    """The application; its index lives as long as it does."""
    index: AsyncNumberIndex

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        nonlocal index
        async with open_index() as index:
            index.keep_fresh()  # the first listing too: until it is there, the answer is "cannot tell"
            yield

    app = FastAPI(title="Incoming calls", lifespan=lifespan)

    # Not in a thread: it waits for nothing.
    @app.get("/calls/{number}")
    async def call(number: str, region: str | None = None) -> dict[str, object]:
        try:
            found = route(index, number, region=region)
        except InvalidInput as error:
            raise HTTPException(422, str(error)) from error
        if found.verdict is Verdict.CANNOT_TELL:
            raise HTTPException(503, asdict(found))
        if found.verdict is Verdict.UNKNOWN:
            raise HTTPException(404, asdict(found))
        return asdict(found)

    @app.get("/accounts")
    async def accounts() -> dict[str, dict[str, object]]:
        """For whoever watches over it."""
        return {
            name: {
                "numbers": state.numbers,
                "age": state.age if state.age != float("inf") else None,
                "error": None if state.error is None else str(state.error),
            }
            for name, state in index.accounts.items()
        }

    return app


app = application()
