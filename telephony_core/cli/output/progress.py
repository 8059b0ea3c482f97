"""The progress of a plan that is carried out, on stderr while it lasts."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import click

from telephony_core.cli import failures
from telephony_core.cli.output.pasteable import pasteable, pasteable_data
from telephony_core.cli.output.printable import printable, safe_json
from telephony_core.cli.output.prose import on_terminal, say
from telephony_core.cli.output.terminal import terminal
from telephony_core.cli.output.waiting import EVERY, live_stderr
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.run.events import Event, EventKind

if TYPE_CHECKING:
    from rich.progress import TaskID

    from telephony_core.cli.session import Session

_EVERY: Final = timedelta(seconds=EVERY)
_DOING: Final = {
    Action.CHECK: "checking",
    Action.IMPORT: "importing",
    Action.SEND_AGAIN: "sending the trunk again",
    Action.ASSIGN_AGENTS: "assigning agents",
    Action.SET_LABEL: "changing the label",
    Action.SET_SIP: "changing the trunk",
    Action.SET_AGENTS: "changing agents",
    Action.RESTORE: "setting back",
    Action.READ_BACK: "reading back",
    Action.VERIFY: "comparing",
    Action.RELEASE: "releasing",
    Action.ROLL_BACK: "rolling back",
}
"""What a number is in the middle of."""
_LASTS: Final = (Phase.INTENT, Phase.LOOK)
_PARTS: Final = 10
"""Off a terminal, each tenth of the numbers gets a line, however fast they go."""


class Progress:
    """Shows a run on stderr while it lasts: a bar on a terminal, lines elsewhere, and with ``--json`` every event.

    stdout is left to what the command prints at its end. A reader that goes away does not stop the run.
    """

    def __init__(self, session: Session, what: str) -> None:
        self._session = session
        self._what = what
        self._bar: _Bar | None = None
        self._lines = _Lines(what)
        self._as_bar = not session.json and live_stderr()
        self._reading = ExitStack()

    def __enter__(self) -> Self:
        self._reading.enter_context(self._session.waiting("reading what is there"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        if self._bar is not None:
            self._bar.stop()

    def clear(self) -> None:
        """Say no more that something is read: numbers are worked on now, or a person is asked."""
        self._reading.close()

    def event(self, event: Event) -> None:
        """Show one event."""
        # The run says that it started before it has read anything.
        if event.kind is not EventKind.STARTED:
            self.clear()
        if self._session.quiet:
            return
        with suppress(OSError):
            if self._session.json:
                data = pasteable_data({"event": event.model_dump(mode="json", exclude_none=True)}, self._session)
                click.echo(safe_json(failures.hidden(data, self._session.secrets), indent=None), err=True)
                return
            # A failure quotes what a vendor answered.
            message = failures.hide(pasteable(event.message, self._session), self._session.secrets)
            if self._as_bar:
                self._show(event, message)
            else:
                for line in self._lines.of(event, message):
                    say(line)

    def _show(self, event: Event, message: str) -> None:
        # No bar before the first number: a prompt for a password needs the terminal.
        if self._bar is None and event.kind is EventKind.NUMBER_STARTED:
            self._bar = _Bar(self._what, event.total)
        if self._bar is not None:
            self._bar.show(event, message)
        elif event.kind is EventKind.NOTICE:
            say(message)


class _Lines:
    """A run in lines, for a pipe or a file: notices and failures at once, counts by the tenth or every few seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said_at: datetime | None = None
        self._part = 0

    def of(self, event: Event, message: str) -> list[str]:
        """What there is to say about an event now."""
        # The times of the events and not the clock: the same run says the same lines.
        self._said_at = self._said_at or event.at
        said = []
        if event.kind is EventKind.NOTICE:
            said.append(message)
        elif event.kind is EventKind.NUMBER_FAILED:
            said.append(f"{event.number}: {message}")
        part = event.done * _PARTS // event.total if event.total else 0
        if part > self._part or event.at - self._said_at >= _EVERY:
            self._part, self._said_at = part, event.at
            failed = f", {event.failed} failed" if event.failed else ""
            said.append(f"{self._what} {event.done} of {event.total}{failed}")
        return said


class _Bar:
    """A progress bar on stderr."""

    def __init__(self, what: str, total: int) -> None:
        import rich.progress
        from rich.progress import BarColumn, TextColumn
        from rich.table import Column

        console = terminal(stderr=True)
        # No markup: a label of a customer may hold square brackets.
        columns: list[Any] = [TextColumn("{task.description} {task.completed}/{task.total}", markup=False)]
        # On less there is room for the counts or for a bar, and the counts say more.
        if console.width >= 60:
            columns.append(BarColumn(bar_width=20))
        now = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        columns.append(TextColumn("{task.fields[now]}", markup=False, table_column=now))
        self._progress = rich.progress.Progress(*columns, console=console, expand=True, transient=True)
        self._task: TaskID = self._progress.add_task(what, total=total, now="")
        self._progress.start()

    def show(self, event: Event, message: str) -> None:
        if event.kind is EventKind.NOTICE:  # about the run, without the counts of its numbers
            self.above(message, "yellow")
            return
        if event.kind is EventKind.NUMBER_FAILED:
            self.above(f"{event.number}: {message}", "red")
        # Only what takes time: between an intent and its result somebody waits.
        step = _DOING[event.action] if event.action is not None and event.phase in _LASTS else ""
        now = " ".join(
            part for part in (event.number, step or (message if event.kind is EventKind.WAITING else "")) if part
        )
        failed = f"{event.failed} failed · " if event.failed else ""
        self._progress.update(self._task, completed=event.done, total=event.total, now=printable(f"{failed}{now}"))

    def above(self, text: str, style: str) -> None:
        # Through the console of the bar, which else would be printed over.
        self._progress.console.print(on_terminal(text), style=style, soft_wrap=True)

    def stop(self) -> None:
        with suppress(OSError):
            self._progress.stop()
