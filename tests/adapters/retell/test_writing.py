"""What is sent: names that differ between an import and an update, the transport along with the host, one agent."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core import (
    DRAFT,
    PUBLISHED,
    AgentRef,
    InboundUpdate,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    SideEffect,
    Telephony,
)
from telephony_core.emulator import Response
from telephony_core.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    PartialOutcome,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.provider.changes import AgentAssignment, SipUpdate
from telephony_core.testing import json_response
from telephony_retell import mapping
from tests.adapters.retell.records import AGENT, NUMBER, bought, imported, read, share

EMPTY = {"items": [], "has_more": False}
TLS = "sip:acme.pstn.twilio.com;transport=tls"
UPDATE = "PATCH /update-phone-number/%2B12135550110"


def created(record: object) -> Response:
    return json_response(201, record)


# -- importing


def test_an_import_says_everything_under_its_own_names(scripted: Any) -> None:
    retell = scripted(EMPTY, created(imported(inbound_agents=None)))
    trunk = OutboundUpdate(address=TLS, username="acme", password="pä**ss")
    number = retell.client.import_number(NumberImport(number=NUMBER, label="On call", outbound=trunk))
    assert number == read(imported(inbound_agents=None))
    assert retell.calls[-1] == "POST /import-phone-number"
    assert retell.body == {
        "phone_number": NUMBER,
        "ignore_e164_validation": False,
        "nickname": "On call",
        "termination_uri": "acme.pstn.twilio.com",
        "transport": "TLS",
        "sip_trunk_auth_username": "acme",
        "sip_trunk_auth_password": "pä**ss",
    }


def test_a_pseudo_number_goes_as_it_is_and_unchecked_where_that_is_asked_for(scripted: Any) -> None:
    retell = scripted(
        EMPTY, created(imported({"auth_username": None}, phone_number="2002", inbound_agents=None, nickname=None))
    )
    change = NumberImport(number="2002", send_as_is=True, outbound=OutboundUpdate(address=TLS))
    assert retell.client.import_number(change).id == "2002"
    assert (retell.body["phone_number"], retell.body["ignore_e164_validation"]) == ("2002", True)
    with pytest.raises(UnsupportedField, match="send_as_is"):
        scripted().client.import_number(NumberImport(number="2002", outbound=OutboundUpdate(address=TLS)))


def test_agents_are_assigned_after_an_import(scripted: Any) -> None:
    plain = imported(inbound_agents=None)
    retell = scripted(EMPTY, created(plain), imported())
    trunk = OutboundUpdate(address=TLS, username="acme", password="x")
    agent = AgentRef(AGENT, version=PUBLISHED)
    change = NumberImport(number=NUMBER, label="On call", outbound=trunk, inbound_agent=agent)
    assert retell.client.import_number(change).inbound_agent == agent
    assert retell.calls[-1] == UPDATE


def test_a_trunk_that_comes_back_over_another_transport_is_told(scripted: Any) -> None:
    retell = scripted(
        EMPTY, created(imported({"transport": "TCP", "auth_username": None}, inbound_agents=None, nickname=None))
    )
    with pytest.raises(PartialOutcome, match=r"outbound\.address came back different"):
        retell.client.import_number(NumberImport(number=NUMBER, outbound=OutboundUpdate(address=TLS)))


# -- the trunk


@pytest.mark.parametrize("address", ["pbx.example.com", "sip:pbx.example.com"])
def test_a_bare_host_is_sent_with_the_transport_that_it_means(address: str, scripted: Any) -> None:
    after = imported({"termination_uri": "pbx.example.com", "transport": "TCP", "auth_username": None})
    retell = scripted(imported(), after)  # over TLS before, which would stay if it were left out
    number = retell.client.update_sip(NUMBER, outbound=OutboundUpdate(address=address))
    assert retell.body == {"termination_uri": "pbx.example.com", "transport": "TCP"}
    assert str(number.sip.outbound.address) == "sip:pbx.example.com;transport=tcp"


def test_a_bare_host_that_comes_back_over_another_transport_than_tcp_is_told(scripted: Any) -> None:
    retell = scripted(imported(), imported({"termination_uri": "pbx.example.com", "transport": "UDP"}))
    with pytest.raises(PartialOutcome, match=r"outbound\.address came back different"):
        retell.client.update_sip(NUMBER, outbound=OutboundUpdate(address="pbx.example.com"))


def test_an_update_has_names_of_its_own_and_holds_only_what_was_set(scripted: Any) -> None:
    after = imported({"termination_uri": "new.example.com", "transport": "UDP", "auth_username": "new"})
    retell = scripted(imported(), after)
    trunk = OutboundUpdate(address="sip:new.example.com;transport=udp", username="new", password="secret")
    assert retell.client.update_sip(NUMBER, outbound=trunk) == read(after)
    assert retell.calls == ["GET /get-phone-number/%2B12135550110", UPDATE]
    assert retell.body == {
        "termination_uri": "new.example.com",
        "transport": "UDP",
        "auth_username": "new",
        "auth_password": "secret",
    }


@pytest.mark.parametrize(("half", "other"), [("username", "password"), ("password", "username")])
def test_one_of_the_credentials_alone_goes_with_a_warning(half: str, other: str, scripted: Any) -> None:
    change = SipUpdate(read(imported()), outbound=OutboundUpdate(**{half: "acme"}))
    retell = scripted(imported(), imported())
    (problem,) = retell.client.check(change)
    assert (problem.field, problem.severity) == (f"outbound.{half}", "warning")
    assert other in problem.message
    retell.client.update_sip(NUMBER, outbound=change.outbound)
    assert retell.body == {f"auth_{half}": "acme"}


@pytest.mark.parametrize(
    ("address", "part"),
    [("sip:pbx.example.com:5061;transport=tls", "a port"), ("sip:[2001:db8::7];transport=tcp", "an IPv6 address")],
)
def test_what_no_example_of_the_vendor_shows_goes_with_a_warning(address: str, part: str, scripted: Any) -> None:
    (problem,) = scripted().client.check(SipUpdate(read(imported()), outbound=OutboundUpdate(address=address)))
    assert (problem.field, problem.severity) == ("outbound.address", "warning")
    assert part in problem.message


@pytest.mark.parametrize("leaf", ["address", "username", "password"])
def test_no_trunk_setting_is_ever_cleared(leaf: str, scripted: Any) -> None:
    with pytest.raises(UnsupportedField, match="no way to clear it"):
        scripted().client.update_sip(NUMBER, outbound=OutboundUpdate(**{leaf: None}))


def test_what_has_no_place_is_refused(scripted: Any) -> None:
    retell: Telephony = scripted().client
    with pytest.raises(UnsupportedField):
        retell.update_sip(NUMBER, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
    with pytest.raises(UnsupportedField):
        retell.update_sip(NUMBER, outbound=OutboundUpdate(media_encryption="require"))
    for address in (
        "sips:pbx.example.com",
        "sip:user@pbx.example.com;transport=tcp",
        "sip:pbx.example.com;transport=tcp;lr",
    ):
        with pytest.raises(UnsupportedField, match="does not support"):
            retell.update_sip(NUMBER, outbound=OutboundUpdate(address=address))
    with pytest.raises(UnsupportedOperation):
        retell.update_sip(read(bought()), outbound=OutboundUpdate(address=TLS))


# -- label


@pytest.mark.parametrize("label", ["New", None])
def test_a_label_is_set_and_cleared(label: str | None, scripted: Any) -> None:
    retell = scripted(imported(), imported(nickname=label))
    assert retell.client.update_label(NUMBER, label).label == label
    assert (retell.calls[-1], retell.body) == (UPDATE, {"nickname": label})


# -- agents


@pytest.mark.parametrize(
    ("version", "word"),
    [(PUBLISHED, "latest_published"), ("latest", "latest"), ("0", 0), ("17", 17), ("prod", "prod"), ("v3-eu", "v3-eu")],
)
def test_an_agent_is_the_only_one_of_its_list(version: Any, word: object, scripted: Any) -> None:
    agent = AgentRef(AGENT, version=version)
    retell = scripted(imported(), imported(inbound_agents=[share(word)], outbound_agents=[share(word)]))
    number = retell.client.assign_agents(NUMBER, inbound=agent, outbound=agent)
    assert (number.inbound_agent, number.outbound_agent) == (agent, agent)
    entry = {"agent_id": AGENT, "agent_version": word, "weight": 1}
    assert retell.body == {"inbound_agents": [entry], "outbound_agents": [entry]}


@pytest.mark.parametrize(
    "version", [DRAFT, "v3", "v17", "01", "-1", "1.5", "latest_published", "Prod", "a" * 21, "", "prod\n", "1" * 10]
)
def test_a_version_that_retell_has_no_word_for_is_refused(version: Any, scripted: Any) -> None:
    with pytest.raises(UnsupportedField):
        scripted().client.assign_agents(NUMBER, inbound=AgentRef(AGENT, version=version))


def test_an_agent_is_taken_off_by_null_and_the_other_direction_stays(scripted: Any) -> None:
    retell = scripted(imported(), imported(inbound_agents=None))
    assert retell.client.assign_agents(NUMBER, inbound=None).inbound_agent is None
    assert retell.body == {"inbound_agents": None}


SPLITS = ([share(weight=0.5), share("prod", weight=0.5)], [share(weight=0.4)])
UNREADABLE = ("unreadable", [{"agent_id": 7, "weight": 0.5}])


@pytest.mark.parametrize("shares", SPLITS)
@pytest.mark.parametrize("agent", [AgentRef(AGENT, version=PUBLISHED), None])
def test_a_list_that_splits_calls_is_replaced_only_with_consent(
    shares: object, agent: AgentRef | None, scripted: Any
) -> None:
    retell = scripted(imported(inbound_agents=shares))
    with pytest.raises(NotAllowed) as caught:
        retell.client.assign_agents(NUMBER, inbound=agent)
    assert caught.value.allowance == SideEffect.REPLACES_SPLIT
    assert "--allow replaces_split" in caught.value.remedy.cli
    assert len(retell.script.sent) == 1

    after = imported(inbound_agents=None if agent is None else [share("latest_published")])
    willing = scripted(imported(inbound_agents=shares), after)
    done = willing.client.assign_agents(NUMBER, inbound=agent, allow={SideEffect.REPLACES_SPLIT})
    assert done.inbound_agent == agent


@pytest.mark.parametrize("shares", SPLITS)
def test_no_other_consent_counts_for_a_split(shares: object, scripted: Any) -> None:
    others = frozenset(SideEffect) - {SideEffect.REPLACES_SPLIT}
    with pytest.raises(NotAllowed):
        scripted(imported(inbound_agents=shares)).client.assign_agents(NUMBER, inbound=None, allow=others)


@pytest.mark.parametrize("shares", UNREADABLE)
def test_a_list_that_cannot_be_read_is_not_replaced_by_any_consent(shares: object, scripted: Any) -> None:
    retell = scripted(imported(inbound_agents=shares))
    with pytest.raises(WrongState, match="cannot be read"):
        retell.client.assign_agents(NUMBER, inbound=None, allow=frozenset(SideEffect))
    assert len(retell.script.sent) == 1


@pytest.mark.parametrize("shares", [*SPLITS, *UNREADABLE])
def test_the_other_direction_is_free(shares: object, scripted: Any) -> None:
    free = AgentAssignment(read(imported(inbound_agents=shares)), outbound=AgentRef(AGENT, version=PUBLISHED))
    assert scripted().client.check(free) == []


def test_an_agent_that_is_not_there_is_told_as_that(scripted: Any) -> None:
    gone = json_response(422, {"status": "error", "message": "Cannot find requested asset under given api key."})
    with pytest.raises(NotFound) as caught:
        scripted(imported(), gone).client.assign_agents(NUMBER, inbound=AgentRef("nobody", version=PUBLISHED))
    assert "agent" in (caught.value.remedy or "")


def test_an_odd_name_of_a_version_does_not_stand_in_the_way(scripted: Any) -> None:
    retell = scripted(imported(inbound_agents=[share("draft")]), imported())
    retell.client.assign_agents(NUMBER, inbound=AgentRef(AGENT, version=PUBLISHED))


# -- release


def test_a_release_is_looked_after(scripted: Any) -> None:
    gone = json_response(422, {"status": "error", "message": "Cannot find requested asset under given api key."})
    retell = scripted(imported(), Response(204, {}, b""), gone, EMPTY)
    release = retell.client.release(NUMBER)
    assert (release.id, release.status, release.revocable) == (NUMBER, NumberStatus.RELEASED, False)
    assert [call.split("/")[1].partition("?")[0] for call in retell.calls] == [
        "get-phone-number", "delete-phone-number", "get-phone-number", "v2",
    ]  # fmt: skip


def test_a_release_after_which_the_number_is_there_is_unknown(scripted: Any) -> None:
    retell = scripted(imported(), Response(204, {}, b""), imported())
    assert retell.client.release(NUMBER).status is NumberStatus.UNKNOWN


def test_nothing_can_be_revoked_sought_or_bought(scripted: Any) -> None:
    with pytest.raises(UnsupportedOperation):
        scripted().client.revoke_release(read(imported()))
    with pytest.raises(UnsupportedOperation):
        list(scripted().client.search_available())


def test_a_version_is_never_left_out() -> None:
    with pytest.raises(InvalidInput):
        mapping.version_word(None)
