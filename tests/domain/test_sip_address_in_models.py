"""A SIP address in pydantic models: text on either side."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter, ValidationError

from telephony_core.domain.sip_address import SipAddress
from tests.domain.sip_addresses import ADDRESSES, Trunk


def test_a_model_takes_text_or_an_address() -> None:
    address = SipAddress.parse("sip:h:5060")
    assert Trunk.model_validate({"address": "sip:h:5060"}).address == address
    assert Trunk.model_validate_json('{"address": "sip:h:5060"}').address == address
    assert Trunk(address=address).address is address
    assert Trunk(address=None).address is None


def test_a_model_keeps_the_text_as_given() -> None:
    read = Trunk.model_validate({"address": "SIP:h:5060"}).address
    assert read is not None
    assert read.raw == "SIP:h:5060"


@settings(deadline=None)
@given(ADDRESSES)
def test_a_dump_is_text_and_reads_back(address: SipAddress) -> None:
    trunk = Trunk(address=address)
    assert trunk.model_dump() == trunk.model_dump(mode="json") == {"address": str(address)}
    assert Trunk.model_validate_json(trunk.model_dump_json()) == trunk


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_its_json_schema_is_a_string(mode: str) -> None:
    assert TypeAdapter(SipAddress).json_schema(mode=mode) == {"type": "string"}


@pytest.mark.parametrize("value", [5060, b"h", {"host": "h"}])
def test_a_model_refuses_other_types(value: object) -> None:
    with pytest.raises(ValidationError, match="a SIP address is text"):
        Trunk.model_validate({"address": value})


def test_a_model_made_now_reads_and_writes_it_as_text() -> None:
    adapter = TypeAdapter(SipAddress)
    address = adapter.validate_python("sip:front@pbx.example.com;transport=tls")
    assert (address.user, address.transport) == ("front", "tls")
    assert adapter.validate_python(address) is address
    assert adapter.dump_json(address) == b'"sip:front@pbx.example.com;transport=tls"'
    assert adapter.json_schema(mode="serialization") == {"type": "string"}
    for odd in (5, "sip:front:s3cret@pbx.example.com"):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python(odd)
        assert "s3cret" not in repr(caught.value.errors())
