"""The base of every model that a caller fills in: strict, frozen, and silent about what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from telephony_core.errors import InvalidInput, TelephonyError, instead_of, joined

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


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

    named_in_errors: ClassVar[bool] = True
    """Whether callers know the model by its name, so that errors begin with it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __init__(self, /, **data: Any) -> None:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: refusal(type(self), error)):
                super().__init__(**data)
        finally:
            data.clear()  # what was given may be a password, and a recorded traceback shows variables

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: refusal(cls, error)):
                return super().model_validate(obj, **options)
        finally:
            del obj

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        try:
            with instead_of((ValidationError, TelephonyError), lambda error: refusal(cls, error)):
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


def refusal(model: type[BaseModel], error: Exception) -> Exception:
    """Ours for pydantic's. One of a validator that pydantic lets through loses the frames in which the input stands."""
    if not isinstance(error, ValidationError):
        return error.with_traceback(None)
    causes = map(_cause, error.errors(include_url=False))
    remedies = [cause.remedy for cause in causes if cause is not None and cause.remedy]
    about = model.__name__ if getattr(model, "named_in_errors", True) else ""
    told = InvalidInput(
        ": ".join(filter(None, (about, describe(error)))),
        remedy=joined(remedies) or its_fields(model),
    )
    told.about, told.faults = about, _faults(error)
    return told


def describe(error: ValidationError) -> str:
    """What a pydantic error says, without the input it refused and in the words of this library."""
    return "; ".join(f"{where}: {text}" if where else text for where, text in _faults(error))


def _faults(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """Each place and what is wrong there. A model inside another is one place with its fields."""
    faults: list[tuple[str, str]] = []
    for item in error.errors(include_url=False):
        inner, where = _cause(item), ".".join(str(step) for step in item["loc"])
        if isinstance(inner, InvalidInput) and inner.faults:
            faults += [(".".join(filter(None, (where, place))), text) for place, text in inner.faults]
        else:
            faults.append((where, fault_in_words(item) if inner is None else inner.message))
    return tuple(faults)


_KINDS: Final = {
    "bool": "True or False",
    "date": "a date",
    "datetime": "a time",
    "dict": "a table (names with values)",
    "float": "a number",
    "frozen_set": "a set",
    "int": "a whole number",
    "list": "a list",
    "set": "a set",
    "string": "text",
    "tuple": "a list",
}


def fault_in_words(item: ErrorDetails) -> str:
    """One fault in words of this library. Of the value, only its type is told, if at all: it may be a secret."""
    kind, context = item["type"], item.get("ctx", {})
    name, _, what = kind.rpartition("_")
    if kind in ("model_type", "model_attributes_type", "is_instance_of", "dataclass_type"):
        # A model of our own, which nobody could give, is a table of a file.
        name = str(context.get("class_name") or context.get("class", "object"))
        return f"has to be {_KINDS['dict'] if name.startswith('_') else _article(name)}{_not(item)}"
    if what in ("type", "parsing") and name in _KINDS:
        return f"has to be {_KINDS[name]}{_not(item)}"
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not among its fields"
        case "string_too_short" if context.get("min_length") == 1:
            return "is empty"
        case "enum" | "literal_error":
            return f"has to be {context['expected']}"
        case "value_error" | "assertion_error":
            return str(context["error"])
    return item["msg"].removeprefix("Input ")


def _article(name: str) -> str:
    return f"{'an' if name[:1].upper() in 'AEIOU' else 'a'} {name}"


def _not(item: ErrorDetails) -> str:
    if "input" not in item:
        return ""
    value = item["input"]
    return ", not None" if value is None else f", not {type(value).__name__}"


def _cause(item: ErrorDetails) -> TelephonyError | None:
    """Our own error behind a part of a pydantic one."""
    cause = item.get("ctx", {}).get("error")
    return cause if isinstance(cause, TelephonyError) else None
