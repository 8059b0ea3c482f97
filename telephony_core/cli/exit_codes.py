"""The one table of exit codes of the whole command, and which error ends with which of them.

Small numbers are outcomes that a script may want to tell apart; from 64 on they mean what ``sysexits.h`` gives them.
2 is for plans that found something to change, so a usage error is 64 and never 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from telephony_core import errors


class ExitCode(IntEnum):
    """What the command ended with. `MEANINGS` says it in words; `docs/cli.md` has the same table."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    NOT_FOUND = 3
    AMBIGUOUS = 4
    CONFLICT = 5
    PARTIAL = 6
    UNKNOWN = 7
    NOT_ALLOWED = 8
    FAILED = 9
    INCONCLUSIVE = 10
    USAGE = 64
    REFUSED = 65
    UNAVAILABLE = 69
    CRASH = 70
    MACHINE = 71
    OUTPUT = 74
    PROTOCOL = 76
    PERMISSION = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.OK: "It worked.",
    ExitCode.ERROR: "An error that has no code of its own below.",
    ExitCode.CHANGES: "There is something to change (only with --detailed-exitcode).",
    ExitCode.NOT_FOUND: "There is no such number.",
    ExitCode.AMBIGUOUS: "More than one record holds this number; address one by its id.",
    ExitCode.CONFLICT: "The state of the number, or another record, is in the way.",
    ExitCode.PARTIAL: "A part of it was done, and then a step failed.",
    ExitCode.UNKNOWN: "It may have happened, or a part of it: an answer was lost. Look before repeating.",
    ExitCode.NOT_ALLOWED: "A side effect, a lower security or a loss was not allowed by name; nothing was changed.",
    ExitCode.FAILED: "A check failed: what was looked for is not so.",
    ExitCode.INCONCLUSIVE: "A check could not tell: silence, or an answer that leaves it open.",
    ExitCode.USAGE: "The command line was wrong; nothing was sent.",
    ExitCode.REFUSED: "What was given cannot be meant, or this provider does not take it.",
    ExitCode.UNAVAILABLE: "The provider or the network failed, or asks to wait; nothing was changed.",
    ExitCode.CRASH: "A fault in this program.",
    ExitCode.MACHINE: "This machine has no room, memory or folder for it, or does not let this user.",
    ExitCode.OUTPUT: "It worked and changed nothing, but what it had to say could not be written.",
    ExitCode.PROTOCOL: "The provider answered in a shape that is not the documented one.",
    ExitCode.PERMISSION: "The key was refused, or may not do this.",
    ExitCode.CONFIGURATION: "A key, a file, a connection or a provider cannot be used.",
    ExitCode.INTERRUPTED: "Interrupted: Ctrl-C, SIGTERM or SIGHUP.",
}

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
}

BY_NAME: Final[Mapping[str, ExitCode]] = {
    "telephony_core.migration.journal.sqlite_file.JournalLocked": ExitCode.CONFLICT,
    "telephony_core.migration.journal.sqlite_file.JournalNotWritable": ExitCode.MACHINE,
    "telephony_core.migration.move.task.StalePlan": ExitCode.CONFLICT,
    "telephony_core.migration.journal.claims.PlanElsewhere": ExitCode.CONFLICT,
    "telephony_core.migration.run.stopping.Interrupted": ExitCode.INTERRUPTED,
}
"""Errors of migrations, by name: no other command shall import them for this table."""


def exit_code_for(error: errors.TelephonyError) -> ExitCode:
    """The code of an error: its own, or that of the nearest kind above it."""
    for kind in type(error).__mro__:
        code = BY_ERROR.get(kind) or BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return ExitCode.ERROR
