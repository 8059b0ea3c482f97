"""Where files go: links, devices, FIFOs, mounts, folders that cannot be written; and who may read them."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from telephony_core import MigrationError
from telephony_core.text.documents import FileNotWritten, dump_document, load_document, would_replace, write_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and devices of POSIX")


@pytest.fixture(autouse=True)
def permissive() -> object:
    """A umask that would let everybody read."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def left_over(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def test_a_new_file_is_readable_by_its_owner_only_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    file = write_file(tmp_path / "plan.json", b"x")
    assert mode(file) == modes[0] == 0o600


@pytest.mark.parametrize("given", [0o644, 0o640, 0o600, 0o400])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, given: int) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(b"before")
    file.chmod(given)
    write_file(file, b"after", overwrite=True)
    assert (file.read_bytes(), mode(file)) == (b"after", given)


def test_a_link_is_written_through_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real/plan.json")
    write_file(link, b"one")
    write_file(link, b"two", overwrite=True)
    assert link.is_symlink()
    assert (tmp_path / "real" / "plan.json").read_bytes() == b"two"
    with pytest.raises(MigrationError, match="exists already"):
        write_file(link, b"three")


def test_a_device_and_a_fifo_are_written_as_they_are_and_stay(tmp_path: Path) -> None:
    write_file("/dev/null", b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    assert not would_replace(fifo)
    write_file(fifo, b"plan")
    reader.join(10)
    assert read == [b"plan"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_what_is_full_says_so() -> None:
    with pytest.raises(MigrationError, match="No space left"):
        write_file("/dev/full", b"x")


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV, errno.EPERM])
def test_a_file_that_cannot_be_replaced_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As a file that is mounted into a container is: nobody may rename over a mount."""
    file = tmp_path / "plan.json"
    file.write_bytes(b"before, and longer")
    place = file.stat().st_ino

    def busy(*_names: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", busy)
    write_file(file, b"after", overwrite=True)
    assert (file.read_bytes(), file.stat().st_ino) == (b"after", place)
    assert left_over(tmp_path) == []


def _vanished(folder: Path) -> Path:
    return folder / "gone" / "plan.json"


def _is_folder(folder: Path) -> Path:
    return folder


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def _long(folder: Path) -> Path:
    return folder / ("n" * 300)


def _through_a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"")
    return folder / "file" / "plan.json"


def _nul(folder: Path) -> Path:
    return folder / "a\0b"


@pytest.mark.parametrize("place", [_vanished, _is_folder, _loop, _long, _through_a_file, _nul])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_place_that_cannot_be_written_is_one_kind_of_error(
    tmp_path: Path, place: Callable[[Path], Path], overwrite: bool
) -> None:
    with pytest.raises(FileNotWritten, match=r"cannot be written"):
        write_file(place(tmp_path), b"x", overwrite=overwrite)
    assert left_over(tmp_path) == []


def test_the_longest_name_that_a_folder_takes_is_taken(tmp_path: Path) -> None:
    assert write_file(tmp_path / ("n" * 255), b"x").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("member", "value"),
    [(b'"pages": 3', b'"pages": NaN'), (b'"pages": 3', b'"pages": 1e400'), (b'"pages": 3', b'"pages": ' + b"9" * 5000)]
    + [(b'"pages": 3', b'"pages": ' + b"[" * depth + b"]" * depth) for depth in (900, 990, 5000, 100_000)],
)
def test_absurd_numbers_and_nesting_are_refused_when_read(tmp_path: Path, member: bytes, value: bytes) -> None:
    data = dump_document({"format": "f", "version": 1, "pages": 3})
    assert member in data
    (tmp_path / "x.json").write_bytes(data.replace(member, value))
    with pytest.raises(MigrationError):
        load_document(tmp_path / "x.json", what="the plan", format="f", version=1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_that_an_editor_saved_again_is_the_same_document(tmp_path: Path, encoding: str) -> None:
    text = dump_document({"format": "f", "version": 1, "label": "본사"}).decode()
    (tmp_path / "x.json").write_bytes(text.encode(encoding))
    assert load_document(tmp_path / "x.json", what="the plan", format="f", version=1)["label"] == "본사"
