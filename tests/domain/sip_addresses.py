"""SIP addresses to test with: generated ones, garbage, a refusal, and a model that holds one."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from pydantic import BaseModel

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput

CANARY = "zq9canary"


def names() -> st.SearchStrategy[str]:
    label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
    top = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
    return st.builds(lambda head, tail: ".".join([*head, tail]), st.lists(label, max_size=3), top)


def hosts() -> st.SearchStrategy[str]:
    return st.one_of(names(), st.ip_addresses().map(str))


def words(alphabet: str) -> st.SearchStrategy[str]:
    piece = st.one_of(st.sampled_from(alphabet), st.sampled_from(["%20", "%40", "%C3%bc", "%2F"]))
    return st.lists(piece, min_size=1, max_size=8).map("".join)


PORTS = st.none() | st.integers(1, 65535)
USERS = st.none() | words("aZ09-_.!~*()&=+$,;")
NAMES = words("aZ09-_.!~*()[]:&+$").filter(lambda name: name.lower() != "transport")
PARAMS = st.lists(
    st.tuples(NAMES, st.none() | words("aZ09-_.!~*()[]/:&+$").filter(lambda value: "//" not in value)),
    max_size=3,
    unique_by=lambda item: item[0].lower(),
).map(tuple)
BARE = st.builds(SipAddress, hosts(), PORTS)
URIS = st.builds(
    SipAddress, hosts(), PORTS, st.just("sip"), st.none() | st.sampled_from(["udp", "tcp", "tls"]), USERS, PARAMS
) | st.builds(SipAddress, hosts(), PORTS, st.just("sips"), st.none() | st.sampled_from(["tcp", "tls"]), USERS, PARAMS)
ADDRESSES = BARE | URIS
GARBAGE = st.text(max_size=40) | st.text("sipSIP:@;=%[]./?<>\"'-_019afx, \n*", max_size=40)


def refusal(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        SipAddress.parse(text)
    return caught.value


class Trunk(BaseModel):
    address: SipAddress | None = None
