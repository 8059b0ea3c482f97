"""Descriptions of records: read from a schema, and compared with what came."""

from __future__ import annotations

from pydantic import BaseModel

from telephony_core.provider.schema import Deviation, DeviationKind, Shape
from telephony_core.secrets.redaction import HIDDEN

DOCUMENT = {
    "components": {
        "schemas": {
            "Word": {"type": "string", "enum": ["in", "out"]},
            "Maybe": {"anyOf": [{"$ref": "#/components/schemas/Trunk"}, {"type": "null"}]},
            "Trunk": {
                "type": "object",
                "required": ["host"],
                "properties": {"host": {"type": "string", "pattern": "^[a-z.]+$"}, "port": {"type": "integer"}},
            },
            "Number": {
                "allOf": [{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}],
                "required": ["way"],
                "properties": {
                    "way": {"allOf": [{"$ref": "#/components/schemas/Word"}], "default": "in"},
                    "trunk": {"$ref": "#/components/schemas/Maybe"},
                    "fee": {"type": ["number", "null"]},
                    "codes": {"type": "array", "items": {"$ref": "#/components/schemas/Word"}},
                    "anything": {},
                },
            },
        }
    }
}
NUMBER = Shape.of(DOCUMENT["components"]["schemas"]["Number"], DOCUMENT)
GOOD = {
    "id": "a",
    "way": "in",
    "trunk": {"host": "pbx", "port": 5060},
    "fee": 1,
    "codes": ["out"],
    "anything": {"x": 1},
}


def found(value: object, shape: Shape = NUMBER) -> set[tuple[str, str, str]]:
    return {(each.kind.value, each.field, each.seen) for each in shape.deviations(value)}


def test_what_is_as_documented_departs_nowhere():
    assert found(GOOD) == set()
    assert found({"id": "a", "way": "out"}) == set()
    assert found({**GOOD, "trunk": None, "fee": None, "codes": []}) == set()
    assert found({**GOOD, "fee": 1.5}) == set()


def test_an_unknown_field_is_told_with_its_type_and_without_its_value():
    assert found({**GOOD, "new": "s3cret"}) == {("unknown_field", "new", "string")}
    assert found({**GOOD, "trunk": {"host": "pbx", "tls": True}}) == {("unknown_field", "trunk.tls", "boolean")}
    assert {seen for _, _, seen in found({**GOOD, "a": 1, "b": 1.5, "c": [], "d": {}, "e": None})} == {
        "integer",
        "number",
        "array",
        "object",
        "null",
    }


def test_a_required_field_that_is_missing_is_told():
    assert found({"id": "a"}) == {("missing_field", "way", "")}
    assert found({**GOOD, "trunk": {}}) == {("missing_field", "trunk.host", "")}


def test_a_word_outside_the_list_is_told():
    assert found({**GOOD, "way": "sideways"}) == {("unknown_value", "way", "sideways")}
    assert found({**GOOD, "codes": ["in", "up", "down"]}) == {
        ("unknown_value", "codes[]", "up"),
        ("unknown_value", "codes[]", "down"),
    }


def test_a_text_of_another_pattern_is_told():
    assert found({**GOOD, "trunk": {"host": "PBX"}}) == {("unknown_value", "trunk.host", "PBX")}


def test_a_value_of_another_type_is_told():
    assert found({**GOOD, "fee": "3"}) == {("wrong_type", "fee", "string")}
    assert found({**GOOD, "trunk": []}) == {("wrong_type", "trunk", "array")}
    assert found({**GOOD, "trunk": {"host": "pbx", "port": 1.5}}) == {("wrong_type", "trunk.port", "number")}
    assert found({**GOOD, "fee": True}) == {("wrong_type", "fee", "boolean")}, "a bool is no number"
    assert found([]) == {("wrong_type", "", "array")}


def test_what_is_shown_is_short_printable_and_holds_no_password():
    (deviation,) = NUMBER.deviations({**GOOD, "way": "\x1b[31m" + "x" * 500})
    assert deviation.seen.isprintable()
    assert len(deviation.seen) == 60
    (deviation,) = NUMBER.deviations({**GOOD, "way": "sip:u:s3cret@h"})
    assert "s3cret" not in deviation.seen
    (deviation,) = NUMBER.deviations({**GOOD, "\x07" + "n" * 500: 1})
    assert deviation == Deviation(DeviationKind.UNKNOWN_FIELD, "n" * 60, "integer")


def test_a_hidden_secret_is_not_judged():
    assert found({**GOOD, "fee": HIDDEN, "trunk": HIDDEN}) == set()


def test_paths_are_every_documented_field_and_whether_it_is_there():
    assert dict(NUMBER.paths({"id": "a", "trunk": {"host": "h"}})) == {
        "id": True,
        "way": False,
        "trunk": True,
        "trunk.host": True,
        "trunk.port": False,
        "fee": False,
        "codes": False,
        "anything": False,
    }
    assert list(NUMBER.paths("text")) == []


# -- reading schemas


def test_a_pydantic_model_describes_itself():
    class Inner(BaseModel):
        a: int | None = None

    class Model(BaseModel):
        id: str
        inner: Inner | None = None

    schema = Model.model_json_schema()
    shape = Shape.of(schema, schema)
    assert found({"id": "x", "inner": {"a": 1}}, shape) == set()
    assert found({"inner": {"a": "1"}, "b": 1}, shape) == {
        ("missing_field", "id", ""),
        ("wrong_type", "inner.a", "string"),
        ("unknown_field", "b", "integer"),
    }


def test_of_several_choices_only_that_is_expected_which_all_expect():
    one = {"type": "object", "required": ["kind", "a"], "properties": {"kind": {"const": "one"}, "a": {}}}
    two = {"type": "object", "required": ["kind", "b"], "properties": {"kind": {"const": "two"}, "b": {}}}
    shape = Shape.of({"oneOf": [one, two]}, {})
    assert found({"kind": "one", "a": 1}, shape) == set()
    assert found({"a": 1, "b": 2}, shape) == {("missing_field", "kind", "")}
    assert found({"kind": "one", "c": 1}, shape) == {("unknown_field", "c", "integer")}
    assert found({"x": 1}, Shape.of({"anyOf": [one, {"type": "object"}]}, {})) == set(), "one of them takes anything"
    assert found(7, Shape.of({"anyOf": [one, {}]}, {})) == set()
    assert found("up", Shape.of({"anyOf": [{"enum": ["in"]}, {"enum": ["out"]}]}, {})) == {("unknown_value", "", "up")}
    assert found("up", Shape.of({"anyOf": [{"enum": ["in"]}, {"type": "string"}]}, {})) == set()


def test_what_a_schema_says_twice_holds_twice():
    twice = {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}], "properties": {}}
    assert Shape.of(twice, {}).words == {"b"}
    same = {"allOf": [{"properties": {"x": {"type": ["string", "null"]}}}, {"properties": {"x": {"type": "string"}}}]}
    assert found({"x": None}, Shape.of(same, {})) == {("wrong_type", "x", "null")}


def test_a_schema_that_refers_to_itself_or_to_nothing_is_still_read():
    document = {"Tree": {"type": "object", "properties": {"child": {"$ref": "#/Tree"}}}}
    shape = Shape.of(document["Tree"], document)
    assert found({"child": {"child": {"odd": 1}}}, shape) == {("unknown_field", "child.child.odd", "integer")}
    nowhere = Shape.of({"$ref": "#/nowhere"}, {})
    assert found({"x": 1}, nowhere) == set()
    assert Shape.of({"$ref": "https://elsewhere.example/schema"}, {}) == nowhere
    assert Shape.of({"properties": {"a/b": {"$ref": "#/x~1y/z~0"}}}, {"x/y": {"z~": {"type": "null"}}}).fields[
        "a/b"
    ] == Shape(frozenset({"null"}))


def test_the_description_inside_an_adapters_package_is_found():
    shape = Shape.documented("telephony_vox", "OrganizationTelephoneNumber")
    assert shape.required == {"id", "number", "provider", "status", "start_at", "created_at", "updated_at"}
    assert shape.fields["status"].words == {"active", "scheduled", "cancel_requested", "expired"}
