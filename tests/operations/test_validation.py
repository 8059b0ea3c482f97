"""What stands against a change: all of it at once, with no request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telephony_core import (
    DRAFT,
    PUBLISHED,
    UNSET,
    AgentAssignment,
    AgentRef,
    InboundUpdate,
    InvalidInput,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    OutboundUpdate,
    ReleaseRevocation,
    SipUpdate,
    Telephony,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.provider.capabilities import Field, InboundHost, Operation
from telephony_core.provider.port import Problem
from tests.provider.toy import CAPABILITIES, SPEC, ToyProvider, ToyServer, read_toy

NUMBER = "+827011112222"
TRUNK = OutboundUpdate(address="pbx.example.com", username="u", password="p")


@pytest.fixture
def toy() -> Telephony:
    server = ToyServer()
    client = Telephony(SPEC, api_key="k", base_url="https://toy.example", backend=server)
    client.server = server
    return client


def number(**fields: object):
    return read_toy({"id": "a", "number": "07011112222", **fields})


# change, the field it is about, the error, a word of what to do or what is wrong
REFUSED = [
    (NumberImport(number="+34911234567", outbound=TRUNK), "number", UnsupportedField, "KR only"),
    (NumberImport(number="02123", outbound=TRUNK), "number", InvalidInput, "E.164"),
    (NumberImport(number="0082 70 1111 2222", outbound=TRUNK), "number", InvalidInput, "international prefix"),
    (NumberImport(number="140001", outbound=TRUNK), "number", UnsupportedField, "send_as_is=True"),
    (NumberImport(number="a@example.com", outbound=TRUNK), "number", UnsupportedField, "SIP identifier"),
    (NumberImport(number="+827011112222"), "outbound.address", InvalidInput, "missing"),
    (NumberImport(number="+827011112222", outbound=TRUNK, label="x" * 21), "label", InvalidInput, "21 characters"),
    (NumberImport(number="+827011112222", outbound=TRUNK, label=" "), "label", InvalidInput, "empty"),
    (
        NumberImport(number="+827011112222", outbound=TRUNK, inbound=InboundUpdate(media_encryption="require")),
        "inbound.media_encryption",
        UnsupportedField,
        "does not support it",
    ),
    (
        NumberImport(number="+827011112222", outbound=TRUNK, inbound_agent=AgentRef("bot")),
        "inbound_agent",
        InvalidInput,
        "version",
    ),
    (
        NumberImport(number="+827011112222", outbound=TRUNK, options={"toy": {"nope": 1}}),
        "options",
        InvalidInput,
        "nope",
    ),
    (LabelUpdate("", "x"), "number", InvalidInput, "empty"),
    (LabelUpdate("a", "x" * 21), "label", InvalidInput, "21 characters; toy takes 20"),
    (NumberImport(number="+800 1234 5678", outbound=TRUNK), "number", UnsupportedField, "is of no country"),
    (NumberImport(number="a@example.com", outbound=TRUNK), "number", UnsupportedField, "toy takes no SIP identifier"),
    (NumberImport(number="a@example.com", outbound=TRUNK), "number", UnsupportedField, "it cannot be moved here"),
    (NumberImport(number="+34911234567", outbound=TRUNK), "number", UnsupportedField, "toy takes numbers of KR only"),
    (NumberImport(number="+34911234567", outbound=TRUNK), "number", UnsupportedField, "+34911234567 is of ES"),
    (LabelUpdate(number(status="released"), "x"), "status", WrongState, "released"),
    (SipUpdate("a"), "sip", InvalidInput, "changes nothing"),
    (SipUpdate("a", outbound=OutboundUpdate()), "sip", InvalidInput, "changes nothing"),
    (
        SipUpdate("a", outbound=OutboundUpdate(address="pbx.example.com")),
        "outbound.address",
        InvalidInput,
        "outbound.password",
    ),
    (
        SipUpdate("a", outbound=OutboundUpdate(address=None, password="p")),
        "outbound.address",
        UnsupportedField,
        "clear",
    ),
    (
        SipUpdate("a", inbound=InboundUpdate(allowed_addresses=None)),
        "inbound.allowed_addresses",
        UnsupportedField,
        "clear",
    ),
    (
        SipUpdate("a", outbound=OutboundUpdate(media_encryption="allow")),
        "outbound.media_encryption",
        UnsupportedField,
        "leave it out",
    ),
    *(
        (
            SipUpdate("a", outbound=OutboundUpdate(address=address, password="p")),
            "outbound.address",
            UnsupportedField,
            word,
        )
        for word in ("host[:port]", "toy does not support")
        for address in ("sips:h.example", "sip:h.example;transport=tcp", "sip:u@h.example", "sip:h.example;lr")
    ),
    (AgentAssignment("a"), "agents", InvalidInput, "changes nothing"),
    (AgentAssignment("a", AgentRef(" ", version=PUBLISHED)), "inbound_agent", InvalidInput, "agent id is empty"),
    (AgentAssignment("a", AgentRef("b")), "inbound_agent", InvalidInput, "PUBLISHED"),
    (AgentAssignment("a", AgentRef("b", version=DRAFT)), "inbound_agent", UnsupportedField, "published"),
    (AgentAssignment("a", AgentRef("b", version="latest")), "inbound_agent", UnsupportedField, "own word for one"),
    (AgentAssignment("a", AgentRef("b", version="latest")), "inbound_agent", UnsupportedField, "toy cannot express"),
    (
        NumberImport(number="+827011112222", outbound=TRUNK, inbound_agent=AgentRef("b", version="latest")),
        "inbound_agent",
        UnsupportedField,
        "toy cannot express",
    ),
    (LabelUpdate(number(status="released"), "x"), "status", WrongState, "import the number again"),
    (NumberRelease(number(status="release_scheduled")), "status", WrongState, "read the number again"),
    (AgentAssignment("a", outbound=None), "outbound_agent", UnsupportedField, "take an agent off"),
    (NumberRelease(number(status="release_scheduled")), "status", WrongState, "scheduled already"),
    (ReleaseRevocation(number()), "status", WrongState, "no release"),
    (SipUpdate(number(origin="purchased"), outbound=TRUNK), "update_sip", UnsupportedOperation, "imported"),
]


@pytest.mark.parametrize(("change", "field", "error", "word"), REFUSED)
def test_a_change_that_cannot_be_meant_or_told_is_a_problem(toy, change, field, error, word):
    problems = [problem for problem in toy.check(change) if problem.field == field]
    assert [type(problem.error) for problem in problems] == [error]
    assert word in str(problems[0])
    assert toy.server.requests == []


FROM_THE_CARRIER = InboundUpdate(allowed_addresses=["192.0.2.0/24"])
GOOD = [
    NumberImport(number="070-1111-2222", inbound=FROM_THE_CARRIER, outbound=TRUNK, label="x" * 20),
    NumberImport(number="140001", inbound=FROM_THE_CARRIER, outbound=TRUNK, send_as_is=True),
    NumberImport(number="+827011112222", inbound=FROM_THE_CARRIER, outbound=TRUNK, options={"other": {"whatever": 1}}),
    LabelUpdate("a", None),
    SipUpdate("a", outbound=TRUNK),
    SipUpdate("a", outbound=OutboundUpdate(address="h.example"), options={"toy": {"quickly": True}}),
    SipUpdate("a", inbound=InboundUpdate(allowed_addresses=["192.0.2.0/24"])),
    AgentAssignment("a", AgentRef("b", version="v12"), AgentRef("b", version=PUBLISHED)),
    AgentAssignment("a", None, UNSET),
    NumberRelease("a"),
    ReleaseRevocation(number(status="release_scheduled")),
    ReleaseRevocation(number(status="unknown")),
]


@pytest.mark.parametrize("change", GOOD)
def test_a_good_change_has_no_problem(toy, change):
    assert toy.check(change) == []


def test_a_setting_that_an_import_needs_is_told_with_who_needs_it(toy):
    missing = [problem for problem in toy.check(NumberImport(number=NUMBER)) if problem.field == Field.ADDRESS]
    assert only(missing) == (Field.ADDRESS, "outbound.address is missing", "toy needs it to import a number")


def test_all_problems_are_told_at_once(toy):
    change = NumberImport(
        number="+34911234567",
        label="x" * 99,
        inbound=FROM_THE_CARRIER,
        outbound=OutboundUpdate(media_encryption="require"),
        outbound_agent=AgentRef("b", version=DRAFT),
    )
    assert [problem.field for problem in toy.check(change)] == [
        "number",
        "label",
        "outbound.media_encryption",
        "outbound.address",
        "outbound_agent",
        "outbound.username",
    ]


def test_a_warning_stands_against_nothing(toy):
    change = NumberImport(
        number="+827011112222", inbound=FROM_THE_CARRIER, outbound=OutboundUpdate(address="h.example")
    )
    (problem,) = toy.check(change)
    assert (problem.severity, problem.error) == ("warning", None)
    assert str(problem).startswith("warning: outbound.username")
    toy.import_number(change)


def test_an_undeclared_operation_is_refused_with_its_name():
    class Modest(ToyProvider):
        capabilities = replace(CAPABILITIES, operations={Operation.LIST: CAPABILITIES.operations[Operation.LIST]})

    client = Telephony(
        replace(SPEC, factory=Modest), api_key="k3y", base_url="https://toy.example", backend=(server := ToyServer())
    )
    calls = [
        lambda: client.get_number("a"),
        lambda: client.import_number(NumberImport(number="+827011112222", outbound=TRUNK)),
        lambda: client.update_label("a", "x"),
        lambda: client.update_sip("a", outbound=TRUNK),
        lambda: client.assign_agents("a", inbound=None),
        lambda: client.release("a"),
        lambda: client.revoke_release("a"),
        lambda: next(client.search_available()),
    ]
    for call in calls:
        with pytest.raises(
            UnsupportedOperation, match=r"toy cannot (read|import|label|change|assign|release|revoke|search)"
        ):
            call()
    assert server.requests == []


def modest(**changes: object) -> Telephony:
    """A client of the toy with other capabilities."""
    modest_toy = type("Modest", (ToyProvider,), {"capabilities": replace(CAPABILITIES, **changes)})
    spec = replace(SPEC, factory=modest_toy)
    return Telephony(spec, api_key="k", base_url="https://toy.example", backend=ToyServer())


def only(problems: list[Problem]) -> tuple[str, str, str | None]:
    (problem,) = problems
    assert problem.error is not None
    return problem.field, problem.error.message, problem.error.remedy


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("140001", "toy takes no service number or short code here: 140001"),
        ("sip:front@example.com", "toy takes no SIP identifier here"),
    ],
)
def test_what_is_not_taken_is_shown_unless_it_is_an_address(toy, number, message):
    (problem,) = toy.check(NumberImport(number=number, inbound=FROM_THE_CARRIER, outbound=TRUNK))
    assert (problem.field, problem.message) == ("number", message)


def test_a_version_that_is_missing_or_unknown_is_told_in_the_words_of_whoever_asked(toy):
    (problem,) = toy.check(AgentAssignment("a", AgentRef("b")))
    assert problem.error.remedy == "say version=PUBLISHED, DRAFT or the provider's own word for one"
    assert problem.error.remedy.cli == "say published, draft or the provider's own word for one"
    (problem,) = toy.check(AgentAssignment("a", AgentRef("b", version="x" * 50)))
    assert problem.error.message == f"toy cannot express the agent version '{'x' * 40}'"


def test_consent_to_unpublish_is_asked_for_in_the_words_of_whoever_asked(toy):
    released = number(inbound_agent={"agent_id": "bot", "version": "v1"})
    (problem,) = toy.check(NumberRelease(released))
    assert problem.error.remedy == "say allow={SideEffect.UNPUBLISHES} if that is meant"
    assert problem.error.remedy.cli == "say --allow unpublishes if that is meant"


def test_a_field_for_an_agent_that_is_not_offered_is_named():
    fields = {name: support for name, support in CAPABILITIES.fields.items() if name != "inbound_agent"}
    problems = modest(fields=fields).check(AgentAssignment("a", AgentRef("b", version=PUBLISHED)))
    assert only(problems) == ("inbound_agent", "toy does not support it", "leave it out")
    assert isinstance(problems[0].error, UnsupportedField)
    assert problems[0].error.field == "inbound_agent"


def test_agents_on_an_import_where_none_can_be_assigned_are_told_under_their_field():
    operations = {op: told for op, told in CAPABILITIES.operations.items() if op is not Operation.ASSIGN_AGENTS}
    change = NumberImport(
        number="+827011112222",
        inbound=FROM_THE_CARRIER,
        outbound=TRUNK,
        inbound_agent=AgentRef("b", version=PUBLISHED),
    )
    (problem,) = modest(operations=operations).check(change)
    assert problem.field == "inbound_agent"
    assert isinstance(problem.error, UnsupportedOperation)
    assert "assign agents" in problem.error.message


def test_only_what_can_be_said_of_versions_is_offered():
    rules = replace(CAPABILITIES.agent_versions, literals=None)
    problems = modest(agent_versions=rules).check(AgentAssignment("a", AgentRef("b", version="v1")))
    assert only(problems)[2] == "it takes published"


def test_a_label_can_be_set_where_none_can_be_taken_away():
    fields = {**CAPABILITIES.fields, Field.LABEL: replace(CAPABILITIES.fields[Field.LABEL], clearable=False)}
    client = modest(fields=fields)
    assert client.check(LabelUpdate("a", "Front desk")) == []
    assert only(client.check(LabelUpdate("a", None)))[0] == "label"


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_a_label_with_what_a_terminal_obeys_or_what_turns_text_is_refused(toy, character):
    imported = NumberImport(number="+827011112222", label=f"a{character}b", inbound=FROM_THE_CARRIER, outbound=TRUNK)
    for change in (LabelUpdate("a", f"a{character}b"), imported):
        (problem,) = toy.check(change)
        assert problem.field == "label"
        assert character not in problem.message


@pytest.mark.parametrize("label", ["two\r\nlines\tand more", "\U0001f469\u200d\U0001f467", "שלום\u200f", "서울"])
def test_a_label_is_taken_in_every_script(toy, label):
    assert toy.check(LabelUpdate("a", label)) == []


@pytest.mark.parametrize(
    ("origin", "host"),
    [("imported", "in.example.com"), ("unknown", "in.example.com"), ("purchased", None), ("linked", None)],
)
def test_calls_go_to_the_declared_host_where_a_carrier_of_the_customers_sends_them(origin, host):
    declared = InboundHost(source="made up", host="in.example.com")
    uri = modest(inbound_host=declared).adapter.inbound_uri(number(origin=origin))
    assert (uri and uri.host) == host
    nowhere = replace(declared, host=None)
    assert modest(inbound_host=nowhere).adapter.inbound_uri(number(origin=origin)) is None


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("0034 612 345 678", "+34612345678"),  # a prefix means something only where it is dialled
        ("612 345 678", "612 345 678"),
        ("+34 612 345 678", "+34 612 345 678"),
    ],
)
def test_an_adapter_is_given_e164_for_an_international_prefix_and_any_other_number_as_it_came(given, sent):
    seen = []

    class Spanish(ToyProvider):
        capabilities = replace(
            CAPABILITIES, region="ES", importable=replace(CAPABILITIES.importable, countries=frozenset({"ES"}))
        )

        def check(self, change):
            seen.append(change.number)
            return super().check(change)

    spec = replace(SPEC, factory=Spanish)
    client = Telephony(spec, api_key="k", base_url="https://toy.example", backend=ToyServer())
    assert client.check(NumberImport(number=given, inbound=FROM_THE_CARRIER, outbound=TRUNK)) == []
    assert seen == [sent]


def test_a_label_can_be_needed_to_import():
    fields = {**CAPABILITIES.fields, Field.LABEL: replace(CAPABILITIES.fields[Field.LABEL], required_on_import=True)}
    client = modest(fields=fields)
    change = NumberImport(number="+827011112222", inbound=FROM_THE_CARRIER, outbound=TRUNK)
    (problem,) = client.check(change)
    assert problem.field == "label"
    assert isinstance(problem.error, InvalidInput)
    assert problem.error.remedy == "toy needs it to import a number; the number itself will do"
    assert client.check(change.model_copy(update={"label": "Front desk"})) == []
