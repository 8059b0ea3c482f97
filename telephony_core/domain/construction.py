"""Making frozen models out of parts that are of their types already, without checking them a second time.

What `pydantic.BaseModel.model_construct` does, at a tenth of its cost. That is what reading numbers by the thousand
mostly consists of, and there every call counts: hence four setters and no function around them::

    made = new(PhoneNumber)
    set_fields(made, fields)   # every field, in its order; they become the model's own
    set_names(made, names)     # the names of all fields
    set_extra(made, None)
    set_private(made, None)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

Setter: TypeAlias = Callable[[BaseModel, object], None]

new: Final = object.__new__
_slots: Final[dict[str, Any]] = dict(vars(BaseModel))
set_fields: Final[Setter] = _slots["__dict__"].__set__
set_names: Final[Setter] = _slots["__pydantic_fields_set__"].__set__
set_extra: Final[Setter] = _slots["__pydantic_extra__"].__set__
set_private: Final[Setter] = _slots["__pydantic_private__"].__set__
