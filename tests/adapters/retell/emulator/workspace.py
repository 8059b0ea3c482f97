"""A workspace at the emulator; every answer in these tests is validated against `openapi.json`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from telephony_retell.emulator import RetellEmulator
from tests.adapters.asked import Asked
from tests.adapters.retell.judge import DOCUMENT

LIST = "/v2/list-phone-numbers"
IMPORT = "/import-phone-number"
ON_CALL, PLAIN, BOUGHT = "+12135550110", "+16465550112", "+14157774444"
ERROR = {"$ref": "#/components/schemas/Error"}


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of an answer, closed; the one envelope where a status is not documented."""
    components = DOCUMENT["components"]
    schema: dict[str, Any] | None = ERROR
    for template, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in operations:
            found = operations[method.lower()]["responses"].get(str(status), {"$ref": "/BadRequest"})
            if "$ref" in found:
                found = components["responses"][found["$ref"].rpartition("/")[2]]
            schema = found["content"]["application/json"]["schema"] if "content" in found else None
    return None if schema is None else {**schema, "components": components}


def url(operation: str, number: str) -> str:
    return f"/{operation}-phone-number/{quote(number, safe='')}"


class Workspace(Asked):
    def __init__(self, **settings: Any) -> None:
        super().__init__(RetellEmulator, answer_schema, **settings)

    def done(self, *request: Any) -> Any:
        status, payload = self.ask(*request)
        assert status in (200, 201, 204), payload
        return payload

    def refused(self, *request: Any, **more: Any) -> tuple[int, str]:
        """Status and message of a refusal, after which nothing has changed."""
        before = self.emulator.records()
        status, payload = self.ask(*request, **more)
        assert status >= 400
        assert self.emulator.records() == before
        return status, payload["message"]

    def get(self, number: str) -> Any:
        return self.done("GET", url("get", number))

    def update(self, number: str, **changes: object) -> Any:
        return self.done("PATCH", url("update", number), changes)

    def page(self, **query: object) -> Any:
        return self.done("GET", f"{LIST}?{urlencode(query)}" if query else LIST)

    def share(self, agent: str, version: object = "latest_published", weight: float = 1) -> dict[str, Any]:
        return {"agent_id": self.emulator.agents[agent], "agent_version": version, "weight": weight}
