"""A judge over our document: whether a request is one that it describes, down to each key of its body."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

from telephony_core.emulator import HttpRequest
from tests.adapters.elevenlabs.emulator.workspace import operation_of, with_components

BASE: Final = "https://api.elevenlabs.io"


def faults_of(request: HttpRequest) -> list[str]:
    """Where a request departs from the document."""
    parts = urlsplit(request.url)
    operation = operation_of(request.method, parts.path) if request.url.startswith(f"{BASE}/") else None
    if operation is None:
        return [f"no operation {request.method} {request.url}"]
    headers = {name.lower(): value for name, value in request.headers}
    faults = [] if headers.get("xi-api-key") else ["no key"]
    known = {parameter["name"]: parameter["schema"] for parameter in operation.get("parameters", ())}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        faults += [f"query {name}"] if name not in known or not _fits(known[name], value) else []
    body = operation.get("requestBody")
    if (request.body is not None) is not (body is not None):
        return [*faults, "a body too many or too few"]
    if body is not None and request.body is not None:
        faults += [] if headers.get("content-type") == "application/json" else ["content type"]
        validator = jsonschema_rs.validator_for(
            with_components(body["content"]["application/json"]["schema"]), validate_formats=True
        )
        faults += [error.message for error in validator.iter_errors(json.loads(request.body))]
    return faults


def _fits(schema: dict[str, Any], value: str) -> bool:
    """Whether a value of a query, which is text, is one of the schema: where that is a number, as a number."""
    meant = int(value) if schema.get("type") == "integer" and value.isdigit() else value
    return jsonschema_rs.validator_for(with_components(schema)).is_valid(meant)
