"""Keys, paths, queries, listings, numbers for sale, and what is there from the start."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from telephony_core.emulator import HttpRequest
from telephony_vox.emulator import VoxEmulator
from tests.adapters.vox.emulator.account import AVAILABLE, INVALID, NOWHERE, OWNED, STATUSES, Account


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
        addresses = [record["address"] for record in account.all() if record["address"]]
        assert addresses
        assert [address for address in addresses if not re.search(allowed, address)] == []


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
