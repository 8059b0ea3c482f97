"""What a vendor's record is documented to look like, and where a real one departs from it.

Reading is tolerant and goes on; this is for telling people that a vendor has moved (`telephony doctor`). Values are not
repeated, apart from words of a closed list, which are cut short.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Final

from telephony_core.secrets.redaction import HIDDEN, scrubbed

_TYPES: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_DEEPEST: Final = 20
"""Levels of nesting that are described and compared; what lies deeper may be anything."""
_LONGEST_WORD: Final = 60


class DeviationKind(StrEnum):
    """In which way a record departs from its description."""

    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    UNKNOWN_VALUE = "unknown_value"
    """A word outside a documented list, or a text that is not of the documented pattern."""
    WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One departure. ``field`` is dotted, ``[]`` means every entry of a list; ``seen`` is what is there instead."""

    kind: DeviationKind
    field: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """One JSON value as it is documented. What is left empty may be anything.

    ``fields`` are those of an object, ``required`` those of them that always come, ``items`` is every entry of a list.
    """

    types: frozenset[str] = frozenset()
    """JSON Schema's names: null, boolean, integer, number, string, array, object."""
    words: frozenset[str] = frozenset()
    pattern: str | None = None
    """A regular expression that is searched for in a text, as JSON Schema does."""
    fields: Mapping[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Shape | None = None

    @staticmethod
    def documented(package: str, schema: str) -> Shape:
        """A schema of the ``openapi.json`` that an adapter ships inside its package."""
        document = json.loads(files(package).joinpath("openapi.json").read_text(encoding="utf-8"))
        return Shape.of(document["components"]["schemas"][schema], document)

    @staticmethod
    def of(schema: Mapping[str, object], document: Mapping[str, object]) -> Shape:
        """A JSON Schema, with its references looked up in ``document``.

        Understood are ``$ref``, ``allOf``, ``anyOf``, ``oneOf``, ``type``, ``enum``, ``const``, ``pattern``,
        ``properties``, ``required`` and ``items``; every other keyword allows anything.
        """
        return _described(schema, document)

    def deviations(self, value: object, at: str = "") -> Iterator[Deviation]:
        """Where a value departs from this."""
        if value == HIDDEN:
            return  # a secret stood here; what it was like is nobody's business
        kind = _TYPES.get(type(value), "unknown")
        if self.types and not _fits(kind, self.types):
            yield Deviation(DeviationKind.WRONG_TYPE, at, kind)
        elif isinstance(value, str):
            if (self.words and value not in self.words) or (self.pattern and not re.search(self.pattern, value)):
                yield Deviation(DeviationKind.UNKNOWN_VALUE, at, scrubbed(value)[:_LONGEST_WORD])
        elif isinstance(value, Mapping) and self.fields:
            yield from self._in_object(value, at)
        elif isinstance(value, list) and self.items is not None:
            for item in value:
                yield from self.items.deviations(item, f"{at}[]")

    def _in_object(self, value: Mapping[str, object], at: str) -> Iterator[Deviation]:
        before = f"{at}." if at else ""
        for name in sorted(self.required - value.keys()):
            yield Deviation(DeviationKind.MISSING_FIELD, before + name)
        for name, inner in value.items():
            where = before + scrubbed(str(name))[:_LONGEST_WORD]
            if name in self.fields:
                yield from self.fields[name].deviations(inner, where)
            else:
                yield Deviation(DeviationKind.UNKNOWN_FIELD, where, _TYPES.get(type(inner), "unknown"))

    def paths(self, value: object, at: str = "") -> Iterator[tuple[str, bool]]:
        """Every documented field that could be there, dotted, and whether it is. Inside lists nothing is counted."""
        if not isinstance(value, Mapping):
            return
        for name, shape in self.fields.items():
            where = f"{at}.{name}" if at else name
            yield where, name in value
            yield from shape.paths(value.get(name), where)


def _fits(kind: str, types: frozenset[str]) -> bool:
    # JSON Schema: every integer is a number (Validation, section 6.1.1).
    return kind in types or (kind == "integer" and "number" in types)


def _described(schema: Mapping[str, object], document: Mapping[str, object], depth: int = _DEEPEST) -> Shape:
    # A schema may refer to itself.
    if depth == 0:
        return Shape()
    if isinstance(reference := schema.get("$ref"), str):
        return _described(_looked_up(reference, document), document, depth - 1)
    parts = [_own(schema, document, depth)]
    parts += [_described(part, document, depth - 1) for part in _schemas(schema.get("allOf"))]
    for key in ("anyOf", "oneOf"):
        if choices := [_described(choice, document, depth - 1) for choice in _schemas(schema.get(key))]:
            parts.append(_either(choices))
    return _all_of(parts)


def _own(schema: Mapping[str, object], document: Mapping[str, object], depth: int) -> Shape:
    """What a schema says itself, without what it is made of."""
    types, words, pattern = schema.get("type"), schema.get("enum"), schema.get("pattern")
    if "const" in schema:
        words = [schema["const"]]
    properties, items = schema.get("properties"), schema.get("items")
    return Shape(
        frozenset(_texts([types] if isinstance(types, str) else types)),
        frozenset(_texts(words)),
        pattern if isinstance(pattern, str) else None,
        {
            str(name): _described(inner, document, depth - 1)
            for name, inner in (properties.items() if isinstance(properties, Mapping) else ())
            if isinstance(inner, Mapping)
        },
        frozenset(_texts(schema.get("required"))),
        _described(items, document, depth - 1) if isinstance(items, Mapping) else None,
    )


def _all_of(parts: Sequence[Shape]) -> Shape:
    """What has to be of every one of these shapes."""
    fields: dict[str, Shape] = {}
    for part in parts:
        for name, shape in part.fields.items():
            fields[name] = _all_of([fields[name], shape]) if name in fields else shape
    return Shape(
        _common([part.types for part in parts]),
        _common([part.words for part in parts]),
        next((part.pattern for part in parts if part.pattern), None),
        fields,
        frozenset().union(*(part.required for part in parts)),
        next((part.items for part in parts if part.items), None),
    )


def _either(choices: Sequence[Shape]) -> Shape:
    """What may be of any of these shapes: only that is expected which all of them that fit expect."""
    texts = [choice for choice in choices if not choice.types or "string" in choice.types]
    objects = [choice for choice in choices if not choice.types or "object" in choice.types]
    names = {name for choice in objects for name in choice.fields}
    fields = {name: _either([c.fields[name] for c in objects if name in c.fields]) for name in sorted(names)}
    # A choice that names no fields takes any object, so no field beside it can be called unknown.
    open_ended = any(not choice.fields for choice in objects)
    return Shape(
        frozenset().union(*(choice.types for choice in choices)) if all(c.types for c in choices) else frozenset(),
        frozenset().union(*(text.words for text in texts)) if all(text.words for text in texts) else frozenset(),
        # A text may fit either of two patterns, and then neither of them can be held against it.
        texts[0].pattern if len(texts) == 1 else None,
        {} if open_ended else fields,
        frozenset.intersection(*(choice.required for choice in objects)) if objects else frozenset(),
        next((choice.items for choice in choices if choice.items), None),
    )


def _common(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    """What all of the sets that say something have in common."""
    saying = [each for each in sets if each]
    return frozenset.intersection(*saying) if saying else frozenset()


def _looked_up(reference: str, document: Mapping[str, object]) -> Mapping[str, object]:
    """What a reference inside the document leads to; a schema that allows anything where it leads nowhere."""
    found: object = document if reference.startswith("#") else {}
    for step in reference.split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _schemas(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
