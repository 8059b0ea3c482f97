"""What is on the vox cassettes: every operation, and the main refusals."""

from __future__ import annotations

import pytest

from telephony_core import (
    DRAFT,
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    InvalidRequest,
    NumberImport,
    NumberStatus,
    Origin,
    OutboundUpdate,
    UnsupportedField,
    UnsupportedOperation,
)
from tests.cassettes.common_scenes import Vendor, common_scenes
from tests.cassettes.tape import PASSWORD, Play, Scene, ask

IMPORTED, PURCHASED = "070-1111-2222", "070-1234-5678"
TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=PASSWORD)
VENDOR = Vendor(
    known=IMPORTED,
    nobody="00000000-0000-4000-8000-000000000000",
    listed={
        "status": {
            NumberStatus.PENDING,
            NumberStatus.ACTIVE,
            NumberStatus.RELEASE_SCHEDULED,
            NumberStatus.RELEASED,
        }
    },
    label="새 이름",
    clears_labels=True,
    first={"status": NumberStatus.ACTIVE},
    again=NumberImport(number="+827011112222", outbound=OutboundUpdate(address="pbx.example.com")),
    brought=NumberImport(number="+827099998888", label="새 번호", outbound=TRUNK),
    lost=NumberImport(number="+827099996666", outbound=TRUNK),
    keeps_released=True,
)


def list_narrowed() -> Play:
    numbers = yield ask("list_numbers", status=NumberStatus.ACTIVE, origin=Origin.PURCHASED)
    assert {(number.status, number.origin) for number in numbers} == {(NumberStatus.ACTIVE, Origin.PURCHASED)}


def find_in_any_spelling() -> Play:
    number = yield ask("find_number", IMPORTED)
    assert number.identity.e164 == "+827011112222"
    assert str(number.sip.outbound.address) == "sip:trunk.example.com:5060"
    assert number.inbound_agent.version is PUBLISHED
    assert number.raw["number"] == "07011112222"


def import_with_agents() -> Play:
    agents = (yield ask("find_number", IMPORTED)).inbound_agent
    number = yield ask(
        "import_number",
        NumberImport(
            number="+827099997777",
            outbound=OutboundUpdate(address="sip:pbx.example.com"),
            inbound_agent=AgentRef(agents.agent_id, version=PUBLISHED),
            outbound_agent=AgentRef(agents.agent_id, version=DRAFT),
        ),
    )
    assert (number.inbound_agent.version, number.outbound_agent.version) == (PUBLISHED, DRAFT)


def change_trunk() -> Play:
    number = yield ask("find_number", IMPORTED)
    update = OutboundUpdate(address="new.example.com", username="acme2", password=PASSWORD)
    changed = yield ask("update_sip", number, outbound=update)
    assert str(changed.sip.outbound.address) == "sip:new.example.com"
    assert (yield ask("update_sip", number, outbound=OutboundUpdate(password=PASSWORD))).id == number.id


def assign_agents() -> Play:
    number = yield ask("find_number", IMPORTED)
    agent = AgentRef(number.inbound_agent.agent_id, version="v2")
    assert (yield ask("assign_agents", number, outbound=agent)).outbound_agent == agent
    assert (yield ask("assign_agents", number, inbound=None)).inbound_agent is None


def release_and_revoke() -> Play:
    number = yield ask("find_number", PURCHASED)
    release = yield ask("release", number)
    assert (release.status, release.revocable) == (NumberStatus.RELEASE_SCHEDULED, True)
    assert release.takes_effect_at is not None
    assert (yield ask("revoke_release", number.id)).status is NumberStatus.ACTIVE


def search_available() -> Play:
    numbers = yield ask("search_available", line_type="voip", sort_by="monthly_fee", descending=True)
    assert {number.line_type for number in numbers} == {"voip"}
    fees = [number.monthly_fee.amount for number in numbers]
    assert fees == sorted(fees, reverse=True)


def refuse_what_has_no_place() -> Play:
    number = yield ask("find_number", IMPORTED)
    with pytest.raises(UnsupportedField):
        yield ask("update_sip", number, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
    purchased = yield ask("find_number", PURCHASED)
    with pytest.raises(UnsupportedOperation):
        yield ask("update_sip", purchased, outbound=OutboundUpdate(password=PASSWORD))


def malformed_id() -> Play:
    with pytest.raises(InvalidRequest):
        yield ask("get_number", "not-an-id")


SCENES = (
    *common_scenes(VENDOR),
    Scene(list_narrowed),
    Scene(find_in_any_spelling),
    Scene(import_with_agents),
    Scene(change_trunk),
    Scene(assign_agents),
    Scene(release_and_revoke),
    Scene(search_available, live=True),
    Scene(refuse_what_has_no_place),
    Scene(malformed_id, live=True),
)
