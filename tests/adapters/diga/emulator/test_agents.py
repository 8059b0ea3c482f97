"""Assigning agents to phones, and publishing them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.diga.emulator.project import DROPDOWN, NOWHERE, Project


class TestAssignment:
    def patch(self, project: Project, number: str, **body: object) -> tuple[int, Any]:
        return project.ask("PATCH", f"/v1/phone/{project.pick(number)['id']}", body)

    def test_the_dropdown_shows_every_agent_with_its_versions(self, project: Project) -> None:
        shown = {agent["name"]: agent for agent in project.done("GET", DROPDOWN)}
        assert {name: agent["agent_id"] for name, agent in shown.items()} == project.emulator.agents
        flags = [(v["version_number"], v["is_published"], v["is_draft"]) for v in shown["reception"]["versions"]]
        assert flags == [(1, False, False), (2, True, False), (3, False, False), (4, False, True)]
        assert not any(version["is_published"] for version in shown["survey"]["versions"])

    def test_a_version_is_written_and_its_agent_read(self, project: Project) -> None:
        status, phone = self.patch(project, "+827044446666", inbound_version_id=project.version("sales", 1))
        assert (status, phone["inbound_agent_id"]) == (200, project.emulator.agents["sales"])
        assert phone["outbound_agent_id"] is None
        assert project.version("sales", 1) not in json.dumps(phone)

    def test_assigning_publishes(self, project: Project) -> None:
        assert project.published("survey") is None
        self.patch(project, "+827044446666", outbound_version_id=project.version("survey", 2))
        assert project.published("survey") == 2

    def test_another_version_published_on_another_phone_is_refused(self, project: Project) -> None:
        before = project.all()
        status, payload = self.patch(project, "+827044446666", inbound_version_id=project.version("reception", 3))
        assert (status, payload["error_code"], project.published("reception")) == (400, "BAD_PARAMETER", 2)
        assert project.all() == before

    def test_on_its_only_phone_an_agent_changes_its_version(self, empty: Project) -> None:
        empty.emulator.add(number="+34600111222")
        for number in (1, 2):
            self.patch(empty, "+34600111222", inbound_version_id=empty.version("survey", number))
            assert empty.published("survey") == number

    def test_two_versions_of_one_agent_cannot_serve_at_once(self, project: Project) -> None:
        body = {
            f"{way}_version_id": project.version("survey", number) for way, number in (("inbound", 1), ("outbound", 2))
        }
        assert self.patch(project, "+827044446666", **body)[0] == 400
        assert project.published("survey") is None

    def test_one_version_can_serve_both_directions(self, project: Project) -> None:
        id = project.version("survey", 1)
        _, phone = self.patch(project, "+827044446666", inbound_version_id=id, outbound_version_id=id)
        assert phone["inbound_agent_id"] == phone["outbound_agent_id"] == project.emulator.agents["survey"]

    @pytest.mark.parametrize("agent", ["draft", "agent id", "unknown"])
    def test_what_is_no_publishable_version_is_refused(self, project: Project, agent: str) -> None:
        id = {
            "draft": project.version("survey", 3),
            "agent id": project.emulator.agents["survey"],
            "unknown": NOWHERE,
        }[agent]
        assert self.patch(project, "+827044446666", inbound_version_id=id)[0] == 400

    @pytest.mark.parametrize("status", ["reserved", "pending_verification", "released", "finished"])
    def test_only_assigned_phones_take_agents(self, project: Project, status: str) -> None:
        id = project.pick(status=status)["id"]
        body = {"inbound_version_id": project.version("sales", 1)}
        assert project.code("PATCH", f"/v1/phone/{id}", body) == (400, "BAD_PARAMETER")

    def test_a_nickname_changes_alone(self, project: Project) -> None:
        before = project.pick("+34911234567")
        assert self.patch(project, "+34911234567", nickname="대표") == (200, {**before, "nickname": "대표"})
        assert self.patch(project, "+34911234567") == (200, {**before, "nickname": "대표"})

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"nickname": None}, "undocumented_null"),
            ({"inbound_version_id": None}, "undocumented_null"),
            ({"inbound_agent_id": NOWHERE}, "extra_forbidden"),
            ({"inbound_version_id": "v1"}, "uuid_parsing"),
            ({"nickname": 1}, "string_type"),
        ],
    )
    def test_what_the_contract_forbids_is_422(self, project: Project, body: dict[str, object], kind: str) -> None:
        status, payload = self.patch(project, "+34911234567", **body)
        assert (status, payload["detail"][0]["type"]) == (422, kind)


class TestPublishing:
    def publish(self, project: Project, agent: str, body: object) -> tuple[int, Any]:
        return project.ask("PATCH", f"/v1/agent/{project.emulator.agents[agent]}/published_version", body)

    def test_a_version_goes_on_air_and_is_tied_to_phones(self, project: Project) -> None:
        phone = project.pick("+827044446666")["id"]
        body = {"version_id": project.version("survey", 2), "inbound_phone_number_id": phone}
        assert self.publish(project, "survey", body) == (
            200,
            {
                "agent_id": project.emulator.agents["survey"],
                "published_version_id": project.version("survey", 2),
                "inbound_phone_number_id": phone,
                "outbound_phone_number_id": None,
            },
        )
        assert project.pick("+827044446666")["inbound_agent_id"] == project.emulator.agents["survey"]

    @pytest.mark.parametrize("body", [{}, {"version_id": None}])
    def test_without_a_version_the_agent_leaves_all_its_phones(self, project: Project, body: object) -> None:
        agent = project.emulator.agents["reception"]
        status, answer = self.publish(project, "reception", body)
        assert (status, answer["published_version_id"], project.published("reception")) == (200, None, None)
        assert agent not in json.dumps(project.all())

    @pytest.mark.parametrize("problem", ["draft", "foreign version", "reserved phone", "unknown phone"])
    def test_what_cannot_be_published_is_400(self, project: Project, problem: str) -> None:
        good = {"version_id": project.version("survey", 1)}
        body = {
            "draft": {"version_id": project.version("survey", 3)},
            "foreign version": {"version_id": project.version("sales", 1)},
            "reserved phone": {**good, "inbound_phone_number_id": project.pick(status="reserved")["id"]},
            "unknown phone": {**good, "outbound_phone_number_id": NOWHERE},
        }[problem]
        status, payload = self.publish(project, "survey", body)
        assert (status, payload["error_code"], project.published("survey")) == (400, "BAD_PARAMETER", None)

    def test_an_unknown_agent_is_404(self, project: Project) -> None:
        path = f"/v1/agent/{NOWHERE}/published_version"
        assert project.code("PATCH", path, {}) == (404, "AGENT_NOT_FOUND")
        assert project.code("PATCH", path.replace(NOWHERE, "reception"), {}) == (422, "uuid_parsing")

    def test_unknown_keys_are_refused(self, project: Project) -> None:
        assert self.publish(project, "survey", {"phone_ids": []})[0] == 422
