"""Models that a caller fills in: what they take, how they refuse, and that none with a secret is pickled."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from telephony_core import AgentRef, InboundUpdate, InvalidInput, NumberImport, OutboundUpdate
from telephony_core.domain.input_model import InputModel, fault_in_words

TRUNK = {"address": "pbx.example.com", "username": "u", "password": "s3cret"}
IN_ADDRESS = "sip:front:s3cret@pbx.example.com"
REMEDY = "leave it out of the address and give user name and password as the credentials of the trunk"


class Row:
    """Something with attributes, as an application's own records are."""

    address = "pbx.example.com"
    username = "u"


class Word(Enum):
    IN = "in"
    OUT = "out"


class Exchange:
    """Of no kind that pydantic knows."""


class Xenon(Exchange):
    pass


@dataclass
class Pair:
    one: int


class Attributes(BaseModel, from_attributes=True):
    one: int


def never(value: object) -> object:
    raise ValueError("no such thing")


def not_so(value: object) -> object:
    raise AssertionError("not so")


class Everything(InputModel):
    """A field of every kind."""

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    switch: bool = True
    day: date | None = None
    moment: datetime = datetime(2026, 1, 1)
    table: dict[str, int] | None = None
    ratio: float = 1.0
    names: frozenset[str] = frozenset()
    count: int = 1
    items: list[int] | None = None
    some: set[int] | None = None
    text: str = "x"
    pair: tuple[int, ...] = ()
    name: Annotated[str, Field(min_length=1)] = "x"
    code: Annotated[str, Field(min_length=2)] = "xx"
    way: Literal["in", "out"] = "in"
    word: Word = Word.IN
    exchange: Exchange = Exchange()
    xenon: Xenon = Xenon()
    two: Pair = Pair(1)
    attributes: Attributes = Attributes(one=1)
    call: Callable[[], object] = object
    above: Annotated[int, Field(gt=0)] = 1
    refused: Annotated[str, AfterValidator(never)] = "x"
    asserted: Annotated[str, AfterValidator(not_so)] = "x"


def test_options_of_validation_are_kept():
    assert OutboundUpdate.model_validate(Row(), from_attributes=True).username == "u"
    with pytest.raises(InvalidInput):
        OutboundUpdate.model_validate(Row())


@pytest.mark.parametrize(
    "refused",
    [
        lambda: NumberImport(number="+34612345678", outbound={**TRUNK, "address": IN_ADDRESS}),
        lambda: NumberImport.model_validate({"number": "+34612345678", "outbound": {**TRUNK, "address": IN_ADDRESS}}),
        lambda: NumberImport.model_validate_json(
            '{"number": "+34612345678", "outbound": {"address": "sip:front:s3cret@pbx.example.com"}}'
        ),
    ],
    ids=["built", "validated", "read from JSON"],
)
def test_a_refusal_names_the_place_once_and_carries_the_remedy_of_what_refused(refused):
    with pytest.raises(InvalidInput) as caught:
        refused()
    assert caught.value.message == ("NumberImport: outbound.address: the user part of the SIP address holds a password")
    assert caught.value.remedy == REMEDY


def test_all_faults_are_told_at_once_those_of_a_model_inside_too():
    with pytest.raises(InvalidInput) as caught:
        NumberImport(number="1", label=5, outbound={"username": 5, "media_encryption": "up"}, unheard_of=1)
    assert caught.value.message == (
        "NumberImport: label: has to be text, not int; outbound.username: has to be text, not int;"
        " outbound.media_encryption: is not such a word; unheard_of: is not among its fields"
    )


def test_only_a_model_whose_name_callers_know_is_named():
    class Quiet(InputModel):
        named_in_errors: ClassVar[bool] = False
        count: int

    with pytest.raises(InvalidInput) as caught:
        Quiet(count="x")
    assert caught.value.message == "count: has to be a whole number, not str"
    with pytest.raises(InvalidInput) as caught:
        AgentRef(5)
    assert caught.value.message == "AgentRef: agent_id: has to be text, not int"


def test_a_place_deep_inside_is_a_path():
    with pytest.raises(InvalidInput) as caught:
        NumberImport(number="+34612345678", options={"toy": 5})
    assert caught.value.message == "NumberImport: options.toy: has to be a table (names with values), not int"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("switch", "x", "has to be True or False, not str"),
        ("day", 5.5j, "has to be a date, not complex"),
        ("moment", None, "has to be a time, not None"),
        ("table", 5, "has to be a table (names with values), not int"),
        ("ratio", "x", "has to be a number, not str"),
        ("names", 5, "has to be a set, not int"),
        ("count", "x", "has to be a whole number, not str"),
        ("items", 5, "has to be a list, not int"),
        ("some", 5, "has to be a set, not int"),
        ("text", None, "has to be text, not None"),
        ("pair", 5, "has to be a list, not int"),
        ("name", "", "is empty"),
        ("code", "x", "String should have at least 2 characters"),
        ("way", "up", "has to be 'in' or 'out'"),
        ("word", "up", "has to be 'in' or 'out'"),
        ("exchange", 5, "has to be an Exchange, not int"),
        ("xenon", 5, "has to be a Xenon, not int"),
        ("two", 5, "has to be a Pair, not int"),
        ("attributes", 5, "has to be an object, not int"),
        ("call", 5, "should be callable"),
        ("above", 0, "should be greater than 0"),
        ("refused", "x", "no such thing"),
        ("asserted", "x", "not so"),
        ("unheard_of", 5, "is not among its fields"),
    ],
)
def test_a_fault_is_told_in_plain_words_and_never_with_the_value(field: str, value: Any, said: str):
    with pytest.raises(InvalidInput) as caught:
        Everything(**{field: value})
    assert caught.value.message == f"Everything: {field}: {said}"


def test_what_is_missing_is_named():
    with pytest.raises(InvalidInput) as caught:
        NumberImport()
    assert caught.value.message == "NumberImport: number: is missing"


def test_where_the_value_was_left_out_its_type_is_not_told_either():
    with pytest.raises(ValidationError) as caught:
        Attributes(one="x")
    assert [fault_in_words(each) for each in caught.value.errors(include_input=False)] == ["has to be a whole number"]


def test_what_is_wrong_with_the_whole_is_told_without_a_place():
    with pytest.raises(InvalidInput) as caught:
        OutboundUpdate.model_validate(5)
    assert caught.value.message.startswith("OutboundUpdate: has to be an OutboundUpdate, not int")


def test_without_a_remedy_of_its_own_a_refusal_lists_the_fields():
    with pytest.raises(InvalidInput) as caught:
        InboundUpdate(bogus=1)
    assert caught.value.remedy == f"its fields are: {', '.join(InboundUpdate.model_fields)}"


def test_what_holds_a_secret_is_not_pickled():
    with pytest.raises(TypeError) as caught:
        pickle.dumps(OutboundUpdate(**TRUNK))
    assert str(caught.value).startswith("OutboundUpdate holds a secret, which a pickle would show")
    with pytest.raises(TypeError, match="OutboundUpdate"):
        pickle.dumps(NumberImport(number="+34612345678", outbound=OutboundUpdate(**TRUNK)))


def test_what_holds_none_is():
    update = OutboundUpdate(address="pbx.example.com", username="u")
    assert pickle.loads(pickle.dumps(update)) == update


def test_a_model_that_nobody_could_give_is_called_a_table() -> None:
    class _Table(BaseModel):
        per_second: float

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(_Table).validate_python(5)
    said = [fault_in_words(each) for each in caught.value.errors(include_input=False)]
    assert said == ["has to be a table (names with values)"]
