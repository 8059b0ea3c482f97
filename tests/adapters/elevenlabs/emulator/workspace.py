"""A workspace at the emulator; every answer in these tests is validated against `openapi.json`."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.adapters.asked import Asked

DOCUMENT: dict[str, Any] = json.loads(files("telephony_elevenlabs").joinpath("openapi.json").read_text("utf-8"))
NUMBERS = "/v1/convai/phone-numbers"


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The operation of the document that a request is of."""
    for template, operations in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def with_components(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": DOCUMENT["components"]}


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of an answer; the vendor's own error envelope where a status is not documented."""
    operation = operation_of(method, path)
    if operation is None:
        return with_components({"$ref": "#/components/schemas/VendorError"})
    found = operation["responses"].get(str(status), operation["responses"]["default"])
    if "$ref" in found:
        found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return with_components(found["content"]["application/json"]["schema"])


class Workspace(Asked):
    def __init__(self, **settings: Any) -> None:
        super().__init__(ElevenLabsEmulator, answer_schema, **settings)

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        return super().ask(method, path, body, **{"authorization": "", "xi_api_key": "emulator-key", **more})

    def done(self, *request: Any) -> Any:
        status, payload = self.ask(*request)
        assert status == 200, payload
        return payload

    def code(self, *request: Any, **more: Any) -> tuple[int, str]:
        """Status and the code of the vendor's envelope, or the first error type of FastAPI's."""
        status, payload = self.ask(*request, **more)
        detail = payload["detail"]
        return status, detail if isinstance(detail, str) else detail["code"] if "code" in detail else detail[0]["type"]

    def all(self, **query: str) -> list[Any]:
        found: list[Any] = self.done("GET", f"{NUMBERS}?{urlencode(query)}" if query else NUMBERS)
        return found

    def pick(self, number: str) -> dict[str, Any]:
        return next(record for record in self.all() if record["phone_number"] == number)

    def patch(self, id: str, **body: object) -> Any:
        return self.done("PATCH", f"{NUMBERS}/{id}", body)

    def refused(self, id: str, **body: object) -> tuple[int, str]:
        return self.code("PATCH", f"{NUMBERS}/{id}", body)
