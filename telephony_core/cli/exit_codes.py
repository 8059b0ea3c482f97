"""The one table of exit codes of the whole command, and which error ends with which of them.

Small numbers are outcomes that a script may want to tell apart; from 64 on they mean what ``sysexits.h`` gives them.
2 is for plans that found something to change, so a usage error is 64 and never 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Self

from telephony_core import errors
from telephony_core.errors.migration import StalePlan


class ExitCode(IntEnum):
    """What the command ended with, and its meaning; `docs/cli.md` has the same table."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        made = int.__new__(cls, code)
        # Enum would call `int` with both values otherwise, and fail.
        made._value_ = code
        made.meaning = meaning
        return made

    OK = 0, "It worked."
    ERROR = 1, "An error that has no code of its own below."
    CHANGES = 2, "There is something to change (only with --detailed-exitcode)."
    NOT_FOUND = 3, "There is no such number, or no such plan in the fleet."
    AMBIGUOUS = 4, "More than one record holds this number; address one by its id."
    CONFLICT = 5, "The state of the number, or another record, is in the way."
    PARTIAL = 6, "A part of it was done, and then a step failed."
    UNKNOWN = 7, "It may have happened, or a part of it: an answer was lost. Look before repeating."
    NOT_ALLOWED = 8, "A side effect, a lower security or a loss was not allowed by name; nothing was changed."
    FAILED = 9, "A check failed: what was looked for is not so."
    INCONCLUSIVE = 10, "A check could not tell: silence, or an answer that leaves it open."
    USAGE = 64, "The command line was wrong; nothing was sent."
    REFUSED = 65, "What was given cannot be meant, or this provider does not take it."
    UNAVAILABLE = 69, "The provider or the network failed, or asks to wait; nothing was changed."
    CRASH = 70, "A fault in this program."
    MACHINE = 71, "This machine has no room, memory or folder for it, or does not let this user."
    OUTPUT = 74, "It worked and changed nothing, but its output could not be written."
    PROTOCOL = 76, "The provider answered in a shape that is not the documented one."
    PERMISSION = 77, "The key was refused, or may not do this."
    CONFIGURATION = 78, "A key, a file, a connection or a provider cannot be used."
    # 128 + SIGINT, as shells count; SIGTERM and SIGHUP have the same, for the wish is the same.
    INTERRUPTED = 130, "Interrupted: Ctrl-C, SIGTERM or SIGHUP."


BY_ERROR: Final[Mapping[type[errors.TelephonyError], ExitCode]] = {
    errors.TelephonyError: ExitCode.ERROR,
    errors.PluginError: ExitCode.CONFIGURATION,
    errors.ConfigurationError: ExitCode.CONFIGURATION,
    errors.InvalidInput: ExitCode.REFUSED,
    errors.UnsupportedError: ExitCode.REFUSED,
    errors.NotAllowed: ExitCode.NOT_ALLOWED,
    errors.AmbiguousNumber: ExitCode.AMBIGUOUS,
    errors.TransportError: ExitCode.UNAVAILABLE,
    errors.OutcomeUnknown: ExitCode.UNKNOWN,
    errors.AuthenticationFailed: ExitCode.PERMISSION,
    errors.PermissionDenied: ExitCode.PERMISSION,
    errors.NotFound: ExitCode.NOT_FOUND,
    errors.Conflict: ExitCode.CONFLICT,
    errors.WrongState: ExitCode.CONFLICT,
    errors.InvalidRequest: ExitCode.REFUSED,
    errors.RateLimited: ExitCode.UNAVAILABLE,
    errors.ProviderUnavailable: ExitCode.UNAVAILABLE,
    errors.UnexpectedResponse: ExitCode.PROTOCOL,
    errors.PartialOutcome: ExitCode.PARTIAL,
    StalePlan: ExitCode.CONFLICT,
}

BY_NAME: Final[Mapping[str, ExitCode]] = {
    "telephony_core.migration.journal.sqlite_file.JournalLocked": ExitCode.CONFLICT,
    "telephony_core.migration.journal.sqlite_file.JournalNotWritable": ExitCode.MACHINE,
    "telephony_core.migration.journal.claims.PlanElsewhere": ExitCode.CONFLICT,
    "telephony_core.text.documents.FileNotWritten": ExitCode.MACHINE,
    "telephony_core.migration.run.stopping.Interrupted": ExitCode.INTERRUPTED,
    "telephony_core.fleet.database.DatabaseUnavailable": ExitCode.UNAVAILABLE,
    "telephony_core.fleet.engine.EngineUnavailable": ExitCode.UNAVAILABLE,
    "telephony_core.fleet.engine.NotSubmitted": ExitCode.NOT_FOUND,
}
"""Errors of migrations and fleets, by name: no other command shall import them for this table."""


def exit_code_for(error: errors.TelephonyError) -> ExitCode:
    """The code of an error: its own, or that of the nearest kind above it."""
    # The nearest kind first: a kind that has no code of its own ends like its parent.
    for kind in type(error).__mro__:
        code = BY_ERROR.get(kind) or BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return ExitCode.ERROR
