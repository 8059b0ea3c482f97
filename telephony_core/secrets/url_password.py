"""The password that somebody wrote into an address, taken out before anybody sees it."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "[hidden]"
_SCHEME: Final = re.compile(r"sips?:|//", re.IGNORECASE)
_DELIMITERS: Final = re.compile(r"[/;,=(){}\[\]]")
_NO_USER: Final = frozenset({"tel", "mailto", "http", "https"})
"""What may stand before a colon and an ``@`` without being a user whose password follows."""


def without_password(address: str) -> str:
    """``sip:user:password@host``, any other URI, or a bare ``user:password@host``, with its password hidden.

    >>> without_password("sip:front:s3cret@pbx.example.com;transport=tls")
    'sip:front:[hidden]@pbx.example.com;transport=tls'
    """
    # The last one: a password may hold an `@` itself.
    user_info, at, host = address.rpartition("@")
    scheme = _SCHEME.search(user_info)
    before = user_info[: scheme.end()] if scheme is not None else ""
    user, colon, password = user_info[len(before) :].partition(":")
    if not (at and password) or (not before and _DELIMITERS.split(user)[-1].lower() in _NO_USER):
        return address
    return f"{before}{user}{colon}{HIDDEN}@{host}"
