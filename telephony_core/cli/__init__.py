"""The `telephony` command: where it starts, and what it says when its libraries are not installed.

Nothing but the standard library is imported here, so that a base install can say which extra is missing.
"""

from __future__ import annotations

import atexit
import os
import sys
from importlib.util import find_spec
from typing import Final, NoReturn

from telephony_core.cli import signals, streams
from telephony_core.cli.exit_codes import ExitCode

NEEDED: Final = ("click", "rich")
"""What the extra ``cli`` brings and every command needs."""


def main() -> NoReturn:
    """Run the command with the arguments of this process, and end the process with one of `ExitCode`."""
    signals.let_die()  # a Ctrl-C while modules are imported; commands handle it themselves
    streams.reserve_descriptors()
    # pydantic reads the entry points of all that is installed, of which one that is broken would end every command;
    # and whoever watches all models would see the passwords in them.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Looked for and not imported: --help needs no rich, and it costs time.
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        with streams.unfailing():
            print(
                f"telephony: {' and '.join(missing)} is not installed; the command is an extra of the library: "
                "pip install 'telephony-core[cli]'",
                file=sys.stderr,
            )
        sys.exit(ExitCode.CONFIGURATION)
    # Only here: a base install has no click.
    from telephony_core.cli.app import app

    signals.let_finish()  # what is in force again when the command is through
    atexit.register(signals.let_leave)
    try:
        app.main()
    except SystemExit as end:
        # A thread of Temporal's client may still be leaving the interpreter when that goes, and then aborts a command
        # that did all its work (temporalio/sdk-python issue 300). So the process ends without taking it down.
        if "temporalio" in sys.modules and isinstance(end.code, int):
            os._exit(end.code)
        raise
