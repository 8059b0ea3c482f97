"""The base of every model that a caller fills in: strict, frozen, and silent about what it was given."""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from telephony_core.errors import InvalidInput, TelephonyError


class Unset(Enum):
    """The type of `UNSET`: "leave it as it is", where `None` means "clear it"."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET


class Given(BaseModel):
    """A model built from a caller's input.

    Raises `InvalidInput` instead of pydantic's own error, because that one keeps the refused input (which may be a
    password) in ``errors()`` even where its text hides it.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __init__(self, /, **data: Any) -> None:
        refusal = None
        try:
            super().__init__(**data)
        except ValidationError as error:
            refusal = describe(error)
        if refusal is not None:  # raised out here so that the pydantic error does not hang on as __context__
            raise InvalidInput(f"{type(self).__name__}: {refusal}")

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        refusal = None
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            refusal = describe(error)
        raise InvalidInput(f"{cls.__name__}: {refusal}")

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        refusal = None
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            refusal = describe(error)
        raise InvalidInput(f"{cls.__name__}: {refusal}")


def describe(error: ValidationError) -> str:
    """What a pydantic error says, without the input it refused."""
    parts = []
    for item in error.errors(include_url=False, include_input=False):
        inner = item.get("ctx", {}).get("error")
        where = ".".join(str(step) for step in item["loc"])
        text = str(inner) if isinstance(inner, TelephonyError) else item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {text}" if where else text)
    return "; ".join(parts)
