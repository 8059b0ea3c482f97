"""A project at the emulator; every answer in these tests is validated against `openapi.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from telephony_diga.emulator import DigaEmulator
from tests.adapters.asked import Asked

DOCUMENT: dict[str, Any] = json.loads(files("telephony_diga").joinpath("openapi.json").read_text("utf-8"))
PHONES = "/v1/phone/"
IMPORT = "/v1/phone/import"
DROPDOWN = "/v1/agent/versions-dropdown/dashboard"
NOWHERE = "00000000-0000-4000-8000-000000000000"
STATUSES = ("reserved", "pending_verification", "assigned", "released", "finished")
OPEN = ("reserved", "pending_verification", "assigned")


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of an answer; the vendor's own error envelope where a status is not documented."""
    components = DOCUMENT["components"]
    for template, operations in DOCUMENT["paths"].items():
        if not re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) or method.lower() not in operations:
            continue
        found = operations[method.lower()]["responses"].get(str(status))
        if found is None:
            return {"$ref": "#/components/schemas/ErrorResponseSchema", "components": components}
        if "$ref" in found:
            found = components["responses"][found["$ref"].rpartition("/")[2]]
        if "content" not in found:
            return None
        return {**found["content"]["application/json"]["schema"], "components": components}
    return None


class Project(Asked):
    def __init__(self, **settings: Any) -> None:
        super().__init__(DigaEmulator, answer_schema, **settings)

    def done(self, *request: Any) -> Any:
        status, payload = self.ask(*request)
        assert status in (200, 204), payload
        return payload

    def code(self, *request: Any, **more: Any) -> tuple[int, str]:
        """Status and the machine code of the vendor's envelope, or the first error type of FastAPI's."""
        status, payload = self.ask(*request, **more)
        return status, payload["error_code"] if "error_code" in payload else payload["detail"][0]["type"]

    def page(self, path: str = PHONES, **query: object) -> Any:
        return self.done("GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(self, path: str = PHONES, **query: object) -> Iterator[list[Any]]:
        more: dict[str, object] = {}
        while True:
            page = self.page(path, **query, **more)
            yield page["data"]
            if not page["has_more"]:
                return
            more = {"after": page["last_id"]}

    def all(self) -> list[Any]:
        lists = [page for status in STATUSES for page in self.pages(status=status)]
        return [phone for phones in lists for phone in phones]

    def pick(self, number: str | None = None, **fields: object) -> dict[str, Any]:
        """One phone that has these values."""
        wanted = fields if number is None else {"number": number, **fields}
        return next(phone for phone in self.all() if wanted.items() <= phone.items())

    def version(self, agent: str, number: int) -> str:
        return self.emulator.versions(self.emulator.agents[agent])[number - 1].version_id

    def published(self, agent: str) -> int | None:
        versions = self.emulator.versions(self.emulator.agents[agent])
        return next((version.version_number for version in versions if version.is_published), None)
