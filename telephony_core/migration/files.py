"""Files that must not be half there or quietly edited: written in one step, checked by a sum when read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from telephony_core.errors import MigrationError

CHECKSUM: Final = "checksum"
"""The key of the sum in a document; it covers everything else."""


def checksum(document: Mapping[str, object]) -> str:
    """SHA-256 over the canonical JSON of a document (sorted keys, no blanks, ASCII), its own ``checksum`` left out."""
    covered = {key: value for key, value in document.items() if key != CHECKSUM}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def dump_document(document: Mapping[str, object]) -> bytes:
    """A document as indented JSON that ends with its checksum."""
    whole = {**{key: value for key, value in document.items() if key != CHECKSUM}, CHECKSUM: checksum(document)}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # A lone surrogate has no UTF-8 form; the escape it becomes is what JSON writes for it.
    return text.encode("utf-8", "backslashreplace")


def load_document(path: str | os.PathLike[str], *, what: str, format: str, version: int) -> dict[str, Any]:
    """A document that `dump_document` wrote, with its checksum. ``what`` names it in errors ("the plan").

    Raises `MigrationError` for a file that is missing, cut off, of another kind or version, or edited.
    """
    file = Path(path)
    where = f"{what} {file}"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise MigrationError(f"{where} cannot be read ({error.strerror})", remedy="check the path") from None
    if not data.strip():
        raise MigrationError(f"{where} is empty", remedy=_MAKE_AGAIN)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
        whole = data.rstrip().endswith(b"}")
    if document is None:
        fault = "is not valid JSON" if whole else "is cut off, or is not JSON"
        raise MigrationError(f"{where} {fault}", remedy=_MAKE_AGAIN)
    if not isinstance(document, dict) or document.get("format") != format:
        raise MigrationError(f"{where} is not a file of this kind ({format})", remedy="check which file is meant")
    if type(document.get("version")) is not int or document["version"] != version:
        found = document.get("version")
        said = f"version {found}" if type(found) is int else "another version"
        raise MigrationError(f"{where} is of {said}; this program reads version {version}", remedy=_MAKE_AGAIN)
    if document.get(CHECKSUM) != checksum(document):
        raise MigrationError(
            f"{where} was changed after it was written: its checksum does not fit",
            remedy=f"it is not meant to be edited; {_MAKE_AGAIN}",
        )
    return document


_MAKE_AGAIN: Final = "make it again with the command that wrote it"


def write_file(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> Path:
    """Write a file in one step: either all of it is there under its name, or nothing new is.

    Raises `MigrationError` when the file exists and ``overwrite`` is not given, or when it cannot be written.
    """
    target = Path(path)
    if not overwrite and target.exists():
        raise _exists(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, target)
        else:
            _name_once(temporary, target)
        _sync_folder(target.parent)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise MigrationError(
            f"{target} cannot be written ({error.strerror})", remedy="check the folder, its permissions and the disk"
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return target


def _exists(target: Path) -> MigrationError:
    return MigrationError(f"{target} exists already", remedy="name another file, or say that it may be overwritten")


def _name_once(temporary: Path, target: Path) -> None:
    """Give the file its name unless somebody took the name meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError from None
        os.replace(temporary, target)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
