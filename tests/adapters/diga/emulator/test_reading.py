"""What the emulator shows: who may look, lists and their pages, verifications, and what is there from the start."""

from __future__ import annotations

import json
import re

import pytest

from telephony_core.emulator import HttpRequest
from telephony_diga.emulator import DigaEmulator
from tests.adapters.diga.emulator.project import DROPDOWN, IMPORT, NOWHERE, OPEN, PHONES, STATUSES, Project


class TestAccess:
    def test_a_missing_key_is_401(self, project: Project) -> None:
        for value in ("", "Bearer", "Basic emulator-key"):
            assert project.code("GET", PHONES, authorization=value) == (401, "UNAUTHORIZED")

    def test_a_wrong_key_is_401_with_another_code(self, project: Project) -> None:
        assert project.code("GET", PHONES, authorization="Bearer wrong") == (401, "INVALID_API_KEY")

    @pytest.mark.parametrize(
        "path", ["/", "/v1", "/v2/phone/", "/v1//phone/", "/v1/agent/", f"/v1/phone/{NOWHERE}/sip"]
    )
    def test_an_unknown_path_is_fastapis_own_404(self, project: Project, path: str) -> None:
        assert project.ask("GET", path) == (404, {"detail": "Not Found"})

    def test_a_wrong_method_is_fastapis_own_405(self, project: Project) -> None:
        assert project.ask("PUT", PHONES) == (405, {"detail": "Method Not Allowed"})

    def test_the_list_has_a_slash_and_redirects_without(self, project: Project) -> None:
        target = "https://api.diga.io/v1/phone/?limit=3"
        assert project.ask("GET", "/v1/phone?limit=3") == (307, target)

    @pytest.mark.parametrize("path", [IMPORT, DROPDOWN, f"/v1/phone/{NOWHERE}", f"/v1/phone/{NOWHERE}/sip-config"])
    def test_the_others_have_none_and_redirect_with(self, project: Project, path: str) -> None:
        assert project.ask("GET", path + "/") == (307, "https://api.diga.io" + path)

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/v1/phone/{}", None),
            ("PATCH", "/v1/phone/{}", {"nickname": "x"}),
            ("PATCH", "/v1/phone/{}/sip-config", {}),
            ("DELETE", "/v1/phone/{}", None),
        ],
    )
    def test_an_id_that_is_not_there_is_404_and_no_uuid_is_422(
        self, project: Project, method: str, path: str, body: object
    ) -> None:
        assert project.code(method, path.format(NOWHERE), body) == (404, "PHONE_NUMBER_NOT_FOUND")
        assert project.code(method, path.format("+34911234567"), body) == (422, "uuid_parsing")

    def test_a_uuid_is_read_in_any_form(self, project: Project) -> None:
        id = project.all()[0]["id"]
        assert project.done("GET", f"/v1/phone/{id.upper()}")["id"] == id

    def test_submitting_a_verification_is_not_emulated(self, project: Project) -> None:
        assert project.emulator.handle(HttpRequest("POST", "https://api.diga.io/v1/verification/")).status == 405


class TestListing:
    @pytest.mark.parametrize(
        "query",
        [
            "limit=0", "limit=101", "limit=x", "page=0", "order=up", "status=gone", "after=1", "inbound_agent_id=x",
            "start_assigned_at=soon", "number=%2B34911234567", "limit=1&limit=2", "after=",
        ],
    )  # fmt: skip
    def test_an_unusable_parameter_is_400(self, project: Project, query: str) -> None:
        assert project.code("GET", f"{PHONES}?{query}") == (400, "NOT_VALID_FIELD")

    @pytest.mark.parametrize("query", ["after={0}&before={0}", "after={0}&page=1", "after=" + NOWHERE])
    def test_contradictory_paging_is_422_in_the_vendors_envelope(self, project: Project, query: str) -> None:
        id = project.all()[0]["id"]
        assert project.code("GET", f"{PHONES}?{query.format(id)}") == (422, "INVALID_PAGINATION_PARAMETERS")

    def test_released_and_finished_phones_do_not_come_unasked(self, project: Project) -> None:
        assert {phone["status"] for page in project.pages() for phone in page} == set(OPEN)

    @pytest.mark.parametrize("status", STATUSES)
    def test_each_status_can_be_asked_for(self, project: Project, status: str) -> None:
        assert {phone["status"] for page in project.pages(status=status) for phone in page} == {status}

    @pytest.mark.parametrize("limit", [1, 4, 100])
    def test_pages_join_to_the_whole_newest_first(self, project: Project, limit: int) -> None:
        pages = list(project.pages(limit=limit))
        ids = [phone["id"] for page in pages for phone in page]
        stored = [record["id"] for record in project.emulator.records() if record["status"] in OPEN]
        assert ids == stored[::-1]
        assert all(len(page) == limit for page in pages[:-1])

    def test_ascending_is_the_reverse(self, project: Project) -> None:
        up = [phone for page in project.pages(order="asc", limit=3) for phone in page]
        down = [phone for page in project.pages(order="desc", limit=3) for phone in page]
        assert up == down[::-1]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_before_goes_back(self, project: Project, order: str) -> None:
        first, second = list(project.pages(order=order, limit=5))[:2]
        back = project.page(order=order, limit=5, before=second[0]["id"])
        assert (back["data"], back["has_more"]) == (first, False)
        assert project.page(order=order, limit=2, before=second[0]["id"])["data"] == first[-2:]

    def test_pages_can_be_numbered(self, project: Project) -> None:
        pages = list(project.pages(limit=4))
        third = project.page(page=3, limit=4)
        assert (third["data"], third["current_page"], third["total_pages"]) == (pages[2], 3, len(pages))
        beyond = project.page(page=99)
        assert (beyond["data"], beyond["has_more"], beyond["first_id"]) == ([], False, None)

    def test_a_cursor_may_name_a_phone_that_is_gone(self, project: Project) -> None:
        pages = project.pages(limit=3, status="assigned")
        first = next(pages)
        custom = next(phone for phone in first if phone["telephony_provider"] == "custom")
        project.done("DELETE", f"/v1/phone/{custom['id']}")
        rest = [phone["id"] for page in pages for phone in page]
        assert len(rest) == len(project.page(status="assigned", limit=100)["data"]) - 2

    def test_filters_by_agent_and_time(self, project: Project) -> None:
        agent = project.emulator.agents["reception"]
        assert {phone["inbound_agent_id"] for phone in project.page(inbound_agent_id=agent)["data"]} == {agent}
        assert project.page(outbound_agent_id=agent)["data"] == []
        day = project.pick("+827044445555")["assigned_at"]
        assert [p["number"] for p in project.page(start_assigned_at=day, end_assigned_at=day)["data"]] == [
            "+827044445555"
        ]

    def test_nothing_there_is_an_empty_page(self, empty: Project) -> None:
        nothing = {"first_id": None, "last_id": None, "current_page": None, "total_pages": None}
        assert empty.page() == {"data": [], "has_more": False, **nothing}

    def test_generated_phones_are_the_same_in_every_run(self) -> None:
        projects = [Project(seed=False), Project(seed=False)]
        for each in projects:
            each.emulator.populate(250)
        first, second = (list(each.pages(limit=100)) for each in projects)
        assert first == second
        assert [len(page) for page in first] == [100, 100, 50]


class TestVerifications:
    def test_they_are_paged_newest_first(self, project: Project) -> None:
        pages = list(project.pages("/v1/verification/", limit=1))
        assert [[record["status"] for record in page] for page in pages] == [["verified"], ["rejected"]]

    def test_an_unusable_parameter_is_fastapis_422(self, project: Project) -> None:
        assert project.code("GET", "/v1/verification/?limit=0") == (422, "greater_than_equal")


class TestSeed:
    def test_every_status_of_either_provider_is_there(self, project: Project) -> None:
        kinds = {(phone["telephony_provider"], phone["status"]) for phone in project.all()}
        assert kinds == {(provider, status) for provider in ("netelip", "custom") for status in STATUSES}

    @pytest.mark.parametrize("pattern", [r"\+349[1-8]", r"\+346", r"\+34900", r"\+8270", r".+@"])
    def test_every_kind_of_number_is_there(self, project: Project, pattern: str) -> None:
        assert any(re.match(pattern, phone["number"]) for phone in project.all())

    def test_trunks_of_every_kind_are_there(self, project: Project) -> None:
        trunks = [phone["sip_config"] for phone in project.all() if phone["sip_config"]]
        for way in ("inbound", "outbound"):
            assert {trunk[f"{way}_media_encryption"] for trunk in trunks} == {"disable", "allow", "require"}
        assert {bool(trunk["termination_uri"]) for trunk in trunks} == {True, False}
        allowed = [address for trunk in trunks for address in trunk["allowed_addresses"] or ()]
        assert {(":" in address, "/" in address) for address in allowed} >= {
            (False, False),
            (False, True),
            (True, True),
        }

    def test_only_a_reserved_phone_has_a_checkout(self, project: Project) -> None:
        paying = [phone for phone in project.all() if phone["checkout_url"]]
        assert [(phone["status"], bool(phone["reservation_expires_at"])) for phone in paying] == [("reserved", True)]

    def test_two_runs_are_equal_and_two_projects_share_no_id(self, project: Project) -> None:
        assert project.all() == Project().all()
        ids = {phone["id"] for phone in project.all()}
        assert ids.isdisjoint(record["id"] for record in DigaEmulator(api_key="another").records())


def test_a_raw_record_is_listed_as_it_is() -> None:
    emulator = DigaEmulator(seed=False)
    odd = {"number": 7, "status": "ported_out", "sip_config": "none", "scheduled_release_at": "soon"}
    emulator.add(odd)
    response = emulator.handle(
        HttpRequest("GET", "https://api.diga.io/v1/phone/", (("authorization", "Bearer emulator-key"),))
    )
    assert json.loads(response.body)["data"] == [odd]
