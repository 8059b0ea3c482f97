"""Giving numbers up, and taking that back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.adapters.vox.emulator.account import OWNED, Account


class TestGivingUp:
    def test_a_bought_number_ends_with_its_period_and_works_until_then(self, empty: Account) -> None:
        start = int(datetime(2025, 12, 31, tzinfo=UTC).timestamp() * 1000)
        id = empty.emulator.add(provider="vox", number="0701", start_at=start)
        status, reply = empty.ask("DELETE", f"{OWNED}/{id}")
        end = int(datetime(2026, 3, 31, tzinfo=UTC).timestamp() * 1000)
        assert (status, reply) == (200, {"id": id, "number": "0701", "provider": "vox", "effective_at": end})
        booked = empty.get(f"{OWNED}/{id}")
        assert (booked["status"], booked["end_at"]) == ("cancel_requested", end)
        empty.now = datetime(2026, 3, 31, tzinfo=UTC)
        assert empty.get(f"{OWNED}/{id}")["status"] == "expired"

    def test_a_custom_number_expires_at_once(self, empty: Account) -> None:
        id = empty.emulator.add(number="0701")
        _, reply = empty.ask("DELETE", f"{OWNED}/{id}")
        assert reply["effective_at"] == int(empty.now.timestamp() * 1000)
        assert empty.get(f"{OWNED}/{id}")["status"] == "expired"

    @pytest.mark.parametrize("status", ["cancel_requested", "expired"])
    def test_twice_is_refused(self, account: Account, status: str) -> None:
        id = account.pick(status=status)["id"]
        assert account.refusal("DELETE", f"{OWNED}/{id}")[:2] == (409, "INVALID_STATE")

    @pytest.mark.parametrize("status", ["active", "scheduled"])
    def test_a_booked_cancellation_can_be_withdrawn(self, account: Account, status: str) -> None:
        before = account.pick(provider="vox", status=status)
        account.ask("DELETE", f"{OWNED}/{before['id']}")
        code, after = account.ask("POST", f"{OWNED}/{before['id']}/revoke-cancel")
        assert code == 200
        assert after == {**before, "updated_at": after["updated_at"]}

    @pytest.mark.parametrize("fields", [{"status": "active"}, {"provider": "custom", "status": "expired"}])
    def test_nothing_booked_is_nothing_to_withdraw(self, account: Account, fields: dict[str, object]) -> None:
        id = account.pick(**fields)["id"]
        assert account.refusal("POST", f"{OWNED}/{id}/revoke-cancel")[:2] == (409, "INVALID_STATE")

    def test_a_scheduled_number_becomes_active_on_its_day(self, account: Account) -> None:
        id = account.pick(status="scheduled")["id"]
        account.now += timedelta(days=10)
        assert account.get(f"{OWNED}/{id}")["status"] == "active"
