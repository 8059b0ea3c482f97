"""Text that a person saved, read in one way wherever it is read: which encodings, how much of it, how deeply nested.

Editors and shells save text as they like: with a byte order mark (Notepad), as UTF-16 (PowerShell's ``>``), as
Latin-1. UTF-8 is read, with or without a mark; of anything else it is said what it is and what to do. JSON and TOML can
hold what Python reads and nobody means (``NaN``, ``1e400``, ten thousand digits, brackets a hundred thousand deep):
refused here.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from telephony_core.errors import ConfigurationError, TelephonyError, instead_of

MOST_OF_A_STREAM: Final = 64 * 1024 * 1024
"""Bytes read of what is no regular file (a pipe, a device) at most: some of these never end."""

_WIDE: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AS_UTF8: Final = "save it as UTF-8 (in Excel: the file type `CSV UTF-8`; in PowerShell: `Out-File -Encoding utf8`)"


def read_text(
    path: str | os.PathLike[str], *, what: str, refused: Callable[..., TelephonyError] = ConfigurationError
) -> str:
    """The text of a file, whose name may begin with ``~``. ``what`` names the file in errors ("the map").

    Raises ``refused`` (an error class) for one that is missing, no file, too long a stream, or not UTF-8. No content is
    repeated.
    """
    return decode(read_bytes(path, what=what, refused=refused), what=f"{what} {os.fspath(path)}", refused=refused)


def read_bytes(
    path: str | os.PathLike[str], *, what: str, refused: Callable[..., TelephonyError] = ConfigurationError
) -> bytes:
    """The bytes of a file or a stream. Raises ``refused`` as `read_text` does."""
    where = f"{what} {os.fspath(path)}"
    remedy = "check the path"
    try:
        with open(Path(path).expanduser(), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
            data = file.read(MOST_OF_A_STREAM + 1)
        if len(data) <= MOST_OF_A_STREAM:
            return data
        reason = "it does not end"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except (RuntimeError, ValueError):  # `~` where nobody has a home folder; a name with a NUL in it
        reason, remedy = "there is no such path on this machine", "write the whole path, without ~"
    raise refused(f"{where} cannot be read ({reason})", remedy=remedy)


def decode(data: bytes, *, what: str, refused: Callable[..., TelephonyError] = ConfigurationError) -> str:
    """Bytes as text: UTF-8, and a byte order mark at its start counts for nothing. Raises ``refused``."""
    if data.startswith(_WIDE):
        raise refused(f"{what} cannot be read (it is saved as UTF-16)", remedy=_AS_UTF8)

    def not_utf8(error: UnicodeDecodeError) -> TelephonyError:
        line = data.count(b"\n", 0, error.start) + 1
        return refused(f"{what} cannot be read (it is not UTF-8 text, at line {line})", remedy=_AS_UTF8)

    with instead_of(UnicodeDecodeError, not_utf8):
        text = data.decode("utf-8-sig")
    if "\0" in text:
        raise refused(f"{what} cannot be read (it holds NUL characters, as UTF-16 does and no text)", remedy=_AS_UTF8)
    return text


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document. Raises `ValueError`, whose text gives line and column where it can, and never a value."""

    def fault(error: Exception) -> ValueError:
        if isinstance(error, tomllib.TOMLDecodeError):
            return error
        # Python refuses numbers of more than 4,300 digits by a message about itself (`sys.set_int_max_str_digits`).
        return ValueError(
            "it is nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        )

    with instead_of((ValueError, RecursionError), fault):
        return tomllib.loads(text)


def parse_json(
    text: str | bytes, *, object_pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None
) -> Any:
    """A JSON document. Raises `ValueError` for what is none (RFC 8259 has no NaN), for absurd numbers and nesting."""
    with instead_of(RecursionError, lambda _: ValueError("it is nested too deeply")):
        return json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=object_pairs_hook)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
