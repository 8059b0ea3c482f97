"""Every form in which a secret may be quoted is hidden, and what is hidden in JSON leaves it JSON."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.provider.vendor_errors import ErrorEnvelope, error_for
from telephony_core.secrets.redaction import HIDDEN, Secrets, scrubbed, scrubbed_body

PASSWORD = 'gEheim-"ä"-wort/+9'
SHORT = ["6", "65", "a", "ok", "404", "tru"]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "as it is": PASSWORD,
    "in capitals": PASSWORD.upper(),
    "in small letters": PASSWORD.lower(),
    "in a URL": quote(PASSWORD, safe=""),
    "in base64": b64(PASSWORD),
    "in base64 for URLs": base64.urlsafe_b64encode(PASSWORD.encode()).decode(),
    "in base64 without padding": b64(PASSWORD).rstrip("="),
    "as Basic credentials": "Basic " + b64(f"user:{PASSWORD}"),
    "as Basic credentials of others": "Basic " + b64(f"us:{PASSWORD}"),
    "as Basic credentials of another": "Basic " + b64(f"use:{PASSWORD}"),
    "with something behind": b64(f"{PASSWORD}:realm"),
    "its beginning": f"you sent {PASSWORD[:12]}…",
    "its end": f"… ends in {PASSWORD[-12:]}",
    "its middle": f"has {PASSWORD[3:15]} in it",
}
LEFT = ("gEheim-", "geheim-", "GEHEIM-", "-wort", "wort/+9", "wort%2F", "-WORT", b64(PASSWORD)[4:12])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["text", "value", "key", "list", "JSON in JSON"])
def test_no_form_of_a_secret_is_left(form: str, place: str) -> None:
    quoted = FORMS[form]
    body = {
        "text": quoted,
        "value": json.dumps({"detail": quoted}, ensure_ascii=False),
        "key": json.dumps({quoted: 1}),
        "list": json.dumps([[quoted]]),
        "JSON in JSON": json.dumps({"detail": json.dumps({"x": quoted})}),
    }[place]
    for shown in (scrubbed_body(body.encode(), [PASSWORD]), scrubbed(body, [PASSWORD])):
        assert HIDDEN in shown
        assert not [piece for piece in LEFT if piece in shown], shown
        if place != "text":
            json.loads(shown)


@pytest.mark.parametrize("secret", [*SHORT, "code", '": "', "[{", "null", "message", "\\", '"', "hidden"])
def test_what_is_hidden_in_json_leaves_it_json(secret: str) -> None:
    document = {
        "code": 65,
        "message": f"the password {secret!r} is too short, ok?",
        "given": secret,
        "seconds": 6.5,
        "deep": [{"value": secret}, None, True, 404],
    }
    error = error_for(400, {}, json.dumps(document).encode(), ErrorEnvelope(), secrets=[secret])
    error.scrub(lambda text: scrubbed(text, [secret]))
    read = json.loads(error.body or "")
    assert secret not in (read.get("given"), read.get("deep", [{}])[0].get("value"))


@pytest.mark.parametrize("secret", SHORT)
def test_a_short_secret_is_hidden_as_a_value_and_shreds_nothing(secret: str) -> None:
    text = "HTTP 404: number +8265654048 is a token of 65 true bytes, ok"
    assert scrubbed(text, [secret]) == text
    assert scrubbed_body(json.dumps({"detail": text}).encode(), [secret]) == json.dumps({"detail": text})
    assert json.loads(scrubbed_body(json.dumps({"x": secret}).encode(), [secret])) == {"x": HIDDEN}
    assert secret not in scrubbed(f"password '{secret}' refused", [secret]).split("'")
    assert json.loads(scrubbed_body(json.dumps({"x": b64(secret)}).encode(), [secret])) == {"x": HIDDEN}


def test_a_number_that_is_the_secret_is_hidden_too() -> None:
    body = json.dumps({"password_given": 65, "other": 650, "pin": 123456, "in": 91234567}).encode()
    assert json.loads(scrubbed_body(body, ["65", "1234"])) == {
        "password_given": HIDDEN,
        "other": 650,
        "pin": HIDDEN,
        "in": HIDDEN,
    }


def test_ordinary_words_of_a_password_stay_ordinary() -> None:
    text = "outbound.password: the trunk refused the user name; password-less trunks are not taken"
    assert scrubbed(text, ["password-of-the-trunk-7"]) == text


def test_the_request_id_and_the_code_are_cleaned_as_well() -> None:
    secret = "a-secret-of-some-length"
    error = error_for(400, {"x-request-id": secret}, b"", ErrorEnvelope(code=secret, message=secret), secrets=[secret])
    assert secret not in f"{error} {vars(error)}"


def test_a_container_of_secrets_shows_none_and_takes_more() -> None:
    held = Secrets(["first-secret"])
    held.update(["second-secret"])
    assert "secret" not in repr(held).replace("secrets", "")
    assert scrubbed("first-secret second-secret", held) == f"{HIDDEN} {HIDDEN}"


def test_a_long_body_is_cut_within_its_beginning_in_little_time() -> None:
    body = json.dumps({"x": ["c4nary-secret-value", "A" * 5_000_000]}).encode()
    shown = scrubbed_body(body, ["c4nary-secret-value"])
    assert len(shown) < 2100
    assert "c4nary" not in shown


@pytest.mark.parametrize("held", [[], ["c4nary-secret-value"]])
def test_a_text_of_millions_of_letters_is_cut_within_its_beginning(held: list[str]) -> None:
    text = "sip:a:c4nary-secret-value@host " * 200_000
    shown = scrubbed(text, held)
    assert len(shown) < 70_000
    assert shown.startswith(f"sip:a:{HIDDEN}@host")
    assert shown.endswith("[…]")
    assert "c4nary" not in shown


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda document: isinstance(document, dict | list)),
    st.lists(st.text(min_size=1, max_size=12), max_size=3),
)
def test_any_json_stays_json_whatever_the_secrets(document: object, secrets: list[str]) -> None:
    once = scrubbed_body(json.dumps(document).encode(), secrets)
    json.loads(once)
    json.loads(scrubbed(once, secrets))
