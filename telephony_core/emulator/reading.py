"""Requests read by pydantic models: strictly, or as web frameworks do by default, which drop unknown keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from telephony_core.emulator.emulator import EmulatedRefusal, ReceivedRequest, json_response, read_json


class RequestModel(BaseModel):
    """A query or a body, with all of its keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoQuery(RequestModel):
    """The query of an operation that takes none."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """One thing that is wrong with a request: pydantic's type and words, and where, beginning with its part."""

    type: str
    loc: tuple[str | int, ...]
    message: str
    input: object = field(default=None, repr=False)
    expected: str = ""
    """The words that would do, where there is a list of them."""


def validation_list(found: Iterable[Unfit]) -> EmulatedRefusal:
    """A 422 with FastAPI's list of what is wrong, which quotes the input back."""
    items = [{"type": each.type, "loc": each.loc, "msg": each.message, "input": each.input} for each in found]
    return EmulatedRefusal(json_response(422, {"detail": items}))


ModelT = TypeVar("ModelT", bound=BaseModel)
QueryT = TypeVar("QueryT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads queries and bodies. ``refuse`` makes the vendor's error out of what is wrong, which is raised."""

    refuse: Callable[[Sequence[Unfit]], EmulatedRefusal] = validation_list

    def query(self, call: ReceivedRequest, model: type[ModelT], *, lists: Collection[str] = ()) -> ModelT:
        """The query of a request without a body. Parameters in ``lists`` may be given more than once."""
        # Web frameworks read no body where none is declared; that an adapter sends one is a mistake all the same.
        if call.body:
            raise self.refuse([Unfit("extra_forbidden", ("body",), "This operation takes no body")])
        return self._query(call, model, lists)

    def nothing(self, call: ReceivedRequest) -> None:
        """Refuse a query and a body."""
        self.query(call, NoQuery)

    def body(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        """The JSON body of a request without a query."""
        return self.both(call, NoQuery, model)[1]

    def both(self, call: ReceivedRequest, query: type[QueryT], body: type[ModelT]) -> tuple[QueryT, ModelT]:
        """The query and the JSON body of a request that has both."""
        return self._query(call, query), self._body(call, body)

    def _body(self, call: ReceivedRequest, model: type[ModelT]) -> ModelT:
        if not call.body:
            raise self.refuse([Unfit("missing", ("body",), "Field required")])
        if not call.is_json:
            text = call.body.decode("utf-8", "replace")
            # As FastAPI does: a body of another media type is taken for one text.
            raise self.refuse([Unfit("model_attributes_type", ("body",), "Input should be a valid dictionary", text)])
        try:
            payload = read_json(call.body)
        except ValueError:
            raise self.refuse([Unfit("json_invalid", ("body",), "JSON decode error", {})]) from None
        return self._validated(model, payload, "body")

    def _query(self, call: ReceivedRequest, model: type[ModelT], lists: Collection[str] = ()) -> ModelT:
        if twice := call.repeated(but=lists):
            raise self.refuse([Unfit("repeated", ("query", twice), "Given more than once")])
        values: dict[str, object] = dict(call.query)
        values |= {name: [value for key, value in call.query if key == name] for name in lists if name in values}
        return self._validated(model, values, "query")

    def _validated(self, model: type[ModelT], values: object, where: str) -> ModelT:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False)
        raise self.refuse(
            [
                Unfit(
                    each["type"],
                    (where, *each["loc"]),
                    each["msg"],
                    each["input"],
                    str(each.get("ctx", {}).get("expected", "")),
                )
                for each in found
            ]
        )
