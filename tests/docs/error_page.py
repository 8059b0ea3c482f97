"""Write the page of all errors, ``docs/errors.md``, from the classes: ``python -m tests.docs.error_page``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import telephony_core
from telephony_core.errors import Remedy, TelephonyError, cli_words

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """# Errors

<!-- written by `python -m tests.docs.error_page` from the docstrings of the errors -->

Everything that this library raises on purpose is a `TelephonyError`. Its text says what was wrong, where, and what to
do next; its attributes have the same for programs: `message`, `remedy`, `provider`, `connection`, `operation`,
`status`, `code`, `request_id`, `retry_after` (seconds), `field` and a scrubbed `body`, each `None` where it is not
known. `documentation` is the address of its section here, which a traceback shows as well. The classes below can be
imported from `telephony_core`; where not, it is said.
"""


def kinds(kind: type[TelephonyError] = TelephonyError) -> list[type[TelephonyError]]:
    """The tree of errors, each before what is a kind of it."""
    for module in walk_packages(telephony_core.__path__, "telephony_core."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return list(_below(kind))


def _below(kind: type[TelephonyError]) -> Iterator[type[TelephonyError]]:
    if kind.__module__.startswith("telephony_core."):
        yield kind
    for each in sorted(kind.__subclasses__(), key=_place):
        if _base(each) is kind:  # of one that is two kinds of error the first counts
            yield from _below(each)


def _place(kind: type[TelephonyError]) -> tuple[bool, str, int]:
    """The tree of `telephony_core.errors` first, and each module in the order in which it is written."""
    return kind.__module__ != telephony_core.errors.__name__, kind.__module__, inspect.findsource(kind)[1]


def page() -> str:
    found = kinds()
    return "\n".join([HEAD, *_tree(found), "", *(line for kind in found for line in _section(kind))])


def _tree(found: list[type[TelephonyError]]) -> Iterator[str]:
    for kind in found:
        yield f"{'    ' * _depth(kind)}- [{kind.__name__}](#{kind.__name__.lower()})"


def _depth(kind: type[TelephonyError]) -> int:
    return 0 if kind is TelephonyError else 1 + _depth(_base(kind))


def _base(kind: type[TelephonyError]) -> type[TelephonyError]:
    return next(base for base in kind.__bases__ if issubclass(base, TelephonyError))


def _section(kind: type[TelephonyError]) -> Iterator[str]:
    meaning, *others = re.sub(r"``", "`", inspect.getdoc(kind) or "").split("\n\n")
    written = {word: text for word in ("Cause", "Remedy") for text in others if text.startswith(f"{word}: ")}
    yield from (f"## {kind.__name__}", "", meaning)
    for text in others:
        if text not in written.values():
            yield from ("", text)
    if "Cause" in written:
        yield from ("", f"**Cause:** {written['Cause'].removeprefix('Cause: ')}")
    remedies = [written["Remedy"].removeprefix("Remedy: ")] if "Remedy" in written else []
    if vars(kind).get("default_remedy"):
        remedies.append(_remedy(kind))
    if remedies:
        yield from ("", f"**Remedy:** {' '.join(remedies)}")
    if kind is not TelephonyError:
        base = _base(kind)
        where = "" if hasattr(telephony_core, kind.__name__) else f", in `{_home(kind)}`"
        yield from ("", f"A kind of [{base.__name__}](#{base.__name__.lower()}){where}.")
    yield ""


def _home(kind: type[TelephonyError]) -> str:
    migration = import_module("telephony_core.migration")
    return migration.__name__ if kind.__name__ in migration.__all__ else kind.__module__


def _remedy(kind: type[TelephonyError]) -> str:
    text, cli = kind.default_remedy, cli_words(kind.default_remedy)
    return f"{text}. At the command line: {cli}." if isinstance(text, Remedy) else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
