"""Listing, reading, importing, changing and deleting numbers, and every refusal on the way."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from telephony_core.emulator import StoredCredentials
from telephony_retell.emulator import RetellEmulator
from tests.adapters.retell.emulator.workspace import BOUGHT, IMPORT, LIST, ON_CALL, PLAIN, Workspace, url

NEW = "+14155550199"
IMPORTED: dict[str, Any] = {
    "phone_number": NEW,
    "ignore_e164_validation": False,
    "termination_uri": "trunk.example.com",
    "transport": "TLS",
    "sip_trunk_auth_username": "canary-user",
    "sip_trunk_auth_password": "canary-word",
    "nickname": "New",
}


class TestList:
    def test_pages_lead_on_in_both_directions(self, workspace: Workspace) -> None:
        whole = [record["phone_number"] for record in workspace.page(sort_order="ascending")["items"]]
        for order in ("ascending", "descending"):
            seen, more = list[str](), dict[str, object]()
            while True:
                page = workspace.page(limit=4, sort_order=order, **more)
                seen += [record["phone_number"] for record in page["items"]]
                if not page["has_more"]:
                    break
                more = {"pagination_key": page["pagination_key"]}
            assert seen == (whole if order == "ascending" else whole[::-1])
        assert "pagination_key" not in workspace.page()

    def test_a_key_outlives_the_number_it_ends_with(self, workspace: Workspace) -> None:
        page = workspace.page(limit=3, sort_order="ascending")
        workspace.done("DELETE", url("delete", page["items"][-1]["phone_number"]))
        rest = workspace.page(sort_order="ascending", pagination_key=page["pagination_key"])["items"]
        assert len(rest) == len(workspace.emulator.records()) - 2

    def test_the_newest_fifty_come_when_nothing_is_asked(self, workspace: Workspace) -> None:
        workspace.emulator.populate(60)
        page = workspace.page()
        assert (len(page["items"]), page["has_more"]) == (50, True)
        assert page["items"][0]["phone_number"] == "+13055000059"

    @pytest.mark.parametrize(
        "query",
        ["limit=0", "limit=1001", "limit=x", "limit=1.5", "sort_order=desc", "pagination_key=x", "offset=1",
         "pagination_key=ICAgIA", "limit=1&limit=2", "sort_by=number"],
    )  # fmt: skip
    def test_a_query_that_the_contract_does_not_know_is_refused(self, query: str, workspace: Workspace) -> None:
        assert workspace.refused("GET", f"{LIST}?{query}")[0] == 400


class TestImport:
    def test_a_number_arrives_under_its_own_name(self, empty: Workspace) -> None:
        status, made = empty.ask("POST", IMPORT, IMPORTED)
        assert status == 201
        assert made["phone_number_type"] == "custom"
        assert made["phone_number_pretty"] == "+1 (415) 555-0199"
        trunk = {"termination_uri": "trunk.example.com", "transport": "TLS", "auth_username": "canary-user"}
        assert made["sip_outbound_trunk_config"] == trunk
        assert empty.get(NEW) == made
        assert empty.emulator.credentials(NEW) == StoredCredentials("canary-user", "canary-word")
        assert "canary-word" not in json.dumps([made, empty.page(), empty.emulator.records()])

    def test_least_of_all_tcp_is_used_and_nothing_is_checked(self, empty: Workspace) -> None:
        made = empty.done("POST", IMPORT, {"phone_number": "2002", "termination_uri": "pbx.example.com"})
        assert made["sip_outbound_trunk_config"] == {"termination_uri": "pbx.example.com", "transport": "TCP"}
        assert "nickname" not in made
        made = empty.done("POST", IMPORT, {"phone_number": "2003", "termination_uri": "a", "transport": None})
        assert made["sip_outbound_trunk_config"]["transport"] == "TCP"

    def test_agents_and_other_settings_ride_along(self, empty: Workspace) -> None:
        settings = {
            "inbound_agents": [empty.share("reception", 2, 0.5), empty.share("sales", "prod", 0.5)],
            "inbound_webhook_url": "https://example.com/hook",
            "allowed_inbound_country_list": ["US", "KR"],
        }
        assert settings.items() <= empty.done("POST", IMPORT, IMPORTED | settings).items()
        codecs = empty.done("POST", IMPORT, IMPORTED | {"phone_number": "+14155550198", "codecs": ["PCMU"]})
        assert codecs["sip_outbound_trunk_config"]["codecs"] == ["PCMU"]

    def test_a_number_that_is_there_is_refused(self, workspace: Workspace) -> None:
        assert workspace.refused("POST", IMPORT, IMPORTED | {"phone_number": ON_CALL})[0] == 400

    @pytest.mark.parametrize(
        "change",
        [
            {"phone_number": ...}, {"termination_uri": ...}, {"phone_number": ""}, {"phone_number": "2002"},
            {"phone_number": "14155550199"}, {"ignore_e164_validation": "false"}, {"ignore_e164_validation": None},
            {"termination_uri": ""}, {"termination_uri": "sip:trunk.example.com"}, {"termination_uri": "a b"},
            {"termination_uri": "a;transport=tcp"}, {"termination_uri": "//a/b"}, {"transport": "SCTP"},
            {"transport": "tcp"}, {"nickname": None},
            {"auth_username": "x"}, {"auth_password": "x"}, {"sip_trunk_auth_password": None}, {"fallback_number": "x"},
            {"inbound_agent_id": "x"}, {"outbound_sms_agents": []}, {"codecs": None}, {"inbound_agents": {}},
            {"allowed_inbound_country_list": ["us"]}, {"inbound_webhook_url": 7},
        ],
        ids=str,
    )  # fmt: skip
    def test_what_the_contract_does_not_take_is_refused(self, change: dict[str, Any], empty: Workspace) -> None:
        body = {name: value for name, value in (IMPORTED | change).items() if value is not ...}
        assert empty.refused("POST", IMPORT, body)[0] == 400


class TestUpdate:
    def test_what_is_left_out_stays(self, workspace: Workspace) -> None:
        before = workspace.get(ON_CALL)
        workspace.now += timedelta(seconds=1)
        after = workspace.update(ON_CALL)
        assert after.pop("last_modification_timestamp") > before.pop("last_modification_timestamp")
        assert after == before

    def test_trunk_fields_change_one_by_one(self, workspace: Workspace) -> None:
        workspace.update(ON_CALL, auth_password="new-word")
        assert workspace.emulator.credentials(ON_CALL) == StoredCredentials("acme", "new-word")
        workspace.update(ON_CALL, auth_username="new-user")
        assert workspace.emulator.credentials(ON_CALL) == StoredCredentials("new-user", "new-word")
        trunk = workspace.update(ON_CALL, termination_uri="b.example.com", codecs=["PCMA"])["sip_outbound_trunk_config"]
        assert trunk == {
            "termination_uri": "b.example.com", "transport": "TLS", "auth_username": "new-user", "codecs": ["PCMA"],
        }  # fmt: skip
        assert workspace.update(ON_CALL, transport=None)["sip_outbound_trunk_config"]["transport"] == "TCP"
        workspace.update(PLAIN, auth_username="first")
        assert workspace.emulator.credentials(PLAIN) == StoredCredentials("first", None)

    def test_null_clears_and_is_not_shown(self, workspace: Workspace) -> None:
        workspace.update(ON_CALL, fallback_number="+14155551234", inbound_sms_webhook_url="https://example.com/")
        cleared = dict.fromkeys(("nickname", "inbound_agents", "fallback_number", "inbound_sms_webhook_url"))
        assert not workspace.update(ON_CALL, **cleared).keys() & cleared.keys()

    @pytest.mark.parametrize("version", [0, 4, "latest", "latest_published", "prod", "staging"])
    def test_every_word_for_a_version_is_read_back(self, version: object, workspace: Workspace) -> None:
        shares = [workspace.share("reception", version)]
        assert workspace.update(PLAIN, inbound_agents=shares)["inbound_agents"] == shares

    def test_a_known_tag_that_is_not_assigned_is_taken(self, workspace: Workspace) -> None:
        assert workspace.update(PLAIN, inbound_sms_agents=[workspace.share("support", "canary")])

    @pytest.mark.parametrize(
        ("agent", "version"), [("reception", 5), ("survey", "latest_published"), ("reception", "nightly")]
    )
    def test_a_version_that_is_not_there_is_not_found(self, agent: str, version: object, workspace: Workspace) -> None:
        body = {"outbound_agents": [workspace.share(agent, version)]}
        assert workspace.refused("PATCH", url("update", PLAIN), body)[0] == 422

    def test_an_agent_that_is_not_there_is_not_found(self, workspace: Workspace) -> None:
        body = {"inbound_agents": [{"agent_id": "agent_of_nobody", "weight": 1}]}
        assert workspace.refused("PATCH", url("update", PLAIN), body)[0] == 422

    @pytest.mark.parametrize("weights", [(0.5, 0.4), (1, 1), (0.7,)])
    def test_weights_add_up_to_one(self, weights: tuple[float, ...], workspace: Workspace) -> None:
        body = {"inbound_agents": [workspace.share("sales", weight=weight) for weight in weights]}
        status, message = workspace.refused("PATCH", url("update", PLAIN), body)
        assert status == 400
        assert "add up" in message
        third = [workspace.share("sales", weight=0.3333333)] * 3
        assert workspace.update(PLAIN, inbound_agents=third)

    @pytest.mark.parametrize(
        "body",
        [
            {"sip_trunk_auth_username": "x"}, {"sip_trunk_auth_password": "x"}, {"phone_number": NEW},
            {"termination_uri": None}, {"auth_username": None}, {"auth_password": None}, {"termination_uri": ""},
            {"transport": "SCTP"}, {"ignore_e164_validation": True}, {"area_code": 415}, {"fallback_number": 7},
            {"inbound_agents": [{"agent_id": "x"}]}, {"inbound_agents": [{"weight": 1}]},
            {"inbound_agents": [{"agent_id": "x", "weight": 0}]}, {"inbound_agents": [{"agent_id": "", "weight": 1}]},
            {"inbound_agents": [{"agent_id": "x", "weight": 1, "agent_version": "v3"}]},
            {"inbound_agents": [{"agent_id": "x", "weight": 1, "agent_version": -1}]},
            {"inbound_agents": [{"agent_id": "x", "weight": 1, "agent_version": None}]},
            {"inbound_agents": [{"agent_id": "x", "weight": 1, "share": 1}]},
        ],
        ids=str,
    )  # fmt: skip
    def test_what_the_contract_does_not_take_is_refused(self, body: dict[str, Any], workspace: Workspace) -> None:
        assert workspace.refused("PATCH", url("update", PLAIN), body)[0] == 400

    def test_a_bought_number_has_no_trunk_to_change(self, workspace: Workspace) -> None:
        for body in ({"termination_uri": "a"}, {"transport": "TCP"}, {"auth_password": "x"}):
            assert workspace.refused("PATCH", url("update", BOUGHT), body)[0] == 400
        assert workspace.update(BOUGHT, nickname="Bought")["nickname"] == "Bought"

    def test_fallbacks_do_not_nest(self, workspace: Workspace) -> None:
        assert workspace.refused("PATCH", url("update", PLAIN), {"fallback_number": PLAIN})[0] == 400
        workspace.update(ON_CALL, fallback_number="+14155551234")
        assert workspace.refused("PATCH", url("update", PLAIN), {"fallback_number": ON_CALL})[0] == 400


class TestTheRest:
    def test_a_deleted_number_is_gone_and_can_be_imported_again(self, workspace: Workspace) -> None:
        for number in (ON_CALL, BOUGHT):
            assert workspace.ask("DELETE", url("delete", number)) == (204, None)
            assert workspace.refused("GET", url("get", number))[0] == 422
            assert workspace.refused("DELETE", url("delete", number))[0] == 422
            assert workspace.refused("PATCH", url("update", number), {})[0] == 422
        assert workspace.done("POST", IMPORT, IMPORTED | {"phone_number": ON_CALL})["phone_number"] == ON_CALL

    def test_a_number_is_found_only_in_its_own_spelling(self, workspace: Workspace) -> None:
        assert workspace.done("GET", "/get-phone-number/+12135550110") == workspace.get(ON_CALL)  # a raw plus
        for spelling in ("12135550110", "2135550110", "+1 213 555 0110"):
            assert workspace.refused("GET", url("get", spelling))[0] == 422

    def test_a_new_number_may_stay_out_of_sight_for_a_while(self, empty: Workspace) -> None:
        empty.emulator.hide_new_for = 2
        empty.done("POST", IMPORT, IMPORTED)
        assert empty.page()["items"] == []
        assert empty.refused("GET", url("get", NEW))[0] == 422
        assert empty.get(NEW)

    @pytest.mark.parametrize("authorization", ["", "Bearer other", "emulator-key", "Basic emulator-key"])
    def test_a_key_that_is_not_the_right_one_is_refused(self, authorization: str, workspace: Workspace) -> None:
        assert workspace.refused("GET", LIST, authorization=authorization)[0] == 401

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/list-phone-numbers", 404), ("GET", f"{LIST}/", 404), ("POST", "/create-phone-number", 404),
            ("GET", "/", 404), ("POST", LIST, 405), ("GET", IMPORT, 405), ("PUT", url("update", PLAIN), 405),
            ("GET", url("delete", PLAIN), 405),
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_refused(self, method: str, path: str, status: int, workspace: Workspace) -> None:
        assert workspace.refused(method, path)[0] == status

    def test_bodies_and_queries_belong_where_they_are_documented(self, workspace: Workspace) -> None:
        for method, path in (("GET", url("get", PLAIN)), ("DELETE", url("delete", PLAIN)), ("GET", LIST)):
            assert workspace.refused(method, path, {})[0] == 400
        assert workspace.refused("GET", f"{url('get', PLAIN)}?limit=1")[0] == 400
        for raw in (b"", b"{", b"[]", b"null", b'{"a": NaN}'):
            assert workspace.refused("POST", IMPORT, raw=raw, content_type="application/json")[0] == 400
        assert workspace.refused("POST", IMPORT, raw=b"{}", content_type="text/plain")[0] == 400

    def test_two_emulators_hold_the_same_and_agents_can_be_added(self) -> None:
        one, two = RetellEmulator(), RetellEmulator()
        assert [r["phone_number"] for r in one.records()] == [r["phone_number"] for r in two.records()]
        assert one.agents == two.agents
        assert one.add_agent("billing", newest=2, published=1, tags={"prod": 1}) == one.agents["billing"]
        assert RetellEmulator(seed=False).records() == []
