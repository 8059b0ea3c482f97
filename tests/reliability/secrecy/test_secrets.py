"""Secrets in the library: errors, logs, models, pickles."""

from __future__ import annotations

import asyncio
import copy
import html
import json
import pickle
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from telephony_core import (
    Connection,
    Connections,
    InboundUpdate,
    InvalidInput,
    NumberImport,
    OutboundUpdate,
    PartialOutcome,
    SipUpdate,
    Telephony,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.emulator import FaultKind, json_response
from telephony_core.errors import AnswerLost, ConfigurationError, NotFound, TelephonyError
from telephony_core.operations.reconciliation import Attempt
from telephony_core.provider.flow import Flow, Request, Response, Semantics, call, path
from telephony_core.provider.port import ProviderConfig
from telephony_core.provider.vendor_errors import ErrorEnvelope
from telephony_core.secrets.redaction import HIDDEN, scrubbed, scrubbed_body, without_secrets
from telephony_core.testing import ScriptedBackend
from telephony_core.testing.contract.account import ContractAccount
from tests.reliability.secrecy.canaries import (
    CANARY,
    IN_ADDRESS,
    KEY,
    NEW,
    PASSWORD,
    TRUNK,
    account,
    assert_hidden,
    everything_of,
    listening,
    writes,
)
from tests.vendors import SHIPPED, VENDORS

# -- what a vendor quotes back


def _json(payload: object, *, plain: bool = False) -> bytes:
    return json.dumps(payload, ensure_ascii=not plain).encode()


QUOTED: dict[str, Callable[[str], bytes]] = {
    "in the envelope of vox": lambda text: _json(
        {"error": {"code": text, "message": f"no: {text}", "details": {"field": text, "reason": text, "value": text}}}
    ),
    "in the envelope of Diga": lambda text: _json({"error_code": text, "message": f"no: {text}"}, plain=True),
    "in the envelope of ElevenLabs": lambda text: _json(
        {"detail": {"type": text, "code": text, "message": f"no: {text}", "param": text, "request_id": text}}
    ),
    "in the envelope of Retell": lambda text: _json({"status": "error", "message": f"no: {text}"}),
    "in the list of a web framework": lambda text: _json(
        {
            "detail": [
                {"loc": ["body", "outbound_config", "password"], "msg": f"odd: {text}", "input": text},
                {"loc": ["body", "outbound_config"], "msg": "odd", "input": {"username": "a", "password": text}},
            ]
        }
    ),
    "as the whole body in a text": lambda text: _json({"message": json.dumps({"password": text})}),
    "as the whole body, unescaped": lambda text: _json({"detail": _json({"x": text}, plain=True).decode()}, plain=True),
    "in a web page": lambda text: f"<p>bad <b>{html.escape(text)}</b></p>".encode(),
    "in a URL": lambda text: f"see https://x.example/?password={quote(text, safe='')}".encode(),
    "as plain text": lambda text: text.encode(),
    "at the end of a long body": lambda text: ("x" * 1985 + text).encode(),
    "at the end of a long message": lambda text: _json(
        {"message": "y" * 480 + text, "error_code": "z" * 90 + text, "error": {"message": "y" * 480 + text}}
    ),
    "in JSON that is cut off": lambda text: _json({"a": 1, "password": text})[:-4],
}
STATUSES = (200, 302, 400, 401, 403, 404, 409, 422, 429, 500)


SECRETS_IN_TURN = ((KEY, PASSWORD), (PASSWORD, KEY))


def _in_turn() -> Iterator[object]:
    """Every quotation of every vendor with one kind of client and one order of the two secrets; in the long run all."""
    for turn, (slug, quoted) in enumerate(product(SHIPPED, QUOTED)):
        for mode, secrets in product(("sync", "async"), SECRETS_IN_TURN):
            now = (mode, secrets) == (("sync", "async")[turn % 2], SECRETS_IN_TURN[turn // 2 % 2])
            first = "the key first" if secrets[0] == KEY else "the password first"
            id = f"{slug}-{quoted}-{mode}-{first}"
            yield pytest.param(slug, quoted, mode, secrets, marks=[] if now else [pytest.mark.long], id=id)


@pytest.mark.parametrize(("slug", "quoted", "mode", "secrets"), list(_in_turn()))
def test_what_a_vendor_quotes_back_is_in_no_error_and_in_no_log(slug, quoted, mode, secrets, caplog):
    """From each status to the next another secret is quoted, and the next write begins with the other."""
    with account(slug, mode) as opened, listening(caplog):
        for which, write in enumerate(writes(opened)):
            for at, status in enumerate(STATUSES):
                secret = secrets[(which + at) % 2]
                answer = Response(status, {"x-request-id": secret, "retry-after": "0"}, QUOTED[quoted](secret))
                opened.fail(FaultKind.ANSWER, times=20, response=answer)
                with pytest.raises(TelephonyError) as caught:
                    write()
                assert_hidden(*everything_of(caught.value))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_refused_password_that_diga_quotes_is_hidden(mode, caplog):
    """Sent past the checks of the library, which would have refused it before."""
    body = {"phone_number": NEW["diga"], "outbound_config": {"username": "a", "password": SecretStr(PASSWORD)}}
    answers: list[Response] = []
    with account("diga", mode) as opened, listening(caplog):

        def read_error(response: Response) -> ErrorEnvelope:
            answers.append(response)
            return opened.client.adapter.read_error(response)

        request = Request.of("POST", "/v1/phone/import", Semantics.ONCE, json_body=body)
        with pytest.raises(TelephonyError) as caught:
            _run(opened, call(request, read_error))
        assert PASSWORD in json.loads(answers[0].body)["detail"][0]["input"].values(), "the emulator does quote it"
        assert caught.value.status == 422
        assert HIDDEN in (caught.value.body or "")
        assert_hidden(*everything_of(caught.value))


def _run(opened: ContractAccount, flow: Flow[Any]) -> Any:
    client = opened.client.client
    return client.run(flow) if isinstance(client, Telephony) else asyncio.run(client.run(flow))


# -- what is read and what is given


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("slug", SHIPPED)
def test_neither_key_nor_password_is_in_anything_that_a_client_returns_or_logs(slug, mode, caplog):
    with account(slug, mode) as opened, listening(caplog):
        results = [write() for write in writes(opened)] + opened.client.list_numbers()
        for number in results:
            assert_hidden(repr(number), str(number), number.model_dump(), number.model_dump_json(), number.raw)
            assert_hidden(pickle.dumps(number), pickle.dumps(number.raw))
        client = opened.client.client
        assert_hidden(repr(client), repr(client.adapter.config), client.adapter.config.model_dump())
        assert_hidden(client.adapter.config.model_dump_json(), *(repr(request) for request in opened.sent))
        for number in results[:2]:
            stored = opened.emulator.credentials(number.id)
            assert stored is not None
            assert stored.password == PASSWORD, "it did reach the vendor"


SENT_BY_THE_VENDOR = {
    "under its name": {"password": "canary", "auth_password": "canary"},
    "under a name like it": {"sip_password": "canary", "trunkPassword": "canary", "X-Api-Key": "canary"},
    "inside an object": {"brand_new": {"deep": [{"secret": "canary"}]}},
    "inside an address": {"brand_new": IN_ADDRESS, "another": "front:canary@pbx.example.com"},
    "inside an address with blanks": {"brand_new": "sip:front:a canary word@pbx.example.com"},
    "where vox shows the trunk": {"address": IN_ADDRESS},
    "where Diga shows the trunk": {"sip_config": {"termination_uri": IN_ADDRESS, "password": "canary"}},
    "where ElevenLabs shows the trunk": {
        "outbound_trunk": {"address": IN_ADDRESS, "credentials": {"password": "canary"}}
    },
    "where Retell shows the trunk": {
        "sip_outbound_trunk_config": {"termination_uri": IN_ADDRESS, "auth_password": "canary"}
    },
    "without a scheme": {"sip_config": {"termination_uri": "front:canary@pbx.example.com"}, "address": "u:canary@h"},
    "instead of a number": {},
}


# Where the number is the id, it is shown: nothing could be asked about the number otherwise.
@pytest.mark.parametrize(
    ("slug", "place"),
    [
        (slug, place)
        for slug, place in product(SHIPPED, SENT_BY_THE_VENDOR)
        if place != "instead of a number" or VENDORS[slug].can_double()
    ],
)
def test_a_secret_in_a_record_that_is_read_is_not_kept(slug, place, caplog):
    with account(slug, "sync") as opened, listening(caplog):
        key = next(iter(opened.emulator.store))
        sent = {**opened.emulator.store[key], **SENT_BY_THE_VENDOR[place]}
        if place == "instead of a number":
            sent = {**sent, VENDORS[slug].number: IN_ADDRESS}
        opened.emulator.store.put(key, sent)
        numbers = opened.client.list_numbers()
        number = next(number for number in numbers if number.id == key)
        assert_hidden(repr(number), str(number), number.model_dump_json(), repr(number.raw), number.problems)
        if place != "instead of a number":  # the identity keeps the provider's string, for the provider alone
            assert_hidden(number.model_dump(), pickle.dumps(number))
        with pytest.raises(NotFound) as caught:
            opened.client.find_number(IN_ADDRESS.replace("front", "nobody"))
        assert_hidden(*everything_of(caught.value))


GIVEN = {
    "an address": lambda: OutboundUpdate(address=IN_ADDRESS),
    "a list for a password": lambda: OutboundUpdate(password=[CANARY]),
    "a number for a user": lambda: OutboundUpdate(username={CANARY: 1}),
    "an unknown field": lambda: OutboundUpdate(address="h", password=CANARY, bogus=CANARY),
    "a user with a colon": lambda: OutboundUpdate(username=f"front:{CANARY}"),
    "JSON that is cut off": lambda: OutboundUpdate.model_validate_json('{"password": "' + CANARY),
    "half of a pair": lambda: NumberImport(number="+34699887766", outbound=OutboundUpdate(password=CANARY)),
    "a number with a password": lambda: NumberImport(number=IN_ADDRESS),
    "a bare number with a password": lambda: NumberImport(number=f"front:{CANARY}@pbx.example.com"),
    "a key with blanks": lambda: ProviderConfig(api_key=f"{CANARY} ", base_url="https://h"),
    "a base URL with a password": lambda: ProviderConfig(api_key="k", base_url=f"https://u:{CANARY}@h"),
    "a base URL that is none": lambda: ProviderConfig(api_key="k", base_url=CANARY),
}


@pytest.mark.parametrize("what", GIVEN)
def test_what_a_caller_gave_and_was_refused_is_not_repeated(what):
    with pytest.raises(InvalidInput) as caught:
        GIVEN[what]()
    assert_hidden(*everything_of(caught.value))
    assert caught.value.remedy
    assert caught.value.__context__ is None, "pydantic keeps what it refused"


@pytest.mark.parametrize(
    "text",
    [
        '[connections.a]\nprovider = "vox"\napi_key = "canary',
        '[connections.a]\nprovider = "vox"\napi_key = canary',
        '[connections.a]\nprovider = "vox"\napi_key = ["canary"]',
        '[connections.a]\nprovider = "vox"\napi_kee = "canary"',
        '[connections.a]\nprovider = 7\napi_key = "canary"',
        '[connections.a]\nprovider = "vox"\napi_key = "canary"\nsettings = "canary"',
        '[connections]\na = "canary"',
        'connections = "canary"',
        '[connections.a]\nprovider = "vox"\napi_key = "canary"\napi_key = "canary"',
        '[connections.a]\nprovider = "vox"\napi_key = """canary',
    ],
)
def test_a_configuration_file_that_cannot_be_read_is_not_quoted(text, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError) as caught:
        Connections.load(file)
    assert_hidden(*everything_of(caught.value))


# -- pickles and copies

WITH_A_SECRET = {
    "outbound update": TRUNK,
    "import": NumberImport(number=NEW["diga"], inbound=InboundUpdate(allow_any=True), outbound=TRUNK),
    "change of a trunk": SipUpdate("id", outbound=TRUNK),
    "configuration": ProviderConfig(api_key=KEY, base_url="https://h"),
    "connection with a key": Connection(provider="vox", api_key=KEY),
    "connection with a hidden key": Connection(provider="vox", api_key=SecretStr(KEY)),
    "request": Request.of("POST", "/x", Semantics.ONCE, json_body={"password": SecretStr(PASSWORD)}),
}


@pytest.mark.parametrize("what", WITH_A_SECRET)
def test_what_holds_a_secret_cannot_be_pickled_and_says_what_to_do_instead(what):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="keep a reference to it instead") as caught:
            pickle.dumps(WITH_A_SECRET[what], protocol)
        assert_hidden(*everything_of(caught.value))


@pytest.mark.parametrize(
    "what",
    [
        name
        for name in WITH_A_SECRET
        if name not in ("request", "connection with a key", "connection with a hidden key")
    ],
)
def test_it_can_still_be_copied_and_shown(what):
    value = WITH_A_SECRET[what]
    assert copy.deepcopy(value) == value
    assert_hidden(repr(value), str(value))
    if hasattr(value, "model_dump_json"):
        assert_hidden(value.model_dump_json(), value.model_dump(), value.model_copy(deep=True))


def test_what_holds_a_reference_or_no_secret_is_pickled_whole():
    for value in (
        OutboundUpdate(address="h", username="u"),
        NumberImport(number=NEW["vox"], inbound=InboundUpdate(allow_any=True), outbound=OutboundUpdate(address="h")),
        SipUpdate("id", outbound=OutboundUpdate(username=None)),
        Connection(provider="vox", api_key="env:KEY", timeout=3.0, settings={"a": 1}),
        Connection(provider="vox", name="kr"),
    ):
        assert pickle.loads(pickle.dumps(value)) == value


def test_an_error_is_pickled_with_its_facts_and_without_secrets():
    attempt = Attempt("vox", "import", NumberIdentity.parse("1", region="KR"))
    lost = AnswerLost("lost", attempt=attempt, provider="vox", operation="import_number")
    error = PartialOutcome("half", number=None, done=["import"], failed_step="assign", cause=lost, status=502, body="b")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.done, again.status, again.cause.attempt) == (str(error), ("import",), 502, attempt)


# -- the rules themselves

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=8)
AROUND = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(secret=SECRETS, before=AROUND, after=AROUND)
@example(secret='"\\"\\"\\"\\', before="", after="")
def test_a_secret_is_hidden_in_every_form_in_which_it_is_quoted(secret, before, after):
    forms = [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[1:-1],
        quote(secret, safe=""),
        html.escape(secret),
    ]
    for form in forms:
        assert form not in scrubbed(f"{before}{form}{after}", [secret])
        assert form not in scrubbed_body(f"{before}{form}{after}".encode(), [secret])


@settings(deadline=None, max_examples=200, derandomize=True)
@given(before=AROUND, cut=st.integers(min_value=4, max_value=len(KEY) - 1))
def test_a_piece_of_a_secret_at_the_end_is_hidden(before, cut):
    assert KEY[:cut] not in scrubbed(f"{before} {KEY[:cut]}", [KEY]).removeprefix(before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(payload=JSON)
def test_a_payload_without_secrets_is_left_as_it_is(payload):
    text = str(payload).lower()
    assume(not any(word in text for word in ("@", "loc", "pass", "secret", "token", "key", "auth", "ha1")))
    assert without_secrets(payload) == payload


def test_hostile_payloads_take_no_time():
    deep: object = "canary"
    for _ in range(500):
        deep = [deep]
    assert_hidden(without_secrets(deep))
    for text in (
        "@ " + "a:" * 200_000,
        "//a:" * 100_000 + "@",
        "@" * 300_000,
        "sip:" * 100_000 + "@",
        '"a":"' * 50_000,
    ):
        assert without_secrets(text) is not None
        assert len(scrubbed_body(text.encode(), [PASSWORD])) < 2100


def test_a_password_is_never_sent_as_stars():
    sent = ScriptedBackend(lambda request: json_response(404, {}))
    with Telephony("vox", api_key=KEY, backend=sent) as client, pytest.raises(TelephonyError):
        client.run(call(Request.of("POST", path("x"), json_body={"p": SecretStr(PASSWORD)}), client.adapter.read_error))
    assert json.loads(sent.sent[0].body or b"") == {"p": PASSWORD}
