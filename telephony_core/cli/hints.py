"""What people mean who type something else: another tool's word, a near miss, a number without quotes."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click

from telephony_core.cli.output.printable import printable

_COMMANDS: Final[Mapping[str, str]] = {
    word: f"telephony {command}"
    for command, words in {
        "numbers import": "add create",
        "agents assign": "assign unassign",
        "doctor": "auth config connections login test whoami",
        "numbers available": "buy purchase search",
        "numbers release": "cancel delete remove rm",
        "apply": "continue resume run",
        "numbers show": "describe find get info show",
        "numbers set": "edit set update",
        "inventory": "export",
        "numbers list": "list ls",
        "migrate": "move port",
        "sip check": "ping",
        "numbers label": "rename",
        "rollback": "undo",
    }.items()
    for word in words.split()
}
"""Words of other tools, and the command for it. Within a group its own command goes first (`_IN_A_GROUP`)."""
# Several words for each, because a group takes the first one that it has: `numbers add` is import, `agents add` is
# assign.
_IN_A_GROUP: Final[Mapping[str, Sequence[str]]] = {
    "add": ("import", "assign"),
    "buy": ("available",),
    "check": ("doctor",),
    "create": ("import", "plan", "assign"),
    "delete": ("release",),
    "describe": ("show",),
    "diff": ("verify",),
    "draft": ("map",),
    "edit": ("set",),
    "find": ("show",),
    "get": ("show", "list"),
    "info": ("show", "status"),
    "ls": ("list", "show"),
    "preview": ("assess",),
    "purchase": ("available",),
    "remove": ("release",),
    "rename": ("label",),
    "restore": ("revoke-release",),
    "resume": ("apply",),
    "rm": ("release",),
    "run": ("apply",),
    "search": ("list", "available"),
    "set": ("assign",),
    "start": ("apply",),
    "test": ("check",),
    "undo": ("rollback", "revoke-release"),
    "update": ("set", "assign"),
}
_NO_LOGIN: Final = "there is nothing to log in to: a key is in TELEPHONY_<SLUG>_API_KEY or in the configuration file"
_NO_PURCHASE: Final = "this program does not buy numbers; it shows what is for sale"
_IN_A_FILE: Final = "connections are in the configuration file, and keys in the environment"
_AGAIN: Final = "a plan goes on when it is applied again"
_WHY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("auth", "login", "whoami"), _NO_LOGIN),
    **dict.fromkeys(("buy", "purchase"), _NO_PURCHASE),
    **dict.fromkeys(("config", "connections"), _IN_A_FILE),
    **dict.fromkeys(("continue", "resume"), _AGAIN),
}
_OPTIONS: Final[Mapping[str, str]] = {
    "--account": "-p",
    "--all": "",
    "--connection": "-p",
    "--delete": "",
    "--dry-run": "--check",
    "--filter": "--where",
    "--fields": "--columns",
    "--force-yes": "--yes",
    "--format": "--json",
    "--no-input": "--yes",
    "--out": "--output",
    "--profile": "-p",
    "--silent": "--quiet",
    "--sort-by": "--sort",
    "--user": "--username",
    "--verbose": "",
}
"""Options of other tools, and ours. An empty one: there is none, and nothing that is near would be meant."""
_NEAR: Final = 0.7


def no_such_command(word: str, group: click.Group, ctx: click.Context) -> click.UsageError:
    """The error for a word that is no command here, with the command to use instead where one is known."""
    names = group.list_commands(ctx)
    # The group that was named decides first: `agents set` means assigning, not `numbers set`.
    instead = next((name for name in _IN_A_GROUP.get(word, ()) if name in names), None)
    near = instead or next(iter(difflib.get_close_matches(word, names, n=1, cutoff=_NEAR)), None)
    use = f"{ctx.command_path} {near}" if near is not None else _COMMANDS.get(word) or _elsewhere(word, ctx)
    said = f"there is no command {printable(word)[:60]!r}"
    if word in _WHY:
        return click.UsageError(f"{said}: {_WHY[word]}; use `{use}`", ctx)
    return click.UsageError(f"{said}; did you mean `{use}`?" if use is not None else said, ctx)


def _elsewhere(word: str, ctx: click.Context) -> str | None:
    """A command of this name, or nearly, in any group."""
    paths: dict[str, str] = {}
    for path in _leaves(ctx):
        paths.setdefault(path.rpartition(" ")[2], path)
    near = difflib.get_close_matches(word, [*paths, *_COMMANDS], n=1, cutoff=_NEAR)
    return paths.get(near[0]) or _COMMANDS.get(near[0]) if near else None


def _leaves(ctx: click.Context) -> Iterator[str]:
    root = ctx.find_root()
    if isinstance(root.command, click.Group):
        for name in root.command.list_commands(root):
            found = root.command.get_command(root, name)
            yield f"{root.command_path} {name}"
            if isinstance(found, click.Group):
                yield from (f"{root.command_path} {name} {each}" for each in found.list_commands(root))


def no_such_option(error: click.NoSuchOption) -> click.UsageError:
    """The error for an option that is not there, with the one to use instead where one is known."""
    name = error.option_name
    known = [] if error.ctx is None else [each for param in error.ctx.command.params for each in param.opts]
    ours = _OPTIONS.get(name)
    # Only an option of this very command; a hint that does not parse is worse than none.
    near = [ours] if ours in known else [] if ours == "" else list(error.possibilities or ())[:2]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return click.UsageError(f"there is no option {printable(name)[:60]}{hint}", error.ctx)


_PIECE: Final = re.compile(r"[+(]?[0-9][0-9()./-]*\)?")


def too_many_words(given: Sequence[str], ctx: click.Context) -> click.UsageError:
    """The error for words that no argument takes: mostly a number that the shell has split at its blanks."""
    number = _split_number(given)
    if number is not None:
        split = f"the shell split the number {printable(number)} into {len(number.split())} words"
        return click.UsageError(f"{split}; quote it: `{shlex.quote(number)}`", ctx)
    extra = " ".join(ctx.args)
    return click.UsageError(
        f"{printable(extra)[:80]!r} is one word too many here; quote a value that has blanks in it", ctx
    )


def _split_number(given: Sequence[str]) -> str | None:
    """The longest run of words that make one number together."""
    runs: list[list[str]] = [[]]
    for word in given:
        # A plus begins a number, so two numbers in a row are not one.
        if _PIECE.fullmatch(word) and not (word.startswith("+") and runs[-1]):
            runs[-1].append(word)
        else:
            runs.append([word] if _PIECE.fullmatch(word) else [])
    together = max(runs, key=len)
    number = " ".join(together)
    if len(together) < 2:  # not split by a shell
        return None
    # Only here: it brings pydantic along, whose loading takes half of the time that `telephony --help` needs.
    from telephony_core.domain.number_parsing import is_written_as_number

    return number if is_written_as_number(number) else None
