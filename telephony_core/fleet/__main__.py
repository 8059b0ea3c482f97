"""``python -m telephony_core.fleet``: make the tables of a fleet, as the owner that ``TELEPHONY_DATABASE`` names."""

from __future__ import annotations

import asyncio
import os
import sys

from telephony_core.errors import TelephonyError


def main() -> int:
    try:
        from telephony_core.fleet.database import Database, create_schema
    except ModuleNotFoundError as error:
        print(
            f"a fleet needs {error.name}, which is not installed; pip install 'telephony-core[fleet]'", file=sys.stderr
        )
        return 1
    try:
        asyncio.run(create_schema(Database(os.environ.get("TELEPHONY_DATABASE", ""))))
    except TelephonyError as error:
        print(error.cli_text, file=sys.stderr)
        return 1
    print("the tables of the fleet are there; next: GRANT telephony_worker TO the role of the workers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
