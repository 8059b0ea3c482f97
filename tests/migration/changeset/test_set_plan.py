"""What a plan of changed settings holds: of which numbers, what is written, how it is undone, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from telephony_core import PUBLISHED, AgentRef, InboundUpdate, NumberStatus, OutboundUpdate
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.errors import InvalidInput, NotAllowed
from telephony_core.migration.assessment.agent_lookup import AgentProblem
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.plan.findings import Severity, SkipReason
from telephony_core.migration.plan.model import Plan, PlanKind, PlannedStep, Settings, StepKind
from telephony_core.transport.pace import Pace
from tests.migration.changeset.setting import KEYS, Setting, account, shared

ALL = ["status=active"]


@pytest.fixture(params=["vox-diga", "diga-vox"])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_number_that_is_named_and_does_not_fit_is_in_the_plan_as_such(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    held = account(stage)
    label = held.inventory.numbers[1].label
    plan = plan_settings(held, SettingsUpdate(label="x"), where=[f"label={label}"], numbers=KEYS[:2])
    assert [number.key for number in plan.numbers] == [KEYS[1]]
    assert [(left.key, left.why) for left in plan.skipped] == [(KEYS[0], SkipReason.NOT_CHOSEN)]


def test_a_user_name_that_no_digest_can_hold_is_no_plan() -> None:
    with pytest.raises(InvalidInput, match="username: may hold neither a colon"):
        SettingsUpdate(username="acme:1", password="env:TRUNK_PASSWORD").desired()


def test_a_label_with_what_turns_text_is_no_plan(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    with pytest.raises(InvalidInput, match="the label holds"):
        plan_settings(account(stage), SettingsUpdate(label="a\u202eb"), where=["status=active"])


def test_a_step_of_which_everything_is_there_already_is_left_out(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox")
    plan = plan_settings(
        account(stage),
        SettingsUpdate(label="Número 1", outbound=OutboundUpdate(address="trunk1.example.com:5060")),
        where=["status=active"],
    )
    kinds = {number.key: [step.kind for step in number.steps[:-1]] for number in plan.numbers}
    assert kinds == {key: [StepKind.UPDATE_LABEL, StepKind.UPDATE_SIP] for key in (KEYS[0], KEYS[2])}
    assert [(left.key, left.why) for left in plan.skipped] == [(KEYS[1], SkipReason.UNCHANGED)]


def test_what_no_chosen_number_takes_is_refused_before_there_is_a_plan(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    with pytest.raises(InvalidInput, match=r"inbound.allowed_addresses: vox does not support it \(3 numbers\)"):
        plan_settings(
            account(stage),
            SettingsUpdate(inbound=InboundUpdate(allowed_addresses=["203.0.113.9"])),
            where=["status=active"],
        )
    assert stage.writes(stage.source) == []


def test_numbers_are_chosen_by_the_address_of_their_trunk(tmp_path: Path) -> None:
    held = account(Setting(tmp_path, "vox-diga", 2))
    first = held.inventory.numbers[0]
    assert first.sip is not None
    where = [f"outbound.address={first.sip.outbound.address}"]
    plan = plan_settings(held, SettingsUpdate(label="New"), where=where)
    assert first.id in [number.record.id for number in plan.numbers]


def test_a_number_that_does_not_take_it_stays_out_and_the_others_go_on(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    bought = stage.source.add(number="07099990000", provider="vox")
    plan = plan_settings(account(stage), SettingsUpdate(label="New"), where=["status=active"])
    (left,) = plan.skipped
    assert (left.source_id, left.why) == (bought, SkipReason.BLOCKED)
    assert len(plan.numbers) == 2


@pytest.mark.parametrize(
    ("update", "why"),
    [
        (SettingsUpdate(), "change nothing"),
        (SettingsUpdate(label=""), "label is empty"),
        (SettingsUpdate(password="hunter2"), "not a reference"),
        (SettingsUpdate(password="env:"), "does not say where"),
        (SettingsUpdate(password="env:hunter2"), "may be the secret itself"),  # a shell read env:$PASSWORD
        (SettingsUpdate(password="file:hunter2"), "may be the secret itself"),
        (SettingsUpdate(username="env:hunter2"), "username: .* may be the secret itself"),
        (SettingsUpdate(outbound=OutboundUpdate(password="hunter2")), "holds no credentials"),
    ],
)
def test_an_update_that_cannot_be_meant_is_refused_without_repeating_it(
    update: SettingsUpdate, why: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        plan_settings(account(Setting(tmp_path)), update, where=["status=active"])
    assert "hunter2" not in refused.value.cli_text


def test_a_trunk_that_others_share_is_changed_only_if_that_is_allowed_by_name(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    update = SettingsUpdate(
        outbound=OutboundUpdate(address="new.example.com"), username="a", password=f"file:{stage.secret}"
    )
    with pytest.raises(NotAllowed, match=rf"also the one of \{KEYS[1]}"):
        plan_settings(account(stage), update, numbers=[KEYS[0]])
    plan = plan_settings(account(stage), update, numbers=[KEYS[0]], allow=["shared_trunk"])
    (finding,) = [finding for finding in plan.numbers[0].findings if finding.field == "trunk"]
    assert finding.allowed
    assert finding.together == "share a trunk with others that would change as well"


def test_a_consent_is_not_asked_for_where_it_would_not_be_enough(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    update = SettingsUpdate(
        inbound=InboundUpdate(allowed_addresses=["203.0.113.9"]), username="a", password=f"file:{stage.secret}"
    )
    with pytest.raises(InvalidInput, match="does not support it") as refused:
        plan_settings(account(stage), update, numbers=[KEYS[0]])
    assert "also the one of" in refused.value.message


@pytest.mark.parametrize("update", [{"username": "a"}, {"outbound": OutboundUpdate(address="new.example.com")}])
def test_what_goes_only_with_the_password_is_refused_without_it(update: dict[str, object], tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    with pytest.raises(InvalidInput, match="password"):
        plan_settings(account(stage), SettingsUpdate(**update), where=ALL)
    plan = plan_settings(account(stage), SettingsUpdate(**update, password=f"file:{stage.secret}"), where=ALL)
    assert len(plan.numbers) == 1


def test_agents_need_no_consent_where_nothing_is_published(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    agent = AgentRef(stage.source.agents["sales"], version=PUBLISHED)
    plan = plan_settings(account(stage), SettingsUpdate(inbound_agent=agent), where=["status=active"])
    assert plan.numbers[0].steps[0].side_effects == ()


# -- what is written, and how it is undone


def steps(stage: Setting, update: SettingsUpdate, **more: object) -> dict[StepKind, PlannedStep]:
    plan = plan_settings(account(stage), update, where=ALL, **more)
    return {step.kind: step for step in plan.numbers[0].steps}


def test_a_step_says_what_was_there_what_comes_and_how_it_is_set_back(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    update = SettingsUpdate(
        label="New",
        outbound=OutboundUpdate(address="new.example.com:5060"),
        inbound_agent=AgentRef(stage.source.agents["sales"], version=PUBLISHED),
    )
    made = steps(stage, update)
    assert list(made) == [StepKind.UPDATE_LABEL, StepKind.UPDATE_SIP, StepKind.ASSIGN_AGENTS, StepKind.READ_BACK]
    label, trunk, agents, read = made.values()
    assert (label.message, label.before, label.after) == (
        "change its label at diga",
        {"label": "Número 0"},
        {"label": "New"},
    )
    assert (label.reversible, label.undo) == (True, "set back label")
    assert (trunk.message, trunk.before, trunk.after) == (
        "change its trunk at diga",
        {"outbound.address": "trunk0.example.com:5060"},
        {"outbound.address": "new.example.com:5060"},
    )
    assert (trunk.reversible, trunk.undo) == (True, "set back outbound.address")
    assert agents.message == "change its agents at diga"
    assert agents.after == {"inbound_agent": f"agent {stage.source.agents['sales']}, version published"}
    assert agents.undo == "not inbound_agent: the provider does not say all of what it was"
    assert (agents.reversible, agents.side_effects) == (False, ())
    assert (read.message, read.undo) == ("read it back and compare what was changed", "nothing to undo")
    assert [step.requests for step in made.values()] == [2, 2, 3, 1]


def test_credentials_are_shown_by_where_they_come_from(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    file = f"file:{stage.secret}"
    trunk = steps(stage, SettingsUpdate(username="acme2", password=file))[StepKind.UPDATE_SIP]
    assert trunk.before == {"outbound.username": "acme"}
    assert trunk.after == {"outbound.username": "acme2", "outbound.password": f"from {file}"}
    lost = "outbound.password: the provider does not say what it was, so the new one stays"
    assert (trunk.reversible, trunk.undo) == (False, f"set back outbound.username, but not {lost}")
    referred = steps(stage, SettingsUpdate(username=file))[StepKind.UPDATE_SIP]
    assert referred.after == {"outbound.username": f"from {file}"}
    alone = steps(stage, SettingsUpdate(password=file))[StepKind.UPDATE_SIP]
    assert (alone.before, alone.after) == ({}, {"outbound.password": f"from {file}"})
    beside = steps(stage, SettingsUpdate(label="New", password=file))[StepKind.UPDATE_LABEL]
    assert beside.after == {"label": "New"}


def test_what_is_cleared_is_called_so(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    made = steps(stage, SettingsUpdate(label=None, inbound_agent=None))
    assert made[StepKind.UPDATE_LABEL].after == {"label": "cleared"}
    assert made[StepKind.ASSIGN_AGENTS].after == {"inbound_agent": "cleared"}
    assert StepKind.UPDATE_SIP not in made


def test_an_assignment_that_publishes_says_so_and_cannot_be_undone(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    agent = stage.source.agents["survey"]
    version = stage.source.versions(agent)[0].version_id
    update = SettingsUpdate(label="New", inbound_agent=AgentRef(agent, version=version))
    made = steps(stage, update, allow=["publishes"])
    assert made[StepKind.ASSIGN_AGENTS].side_effects == (SideEffect.PUBLISHES,)
    assert not made[StepKind.ASSIGN_AGENTS].reversible
    assert made[StepKind.UPDATE_LABEL].side_effects == ()


def test_a_plan_holds_what_was_chosen_and_where(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context)
    held = account(stage)
    plan = plan_settings(
        held,
        SettingsUpdate(label="New", password=f"file:{stage.secret}"),
        where="status=active",
        numbers=[KEYS[0], KEYS[0], KEYS[2]],
        canaries=[KEYS[0]],
        allow=["publishes"],
        settings=Settings(concurrency=2),
        pace=Pace(per_second=1.0),
        clock=stage.time.clock,
    )
    assert plan.kind is PlanKind.SET
    assert plan.source is None
    assert (plan.target.connection, plan.target.provider) == (stage.source.slug, stage.source.slug)
    assert plan.created_at == stage.time.clock.now()
    assert plan.allowed == ("publishes",)
    assert (plan.settings.concurrency, plan.settings.canary) == (2, 1)
    assert [canary.number for canary in plan.canaries] == [KEYS[0]]
    assert plan.selection is not None
    assert (plan.selection.where, plan.selection.numbers) == (("status=active",), (KEYS[0], KEYS[2]))
    assert [number.key for number in plan.numbers] == [KEYS[0], KEYS[2]]
    assert [trunk.name for trunk in plan.trunks] == ["given"]
    assert plan.estimate.target_requests > 2 * 5
    assert plan.estimate.seconds >= plan.estimate.target_requests  # at one a second


def test_two_records_of_one_number_are_told_apart_by_their_ids(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 2)
    second = stage._add_source(0)
    update = SettingsUpdate(label="New")
    both = plan_settings(account(stage), update, where=ALL)
    assert {number.key for number in both.numbers} == {f"{KEYS[0]} {stage.ids[0]}", f"{KEYS[0]} {second}", KEYS[1]}
    one = plan_settings(account(stage), update, numbers=[second])
    assert [(number.key, number.source.id) for number in one.numbers] == [(KEYS[0], second)]


def test_one_number_may_be_named_without_a_list(tmp_path: Path) -> None:
    stage = Setting(tmp_path)
    plan = plan_settings(account(stage), SettingsUpdate(label="New"), numbers=KEYS[1])
    assert [number.key for number in plan.numbers] == [KEYS[1]]
    assert plan.trunks == ()


def test_what_is_not_asked_for_stays(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    (number,) = plan_settings(account(stage), SettingsUpdate(label="New"), where=ALL).numbers
    desired = number.desired
    assert (desired.label, desired.inbound, desired.outbound, desired.trunk, desired.clear) == (
        "New",
        None,
        None,
        None,
        (),
    )
    assert (desired.inbound_agent, desired.outbound_agent, dict(desired.options)) == (None, None, {})
    assert desired.number == number.source.identity.raw


def test_a_number_with_the_wanted_settings_says_so(context: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, context, 1)
    held = account(stage)
    (left,) = plan_settings(held, SettingsUpdate(label=held.inventory.numbers[0].label), where=ALL).skipped
    assert (left.key, left.source_id, left.why) == (KEYS[0], stage.ids[0], SkipReason.UNCHANGED)
    assert left.message == "it is already as planned"


# -- what stands in the way


def test_numbers_that_share_its_trunk_are_named_and_counted(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 8)
    for id in stage.ids[:8]:
        trunk = {"inbound_trunk_id": "ST_in", "outbound_trunk_id": "ST_out", "address": "sip:trunk0.example.com:5060"}
        stage.source.store.edit(id, trunk)
    update = SettingsUpdate(outbound=OutboundUpdate(address="new.example.com"), username="a", password="prompt:")
    keys = [f"+8270{11110000 + at}" for at in range(8)]
    for chosen, names in ((1, f"{', '.join(keys[1:6])} and 2 more"), (3, ", ".join(keys[3:]))):
        with pytest.raises(NotAllowed) as refused:
            plan_settings(account(stage), update, numbers=keys[:chosen])
        count = keys[0] if chosen == 1 else f"{chosen} numbers"
        assert refused.value.message == (
            f"no chosen number can be changed so: trunk: its trunk is also the one of {names}, which were not chosen "
            f"and would change with it ({count})"
        )
        assert refused.value.remedy == "choose these as well; or say --allow shared_trunk"
        assert refused.value.allowance == "shared_trunk"
    assert len(plan_settings(account(stage), update, where=ALL).numbers) == 8


def test_a_record_that_was_released_shares_no_trunk(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 2)
    shared(stage)
    held = account(stage)
    gone = [
        record.model_copy(update={"status": NumberStatus.RELEASED})
        for record in held.inventory.numbers
        if record.id == stage.ids[1]
    ]
    live = [record for record in held.inventory.numbers if record.id != stage.ids[1]]
    held = replace(held, inventory=held.inventory.model_copy(update={"numbers": (*live, *gone)}))
    update = SettingsUpdate(outbound=OutboundUpdate(address="new.example.com"), username="a", password="prompt:")
    assert len(plan_settings(held, update, numbers=[KEYS[0]]).numbers) == 1


@pytest.mark.parametrize("which", ["inbound_agent", "outbound_agent"])
def test_an_agent_that_cannot_be_assigned_is_named_with_what_to_do(which: str, tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    agent = AgentRef("gone", version=PUBLISHED)
    held = replace(account(stage), agents={agent: AgentProblem("it is not there", "make it")})
    with pytest.raises(InvalidInput) as refused:
        plan_settings(held, SettingsUpdate(**{which: agent}), where=ALL)
    assert refused.value.message == (
        f"no chosen number can be changed so: {which}: gone cannot be assigned: it is not there ({KEYS[0]})"
    )
    assert refused.value.remedy == "make it"


def test_a_number_that_cannot_be_changed_is_in_the_plan_with_the_reason(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    stage.source.add(number="07099990000", provider="vox")
    (left,) = plan_settings(account(stage), SettingsUpdate(label="New"), where=ALL).skipped
    (finding,) = [finding for finding in left.findings if finding.blocks]
    assert finding.severity is Severity.BLOCK
    assert finding.message
    assert left.message


def test_a_number_that_is_left_out_says_what_to_do_about_it(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga")
    shared(stage)
    update = SettingsUpdate(username="a", password=f"file:{stage.secret}")
    (left,) = plan_settings(account(stage), update, numbers=[KEYS[0], KEYS[2]]).skipped
    assert (left.key, left.message, left.remedy) == (KEYS[0], "blocked by trunk", "choose these as well")


def test_nothing_is_chosen_by_what_the_provider_of_the_account_never_tells(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    with pytest.raises(InvalidInput, match="vox does not return"):
        plan_settings(account(stage), SettingsUpdate(label="New"), where=["outbound.username=acme"])


def test_which_agents_were_not_looked_up_is_said(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "diga-vox", 1)
    plan: Plan = plan_settings(
        account(stage), SettingsUpdate(inbound_agent=AgentRef("perhaps", version=PUBLISHED)), where=ALL
    )
    (text,) = plan.unchecked
    assert "whether the agent perhaps can be assigned at diga: it was not asked" in text


@pytest.mark.parametrize("given", [{"username": "a"}, {"password": "b"}, {"username": "a", "password": "b"}])
def test_credentials_beside_an_address_are_refused_with_where_they_belong(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        SettingsUpdate(outbound=OutboundUpdate(**given)).desired()
    assert refused.value.message == "outbound: a plan holds no credentials"
    assert "password as a reference: env:NAME, file:PATH or prompt:" in str(refused.value.remedy)


@pytest.mark.parametrize(
    ("update", "remedy"),
    [
        (SettingsUpdate(), "give at least one setting, or one to clear"),
        (SettingsUpdate(label=""), "give None to clear it"),
        (SettingsUpdate(password="hunter2"), "write env:NAME, file:PATH or prompt:"),
    ],
)
def test_an_update_that_is_refused_says_what_to_give(update: SettingsUpdate, remedy: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        update.desired()
    assert refused.value.remedy == remedy


def test_an_empty_label_is_cleared_on_the_command_line_by_a_word_of_its_own() -> None:
    with pytest.raises(InvalidInput) as refused:
        SettingsUpdate(label="").desired()
    assert "say --clear-label" in refused.value.cli_text


def test_settings_of_every_kind_are_cleared_at_once() -> None:
    update = SettingsUpdate(
        label=None,
        inbound=InboundUpdate(media_encryption=None),
        outbound=OutboundUpdate(address=None, media_encryption="require"),
        outbound_agent=None,
    )
    desired, trunk = update.desired()
    assert desired.clear == ("inbound.media_encryption", "label", "outbound.address", "outbound_agent")
    assert (desired.label, desired.inbound, desired.outbound_agent, trunk) == (None, None, None, None)
    assert desired.outbound is not None
    assert (desired.outbound.address, desired.outbound.media_encryption) == (None, "require")
    assert SettingsUpdate(label="New", inbound=InboundUpdate(media_encryption="require")).desired()[0].outbound is None


@pytest.mark.parametrize("beside", ["password", "options"])
def test_what_no_read_shows_is_written_together_with_the_address_that_is_there_already(
    beside: str, tmp_path: Path
) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    held = account(stage)
    trunk = held.inventory.numbers[0].sip
    assert trunk is not None
    given = {"password": f"file:{stage.secret}", "options": {"vox": {"no_authentication": True}}}
    update = SettingsUpdate(outbound=OutboundUpdate(address=trunk.outbound.address), **{beside: given[beside]})
    (number,) = plan_settings(held, update, where=ALL).numbers
    assert [step.kind for step in number.steps] == [StepKind.UPDATE_SIP, StepKind.READ_BACK]
    assert number.desired.outbound is not None
    assert number.desired.outbound.address == trunk.outbound.address


def test_options_of_the_provider_are_part_of_the_plan(tmp_path: Path) -> None:
    stage = Setting(tmp_path, "vox-diga", 1)
    options = {"vox": {"no_authentication": True}}
    update = SettingsUpdate(outbound=OutboundUpdate(address="new.example.com"), options=options)
    (number,) = plan_settings(account(stage), update, where=ALL).numbers
    assert number.desired.options == options
