"""Which agent serves a number, and in which version."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from telephony_core.domain.input_model import refusal
from telephony_core.errors import InvalidInput, instead_of


class AgentVersion(StrEnum):
    """The two versions every vendor has some word for. Any other version is the vendor's own literal."""

    PUBLISHED = "published"
    DRAFT = "draft"


PUBLISHED: Final = AgentVersion.PUBLISHED
"""The version that is live now and moves when another one is published (vox `production`, Diga's published version)."""

DRAFT: Final = AgentVersion.DRAFT
"""The working draft. Never used unless it is asked for by this name."""


class Agent(BaseModel, frozen=True):
    """An agent of an account, as a listing shows it."""

    provider: str
    id: str
    name: str | None = None
    """What people call it; ``None`` where it has no name."""
    published_version: str | None = None
    """The provider's literal for the version that is published; ``None`` where none is, or nobody tells."""
    problems: tuple[str, ...] = ()
    """Fields that were there and could not be read, each with the reason."""
    raw: Mapping[str, Any] = Field(default_factory=dict, repr=False, exclude=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


class AgentRef(BaseModel, frozen=True, extra="forbid"):
    """An agent, and the version of it.

    ``version`` is `PUBLISHED`, `DRAFT` or the vendor's literal (vox `v7`, a Diga version id). It is required when an
    agent is assigned; on a record that was read, ``None`` means that the vendor does not tell. Raises `InvalidInput`.
    """

    agent_id: str
    version: Annotated[AgentVersion | str | None, Field(union_mode="left_to_right")] = None

    if TYPE_CHECKING:

        def __init__(self, agent_id: str, *, version: AgentVersion | str | None = None) -> None: ...

    else:

        def __init__(self, /, *agent_id: str, **data: object) -> None:
            if len(agent_id) > 1:
                raise InvalidInput("AgentRef: only the id is given without a name", remedy='write version="…"')
            if agent_id:  # the id is what everybody names first, so it may be given by position
                (data["agent_id"],) = agent_id
            with instead_of(ValidationError, lambda error: refusal(type(self), error)):
                super().__init__(**data)
