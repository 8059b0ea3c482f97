"""What commands of a migration are given: files that must not be replaced, numbers to choose, losses to allow."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from telephony_core.cli import prompts
from telephony_core.cli.output.printable import printable
from telephony_core.cli.parameters import CommandT
from telephony_core.cli.parameters.files import InputFile
from telephony_core.errors import ConfigurationError, MigrationError, TelephonyError
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.rendering.commands import file_word, is_next
from telephony_core.text.documents import FileNotWritten, is_stdout, refuse_what_a_journal_needs, would_replace
from telephony_core.text.file_kinds import kind_of, refuse_other_kind
from telephony_core.text.reading import parse_json, read_text

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.migration.plan.model import Plan

TRUNK_CHECK: Final = "trunk_check"
"""The name by which a trunk that failed its check is allowed."""


force_option: Final = click.option("--force", is_flag=True, help="Replace files that are there already.")
take_over_option: Final = click.option(
    "--take-over", is_flag=True, help="Take the place of a run on another host that never reported its end."
)
details_option: Final = click.option(
    "--details", is_flag=True, help="Show every number, and every field of it; --json always has all."
)
plan_argument: Final = click.argument(
    "plan_file", metavar="PLAN", type=InputFile(because="the journal lies beside the plan")
)
numbers_option: Final = click.option(
    "--numbers",
    multiple=True,
    metavar="NUMBER|@FILE",
    help="Only this number; repeat it. @FILE reads them from a file, one to a line, or what --json printed of an "
    "earlier run: its remainder. @- reads stdin.",
)
canary_option: Final = click.option(
    "--canary",
    multiple=True,
    metavar="N|NUMBER",
    help="Do so many first, alone (1, unless the plan says otherwise), or this number; repeat it for several. Without "
    "a number, those that seem to be used least.",
)

# The texts are made by the library, which does not know that --details exists.
_LEFT_OUT: Final = re.compile(r"and [0-9,]+ more|… and ")
"""How a short text says that it leaves numbers out."""


def shown(lines: Callable[..., list[str]], details: bool, *, is_summary: bool = False) -> list[str]:
    """What a text says in short or in full; the short one ends with how to get the rest, where it leaves numbers out.

    ``lines`` takes ``details``. A summary always leaves something out. The next steps stay last.
    """
    found = lines(details=details)
    if details or not (is_summary or any(_LEFT_OUT.search(line) for line in found)):
        return found
    following = next((at for at, line in enumerate(found) if is_next(line)), len(found))
    return [*found[:following], "--details lists every number", *found[following:]]


_MOST_DIGITS: Final = 3
"""A count has so many digits at most; with more, it is a number."""


def canaries_of(given: Iterable[str]) -> tuple[int | None, list[str] | None]:
    """What ``--canary`` says: how many, or which. Raises `click.UsageError` for both at once, or two counts."""
    texts = [text.strip() for text in given]
    # A number has more digits than any count of canaries that makes sense.
    counts = [text for text in texts if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS]
    if not all(texts) or (counts and len(texts) > 1):
        raise click.UsageError("--canary takes one count (0 to 999), or numbers, each with a --canary of its own")
    if counts:
        return int(counts[0]), None
    return None, texts or None


def allow_option(*more: str) -> Callable[[CommandT], CommandT]:
    """``--allow``, which takes every name that there is, and ``more``."""
    return click.option(
        "--allow",
        multiple=True,
        type=click.Choice([*(allowance.value for allowance in Allowance), *more]),
        metavar="NAME",
        help="Allow a loss or a side effect by its name; repeat it for several.",
    )


def named(file: str, otherwise: str) -> str:
    """The name of a file as a word of the next command; ``otherwise`` where it is a stream, which that cannot read."""
    return otherwise if file in ("/dev/stdin", "/dev/stdout") or is_stdout(file) else file_word(file)


def refuse_to_replace(session: Session, force: bool, *files: str | None, reads: Iterable[str | None] = ()) -> None:
    """Refuse, before any work is done, to replace a file. Raises `MigrationError`.

    What the command ``reads``, and its configuration, is never written over, with ``force`` neither. A file that is
    stdout itself (``/dev/stdout``) has it alone: everything else goes to stderr.
    """
    from telephony_core.accounts.connections import user_file

    named = [Path(file) for file in files if file is not None]
    try:
        # Links and `./` followed, so that one file under two names is seen.
        places = [Path(os.path.realpath(file)) for file in named]
    except OSError:
        raise MigrationError("the working directory was deleted", remedy="go to another one") from None
    if len(set(places)) < len(named):
        raise click.UsageError("one file cannot hold both: give two names")
    configured = session.config or os.environ.get("TELEPHONY_CONFIG") or user_file()
    needed = [Path(read) for read in (*reads, configured) if read]
    for file in named:
        # A map written by hand or a begun plan was lost this way, with exit code 0.
        if any(_is_one_file(file, read) for read in needed):
            raise click.UsageError(f"{file} is what this command reads: name another file to write")
    if any(is_stdout(file) for file in named):
        if session.json:
            raise click.UsageError("--json prints on stdout, where a file is to go as well: leave one of them out")
        # Everything that is printed from now on, by whomever: the file has stdout alone.
        sys.stdout = sys.stderr
    for file, place in zip(named, places, strict=True):
        refuse_what_a_journal_needs(file)  # before --force is named, which does not help there
        if would_replace(file) and not force:
            raise MigrationError(f"{file} exists already", remedy="name another file, or say --force")
        if not os.path.lexists(file) and not place.parent.is_dir():
            raise FileNotWritten(f"there is no folder {place.parent}", remedy="make it, or name another file")


def _is_one_file(one: Path, other: Path) -> bool:
    """Whether both names lead to one regular file."""
    try:
        # Regular files only: /dev/stdin and a terminal may well be read and written.
        return one.is_file() and one.samefile(other.expanduser())
    except (OSError, RuntimeError, ValueError):
        return False


def chosen(given: Iterable[str], option: str = "--numbers") -> list[str] | None:
    """The numbers that ``--numbers`` names, in the spelling in which they were given; ``None`` for all."""
    texts = list(given)
    if not texts:
        return None
    found: list[str] = []
    for text in texts:
        found += _from_file(text[1:], option) if text.startswith("@") else [text]
    return list(dict.fromkeys(found))


def keys_of(plan: Plan, given: Iterable[str]) -> list[str] | None:
    """The plan's keys of the numbers that ``--numbers`` names in any spelling; ``None`` for all.

    What the plan does not hold stays as it is, for the library to refuse.
    """
    from telephony_core.migration.assessment.eligibility import capabilities_of
    from telephony_core.migration.plan.naming import NumbersBySpelling

    texts = chosen(given)
    if texts is None:
        return None
    numbers = NumbersBySpelling(plan.numbers, capabilities_of(plan.target.provider).region)
    found: list[str] = []
    for text in texts:
        found += numbers.find(text) or [text]
    return list(dict.fromkeys(found))


def _from_file(name: str, option: str) -> list[str]:
    try:
        text = prompts.stdin_text(option) if name == "-" else read_text(name, what=f"{option}:")
    except ConfigurationError as error:
        raise click.UsageError(f"{error.message}; {error.remedy}") from None
    # Lines of such a file would be taken for numbers, and each be refused.
    if kind_of(text.encode()) in ("a plan", "an inventory", "a map", "a configuration file"):
        refuse_other_kind(name, text.encode(), "a list of numbers", partial(_usage_error, option))
    if text.lstrip().startswith(("{", "[")):
        return _from_json(text, name, option)
    lines = [line.strip() for line in text.splitlines()]
    return _at_least_one([line for line in lines if line and not line.startswith("#")], name, option)


def _usage_error(option: str, message: str, *, remedy: str) -> TelephonyError:
    raise click.UsageError(f"{option}: {message}; {remedy}")


def _at_least_one(numbers: list[str], name: str, option: str) -> list[str]:
    if not numbers:  # a run that failed leaves an empty file, and going on with nothing would look like success
        raise click.UsageError(f"{option}: {printable(name)} names no number")
    return numbers


def _from_json(text: str, name: str, option: str) -> list[str]:
    try:
        document = parse_json(text)
    except ValueError:
        document = None
    numbers = document.get("remainder") if isinstance(document, dict) else document
    if not isinstance(numbers, list) or not all(isinstance(number, str) for number in numbers):
        raise click.UsageError(
            f"{option}: {printable(name)} is neither a list of numbers nor a report with a remainder"
        )
    # The report of a run of which nothing remains has an empty remainder, and to go on with none of them is right.
    return numbers if isinstance(document, dict) else _at_least_one(numbers, name, option)
