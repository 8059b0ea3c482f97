"""What a caller gives in the place of something else is refused before a request, in words that say what and where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import sniffio

from telephony_core import (
    AgentAssignment,
    AgentRef,
    AsyncTelephony,
    AuthenticationFailed,
    ConfigurationError,
    Connection,
    Connections,
    InboundUpdate,
    InvalidInput,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    OutboundUpdate,
    ReleaseRevocation,
    SipUpdate,
    Telephony,
    UnexpectedResponse,
    UnsupportedField,
)
from telephony_core.errors import cli_words
from telephony_core.provider.flow import Response
from telephony_core.testing import ScriptedBackend, emulated, json_response

CHANGES = [NumberImport, LabelUpdate, SipUpdate, AgentAssignment, NumberRelease, ReleaseRevocation]
PYDANTIC = (
    "Input should",
    "validation error",
    "pydantic",
    "Extra inputs",
    "Field required",
    "NoneType' object",
    "Config:",
)


def nobody() -> tuple[Telephony, ScriptedBackend]:
    backend = ScriptedBackend([])
    return Telephony(Connection(provider="vox", name="kr-prod", api_key="key"), backend=backend), backend


CALLS: dict[str, Callable[[Any], object]] = {
    "a number for an id": lambda t: t.get_number("+827011112222"),
    "a national number for an id": lambda t: t.get_number("070-1111-2222"),
    "bare digits for an id": lambda t: t.update_label("07011112222", "x"),
    "a record for an id": lambda t: t.get_number(5),
    "no id": lambda t: t.get_number(None),
    "an empty id": lambda t: t.release(""),
    "no number": lambda t: t.find_number(None),
    "a number that is none": lambda t: t.find_number(5),
    "an empty half": lambda t: t.update_sip("a", outbound={}),
    "a half of something": lambda t: t.update_sip("a", outbound=5),
    "the other half": lambda t: t.update_sip("a", inbound=OutboundUpdate(address="h.example.com")),
    "no half": lambda t: t.update_sip("a", inbound=None),
    "options of something": lambda t: t.update_sip("a", outbound=OutboundUpdate(username="u"), options=5),
    "a label of something": lambda t: t.update_label("a", 5),
    "an import of a text": lambda t: t.import_number("+827011112222"),
    "an agent of a text": lambda t: t.assign_agents("a", inbound="agent"),
    "an allowance of a text": lambda t: t.release("a", allow="unpublishes"),
    "a status that is none": lambda t: next(t.list_numbers(status="alive")),
    "an order that is none": lambda t: next(t.search_available(sort_by="age")),
    "a flow that is none": lambda t: t.run(5),
    "an error that is none": lambda t: t.reconcile(ValueError()),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_cannot_be_meant_is_refused_before_a_request_and_names_the_account(name: str) -> None:
    client, backend = nobody()
    with client, pytest.raises(InvalidInput) as caught:
        CALLS[name](client)
    assert backend.sent == []
    assert str(caught.value).startswith("vox (kr-prod at client-api.tryvox.co) ")
    assert caught.value.remedy
    assert [word for word in PYDANTIC if word in str(caught.value)] == []


@pytest.mark.parametrize(
    ("id", "message", "remedy", "typed"),
    [
        (5, "an id is text, not int", "take it from `list_numbers()`", "take it from `telephony numbers list`"),
        (" ", "the id is empty", "take it from `list_numbers()`", "take it from `telephony numbers list`"),
        (
            "+827011112222",
            "+827011112222 is a number, and what is meant here is the id of a record",
            "`find_number('+827011112222')` gives its record, which can be handed in itself",
            "say it without --id",
        ),
    ],
)
def test_what_is_no_id_is_told_with_where_to_take_one_from(id: Any, message: str, remedy: str, typed: str) -> None:
    client, _ = nobody()
    with client, pytest.raises(InvalidInput) as caught:
        client.get_number(id)
    assert caught.value.message == message
    assert caught.value.remedy == remedy
    assert cli_words(caught.value.remedy) == typed


def test_a_record_in_the_place_of_its_id_is_told_its_id() -> None:
    with emulated("retell") as t:
        number = next(t.list_numbers())
        with pytest.raises(InvalidInput) as caught:
            t.get_number(number)
    assert caught.value.message == "this is a record, not its id"
    assert caught.value.remedy == f"the id of this one is {number.id!r}, in its `id`"


@pytest.mark.parametrize(
    "made",
    [
        lambda: Telephony("vox", api_key=5),
        lambda: Telephony("vox", api_key=b"canary"),
        lambda: Telephony("vox", api_key="k", base_url=5),
        lambda: Telephony("vox", api_key="k", settings=5),
        lambda: Telephony("vox", api_key="k", pace=5),
        lambda: Telephony("vox", api_key="k", clock=5),
        lambda: Telephony("vox", api_key="k", observers=5),
        lambda: Telephony("vox", api_key="k", observers=[5]),
        lambda: Telephony("vox", api_key="k", on_unknown=5),
        lambda: Telephony(None),
        lambda: Connection(provider=5),
        lambda: Connection(provider="vox", prompt=5),
        lambda: Connections(5),
        lambda: Connections({"a": 5}),
        lambda: Connections.load(5),
        lambda: AgentRef(5),
        lambda: AgentRef("a", "v1"),
        lambda: SipUpdate("a", 1, 2, 3, 4),
        lambda: SipUpdate({"id": 5}),
    ],
)
def test_what_no_client_can_be_made_of_is_refused(made: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        made()
    assert caught.value.remedy
    assert "canary" not in str(caught.value)
    assert [word for word in PYDANTIC if word in str(caught.value)] == []


@pytest.mark.parametrize("given", [LabelUpdate("n-1", "x"), NumberRelease("n-1"), {"number": "+827099998888"}, None])
def test_what_is_no_import_is_not_imported(given: Any) -> None:
    client, script = nobody()
    with pytest.raises(InvalidInput) as caught:
        client.import_number(given)
    assert caught.value.message == f"what is imported is given as a NumberImport, not {type(given).__name__}"
    assert caught.value.remedy == "give NumberImport(number=…)"
    assert not script.sent


def test_what_is_no_change_has_one_problem() -> None:
    client, _ = nobody()
    (problem,) = client.check("070-1111-2222")
    assert (problem.field, type(problem.error)) == ("change", InvalidInput)
    assert problem.error.message == "this is a str"
    assert problem.error.remedy == f"give one of: {', '.join(change.__name__ for change in CHANGES)}"


def test_where_an_id_is_a_number_it_is_taken_for_one() -> None:
    with emulated("retell") as t:
        number = next(t.list_numbers())
        assert t.get_number(number.id).identity == number.identity
        assert number.id.startswith("+")


def test_an_unsupported_field_is_named_in_the_text() -> None:
    client, _ = nobody()
    with pytest.raises(UnsupportedField) as caught:
        client.update_sip("a", inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
    assert "inbound.allowed_addresses: vox does not support it" in str(caught.value)


def test_a_refused_key_says_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARE_KEY", "canary-key")
    connection = Connection(provider="vox", name="spare", api_key="env:SPARE_KEY")
    with Telephony(connection, backend=ScriptedBackend([json_response(401, {})])) as t:
        assert repr(t) == "<Telephony vox (spare) https://client-api.tryvox.co/v3>"
        with pytest.raises(AuthenticationFailed) as caught:
            t.get_number("n-1")
    assert "the key is that of env:SPARE_KEY" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "source"), [(None, "TELEPHONY_VOX_API_KEY"), ("key", "api_key="), ("file:/k", "file:/k")]
)
def test_the_source_of_a_key(key: str | None, source: str) -> None:
    assert Connection(provider="vox", api_key=key).key_source == source


@pytest.mark.parametrize("ask", [lambda t: next(t.list_numbers()), lambda t: t.find_number("+827011112222")])
def test_a_listing_that_is_not_there_is_blamed_on_the_base_url_and_not_on_a_number(
    ask: Callable[[Any], object],
) -> None:
    backend = ScriptedBackend([Response(404, {}, b"<html>")])
    with Telephony("vox", api_key="k", backend=backend) as t, pytest.raises(UnexpectedResponse) as caught:
        ask(t)
    assert caught.value.status == 404
    assert "base_url" in str(caught.value)


@pytest.mark.parametrize("library", ["trio", None])
def test_anything_but_asyncio_is_refused_by_name(library: str | None) -> None:
    client = AsyncTelephony("vox", api_key="k", backend="httpx")
    before = sniffio.current_async_library_cvar.set(library)
    asking = client.get_number("n-1")
    try:
        with pytest.raises(ConfigurationError, match=library or "no event loop"):
            asking.send(None)  # as a loop of another library does
    finally:
        sniffio.current_async_library_cvar.reset(before)
    asyncio.run(client.aclose())


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_has_a_schema(change: type[Any]) -> None:
    schema = change.model_json_schema()
    assert (schema["title"], schema["additionalProperties"]) == (change.__name__, False)
    assert "number" in schema["required"]
    assert "unset" not in json.dumps(schema).lower().replace(change.__doc__.lower(), "")


@pytest.mark.parametrize("half", [InboundUpdate, OutboundUpdate])
def test_a_schema_of_a_half_has_no_default_that_would_clear_and_no_word_that_is_only_read(half: type[Any]) -> None:
    schema = half.model_json_schema()
    assert [name for name, field in schema["properties"].items() if field.get("default", False) is None] == []
    assert "unknown" not in json.dumps(schema["properties"])


@pytest.mark.parametrize(
    "change",
    [
        SipUpdate("a", outbound=OutboundUpdate(address=None)),
        SipUpdate("a", InboundUpdate(allowed_addresses=["203.0.113.7"]), options={"toy": {"a": 1}}),
        AgentAssignment("a", None, AgentRef("x", version="v1"), {"publishes"}),
        LabelUpdate("a", None),
        NumberRelease("a", ["unpublishes"]),
        ReleaseRevocation("a"),
    ],
)
def test_a_change_comes_back_from_its_json_as_it_was(change: Any) -> None:
    again = type(change).model_validate_json(change.model_dump_json())
    assert again == change
    assert again.model_dump() == change.model_dump()
