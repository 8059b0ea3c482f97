"""Plans: made without writing, the same for the same inputs, and clear about what they do and do not."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from telephony_core import InvalidInput, Telephony
from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import NumberStatus, Origin, SideEffect
from telephony_core.domain.sip import CredentialState
from telephony_core.emulator import Emulator, StoredCredentials
from telephony_core.migration.assessment.target import TargetAccount, survey
from telephony_core.migration.inventory.inventory import Inventory, take_inventory
from telephony_core.migration.mapping.draft import draft_map
from telephony_core.migration.mapping.map_file import MapError, MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import SkipReason
from telephony_core.migration.plan.model import Plan, Settings, StepKind
from telephony_core.migration.plan.planner import exit_status, make_plan
from telephony_core.migration.plan.store import load_plan, save_plan
from telephony_core.migration.rendering.plan_text import plan_lines
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.provider.capabilities import InboundHost, Operation
from telephony_core.provider.port import ProviderSpec
from telephony_core.transport.pace import Pace
from tests.migration.scenes import (
    CLOCK,
    NO_PARTS,
    PUBLISHING,
    WIDE,
    emulated,
    inventory,
    narrowed,
    number,
    supporting,
    target,
    trunk,
    writes,
)

CANARY = "canary-hunter2"


def text_of(plan: Plan) -> str:
    return "\n".join(plan_lines(plan, details=True))


def planned(*held: Any, to: TargetAccount | None = None, mapping: MigrationMap | None = None, **given: Any) -> Plan:
    given.setdefault("source_capabilities", WIDE)
    return make_plan(inventory(*held), to or target(), mapping or MigrationMap(), clock=CLOCK, **given)


def answered(held: Inventory, to: TargetAccount) -> MigrationMap:
    """The map of an operator who answers every question of a draft."""
    agent = next(a.agent_id for n in to.inventory.numbers for a in (n.inbound_agent, n.outbound_agent) if a)
    draft = draft_map(held, to)
    for line, answer in (
        ('# target = ""  # the id of the agent', f'target = "{agent}"'),
        ("# target_version", "target_version"),
        ('# username = ""', 'username = "acme"'),
        ("# username", "username"),
        ("# password", "password"),
    ):
        draft = draft.replace(line, answer)
    return MigrationMap.parse(draft)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for position in range(1, 30):
        monkeypatch.setenv(f"TRUNK_{position}_PASSWORD", CANARY)


# -- safety


@pytest.mark.parametrize(("here", "there"), [("vox", "diga"), ("diga", "vox")])
def test_from_inventory_to_plan_nothing_is_written(here: str, there: str, passwords: None) -> None:
    source, source_client = emulated(here)
    destination, target_client = emulated(there)
    before = (source.records(), destination.records())
    held, to = take_inventory(source_client), survey(target_client)
    plan = make_plan(held, to, answered(held, to), allow=list(Allowance))
    assert plan.numbers
    assert writes(source, destination) == []
    assert (source.records(), destination.records()) == before


@pytest.mark.parametrize(("here", "there"), [("vox", "diga"), ("diga", "vox")])
def test_no_secret_is_in_the_plan_its_text_or_the_map(here: str, there: str, passwords: None, tmp_path: Path) -> None:
    source, source_client = emulated(here)
    destination, target_client = emulated(there)
    for emulator in (source, destination):
        for record in emulator.records():
            emulator.store.set_credentials(str(record["id"]), StoredCredentials("acme", "canary-of-the-vendor"))
    held, to = take_inventory(source_client), survey(target_client)
    mapping = answered(held, to)
    plan = make_plan(held, to, mapping, allow=list(Allowance))
    save_plan(plan, tmp_path / "plan.json")
    said = (
        (tmp_path / "plan.json").read_text()
        + "\n".join(plan_lines(plan))
        + repr(plan)
        + repr(mapping)
        + draft_map(held, to)
    )
    assert "env:TRUNK_1_PASSWORD" in said
    for secret in (CANARY, "canary-of-the-vendor", source.api_key, destination.api_key):
        assert secret not in said


def test_equal_inputs_give_equal_plans(passwords: None) -> None:
    _, source_client = emulated("vox")
    _, target_client = emulated("diga")
    held, to = take_inventory(source_client, clock=CLOCK), survey(target_client, clock=CLOCK)
    made = [
        make_plan(held, to, answered(held, to), allow=allow, clock=CLOCK).model_dump_json()
        for allow in (["tls", "address_parts"], {"address_parts", "tls"})
    ]
    assert made[0] == made[1]


def test_the_order_of_the_inventory_does_not_matter() -> None:
    held = [number(), number("+827033334444"), number("+827022223333")]
    keys = [[planned.key for planned in planned(*order).numbers] for order in (held, held[::-1])]
    assert keys[0] == keys[1] == sorted(keys[0])


def test_a_plan_is_saved_and_loaded_as_it_was(passwords: None, tmp_path: Path) -> None:
    _, source_client = emulated("vox")
    _, target_client = emulated("diga")
    held, to = take_inventory(source_client), survey(target_client)
    plan = make_plan(held, to, answered(held, to))
    save_plan(plan, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json").plan == plan


# -- what is in it


def test_every_number_of_the_inventory_is_planned_or_left_out_once() -> None:
    held = [
        number(),
        number("+827033334444", origin=Origin.PURCHASED),
        number("+827055556666", status=NumberStatus.RELEASED),
        number("+827055556666", id="again"),
        number("+827077778888", inbound_agent=AgentRef("a-1")),
    ]
    plan = planned(*held)
    ids = [planned.source.id for planned in plan.numbers] + [left.source_id for left in plan.skipped]
    assert sorted(ids) == sorted(record.id for record in held)
    assert [(left.key, left.why) for left in plan.skipped] == [
        ("+827033334444", SkipReason.PURCHASED),
        ("+827055556666", SkipReason.RELEASED),
        ("+827077778888", SkipReason.BLOCKED),
    ]


def test_a_blocked_number_stays_in_the_plan_with_its_reasons_and_without_steps() -> None:
    plan = planned(number(inbound_agent=AgentRef("a-1")))
    assert plan.numbers == ()
    (left,) = plan.skipped
    assert [finding.field for finding in left.findings if finding.blocks] == ["inbound_agent"]


def test_accepted_losses_are_in_the_plan_by_name() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    plan = planned(number(), to=to, allow=["lost_allow_list", "tls"])
    assert plan.allowed == ("lost_allow_list", "tls")
    (allowed,) = [finding for finding in plan.numbers[0].findings if finding.allowed]
    assert allowed.allowance == "lost_allow_list"


def test_the_steps_are_import_agents_and_reading_back() -> None:
    agents = MigrationMap.model_validate(
        {"agents": [{"source": "a-1", "target": "w-1", "target_version": "published"}]}
    )
    plan = planned(number(), number("+827033334444", inbound_agent=AgentRef("a-1")), mapping=agents)
    assert [[step.kind for step in planned.steps] for planned in plan.numbers] == [
        [StepKind.IMPORT, StepKind.READ_BACK],
        [StepKind.IMPORT, StepKind.ASSIGN_AGENTS, StepKind.READ_BACK],
    ]


def test_steps_show_before_and_after() -> None:
    to = target(capabilities=narrowed(address_forms=NO_PARTS))
    (planned_number,) = planned(number("07011112222", label="본사"), to=to).numbers
    step = planned_number.steps[0]
    assert (step.before["number"], step.after["number"]) == ("07011112222", "+827011112222")
    assert step.before["outbound.address"] == "sip:pbx.example.com:5060"
    assert step.after["outbound.address"] == "pbx.example.com:5060"
    assert (step.before["label"], step.after["label"]) == ("본사", "본사")


def test_the_steps_say_who_answers_and_where_secrets_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "x")
    table = {"name": "t", "source_address": "sip:pbx.example.com:5060"}
    agents = [{"source": "a-1", "target": "w-1", "target_version": "v7"}]
    with_password = MigrationMap.model_validate(
        {"agents": agents, "trunks": [{**table, "username": "acme", "password": "env:PW"}]}
    )
    without = MigrationMap.model_validate({"agents": agents, "trunks": [{**table, "auth": "none"}]})
    held = [
        number(inbound_agent=AgentRef("a-1"), sip=trunk(credentials=CredentialState.UNKNOWN)),
        number("+827033334444", outbound_agent=AgentRef("a-1")),
    ]
    inbound, outbound = planned(*held, mapping=with_password).numbers
    assert inbound.steps[1].message == "let agent w-1, version v7 answer its calls"
    assert outbound.steps[1].message == "let agent w-1, version v7 place its calls"
    assert inbound.steps[0].after["outbound.username"] == "acme"
    assert inbound.steps[0].after["outbound.password"] == "from env:PW"
    (bare, _) = planned(*held, mapping=without).numbers
    assert bare.steps[0].after["outbound.password"] == "none, on purpose"


def test_a_lost_field_has_a_before_and_no_after() -> None:
    to = target(capabilities=narrowed(Setting.ALLOWED_ADDRESSES))
    (planned_number,) = planned(number(), to=to, allow=["lost_allow_list"]).numbers
    assert planned_number.steps[0].before["inbound.allowed_addresses"] == "203.0.113.7"
    assert "inbound.allowed_addresses" not in planned_number.steps[0].after


def test_what_is_wanted_is_what_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "x")
    choices = MigrationMap.model_validate(
        {
            "trunks": [
                {
                    "name": "main",
                    "source_address": "sip:pbx.example.com:5060",
                    "username": "acme",
                    "password": "env:PW",
                    "allowed_addresses": ["198.51.100.0/24"],
                }
            ]
        }
    )
    (planned_number,) = (plan := planned(number(label="본사"), mapping=choices)).numbers
    desired = planned_number.desired
    assert (desired.number, desired.label, desired.trunk) == ("+827011112222", "본사", "main")
    assert desired.inbound is not None
    assert desired.inbound.allowed_addresses == ("198.51.100.0/24",)
    assert not desired.inbound.allow_any
    (held,) = plan.trunks
    assert (held.name, held.auth, held.username, held.password) == ("main", "digest", "acme", "env:PW")


def test_consent_to_an_open_trunk_reaches_what_is_written() -> None:
    (planned_number,) = planned(number(sip=trunk(allowed=())), allow=["any_caller"]).numbers
    assert planned_number.desired.inbound is not None
    assert planned_number.desired.inbound.allow_any


def test_only_trunks_that_are_used_are_in_the_plan() -> None:
    choices = MigrationMap.model_validate(
        {
            "trunks": [
                {"name": "used", "source_address": "sip:pbx.example.com:5060", "auth": "none"},
                {"name": "unused", "source_address": "sip:other.example.com", "auth": "none"},
            ]
        }
    )
    stays = number("+827033334444", sip=trunk("sip:other.example.com"), status=NumberStatus.RELEASED)
    plan = planned(number(sip=trunk(credentials=CredentialState.UNKNOWN)), stays, mapping=choices)
    assert [held.name for held in plan.trunks] == ["used"]


def test_a_number_that_is_already_there_names_its_record() -> None:
    (left,) = planned(number(), to=target(number(provider="west", id="w-1"))).skipped
    assert (left.why, left.target_id) == (SkipReason.ALREADY_THERE, "w-1")


def test_where_the_carrier_has_to_send_calls_is_in_the_plan() -> None:
    host = InboundHost(source="made up", host="sip.west.example.com")
    assert planned(number(), to=target(capabilities=narrowed(inbound_host=host))).inbound_host == "sip.west.example.com"
    assert planned(number()).inbound_host is None


# -- undoing


def test_an_import_can_be_undone_where_imported_numbers_can_be_released() -> None:
    (planned_number,) = planned(number()).numbers
    assert planned_number.steps[0].reversible
    assert planned_number.steps[0].undo == "release it at west, at once"


def test_without_a_release_the_plan_says_that_nothing_can_be_undone() -> None:
    operations = {name: support for name, support in WIDE.operations.items() if name is not Operation.RELEASE}
    (planned_number,) = planned(number(), to=target(capabilities=narrowed(operations=operations))).numbers
    assert not planned_number.steps[0].reversible
    assert "dashboard" in str(planned_number.steps[0].undo)


def test_publishing_is_a_side_effect_that_stays() -> None:
    choices = MigrationMap.model_validate({"agents": [{"source": "a-1", "target": "w-1", "target_version": "v7"}]})
    to = target(capabilities=narrowed(side_effects=PUBLISHING))
    (planned_number,) = planned(
        number(inbound_agent=AgentRef("a-1")), to=to, mapping=choices, allow=["publishes"]
    ).numbers
    step = planned_number.steps[1]
    assert (step.side_effects, step.reversible) == ((SideEffect.PUBLISHES,), False)
    assert planned_number.desired.allow == (SideEffect.PUBLISHES,)


def test_assigning_what_is_published_has_no_side_effect() -> None:
    choices = MigrationMap.model_validate(
        {"agents": [{"source": "a-1", "target": "w-1", "target_version": "published"}]}
    )
    to = target(capabilities=narrowed(side_effects=PUBLISHING))
    (planned_number,) = planned(
        number(inbound_agent=AgentRef("a-1", version=AgentVersion.PUBLISHED)),
        to=to,
        mapping=choices,
        allow=["publishes"],
    ).numbers
    assert planned_number.steps[1].side_effects == ()
    assert planned_number.desired.allow == ()


# -- a third provider


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> tuple[ProviderSpec, Emulator]:
    """The example provider, which nobody told the planner about."""
    folder = Path(__file__).parents[3] / "examples" / "telephony-acme"
    monkeypatch.syspath_prepend(str(folder))
    spec: ProviderSpec = importlib.import_module("telephony_acme.plugin").telephony_register_provider()
    assert spec.emulator is not None
    return spec, spec.emulator()


def test_a_provider_that_the_planner_never_heard_of_works_as_source_and_as_target(
    acme: tuple[ProviderSpec, Emulator],
) -> None:
    spec, emulator = acme
    client = Telephony(spec, api_key=emulator.api_key, backend=emulator.backend())
    other, other_client = emulated("diga")
    theirs, ours = take_inventory(client, clock=CLOCK), take_inventory(other_client, clock=CLOCK)
    away = make_plan(theirs, survey(other_client), source_capabilities=spec.capabilities, allow=list(Allowance))
    back = make_plan(ours, survey(client), allow=list(Allowance))
    assert writes(emulator, other) == []
    assert survey(client).capabilities.finds_by_number
    assert not survey(other_client).capabilities.finds_by_number
    assert len(away.numbers) + len(away.skipped) == len(theirs.numbers) > 0
    assert len(back.numbers) + len(back.skipped) == len(ours.numbers)
    assert away.target.provider == "diga"
    assert back.target.provider == "acme"
    assert back.inbound_host == spec.capabilities.inbound_host.host


# -- choosing


def test_numbers_can_be_chosen_in_any_spelling() -> None:
    plan = planned(number("07011112222"), number("+827033334444"), numbers=["070-1111-2222"])
    assert [planned.key for planned in plan.numbers] == ["+827011112222"]
    assert [(left.key, left.why) for left in plan.skipped] == [("+827033334444", SkipReason.NOT_CHOSEN)]


def test_a_number_that_is_not_there_cannot_be_chosen() -> None:
    with pytest.raises(InvalidInput, match=r"has no number '\+827099999999'"):
        planned(number(), numbers=["+827099999999"])


def test_a_map_that_names_a_strange_number_is_refused() -> None:
    choices = MigrationMap.model_validate({"trunks": [{"name": "t", "numbers": ["+827099999999"], "auth": "none"}]})
    with pytest.raises(MapError, match="names a number that the inventory does not have"):
        planned(number(), mapping=choices)


def test_the_settings_are_those_that_were_given() -> None:
    assert planned(number()).settings == Settings()
    assert planned(number(), settings=Settings(canary=5, soak_hours=24)).settings.soak_hours == 24


# -- how much work


def test_the_estimate_counts_requests_and_keeps_the_pace() -> None:
    held = [number(f"+8270111122{count:02d}") for count in range(60)]
    plan = planned(*held, target_pace=Pace(per_minute=60))
    # One listing and one look each at the source; one listing, 60 imports and 60 readings at the target.
    assert plan.estimate.source_requests == 61
    assert plan.estimate.target_requests >= 121
    assert plan.estimate.seconds >= 120
    assert plan.estimate.pace == "no limit at east, 60 per minute at west"


def test_a_plan_with_nothing_to_do_takes_no_time() -> None:
    assert planned().estimate.seconds == 0


# -- the exit status


def test_the_exit_status_tells_changes_from_nothing_to_do_and_from_waiting() -> None:
    assert exit_status(planned(number())) == 2
    assert exit_status(planned()) == 0
    assert exit_status(planned(number(), to=target(number(provider="west")))) == 0
    assert exit_status(planned(number(origin=Origin.PURCHASED), number(id="2", status=NumberStatus.RELEASED))) == 0
    assert exit_status(planned(number(inbound_agent=AgentRef("a-1")))) == 1
    assert exit_status(planned(number(inbound_agent=AgentRef("a-1")), number("+827033334444"))) == 2


# -- reading it


def test_the_plan_reads_like_prose() -> None:
    to = target(capabilities=supporting(Setting.LABEL, max_length=3))
    text = text_of(planned(number("07011112222", label="본사"), number("+827033334444", label="too long"), to=to))
    assert text.startswith(
        "Move 1 of 2 numbers from east to west; 1 number is blocked.\n\nWhat blocks, and what to do:\n"
        "  ! +827033334444 has a label longer than the 3 characters that west takes\n"
    )
    assert "\n\nIt is one number.\n" in text
    assert "  + +827011112222 “본사”\n      1. import +827011112222 at west as “본사”\n" in text
    assert "number: 07011112222 → +827011112222" in text
    assert "to undo: release it at west, at once" in text
    assert "Not moved, blocked: 1 number\n  ! +827033334444: blocked by label\n" in text


def test_an_empty_plan_says_so() -> None:
    assert text_of(planned()).startswith("Nothing to move from east to west: 0 numbers assessed.")


def test_what_holds_for_every_number_is_said_once() -> None:
    held = [number(f"+8270111122{count:02d}", sip=trunk(allowed=None)) for count in range(20)]
    lines = plan_lines(planned(*held, allow=["any_caller"]))
    assert len(lines) < 24
    (said,) = [line for line in lines if "allow-list" in line]
    assert said.startswith("  ~ allowed: 20 numbers get no allow-list")


def test_numbers_that_stay_for_one_reason_are_told_together() -> None:
    held = [number(f"+8270111122{count:02d}", origin=Origin.PURCHASED) for count in range(20)]
    (said,) = [line for line in plan_lines(planned(*held)) if "which is its carrier" in line]
    assert said.startswith("  - 20 numbers (+827011112200, +827011112201, +827011112202 and 17 more): bought")


def test_labels_cannot_act_on_the_terminal() -> None:
    text = text_of(planned(number(label="a\x1b[31mb\x07\u202ec\nd")))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_plan_dumps_as_json() -> None:
    dumped = json.loads(planned(number()).model_dump_json())
    assert dumped["numbers"][0]["key"] == "+827011112222"
    assert dumped["source"]["inventory"].startswith("sha256:")
