"""What the library says, in the words of the command line: options for arguments, and commands that can be pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from telephony_core.cli.session import Session

# The library speaks to programmers. The longer of two that begin alike stands first.
_SPOKEN: Final = (
    ("`list_numbers()`", "`telephony numbers list`"),
    ("`find_number()`", "`telephony numbers show`"),
    ("look again with `client.reconcile(error)`", "look again"),
    ("set outbound.address with `update_sip()`", "set it with `telephony sip set`"),
    ("say `send_as_is=True`", "say --send-as-is"),
    ("with `send_as_is=True`", "with --send-as-is"),
    ("pass `InboundUpdate(allow_any=True)`", "say --allow-any"),
    ("pass `allow_any=True`", "say --allow-any"),
    ("say version=PUBLISHED, DRAFT or the provider's own word", "say published, draft or the provider's own word"),
    ("give PUBLISHED, DRAFT or", "give published, draft or"),
    ("assign version=PUBLISHED", "assign the version published"),
    ("give None to take the label away", "say --clear to take the label away"),
    ("set its fields to None to clear them", "use the --clear-… options"),
    ("give None to clear it", "use the --clear-… options to clear it"),
    ("or None to take it off", "or taken off with --none-inbound and --none-outbound"),
    ("a half is set or left out, never None", "a half is set or left out"),
    (", or pass api_key=", ""),
    ("pass api_key=, or set ", "set "),
    ("use a client without `read_only` for writes", "this command only reads"),
    ("make a new client, or keep this one open for as long as it is used", "run the command again"),
    ("give the client a slower `pace`", "give the connection a slower `pace` in the configuration file"),
    (
        "give the client a longer `timeout`, or a faster `pace`",
        "give the connection a longer `timeout`, or a faster `pace`, in the configuration file",
    ),
    ("; `body` holds its whole answer", "; --json shows its whole answer"),
    ("use the client that read it", "use the connection that it belongs to"),
    ("or say that it may be overwritten", "or say --force"),
)
_EFFECTS: Final = re.compile(r"allow=\{([^}]*)\}|\ballow (?=SideEffect\.)")
_CONSTANT: Final = re.compile(r"\b(?:SideEffect|Consent)\.([A-Z_]+)")

_COMMAND: Final = re.compile(
    r"""(?P<before>`|(?:^|\s)next:\ ) (?P<command> telephony\ (?P<group>[a-z]+) (?: "'" | '[^']*' | [^`'\n] )* )""",
    re.VERBOSE,
)
"""A command as it is printed: between backticks, or behind ``next:``; `shlex.quote` may have quoted words of it."""
_OF_AN_ACCOUNT: Final = frozenset({"numbers", "sip", "agents", "inventory"})
_OF_SEVERAL: Final = frozenset({"migrate", "doctor"})
"""Read the configuration, and are not about the one account of ``-p``."""
_FOR_PEOPLE: Final = frozenset({"message", "remedy", "says", "problem", "why_stopped"})


def spoken(text: str) -> str:
    """The library's own hints, said as the command line would be told the same."""
    for library, here in _SPOKEN:
        text = text.replace(library, here)
    text = _EFFECTS.sub(lambda found: _options(found[1]) if found[1] else "say --allow ", text)
    return _CONSTANT.sub(lambda found: found[1].lower(), text)


def _options(effects: str) -> str:
    return " ".join(f"--allow {effect.strip()}" for effect in effects.split(","))


def pasteable(text: str, session: Session) -> str:
    """The text, in which every command has the options that decided where this run worked."""
    return _COMMAND.sub(lambda found: f"{found['before']}{typed(found['command'], session)}", text)


def typed(command: str, session: Session) -> str:
    """A command with the options that lead it to the connections of this run, unless it has them.

    A configuration file and a connection that came from the environment are there for the next command, too.
    """
    words = command.split()
    group = words[1] if len(words) > 1 else ""
    if words[1:3] == ["sip", "check"]:  # of an address, which -p would take for a number
        return command
    more: list[str] = []
    if group in _OF_AN_ACCOUNT and "-p" not in words:
        name = session.account.connection if session.account is not None else session.provider
        more += ["-p", name] if name else []
    if group in _OF_AN_ACCOUNT | _OF_SEVERAL and "--config" not in words:
        more += ["--config", session.config] if session.config else []
    return " ".join([command, *map(shlex.quote, more)])


def for_people(text: str, session: Session) -> str:
    """A text of the library as this run prints it."""
    return pasteable(spoken(text), session)


def facts_for_people(facts: Any, session: Session) -> Any:
    """Facts that become JSON, with what is told to people in them as this run prints it; data stays as it is."""
    if isinstance(facts, Mapping):
        return {
            name: for_people(value, session)
            if name in _FOR_PEOPLE and isinstance(value, str)
            else [typed(command, session) for command in value]
            if name in ("next", "next_commands")
            else facts_for_people(value, session)
            for name, value in facts.items()
        }
    if isinstance(facts, list | tuple):
        return [facts_for_people(value, session) for value in facts]
    return facts


def next_line(command: str, session: Session) -> str:
    """The line that says what to type next."""
    return f"next: {typed(command, session)}"


def lines_for_people(lines: Iterable[str], session: Session) -> list[str]:
    """The same for lines of a report."""
    return [for_people(line, session) for line in lines]
