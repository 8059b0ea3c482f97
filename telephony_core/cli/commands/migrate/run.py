"""What `apply`, `verify`, `rollback` and `release` share: both ends of a plan, progress, Ctrl-C, and how they end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

import click

from telephony_core.cli import failures, prompts
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.tables import on_terminal, print_json, print_line, terminal
from telephony_core.cli.signals import ENDING, interrupting
from telephony_core.cli.wording import facts_for_people, for_people, lines_for_people, next_line
from telephony_core.errors import ConfigurationError, MigrationError, OutcomeUnknown, TelephonyError
from telephony_core.migration.plan.model import Plan
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.stopping import Stopped, StopRules
from telephony_core.secrets.references import is_reference, read_secret

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.progress import Progress, TaskID

    from telephony_core.cli.session import Session
    from telephony_core.migration.run.endpoints import Opener

T = TypeVar("T")

NO_TERMINAL: Final = 100
"""Columns of text that goes to a pipe or a file."""


def width() -> int:
    """How wide text for people may be."""
    return terminal().width if on_terminal() else NO_TERMINAL


class Ends(NamedTuple):
    """What opens a client of either end of a plan."""

    source: Opener
    target: Opener


def ends(session: Session, plan: Plan) -> Ends:
    """Both connections of a plan. Raises `ConfigurationError` for one that is not configured here."""
    connections = session.connections()
    source, target = (session.opener(connections[side.connection]) for side in (plan.source, plan.target))
    return Ends(source, target)


def learn_secrets(session: Session, plan: Plan) -> None:
    """Read what the plan's references lead to, so that nothing this run prints can show it. What is missing is left."""
    for reference in (text for trunk in plan.trunks for text in trunk.references):
        if is_reference(reference) and not reference.startswith("prompt:"):
            with suppress(ConfigurationError):
                session.secrets.add(read_secret(reference, what="a trunk").get_secret_value())


def asking(session: Session) -> Callable[[str], str] | None:
    """Asks for a secret in the middle of a run, where there is a terminal; Ctrl-C ends the run then."""
    if not prompts.stdin_is_terminal():
        return None

    def ask(what: str) -> str:
        try:
            with _ordinary_interrupts():
                secret = prompts.secret(what)
        except click.Abort as end:
            end.add_note("run the same command again: it goes on from where it was")
            raise
        session.secrets.add(secret)
        return secret

    return ask


@contextmanager
def _ordinary_interrupts() -> Iterator[None]:
    """While somebody types, Ctrl-C is not a wish to finish the number in hand: there is none."""
    with interrupting():
        yield
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "siginterrupt"):
        for number in ENDING:  # as the event loop had it
            signal.siginterrupt(number, False)


@dataclass(slots=True)
class SpokenRules(StopRules):
    """Rules that answer the first Ctrl-C at once, and say what the second one does."""

    tell: Callable[[str], None] = lambda said: None

    def ask(self) -> None:
        StopRules.ask(self)
        self.tell("stopping: the numbers in hand are finished first; Ctrl-C once more stops at once, which is safe too")


def to_its_end(
    work: Callable[[StopRules], Coroutine[Any, Any, T]], rules: StopRules, what: str, loaded: LoadedPlan
) -> T:
    """Run async work; the first Ctrl-C finishes the numbers in hand, the second stops at once.

    Raises `Interrupted` then, and `JournalError` where the journal cannot be kept any more; of either,
    `OutcomeUnknown` where a request was under way that may still take effect.
    """
    from telephony_core.migration.journal.sqlite_file import JournalError, JournalLocked
    from telephony_core.migration.rendering.commands import command
    from telephony_core.migration.run.stopping import Interrupted, run_interruptibly

    cut_short: TelephonyError
    try:
        return run_interruptibly(work, rules, what)
    except JournalLocked:  # what is in doubt is in the hands of the run that is at work
        raise
    except (Interrupted, JournalError) as error:
        cut_short = error
    open_requests = _open_requests(loaded)
    if not open_requests:
        raise cut_short
    status = f"`{command('status', loaded.path)}` shows what is in doubt"
    first = f"{cut_short.remedy}; " if isinstance(cut_short, JournalError) and cut_short.remedy else ""
    raise OutcomeUnknown(
        f"{cut_short.message}; in doubt: {', '.join(open_requests)}",
        remedy=f"{first}{status}; the same command again goes on from there",
    )


def _open_requests(loaded: LoadedPlan) -> list[str]:
    """The numbers of which a request was announced and not settled, as far as the journal can still be read."""
    from telephony_core.migration.move.effects import clock_text
    from telephony_core.migration.run.status import read_run

    with suppress(MigrationError):
        return [
            f"{number.number} (until {clock_text(number.in_doubt_until)})"
            for number in read_run(loaded).numbers
            if number.in_doubt_until is not None
        ]
    return []


# -- progress


class Telling:
    """Shows a run on stderr while it lasts: a bar on a terminal, lines of JSON anywhere else.

    stdout is left to what the command prints at its end. A reader that goes away does not stop the run.
    """

    def __init__(self, session: Session, what: str) -> None:
        self._session = session
        self._what = what
        self._bar: _Bar | None = None
        self._as_bar = not session.json and sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def event(self, event: Event) -> None:
        """Show one event."""
        with suppress(OSError):
            if self._as_bar:
                self._show(event)
            else:
                self._line({"event": event.model_dump(mode="json", exclude_none=True)})

    def say(self, said: str) -> None:
        """Something that the person should know now."""
        with suppress(OSError):
            if not self._as_bar:
                self._line({"warning": {"message": said}})
            elif self._bar is not None:
                self._bar.above(said, "yellow")
            else:
                click.echo(said, err=True)

    def _line(self, data: dict[str, Any]) -> None:
        said = facts_for_people(data, self._session)
        click.echo(safe_json(failures.hidden(said, self._session.secrets), indent=None), err=True)

    def _show(self, event: Event) -> None:
        if self._bar is None:
            # Not before the first number: whoever is asked for a password needs the terminal for that.
            if event.kind is not EventKind.NUMBER_STARTED:
                if event.kind is EventKind.NOTICE:
                    click.echo(printable(for_people(event.message, self._session)), err=True)
                return
            self._bar = _Bar(self._what, event.total)
        self._bar.show(event, failures.hide(for_people(event.message, self._session), self._session.secrets))


class _Bar:
    """A progress bar on stderr."""

    def __init__(self, what: str, total: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        console = terminal(stderr=True)
        columns: list[Any] = [TextColumn("{task.description} {task.completed}/{task.total}", markup=False)]
        if console.width >= 60:
            columns.append(BarColumn(bar_width=20))
        now = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns.append(TextColumn("{task.fields[now]}", markup=False, table_column=now))
        self._progress: Progress = Progress(*columns, console=console, expand=True, transient=True)
        self._task: TaskID = self._progress.add_task(what, total=total, now="")
        self._progress.start()

    def show(self, event: Event, message: str) -> None:
        if event.kind is EventKind.NOTICE:
            self.above(message, "yellow")
        elif event.kind is EventKind.NUMBER_FAILED:
            self.above(f"{event.number}: {message}", "red")
        step = " ".join(word.replace("_", " ") for word in (event.action, event.phase) if word)
        now = " ".join(
            part for part in (event.number, step or (message if event.kind is EventKind.WAITING else "")) if part
        )
        failed = f"{event.failed} failed · " if event.failed else ""
        self._progress.update(self._task, completed=event.done, total=event.total, now=printable(f"{failed}{now}"))

    def above(self, said: str, style: str) -> None:
        self._progress.console.print(printable(said), style=style, soft_wrap=True)

    def stop(self) -> None:
        with suppress(OSError):
            self._progress.stop()


# -- the end


def print_report(
    session: Session, report: BaseModel, lines: list[str], next_commands: Iterable[str], **more: object
) -> None:
    """What a run came to: the report and what follows from it, as JSON or in words."""
    session.did(lines[0] if lines else "the run ended")
    commands = list(next_commands)
    if session.json:
        print_json(facts_for_people({**report.model_dump(mode="json"), **more, "next": commands}, session))
        return
    for line in lines_for_people((line for line in lines if not line.startswith("next: ")), session):
        print_line(failures.hide(line, session.secrets))
    for command in commands:
        print_line(failures.hide(next_line(command, session), session.secrets), "bold")


def ended(complete: bool, doubted: bool, done: int, stopped: Stopped | None) -> ExitCode:
    """How a run ends that moves or releases numbers: all, in doubt, stopped by a person, a part, or none.

    Of what fits, the first in this order. A write that may have happened (``doubted``) goes before a part: whoever
    reads nothing but the code must not take such a run for one that can be repeated blindly.
    """
    if complete:
        return ExitCode.OK
    if doubted:
        return ExitCode.UNKNOWN
    if stopped is Stopped.ASKED:
        return ExitCode.INTERRUPTED
    if done:
        return ExitCode.PARTIAL
    return ExitCode.PERMISSION if stopped is Stopped.KEY else ExitCode.ERROR


def load(plan_file: str) -> LoadedPlan:
    """The plan in a file. Raises `MigrationError`."""
    from telephony_core.migration.plan.store import load_plan

    return load_plan(plan_file)
