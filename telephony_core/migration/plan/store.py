"""Where plans are kept. As files: written whole or not at all, read only when they are as they were written."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import BaseModel

from telephony_core.errors import InvalidInput, MigrationError, instead_of
from telephony_core.migration.journal.sqlite_file import explained, lock
from telephony_core.migration.plan.model import Plan
from telephony_core.text.documents import (
    CHECKSUM,
    MAKE_AGAIN,
    checksum,
    dump_document,
    load_document,
    parse_document,
    would_replace,
    write_file,
)

FORMAT: Final = "telephony-core migration plan"
VERSION: Final = 1
"""Version of this format. A plan of another one is refused."""
CHECKSUM_TEXT: Final = re.compile(r"sha256:[0-9a-f]{64}")


class LoadedPlan(BaseModel, frozen=True):
    """A plan, the checksum by which its journal knows it, and the file it is in, if it is in one."""

    plan: Plan
    path: Path | None = None
    checksum: str

    @property
    def name(self) -> str:
        """What it is called in reports, and in commands: its file as it was given, or else its checksum."""
        return self.checksum if self.path is None else str(self.path)

    @property
    def file(self) -> Path:
        """The file it is in, with links followed. Raises `MigrationError` where it is in none."""
        if self.path is None:
            raise MigrationError(
                f"the plan {self.checksum} is in no file, so nothing can be kept beside it",
                remedy="load it from a file, or give a store of journals that needs none",
            )
        return self.path.resolve()  # a symbolic link to a plan is that plan

    @property
    def journal_path(self) -> Path:
        """Where the journal of this plan is: beside it. Raises `MigrationError` where it is in no file."""
        return _journal_of(self.file)

    def was_replaced(self) -> bool:
        """Whether its file holds another plan by now. Raises `MigrationError` when it holds none."""
        return self.path is not None and bool(_document(self.path)[CHECKSUM] != self.checksum)


class PlanStore(Protocol):
    """A place where plans are kept by their checksums, for workers that share no disk."""

    async def put(self, plan: Plan) -> str:
        """Keep a plan and return its checksum. One that is kept already stays as it is. Raises `MigrationError`."""

    async def get(self, checksum: str) -> LoadedPlan:
        """The plan with this checksum. Raises `MigrationError` where there is none, or another one in its place."""


class PlanFolder(PlanStore):
    """A `PlanStore` of files, one a plan, in one folder; journals that lie beside plans lie there too."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder: Path = Path(folder)

    async def put(self, plan: Plan) -> str:
        sum_ = checksum(_whole(plan))
        # The name is the checksum, so what is there is this plan.
        if not self._file(sum_).exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            save_plan(plan, self._file(sum_))
        return sum_

    async def get(self, checksum: str) -> LoadedPlan:
        loaded = load_plan(self._file(checksum))
        if loaded.checksum != checksum:
            raise MigrationError(f"{loaded.path} holds another plan than {checksum}", remedy="put the right one there")
        return loaded

    def _file(self, checksum: str) -> Path:
        if not CHECKSUM_TEXT.fullmatch(checksum):  # it becomes the name of a file
            raise MigrationError(f"{checksum!r:.80} is no checksum of a plan", remedy="take what `put` returned")
        return self.folder / f"{checksum.partition(':')[2]}.json"


class MemoryPlans(PlanStore):
    """A `PlanStore` that ends with its process."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}

    async def put(self, plan: Plan) -> str:
        sum_ = checksum(_whole(plan))
        self._plans.setdefault(sum_, plan)
        return sum_

    async def get(self, checksum: str) -> LoadedPlan:
        if checksum not in self._plans:
            raise MigrationError(f"there is no plan {checksum!r:.80}", remedy="put it into this store first")
        return LoadedPlan(plan=self._plans[checksum], checksum=checksum)


def _whole(plan: Plan) -> dict[str, Any]:
    """The plan as it is written down, but for its checksum."""
    return {"format": FORMAT, "version": VERSION, **plan.model_dump(mode="json")}


def save_plan(plan: Plan, path: str | os.PathLike[str], *, overwrite: bool = False) -> LoadedPlan:
    """Write a plan, whole or not at all.

    Raises `MigrationError` when the place cannot be written, and for a plan that is begun or has a journal beside it:
    the journal says what was made, and would belong to no plan any more.
    """
    document = _whole(plan)
    loaded = LoadedPlan(plan=plan, path=Path(path), checksum=checksum(document))
    # A run reads the plan once more under this lock and only then makes the journal: so a plan cannot be replaced
    # between the two.
    with _nobody_begins(loaded) if overwrite and would_replace(path) else nullcontext():
        if loaded.journal_path.exists():
            raise MigrationError(
                f"{loaded.path} was begun: its journal {loaded.journal_path.name} says what was made",
                remedy="give the new plan another name, or roll this one back and put its journal aside",
            )
        write_file(path, dump_document(document), overwrite=overwrite)
    return loaded


def _nobody_begins(loaded: LoadedPlan) -> AbstractContextManager[object]:
    """The lock of the journal, under which a run reads the plan once more before it begins the journal."""
    with explained(loaded.journal_path):
        held = lock(loaded.journal_path)
    if held is None:
        raise MigrationError(f"a run is beginning with {loaded.path}", remedy="give the new plan another name")
    return closing(held)


def load_plan(path: str | os.PathLike[str]) -> LoadedPlan:
    """Read a plan. Raises `MigrationError` when it is missing, cut off, edited, or of another version."""
    return _loaded(_document(path), f"the plan {path}", Path(path))


def dump_plan(plan: Plan) -> tuple[str, bytes]:
    """The checksum of a plan, and the document as it is written down, for stores that keep no files."""
    document = _whole(plan)
    return checksum(document), dump_document(document)


def parse_plan(document: bytes, where: str) -> LoadedPlan:
    """A plan that `dump_plan` wrote; ``where`` names it in errors. Raises what `load_plan` raises."""
    return _loaded(parse_document(document, where, format=FORMAT, version=VERSION), where)


def _loaded(document: dict[str, Any], where: str, path: Path | None = None) -> LoadedPlan:
    sum_ = document.pop(CHECKSUM)
    del document["format"], document["version"]
    with instead_of(
        InvalidInput,
        lambda error: MigrationError(
            f"{where} does not hold together: {error.message}", remedy="make it again with the command that made it"
        ),
    ):
        return LoadedPlan(plan=Plan.model_validate(document), path=path, checksum=sum_)


def _document(path: str | os.PathLike[str]) -> dict[str, Any]:
    return load_document(path, what="the plan", format=FORMAT, version=VERSION, remedy=_if_spoilt(path))


def _if_spoilt(path: str | os.PathLike[str]) -> str:
    """What to do where the file is no plan any more. One that was begun cannot be made again: its journal belongs to
    no other plan, and no other one is written beside it."""
    with suppress(OSError, ValueError, RuntimeError):  # reading will say what is wrong
        journal = _journal_of(Path(path).resolve())
        if journal.exists():
            return (
                f"put it back from a copy, for its journal {journal.name} belongs to no other plan; without one, make "
                "a plan under another name, of what is there now: it leaves out what is done already"
            )
    return MAKE_AGAIN


def _journal_of(plan: Path) -> Path:
    return plan.with_name(f"{plan.name}.journal")
