"""Importing a phone, and changing its trunk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telephony_core.emulator import StoredCredentials
from tests.adapters.diga.emulator.project import IMPORT, NOWHERE, Project

TRUNK: dict[str, Any] = {
    "phone_number": "+34600111222",
    "nickname": "Sevilla",
    "inbound_config": {"media_encryption": "require", "allowed_addresses": ["192.0.2.1", "2001:db8::/32"]},
    "outbound_config": {
        "termination_uri": "trunk.example.com:5060",
        "username": "canary-user",
        "password": "canary-word",
        "media_encryption": "disable",
    },
}


class TestImport:
    def test_nested_writes_become_a_flat_read(self, empty: Project) -> None:
        made = empty.done("POST", IMPORT, TRUNK)
        assert made["sip_config"] == {
            "termination_uri": "trunk.example.com:5060",
            "username": "canary-user",
            "inbound_media_encryption": "require",
            "outbound_media_encryption": "disable",
            "allowed_addresses": ["192.0.2.1", "2001:db8::/32"],
        }
        facts = {"number": "+34600111222", "nickname": "Sevilla", "telephony_provider": "custom", "status": "assigned"}
        assert facts.items() <= made.items()
        assert empty.done("GET", f"/v1/phone/{made['id']}") == made

    def test_the_password_is_kept_and_never_shown(self, empty: Project) -> None:
        made = empty.done("POST", IMPORT, TRUNK)
        assert empty.emulator.credentials(made["id"]) == StoredCredentials("canary-user", "canary-word")
        assert "canary-word" not in json.dumps([made, empty.all(), empty.emulator.records()])

    @pytest.mark.parametrize("rest", [{}, {"inbound_config": None, "outbound_config": None, "nickname": None}])
    def test_without_an_outbound_part_it_is_inbound_only(self, empty: Project, rest: dict[str, None]) -> None:
        made = empty.done("POST", IMPORT, {"phone_number": "user@pbx.example.com", **rest})
        assert made["sip_config"] == {
            "termination_uri": None,
            "username": None,
            "inbound_media_encryption": "allow",
            "outbound_media_encryption": "allow",
            "allowed_addresses": None,
        }

    def test_a_spanish_landline_shows_its_region(self, empty: Project) -> None:
        assert empty.done("POST", IMPORT, {"phone_number": "+34911112233"})["region_codes"] == ["M"]

    @pytest.mark.parametrize(
        ("change", "kind"),
        [
            ({"phone_number": ...}, "missing"),
            ({"phone_number": ""}, "string_too_short"),
            ({"phone_number": None}, "string_type"),
            ({"phone_number": 34600111222}, "string_type"),
            ({"phone_number": "07011112222"}, "phone_number"),
            ({"phone_number": "+0601112222"}, "phone_number"),
            ({"phone_number": "@"}, "phone_number"),
            ({"phone_number": "sip:user@pbx.example.com"}, "phone_number"),
            ({"phone_number": " user@pbx.example.com"}, "phone_number"),
            ({"sip_config": {"termination_uri": "a"}}, "extra_forbidden"),
            ({"inbound_version_id": NOWHERE}, "extra_forbidden"),
            ({"inbound_config": []}, "model_type"),
            ({"inbound_config": {"media_encryption": None}}, "literal_error"),
            ({"inbound_config": {"media_encryption": "always"}}, "literal_error"),
            ({"inbound_config": {"allowed_addresses": ["pbx.example.com"]}}, "allowed_address"),
            ({"inbound_config": {"allowed_addresses": ["192.0.2.1, 192.0.2.2"]}}, "allowed_address"),
            ({"inbound_config": {"allowed_addresses": "192.0.2.1"}}, "list_type"),
            ({"outbound_config": {}}, "missing"),
            ({"outbound_config": {"termination_uri": "sip:a"}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": "SIPS:a"}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": "a b"}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": ""}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": "user@a"}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": "a;transport=tls"}}, "termination_uri"),
            ({"outbound_config": {"termination_uri": "a", "port": 5060}}, "extra_forbidden"),
        ],
    )
    def test_what_the_contract_forbids_is_422(self, empty: Project, change: dict[str, Any], kind: str) -> None:
        body = {name: value for name, value in {**TRUNK, **change}.items() if value is not ...}
        status, payload = empty.ask("POST", IMPORT, body)
        assert (status, payload["detail"][0]["type"]) == (422, kind)
        assert payload["detail"][0]["loc"][:2] == ["body", next(iter(change))]
        assert empty.all() == []

    def test_a_refused_value_is_quoted_back_as_fastapi_does(self, empty: Project) -> None:
        body = {**TRUNK, "outbound_config": {"password": "canary-word"}}
        assert "canary-word" in json.dumps(empty.ask("POST", IMPORT, body)[1])

    def test_a_live_number_and_one_of_another_project_are_refused(self, empty: Project) -> None:
        empty.emulator.taken_elsewhere.add("+34600999888")
        empty.done("POST", IMPORT, TRUNK)
        assert empty.code("POST", IMPORT, TRUNK) == (409, "PHONE_NUMBER_ALREADY_EXISTS")
        assert empty.code("POST", IMPORT, {"phone_number": "+34600999888"})[0] == 409

    def test_a_project_can_allow_duplicates(self) -> None:
        project = Project(seed=False, allow_duplicates=True)
        ids = {project.done("POST", IMPORT, TRUNK)["id"] for _ in range(2)}
        assert len(ids) == 2

    def test_a_released_number_comes_back_under_a_new_id(self, empty: Project) -> None:
        first = empty.done("POST", IMPORT, TRUNK)
        empty.done("DELETE", f"/v1/phone/{first['id']}")
        assert empty.done("POST", IMPORT, TRUNK)["id"] != first["id"]

    @pytest.mark.parametrize(
        ("raw", "kind"), [(b"", "missing"), (b"{", "json_invalid"), (b"NaN", "json_invalid"), (b"[]", "model_type")]
    )
    def test_what_is_no_json_object_is_422(self, empty: Project, raw: bytes, kind: str) -> None:
        assert empty.code("POST", IMPORT, raw=raw, content_type="application/json") == (422, kind)

    @pytest.mark.parametrize("kind", ["", "text/plain"])
    def test_a_body_has_to_be_declared_as_json(self, empty: Project, kind: str) -> None:
        raw = json.dumps(TRUNK).encode()
        assert empty.code("POST", IMPORT, raw=raw, content_type=kind) == (422, "model_attributes_type")

    def test_a_lone_surrogate_in_a_refused_value_survives(self, empty: Project) -> None:
        raw = rb'{"phone_number": "\ud800"}'
        assert empty.ask("POST", IMPORT, raw=raw, content_type="application/json")[0] == 422


class TestLateVisibility:
    def test_a_new_phone_is_seen_late_by_list_and_by_id_and_takes_writes_at_once(self, empty: Project) -> None:
        empty.emulator.hide_new_for = 2
        path = f"/v1/phone/{empty.done('POST', IMPORT, TRUNK)['id']}"
        assert empty.page()["data"] == []
        assert empty.ask("PATCH", path, {"nickname": "m"})[0] == 200
        assert empty.code("GET", path)[0] == 404
        assert empty.done("GET", path)["nickname"] == "m"
        assert len(empty.page()["data"]) == 1


class TestSipConfig:
    @pytest.fixture
    def path(self, empty: Project) -> str:
        return f"/v1/phone/{empty.done('POST', IMPORT, TRUNK)['id']}/sip-config"

    def test_only_what_is_given_changes(self, empty: Project, path: str) -> None:
        before = empty.all()[0]["sip_config"]
        after = empty.done("PATCH", path, {"outbound_config": {"termination_uri": "b.example.com"}})["sip_config"]
        assert after == {**before, "termination_uri": "b.example.com"}
        after = empty.done("PATCH", path, {"inbound_config": {"allowed_addresses": [], "media_encryption": "allow"}})
        assert after["sip_config"]["allowed_addresses"] == []
        assert after["sip_config"]["inbound_media_encryption"] == "allow"
        assert after["sip_config"]["outbound_media_encryption"] == "disable"

    def test_user_and_password_can_come_alone(self, empty: Project, path: str) -> None:
        id = empty.all()[0]["id"]
        empty.done("PATCH", path, {"outbound_config": {"password": "q"}})
        assert empty.emulator.credentials(id) == StoredCredentials("canary-user", "q")
        shown = empty.done("PATCH", path, {"outbound_config": {"username": "v"}})
        assert (empty.emulator.credentials(id), shown["sip_config"]["username"]) == (StoredCredentials("v", "q"), "v")

    @pytest.mark.parametrize("body", [{}, {"inbound_config": {}, "outbound_config": {}}])
    def test_nothing_changes_nothing(self, empty: Project, path: str, body: object) -> None:
        before = empty.all()[0]
        assert empty.done("PATCH", path, body) == before

    @pytest.mark.parametrize(
        "body",
        [
            {"inbound_config": None},
            {"outbound_config": {"username": None}},
            {"outbound_config": {"password": None}},
            {"outbound_config": {"media_encryption": None}},
            {"inbound_config": {"allowed_addresses": None}},
        ],
    )
    def test_null_is_not_documented_so_it_is_refused(self, empty: Project, path: str, body: object) -> None:
        assert empty.code("PATCH", path, body) == (422, "undocumented_null")

    @pytest.mark.parametrize(
        "body",
        [
            {"sip_config": {}},
            {"outbound_config": {"address": "a"}},
            {"outbound_config": {"termination_uri": "sip:a"}},
            {"inbound_config": {"media_encryption": "sometimes"}},
            {"inbound_config": {"allowed_addresses": ["192.0.2.999"]}},
        ],
    )
    def test_what_the_contract_forbids_is_422(self, empty: Project, path: str, body: object) -> None:
        before = empty.all()
        assert empty.ask("PATCH", path, body)[0] == 422
        assert empty.all() == before

    def test_an_inbound_only_phone_needs_an_address_first(self, empty: Project) -> None:
        path = f"/v1/phone/{empty.done('POST', IMPORT, {'phone_number': '+34600111333'})['id']}/sip-config"
        assert empty.code("PATCH", path, {"outbound_config": {"username": "u"}}) == (400, "BAD_PARAMETER")
        changed = empty.done("PATCH", path, {"outbound_config": {"termination_uri": "a", "username": "u"}})
        assert changed["sip_config"]["termination_uri"] == "a"

    @pytest.mark.parametrize(
        "fields", [{"telephony_provider": "netelip"}, {"telephony_provider": "custom", "status": "finished"}]
    )
    def test_bought_and_finished_phones_are_refused(self, project: Project, fields: dict[str, object]) -> None:
        id = project.pick(**fields)["id"]
        assert project.code("PATCH", f"/v1/phone/{id}/sip-config", {}) == (400, "BAD_PARAMETER")
