"""Settings of all imported numbers of every vendor's emulator: changed, verified, and set back as far as that goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony_core import AsyncTelephony, OutboundUpdate, Telephony
from telephony_core.emulator import Emulator
from telephony_core.migration import (
    ApplyOptions,
    DeprovisionOptions,
    MigrationState,
    SettingsUpdate,
    VerifyOptions,
    aapply_plan,
    apply_plan,
    plan_settings,
    preview_rollback,
    read_run,
    rollback_plan,
    save_plan,
    survey,
    verify_plan,
)
from telephony_core.testing import new_emulator
from tests.transport.driving import FakeTime

ADDRESS = {"retell": "sip:new.example.com;transport=tcp", "elevenlabs": "sip:new.example.com;transport=tcp"}
SLUGS = ("vox", "diga", "retell", "elevenlabs")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_change_of_all_imported_numbers_and_back(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TRUNK_PASSWORD", "pa55word-canary")
    emulator, time = new_emulator(slug), FakeTime()

    def opened() -> AsyncTelephony:
        return AsyncTelephony(slug, api_key=emulator.api_key, backend=emulator.backend(), clock=time.clock)

    before = labels(slug, emulator)
    with Telephony(slug, api_key=emulator.api_key, backend=emulator.backend(), clock=time.clock) as client:
        account = survey(client, clock=time.clock)
    update = SettingsUpdate(
        label="New",
        outbound=OutboundUpdate(address=ADDRESS.get(slug, "new.example.com")),
        username="acme2",
        password="env:TRUNK_PASSWORD",
    )
    plan = plan_settings(account, update, where=["origin=imported", "status=active"], clock=time.clock)
    loaded = save_plan(plan, tmp_path / "plan.json")
    report = apply_plan(loaded, None, opened, ApplyOptions(clock=time.clock))
    assert report.is_complete, str(report)
    assert verify_plan(loaded, None, opened, VerifyOptions(clock=time.clock)).is_equal
    shown = preview_rollback(loaded, None, opened, DeprovisionOptions(clock=time.clock)).shown
    back = rollback_plan(loaded, None, opened, DeprovisionOptions(clock=time.clock, confirmed=shown))
    assert back.done
    done = {each.number for each in back.done if "label" in each.message.split("not:")[0]}
    assert done
    after = labels(slug, emulator)
    assert {key: after[key] for key in done} == {key: before[key] for key in done}
    assert b"pa55word-canary" not in b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


def labels(slug: str, emulator: Emulator) -> dict[str, str | None]:
    with Telephony(slug, api_key=emulator.api_key, backend=emulator.backend()) as client:
        return {str(number.identity.e164 or number.identity.raw): number.label for number in client.list_numbers()}


def test_the_same_in_async_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    emulator = new_emulator("vox")

    def opened() -> AsyncTelephony:
        return AsyncTelephony("vox", api_key=emulator.api_key, backend=emulator.backend())

    with Telephony("vox", api_key=emulator.api_key, backend=emulator.backend()) as client:
        account = survey(client)
    plan = plan_settings(account, SettingsUpdate(label="New"), numbers=["070-1111-2222"])
    loaded = save_plan(plan, tmp_path / "plan.json")
    assert asyncio.run(aapply_plan(loaded, None, opened)).is_complete
    assert read_run(loaded).counts == {MigrationState.CHANGED: 1}
