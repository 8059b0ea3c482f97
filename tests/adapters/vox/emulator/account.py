"""An account at the emulator; every answer in these tests is validated against `openapi.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from telephony_vox.emulator import VoxEmulator
from tests.adapters.asked import Asked

DOCUMENT: dict[str, Any] = json.loads(files("telephony_vox").joinpath("openapi.json").read_text("utf-8"))
OWNED = "/organization-telephone-numbers"
AVAILABLE = "/telephone-numbers/available"
REGISTER = "/telephone-numbers/register"
NOWHERE = "00000000-0000-4000-8000-000000000000"
STATUSES = ("active", "scheduled", "cancel_requested", "expired")
INVALID = (400, "VALIDATION_ERROR")


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
