"""A password that somebody wrote into an address is hidden, and nothing else of the address is."""

from __future__ import annotations

import pytest

from telephony_core.secrets.url_password import without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sip:front:s3cret@pbx.example.com", "sip:front:[hidden]@pbx.example.com"),
        ("SIPS:front:s3cret@pbx.example.com;lr", "SIPS:front:[hidden]@pbx.example.com;lr"),
        ("https://front:s3cret@pbx.example.com/x", "https://front:[hidden]@pbx.example.com/x"),
        ("front:s3cret@pbx.example.com", "front:[hidden]@pbx.example.com"),
        ("sip:front:s3:cr@et@pbx.example.com", "sip:front:[hidden]@pbx.example.com"),
        ("sip:tel:s3cret@pbx.example.com", "sip:tel:[hidden]@pbx.example.com"),
        ("sip:a/b:s3cret@pbx.example.com", "sip:a/b:[hidden]@pbx.example.com"),
        ("(front:s3cret@pbx.example.com", "(front:[hidden]@pbx.example.com"),
    ],
)
def test_a_password_is_hidden(address: str, shown: str):
    assert without_password(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "pbx.example.com:5060",
        "sip:pbx.example.com",
        "sip:front@pbx.example.com",
        "sip:front:@pbx.example.com",
        "front@pbx.example.com",
        "tel:+34612345678@pbx.example.com",
        "TEL:+34612345678@pbx.example.com",
        "see=mailto:front@pbx.example.com",
        "+34612345678",
        "",
    ],
)
def test_what_holds_none_stays_as_it_is(address: str):
    assert without_password(address) == address
