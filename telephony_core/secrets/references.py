"""Secrets by reference: where a password is, instead of what it is.

``env:NAME`` reads an environment variable, ``file:PATH`` a file (one trailing line break is dropped), ``prompt:`` asks
the person at the terminal. References may be written down anywhere; what they lead to never is.

A secret is put into a `SecretStr` at once and stands in no variable of these functions as plain text: whoever records
a traceback with its variables, as crash reporters do, records no secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from telephony_core.errors import ConfigurationError, instead_of
from telephony_core.secrets.hidden import HiddenBytes
from telephony_core.secrets.unusable import fault_of

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
KINDS: Final = ("env:", "file:", "prompt:")
HOW_TO_REFER: Final = "write env: and the variable's name, without $, file: and a path, or prompt:"
_LONGEST_FILE: Final = 65_536  # bytes; more is no password, and a device would never end


def is_reference(text: str) -> bool:
    return text.startswith(KINDS)


def variable_named(name: str) -> str:
    """A variable that is not set, in words. Only a name in capitals is repeated: a shell may have put the secret there
    (``env:$PASSWORD`` in the place of ``env:PASSWORD``)."""
    return f"the environment variable {name}" if _VARIABLE.fullmatch(name) else "the environment variable that is named"


def file_named(path: str) -> str:
    """A file that is not there, in words. Only a path in a folder that there is is repeated, for the same reason."""
    return f"the file {path}" if _is_path(path) else "the file that is named"


def _is_path(text: str) -> bool:
    try:
        place = Path(text).expanduser()
        return place.exists() or (os.path.basename(text) != text and place.parent.is_dir())
    except (OSError, RuntimeError, ValueError):
        return False


def unwritable(reference: str) -> str | None:
    """Why a reference must not be written down, or ``None``: what stands in it may be the secret itself.

    A name in capitals need not be set here, for it may be set where it is read.
    """
    kind, _, rest = reference.partition(":")
    if kind == "prompt":
        return None
    if not rest:
        return "it does not say where"
    if kind == "env" and not _VARIABLE.fullmatch(rest) and not os.environ.get(rest):
        return "the environment variable that is named is not set, and its name may be the secret itself"
    if kind == "file" and not _is_path(rest):
        return "the file that is named is not there, and its name may be the secret itself"
    return None


def read_secret(reference: str, *, what: str, prompt: Callable[[str], str] | None = None) -> SecretStr:
    """The secret a reference leads to. ``what`` names it in errors and in the prompt.

    Raises `ConfigurationError` when there is nothing there, or something with characters that nobody sees. The
    reference itself is repeated, never a value.
    """
    if not is_reference(reference):
        del reference  # it may be the secret itself
        raise ConfigurationError(
            f"{what}: this is not a reference to a secret",
            remedy="write env:NAME, file:PATH or prompt:, never the secret",
        )
    kind, _, rest = reference.partition(":")
    if kind == "env" and rest:
        # An empty variable is no secret: scripts set one for what they do not have.
        if not os.environ.get(rest):
            named, rest = variable_named(rest), ""
            del reference
            raise ConfigurationError(
                f"{what}: {named} is not set",
                remedy="set it, or name another source; write the variable's name, without $",
            )
        return usable_secret(SecretStr(os.environ[rest]), what=what, source=f"the environment variable {rest}")
    if kind == "file" and rest:
        return decoded_secret(_read_file(rest, what), what=what, source=f"the file {rest}")
    if kind == "prompt":
        if prompt is None:
            raise ConfigurationError(
                f"{what}: there is nobody here to ask", remedy="use env:NAME or file:PATH where no terminal is"
            )
        typed = SecretStr(prompt(f"{what}: "))
        if not isinstance(typed.get_secret_value(), str | None):
            raise ConfigurationError(
                f"{what}: prompt returned {type(typed.get_secret_value()).__name__} and no text",
                remedy="give one that returns what was typed, such as getpass.getpass",
            )
        if not typed.get_secret_value():
            raise ConfigurationError(f"{what}: nothing was typed", remedy="type it, or use env:NAME or file:PATH")
        return usable_secret(typed, what=what, source="what was typed")
    raise ConfigurationError(
        f"{what}: this is not a reference to a secret: it does not say where", remedy="write env:NAME or file:PATH"
    )


def usable_secret(secret: SecretStr, *, what: str, source: str) -> SecretStr:
    """The secret as it is. ``source`` says where it was found, for errors.

    Raises `ConfigurationError` for one that holds what nobody sees: a byte order mark, line breaks, control, zero-width
    and direction characters, special blanks; and for a mask in the place of a secret.
    """
    fault = fault_of(secret.get_secret_value())
    if fault is not None:
        raise ConfigurationError(f"{what}: {source} {fault.says}", remedy=fault.remedy)
    return secret


def decoded_secret(data: SecretBytes, *, what: str, source: str) -> SecretStr:
    """The secret that a file or a pipe holds, in UTF-8, without one line break at its end.

    Raises `ConfigurationError` as `usable_secret` does, and for UTF-16 and anything else that is not UTF-8.
    """

    def unusable(problem: str, remedy: str = "save it as UTF-8 without a byte order mark") -> ConfigurationError:
        return ConfigurationError(f"{what}: {source} {problem}", remedy=remedy)

    if len(data) > _LONGEST_FILE:
        raise unusable(f"has more than {_LONGEST_FILE} bytes", "name the file that holds the secret alone")
    # PowerShell's `>` writes it, and "not UTF-8" alone would not say what happened.
    if data.looks_like_utf16:
        raise unusable("is UTF-16 text")
    with instead_of(UnicodeDecodeError, lambda _: unusable("is not UTF-8 text")):
        secret = data.decoded()
    if not secret.get_secret_value():
        raise unusable("is empty", "put the secret into it")
    return usable_secret(secret, what=what, source=source)


class SecretBytes(HiddenBytes):
    """A secret as it was read. No traceback shows it."""

    @property
    def looks_like_utf16(self) -> bool:
        """Whether they begin as UTF-16 text does: with its byte order mark, or with a zero in every other byte."""
        start = self[:64]
        return start[:2] in (b"\xff\xfe", b"\xfe\xff") or (
            len(start) >= 4 and (not any(start[::2]) or not any(start[1::2]))
        )

    def decoded(self) -> SecretStr:
        """As UTF-8 text, without one line break at the end. Raises `UnicodeDecodeError`."""
        return SecretStr(self.decode("utf-8").removesuffix("\n").removesuffix("\r"))


def _read_file(path: str, what: str) -> SecretBytes:
    def unreadable(error: Exception) -> ConfigurationError:
        # A path may hold a NUL, and its home may be nobody's; those errors have no text worth showing.
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else "there is no such path"
        return ConfigurationError(
            f"{what}: {file_named(path)} cannot be read ({reason})", remedy="check the path and its permissions"
        )

    with instead_of((OSError, RuntimeError, ValueError), unreadable), Path(path).expanduser().open("rb") as file:
        # One more than is taken, which shows that there is more.
        return SecretBytes(file.read(_LONGEST_FILE + 1))
