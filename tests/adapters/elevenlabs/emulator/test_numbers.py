"""Numbers of the emulated workspace: listed, read, imported, changed and deleted as the document says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telephony_core.emulator import StoredCredentials
from tests.adapters.elevenlabs.emulator.workspace import NUMBERS, Workspace

OUTBOUND = {
    "address": "trunk.example.com:5060",
    "transport": "tcp",
    "headers": {"X-Customer": "7"},
    "credentials": {"username": "canary-user", "password": "canary-word"},
}
INBOUND = {
    "allowed_addresses": ["192.0.2.0/24"],
    "allowed_numbers": ["+12025550111"],
    "credentials": {"username": "caller", "password": "caller-word"},
}
BODY = {
    "provider": "sip_trunk",
    "phone_number": "+12025550142",
    "label": "New",
    "inbound_trunk_config": INBOUND,
    "outbound_trunk_config": OUTBOUND,
}


def made(workspace: Workspace, **changes: object) -> str:
    id = workspace.done("POST", NUMBERS, {**BODY, **changes})["phone_number_id"]
    assert isinstance(id, str)
    return id


class TestAccess:
    @pytest.mark.parametrize(
        ("key", "code"), [("", "needs_authorization"), ("another", "invalid_api_key"), ("ключ", "invalid_api_key")]
    )
    def test_every_operation_needs_the_key(self, workspace: Workspace, key: str, code: str) -> None:
        for method, path in (
            ("GET", NUMBERS),
            ("POST", NUMBERS),
            ("PATCH", f"{NUMBERS}/x"),
            ("DELETE", f"{NUMBERS}/x"),
        ):
            assert workspace.code(method, path, xi_api_key=key) == (401, code)

    @pytest.mark.parametrize(
        "path", ["/", "/v1/convai", f"{NUMBERS}/", "/v1/convai/v2/phone-numbers", f"{NUMBERS}/x/sip-messages"]
    )
    def test_what_is_not_there_is_404(self, workspace: Workspace, path: str) -> None:
        assert workspace.code("GET", path) == (404, "Not Found")

    def test_a_method_that_is_not_there_is_405(self, workspace: Workspace) -> None:
        assert workspace.code("PUT", NUMBERS) == (405, "Method Not Allowed")


class TestReading:
    def test_every_kind_of_number_is_there_and_described(self, workspace: Workspace) -> None:
        assert {number["provider"] for number in workspace.all()} == {"sip_trunk", "twilio", "exotel"}
        for number in workspace.all():
            assert workspace.done("GET", f"{NUMBERS}/{number['phone_number_id']}") == number

    def test_a_list_can_be_narrowed(self, workspace: Workspace) -> None:
        assert {n["provider"] for n in workspace.all(provider="twilio")} == {"twilio"}
        sales = workspace.emulator.agents["sales"]
        assert {n["assigned_agent"]["agent_id"] for n in workspace.all(agent_id=sales)} == {sales}
        branch = workspace.emulator.branches(workspace.emulator.agents["reception"])["winter-opening-hours"]
        assert [n["phone_number"] for n in workspace.all(branch_id=branch)] == ["+12025550102"]

    @pytest.mark.parametrize("query", ["provider=telnyx", "page_size=10", "agent_id=a&agent_id=b"])
    def test_a_query_that_is_not_documented_is_422(self, workspace: Workspace, query: str) -> None:
        assert workspace.ask("GET", f"{NUMBERS}?{query}")[0] == 422

    def test_an_unknown_id_is_404(self, workspace: Workspace) -> None:
        for method, body in (("GET", None), ("PATCH", {"label": "x"}), ("DELETE", None)):
            assert workspace.code(method, f"{NUMBERS}/phnum_x", body) == (404, "phone_number_not_found")

    def test_numbers_are_the_same_in_every_run(self) -> None:
        assert Workspace().all() == Workspace().all()

    def test_many_numbers_can_be_made(self, empty: Workspace) -> None:
        empty.emulator.populate(40)
        assert len({number["phone_number"] for number in empty.all()}) == 40


class TestImport:
    def test_it_is_answered_with_the_id_alone(self, empty: Workspace) -> None:
        assert list(empty.done("POST", NUMBERS, BODY)) == ["phone_number_id"]

    def test_everything_that_was_sent_is_shown_but_the_passwords(self, empty: Workspace) -> None:
        id = made(empty, agent_id=empty.emulator.agents["sales"], supports_outbound=False)
        (number,) = empty.all()
        assert (number["supports_inbound"], number["supports_outbound"]) == (True, False)
        assert number["inbound_trunk"] == {
            "allowed_addresses": ["192.0.2.0/24"], "allowed_numbers": ["+12025550111"], "media_encryption": "allowed",
            "has_auth_credentials": True, "username": "caller", "remote_domains": None, "attributes_to_headers": {},
        }  # fmt: skip
        assert number["outbound_trunk"] == number["provider_config"] == {
            "address": "trunk.example.com:5060", "transport": "tcp", "media_encryption": "allowed",
            "headers": {"X-Customer": "7"}, "attributes_to_headers": {}, "has_auth_credentials": True,
            "username": "canary-user", "has_outbound_trunk": True, "enabled_codecs": [],
        }  # fmt: skip
        assert number["assigned_agent"]["agent_name"] == "sales"
        assert "word" not in json.dumps(empty.all())
        assert empty.emulator.credentials(id) == StoredCredentials("canary-user", "canary-word")
        assert empty.emulator.inbound_password(id) == "caller-word"

    def test_without_halves_there_are_no_trunks(self, empty: Workspace) -> None:
        empty.done("POST", NUMBERS, {"phone_number": "1000", "label": ""})
        (number,) = empty.all()
        assert number["inbound_trunk"] is number["outbound_trunk"] is None

    def test_a_number_that_is_here_is_a_conflict_unless_it_may_be(self, empty: Workspace) -> None:
        made(empty)
        assert empty.code("POST", NUMBERS, BODY) == (409, "phone_number_already_exists")
        empty.emulator.allow_duplicates = True
        made(empty)
        assert len(empty.all()) == 2

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"label": None}, "string_type"),
            ({"phone_number": ""}, "string_too_short"),
            ({"provider": "twilio"}, "literal_error"),
            ({"livekit_stack": "static"}, "extra_forbidden"),
            ({"outbound_trunk_config": {}}, "missing"),
            ({"outbound_trunk_config": {"address": "sip:a"}}, "trunk_address"),
            ({"outbound_trunk_config": {"address": "a b"}}, "trunk_address"),
            ({"outbound_trunk_config": {"address": "user@a"}}, "trunk_address"),
            ({"outbound_trunk_config": {"address": "a;transport=tls"}}, "trunk_address"),
            ({"outbound_trunk_config": {"address": "a", "transport": "sctp"}}, "literal_error"),
            ({"outbound_trunk_config": {"address": "a", "headers": {"X": 1}}}, "string_type"),
            ({"outbound_trunk_config": {"address": "a", "credentials": {"password": "p"}}}, "missing"),
            ({"inbound_trunk_config": {"media_encryption": "require"}}, "literal_error"),
            ({"inbound_trunk_config": {"allowed_addresses": ["192.0.2.999"]}}, "allowed_address"),
            ({"inbound_trunk_config": {"allowed_adresses": []}}, "extra_forbidden"),
        ],
    )
    def test_what_the_document_forbids_is_422(self, empty: Workspace, changes: Any, kind: str) -> None:
        assert empty.code("POST", NUMBERS, {**BODY, **changes}) == (422, kind)
        assert empty.all() == []

    def test_a_user_name_without_a_password_is_refused(self, empty: Workspace) -> None:
        half = {"address": "a", "credentials": {"username": "u"}}
        assert empty.code("POST", NUMBERS, {**BODY, "outbound_trunk_config": half}) == (400, "password_missing")

    @pytest.mark.parametrize(
        ("raw", "kind"), [(b"", "missing"), (b"{", "json_invalid"), (b"NaN", "json_invalid"), (b"[]", "model_type")]
    )
    def test_what_is_no_json_object_is_422(self, empty: Workspace, raw: bytes, kind: str) -> None:
        assert empty.code("POST", NUMBERS, raw=raw, content_type="application/json") == (422, kind)

    def test_a_body_has_to_be_declared_as_json(self, empty: Workspace) -> None:
        raw = json.dumps(BODY).encode()
        assert empty.code("POST", NUMBERS, raw=raw, content_type="text/plain") == (422, "model_attributes_type")

    def test_a_new_number_is_seen_late_and_takes_writes_at_once(self, empty: Workspace) -> None:
        empty.emulator.hide_new_for = 2
        id = made(empty)
        assert empty.all() == []
        assert empty.patch(id, label="Seen")["label"] == "Seen"
        assert empty.ask("GET", f"{NUMBERS}/{id}")[0] == 404
        assert len(empty.all()) == 1


class TestChange:
    def test_only_what_is_given_changes(self, empty: Workspace) -> None:
        id = made(empty)
        (before,) = empty.all()
        assert empty.patch(id, label="Other") == {**before, "label": "Other"}
        changed = empty.patch(id, livekit_stack="static", store_sip_messages=False)
        assert changed == {**before, "label": "Other", "livekit_stack": "static", "store_sip_messages": False}

    def test_a_half_replaces_what_was_there(self, empty: Workspace) -> None:
        id = made(empty)
        after = empty.patch(id, outbound_trunk_config={"address": "b.example"})
        assert after["outbound_trunk"]["headers"] == {}
        assert after["outbound_trunk"]["transport"] == "auto"
        assert after["outbound_trunk"]["has_auth_credentials"] is False
        assert empty.emulator.credentials(id) == StoredCredentials(None, None)
        assert empty.patch(id, inbound_trunk_config={})["inbound_trunk"]["allowed_addresses"] == []
        assert empty.emulator.inbound_password(id) is None

    def test_a_half_is_merged_where_that_is_chosen(self, merging: Workspace) -> None:
        id = made(merging)
        before = merging.all()[0]["outbound_trunk"]
        after = merging.patch(id, outbound_trunk_config={"address": "b.example"})["outbound_trunk"]
        assert after == {**before, "address": "b.example"}
        assert merging.emulator.credentials(id) == StoredCredentials("canary-user", "canary-word")
        credentials = {"username": "v"}
        merging.patch(id, outbound_trunk_config={"address": "b.example", "credentials": credentials})
        assert merging.emulator.credentials(id) == StoredCredentials("v", "canary-word")
        merging.patch(id, inbound_trunk_config={"credentials": None})
        assert merging.emulator.inbound_password(id) is None

    def test_a_password_that_is_left_out_stays(self, empty: Workspace) -> None:
        id = made(empty)
        half = {"address": "a", "credentials": {"username": "v"}}
        assert empty.patch(id, outbound_trunk_config=half)["outbound_trunk"]["username"] == "v"
        assert empty.emulator.credentials(id) == StoredCredentials("v", "canary-word")

    @pytest.mark.parametrize(
        "name", ["label", "inbound_trunk_config", "outbound_trunk_config", "livekit_stack", "store_sip_messages"]
    )
    def test_a_null_of_which_nobody_says_what_it_does_is_refused(self, empty: Workspace, name: str) -> None:
        assert empty.refused(made(empty), **{name: None}) == (422, "undocumented_null")

    def test_a_change_of_nothing_is_refused(self, empty: Workspace) -> None:
        assert empty.refused(made(empty)) == (422, "empty_change")

    def test_a_linked_number_has_no_trunk_to_change(self, workspace: Workspace) -> None:
        id = workspace.pick("+12025550105")["phone_number_id"]
        assert workspace.refused(id, outbound_trunk_config={"address": "a"}) == (400, "not_a_sip_trunk")
        assert workspace.patch(id, label="Renamed")["label"] == "Renamed"


class TestAgents:
    def test_an_agent_comes_and_goes(self, workspace: Workspace) -> None:
        id, agent = workspace.pick("+12025550101")["phone_number_id"], workspace.emulator.agents["sales"]
        shown = workspace.patch(id, agent_id=agent)["assigned_agent"]
        assert shown == {"agent_id": agent, "agent_name": "sales", "environment": None, "branch_id": None}
        assert workspace.patch(id, agent_id=None)["assigned_agent"] is None

    def test_a_branch_is_of_its_agent(self, workspace: Workspace) -> None:
        id = workspace.pick("+12025550101")["phone_number_id"]
        support, sales = workspace.emulator.agents["support"], workspace.emulator.agents["sales"]
        branch = workspace.emulator.branches(support)["new-prompt"]
        assert workspace.refused(id, branch_id=branch) == (400, "no_agent")
        assert workspace.refused(id, agent_id=sales, branch_id=branch) == (404, "branch_not_found")
        assert workspace.patch(id, agent_id=support, branch_id=branch)["assigned_agent"]["branch_id"] == branch
        assert workspace.patch(id, environment="staging")["assigned_agent"]["branch_id"] == branch
        assert workspace.patch(id, branch_id=None)["assigned_agent"]["branch_id"] is None
        workspace.patch(id, branch_id=branch)
        assert workspace.patch(id, agent_id=sales)["assigned_agent"]["branch_id"] is None

    def test_an_agent_that_is_not_there_is_404(self, workspace: Workspace) -> None:
        id = workspace.pick("+12025550101")["phone_number_id"]
        assert workspace.refused(id, agent_id="agent_x") == (404, "agent_not_found")

    def test_an_agent_can_be_added(self, workspace: Workspace) -> None:
        agent = workspace.emulator.add_agent("night", branches=("main", "quiet"))
        assert set(workspace.emulator.branches(agent)) == {"main", "quiet"}
        assert workspace.emulator.branches("agent_x") == {}


class TestDelete:
    def test_a_deleted_number_is_gone(self, workspace: Workspace) -> None:
        id = workspace.pick("+12025550101")["phone_number_id"]
        assert workspace.done("DELETE", f"{NUMBERS}/{id}") is None
        assert workspace.ask("GET", f"{NUMBERS}/{id}")[0] == 404
        assert id not in {number["phone_number_id"] for number in workspace.all()}

    def test_it_takes_neither_query_nor_body(self, workspace: Workspace) -> None:
        id = workspace.pick("+12025550101")["phone_number_id"]
        assert workspace.ask("DELETE", f"{NUMBERS}/{id}?force=true")[0] == 422
        assert workspace.ask("DELETE", f"{NUMBERS}/{id}", {})[0] == 422
