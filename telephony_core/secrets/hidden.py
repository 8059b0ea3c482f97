"""Secrets in a form that can stand in the variables of a frame: crash reporters record how those show themselves.

They are what they are in every other respect, so that whoever sends them need not know.
"""

from __future__ import annotations

from typing import Any, Final

_SHOWN: Final = "**********"
"""As pydantic's `SecretStr` shows itself."""


class HiddenStr(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN


class HiddenDict(dict[str, Any]):
    def __repr__(self) -> str:
        return _SHOWN


class HiddenBytes(bytes):
    def __repr__(self) -> str:
        return _SHOWN

    __str__ = __repr__


class HiddenTuple(tuple[str, ...]):
    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN
