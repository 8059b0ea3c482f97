"""Secrets in a form that can stand in the variables of a frame: crash reporters record how those show themselves.

They are what they are in every other respect, so that whoever sends them need not know.
"""

from __future__ import annotations

from typing import Any, Final

_SHOWN: Final = "**********"
"""As pydantic's `SecretStr` shows itself."""


class _Hidden:
    """Shows itself as a mask."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN


class HiddenStr(_Hidden, str):
    __slots__ = ()


class HiddenDict(_Hidden, dict[str, Any]):
    pass


class HiddenBytes(_Hidden, bytes):
    def __str__(self) -> str:
        return _SHOWN


class HiddenTuple(_Hidden, tuple[str, ...]):
    __slots__ = ()
