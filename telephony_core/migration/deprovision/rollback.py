"""Rollback: take back what this plan did at the target, and nothing else; the source stays as it is.

Settings are set back by the rule of `telephony_core.migration.changeset.restore`; this is the one for imported numbers.

The last number that was made goes first. A record is released only while it is as this migration left it, and while the
source serves the number as planned, unless it is allowed by name (`Allowance.SOURCE_NOT_SERVING`) that it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

from pydantic import JsonValue

from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import MigrationError
from telephony_core.migration.changeset.restore import RestoreRule
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions, preview, run, run_sync
from telephony_core.migration.deprovision.procedure import (
    Evidence,
    ModifiedExternally,
    Rule,
    why_source_does_not_serve,
)
from telephony_core.migration.deprovision.report import DeprovisionPreview, DeprovisionReport
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.inventory.staleness import has_time, is_released, snapshot
from telephony_core.migration.journal.entries import Action, Phase
from telephony_core.migration.move.effects import (
    Claim,
    MigrationTask,
    Now,
    Procedure,
    ResolveSecrets,
    perform,
)
from telephony_core.migration.move.state import NumberState
from telephony_core.migration.move.steps import ADOPTED, attempt_of, look_for_import, made_by_import
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import EndpointRole, PlanKind
from telephony_core.migration.plan.store import LoadedPlan
from telephony_core.migration.rendering.commands import of_record
from telephony_core.migration.run.endpoints import Opener
from telephony_core.migration.run.stopping import StopRules
from telephony_core.migration.run.verify import changed_by_others
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.secrets.references import is_reference


class SourceGone(MigrationError):
    """The source does not serve the number as planned; without the record at the target perhaps nobody would.

    Cause: the number was changed or released at the source after it was moved.

    Remedy: bring the source back as it was, or keep the target.
    """


def preview_rollback(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """`apreview_rollback` for ordinary code."""
    return asyncio.run(apreview_rollback(loaded, source, target, options))


async def apreview_rollback(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionPreview:
    """What a rollback would release or set back, leave alone, and not be able to undo. Changes nothing, anywhere."""
    return await preview(loaded, source, target, options, _rule(loaded, options))


def rollback_plan(
    loaded: LoadedPlan, source: Opener | None, target: Opener, options: DeprovisionOptions | None = None
) -> DeprovisionReport:
    """`arollback_plan` for ordinary code; the first Ctrl-C finishes the number in hand, the second stops at once."""
    return run_sync(loaded, source, target, options, _rule(loaded, options))


async def arollback_plan(
    loaded: LoadedPlan,
    source: Opener | None,
    target: Opener,
    options: DeprovisionOptions | None = None,
    *,
    rules: StopRules | None = None,
) -> DeprovisionReport:
    """Release at the target what this plan made there, or set back what it changed. Running it again goes on where it
    was interrupted.

    ``options.confirmed`` has to be what `preview_rollback` shows (``preview.shown``). Raises `NotAllowed`, before
    anything is done, when other records would be released, or a side effect was not allowed by its name.
    """
    return await run(loaded, source, target, options, _rule(loaded, options), rules)


def _rule(loaded: LoadedPlan, options: DeprovisionOptions | None) -> Rule:
    """What a rollback of this kind of plan undoes."""
    if loaded.plan.kind is PlanKind.SET:
        return RestoreRule()
    return RollbackRule(() if options is None else options.allowed)


class RollbackRule(Rule):
    """Records of the target, while the source serves."""

    command: ClassVar[str] = "rollback"
    action: ClassVar[Action] = Action.ROLL_BACK
    role: ClassVar[EndpointRole] = EndpointRole.TARGET

    def __init__(self, allowed: Collection[str]) -> None:
        self._source_may_be_gone = Allowance.SOURCE_NOT_SERVING in allowed

    def candidates(self, tasks: Sequence[MigrationTask], states: Mapping[str, NumberState]) -> list[MigrationTask]:
        touched = [task for task in tasks if states[task.key].touched]
        return sorted(touched, key=lambda task: states[task.key].imported_at_line, reverse=True)

    def objection(self, task: MigrationTask, state: NumberState, evidence: Evidence) -> MigrationError | None:
        why = None  # a number from a table is served nowhere else
        if task.kind is PlanKind.MIGRATE:
            why = why_source_does_not_serve(task, evidence.source, evidence.unpublished.at_source)
        if why is not None and not self._source_may_be_gone:
            return SourceGone(
                f"{task.key} is not served at the source as planned ({why}), so what is at the target may be all there "
                "is of it",
                remedy="keep it where it is now; if the number may be lost at both ends, allow that by name: "
                f"{task.rollback_without_source}",
            )
        record = evidence.target
        # Somebody may have made the number anew on purpose. Called rolled back, it would be forgotten here, and serve
        # on unseen.
        if state.created is not None and is_released(record) and evidence.live_at_target:
            return ModifiedExternally(
                f"the record of {task.key} that this migration made was removed, and the target shows the number as "
                f"{', '.join(evidence.live_at_target)}",
                remedy=_by_hand(task, evidence.live_at_target[0], "who made that record"),
            )
        if record is None or is_released(record):
            return None
        if changed := changed_by_others(task, state, record, evidence.unpublished.at_target):
            what = "; ".join(_HIDDEN.get(change.field, str(change)) for change in changed)
            return ModifiedExternally(
                f"{task.key} ({record.id}) was changed by somebody since this migration made it: {what}",
                remedy=_by_hand(task, record.id, "who changed it"),
            )
        if not _is_known_again(task, state):
            return ModifiedExternally(
                f"{task.target.provider} uses ids again, and showed no time of {task.key} ({record.id}): it may be "
                "another record than this migration made",
                remedy=_by_hand(task, record.id, "whose it is"),
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
        texts = []
        for task in tasks:
            published = any(SideEffect.PUBLISHES in step.side_effects for step in task.number.steps)
            if published and states[task.key].agents_assigned:
                agents = ", ".join(sorted({value_text(agent) for agent in task.number.desired.agents.values()}))
                texts.append(
                    f"{task.key}: {agents} was published by assigning it; what was published before is not put back"
                )
        trunks = [task.trunk for task in tasks if task.trunk is not None]
        typed = {trunk.name for trunk in trunks if (trunk.password or "").startswith("prompt:")}
        texts += [f"the password of trunk {name} was typed and is kept nowhere but there" for name in sorted(typed)]
        return tuple(texts)

    # -- an import that was not answered

    def found(self, task: MigrationTask, state: NumberState, listed: Collection[PhoneNumber]) -> PhoneNumber | None:
        if state.open_import is None:
            return None
        # A preview asks nobody for a secret: without the user name a record may only look more like ours, and the run
        # that releases it looks once more.
        username = task.trunk.plain_username if task.trunk is not None else None
        return made_by_import(task, attempt_of(task, state.open_import, username), listed)

    def find(self, task: MigrationTask, state: NumberState) -> Procedure[str | None]:
        if state.open_import is None:
            return None
        # Another plan must not import the number while this run looks for it, or the record found could be its.
        yield from perform(Claim(task.key, task.identity, goes_on=True))
        username = None
        if task.trunk is not None and task.trunk.auth != "none":
            username = task.trunk.plain_username
            if is_reference(task.trunk.username or ""):
                username = (yield from perform(ResolveSecrets(task.trunk))).username
        now = yield from perform(Now())
        doubt = yield from task.doubt_of(state.open_import, EndpointRole.TARGET)
        record = yield from look_for_import(task, attempt_of(task, state.open_import, username))
        if record is not None:
            # Written down as an adopted import first, so that a run that dies here knows the record.
            data: dict[str, JsonValue] = {"adopted": True, "seen": snapshot(record, task.capabilities)}
            yield from task.write(Action.IMPORT, Phase.DONE, ADOPTED, record=record.id, data=data)
            return record.id
        if now < doubt.until:
            yield from task.write(Action.IMPORT, Phase.LOOK, f"no trace of it yet; in doubt {doubt}")
            raise doubt.error(task.key, "import")
        never = "no look after the whole settling window found it, so it was not made"
        # Unlike an `apply`, which would send the import again after the same window, a rollback has nothing left to do.
        yield from task.write(Action.IMPORT, Phase.FAILED, never)
        yield from task.write(Action.ROLL_BACK, Phase.DONE, "it was never made")
        return None


def _is_known_again(task: MigrationTask, state: NumberState) -> bool:
    """Whether a record that is made under the same id would look other than the one that this migration made."""
    seen = state.last_seen.data.get("seen") if state.last_seen is not None else None
    return not task.capabilities.ids_are_reused or (isinstance(seen, dict) and has_time(seen))


def _by_hand(task: MigrationTask, id: str, who: str) -> str:
    """How somebody releases a record that this migration must not release, so that the number can go on then."""
    release = of_record("release", id, task.target.connection)
    return f"find out {who}; if it is to go, `{release}`, then run the same command again"


_HIDDEN: Final = {Setting.USERNAME.value: "outbound.username: another one"}
"""What may have come from a secret reference is not shown."""
