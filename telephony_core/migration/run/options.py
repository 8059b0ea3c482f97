"""What every run on a plan may be given, whichever command it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telephony_core.migration.journal.protocol import JournalStore
from telephony_core.migration.journal.sqlite_journals import SqliteJournals
from telephony_core.migration.run.events import OnEvent
from telephony_core.migration.run.secret_resolver import SecretsOfThisProcess, SecretSource
from telephony_core.transport.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Which numbers, and what a run uses that is not in the plan. ``None`` is what there is on one machine."""

    numbers: Sequence[str] | None = None
    """Keys of the numbers that it is about; all of the plan's without it."""
    take_over: bool = False
    """Take the place of a run on another host that never said it ended."""
    prompt: Callable[[str], str] | None = field(default=None, repr=False)
    """Asks the person at the terminal for secrets that are given as ``prompt:``."""
    on_event: OnEvent = lambda event: None
    clock: Clock = field(default_factory=Clock)
    journals: JournalStore | None = None
    """Where the journal is kept; in a file beside the plan without it."""
    secrets: SecretSource | None = field(default=None, repr=False)
    """What follows the plan's references; ``env:``, ``file:`` and ``prompt:`` of this process without it."""
    tenant: str = ""
    """Whose secrets they are, where ``secrets`` has those of several."""

    @property
    def journal_store(self) -> JournalStore:
        """Where journals are kept: files beside the plans, unless another store was given."""
        return self.journals or SqliteJournals(self.clock.now, self.take_over)

    @property
    def secret_source(self) -> SecretSource:
        """What references to secrets lead to: this process's environment and files, unless another was given."""
        return self.secrets or SecretsOfThisProcess(self.prompt)
