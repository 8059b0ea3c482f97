"""A worker of its own process, for the tests of the pace: lists an account with all hands, as fast as it may.

``python -m tests.fleet.pace_worker DATABASE VENDOR SECONDS HANDS`` prints how many answers it had.
"""

from __future__ import annotations

import asyncio
import sys
import time

from telephony_core import AsyncTelephony, Connection
from telephony_core.fleet.database import Database
from telephony_core.fleet.pace import SharedPace

PER_SECOND = 50


async def main(database: str, vendor: str, seconds: float, hands: int) -> int:
    answers = 0

    async def work(client: AsyncTelephony, end: float) -> None:
        nonlocal answers
        while time.monotonic() < end:
            assert [number async for number in client.list_numbers()] == []
            answers += 1

    async with SharedPace(Database(database), "one-account", per_second=PER_SECOND) as pace:
        client = AsyncTelephony(Connection(provider="vox", api_key="emulator-key", base_url=vendor, pace=pace))
        end = time.monotonic() + seconds
        async with client:
            await asyncio.gather(*(work(client, end) for _ in range(hands)))
    return answers


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
