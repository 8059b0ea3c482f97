"""The list for the person at the carrier: where the calls of each number have to be sent."""

from __future__ import annotations

from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.rendering.cut_over_checklist import cut_over_checklist
from telephony_core.migration.run.verify_report import NumberVerification
from telephony_core.provider.capabilities import InboundHost
from tests.migration.scenes import CLOCK, WIDE, inventory, narrowed, number, target

HOST = InboundHost(source="a guide", host=None, note="it follows from the number")


def items(**uris: str | None) -> list[str]:
    """What is to be sent where, for numbers +1 202 555 01xx with these addresses."""
    keys = {f"+1202555{name[1:]}": uri for name, uri in uris.items()}
    plan = make_plan(inventory(*map(number, keys)), target(), source_capabilities=WIDE, clock=CLOCK)
    found = [
        NumberVerification(number=key, record="r", state=MigrationState.MOVED, fields=(), inbound_uri=uri)
        for key, uri in keys.items()
    ]
    checklist = cut_over_checklist(plan, narrowed(inbound_host=HOST), found)
    return [item for item in checklist if item.startswith("send inbound calls")]


def test_addresses_that_differ_in_the_number_alone_are_one_item() -> None:
    (item,) = items(n0101="sip:+12025550101@sip.example.com", n0102="sip:+12025550102@sip.example.com")
    assert "of 2 numbers to sip:NUMBER@sip.example.com (as the vendor documents it: a guide)" in item


def test_one_number_is_told_its_own_address() -> None:
    assert "of +12025550101 to sip:+12025550101@sip.example.com (" in items(n0101="sip:+12025550101@sip.example.com")[0]


def test_numbers_of_different_hosts_are_items_of_their_own_and_named() -> None:
    one, other, unknown = items(
        n0101="sip:+12025550101@a.example.com",
        n0102="sip:+12025550102@a.example.com",
        n0103="sip:+12025550103@b.example.com",
        n0104=None,
    )
    assert "2 numbers (+12025550101, +12025550102) to sip:NUMBER@a.example.com" in one
    assert "+12025550103 to sip:+12025550103@b.example.com" in other
    assert "+12025550104 to west; its host is not documented" in unknown
    assert "ask the vendor first: it follows from the number" in unknown
