"""Rollback: take back what this migration made at the target, and nothing else; the source stays as it is.

The last number that was made goes first. A record goes only while it is as this migration left it, and while the source
serves the number as planned, unless somebody accepts by name (`Allowance.SOURCE_NOT_SERVING`) that it does not.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions, Rule, Unpublished, preview, run
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.move.compare import agents_of, is_over, seen
from telephony_core.migration.move.effects import Claim, EndpointRole, Now, Procedure, ResolveSecrets, perform
from telephony_core.migration.move.evidence import Evidence, changed_by_others, why_source_does_not_serve
from telephony_core.migration.move.reconcile import (
    adopted_record,
    attempt_of,
    doubt_of,
    in_doubt,
    look_for_import,
)
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.task import MigrationTask
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import command
from telephony_core.migration.run.runner import Opener
from telephony_core.migration.run.stopping import StopRules, run_interruptibly
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.secrets.references import is_reference


class ModifiedExternally(MigrationError):
    """A record is not as this migration left it, so somebody else has to do with it. It is left as it is."""

    default_remedy: ClassVar[str | None] = "ask who changed it; if it is to go, release it in the provider's dashboard"


class SourceGone(MigrationError):
    """The source does not serve the number as planned; without the record at the target perhaps nobody would."""

    default_remedy: ClassVar[str | None] = (
        "keep it where it is now; if the number may be lost at both ends, allow that by name with "
        f"`--allow {Allowance.SOURCE_NOT_SERVING}`"
    )


def preview_rollback(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """`apreview_rollback` for ordinary code."""
    return asyncio.run(apreview_rollback(loaded, source, target, options))


async def apreview_rollback(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """What a rollback would release, leave alone, and not be able to undo. Changes nothing, anywhere."""
    options = options or DeprovisionOptions()
    return await preview(loaded, source, target, options, RollbackRule(options.allowed))


def rollback_plan(
    loaded: LoadedPlan, source: Opener, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionReport:
    """`arollback_plan` for ordinary code; the first Ctrl-C finishes the number in hand, the second stops at once."""
    given = options or DeprovisionOptions()
    return run_interruptibly(
        lambda rules: arollback_plan(loaded, source, target, given, rules=rules),
        given.rules(loaded),
        "rollback",
        command("rollback", loaded.path),
    )


async def arollback_plan(
    loaded: LoadedPlan,
    source: Opener,
    target: Opener,
    options: DeprovisionOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> DeprovisionReport:
    """Release at the target what this migration made there. Running it again goes on where it was interrupted.

    ``options.confirmed`` has to be what `preview_rollback` shows (``preview.shown``). Raises `NotAllowed`, before
    anything is done, when other records would be released, or a side effect was not accepted by its name.
    """
    options = options or DeprovisionOptions()
    return await run(loaded, source, target, options, rules or options.rules(loaded), RollbackRule(options.allowed))


class RollbackRule(Rule):
    """Records of the target, while the source serves."""

    command: ClassVar[str] = "rollback"
    action: ClassVar[Action] = Action.ROLL_BACK
    end: ClassVar[EndpointRole] = EndpointRole.TARGET
    other_action: ClassVar[Action] = Action.RELEASE
    lists_target: ClassVar[bool] = False

    def __init__(self, allowed: Collection[str]) -> None:
        self._source_may_be_gone = Allowance.SOURCE_NOT_SERVING in allowed

    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        touched = [task for task in tasks if states[task.key].touched]
        return sorted(touched, key=lambda task: states[task.key].begun, reverse=True)

    def obstacle(self, state: NumberState, now: datetime, there: datetime | None) -> MigrationError | None:
        return None

    def objection(
        self, task: MigrationTask, state: NumberState, evidence: Evidence, unpublished: Unpublished
    ) -> MigrationError | None:
        why = why_source_does_not_serve(task, evidence.source, unpublished.at_source)
        if why is not None and not self._source_may_be_gone:
            return SourceGone(
                f"{task.key} is not served at the source as planned ({why}), so what is at the target may be all there "
                "is of it",
                remedy="keep it where it is now; if the number may be lost at both ends, allow that by name: "
                f"`telephony migrate rollback PLAN --numbers {shlex.quote(task.key)} "
                f"--allow {Allowance.SOURCE_NOT_SERVING}`",
            )
        record = evidence.target
        if state.created is not None and is_over(record) and evidence.live_at_target:
            return ModifiedExternally(
                f"the record of {task.key} that this migration made is gone, and the target shows the number as "
                f"{', '.join(evidence.live_at_target)}",
                remedy=_by_hand(task, evidence.live_at_target[0], "who made that record"),
            )
        if record is not None and (state.created is not None or not is_over(record)):
            changed = () if is_over(record) else changed_by_others(task, state, record, unpublished.at_target)
            if changed:
                said = "; ".join(_HIDDEN.get(change.field, str(change)) for change in changed)
                return ModifiedExternally(
                    f"{task.key} ({record.id}) was changed by somebody since this migration made it: {said}",
                    remedy=_by_hand(task, record.id, "who changed it"),
                )
        return None

    def unknown(self, task: MigrationTask, state: NumberState, live: tuple[str, ...]) -> MigrationError | None:
        if not live or state.rolled_back:
            return None
        return ModifiedExternally(
            f"{task.key} is at the target as {', '.join(live)}, and the journal does not say that it was made by this "
            "migration",
            remedy="if the journal is an old copy, put the newest one back; else somebody else made that record",
        )

    def cannot_be_undone(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> tuple[str, ...]:
        said = []
        for task in tasks:
            published = any(SideEffect.PUBLISHES in step.side_effects for step in task.number.steps)
            if published and states[task.key].agents_assigned:
                agents = ", ".join(sorted({value_text(agent) for agent in agents_of(task.number.desired).values()}))
                said.append(
                    f"{task.key}: {agents} was published by assigning it; what was published before is not put back"
                )
        trunks = [task.trunk for task in tasks if task.trunk is not None]
        typed = {trunk.name for trunk in trunks if (trunk.password or "").startswith("prompt:")}
        said += [f"the password of trunk {name} was typed and is kept nowhere but there" for name in sorted(typed)]
        return tuple(said)

    # -- an import that was not answered

    def found(self, task: MigrationTask, state: NumberState, listed: Collection[PhoneNumber]) -> PhoneNumber | None:
        if state.open_import is None:
            return None
        username = task.trunk.plain_username if task.trunk is not None else None
        return adopted_record(task, attempt_of(task, state.open_import, username), listed)

    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        if state.open_import is None:
            return None
        yield from perform(Claim(task.key, task.identity, goes_on=True))
        username = None
        if task.trunk is not None and task.trunk.auth == "digest":
            username = task.trunk.plain_username
            if is_reference(task.trunk.username or ""):
                username = (yield from perform(ResolveSecrets(task.trunk))).username
        now = yield from perform(Now())
        doubt = yield from doubt_of(task, state.open_import, EndpointRole.TARGET)
        record = yield from look_for_import(task, attempt_of(task, state.open_import, username))
        if record is not None:
            yield from task.write(
                Action.IMPORT,
                Phase.DONE,
                "found after its answer was lost",
                record=record.id,
                data={"adopted": True, "seen": dict(seen(record))},
            )
            return record.id
        if now < doubt.until:
            yield from task.write(Action.IMPORT, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
            raise in_doubt(task, doubt)
        said = "no look after the whole settling window found it, so it was not made"
        yield from task.write(Action.IMPORT, Phase.FAILED, said)
        yield from task.write(Action.ROLL_BACK, Phase.DONE, "it was never made")
        return None


def _by_hand(task: MigrationTask, id: str, who: str) -> str:
    """How a record goes that this migration must not release by itself, so that the number can be settled then."""
    return f"find out {who}; if it is to go, `{task.at_target('release', id)}`, then run the same command again"


_HIDDEN: Final = {Setting.USERNAME.value: "outbound.username: another one"}
"""What may have come from a secret reference is not shown."""
