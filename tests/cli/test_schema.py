"""`telephony schema`: what is really written and printed is as its schema says, and no schema loses a key."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from telephony_core.cli.output.schemas import SCHEMAS, schema

KEPT = Path(__file__).with_name("schema_keys.json")


def valid(name: str, document: object) -> None:
    jsonschema.Draft202012Validator(schema(name), format_checker=jsonschema.FormatChecker()).validate(document)


def keys(name: str) -> list[str]:
    """Every key that a schema names, dotted, of definitions too."""

    def walk(node: object, where: str) -> set[str]:
        if isinstance(node, list):
            return {key for each in node for key in walk(each, where)}
        if not isinstance(node, dict):
            return set()
        found = set()
        for part, value in node.items():
            if part in ("properties", "$defs") and isinstance(value, dict):
                for key, inner in value.items():
                    here = f"{where}{key}"
                    found |= {here} | walk(inner, f"{here}.")
            else:
                found |= walk(value, where)
        return found

    return sorted(walk(schema(name), ""))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    made = schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$id"] == f"urn:telephony-core:{name}"


def test_no_schema_loses_a_key() -> None:
    """A key may only be added; ``python -m tests.cli.test_schema`` writes the list anew."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    assert kept.keys() <= SCHEMAS.keys()
    for name, known in kept.items():
        assert set(known) <= set(keys(name)), name


def test_the_command_prints_one_all_or_their_names(telephony) -> None:
    assert telephony.json("schema", "plan") == schema("plan")
    assert telephony.json("schema").keys() == SCHEMAS.keys()
    assert "plan" in telephony("schema").stdout


def test_numbers_and_what_is_done_to_one(telephony) -> None:
    for provider in ("vox", "diga"):
        listed = telephony.json("numbers", "list", "-p", provider)
        valid("numbers", listed)
        for number in listed:
            valid("number", number)
    valid("available", telephony.json("numbers", "available", "-p", "vox"))
    valid("release", telephony.json("numbers", "release", "-p", "vox", "070-1111-2222", "--yes"))
    checked = telephony("numbers", "label", "-p", "diga", "612345678", "--clear", "--check", "--json")
    valid("problems", json.loads(checked.stdout))
    assert json.loads(checked.stdout)


def lines(text: str, key: str) -> list[object]:
    return [line for line in map(json.loads, text.splitlines()) if key in line]


def test_plans_of_every_kind_and_what_is_done_with_them(moving) -> None:
    telephony = moving.telephony
    moving.plan("--timeout", "1")
    telephony("numbers", "set", "-p", "vox", "--where", "status=active", "--label", "x", "-o", "set.json")
    row = "+34612000001,A,pbx.example.com,203.0.113.7"
    (moving.folder / "numbers.csv").write_text(f"number,label,address,allowed_addresses\n{row}\n")
    words = ("numbers", "import", "-p", "diga", "--from", "numbers.csv", "--force")
    valid("planned", telephony.json(*words, "-o", "import.json"))
    for plan in ("import.json", "set.json", "plan.json"):
        valid("plan", json.loads((moving.folder / plan).read_text()))
        if plan == "plan.json":  # whose numbers were changed meanwhile
            telephony("rollback", "set.json", "--yes")
        applied = telephony("apply", plan, "--yes", "--json")
        assert applied.exit_code == 0, applied.stderr
        valid("apply", json.loads(applied.stdout))
        assert len(lines(applied.stderr, "event")) > 3
        for event in lines(applied.stderr, "event"):
            valid("event", event)
        valid("status", telephony.json("status", plan))
        valid("verify", telephony.json("verify", plan))
        valid("status", telephony.json("report", plan))
    for plan in ("import.json", "plan.json"):
        allow = ("--allow", "unpublishes") if plan == "plan.json" else ()
        back = telephony("rollback", plan, "--yes", "--json", *allow)
        assert back.exit_code == 0, back.stderr
        valid("rollback", json.loads(back.stdout))
        (preview,) = lines(back.stderr, "preview")
        valid("preview", preview)
        again = telephony("rollback", plan, "--yes", "--json", *allow)
        valid("rollback", json.loads(again.stdout))


def test_inventories_their_differences_and_errors(moving) -> None:
    moving.inventory()
    valid("inventory", json.loads((moving.folder / "vox.json").read_text()))
    valid("inventory-diff", moving.telephony.json("inventory", "diff", "vox.json"))
    (moving.folder / "numbers.csv").write_text("number\n1E+5\n")
    for words in (
        ("numbers", "show", "-p", "vox", "070-9999-9999"),
        ("numbers", "import", "-p", "vox", "--from", "numbers.csv", "-o", "p.json"),
        ("numbers", "label", "-p", "diga", "612345678", "--clear"),
        ("nothing",),
    ):
        (error,) = lines(moving.telephony(*words, "--json").stderr, "error")
        valid("error", error)


@pytest.mark.parametrize(
    ("row", "is_valid"),
    [
        ({"number": "+34612000001", "allowed_addresses": ["203.0.113.7"], "allow_any": False}, True),
        ({"number": "+34612000001", "lable": "x"}, False),
        ({"number": 34612000001}, False),
        ({"label": "x"}, False),
    ],
)
def test_the_rows_of_a_table(row: dict[str, object], is_valid: bool) -> None:
    assert jsonschema.Draft202012Validator(schema("table")).is_valid(row) is is_valid


if __name__ == "__main__":
    KEPT.write_text(json.dumps({name: keys(name) for name in SCHEMAS}, indent=1) + "\n", encoding="utf-8")
