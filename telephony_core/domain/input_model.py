"""The base of every model that a caller fills in: strict, frozen, and silent about what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from telephony_core.errors import InvalidInput, TelephonyError, instead_of, joined


class Unset(Enum):
    """The type of `UNSET`: "leave it as it is", where `None` means "clear it"."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET


class InputModel(BaseModel):
    """A model built from a caller's input.

    Raises `InvalidInput` instead of pydantic's own error, because that one keeps the refused input (which may be a
    password) in ``errors()`` even where its text hides it. A model that holds a secret cannot be pickled.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __init__(self, /, **data: Any) -> None:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: _refusal(type(self), error)):
                super().__init__(**data)
        finally:
            data.clear()  # what was given may be a password, and a recorded traceback shows variables

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: _refusal(cls, error)):
                return super().model_validate(obj, **options)
        finally:
            del obj

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: _refusal(cls, error)):
                return super().model_validate_json(json_data, **options)
        finally:
            del json_data

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy. With changes it is checked as a new one is: a password that is given comes into its container."""
        if not update:
            return super().model_copy(deep=deep)
        changed = {name: getattr(self, name) for name in self.model_fields_set} | dict(update)
        del update
        try:
            return type(self)(**changed)
        finally:
            changed.clear()

    def __getstate__(self) -> dict[Any, Any]:
        if any(isinstance(value, SecretStr) for value in vars(self).values()):
            raise unpickled(type(self))
        return super().__getstate__()


def unpickled(kind: type) -> TypeError:
    """Why a value with a secret in it cannot be pickled. Copying it within a process is not affected."""
    return TypeError(
        f"{kind.__name__} holds a secret, which a pickle would show; keep a reference to it instead (env:…, file:…)"
    )


def its_fields(model: type[BaseModel]) -> str:
    """What to do about a fault for which nobody has a better word."""
    return f"its fields are: {', '.join(model.model_fields)}"


def _refusal(model: type[BaseModel], error: Exception) -> Exception:
    """Ours for pydantic's. One of a validator that pydantic lets through loses the frames in which the input stands."""
    if not isinstance(error, ValidationError):
        return error.with_traceback(None)
    inner = [each.remedy for each in _causes(error) if each is not None and each.remedy]
    # A model that is validated builds itself through __init__, which has put its own name in front already.
    text = describe(error).removeprefix(f"{model.__name__}: ")
    return InvalidInput(f"{model.__name__}: {text}", remedy=joined(inner) or its_fields(model))


def describe(error: ValidationError) -> str:
    """What a pydantic error says, without the input it refused."""
    parts = []
    for item, inner in zip(error.errors(include_url=False, include_input=False), _causes(error), strict=True):
        where = ".".join(str(step) for step in item["loc"])
        text = item["msg"].removeprefix("Value error, ") if inner is None else inner.message
        parts.append(f"{where}: {text}" if where else text)
    return "; ".join(parts)


def _causes(error: ValidationError) -> list[TelephonyError | None]:
    """Our own errors behind the parts of a pydantic error."""
    causes = [item.get("ctx", {}).get("error") for item in error.errors(include_url=False, include_input=False)]
    return [cause if isinstance(cause, TelephonyError) else None for cause in causes]
