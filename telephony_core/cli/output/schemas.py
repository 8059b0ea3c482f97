"""JSON Schemas (draft 2020-12) of the files that this program writes and of what its commands print with ``--json``.

They are derived from the models themselves. Within one major version keys stay and keep their meaning, and new ones may
come: so no schema forbids keys that it does not name. That of a table's rows, which people write, does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pkgutil import resolve_name
from typing import Any, Final

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_BOOLEAN: Final = {"type": "boolean"}

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """The schema of this name; `SCHEMAS` has them all."""
    title, build = SCHEMAS[name]
    found = build()
    head = {"$schema": _DIALECT, "$id": f"urn:telephony-core:{name}", "title": title}
    return {**head, **{key: value for key, value in found.items() if key != "title"}}


def _of(model: str, more: Mapping[str, Schema] | None = None) -> Schema:
    """The schema of a model as it is printed, with keys that a command adds."""
    made = _open(resolve_name(f"telephony_core.{model}").model_json_schema(mode="serialization"))
    made["properties"] = {**made["properties"], **(more or {})}
    return {**made, "required": sorted({*made.get("required", ()), *(more or {})})}


def _open(made: Any) -> Any:
    """A schema that takes keys which a later version may add."""
    if isinstance(made, dict):
        return {
            # Models are closed against misspelt input; output may grow within a version.
            key: _open(value)
            for key, value in made.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_open(each) for each in made] if isinstance(made, list) else made


def _file(model: str, file: str) -> Schema:
    """A file with a checksum: the model, and the format and version that a module names."""
    kept = resolve_name(f"telephony_core.{file}")
    constants: dict[str, Schema] = {"format": {"const": kept.FORMAT}, "version": {"const": kept.VERSION}}
    return _of(model, {**constants, "checksum": {"type": "string"}})


def _list(model: str) -> Schema:
    made = _of(model)
    definitions = made.pop("$defs", {})
    return {"type": "array", "items": made, "$defs": definitions}


def _wrapped(name: str, inner: Schema) -> Schema:
    """One line on stderr: an object with one key."""
    definitions = inner.pop("$defs", {})
    return {"type": "object", "properties": {name: inner}, "required": [name], "$defs": definitions}


def _progress() -> Schema:
    known = {"message": {"type": "string"}, "done": {"type": "integer"}, "seconds": {"type": "integer"}}
    return _wrapped("progress", {"type": "object", "properties": known, "required": [*known]})


def _rollback() -> Schema:
    made = _of("migration.deprovision.report:DeprovisionReport", {"complete": _BOOLEAN, "next": _TEXTS})
    # Where there is nothing to do only these are printed.
    always = ("done", "left_alone", "not_started", "remainder", "in_doubt", "complete", "next")
    return {**made, "required": sorted(always)}


def _event() -> Schema:
    made = _of("migration.run.events:Event")
    # Events are printed without what is None, so that only these are always there.
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
    # What a table in JSON lines may hold that one in CSV has to write as text.
    properties["allowed_addresses"]["type"] = ["string", "array", "null"]
    properties["allowed_addresses"]["items"] = {"type": "string"}
    for name in ("allow_any", "send_as_is"):
        properties[name]["type"] = ["string", "boolean", "null"]
    properties["number"]["type"] = "string"
    return {"type": "object", "properties": properties, "required": ["number"], "additionalProperties": False}


_PHONE_NUMBER: Final = "domain.phone_number:PhoneNumber"
_PLAN: Final = "migration.plan.model:Plan"
SCHEMAS: Final[Mapping[str, tuple[str, Callable[[], Schema]]]] = {
    "number": ("A number", partial(_of, _PHONE_NUMBER)),
    "numbers": ("What `numbers list` prints", partial(_list, _PHONE_NUMBER)),
    "available": ("What `numbers available` prints", partial(_list, "domain.phone_number:AvailableNumber")),
    "agents": ("What `agents list` prints", partial(_list, "domain.agents:Agent")),
    "release": ("What `numbers release` prints", partial(_of, "domain.lifecycle:Release")),
    "problems": ("What a write with --check prints", _problems),
    "inventory": (
        "The file of an inventory",
        partial(_file, "migration.inventory.inventory:Inventory", "migration.inventory.inventory"),
    ),
    "inventory-diff": ("What `inventory diff` prints", partial(_of, "migration.inventory.diff:InventoryDiff")),
    "table": ("One line of a table of numbers in JSON lines", _table),
    "plan": ("The file of a plan, of any kind", partial(_file, _PLAN, "migration.plan.store")),
    "planned": (
        "What a command that makes a plan prints",
        partial(_of, _PLAN, dict.fromkeys(("file", "html", "checksum"), _MAYBE_TEXT)),
    ),
    "apply": (
        "What `apply` prints",
        partial(_of, "migration.run.apply_report:ApplyReport", {"complete": _BOOLEAN, "next": _TEXTS}),
    ),
    "status": ("What `status` and `report` print", partial(_of, "migration.run.status:MigrationRun", {"next": _TEXTS})),
    "verify": (
        "What `verify` prints",
        partial(_of, "migration.run.verify_report:VerifyReport", {"equal": _BOOLEAN, "next": _TEXTS}),
    ),
    "rollback": ("What `rollback` and `migrate release` print", _rollback),
    "preview": (
        "What `rollback` and `migrate release` print on stderr, first",
        lambda: _wrapped("preview", _of("migration.deprovision.report:DeprovisionPreview")),
    ),
    "event": ("A line on stderr while numbers are worked on", _event),
    "progress": ("A line on stderr while something takes long", _progress),
    "error": ("The last line on stderr, where something went wrong", _error),
}
"""Every schema: what it is of, and what makes it."""
