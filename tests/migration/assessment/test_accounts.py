"""Two whole accounts: their names, and the vendors' emulators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import telephony_core.migration as migration_package
from telephony_core import InvalidInput
from telephony_core.domain.lifecycle import Origin
from telephony_core.migration.assessment.assess import Assessment, assess_inventory
from telephony_core.migration.assessment.target import TargetAccount, asurvey, survey
from telephony_core.migration.plan.findings import SkipReason
from tests.migration.assessment.verdicts import MOVABLE, eligibility
from tests.migration.scenes import (
    CLOCK,
    WIDE,
    emulated,
    inventory,
    number,
    target,
    writes,
)

# -- names


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="lost_allow_list, lost_restriction, any_caller") as raised:
        eligibility(number(), allow=["everything"])
    assert "everything" not in str(raised.value)


def test_one_account_is_refused_as_its_own_target() -> None:
    held = inventory(number())
    with pytest.raises(InvalidInput, match="are one account"):
        assess_inventory(held, TargetAccount(held, WIDE), source_capabilities=WIDE)
    elsewhere = inventory(number(), connection="other-name")
    with pytest.raises(InvalidInput, match="are one account"):
        assess_inventory(held, TargetAccount(elsewhere, WIDE), source_capabilities=WIDE)


def test_two_accounts_of_one_provider_are_two_connections() -> None:
    one = inventory(number(id="1"), connection="one")
    other = inventory(number("+827033334444", id="2"), connection="other")
    assert assess_inventory(one, TargetAccount(other, WIDE), source_capabilities=WIDE).numbers[0].why is MOVABLE


def test_no_module_of_the_planner_names_a_vendor() -> None:
    migration = Path(str(migration_package.__file__)).parent
    modules = [file for room in ("assessment", "mapping", "plan") for file in (migration / room).glob("*.py")]
    assert len(modules) > 10
    for file in modules:
        source = file.read_text(encoding="utf-8").lower()
        assert not any(vendor in source for vendor in ("vox", "diga", "livekit")), file


# -- with the vendors' emulators


@pytest.mark.parametrize(("here", "there"), [("vox", "diga"), ("diga", "vox")])
def test_assessing_two_real_accounts_writes_nothing_and_names_every_number(here: str, there: str) -> None:
    source, source_client = emulated(here)
    destination, target_client = emulated(there)
    from telephony_core.migration.inventory.inventory import take_inventory

    held = take_inventory(source_client, clock=CLOCK)
    assessment = assess_inventory(held, survey(target_client, clock=CLOCK))
    assert writes(source, destination) == []
    assert len(assessment.numbers) == len(source.records())
    assert {result.why for result in assessment.numbers} >= {
        SkipReason.BLOCKED,
        SkipReason.ALREADY_THERE,
        SkipReason.PURCHASED,
        SkipReason.IDENTITY,
        SkipReason.RELEASED,
    }
    for result in assessment.numbers:
        assert result.why is None or result.message


def test_a_survey_by_async_code_is_the_same() -> None:
    import asyncio

    from telephony_core import AsyncTelephony

    emulator, client = emulated("diga")

    async def surveyed() -> TargetAccount:
        async with AsyncTelephony("diga", api_key=emulator.api_key, backend=emulator.backend()) as other:
            return await asurvey(other, clock=CLOCK)

    one, other = survey(client, clock=CLOCK), asyncio.run(surveyed())
    assert (one.inventory, one.capabilities) == (other.inventory, other.capabilities)
    assert one.reads_agents
    assert other.reads_agents


def test_an_assessment_prints_itself_and_dumps_json() -> None:
    held = inventory(number(label="본사"), number("+827033334444", origin=Origin.PURCHASED))
    assessment = assess_inventory(held, target(), source_capabilities=WIDE)
    assert isinstance(assessment, Assessment)
    assert str(assessment).startswith(
        "east → west: 1 of 2 numbers can be moved.\n\nNot moved either:\n  - +827033334444: bought from east"
    )
    assert "\n\n+827011112222 “본사”: can be moved to west" in "\n".join(assessment.lines(details=True))
    dumped = json.loads(assessment.model_dump_json())
    assert [held["why"] for held in dumped["numbers"]] == [None, "purchased"]
    assert assessment.of("+827033334444").why is SkipReason.PURCHASED
    with pytest.raises(InvalidInput):
        assessment.of("+827099999999")
