"""HTML in which every text is escaped, unless it was built here."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final, TypeAlias

from telephony_core.migration.inventory.fields import printable


class Html(str):
    """Markup that was built here. Any other text is escaped where it is put in."""

    __slots__ = ()


Child: TypeAlias = "str | Html | None"

_EMPTY: Final = frozenset({"input", "br"})


def text(value: str) -> Html:
    """Somebody's text: without control characters and passwords in URIs, and escaped."""
    return Html(escape(printable(value), quote=True))


def escaped(part: str) -> Html:
    """A part of a text of ours: escaped, with the blanks at its ends."""
    return Html(escape(part, quote=True))


def tag(name: str, *children: Child, **attributes: str | bool | None) -> Html:
    """One element. ``class_`` is ``class``, ``data_x`` is ``data-x``; ``None`` and ``False`` leave one out."""
    said = []
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            said.append(f" {attribute}")
        elif value is not None and value is not False:
            said.append(f' {attribute}="{text(value)}"')
    opening = f"<{name}{''.join(said)}>"
    return Html(opening if name in _EMPTY else f"{opening}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Children one after the other."""
    return Html("".join(child if isinstance(child, Html) else text(child) for child in children if child is not None))


def items(texts: Iterable[Child], class_: str | None = None) -> Html | None:
    """A list, or nothing when it would be empty."""
    entries = [tag("li", entry) for entry in texts]
    return tag("ul", *entries, class_=class_) if entries else None


def page(title: str, body: Html) -> str:
    """A whole page that fetches nothing. Its policy allows its own style and script, by their hashes, and no others."""
    template = _template()
    policy = f"default-src 'none'; style-src {_hash('style')}; script-src {_hash('script')}; base-uri 'none'"
    return Template(template).substitute(policy=policy, title=text(title), body=body)


@cache
def _template() -> str:
    return Path(__file__).with_name("report.html").read_text(encoding="utf-8")


def _hash(element: str) -> str:
    found = re.search(rf"<{element}>(.*?)</{element}>", _template(), re.DOTALL)
    content = found[1] if found is not None else ""
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}'"
