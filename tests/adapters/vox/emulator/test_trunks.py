"""Registering a number, and changing its trunk."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from telephony_core.emulator import StoredCredentials
from tests.adapters.vox.emulator.account import INVALID, OWNED, REGISTER, Account


class TestRegistering:
    def register(self, account: Account, **fields: object) -> tuple[int, Any]:
        body = {"number": "07099998888", "address": "sip:trunk.example.com:5060", **fields}
        return account.ask("POST", REGISTER, {name: value for name, value in body.items() if value is not ...})

    def test_it_makes_an_active_custom_record_with_trunks(self, empty: Account) -> None:
        status, made = self.register(empty, memo="지사", auth_username="u", auth_password="p")
        assert status == 201
        facts = {"number": "07099998888", "provider": "custom", "status": "active", "memo": "지사", "monthly_fee": None}
        assert facts.items() <= made.items()
        assert made["inbound_trunk_id"].startswith("ST_")
        assert made["inbound_agent"] is None
        assert empty.get(f"{OWNED}/{made['id']}") == made

    def test_credentials_are_kept_and_never_shown(self, empty: Account) -> None:
        _, made = self.register(empty, auth_username="canary-user", auth_password="canary-word")
        assert empty.emulator.credentials(made["id"]) == StoredCredentials("canary-user", "canary-word")
        assert "canary" not in json.dumps([made, empty.all(), empty.emulator.records()])

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("number", ..., "required"),
            ("number", "", "too_short"),
            ("number", "1" * 21, "too_long"),
            ("number", "+827099998888", "invalid_format"),
            ("number", "070-9999-8888", "invalid_format"),
            ("number", "٠٧٠", "invalid_format"),
            ("number", "070\n", "invalid_format"),
            ("number", 7099998888, "invalid_type"),
            ("address", ..., "required"),
            ("address", None, "invalid_type"),
            ("address", "", "too_short"),
            ("memo", "가" * 201, "too_long"),
            ("auth_password", 1, "invalid_type"),
            ("inbound_agent", None, "unknown_field"),
        ],
    )
    def test_what_the_contract_forbids_is_refused(self, empty: Account, field: str, value: object, reason: str) -> None:
        status, payload = self.register(empty, **{field: value})
        assert (status, payload["error"]["details"]["field"], payload["error"]["details"]["reason"]) == (
            400, field, reason,
        )  # fmt: skip
        assert empty.all() == []

    def test_the_longest_memo_is_taken(self, empty: Account) -> None:
        assert self.register(empty, memo="가" * 200)[0] == 201

    def test_a_live_number_is_not_registered_twice(self, empty: Account) -> None:
        _, made = self.register(empty)
        assert self.register(empty, memo="again")[0] == 409
        assert empty.all() == [made]

    def test_an_account_can_allow_duplicates(self) -> None:
        account = Account(seed=False, allow_duplicates=True)
        assert [self.register(account)[0] for _ in range(2)] == [201, 201]
        assert len(account.all()) == 2

    def test_an_expired_number_can_come_back_as_a_new_record(self, empty: Account) -> None:
        _, first = self.register(empty)
        empty.ask("DELETE", f"{OWNED}/{first['id']}")
        status, second = self.register(empty)
        assert status == 201
        assert second["id"] != first["id"]

    @pytest.mark.parametrize(
        "raw", [b"", b"{", b"[]", b"null", b"{}", b'{"number": NaN}', b"\xff", b"[" * 100_000, b'"x"']
    )
    def test_what_is_no_json_object_is_refused(self, empty: Account, raw: bytes) -> None:
        assert empty.refusal("POST", REGISTER, raw=raw, content_type="application/json")[:2] == INVALID

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
    def test_a_body_has_to_be_declared_as_json(self, empty: Account, kind: str) -> None:
        raw = b'{"number": "0701", "address": "a"}'
        assert empty.refusal("POST", REGISTER, raw=raw, content_type=kind)[0] == 415

    def test_the_media_type_may_name_a_charset(self, empty: Account) -> None:
        raw = b'{"number": "0701", "address": "a"}'
        assert empty.ask("POST", REGISTER, raw=raw, content_type="application/json; charset=utf-8")[0] == 201


class TestLateVisibility:
    def test_a_new_record_is_seen_late_by_list_and_by_id_and_takes_writes_at_once(self, empty: Account) -> None:
        empty.emulator.hide_new_for = 2
        _, made = empty.ask("POST", REGISTER, {"number": "0701", "address": "a"})
        path = f"{OWNED}/{made['id']}"
        assert empty.get(OWNED)["total_count"] == 0
        assert empty.ask("PATCH", path + "/sip", {"memo": "m"})[0] == 200
        assert empty.refusal("GET", path)[0] == 404
        assert empty.get(path)["memo"] == "m"
        assert empty.get(OWNED)["total_count"] == 1


class TestSip:
    @pytest.fixture
    def trunk(self, empty: Account) -> str:
        made = empty.ask(
            "POST",
            REGISTER,
            {"number": "0701", "address": "sip:a", "auth_username": "u", "auth_password": "p", "memo": "m"},
        )
        return f"{OWNED}/{made[1]['id']}/sip"

    def credentials(self, account: Account) -> StoredCredentials | None:
        return account.emulator.credentials(account.all()[0]["id"])

    def test_what_is_left_out_stays(self, empty: Account, trunk: str) -> None:
        before = empty.all()[0]
        empty.now += timedelta(minutes=1)
        status, after = empty.ask("PATCH", trunk, {"address": "sip:b", "auth_password": "q"})
        assert status == 200
        assert after == {**before, "address": "sip:b", "updated_at": after["updated_at"]}
        assert after["updated_at"] == before["updated_at"] + 60_000
        assert self.credentials(empty) == StoredCredentials("u", "q")

    def test_null_clears(self, empty: Account, trunk: str) -> None:
        body = {"address": None, "auth_username": None, "auth_password": "q", "memo": None}
        _, after = empty.ask("PATCH", trunk, body)
        gone = ("address", "memo", "inbound_trunk_id", "outbound_trunk_id")
        assert [after[name] for name in gone] == [None] * 4
        assert self.credentials(empty) == StoredCredentials(None, "q")

    @pytest.mark.parametrize("field", ["address", "auth_username"])
    @pytest.mark.parametrize("value", ["new", None])
    def test_address_and_user_name_need_the_password(
        self, empty: Account, trunk: str, field: str, value: str | None
    ) -> None:
        assert empty.refusal("PATCH", trunk, {field: value}) == (*INVALID, "auth_password", "required")
        assert self.credentials(empty) == StoredCredentials("u", "p")

    def test_password_and_memo_can_come_alone(self, empty: Account, trunk: str) -> None:
        assert empty.ask("PATCH", trunk, {"auth_password": "q"})[0] == 200
        assert empty.ask("PATCH", trunk, {"memo": "n"})[1]["memo"] == "n"
        assert self.credentials(empty) == StoredCredentials("u", "q")

    @pytest.mark.parametrize(
        "body", [{}, {"auth_password": None}, {"memo": "x" * 201}, {"memo": 1}, {"port": 5060}, {"number": "0702"}]
    )
    def test_what_the_contract_forbids_is_refused(self, empty: Account, trunk: str, body: object) -> None:
        before = empty.all()
        assert empty.refusal("PATCH", trunk, body)[:2] == INVALID
        assert empty.all() == before

    @pytest.mark.parametrize("fields", [{"provider": "vox"}, {"provider": "custom", "status": "expired"}])
    def test_bought_and_expired_numbers_are_refused(self, account: Account, fields: dict[str, object]) -> None:
        id = account.pick(**fields)["id"]
        assert account.refusal("PATCH", f"{OWNED}/{id}/sip", {"memo": "x"})[:2] == (409, "INVALID_STATE")
