"""Commands that are printed can be pasted: they get the options that decided where this run worked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from telephony_core.cli.session import Session

# Only where it is printed as a command: the name of one in the middle of a sentence gets no options.
_COMMAND: Final = re.compile(
    r"""(?P<before>`|(?:^|\s)next:\ ) (?P<command> telephony\ (?P<group>[a-z]+) (?: "'" | '[^']*' | [^`'\n] )* )""",
    re.VERBOSE,
)
"""A command as it is printed: between backticks, or behind ``next:``; `shlex.quote` may have quoted words of it."""
_OF_AN_ACCOUNT: Final = frozenset({"numbers", "sip", "agents", "inventory"})
_OF_SEVERAL: Final = frozenset({"migrate", "doctor", "apply", "status", "verify", "rollback", "report"})
"""Read the configuration, and are not about the one account of ``-p``."""
_TEXTS: Final = frozenset({"message", "remedy", "problem", "why_stopped"})
"""Keys of text for people; under any other key is data."""


def pasteable(text: str, session: Session) -> str:
    """A text of the library in which every command can be pasted."""
    return _COMMAND.sub(lambda found: f"{found['before']}{pasteable_command(found['command'], session)}", text)


def pasteable_command(command: str, session: Session) -> str:
    """A command with the options that lead it to the connections of this run, unless it has them.

    A configuration file and a connection that came from the environment are there for the next command, too.
    """
    words = command.split()
    group = words[1] if len(words) > 1 else ""
    if words[1:3] == ["sip", "check"] or words[-1:] == ["--help"]:  # about an address, which has no connection; or none
        return command
    more: list[str] = []
    if group in _OF_AN_ACCOUNT and "-p" not in words:
        # The account at work goes before what was typed: where a run has two, only it says which end failed.
        name = session.account.connection if session.account is not None else session.provider
        more += ["-p", name] if name else []
    if group in _OF_AN_ACCOUNT | _OF_SEVERAL and "--config" not in words:
        more += ["--config", session.config] if session.config else []
    # At the end, and the command as it is: it may hold words that were quoted for a shell.
    return " ".join([command, *map(shlex.quote, more)])


def pasteable_data(data: Any, session: Session) -> Any:
    """Data that becomes JSON, with pasteable commands in its texts and lists of commands."""
    if isinstance(data, Mapping):
        return {
            name: pasteable(value, session)
            if name in _TEXTS and isinstance(value, str)
            else [pasteable_command(command, session) for command in value]
            if name in ("next", "next_commands")
            else pasteable_data(value, session)
            for name, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [pasteable_data(value, session) for value in data]
    return data


def next_line(command: str, session: Session) -> str:
    """The line that says what to type next."""
    return f"next: {pasteable_command(command, session)}"
