"""What goes wrong, told on stderr: a line and the next step for people, or a line of JSON with ``--json``."""

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
from telephony_core.cli.output.printable import printable, printable_lines, safe_json
from telephony_core.cli.wording import facts_for_people, for_people, pasteable, spoken
from telephony_core.errors import (
    AmbiguousNumber,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PartialOutcome,
    RateLimited,
    TelephonyError,
    UnsupportedField,
)
from telephony_core.secrets.redaction import Secrets, scrubbed

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.operations.reconciliation import Attempt
    from telephony_core.provider.port import Problem

DEBUG: Final = "TELEPHONY_DEBUG"


class ChangeRefused(TelephonyError):
    """More than one thing stands against a change: all of them, of which the ``first`` decides the exit code."""

    def __init__(self, problems: Sequence[Problem], first: TelephonyError, **facts: Any) -> None:
        super().__init__(f"{len(problems)} things stand against this; nothing was changed", **facts)
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.first: TelephonyError = first


def tell(error: BaseException, session: Session) -> ExitCode:
    """Say what happened on stderr, and return the exit code for it."""
    foreseen = isinstance(error, click.ClickException | click.Abort | KeyboardInterrupt)
    if _debugging() and not foreseen:
        _write(printable_lines(_hidden("".join(traceback.format_exception(error)), session)))
    if isinstance(error, TelephonyError):
        return _tell_error(error, session)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "telephony"
        said = {"message": error.format_message(), "remedy": f"`{command} --help` shows how it is used"}
        return _tell(ExitCode.USAGE, "UsageError", said, session)
    if isinstance(error, click.ClickException):
        return _tell(ExitCode.ERROR, type(error).__name__, {"message": error.format_message()}, session)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _tell_interruption(error, session)
    if isinstance(error, OSError | MemoryError):
        return _tell_machine(error, session)
    return _tell_crash(error, session)


def tell_unprinted(failure: OSError, code: int, session: Session) -> int:
    """Say on stderr that stdout did not take what was printed, and what was done all the same; gives the exit code.

    The code that the work earned stays. Only where there is nothing but words, and they are lost, is that the failure.
    Somebody who reads no further has seen enough, so that is none.
    """
    done = f"; done: {'; '.join(session.done)}" if session.done else ""
    gone = isinstance(failure, BrokenPipeError)
    if gone and not done:
        return code
    reason = "nobody reads it any more" if gone else failure.strerror
    message = f"stdout took no more ({reason}){done}"
    if done or code != ExitCode.OK:
        warn(message, session)
        return code
    said = {"message": message, "remedy": "make room or open stdout, then run it again; nothing was changed"}
    return _tell(ExitCode.OUTPUT, "OutputLost", said, session)


def warn(message: str, session: Session) -> None:
    """Something the person should know, which stops nothing."""
    text = _hidden(for_people(message, session), session)
    _write(safe_json({"warning": {"message": text}}, indent=None) if session.json else printable(f"warning: {text}"))


def said_of(error: TelephonyError) -> dict[str, Any]:
    """An error as the JSON object that scripts get; absent facts are left out."""
    facts: dict[str, Any] = {
        "message": _spoken(error.message),
        "remedy": next_step(error),
        "provider": error.provider,
        "operation": error.operation,
        "status": error.status,
        "code": error.code,
        "request_id": error.request_id,
        "retry_after": error.retry_after,
        "body": error.body,
    }
    match error:
        case UnsupportedField():
            facts["field"] = error.field
        case NotAllowed():
            facts["allowance"] = error.allowance
        case AmbiguousNumber():
            facts["candidates"] = [number.model_dump(mode="json") for number in error.candidates]
        case OutcomeUnknown() if error.attempt is not None:
            facts["number"] = error.attempt.identity.model_dump(mode="json")
            facts["id"] = error.attempt.id
        case PartialOutcome():
            facts["number"] = None if error.number is None else error.number.model_dump(mode="json")
            facts |= {"done": list(error.done), "failed_step": error.failed_step}
            facts["cause"] = {"kind": type(error.cause).__name__, **said_of(error.cause)}
        case ChangeRefused():
            facts["problems"] = [problem_facts(problem) for problem in error.problems]
    return {name: value for name, value in facts.items() if value is not None}


def problem_facts(problem: Problem) -> dict[str, Any]:
    """A problem of a change as the JSON object that ``--check`` prints."""
    return {
        "severity": problem.severity,
        "field": problem.field,
        "kind": None if problem.error is None else type(problem.error).__name__,
        "message": _spoken(problem.message),
        "remedy": next_step(problem.error) if problem.error is not None else _spoken(problem.remedy),
    }


def problem_line(problem: Problem) -> str:
    facts = problem_facts(problem)
    line = f"{facts['severity']}: {facts['field']}: {facts['message']}"
    return f"{line}; {facts['remedy']}" if facts["remedy"] else line


def next_step(error: TelephonyError) -> str | None:
    """What to type next."""
    match error:
        case NotFound():
            return "`telephony numbers list` shows what this key can see; check the number or the id"
        case AmbiguousNumber():
            return "address one of them by its id"
        case NotAllowed() if "--allow" in (error.remedy or ""):  # of a migration, which words it so itself
            return _spoken(error.remedy)
        case NotAllowed(allowance="allow_any"):
            return "name the addresses of the carrier, or say --allow-any if everybody may call in"
        case NotAllowed(allowance="publishes" | "unpublishes" as effect):
            return f"say --allow {effect} if that is meant"
        case OutcomeUnknown() if error.attempt is not None:
            return _look(error.attempt)
        case RateLimited():
            return "wait, or give the connection a slower pace in the configuration file"
        case _:
            return _spoken(error.remedy)


def _look(attempt: Attempt) -> str:
    by_id = " --id" if attempt.id is not None and not any(map(str.isalpha, attempt.id)) else ""
    return _look_at(attempt.id or str(attempt.identity), by_id)


def _look_at(where: str, by_id: str = "") -> str:
    """How to find out whether a write happened."""
    command = f"telephony numbers show {shlex.quote(where)}{by_id}"
    return f"look before repeating, and once more after a minute: `{command}`"


def _tell_error(error: TelephonyError, session: Session) -> ExitCode:
    if isinstance(error, ChangeRefused):
        code = exit_code_for(error.first)
        if not session.json:
            for problem in error.problems:
                _write(printable(_hidden(pasteable(problem_line(problem), session), session)))
    else:
        code = exit_code_for(error)
    return _tell(code, type(error).__name__, _said_here(error, session), session)


def _said_here(error: TelephonyError, session: Session) -> dict[str, Any]:
    """An error with the account it came from."""
    said = said_of(error)
    account = session.account
    if account is not None and error.provider == account.provider:
        said |= {"connection": account.connection, "host": account.host}
    return said


def _tell_interruption(error: BaseException, session: Session) -> ExitCode:
    """What was under way when somebody ended the run: which record, what may have happened, what to type next."""
    by = str(error) if isinstance(error, KeyboardInterrupt) else ""
    said = {"message": f"interrupted by {by}" if by else "interrupted"}
    # The library notes on the exception what it tells as an unknown outcome, too.
    told = [unknown.message for unknown in session.unknown]
    notes = [note for note in dict.fromkeys(_notes(error)) if not any(message in note for message in told)]
    said["remedy"] = "; ".join(notes)
    return _tell(ExitCode.INTERRUPTED, "Interrupted", _with_work(said, session), session)


def _tell_machine(error: OSError | MemoryError, session: Session) -> ExitCode:
    """What the operating system said where nobody expected it: a disk, a folder or a limit, and no fault of ours."""
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    what = f": {error.filename}" if isinstance(error, OSError) and isinstance(error.filename, str) else ""
    said = {"message": f"this machine refused something ({reason}{what})", "remedy": f"{DEBUG}=1 shows where"}
    return _tell(ExitCode.MACHINE, type(error).__name__, _with_work(said, session), session)


def _with_work(said: dict[str, Any], session: Session) -> dict[str, Any]:
    """The same, with the write that had begun and what was done before, for an end that nobody planned."""
    account, parts, remedies = session.account, [said["message"]], [said["remedy"]]
    for unknown in session.unknown:
        said |= _said_here(unknown, session)
        remedies.insert(0, said["remedy"])
        attempt, happened = unknown.attempt, ""
        if attempt is not None:
            whose = f" (record {attempt.id})" if attempt.id is not None else ""
            happened = f": {attempt.operation.replace('_', ' ')} of {attempt.identity}{whose} may have happened"
        parts.append(f"{_spoken(unknown.message)}{happened}")
    if session.under_way is not None and not session.unknown and account is not None:
        said |= {"provider": account.provider, "connection": account.connection, "host": account.host}
        remedies.insert(0, _look_at(session.under_way.where))
        parts.append(f"{session.under_way.what} may have happened")
    if session.done:
        parts.append(f"done before: {'; '.join(session.done)}")
    return {**said, "message": "; ".join(parts), "remedy": "; ".join(filter(None, remedies))}


def _tell(code: ExitCode, kind: str, said: dict[str, Any], session: Session) -> ExitCode:
    said = facts_for_people(said, session)
    if session.json:
        facts = {"kind": kind, **{name: value for name, value in said.items() if value not in (None, "")}}
        _write(safe_json({"error": {**hidden(facts, session.secrets), "exit_code": int(code)}}, indent=None))
        return code
    account = str(session.account) if said.get("connection") else said.get("provider")
    where = " ".join(part for part in (account, said.get("operation")) if part)
    facts_seen = [f"HTTP {said['status']}"] if said.get("status") else []
    facts_seen += [str(said["code"])] if said.get("code") else []
    facts_seen += [f"request {said['request_id']}"] if said.get("request_id") else []
    line = f"error: {where + ': ' if where else ''}{said['message']}"
    line += f" ({', '.join(facts_seen)})" if facts_seen else ""
    _write(printable(_hidden(line, session)))
    if said.get("remedy"):
        _write(printable(_hidden(f"  next: {said['remedy']}", session)))
    return code


def _tell_crash(error: BaseException, session: Session) -> ExitCode:
    # The text of an unforeseen exception may hold anything, a secret included; its kind and place do not.
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    said = {
        "message": f"this program failed ({type(error).__name__}{place}), which is a fault in it",
        "remedy": f"{DEBUG}=1 shows the traceback; please report it",
    }
    return _tell(ExitCode.CRASH, "Crash", _with_work(said, session), session)


def _notes(error: BaseException) -> list[str]:
    """What was added to an interruption: writes that were in flight."""
    notes: list[str] = []
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        notes += getattr(link, "__notes__", [])
        link = link.__cause__ or link.__context__
    return notes


def _spoken(text: str | None) -> str | None:
    return None if text is None else spoken(text)


def _hidden(text: str, session: Session) -> str:
    """A text without the secrets this run has read, whatever way they came into it."""
    return hide(text, session.secrets)


def hide(text: str, secrets: Iterable[str]) -> str:
    return Secrets.of(secrets).hidden_in(text)


def hidden(facts: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """Facts without secrets in any of their values, before they become JSON: cut into afterwards, it might be none."""
    held = Secrets.of(secrets)
    return {name: _value_hidden(value, held) for name, value in facts.items()}


def _value_hidden(value: Any, secrets: Secrets) -> Any:
    if isinstance(value, str):
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
