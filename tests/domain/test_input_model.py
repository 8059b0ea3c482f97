"""Models that a caller fills in: what they take, how they refuse, and that none with a secret is pickled."""

from __future__ import annotations

import pickle

import pytest

from telephony_core import InboundUpdate, InvalidInput, NumberImport, OutboundUpdate

TRUNK = {"address": "pbx.example.com", "username": "u", "password": "s3cret"}
IN_ADDRESS = "sip:front:s3cret@pbx.example.com"
REMEDY = "leave it out of the address and give user name and password as the credentials of the trunk"


class Row:
    """Something with attributes, as an application's own records are."""

    address = "pbx.example.com"
    username = "u"


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
    assert caught.value.message.startswith("NumberImport: outbound")
    assert caught.value.message.endswith("address: the user part of the SIP address holds a password")
    assert caught.value.message.count("NumberImport") == 1
    assert caught.value.remedy == REMEDY


def test_a_place_deep_inside_is_a_path():
    with pytest.raises(InvalidInput) as caught:
        NumberImport(number="+34612345678", options={"toy": 5})
    assert caught.value.message == "NumberImport: options.toy: has to be a table (names with values), not int"


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
