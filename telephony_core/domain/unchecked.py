"""Making frozen models out of parts that are of their types already, without checking them a second time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)

_set_fields, _set_names, _set_extra, _set_private = (vars(BaseModel)[name].__set__ for name in BaseModel.__slots__)


def unchecked(model: type[ModelT], fields: Mapping[str, object], names: set[str]) -> ModelT:
    """A ``model`` that has ``fields`` for its own: all of them, in their order, as validation would leave them.

    ``names`` are those of all fields. It does what pydantic's `model_construct` does, at a tenth of the cost, which is
    what reading numbers by the thousand mostly consists of.
    """
    made = object.__new__(model)
    _set_fields(made, fields)
    _set_names(made, names)
    _set_extra(made, None)
    _set_private(made, None)
    return made
