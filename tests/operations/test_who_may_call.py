"""Nothing is opened by leaving an allow-list out, emptying or clearing it: what that means has to be consented to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telephony_core import InboundUpdate, NotAllowed, NumberImport, OutboundUpdate, SipUpdate, Telephony
from telephony_core.provider.capabilities import Admits, AllowListMeaning, Capabilities, Field
from tests.provider.toy import CAPABILITIES, SPEC, ToyProvider, ToyServer

NUMBER = "+827011112222"
TRUNK = OutboundUpdate(address="h.example", username="u", password="p4ssword")
OPENING = [Admits.EVERYBODY, Admits.UNKNOWN, None]


def toy(capabilities: Capabilities) -> tuple[Telephony, ToyServer]:
    class Declared(ToyProvider):
        pass

    Declared.capabilities = capabilities
    server = ToyServer()
    spec = replace(SPEC, factory=Declared, capabilities=capabilities)
    return Telephony(spec, api_key="k3y", base_url="https://toy.example", backend=server), server


def declaring(missing: Admits | None, empty: Admits | None = None) -> Capabilities:
    """The toy with this meaning of a missing and an empty list, which can be cleared too; ``None`` declares nothing."""
    meaning = None
    if missing is not None:
        meaning = AllowListMeaning(source="made up", when_missing=missing, when_empty=empty or missing)
    support = replace(CAPABILITIES.fields[Field.ALLOWED_ADDRESSES], clearable=True)
    return replace(CAPABILITIES, allow_list=meaning, fields={**CAPABILITIES.fields, Field.ALLOWED_ADDRESSES: support})


def said(client: Telephony, change: Any) -> list[tuple[str, str | None]]:
    return [
        (problem.severity, getattr(problem.error, "allowance", None))
        for problem in client.check(change)
        if problem.field == Field.ALLOWED_ADDRESSES
    ]


@pytest.mark.parametrize("admits", OPENING)
@pytest.mark.parametrize("inbound", [None, InboundUpdate()])
def test_an_import_without_a_list_needs_allow_where_it_may_be_open(
    admits: Admits | None, inbound: InboundUpdate | None
) -> None:
    client, server = toy(declaring(admits))
    with pytest.raises(NotAllowed) as caught:
        client.import_number(NumberImport(number=NUMBER, inbound=inbound, outbound=TRUNK))
    assert caught.value.allowance == "allow_any"
    assert "allow_any=True" in (caught.value.remedy or "")
    assert server.requests == []
    for consented in (InboundUpdate(allow_any=True), InboundUpdate(allowed_addresses=["192.0.2.1"])):
        assert said(client, NumberImport(number=NUMBER, inbound=consented, outbound=TRUNK)) == []


@pytest.mark.parametrize("admits", OPENING)
def test_an_update_that_clears_the_list_needs_the_same(admits: Admits | None) -> None:
    client, server = toy(declaring(admits))
    with pytest.raises(NotAllowed):
        client.update_sip("id", inbound=InboundUpdate(allowed_addresses=None))
    assert server.requests == []
    assert said(client, SipUpdate("id", inbound=InboundUpdate(allowed_addresses=None, allow_any=True))) == []


def test_an_update_that_leaves_the_list_needs_nothing() -> None:
    client, _ = toy(declaring(Admits.EVERYBODY))
    assert said(client, SipUpdate("id", outbound=TRUNK)) == []
    assert said(client, SipUpdate("id", inbound=InboundUpdate(allow_any=True), outbound=TRUNK)) == []


def test_where_nobody_is_let_in_that_is_said_and_stops_nothing() -> None:
    client, _ = toy(declaring(Admits.NOBODY))
    for change in (
        NumberImport(number=NUMBER, outbound=TRUNK),
        NumberImport(number=NUMBER, inbound=InboundUpdate(allowed_addresses=[], allow_any=True), outbound=TRUNK),
        SipUpdate("id", inbound=InboundUpdate(allowed_addresses=None)),
        SipUpdate("id", inbound=InboundUpdate(allowed_addresses=[], allow_any=True)),
    ):
        assert said(client, change) == [("warning", None)]
    client.import_number(NumberImport(number=NUMBER, outbound=TRUNK))


def test_missing_and_empty_may_mean_opposite_things() -> None:
    client, _ = toy(declaring(Admits.NOBODY, Admits.EVERYBODY))
    empty = InboundUpdate(allowed_addresses=[], allow_any=True)
    assert said(client, NumberImport(number=NUMBER, inbound=empty, outbound=TRUNK)) == []
    assert said(client, NumberImport(number=NUMBER, outbound=TRUNK)) == [("warning", None)]


def test_a_provider_without_a_list_has_nothing_to_consent_to() -> None:
    fields = {name: support for name, support in CAPABILITIES.fields.items() if name is not Field.ALLOWED_ADDRESSES}
    client, _ = toy(replace(CAPABILITIES, fields=fields))
    for inbound in (None, InboundUpdate(allow_any=True)):
        assert said(client, NumberImport(number=NUMBER, inbound=inbound, outbound=TRUNK)) == []


def test_a_list_that_came_past_its_own_check_is_checked_again() -> None:
    client, server = toy(declaring(Admits.EVERYBODY))
    wide = InboundUpdate.model_construct({"allowed_addresses"}, allow_any=False, allowed_addresses=("8.0.0.0/8",))
    with pytest.raises(NotAllowed):
        client.update_sip("id", inbound=wide)
    with pytest.raises(NotAllowed):
        InboundUpdate(allowed_addresses=["192.0.2.1"]).model_copy(update={"allowed_addresses": ["0.0.0.0/1"]})
    unsent = InboundUpdate.model_construct(set(), allow_any=False, allowed_addresses=("192.0.2.1",))
    with pytest.raises(NotAllowed):
        client.import_number(NumberImport(number=NUMBER, inbound=unsent, outbound=TRUNK))
    assert server.requests == []


@pytest.mark.parametrize(
    ("inbound", "admits", "message"),
    [
        (None, Admits.EVERYBODY, "without an allow-list toy lets everybody call in"),
        (None, Admits.UNKNOWN, "without an allow-list toy may let everybody call in; its documentation does not say"),
        (None, Admits.NOBODY, "without an allow-list toy lets nobody call in"),
        ((), Admits.EVERYBODY, "an empty allow-list lets everybody call in at toy"),
        ((), Admits.UNKNOWN, "an empty allow-list may let everybody call in at toy; its documentation does not say"),
        ((), Admits.NOBODY, "an empty allow-list lets nobody call in at toy"),
        (("8.0.0.0/8",), Admits.NOBODY, "this allow-list lets a large share of the internet call in at toy"),
    ],
)
def test_who_would_be_let_in_is_told_with_the_reason(
    inbound: tuple[str, ...] | None, admits: Admits, message: str
) -> None:
    client, _ = toy(declaring(admits))
    listed = InboundUpdate.model_construct({"allowed_addresses"}, allow_any=False, allowed_addresses=inbound)
    for change in (
        NumberImport(number=NUMBER, inbound=None if inbound is None else listed, outbound=TRUNK),
        SipUpdate("id", inbound=listed),
    ):
        (problem,) = (each for each in client.check(change) if each.field == Field.ALLOWED_ADDRESSES)
        assert problem.message == message


@pytest.mark.parametrize("slug", ["vox", "diga"])
def test_our_providers_declare_it(slug: str) -> None:
    from telephony_core.provider.registry import registry

    capabilities = registry.spec(slug).capabilities
    assert capabilities.allow_list is not None
    assert capabilities.allow_list.source
    assert capabilities.admits_without_list is {"vox": Admits.UNKNOWN, "diga": Admits.EVERYBODY}[slug]
    assert capabilities.can_write(Field.ALLOWED_ADDRESSES) is (slug == "diga")
