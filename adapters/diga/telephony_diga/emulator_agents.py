"""Diga's agents as far as phones need them: versions, of which at most one is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class PublishedVersion:
    """One version of an agent. A draft cannot be published."""

    version_id: str
    version_number: int
    version_name: str | None = None
    is_published: bool = False
    is_draft: bool = False


@dataclass(slots=True)
class Agent:
    """An agent and its versions, oldest first."""

    agent_id: str
    name: str | None
    versions: list[PublishedVersion] = field(default_factory=list)

    @property
    def published(self) -> PublishedVersion | None:
        return next((version for version in self.versions if version.is_published), None)

    def publish(self, published: PublishedVersion | None) -> None:
        """Put one version on the air, or none."""
        for version in self.versions:
            version.is_published = version is published


class Agents:
    """The agents of one project."""

    def __init__(self) -> None:
        self._by_id: dict[str, Agent] = {}

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._by_id.values())

    def add(self, agent: Agent) -> None:
        self._by_id[agent.agent_id] = agent

    def get(self, agent_id: str) -> Agent | None:
        return self._by_id.get(agent_id)

    def of_version(self, version_id: str) -> tuple[Agent, PublishedVersion] | None:
        """The agent that has this version, and the version."""
        for agent in self:
            for version in agent.versions:
                if version.version_id == version_id:
                    return agent, version
        return None
