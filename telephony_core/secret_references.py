"""Secrets by reference: where a password is, instead of what it is.

``env:NAME`` reads an environment variable, ``file:PATH`` a file (one trailing line break is dropped), ``prompt:`` asks
the person at the terminal. References may be written down anywhere; what they lead to never is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from telephony_core.errors import ConfigurationError

KINDS: Final = ("env:", "file:", "prompt:")


def is_reference(text: str) -> bool:
    return text.startswith(KINDS)


def read_secret(reference: str, *, what: str, prompt: Callable[[str], str] | None = None) -> SecretStr:
    """The secret a reference leads to. ``what`` names it in errors and in the prompt.

    Raises `ConfigurationError` when there is nothing there. The reference itself is repeated, never a value.
    """
    kind, _, rest = reference.partition(":")
    if kind == "env" and rest:
        value = os.environ.get(rest)
        if not value:
            raise ConfigurationError(
                f"{what}: the environment variable {rest} is not set", remedy=f"set {rest}, or name another source"
            )
        return SecretStr(value)
    if kind == "file" and rest:
        try:
            text = Path(rest).expanduser().read_text(encoding="utf-8")
        except (OSError, RuntimeError, ValueError) as error:
            kinds = {UnicodeDecodeError: "it is not UTF-8 text", RuntimeError: "there is no home folder for ~ here"}
            reason = error.strerror if isinstance(error, OSError) else kinds.get(type(error), "no such path")
            raise ConfigurationError(
                f"{what}: the file {rest} cannot be read ({reason})", remedy="check the path and its permissions"
            ) from None
        value = text.removesuffix("\n").removesuffix("\r")
        if not value:
            raise ConfigurationError(f"{what}: the file {rest} is empty", remedy="put the secret into it")
        return SecretStr(value)
    if kind == "prompt":
        if prompt is None:
            raise ConfigurationError(
                f"{what}: there is nobody here to ask", remedy="use env:NAME or file:PATH where no terminal is"
            )
        value = prompt(f"{what}: ")
        if not value:
            raise ConfigurationError(f"{what}: nothing was typed", remedy="type it, or use env:NAME or file:PATH")
        return SecretStr(value)
    raise ConfigurationError(
        f"{what}: this is not a reference to a secret", remedy="write env:NAME, file:PATH or prompt:, never the secret"
    )
