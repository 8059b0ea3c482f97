"""What goes wrong, on stderr: a line and the next step for people, or a line of JSON with ``--json``."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from telephony_core.cli.exit_codes import ExitCode, exit_code_for
from telephony_core.cli.output.pasteable import pasteable, pasteable_data
from telephony_core.cli.output.printable import printable_lines, safe_json
from telephony_core.cli.output.prose import say
from telephony_core.errors import (
    DOCUMENTATION,
    AmbiguousNumber,
    NotAllowed,
    OutcomeUnknown,
    PartialOutcome,
    TelephonyError,
    UnsupportedField,
    cli_words,
    linked,
)
from telephony_core.secrets.redaction import Secrets, scrubbed

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.migration.changeset.table import RowProblem
    from telephony_core.provider.port import Problem

DEBUG: Final = "TELEPHONY_DEBUG"


class ChangeRefused(TelephonyError):
    """A change has several problems: all of them, of which the ``first`` decides the exit code.

    Remedy: each problem has its own.
    """

    def __init__(self, problems: Sequence[Problem], first: TelephonyError, **facts: Any) -> None:
        super().__init__(f"this has {len(problems)} problems; nothing was changed", **facts)
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.first: TelephonyError = first


def report(error: BaseException, session: Session) -> ExitCode:
    """Print what happened on stderr, and return the exit code for it."""
    # A traceback of a wrong command line shows nothing but click.
    foreseen = isinstance(error, click.ClickException | click.Abort | KeyboardInterrupt)
    if _debugging() and not foreseen:
        _write(printable_lines(hide("".join(traceback.format_exception(error)), session.secrets)))
    if isinstance(error, TelephonyError):
        return _report_error(error, session)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "telephony"
        data = {"message": error.format_message(), "remedy": f"`{command} --help` shows how it is used"}
        return _print_error(ExitCode.USAGE, "UsageError", data, session)
    if isinstance(error, click.ClickException):
        return _print_error(ExitCode.ERROR, type(error).__name__, {"message": error.format_message()}, session)
    # Click turns Ctrl-C at one of its prompts into `Abort`.
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _report_interruption(error, session)
    if isinstance(error, OSError | MemoryError):
        return _report_machine(error, session)
    return _report_crash(error, session)


def report_lost_output(failure: OSError, code: int, session: Session) -> int:
    """Print on stderr that stdout did not take the output, and what was done all the same; gives the exit code.

    The code that the work earned stays. Only where there is nothing but words, and they are lost, is that the failure.
    Somebody who reads no further has seen enough, so that is none.
    """
    done = f"; done: {'; '.join(session.done)}" if session.done else ""
    # `… | head` closes the pipe when it has enough.
    unread = isinstance(failure, BrokenPipeError)
    if unread and not done:
        return code
    reason = "nobody reads it any more" if unread else failure.strerror
    message = f"stdout took no more ({reason}){done}"
    # A code for lost output would tell a script that the write failed, and it would be repeated.
    if done or code != ExitCode.OK:
        _write_warning(message, session)
        return code
    data = {"message": message, "remedy": "make room or open stdout, then run it again; nothing was changed"}
    return _print_error(ExitCode.OUTPUT, "OutputLost", data, session)


def warn(message: str, session: Session) -> None:
    """Something the person should know, which stops nothing. Not said with ``-q``."""
    if not session.quiet:
        _write_warning(message, session)


def _write_warning(message: str, session: Session) -> None:
    text = hide(pasteable(message, session), session.secrets)
    if session.json:
        _write(safe_json({"warning": {"message": text}}, indent=None))
    else:
        say(f"warning: {text}")


def error_data(error: TelephonyError) -> dict[str, Any]:
    """An error as the JSON object that scripts get; absent data are left out."""
    data: dict[str, Any] = {
        "message": error.message,
        "remedy": next_step(error),
        "provider": error.provider,
        "operation": error.operation,
        "status": error.status,
        "code": error.code,
        "request_id": error.request_id,
        "retry_after": error.retry_after,
        "body": error.body,
        "documentation": error.documentation,
    }
    match error:
        case UnsupportedField():
            data["field"] = error.field
        case NotAllowed():
            data["allowance"] = error.allowance
        case AmbiguousNumber():
            data["candidates"] = [number.model_dump(mode="json") for number in error.candidates]
        case OutcomeUnknown() if error.attempt is not None:
            data["number"] = error.attempt.identity.model_dump(mode="json")
            data["id"] = error.attempt.id
        case PartialOutcome():
            data["number"] = None if error.number is None else error.number.model_dump(mode="json")
            data |= {"done": list(error.done), "failed_step": error.failed_step}
            data["cause"] = {"kind": type(error.cause).__name__, **error_data(error.cause)}
        case ChangeRefused():
            data["problems"] = [problem_data(problem) for problem in error.problems]
    if (rows := _row_problems(error)) is not None:
        data["problems"] = [
            {"line": row.line, "column": row.column, "message": row.message, "remedy": row.remedy} for row in rows
        ]
    return {name: value for name, value in data.items() if value is not None}


def _row_problems(error: TelephonyError) -> Sequence[RowProblem] | None:
    """What is wrong with the rows of a table, where the error is about one."""
    rows: Sequence[RowProblem] | None = getattr(error, "row_problems", None)
    return rows


def problem_data(problem: Problem) -> dict[str, Any]:
    """A problem of a change as the JSON object that ``--check`` prints."""
    return {
        "severity": problem.severity,
        "field": problem.field,
        "kind": None if problem.error is None else type(problem.error).__name__,
        "message": problem.message,
        "remedy": next_step(problem.error) if problem.error is not None else cli_words(problem.remedy),
    }


def problem_line(problem: Problem) -> str:
    data = problem_data(problem)
    line = f"{data['severity']}: {data['field']}: {data['message']}"
    return f"{line}; {data['remedy']}" if data["remedy"] else line


def next_step(error: TelephonyError) -> str | None:
    """What to type next."""
    # The library's own remedy names a call in Python; here it is a command.
    if isinstance(error, OutcomeUnknown) and error.attempt is not None:
        id = error.attempt.id
        digits_only = id is not None and not any(map(str.isalpha, id))  # which would be taken for a number
        return _look_at(id or str(error.attempt.identity), " --id" if digits_only else "")
    return cli_words(error.remedy)


def _look_at(where: str, by_id: str = "") -> str:
    """How to find out whether a write happened."""
    command = f"telephony numbers show {shlex.quote(where)}{by_id}"
    return f"look before repeating, and once more after a minute: `{command}`"


def _report_error(error: TelephonyError, session: Session) -> ExitCode:
    session.learn_account(error)
    data = _located(error, session)
    if not session.json:
        problems = error.problems if isinstance(error, ChangeRefused) else ()
        faults = _faults(error)
        if len(faults) > 1:
            # They have lines of their own above; said twice, the last line would be the longest.
            about = getattr(error, "about", "")
            data["message"] = ": ".join(filter(None, (about, f"{len(faults)} faults, each on a line above")))
        rows = _row_problems(error) or ()
        for line in (*map(problem_line, problems), *map(str, rows), *(faults if len(faults) > 1 else ())):
            say(hide(pasteable(line, session), session.secrets))
    # Scripts tell refusals apart by the code, and `ChangeRefused` itself has none.
    code = exit_code_for(error.first if isinstance(error, ChangeRefused) else error)
    return _print_error(code, type(error).__name__, data, session)


def _faults(error: TelephonyError) -> list[str]:
    """What is wrong with a map, or with the fields of a value (`InvalidInput`), as its message lists it."""
    faults: Sequence[str | tuple[str, str]] = getattr(error, "faults", ())
    return [each if isinstance(each, str) else ": ".join(filter(None, each)) for each in faults]


def _located(error: TelephonyError, session: Session) -> dict[str, Any]:
    """An error with the account it came from."""
    data = error_data(error)
    account = session.account
    # An error of another account must not be said to come from this one.
    if account is not None and error.provider == account.provider:
        data |= {"connection": account.connection, "host": account.host}
    return data


def _report_interruption(error: BaseException, session: Session) -> ExitCode:
    """What was under way when somebody ended the run: which record, what may have happened, what to type next."""
    # The handler of SIGTERM and SIGHUP put the name there; Ctrl-C has none.
    by = str(error) if isinstance(error, KeyboardInterrupt) else ""
    data = {"message": f"interrupted by {by}" if by else "interrupted"}
    # The library notes on the exception what it reports as an unknown outcome, too.
    reported = [unknown.message for unknown in session.unknown]
    notes = [note for note in dict.fromkeys(_notes(error)) if not any(message in note for message in reported)]
    data["remedy"] = "; ".join(notes)
    return _print_error(ExitCode.INTERRUPTED, "Interrupted", _with_progress(data, session), session)


def _report_machine(error: OSError | MemoryError, session: Session) -> ExitCode:
    """What the operating system refused where nobody expected it: a disk, a folder or a limit, and no fault of ours."""
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    what = f": {error.filename}" if isinstance(error, OSError) and isinstance(error.filename, str) else ""
    data = {"message": f"this machine refused something ({reason}{what})", "remedy": f"{DEBUG}=1 shows where"}
    return _print_error(ExitCode.MACHINE, type(error).__name__, _with_progress(data, session), session)


def _with_progress(data: dict[str, Any], session: Session) -> dict[str, Any]:
    """The same, with the write that had begun and what was done before, for an end that nobody planned."""
    account, parts, remedies = session.account, [data["message"]], [data["remedy"]]
    # What the client announced is exact. `under_way` is only what this program was about to do.
    for unknown in session.unknown:
        data |= _located(unknown, session)
        remedies.insert(0, data["remedy"])
        attempt, happened = unknown.attempt, ""
        if attempt is not None:
            whose = f" (record {attempt.id})" if attempt.id is not None else ""
            happened = f": {attempt.operation.replace('_', ' ')} of {attempt.identity}{whose} may have happened"
        parts.append(f"{unknown.message}{happened}")
    # A crash between request and answer: nobody announced anything, and the write may have happened.
    if session.under_way is not None and not session.unknown and account is not None:
        data |= {"provider": account.provider, "connection": account.connection, "host": account.host}
        what, where = session.under_way
        remedies.insert(0, _look_at(where))
        parts.append(f"{what} may have happened")
    if session.done:
        parts.append(f"done before: {'; '.join(session.done)}")
    return {**data, "message": "; ".join(parts), "remedy": "; ".join(filter(None, remedies))}


def _print_error(code: ExitCode, kind: str, data: dict[str, Any], session: Session) -> ExitCode:
    data = pasteable_data(data, session)
    if session.json:
        data = {"kind": kind, **{name: value for name, value in data.items() if value not in (None, "")}}
        # On one line, so that a script can take the last line of stderr.
        _write(safe_json({"error": {**hidden(data, session.secrets), "exit_code": int(code)}}, indent=None))
        return code
    account = str(session.account) if data.get("connection") else data.get("provider")
    where = " ".join(part for part in (account, data.get("operation")) if part)
    known = [f"HTTP {data['status']}"] if data.get("status") else []
    known += [str(data["code"])] if data.get("code") else []
    known += [f"request {data['request_id']}"] if data.get("request_id") else []
    line = f"error: {where + ': ' if where else ''}{data['message']}"
    line += f" ({', '.join(known)})" if known else ""
    say(hide(line, session.secrets))
    if data.get("remedy"):
        say(hide(f"  next: {data['remedy']}", session.secrets))
    return code


def _report_crash(error: BaseException, session: Session) -> ExitCode:
    # The text of an unforeseen exception may hold anything, a secret included; its kind and place do not.
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    data = {
        "message": f"this program failed ({type(error).__name__}{place}), which is a fault in it",
        "remedy": f"{DEBUG}=1 shows the traceback; please report it",
    }
    return _print_error(ExitCode.CRASH, "Crash", _with_progress(data, session), session)


def _notes(error: BaseException) -> list[str]:
    """What was added to an interruption: writes that were in flight."""
    notes = [note for link in linked(error) for note in getattr(link, "__notes__", [])]
    return [
        note for note in notes if DOCUMENTATION not in note
    ]  # where a kind of error is explained is in its traceback


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets this run has read, whatever way they came into it."""
    # The last barrier: the library hides secrets itself, and what a vendor quotes back comes this far.
    return Secrets.of(secrets).hidden_in(text)


def hidden(data: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """Data without secrets in any of their values, before they become JSON: cut into afterwards, it might be none."""
    held = Secrets.of(secrets)
    return {name: _value_hidden(value, held) for name, value in data.items()}


def _value_hidden(value: Any, secrets: Secrets) -> Any:
    if isinstance(value, str):
        # A body of JSON inside a text is read as JSON: escapes in it may hide a secret, and what comes out has to be
        # JSON again.
        return scrubbed(value, secrets) if value[:1] in ("{", "[") else secrets.hidden_in(value)
    if isinstance(value, Mapping):
        return hidden(value, secrets)
    if isinstance(value, list | tuple):
        return [_value_hidden(item, secrets) for item in value]
    return value


def _debugging() -> bool:
    return os.environ.get(DEBUG, "") not in ("", "0")


def _write(line: str) -> None:
    click.echo(line, file=sys.stderr)
