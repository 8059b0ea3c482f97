"""Pages from the templates beside this file: self-contained, nothing fetched, everything escaped.

The templates need jinja2, which the extra ``cli`` installs.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from telephony_core.errors import ConfigurationError
from telephony_core.migration.inventory.fields import printable, value_text
from telephony_core.migration.rendering.grouping import counted
from telephony_core.migration.rendering.plan_text import forms_text, options_text, severity_word, undo_text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES: Final = Path(__file__).with_name("templates")


def render_page(template: str, /, **values: Any) -> str:
    """A page of one of the templates. Raises `ConfigurationError` where jinja2 is not installed."""
    return environment().get_template(template).render(values)


@cache
def environment() -> Environment:
    """The templates, their filters and the policy. Raises `ConfigurationError` where jinja2 is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise ConfigurationError(
            "pages need jinja2, which is not installed", remedy="install the extra: pip install 'telephony-core[cli]'"
        ) from None
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        # A name that a template does not get is a fault, and not an empty place on a page that somebody approves.
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_printable,
    )
    environment.filters |= {
        "counted": counted,
        "forms": forms_text,
        "options": options_text,
        "prose": _prose,
        "sentence": sentence,
        "undo": undo_text,
        "value": value_text,
        "word": severity_word,
    }
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    # The policy allows the page's own style and script by their hashes, and nothing else.
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"
    environment.globals |= {"style": Markup(style), "script": Markup(script), "policy": Markup(policy)}  # noqa: S704
    return environment


def _printable(value: object) -> object:
    """What a template puts in: text without control characters and passwords in URIs, before it is escaped."""
    if isinstance(value, int) or hasattr(value, "__html__"):
        return value
    if isinstance(value, str):
        return printable(value)
    raise TypeError(f"a page shows text, not {type(value).__name__}")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def sentence(text: str) -> str:
    """A remedy, which begins with a verb, as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."


def _prose(text: str) -> Markup:
    """A text in which what is between backticks is code."""
    from markupsafe import Markup, escape

    parts = printable(text).split("`")
    # A backtick without its other half is a character like any other.
    if len(parts) % 2 == 0:
        return escape(printable(text))
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if odd % 2 else part for odd, part in enumerate(parts))
