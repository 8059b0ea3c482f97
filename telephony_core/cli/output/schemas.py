"""JSON Schemas (draft 2020-12) of the files that this program writes and of what its commands print with ``--json``.

They are derived from the models themselves. Within one major version keys stay and keep their meaning, and new ones may
come: so no schema forbids keys that it does not name. That of a table's rows, which people write, does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """The schema of this name; `SCHEMAS` has them all."""
    title, build = SCHEMAS[name]
    found = build()
    head = {"$schema": _DIALECT, "$id": f"urn:telephony-core:{name}", "title": title}
    return {**head, **{key: value for key, value in found.items() if key != "title"}}


def _of(model: type[BaseModel], more: Mapping[str, Schema] | None = None, *, optional: bool = False) -> Schema:
    """The schema of a model as it is printed, with keys that a command adds. ``optional``: what is null is left out."""
    made = _open(model.model_json_schema(mode="serialization"))
    made["properties"] = {**made["properties"], **(more or {})}
    required = [*made.get("required", ()), *(more or {})]
    if optional:
        required = [name for name, field in model.model_fields.items() if field.is_required()]
    return {**made, "required": sorted(set(required))}


def _open(made: Any) -> Any:
    """A schema that takes keys which a later version may add."""
    if isinstance(made, dict):
        return {
            key: _open(value) for key, value in made.items() if not (key == "additionalProperties" and value is False)
        }
    return [_open(each) for each in made] if isinstance(made, list) else made


def _file(model: type[BaseModel], format: str, version: int) -> Schema:
    """A file with a checksum: its format and version, and the model."""
    return _of(
        model,
        {"format": {"const": format}, "version": {"const": version}, "checksum": {"type": "string"}},
    )


def _list(model: type[BaseModel]) -> Schema:
    made = _of(model)
    definitions = made.pop("$defs", {})
    return {"type": "array", "items": made, "$defs": definitions}


def _wrapped(name: str, inner: Schema) -> Schema:
    """One line on stderr: an object with one key."""
    definitions = inner.pop("$defs", {})
    return {"type": "object", "properties": {name: inner}, "required": [name], "$defs": definitions}


def _number() -> Schema:
    from telephony_core.domain.phone_number import PhoneNumber

    return _of(PhoneNumber)


def _numbers() -> Schema:
    from telephony_core.domain.phone_number import PhoneNumber

    return _list(PhoneNumber)


def _available() -> Schema:
    from telephony_core.domain.phone_number import AvailableNumber

    return _list(AvailableNumber)


def _agents() -> Schema:
    from telephony_core.domain.agents import Agent

    return _list(Agent)


def _progress() -> Schema:
    known = {"message": {"type": "string"}, "done": {"type": "integer"}, "seconds": {"type": "integer"}}
    return _wrapped("progress", {"type": "object", "properties": known, "required": [*known]})


def _release() -> Schema:
    from telephony_core.domain.lifecycle import Release

    return _of(Release)


def _inventory() -> Schema:
    from telephony_core.migration.inventory import inventory

    return _file(inventory.Inventory, inventory.FORMAT, inventory.VERSION)


def _inventory_diff() -> Schema:
    from telephony_core.migration.inventory.diff import InventoryDiff

    return _of(InventoryDiff)


def _plan() -> Schema:
    from telephony_core.migration.plan import model, store

    return _file(model.Plan, store.FORMAT, store.VERSION)


def _planned() -> Schema:
    from telephony_core.migration.plan.model import Plan

    return _of(Plan, {"file": _MAYBE_TEXT, "html": _MAYBE_TEXT, "checksum": _MAYBE_TEXT})


def _apply() -> Schema:
    from telephony_core.migration.run.apply_report import ApplyReport

    return _of(ApplyReport, {"complete": {"type": "boolean"}, "next": _TEXTS})


def _status() -> Schema:
    from telephony_core.migration.run.status import MigrationRun

    return _of(MigrationRun, {"next": _TEXTS})


def _verify() -> Schema:
    from telephony_core.migration.run.verify_report import VerifyReport

    return _of(VerifyReport, {"equal": {"type": "boolean"}, "next": _TEXTS})


def _rollback() -> Schema:
    from telephony_core.migration.deprovision.report import DeprovisionReport

    made = _of(DeprovisionReport, {"complete": {"type": "boolean"}, "next": _TEXTS})
    # Where there is nothing to do only these are printed.
    always = ("done", "left_alone", "not_started", "remainder", "in_doubt", "complete", "next")
    return {**made, "required": sorted(always)}


def _preview() -> Schema:
    from telephony_core.migration.deprovision.report import DeprovisionPreview

    return _wrapped("preview", _of(DeprovisionPreview))


def _event() -> Schema:
    from telephony_core.migration.run.events import Event

    made = _of(Event, optional=True)
    return _wrapped("event", {**made, "required": ["at", "done", "failed", "kind", "message", "total"]})


def _error() -> Schema:
    text, number = {"type": "string"}, {"type": "integer"}
    data = {"type": "object", "required": ["kind", "message", "exit_code"]}
    known: dict[str, Schema] = {
        **dict.fromkeys(("kind", "message", "remedy", "provider", "operation", "code", "connection", "host"), text),
        **dict.fromkeys(("request_id", "body", "documentation", "field", "allowance", "id", "failed_step"), text),
        "exit_code": number,
        "status": number,
        "retry_after": {"type": "number"},
        "candidates": {"type": "array", "items": {"type": "object"}},
        "number": {"type": "object"},
        "done": _TEXTS,
        "cause": {"type": "object"},
        "problems": {"type": "array", "items": {"type": "object", "required": ["message"]}},
    }
    return _wrapped("error", {**data, "properties": known})


def _problems() -> Schema:
    problem = {
        "type": "object",
        "properties": {
            "severity": {"enum": ["error", "warning"]},
            "field": {"type": "string"},
            "kind": _MAYBE_TEXT,
            "message": {"type": "string"},
            "remedy": _MAYBE_TEXT,
        },
        "required": ["severity", "field", "kind", "message", "remedy"],
    }
    return {"type": "array", "items": problem}


def _table() -> Schema:
    from telephony_core.migration.changeset.table import COLUMNS

    properties: dict[str, Schema] = {
        name: {"type": ["string", "null"], "description": text} for name, text in COLUMNS.items()
    }
    properties["allowed_addresses"]["type"] = ["string", "array", "null"]
    properties["allowed_addresses"]["items"] = {"type": "string"}
    for name in ("allow_any", "send_as_is"):
        properties[name]["type"] = ["string", "boolean", "null"]
    properties["number"]["type"] = "string"
    return {"type": "object", "properties": properties, "required": ["number"], "additionalProperties": False}


SCHEMAS: Final[Mapping[str, tuple[str, Callable[[], Schema]]]] = {
    "number": ("A number", _number),
    "numbers": ("What `numbers list` prints", _numbers),
    "available": ("What `numbers available` prints", _available),
    "agents": ("What `agents list` prints", _agents),
    "release": ("What `numbers release` prints", _release),
    "problems": ("What a write with --check prints", _problems),
    "inventory": ("The file of an inventory", _inventory),
    "inventory-diff": ("What `inventory diff` prints", _inventory_diff),
    "table": ("One line of a table of numbers in JSON lines", _table),
    "plan": ("The file of a plan, of any kind", _plan),
    "planned": ("What a command that makes a plan prints", _planned),
    "apply": ("What `apply` prints", _apply),
    "status": ("What `status` and `report` print", _status),
    "verify": ("What `verify` prints", _verify),
    "rollback": ("What `rollback` and `migrate release` print", _rollback),
    "preview": ("What `rollback` and `migrate release` print on stderr, first", _preview),
    "event": ("A line on stderr while numbers are worked on", _event),
    "progress": ("A line on stderr while something takes long", _progress),
    "error": ("The last line on stderr, where something went wrong", _error),
}
"""Every schema: what it is of, and what makes it."""
