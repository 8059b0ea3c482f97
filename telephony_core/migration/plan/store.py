"""Plans as files: written whole or not at all, read only when they are as they were written."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from telephony_core.errors import InvalidInput, MigrationError
from telephony_core.migration.journal.sqlite_file import explained, lock
from telephony_core.migration.plan.model import Plan
from telephony_core.text.documents import (
    CHECKSUM,
    checksum,
    dump_document,
    load_document,
    would_replace,
    write_file,
)

FORMAT: Final = "telephony-core migration plan"
VERSION: Final = 1
"""Version of this format. A plan of another one is refused."""


class LoadedPlan(BaseModel, frozen=True):
    """A plan, the file it is in, and the checksum by which its journal knows it."""

    plan: Plan
    path: Path
    checksum: str

    @property
    def journal_path(self) -> Path:
        """Where the journal of this plan is: beside it."""
        path = self.path.resolve()  # a symbolic link to a plan is that plan
        return path.with_name(path.name + ".journal")

    def was_replaced(self) -> bool:
        """Whether its file holds another plan by now. Raises `MigrationError` when it holds none."""
        return bool(_document(self.path)[CHECKSUM] != self.checksum)


def save_plan(plan: Plan, path: str | os.PathLike[str], *, overwrite: bool = False) -> LoadedPlan:
    """Write a plan, whole or not at all.

    Raises `MigrationError` when the place cannot be written, and for a plan that is begun or has a journal beside it:
    the journal says what was made, and would belong to no plan any more.
    """
    document = {"format": FORMAT, "version": VERSION, **plan.model_dump(mode="json")}
    loaded = LoadedPlan(plan=plan, path=Path(path), checksum=checksum(document))
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
    document = _document(path)
    sum_ = document.pop(CHECKSUM)
    del document["format"], document["version"]
    try:
        return LoadedPlan(plan=Plan.model_validate(document), path=Path(path), checksum=sum_)
    except InvalidInput as error:
        reason = error.message
    raise MigrationError(
        f"the plan {path} does not hold together: {reason}", remedy="make it again with the command that made it"
    )


def _document(path: str | os.PathLike[str]) -> dict[str, Any]:
    return load_document(path, what="the plan", format=FORMAT, version=VERSION)
