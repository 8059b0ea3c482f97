"""Reading what vendors send: strict models first, and when a record is odd, everything of it that can be read.

Only a page of the wrong shape, or a record without its required fields, is an error. Every other odd field falls back
to its default and is named in ``problems``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from telephony_core.errors import UnexpectedResponse
from telephony_core.flow import Response, parse_json

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_object(response: Response) -> Mapping[str, object]:
    """The body as a JSON object. Raises `UnexpectedResponse`."""
    payload = parse_json(response)
    if isinstance(payload, dict):
        return payload
    raise UnexpectedResponse(
        f"the answer is a JSON {type(payload).__name__} where an object was expected", status=response.status
    )


def read_items(page: Mapping[str, object], key: str, *, status: int | None = None) -> list[object]:
    """The list under ``key`` of a page. Raises `UnexpectedResponse`."""
    items = page.get(key)
    if isinstance(items, list):
        return items
    raise UnexpectedResponse(f"the page has no list under {key!r}", status=status)


def read_cursor(page: Mapping[str, object], key: str, *, status: int | None = None) -> str | None:
    """The text under ``key`` that leads to the next page, or ``None``. Raises `UnexpectedResponse`."""
    cursor = page.get(key)
    if cursor is None or (isinstance(cursor, str) and cursor):
        return cursor
    raise UnexpectedResponse(f"the page's {key!r} is not a text that leads on", status=status)


def read_record(model: type[ModelT], payload: object, *, status: int | None = None) -> tuple[ModelT, tuple[str, ...]]:
    """A record, and the fields of it that could not be read.

    A field of the wrong type is left out, so that its default stands, and is named. Raises `UnexpectedResponse` when
    the payload is no object, or a required field is missing or unreadable.
    """
    try:
        return model.model_validate(payload), ()
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        odd = {str(item["loc"][0]): item for item in items if item["loc"]}
    if not isinstance(payload, dict):
        raise UnexpectedResponse(f"a record is a JSON {type(payload).__name__}, not an object", status=status)
    required = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
    if fatal := sorted(required & odd.keys()):
        raise UnexpectedResponse(f"a record lacks a readable {', '.join(fatal)}", status=status)
    readable = {key: value for key, value in payload.items() if key not in odd}
    problems = tuple(f"{name}: {item['msg']}" for name, item in odd.items())
    return model.model_validate(readable), problems
