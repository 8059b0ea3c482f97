"""The lines of the journal: one for each thing that is about to happen, happened, or did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue


class Action(StrEnum):
    """What was done for a number."""

    CHECK = "check"
    """Looking whether the plan still holds, before anything is written."""
    IMPORT = "import"
    SEND_AGAIN = "send_sip_again"
    """Sending the SIP settings to a record whose creation was not answered: nobody can read its credentials back."""
    ASSIGN_AGENTS = "assign_agents"
    SET_LABEL = "set_label"
    SET_SIP = "set_sip"
    SET_AGENTS = "set_agents"
    """Changing settings of a record that was there; `move` never does."""
    RESTORE = "restore"
    """Setting one of them back, as a part of rolling back."""
    READ_BACK = "read_back"
    VERIFY = "verify"
    RELEASE = "release"
    """Releasing the record at the source."""
    ROLL_BACK = "roll_back"
    """Releasing what was made at the target, or setting back what was changed there."""


class Phase(StrEnum):
    """How far it got."""

    INTENT = "intent"
    """About to be sent. Without a later line it may or may not have happened."""
    LOOK = "look"
    """A look found no trace of it."""
    DONE = "done"
    FAILED = "failed"
    """It did not happen, or what came of it is not what was planned."""
    UNKNOWN = "unknown"
    """It is not known; a person has to look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. Holds no secret. ``seq``, ``at`` and ``run`` are filled in by the journal."""

    number: str
    """Key of the number in the plan."""
    action: Action
    phase: Phase
    record: str | None = None
    """Id of the record it is about, at the provider."""
    message: str = ""
    """In words, for people."""
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    """What a later run needs to judge by."""
    seq: int = 0
    at: datetime | None = None
    run: int = 0
