"""Whatever comes: a verdict on every number, and nothing weakened without its name being said."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, MediaEncryption
from telephony_core.migration.assessment.assess import assess_inventory
from telephony_core.migration.mapping.map_file import MigrationMap
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.rendering.plan_page import plan_page
from telephony_core.migration.rendering.plan_text import plan_lines
from telephony_core.provider.capabilities import (
    AddressForms,
    Capabilities,
    ImportableNumbers,
)
from telephony_core.provider.capabilities import Field as Setting
from tests.migration.scenes import (
    PUBLISHING,
    WIDE,
    inventory,
    narrowed,
    number,
    target,
    trunk,
)

_ADDRESSES = (
    None, "pbx.example.com", "sip:pbx.example.com:5060", "sips:pbx.example.com", "sip:u@pbx.example.com;transport=tls",
    "sip:pbx.example.com;transport=udp;lr", "[2001:db8::5]:5060",
)  # fmt: skip
_LISTS = (None, (), ("203.0.113.7",), ("0.0.0.0/0",), ("*.example.com",), ("203.0.113.7/8",), ("a, b",))
_RAWS = ("07011112222", "+34911234567", "140001", "2001@pbx.example.com", "", "sip:x", "０７０", "911234567")
_AGENTS = (None, AgentRef("a-1"), AgentRef("a-1", version=AgentVersion.DRAFT), AgentRef("a-2", version="v7"))


_EVERYTHING = number(
    "+827099990000",
    id="6",
    sip=trunk("sip:pbx.example.com:5060", username="acme"),
    inbound_agent=AgentRef("a-1"),
    outbound_agent=AgentRef("a-2", version="v7"),
)


@st.composite
def records(draw: st.DrawFn) -> PhoneNumber:
    level = st.sampled_from([None, *MediaEncryption])
    return number(
        draw(st.sampled_from(_RAWS)),
        id=draw(st.sampled_from("12345")),
        status=draw(st.sampled_from(list(NumberStatus))),
        origin=draw(st.sampled_from(list(Origin))),
        label=draw(st.none() | st.text(max_size=12)),
        sip=draw(
            st.builds(
                trunk,
                st.sampled_from(_ADDRESSES),
                username=st.sampled_from([None, "acme"]),
                credentials=st.sampled_from(list(CredentialState)),
                allowed=st.sampled_from(_LISTS),
                inbound=level,
                outbound=level,
            )
        ),
        inbound_agent=draw(st.sampled_from(_AGENTS)),
        outbound_agent=draw(st.sampled_from(_AGENTS)),
    )


@st.composite
def declarations(draw: st.DrawFn) -> Capabilities:
    kinds = draw(st.frozensets(st.sampled_from(list(NumberKind))))
    return narrowed(
        *draw(st.sets(st.sampled_from(list(Setting)))),
        region=draw(st.sampled_from(["KR", "ES"])),
        importable=draw(
            st.none() | st.just(ImportableNumbers(source="made up", kinds=kinds, as_is=frozenset({NumberKind.SERVICE})))
        ),
        address_forms=draw(st.none() | st.builds(AddressForms, source=st.just("made up"), sips=st.booleans())),
        side_effects=draw(st.sampled_from([{}, PUBLISHING])),
    )


MAPPED = MigrationMap.model_validate(
    {
        "agents": [{"source": "a-1", "target": "w-1", "target_version": "draft"}, {"source": "a-2", "drop": True}],
        "trunks": [{"name": "t", "source_address": "sip:pbx.example.com:5060", "auth": "none"}],
    }
)


@settings(deadline=None, max_examples=120)
@given(
    st.lists(records(), max_size=4, unique_by=lambda record: record.id),
    declarations(),
    st.sets(st.sampled_from(list(Allowance))),
    st.sampled_from([MigrationMap(), MAPPED]),
)
def test_whatever_comes_every_number_gets_a_verdict_and_nothing_is_weakened_in_silence(
    held: list[PhoneNumber], declared: Capabilities, allow: set[Allowance], mapping: MigrationMap
) -> None:
    held = [*held, _EVERYTHING]  # a map is refused where a table of it is for nothing
    given_: dict[str, Any] = {"allow": allow, "source_capabilities": WIDE}
    to = target(capabilities=declared)
    plan = make_plan(inventory(*held), to, mapping, **given_)
    verdicts = assess_inventory(inventory(*held), to, mapping=mapping, **given_).numbers
    assert len(verdicts) == len(held) == len(plan.numbers) + len(plan.skipped)
    assert plan_lines(plan)
    assert plan_page(plan)
    for planned in plan.numbers:
        sip, desired = planned.source.sip, planned.desired
        assert sip is not None
        if sip.inbound.allowed_addresses and (desired.inbound is None or not desired.inbound.allowed_addresses):
            assert allow & {Allowance.LOST_ALLOW_LIST, Allowance.ANY_CALLER}
        if desired.inbound is not None and desired.inbound.allow_any:
            assert Allowance.ANY_CALLER in allow
        address = None if desired.outbound is None else desired.outbound.address
        if sip.outbound.address is not None and sip.outbound.address.security == "tls":
            assert (address is not None and address.security == "tls") or allow & {Allowance.TLS, Allowance.ADDRESS}
        for name, half in (("inbound", desired.inbound), ("outbound", desired.outbound)):
            before = getattr(sip, name).media_encryption
            after = None if half is None else half.media_encryption
            if before in (MediaEncryption.REQUIRE, MediaEncryption.ALLOW) and after is not before:
                assert Allowance(f"{name}_media_encryption") in allow or (name == "outbound" and address is None)
        if desired.allow:
            assert Allowance.PUBLISHES in allow
