"""An emulator, asked as a client would, whose every answer has to be what the vendor's document says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs

from telephony_core.emulator import HttpRequest


class Asked:
    """``schema_of`` gives the schema of an answer by method, path and status; ``None`` where there is none."""

    def __init__(
        self, make: Callable[..., Any], schema_of: Callable[[str, str, int], dict[str, Any] | None], **settings: Any
    ) -> None:
        self.now = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
        self.emulator = make(now=lambda: self.now, **settings)
        self._schema_of = schema_of

    def ask(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and payload; of a redirection, where it leads."""
        sent = {"authorization": "Bearer emulator-key", **headers}
        if body is not None:
            sent.setdefault("content-type", "application/json")
            raw = json.dumps(body).encode()
        url = self.emulator.base_url + path
        headers_sent = tuple((name.replace("_", "-"), value) for name, value in sent.items() if value)
        response = self.emulator.handle(HttpRequest(method, url, headers_sent, raw))
        payload = json.loads(response.body) if response.body else response.headers.get("location")
        schema = self._schema_of(method, path.partition("?")[0], response.status)
        if schema is not None:
            jsonschema_rs.validator_for(schema, validate_formats=True).validate(payload)
        return response.status, payload
