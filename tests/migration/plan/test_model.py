"""The plan file: what it holds, what it refuses, and that it comes back as it was saved."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import PUBLISHED, AgentRef, errors
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.sip import MediaEncryption
from telephony_core.errors.migration import StalePlan
from telephony_core.migration.journal.sqlite_file import lock
from telephony_core.migration.journal.store import SqliteJournal
from telephony_core.migration.plan.findings import Finding, Severity
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredOutbound,
    DesiredState,
    PlannedNumber,
    PlannedStep,
    StepKind,
    Trunk,
    import_of,
)
from telephony_core.migration.plan.store import LoadedPlan, load_plan, save_plan
from telephony_core.text.documents import dump_document
from tests.migration.stage import Stage


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPlan:
    return Stage(tmp_path).plan()


def test_a_plan_comes_back_as_it_was_saved(loaded: LoadedPlan) -> None:
    again = load_plan(loaded.path)
    assert again.plan == loaded.plan
    assert again.checksum == loaded.checksum


def test_a_plan_can_be_read_by_a_person(loaded: LoadedPlan) -> None:
    text = loaded.path.read_text()
    assert "번호 0" in text
    assert '\n      "key": "+827011110000"' in text


def test_the_same_plan_has_the_same_checksum(loaded: LoadedPlan, tmp_path: Path) -> None:
    assert save_plan(loaded.plan, tmp_path / "again.json").checksum == loaded.checksum


def test_a_plan_is_not_overwritten_unless_that_is_said(loaded: LoadedPlan) -> None:
    with pytest.raises(errors.MigrationError, match="exists already"):
        save_plan(loaded.plan, loaded.path)
    save_plan(loaded.plan, loaded.path, overwrite=True)


def test_a_plan_that_was_begun_is_never_overwritten(loaded: LoadedPlan) -> None:
    with SqliteJournal.writing(loaded, "apply", create=True):
        pass
    with pytest.raises(errors.MigrationError, match="was begun"):
        save_plan(loaded.plan, loaded.path, overwrite=True)


def test_a_plan_is_not_overwritten_while_a_run_begins_with_it(loaded: LoadedPlan) -> None:
    begins = lock(loaded.journal_path)
    assert begins is not None
    with closing(begins), pytest.raises(errors.MigrationError, match="a run is beginning with"):
        save_plan(loaded.plan, loaded.path, overwrite=True)
    save_plan(loaded.plan, loaded.path, overwrite=True)


def test_a_plan_that_was_replaced_since_it_was_read_is_not_begun(loaded: LoadedPlan) -> None:
    new = save_plan(loaded.plan.model_copy(update={"made_with": "another"}), loaded.path, overwrite=True)
    with pytest.raises(StalePlan, match=r"was replaced.*run the same command again"):
        SqliteJournal.writing(loaded, "apply", create=True)
    with SqliteJournal.writing(new, "apply", create=True) as journal:
        assert journal.taken_over is None


def test_the_journal_lies_beside_the_plan(loaded: LoadedPlan) -> None:
    assert loaded.journal_path == loaded.path.parent / "plan.json.journal"


# -- files that are refused


def refusal(path: Path) -> str:
    with pytest.raises(errors.MigrationError) as refused:
        load_plan(path)
    assert refused.value.remedy
    return str(refused.value)


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    assert "nowhere.json" in refusal(tmp_path / "nowhere.json")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_plan_that_was_cut_off(share: float, loaded: LoadedPlan) -> None:
    data = loaded.path.read_bytes().rstrip()
    loaded.path.write_bytes(data[: int(len(data) * share)])
    assert "plan.json" in refusal(loaded.path)


def test_a_plan_that_was_edited(loaded: LoadedPlan) -> None:
    loaded.path.write_text(loaded.path.read_text().replace("번호 0", "번호 9"))
    assert "changed after it was written" in refusal(loaded.path)


def test_a_plan_of_another_version(loaded: LoadedPlan) -> None:
    document = json.loads(loaded.path.read_text())
    loaded.path.write_bytes(dump_document({**document, "version": 99}))
    assert "version 99" in refusal(loaded.path)


def test_another_document_altogether(loaded: LoadedPlan) -> None:
    loaded.path.write_text('{"format": "shopping list", "version": 1}')
    assert "not a file of this kind" in refusal(loaded.path)


def test_a_plan_that_does_not_hold_together_although_its_sum_is_right(loaded: LoadedPlan) -> None:
    document = json.loads(loaded.path.read_text())
    document["trunks"] = []
    loaded.path.write_bytes(dump_document(document))
    assert "has no trunk 'carrier'" in refusal(loaded.path)


# -- what a plan cannot say


def changed(loaded: LoadedPlan, **changes: object) -> PlannedNumber:
    number = loaded.plan.numbers[0]
    given = {name: getattr(number, name) for name in type(number).model_fields}
    return PlannedNumber.model_validate({**given, **changes})


def test_a_number_that_is_still_blocked(loaded: LoadedPlan) -> None:
    lost = Finding(field="inbound.allowed_addresses", severity=Severity.BLOCK, message="lost", allowance="x")
    with pytest.raises(errors.InvalidInput, match="still blocks"):
        changed(loaded, findings=(lost,))
    assert changed(loaded, findings=(lost.model_copy(update={"allowed": True}),))


def test_steps_that_are_not_those_that_the_settings_need(loaded: LoadedPlan) -> None:
    with pytest.raises(errors.InvalidInput, match="steps are not those"):
        changed(
            loaded,
            steps=(PlannedStep(kind=StepKind.IMPORT, message=""), PlannedStep(kind=StepKind.READ_BACK, message="")),
        )


@pytest.mark.parametrize("field", ["numbers", "trunks"])
def test_the_same_thing_twice(field: str, loaded: LoadedPlan) -> None:
    given = {name: getattr(loaded.plan, name) for name in type(loaded.plan).model_fields}
    with pytest.raises(errors.InvalidInput, match="is there twice"):
        type(loaded.plan).model_validate({**given, field: (*given[field], given[field][0])})


def test_a_password_that_is_written_out_is_refused_and_not_repeated() -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        Trunk(name="t", auth="digest", username="u", password="pa55word-canary")
    assert "pa55word-canary" not in str(refused.value)
    assert "env:NAME" in str(refused.value)


@pytest.mark.parametrize(
    "given", [{"auth": "digest"}, {"auth": "digest", "username": "u"}, {"auth": "none", "username": "u"}]
)
def test_credentials_that_are_half_there(given: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidInput):
        Trunk.model_validate({"name": "t", **given})


def test_a_trunk_names_the_references_that_have_to_lead_somewhere() -> None:
    trunk = Trunk(name="t", auth="digest", username="env:WHO", password="prompt:")
    assert trunk.references == ("env:WHO", "prompt:")
    assert trunk.plain_username is None
    assert Trunk(name="t", auth="none").references == ()


# -- from what is wanted to the change that makes it


def test_what_is_wanted_becomes_an_import() -> None:
    desired = DesiredState(
        number="+827011112222",
        label="Front desk",
        inbound=DesiredInbound(allowed_addresses=("203.0.113.7",)),
        outbound=DesiredOutbound.model_validate({"address": "pbx.example.com", "media_encryption": "require"}),
        inbound_agent=AgentRef("a", version=PUBLISHED),
        allow=(SideEffect.PUBLISHES,),
    )
    change = import_of(desired, "acme", SecretStr("secret"))
    assert change.outbound is not None
    assert change.inbound is not None
    assert change.outbound.changes == {"address", "username", "password", "media_encryption"}
    assert change.outbound.media_encryption is MediaEncryption.REQUIRE
    assert change.inbound.changes == {"allowed_addresses"}
    assert change.inbound_agent == desired.inbound_agent
    assert change.allow == {SideEffect.PUBLISHES}
    assert import_of(desired, agents=False).inbound_agent is None


def test_a_half_of_which_nothing_is_written_is_left_out() -> None:
    change = import_of(DesiredState(number="+827011112222", inbound=DesiredInbound(), outbound=DesiredOutbound()))
    assert change.inbound is None
    assert change.outbound is None


def test_an_open_trunk_needs_that_to_be_said() -> None:
    with pytest.raises(errors.NotAllowed, match="lets every source call in"):
        import_of(DesiredState(number="+827011112222", inbound=DesiredInbound(allowed_addresses=())))
    assert import_of(DesiredState(number="+827011112222", inbound=DesiredInbound(allowed_addresses=(), allow_any=True)))
