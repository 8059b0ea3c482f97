"""The vox emulator keeps the vendor's contract: every answer in here is validated against `openapi.json`."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from telephony_core.emulator import HttpRequest, StoredCredentials
from telephony_core.emulator.asgi import asgi_app
from telephony_vox.emulator import VoxEmulator
from tests.adapters.asked import Asked

DOCUMENT: dict[str, Any] = json.loads(files("telephony_vox").joinpath("openapi.json").read_text("utf-8"))
OWNED = "/organization-telephone-numbers"
AVAILABLE = "/telephone-numbers/available"
REGISTER = "/telephone-numbers/register"
NOWHERE = "00000000-0000-4000-8000-000000000000"
STATUSES = ("active", "scheduled", "cancel_requested", "expired")


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of an answer; ``None`` for a path or a method that the document does not have."""
    for template, operations in DOCUMENT["paths"].items():
        if not re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) or method.lower() not in operations:
            continue
        responses = operations[method.lower()]["responses"]
        found = responses.get(str(status)) or responses.get("2XX" if status < 300 else "default")
        assert found is not None, f"{status} is not documented"
        if "$ref" in found:
            found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
        return {**found["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    return None


class Account(Asked):
    def __init__(self, **settings: Any) -> None:
        super().__init__(VoxEmulator, answer_schema, **settings)

    def get(self, path: str, **query: object) -> Any:
        status, payload = self.ask("GET", path + ("?" + urlencode(query, doseq=True) if query else ""))
        assert status == 200, payload
        return payload

    def refusal(self, *request: Any, **more: Any) -> tuple[int, str, str | None, str | None]:
        """Status, code, and what the details say about it."""
        status, payload = self.ask(*request, **more)
        error = payload["error"]
        return status, error["code"], error["details"].get("field"), error["details"].get("reason")

    def pages(self, path: str, **query: object) -> Iterator[list[Any]]:
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            yield page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def all(self) -> list[Any]:
        return [item for page in self.pages(OWNED, status=STATUSES, sort_order="asc") for item in page]

    def pick(self, **fields: object) -> dict[str, Any]:
        """One record that has these values."""
        return next(record for record in self.all() if fields.items() <= record.items())


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def empty() -> Account:
    return Account(seed=False)


INVALID = (400, "VALIDATION_ERROR")


class TestAccess:
    @pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", "Basic emulator-key", "emulator-key"])
    def test_a_missing_or_wrong_key_is_401(self, account: Account, value: str) -> None:
        assert account.refusal("GET", OWNED, authorization=value)[:2] == (401, "UNAUTHORIZED")

    def test_the_scheme_is_case_insensitive(self, account: Account) -> None:
        assert account.ask("GET", OWNED, authorization="bearer emulator-key")[0] == 200

    @pytest.mark.parametrize(
        "path", ["/", "/numbers", OWNED + "/", "/" + OWNED, OWNED + f"/{NOWHERE}/sip/", OWNED + f"/{NOWHERE}/agents"]
    )
    def test_an_unknown_path_is_404(self, account: Account, path: str) -> None:
        assert account.refusal("GET", path)[:2] == (404, "NOT_FOUND")

    def test_a_wrong_method_is_405_and_says_what_is_allowed(self, account: Account) -> None:
        response = account.emulator.handle(
            HttpRequest("PUT", account.emulator.base_url + OWNED, (("authorization", "Bearer emulator-key"),))
        )
        assert (response.status, response.headers["allow"]) == (405, "GET")

    def test_what_has_no_known_body_is_not_emulated(self, account: Account) -> None:
        assert account.refusal("POST", "/telephone-numbers/purchase", {})[0] == 404
        assert account.refusal("PATCH", f"{OWNED}/{account.all()[0]['id']}", {"memo": "x"})[0] == 405

    @pytest.mark.parametrize("action", ["", "/sip", "/agent", "/revoke-cancel"])
    def test_an_id_that_is_not_there_is_404(self, account: Account, action: str) -> None:
        method, body = {
            "": ("GET", None),
            "/sip": ("PATCH", {"memo": "x"}),
            "/agent": ("PATCH", {"inbound_agent": None}),
            "/revoke-cancel": ("POST", None),
        }[action]
        assert account.refusal(method, f"{OWNED}/{NOWHERE}{action}", body)[:2] == (404, "NOT_FOUND")

    def test_a_phone_number_is_no_id(self, account: Account) -> None:
        assert account.refusal("GET", OWNED + "/07011112222")[:2] == INVALID

    def test_ids_are_read_in_any_case(self, account: Account) -> None:
        id = account.all()[0]["id"]
        assert account.get(f"{OWNED}/{id.upper()}")["id"] == id


class TestQueries:
    def test_an_unknown_parameter_is_refused_with_the_known_ones(self, account: Account) -> None:
        status, payload = account.ask("GET", OWNED + "?number=07011112222")
        assert (status, payload["error"]["code"]) == INVALID
        assert payload["error"]["details"]["allowed_query_parameters"] == [
            "cursor", "limit", "provider", "sort_by", "sort_order", "status",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0", "limit=101", "limit=ten", "limit=", "limit=1.0", "limit=1&limit=2", "status[]=active", "status=",
            "status=gone", "provider=netelip", "sort_by=number", "sort_order=up", "cursor=", "cursor=!!",
            "cursor=bnVsbA",
        ],
    )  # fmt: skip
    def test_an_unusable_value_is_refused(self, account: Account, query: str) -> None:
        assert account.refusal("GET", f"{OWNED}?{query}")[:2] == INVALID

    @pytest.mark.parametrize("path", [f"{OWNED}/{NOWHERE}", AVAILABLE])
    def test_other_operations_refuse_foreign_parameters_too(self, account: Account, path: str) -> None:
        assert account.refusal("GET", path + "?status=active")[:2] == INVALID

    def test_a_cursor_belongs_to_its_filters(self, account: Account) -> None:
        cursor = quote(account.get(OWNED, limit=2)["next_cursor"])
        assert account.refusal("GET", f"{OWNED}?limit=2&status=expired&cursor={cursor}")[2:] == (
            "cursor", "of_another_listing",
        )  # fmt: skip

    def test_a_body_where_none_belongs_is_refused(self, account: Account) -> None:
        assert account.refusal("GET", OWNED, {"limit": 1})[2:] == ("body", "not_allowed")


class TestListing:
    def test_only_active_numbers_come_unasked(self, account: Account) -> None:
        items = account.get(OWNED, limit=100)["items"]
        assert {item["status"] for item in items} == {"active"}

    @pytest.mark.parametrize("status", STATUSES)
    def test_each_status_can_be_asked_for(self, account: Account, status: str) -> None:
        page = account.get(OWNED, status=status, limit=100)
        assert {item["status"] for item in page["items"]} == {status}
        assert page["total_count"] == len(page["items"])

    def test_status_may_be_repeated(self, account: Account) -> None:
        items = account.get(OWNED, status=["expired", "scheduled"], limit=100)["items"]
        assert {item["status"] for item in items} == {"expired", "scheduled"}

    def test_the_provider_filter_keeps_one_kind(self, account: Account) -> None:
        assert {item["provider"] for item in account.get(OWNED, provider="vox")["items"]} == {"vox"}

    @pytest.mark.parametrize("limit", [1, 2, 7, 100])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_pages_join_to_the_whole_in_order(self, account: Account, limit: int, order: str) -> None:
        pages = list(account.pages(OWNED, limit=limit, sort_order=order))
        items = [item for page in pages for item in page]
        born = [item["created_at"] for item in items]
        assert born == sorted(born, reverse=order == "desc")
        assert len({item["id"] for item in items}) == account.get(OWNED)["total_count"]
        assert all(len(page) == limit for page in pages[:-1])

    def test_a_number_that_leaves_between_two_pages_hides_no_other(self, account: Account) -> None:
        pages = account.pages(OWNED, limit=3)
        first = next(pages)
        account.emulator.store.edit(first[-1]["id"], {"status": "expired"})
        rest = [item["id"] for page in pages for item in page]
        assert len(rest) == account.get(OWNED)["total_count"] - 2

    def test_nothing_there_is_an_empty_page(self, empty: Account) -> None:
        assert empty.get(OWNED) == {"items": [], "total_count": 0, "next_cursor": None}

    def test_generated_numbers_are_the_same_in_every_run(self) -> None:
        accounts = [Account(seed=False), Account(seed=False)]
        for each in accounts:
            each.emulator.populate(250)
        first, second = (each.all() for each in accounts)
        assert first == second
        assert len({item["number"] for item in first}) == 250


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
        self.register(empty)
        assert self.register(empty)[0] == 409

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


class TestAgents:
    def map(self, account: Account, body: object, **fields: object) -> tuple[int, Any]:
        return account.ask("PATCH", f"{OWNED}/{account.pick(**fields)['id']}/agent", body)

    def test_the_directions_are_independent(self, account: Account) -> None:
        sales = {"agent_id": account.emulator.agents["sales"], "agent_version": "v3"}
        before = account.pick(number="07011112222")
        _, after = self.map(account, {"outbound_agent": sales}, number="07011112222")
        assert (after["outbound_agent"], after["inbound_agent"]) == (sales, before["inbound_agent"])

    def test_null_unmaps(self, account: Account) -> None:
        _, after = self.map(account, {"inbound_agent": None}, number="07011112222")
        assert after["inbound_agent"] is None
        assert after["outbound_agent"] is not None

    def test_without_a_version_the_draft_is_meant(self, account: Account) -> None:
        id = account.emulator.agents["survey"]
        _, after = self.map(account, {"inbound_agent": {"agent_id": id}}, number="0212345678")
        assert after["inbound_agent"] == {"agent_id": id, "agent_version": "current"}

    def test_bought_numbers_are_mapped_too(self, account: Account) -> None:
        agent = {"agent_id": account.emulator.agents["sales"], "agent_version": "production"}
        assert self.map(account, {"inbound_agent": agent}, provider="vox", status="active")[1]["inbound_agent"] == agent

    @pytest.mark.parametrize(
        "agent",
        [
            {},
            {"agent_id": NOWHERE},
            {"agent_id": "reception"},
            {"agent_id": None},
            {"agent_version": "production"},
            "reception",
            {"agent_id": "reception-id", "agent_version": "draft"},
            {"agent_id": "reception-id", "agent_version": "v0"},
            {"agent_id": "reception-id", "agent_version": "v8"},
            {"agent_id": "reception-id", "agent_version": "v" + "9" * 5000},
            {"agent_id": "reception-id", "agent_version": None},
            {"agent_id": "reception-id", "version": "production"},
        ],
    )
    def test_what_is_no_agent_of_the_organization_is_refused(self, account: Account, agent: Any) -> None:
        if isinstance(agent, dict) and agent.get("agent_id") == "reception-id":
            agent = {**agent, "agent_id": account.emulator.agents["reception"]}
        before = account.all()
        status, payload = self.map(account, {"inbound_agent": agent}, number="0212345678")
        assert (status, payload["error"]["code"]) == INVALID
        assert account.all() == before

    def test_an_empty_patch_is_refused(self, account: Account) -> None:
        assert self.map(account, {}, number="0212345678")[0] == 400

    def test_an_expired_number_is_refused(self, account: Account) -> None:
        assert self.map(account, {"inbound_agent": None}, status="expired")[0] == 409


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


class TestAvailable:
    @pytest.mark.parametrize("field", ["number", "monthly_fee"])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_pages_are_sorted_as_asked(self, account: Account, field: str, order: str) -> None:
        pages = account.pages(AVAILABLE, sort_by=field, sort_order=order, limit=2)
        values = [line[field] for page in pages for line in page]
        assert values == sorted(values, reverse=order == "desc")
        assert len(values) == len(account.emulator.lines)

    def test_unasked_they_are_sorted_by_number(self, account: Account) -> None:
        assert account.get(AVAILABLE) == account.get(AVAILABLE, sort_by="number", sort_order="asc", limit=50)

    @pytest.mark.parametrize("kind", ["mobile", "landline", "voip", "uan", "personal", "toll_free"])
    def test_every_line_type_can_be_asked_for(self, account: Account, kind: str) -> None:
        assert {line["line_type"] for line in account.get(AVAILABLE, line_type=kind)["items"]} == {kind}

    def test_an_unknown_line_type_is_refused(self, account: Account) -> None:
        assert account.refusal("GET", AVAILABLE + "?line_type=fax")[:2] == INVALID


class TestSeed:
    def test_every_status_of_either_provider_is_there(self, account: Account) -> None:
        kinds = {(record["provider"], record["status"]) for record in account.all()}
        assert kinds >= {("vox", status) for status in STATUSES} | {("custom", "active"), ("custom", "expired")}

    @pytest.mark.parametrize("pattern", ["070", "02", "010", "15", "16", "18", "080", "0505|0501|0507", "14"])
    def test_every_kind_of_number_is_there(self, account: Account, pattern: str) -> None:
        assert any(re.match(pattern, record["number"]) for record in account.all())

    def test_one_number_has_an_expired_and_a_live_record(self, account: Account) -> None:
        records = [record for record in account.all() if record["number"] == "07055556666"]
        assert [record["status"] for record in records] == ["expired", "active"]

    def test_two_runs_are_equal_and_two_accounts_share_no_id(self, account: Account) -> None:
        assert account.all() == Account().all()
        ids = {record["id"] for record in account.all()}
        assert ids.isdisjoint(record["id"] for record in VoxEmulator(api_key="another").records())

    def test_only_documentation_addresses_are_used(self, account: Account) -> None:
        allowed = r"example\.(com|net)|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:"
        assert all(re.search(allowed, record["address"]) for record in account.all() if record["address"])


class TestOddRecords:
    def test_a_raw_record_is_listed_as_it_is(self, empty: Account) -> None:
        odd = {"id": "not-a-uuid", "number": 7, "status": "suspended", "extra": [1], "created_at": "yesterday"}
        empty.emulator.add(odd)
        response = empty.emulator.handle(
            HttpRequest("GET", empty.emulator.base_url + OWNED, (("authorization", "Bearer emulator-key"),))
        )
        assert json.loads(response.body)["items"] == [odd]

    def test_a_raw_record_is_not_changed_through_the_callers_object(self, empty: Account) -> None:
        odd: dict[str, Any] = {"id": NOWHERE, "inbound_agent": {}}
        empty.emulator.add(odd)
        odd["inbound_agent"]["agent_id"] = "x"
        assert empty.emulator.records() == [{"id": NOWHERE, "inbound_agent": {}}]


def narrowed() -> dict[str, Any]:
    """The document, without what only state can make meaningful, and closed where the emulator is stricter."""
    document = copy.deepcopy(DOCUMENT)
    emulator = VoxEmulator()
    paths, components = document["paths"], document["components"]
    # Bodies unknown: not emulated.
    del paths["/telephone-numbers/purchase"]
    del paths[OWNED + "/{organization_telephone_number_id}"]["patch"]
    # A cursor is only good when a page gave it.
    for path in (AVAILABLE, OWNED):
        operation = paths[path]["get"]
        operation["parameters"] = [p for p in operation["parameters"] if not p.get("$ref", "").endswith("/Cursor")]
    # Ids of records and agents that are there; an empty address and unknown keys are refused by the emulator.
    ids = [record["id"] for record in emulator.records()]
    components["parameters"]["OrganizationTelephoneNumberId"]["schema"]["enum"] = ids
    schemas = components["schemas"]
    for name in ("RegisterTelephoneNumberRequest", "UpdateSipRequest", "UpdateAgentMappingRequest"):
        schemas[name]["additionalProperties"] = False
        if "address" in schemas[name]["properties"]:
            schemas[name]["properties"]["address"]["minLength"] = 1
    # JSON Schema's digits are ASCII; said so that generators of other regular expressions read it too.
    schemas["RegisterTelephoneNumberRequest"]["properties"]["number"]["pattern"] = "^[0-9]+$"
    schemas["KnownAgent"] = {
        "type": "object",
        "required": ["agent_id"],
        "additionalProperties": False,
        "properties": {
            "agent_id": {"type": "string", "enum": [emulator.agents["survey"]]},
            "agent_version": {"type": "string", "enum": ["current", "production", "v1"]},
        },
    }
    for direction in schemas["UpdateAgentMappingRequest"]["properties"].values():
        direction["anyOf"][0] = {"$ref": "#/components/schemas/KnownAgent"}
    return document


async def fresh(scope: Any, receive: Any, send: Any) -> None:
    """Every request meets the seeded account, whatever the one before did to its own."""
    await asgi_app(VoxEmulator())(scope, receive, send)


contract = schemathesis.openapi.from_dict(narrowed(), config=SchemathesisConfig(seed=1))
contract.app = fresh
# Every case is sent with the right key, so a case that is bad only for lack of one would be taken.
contract.config.generation.with_security_parameters = False


@pytest.mark.usefixtures("unmeasured")
@contract.parametrize()
@settings(deadline=None, max_examples=20, derandomize=True, database=None)
def test_the_document_run_against_the_emulator(case: schemathesis.Case) -> None:
    case.call_and_validate(base_url=VoxEmulator.base_url, headers={"Authorization": "Bearer emulator-key"})
