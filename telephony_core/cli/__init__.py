"""The `telephony` command: where it starts, and what it says when its libraries are not installed.

Nothing but the standard library is imported here, so that a base install can say which extra is missing.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final, NoReturn

from telephony_core.cli.exit_codes import ExitCode

NEEDED: Final = ("click", "rich")
"""What the extra ``cli`` brings and every command needs."""


def main() -> NoReturn:
    """Run the command with the arguments of this process, and end the process with one of `ExitCode`."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"telephony: {' and '.join(missing)} is not installed; the command is an extra of the library: "
            "pip install 'telephony-core[cli]'",
            file=sys.stderr,
        )
        sys.exit(ExitCode.CONFIGURATION)
    from telephony_core.cli.app import app

    app.main()
