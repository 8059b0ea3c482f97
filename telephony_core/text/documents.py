"""Files that must not be half there, quietly edited or open to others: written in one step, checked when read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from telephony_core.errors import MigrationError, Remedy
from telephony_core.text.file_kinds import refuse_other_kind
from telephony_core.text.reading import parse_json, read_bytes

CHECKSUM: Final = "checksum"
"""The key of the sum in a document; it covers everything else."""


class FileNotWritten(MigrationError):
    """This machine does not let a file be written: no folder, no room, no right to, or a disk that fails.

    Remedy: make the folder, make room, or give this user the right to write there; or name another file.
    """


def checksum(document: Mapping[str, object]) -> str:
    """SHA-256 over the canonical JSON of a document (sorted keys, no blanks, ASCII), its own ``checksum`` left out."""
    covered = {key: value for key, value in document.items() if key != CHECKSUM}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def dump_document(document: Mapping[str, object]) -> bytes:
    """A document as indented JSON that ends with its checksum."""
    whole = {**{key: value for key, value in document.items() if key != CHECKSUM}, CHECKSUM: checksum(document)}
    try:
        return to_json(whole, indent=2) + b"\n"  # as json.dumps writes it, in an eighth of the time
    except (ValueError, TypeError):
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        # A lone surrogate has no UTF-8 form; the escape it becomes is what JSON writes for it.
        return text.encode("utf-8", "backslashreplace")


MAKE_AGAIN: Final = "make it again with the command that wrote it"


def load_document(
    path: str | os.PathLike[str], *, what: str, format: str, version: int, remedy: str = MAKE_AGAIN
) -> dict[str, Any]:
    """A document that `dump_document` wrote, with its checksum. ``what`` names it in errors ("the plan"), ``remedy`` is
    what to do about one that is spoilt.

    Raises `MigrationError` for a file that is missing, cut off, of another kind or version, or edited.
    """
    data = read_bytes(path, what=what, refused=MigrationError)
    if data.strip():
        refuse_other_kind(path, data, {"the plan": "a plan", "the inventory": "an inventory"}[what], MigrationError)
    return parse_document(data, f"{what} {os.fspath(path)}", format=format, version=version, remedy=remedy)


def parse_document(data: bytes, where: str, *, format: str, version: int, remedy: str = MAKE_AGAIN) -> dict[str, Any]:
    """The same out of what was kept somewhere else than in a file; ``where`` names it in errors."""
    if not data.strip():
        raise MigrationError(f"{where} is empty", remedy=remedy)
    document: Any = None
    fault = ""
    try:
        document = parse_json(data)
    except UnicodeDecodeError:
        fault = "is not UTF-8 text"
    except ValueError:
        fault = "is not valid JSON" if data.rstrip().endswith(b"}") else "is cut off, or is not JSON"
    if fault:
        raise MigrationError(f"{where} {fault}", remedy=remedy)
    if not isinstance(document, dict) or document.get("format") != format:
        raise MigrationError(f"{where} is not a file of this kind ({format})", remedy="check which file is meant")
    # A bool is an int too, and True would pass for version 1.
    if type(document.get("version")) is not int or document["version"] != version:
        found = document.get("version")
        said = f"version {found}" if type(found) is int else "another version"
        raise MigrationError(f"{where} is of {said}; this program reads version {version}", remedy=remedy)
    if document.get(CHECKSUM) != _checksum_of_any(document):
        raise MigrationError(
            f"{where} was changed after it was written: its checksum does not fit",
            remedy=f"it is not meant to be edited; {remedy}",
        )
    return document


def _checksum_of_any(document: Mapping[str, object]) -> str | None:
    """The sum of a document that anybody may have written; ``None`` for one that is nested too deeply to be summed."""
    try:
        return checksum(document)
    except RecursionError:  # reading goes deeper than writing does
        return None


def write_file(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> Path:
    """Write a file in one step: either all of it is there under its name, or nothing new is.

    A new file is readable by its owner only; one that is replaced keeps its mode. A link is written through. What
    cannot be replaced is written as it is: a device, a FIFO, what this program's own output goes to, and a file that is
    mounted or lies in a folder that cannot be written.

    Raises `MigrationError` when the file exists and ``overwrite`` is not given, `FileNotWritten` when it cannot be
    written.
    """
    target = Path(path)
    refuse_what_a_journal_needs(target)
    if not overwrite and would_replace(target):
        raise _exists(target)
    try:
        place = _place(target)
        if place.is_stream:
            _write_plainly(place, data)
        else:
            _write_at_once(place, data, overwrite=overwrite)
    except FileExistsError:
        raise _exists(target) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise FileNotWritten(
            f"{target} cannot be written ({reason})", remedy="check the folder, its permissions and the disk"
        ) from None
    return target


def refuse_what_a_journal_needs(target: Path) -> None:
    """A journal says what was made, and only together with its plan: neither is ever written over, whatever is
    forced. Raises `MigrationError`."""
    try:
        place = Path(os.path.realpath(target))
        is_there = place.exists()
        has_journal = is_there and place.with_name(f"{place.name}.journal").exists()
    except (OSError, ValueError):
        return  # writing will say what is wrong
    if is_there and place.name.endswith(".journal"):
        raise MigrationError(f"{target} is a journal, and says what was made", remedy="name another file")
    if has_journal:
        raise MigrationError(
            f"{target} was begun: its journal {place.name}.journal says what was made",
            remedy="name another file, or roll that plan back and put both aside",
        )


def would_replace(path: str | os.PathLike[str]) -> bool:
    """Whether writing there takes the place of something: not of a device or FIFO, nor of where our output goes."""
    try:
        return not _place(Path(path)).is_stream and Path(path).exists()
    except (OSError, ValueError, RuntimeError):
        return False  # writing will say what is wrong


def is_stdout(path: str | os.PathLike[str]) -> bool:
    """Whether a file is where stdout goes, such as ``/dev/stdout``."""
    try:
        return _place(Path(path)).output == _STDOUT
    except (OSError, ValueError, RuntimeError):
        return False


_STDOUT: Final = 1
_STDERR: Final = 2


class _Place(NamedTuple):
    """Where a file really is, and what is there now."""

    path: Path
    before: os.stat_result | None
    """``None`` where nothing is yet."""
    output: int | None
    """The descriptor of our own output that goes there already."""

    @property
    def is_stream(self) -> bool:
        """Whether it is written as it is, because there is no file to replace."""
        return self.output is not None or (self.before is not None and not stat.S_ISREG(self.before.st_mode))


def _place(path: Path) -> _Place:
    try:
        before = path.stat()
    except FileNotFoundError:
        return _Place(Path(os.path.realpath(path)), None, None)
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # /dev/stdout may lead to a file that the shell opened: another one under its name would not be what is being read.
    for descriptor in (_STDOUT, _STDERR):
        with suppress(OSError):
            # What goes to /dev/null is nobody's output, even where ours goes there as well.
            if os.path.samestat(before, os.fstat(descriptor)) and not _is_null(before):
                return _Place(path, before, descriptor)
    return _Place(Path(os.path.realpath(path)) if stat.S_ISREG(before.st_mode) else path, before, None)


def _is_null(what: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(what, os.stat(os.devnull))
    return False


def _write_plainly(place: _Place, data: bytes) -> None:
    if place.output is None:
        _into(os.open(place.path, os.O_WRONLY), data)
        return
    for stream in (sys.stdout, sys.stderr):  # what was printed before stays before it
        if stream is not None:
            stream.flush()
    _into(os.dup(place.output), data)


def _write_at_once(place: _Place, data: bytes, *, overwrite: bool) -> None:
    """Beside the place first, and then under its name; in the place itself where that cannot be done."""
    # A name that nobody can foresee, opened with O_EXCL: in a folder that others may write to, no link of theirs is
    # followed.
    temporary = place.path.with_name(f".telephony-{secrets.token_hex(8)}.tmp")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            if place.before is not None:
                _as_before(descriptor, place.before)
            _into(descriptor, data)
            if overwrite:
                os.replace(temporary, place.path)
            else:
                _name_once(temporary, place.path)
        except OSError as error:
            # EBUSY: it is a mount of its own (a file of a container); the others: the folder is not ours to change.
            if place.before is None or not overwrite or error.errno not in _NOT_REPLACEABLE:
                raise
            _into(os.open(place.path, os.O_WRONLY | os.O_TRUNC | _BINARY), data)
        sync_folder(place.path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


# Windows would write another line end, and the checksum of what is read would not fit.
_BINARY: Final = getattr(os, "O_BINARY", 0)
_NOT_REPLACEABLE: Final = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV})


def _as_before(descriptor: int, before: os.stat_result) -> None:
    """Give a new file owner and mode of the one whose place it will take, as far as this user may."""
    if not hasattr(os, "fchmod"):
        return
    with suppress(OSError):
        # Only root may give a file away.
        os.fchown(descriptor, before.st_uid, before.st_gid)
    with suppress(OSError):
        # After the owner, because a change of owner takes mode bits off (set-user-ID).
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _into(descriptor: int, data: bytes) -> None:
    """Write all of it, on disk where there is a disk, and close."""
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # pipes and devices have nothing to sync
                raise


def _exists(target: Path) -> MigrationError:
    remedy = Remedy("name another file, or pass `overwrite=True`", cli="name another file, or say --force")
    return MigrationError(f"{target} exists already", remedy=remedy)


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


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_private(path: Path) -> None:
    """Make a file that its owner alone can read, where there is none; SQLite would give it the mode of the umask.

    One that is there keeps its mode. Why it cannot be made, SQLite reports better.
    """
    with suppress(OSError):
        # The companions that SQLite makes beside it (`-wal`, `-shm`) get the mode of the file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
