"""One number's change of settings, and the way back, by hand: what is asked for at every point, and by which clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from telephony_core import PUBLISHED, UNSET, AgentRef, InboundUpdate, OutboundUpdate, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import NotFound, PartialOutcome, ProviderUnavailable
from telephony_core.errors.migration import ContradictoryAnswers, InDoubt, ManualActionRequired, StalePlan
from telephony_core.migration.changeset.restore import RestoreRule
from telephony_core.migration.deprovision.forecast import Served
from telephony_core.migration.deprovision.procedure import NotShown
from telephony_core.migration.inventory.staleness import snapshot
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.move.effects import (
    Claim,
    MigrationTask,
    ResolveSecrets,
    StepFailed,
)
from telephony_core.migration.move.state import state_of
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.flow import Semantics
from telephony_core.provider.registry import registry
from tests.migration.changeset.setting import Setting
from tests.migration.changeset.world import World
from tests.migration.stage import PASSWORD
from tests.transport.driving import START

WINDOW = timedelta(seconds=20.0 + 900.0)
HOUR, MOMENT = timedelta(hours=1), timedelta(seconds=10)
OTHER = AgentRef("another", version=PUBLISHED)
Make = Callable[..., MigrationTask]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(name: str = "plan.json", *, context: str = "diga-vox", **update: object) -> MigrationTask:
        stage = Setting(tmp_path, context, 1)
        loaded = stage.settings_plan(name, **(update or {"label": "New"}))
        capabilities = registry.spec(stage.source.slug).capabilities
        return MigrationTask.of(loaded, loaded.plan.numbers[0], capabilities)

    return made


def as_wanted(task: MigrationTask) -> PhoneNumber:
    return task.number.record.model_copy(update={"label": "New"})


def changed(task: MigrationTask) -> World:
    """A number whose label was changed."""
    world = World(task, [task.number.record, as_wanted(task)], writes=[as_wanted(task)])
    world.change()
    world.writes, world.reads = [task.number.record], [as_wanted(task)]
    return world


def records_of(world: World) -> Iterator[str | None]:
    return (line.record for line in world.lines)


# -- a write that must not be sent twice


def in_doubt(task: MigrationTask) -> World:
    """A run that ended before it knew what had become of such a write."""
    world = World(task, [task.number.record])
    world.announced(Action.SET_LABEL, Semantics.ONCE)
    return world


def test_it_is_looked_for_as_long_as_the_clock_of_the_provider_says_however_far_this_machines_was_set_ahead(
    make: Make,
) -> None:
    world = in_doubt(make())
    world.now, world.there = START + HOUR, START + MOMENT
    with pytest.raises(ManualActionRequired):
        world.change()
    assert [wait.seconds for wait in world.waits][:4] == [1.0, 2.0, 4.0, 8.0]
    assert {(wait.idle, wait.doubted) for wait in world.waits} == {(True, world.task.key)}
    passed = world.now - START - HOUR
    assert WINDOW - MOMENT < passed < WINDOW - MOMENT + timedelta(seconds=0.1)
    assert world.sent == []
    assert {*records_of(world)} == {world.task.number.record.id}


def test_the_look_at_the_very_end_of_the_window_is_the_last(make: Make) -> None:
    world = in_doubt(make())
    world.now = START + WINDOW
    with pytest.raises(ManualActionRequired):
        world.change()
    assert world.waits == []


def test_a_record_that_is_not_found_while_it_is_looked_for_and_is_in_the_list_is_not_believed_to_be_gone(
    make: Make,
) -> None:
    task = make()
    world = in_doubt(task)
    world.reads = [task.number.record, NotFound("no")]
    world.listed = (task.number.record,)
    with pytest.raises(ContradictoryAnswers, match=r"is not found at the target by its id"):
        world.change()


def test_a_record_that_is_in_no_list_either_is_looked_for_until_the_window_is_over(make: Make) -> None:
    task = make()
    world = in_doubt(task)
    world.reads = [task.number.record, NotFound("no")]
    with pytest.raises(ManualActionRequired):
        world.change()


# -- before anything is sent


@pytest.mark.parametrize("line", [(Action.RESTORE, Phase.DONE), (Action.ROLL_BACK, Phase.INTENT)])
def test_a_number_whose_rollback_has_begun_is_not_changed_and_the_rollback_is_named(
    line: tuple[Action, Phase], make: Make
) -> None:
    task = make()
    world = changed(task)
    world.lines.append(Entry(task.key, *line, task.number.record.id, data={"action": "set_label"}))
    world.lines.remove(next(line for line in world.lines if line.action is Action.READ_BACK))
    world.sent.clear()
    with pytest.raises(StalePlan) as refused:
        world.change()
    assert refused.value.message == f"a rollback of {task.key} has begun, so nothing of it is changed any more"
    assert refused.value.remedy == f"finish it with `{task.command('rollback')}`, then make a new plan"
    assert world.sent == []


def test_a_record_that_changed_is_named_with_what_changed_and_what_to_do_where_the_plan_has_begun_with_it(
    make: Make,
) -> None:
    task = make()
    theirs = task.number.record.model_copy(update={"label": "Somebody's"})
    how = f"{task.key} has changed since it was shown: label: {task.number.record.label} → Somebody's"
    untouched = World(task, [theirs])
    with pytest.raises(StalePlan) as refused:
        untouched.change()
    assert refused.value.message == how
    assert refused.value.remedy == StalePlan.default_remedy
    touched = World(task, [theirs])
    touched.announced(Action.SET_LABEL, Semantics.IDEMPOTENT)
    with pytest.raises(StalePlan) as refused:
        touched.change()
    assert refused.value.message == how
    assert f"set back what this plan changed, `{task.command('rollback')}`" in str(refused.value.remedy)
    assert (untouched.sent, touched.sent) == ([], [])


def test_a_record_that_is_not_found_and_is_in_the_list_is_not_changed(make: Make) -> None:
    task = make()
    world = World(task, [NotFound("no")], listed=(task.number.record,))
    with pytest.raises(ContradictoryAnswers, match=r"is not found at the target by its id"):
        world.change()


def with_trunk(record: PhoneNumber, **outbound: object) -> PhoneNumber:
    """The record with another trunk."""
    assert record.sip is not None
    half = record.sip.outbound.model_copy(update=outbound)
    return record.model_copy(update={"sip": record.sip.model_copy(update={"outbound": half})})


def with_credentials(make: Make, folder: Path) -> tuple[MigrationTask, PhoneNumber]:
    """A change of the label and of the credentials, whose user name is only referred to, and the record after it."""
    secret = f"file:{folder / 'trunk.secret'}"
    task = make(label="New", username=secret, password=secret)
    return task, with_trunk(as_wanted(task), username="acme2")


def test_a_number_is_claimed_by_its_key_and_then_its_secrets_are_read(make: Make, tmp_path: Path) -> None:
    task, after = with_credentials(make, tmp_path)
    world = World(task, [task.number.record, after], writes=[as_wanted(task), after])
    world.change()
    assert world.asked == [Claim(task.key, task.identity, goes_on=False), ResolveSecrets(task.trunk)]
    label, trunk = world.sent
    assert label.label == "New"
    assert world.names == ["update_label", "update_sip"]
    assert (trunk.outbound.username, trunk.outbound.password.get_secret_value()) == ("acme2", PASSWORD)


def test_a_user_name_that_is_only_referred_to_is_compared_with_what_the_reference_leads_to(
    make: Make, tmp_path: Path
) -> None:
    task, after = with_credentials(make, tmp_path)
    equal = World(task, [task.number.record, after], writes=[as_wanted(task), after])
    equal.change()
    assert equal.lines[-1].data["unverifiable"] == ["outbound.password"]
    other = World(task, [task.number.record, as_wanted(task)], writes=[as_wanted(task), as_wanted(task)])
    with pytest.raises(StepFailed) as failed:
        other.change()
    assert "outbound.username" in failed.value.error.message
    assert "acme2" not in failed.value.error.message


def test_no_secret_is_read_for_a_trunk_that_was_written_already(make: Make, tmp_path: Path) -> None:
    task, after = with_credentials(make, tmp_path)
    lines = [Entry(task.key, action, Phase.DONE, after.id) for action in (Action.SET_LABEL, Action.SET_SIP)]
    world = World(task, [after], lines=lines)
    world.change()
    assert world.asked == [Claim(task.key, task.identity, goes_on=True)]
    assert world.sent == []


def test_a_trunk_that_was_changed_with_another_number_is_not_written_and_that_is_said(make: Make) -> None:
    task = make(outbound=OutboundUpdate(address="new.example.com"), inbound_agent=OTHER)
    record = task.number.record
    trunk = with_trunk(record, address=task.number.desired.outbound.address)
    after = trunk.model_copy(update={"inbound_agent": OTHER})
    world = World(task, [trunk, after], writes=[after])
    world.change(shared_with="+827011110009")
    (agents,) = world.sent
    assert agents.inbound == OTHER
    note = "its trunk is the one of +827011110009, and was changed there"
    assert [(line.action, line.message) for line in world.lines if line.phase is Phase.LOOK] == [(Action.CHECK, note)]
    assert {*records_of(world)} == {record.id}


@pytest.mark.parametrize(("username", "sent"), [("acme2", 0), ("acme", 1)])
def test_a_write_that_was_announced_is_found_by_the_user_name_that_a_reference_leads_to(
    username: str, sent: int, make: Make, tmp_path: Path
) -> None:
    address = OutboundUpdate(address="new.example.com")
    task = make(outbound=address, username=f"file:{tmp_path / 'trunk.secret'}")
    after = with_trunk(task.number.record, address=address.address, username="acme2")
    shown = with_trunk(after, username=username)
    world = World(task, [shown, after], writes=[after])
    world.announced(Action.SET_SIP, Semantics.IDEMPOTENT)
    world.change()
    assert len(world.sent) == sent
    assert ("its answer was lost, and the record is as planned" in {line.message for line in world.lines}) is not bool(
        sent
    )


def test_a_user_name_that_an_unanswered_write_set_is_no_change_by_somebody_else(make: Make, tmp_path: Path) -> None:
    task, after = with_credentials(make, tmp_path)
    label = as_wanted(task)
    lines = [Entry(task.key, Action.SET_LABEL, Phase.DONE, label.id, data={"seen": snapshot(label, task.capabilities)})]
    world = World(task, [after], writes=[after], lines=lines)
    world.announced(Action.SET_SIP, Semantics.IDEMPOTENT)
    world.change()
    assert world.lines[-1].action is Action.READ_BACK


def told_apart_by_updates(task: MigrationTask, is_reused: bool) -> tuple[MigrationTask, PhoneNumber]:
    """A task at a provider that shows only when a record was last changed, and its record an hour later."""
    record = task.number.record.model_copy(update={"created_at": None, "starts_at": None, "updated_at": START})
    capabilities = replace(task.capabilities, ids_are_reused=is_reused)
    number = task.number.model_copy(update={"source": record})
    return replace(task, number=number, capabilities=capabilities), record.model_copy(
        update={"updated_at": START + HOUR}
    )


@pytest.mark.parametrize("has_begun", [True, False])
def test_where_ids_are_used_again_a_record_of_another_time_is_another_record(has_begun: bool, make: Make) -> None:
    for is_reused in (True, False):
        made = make(f"{is_reused}.json", label="New", inbound_agent=OTHER)
        task, later = told_apart_by_updates(made, is_reused)
        if has_begun:
            later = later.model_copy(update={"label": "New"})
        after = later.model_copy(update={"label": "New", "inbound_agent": OTHER})
        world = World(task, [later, after], writes=[after, after])
        if has_begun:
            seen = snapshot(later.model_copy(update={"updated_at": START}), task.capabilities)
            world.lines.append(Entry(task.key, Action.SET_LABEL, Phase.DONE, later.id, data={"seen": seen}))
        if is_reused:
            with pytest.raises(StalePlan, match="updated_at"):
                world.change()
            assert world.sent == []
        else:
            world.change()
            assert len(world.sent) == 2 - has_begun


def test_a_time_that_an_unanswered_write_of_this_plan_moved_makes_no_other_record(make: Make) -> None:
    task, later = told_apart_by_updates(make(), True)
    wanted = later.model_copy(update={"label": "New"})
    world = World(task, [wanted])
    world.announced(Action.SET_LABEL, Semantics.IDEMPOTENT)
    world.change()
    assert world.sent == []


def test_a_user_name_that_somebody_changed_is_seen_whatever_the_plan_is_going_to_set(
    make: Make, tmp_path: Path
) -> None:
    referred = make("referred.json", username=f"file:{tmp_path / 'trunk.secret'}")
    untouched = World(referred, [with_trunk(referred.number.record, username="theirs")])
    address = make("address.json", outbound=OutboundUpdate(address="new.example.com"))
    touched = World(address, [with_trunk(address.number.record, username="theirs")])
    touched.announced(Action.SET_SIP, Semantics.IDEMPOTENT)
    for world in (untouched, touched):
        with pytest.raises(StalePlan, match=r"outbound\.username"):
            world.change()
        assert world.sent == []


def test_what_is_cleared_is_sent_as_none_and_vendor_options_go_along_with_the_trunk(make: Make) -> None:
    options = {"vox": {"no_authentication": True}}
    address = OutboundUpdate(address="new.example.com")
    task = make(context="vox-diga", label=None, outbound=address, inbound_agent=None, options=options)
    cleared = task.number.record.model_copy(update={"label": None, "inbound_agent": None})
    after = with_trunk(cleared, address=address.address)
    world = World(task, [task.number.record, after], writes=[after, after, after])
    world.change()
    label, trunk, agents = world.sent
    assert label.label is None
    assert (trunk.outbound.address, trunk.options) == (address.address, options)
    assert (agents.inbound, agents.outbound) == (None, UNSET)


@pytest.mark.parametrize("half", ["inbound", "outbound"])
def test_of_a_trunk_only_the_half_that_is_to_change_is_sent(half: str, make: Make) -> None:
    update = {
        "inbound": InboundUpdate(media_encryption="require"),
        "outbound": OutboundUpdate(media_encryption="require"),
    }
    task = make(**{half: update[half]})
    record = task.number.record
    assert record.sip is not None
    encrypted = getattr(record.sip, half).model_copy(update={"media_encryption": "require"})
    after = record.model_copy(update={"sip": record.sip.model_copy(update={half: encrypted})})
    world = World(task, [record, after], writes=[after])
    world.change()
    (trunk,) = world.sent
    sent = {"inbound": trunk.inbound, "outbound": trunk.outbound}
    assert sent.pop(half).media_encryption == "require"
    assert [*sent.values()] == [UNSET]


def half_way(task: MigrationTask, number: PhoneNumber | None) -> World:
    """A change that was accepted, and whose record could not be read afterwards, or was read all the same."""
    cause = ProviderUnavailable("no")
    partial = PartialOutcome("accepted", number=number, done=("set",), failed_step="read", cause=cause)
    return World(task, [task.number.record, as_wanted(task)], writes=[partial])


def test_what_was_accepted_is_taken_for_made_where_its_record_is_known_and_is_read_back(make: Make) -> None:
    task = make()
    world = half_way(task, as_wanted(task))
    world.change()
    done = [(line.action, line.message) for line in world.lines if line.phase is Phase.DONE]
    assert done == [(Action.SET_LABEL, "accepted"), (Action.READ_BACK, "")]
    assert len(world.sent) == 1


def test_what_was_accepted_is_told_as_it_is_where_its_record_is_not_known(make: Make) -> None:
    world = half_way(make(), None)
    with pytest.raises(StepFailed) as failed:
        world.change()
    assert (failed.value.action, failed.value.error.message) == (Action.SET_LABEL, "accepted")
    assert [line.phase for line in world.lines] == [Phase.INTENT]


# -- what the journal keeps


def test_every_line_of_a_change_and_of_its_way_back_names_the_record(make: Make) -> None:
    world = changed(make())
    world.reads.append(world.task.number.record)
    world.roll_back()
    assert [(line.action, line.phase) for line in world.lines] == [
        (Action.SET_LABEL, Phase.INTENT),
        (Action.SET_LABEL, Phase.DONE),
        (Action.READ_BACK, Phase.DONE),
        (Action.ROLL_BACK, Phase.INTENT),
        (Action.RESTORE, Phase.DONE),
        (Action.ROLL_BACK, Phase.DONE),
    ]
    assert {*records_of(world)} == {world.task.number.record.id}
    assert [line.message for line in world.lines] == ["", "", "", "", "", "set back: label"]


def test_what_no_read_can_show_is_written_down_by_name(make: Make, tmp_path: Path) -> None:
    task = make(label="New", password=f"file:{tmp_path / 'trunk.secret'}")
    world = World(task, [task.number.record, as_wanted(task)], writes=[as_wanted(task), as_wanted(task)])
    world.change()
    assert world.lines[-1].data["unverifiable"] == ["outbound.password"]


# -- the way back


def test_a_change_in_doubt_is_not_set_back_before_the_clock_of_the_provider_has_passed_its_window(make: Make) -> None:
    world = in_doubt(make())
    world.now, world.there = START + HOUR, START + MOMENT
    with pytest.raises(InDoubt, match=f"the change of {world.task.key}".replace("+", r"\+")):
        world.roll_back()
    assert len(world.lines) == 1


def test_at_the_end_of_its_window_a_change_is_in_doubt_no_more(make: Make) -> None:
    world = in_doubt(make())
    world.now = START + WINDOW
    world.roll_back()
    assert world.lines[-1].message == "set back: label"


@pytest.mark.parametrize(
    ("now", "there", "is_told"),
    [
        (START + HOUR, START + MOMENT, True),
        (START + WINDOW - MOMENT, None, True),
        (START + WINDOW, None, False),
    ],
)
def test_a_request_that_was_sent_again_is_told_of_until_the_clock_of_the_provider_has_passed_its_window(
    now: datetime, there: datetime | None, is_told: bool, make: Make
) -> None:
    task = make()
    world = World(task, [as_wanted(task)], writes=[task.number.record])
    for _ in range(2):
        world.announced(Action.SET_LABEL, Semantics.IDEMPOTENT)
    world.change()
    world.now, world.there = now, there
    world.roll_back()
    told = "; a request that changed it was not answered and may still take effect (since "
    text, separator, _ = world.lines[-1].message.partition(told)
    assert (text, separator) == ("set back: label", told if is_told else "")


def test_nothing_is_written_into_a_record_that_was_not_shown(make: Make) -> None:
    world = changed(make())
    world.sent.clear()
    id = world.task.number.record.id
    with pytest.raises(NotShown) as refused:
        world.roll_back(shown=False)
    assert refused.value.message == f"{world.task.key} ({id}) was not among the records that were shown"
    assert world.sent == []


def test_a_record_that_its_list_shows_and_a_read_does_not_find_is_not_believed_to_be_gone(make: Make) -> None:
    world = changed(make())
    world.reads, world.listed = [NotFound("no")], (as_wanted(world.task),)
    with pytest.raises(ContradictoryAnswers, match=r"is not found at the target by its id"):
        world.roll_back()


def agents_changed(task: MigrationTask) -> tuple[list[Entry], PhoneNumber]:
    """What the journal says after that, and what the record shows."""
    record = task.number.record
    line = Entry(task.key, Action.SET_AGENTS, Phase.DONE, record.id)
    return [line], record.model_copy(update={"inbound_agent": task.number.desired.inbound_agent})


def test_setting_agents_back_has_the_side_effects_that_assigning_has_but_for_a_split_that_is_not_there(
    make: Make,
) -> None:
    task = make(context="vox-diga", label="New", inbound_agent=OTHER)
    publishing = {Operation.ASSIGN_AGENTS: frozenset({SideEffect.PUBLISHES, SideEffect.REPLACES_SPLIT})}
    checked: list[object] = []
    client = SimpleNamespace(
        capabilities=replace(task.capabilities, side_effects=publishing),
        check=lambda change: checked.append(change) or (),
    )
    lines, record = agents_changed(task)
    one = RestoreRule().forecast(client, task, state_of(lines), record, (Served(), ()))
    assert one.side_effects == (SideEffect.PUBLISHES,)
    assert not one.revocable
    assert [each.allow for each in checked] == [frozenset(SideEffect)]
    label = state_of([Entry(task.key, Action.SET_LABEL, Phase.DONE, record.id)])
    assert RestoreRule().forecast(client, task, label, record, (Served(), ())).side_effects == ()


def test_agents_are_set_back_with_the_side_effects_that_were_allowed_and_no_others(make: Make) -> None:
    task = make(context="vox-diga", inbound_agent=OTHER)
    lines, record = agents_changed(task)
    world = World(task, [record], writes=[task.number.record], lines=lines)
    world.roll_back(allow=[SideEffect.PUBLISHES])
    (change,) = world.sent
    assert (change.inbound, change.allow) == (task.number.record.inbound_agent, {SideEffect.PUBLISHES})
    assert world.lines[-1].message == "set back: inbound_agent"


def test_only_a_change_that_published_a_version_says_that_this_is_not_undone(make: Make) -> None:
    task = make(context="vox-diga", label="New", inbound_agent=OTHER)
    assert RestoreRule().cannot_be_undone([task], {}) == ()
    *others, read = task.number.steps
    publishing = others[-1].model_copy(update={"side_effects": (SideEffect.PUBLISHES,)})
    number = task.number.model_copy(update={"steps": (*others[:-1], publishing, read)})
    (said,) = RestoreRule().cannot_be_undone([replace(task, number=number)], {})
    assert said == "a version of an agent that was published by assigning it stays published"
