"""One number after the other, as `rollback` and `release` give them up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.errors import TelephonyError
from telephony_core.migration.consents import consents
from telephony_core.migration.effects import Unit
from telephony_core.migration.entries import Action, Entry, Phase
from telephony_core.migration.events import Event, EventKind, OnEvent
from telephony_core.migration.giving_up_report import GivenUp, GivingUpReport, LeftAlone
from telephony_core.migration.job import Job
from telephony_core.migration.journal import JournalError
from telephony_core.migration.plan import LoadedPlan, Plan
from telephony_core.migration.progress import NumberState, state_of
from telephony_core.migration.runner import Runner
from telephony_core.migration.stopping import StopRules
from telephony_core.transport.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class GivingUpOptions:
    """Which numbers, and what was accepted by name (`Consent`), beyond what the plan says was."""

    numbers: Sequence[str] | None = None
    accept: Sequence[str] = ()
    confirmed: int | None = None
    """How many numbers the person typed will be given up; `release` demands it."""
    stop_on_error: bool = False
    take_over: bool = False
    prompt: Callable[[str], str] | None = field(default=None, repr=False)
    on_event: OnEvent = lambda event: None
    clock: Clock = field(default_factory=Clock)

    def accepted(self, plan: Plan) -> frozenset[str]:
        """Every name that was accepted, now or in the plan. Raises `InvalidInput` for one that there is not."""
        return frozenset({*(str(name) for name in consents(self.accept)), *plan.accepted})

    def allowed(self, plan: Plan) -> frozenset[SideEffect]:
        """The side effects among them."""
        names = self.accepted(plan)
        return frozenset(effect for effect in SideEffect if effect in names)

    def rules(self, plan: Plan) -> StopRules:
        return StopRules(plan.settings.equal_failures, self.stop_on_error, told=self._said)

    def _said(self, says: str) -> None:
        self.on_event(Event(kind=EventKind.SAID, at=self.clock.now(), says=says))


@dataclass(slots=True)
class GivingUpRun:
    """Works through numbers in the order given, and keeps what became of each."""

    command: str
    loaded: LoadedPlan
    action: Action
    options: GivingUpOptions
    rules: StopRules
    total: int
    left: list[LeftAlone] = field(default_factory=list)
    done: list[GivenUp] = field(default_factory=list)
    _last: Entry | None = None

    async def work(
        self, jobs: Sequence[Job], unit: Callable[[Job, NumberState], Unit[None]], runner: Runner
    ) -> GivingUpReport:
        """Give them up in this order, until none is left or the run is to stop."""
        queue = list(jobs)
        while queue and self.rules.why is None:
            job = queue.pop(0)
            self._last = None
            self.tell(EventKind.NUMBER_BEGUN, job.key)
            try:
                await runner.run(unit(job, state_of(runner.journal.entries_of(job.key))))
            except JournalError:
                raise
            except TelephonyError as error:
                self.rules.failed(error)
                self.left.append(LeftAlone(number=job.key, says=str(error), error=type(error).__name__))
                self.tell(EventKind.NUMBER_FAILED, job.key, str(error))
            else:
                self.rules.succeeded()
                self.done.append(_given_up(job.key, self._last))
                self.tell(EventKind.NUMBER_DONE, job.key)
        report = GivingUpReport(
            command=self.command,
            plan=str(self.loaded.path),
            done=tuple(self.done),
            left_alone=tuple(self.left),
            not_begun=tuple(job.key for job in queue),
            stopped=self.rules.why,
            why_stopped=self.rules.says or None,
        )
        self.tell(EventKind.ENDED, says=report.in_a_word)
        return report

    def recorded(self, entry: Entry) -> None:
        """Told of every line that was written."""
        if entry.action is self.action and entry.phase is Phase.DONE:
            self._last = entry
        self.tell(EventKind.STEP, entry.number, entry.says, entry)

    def tell(self, kind: EventKind, number: str | None = None, says: str = "", entry: Entry | None = None) -> None:
        self.options.on_event(
            Event(
                kind=kind,
                at=self.options.clock.now(),
                number=number,
                action=entry.action if entry is not None else None,
                phase=entry.phase if entry is not None else None,
                says=says,
                done=len(self.done),
                failed=len(self.left),
                total=self.total,
            )
        )


def _given_up(number: str, entry: Entry | None) -> GivenUp:
    facts = {} if entry is None else dict(entry.facts)
    return GivenUp.model_validate(
        {
            "number": number,
            "record": entry.record if entry is not None else None,
            "says": entry.says if entry is not None and entry.says else "it is gone",
            "takes_effect_at": facts.get("takes_effect_at"),
            "revocable": bool(facts.get("revocable")),
        }
    )
