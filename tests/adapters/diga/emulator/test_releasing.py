"""Releasing phones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.adapters.diga.emulator.project import NOWHERE, Project


class TestRelease:
    def test_a_bought_phone_goes_at_the_end_of_its_cycle(self, empty: Project) -> None:
        id = empty.emulator.add(
            number="+34911112233", telephony_provider="netelip", assigned_at="2025-12-31T00:00:00Z",
            inbound_agent_id=empty.emulator.agents["sales"],
        )  # fmt: skip
        assert empty.ask("DELETE", f"/v1/phone/{id}") == (204, None)
        phone = empty.done("GET", f"/v1/phone/{id}")
        assert (phone["status"], phone["scheduled_release_at"]) == ("assigned", "2026-03-31T00:00:00Z")
        assert phone["inbound_agent_id"] is not None

        empty.now = datetime(2026, 3, 31, tzinfo=UTC)
        phone = empty.done("GET", f"/v1/phone/{id}")
        assert (phone["status"], phone["released_at"]) == ("released", "2026-03-31T00:00:00Z")
        assert (phone["inbound_agent_id"], empty.published("sales")) == (None, 1)

        empty.now += timedelta(days=30)
        assert empty.done("GET", f"/v1/phone/{id}")["status"] == "finished"

    def test_an_imported_phone_is_gone_at_once(self, project: Project) -> None:
        id = project.pick("+827044446666")["id"]
        assert project.ask("DELETE", f"/v1/phone/{id}") == (204, None)
        assert project.code("GET", f"/v1/phone/{id}") == (404, "PHONE_NUMBER_NOT_FOUND")
        assert id not in json.dumps(project.all())
        assert project.emulator.credentials(id) is None

    def test_it_can_also_stay_as_released(self) -> None:
        project = Project(forgets_released=False)
        id = project.pick("+827044446666")["id"]
        project.done("DELETE", f"/v1/phone/{id}")
        phone = project.done("GET", f"/v1/phone/{id}")
        assert (phone["status"], phone["released_at"]) == ("released", "2026-03-10T12:00:00Z")

    def test_the_agents_of_an_imported_phone_stop_everywhere(self, project: Project) -> None:
        shared = project.pick("+34911234567")
        assert shared["inbound_agent_id"] == project.emulator.agents["reception"]
        project.done("DELETE", f"/v1/phone/{project.pick('+34612345678')['id']}")
        assert project.published("reception") is None
        assert project.pick("+34911234567")["inbound_agent_id"] is None

    @pytest.mark.parametrize("status", ["reserved", "pending_verification", "released", "finished"])
    @pytest.mark.parametrize("provider", ["netelip", "custom"])
    def test_other_states_refuse(self, project: Project, status: str, provider: str) -> None:
        id = project.pick(status=status, telephony_provider=provider)["id"]
        assert project.code("DELETE", f"/v1/phone/{id}") == (400, "BAD_PARAMETER")

    def test_a_scheduled_release_is_not_scheduled_again(self, project: Project) -> None:
        id = project.pick("+34931234567")["id"]
        assert project.code("DELETE", f"/v1/phone/{id}") == (400, "BAD_PARAMETER")

    def test_a_body_where_none_belongs_is_refused(self, project: Project) -> None:
        id = project.pick("+34931234567")["id"]
        assert project.code("DELETE", f"/v1/phone/{id}", {"at": "once"}) == (422, "extra_forbidden")

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_a_parameter_where_none_belongs_is_refused(self, project: Project, method: str) -> None:
        assert project.code(method, f"/v1/phone/{NOWHERE}?force=true") == (422, "extra_forbidden")
