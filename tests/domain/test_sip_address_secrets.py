"""A refusal of a SIP address never repeats what it refuses."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from tests.domain.sip_addresses import CANARY, GARBAGE, Trunk, refusal


def everything_in(error: BaseException) -> str:
    """All that an error would tell whoever prints, logs or inspects it."""
    parts: list[str] = []
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is not None:
            parts += [str(link), repr(link), repr(link.args), repr(link.__dict__)]
            parts += traceback.format_exception_only(link)
            links += [link.__cause__, link.__context__]
    return "\n".join(parts)


@pytest.mark.parametrize(
    "template",
    [
        "{} ",
        "{}\n",
        "sip:user:{}@h",
        "sip:{}:{}@h",
        "sip:user:{}@h;transport=tcp",
        "sip:user:{}@h?x=y",
        "sip://user:{}@h",
        "user:{}@h",
        "{}@h",
        "<sip:user:{}@h>",
        "sip:user:{}@{}@h",
        "sip:user:12{}34@[::1",
        "user:{}",
        "h:{}",
        "sip:h:{}",
        "sip:h:{}:1",
        "[{}]",
        "[:{}]",
        "[::1]{}",
        "[fe80::1%{}]",
        "{}_x",
        "-{}",
        "{}.1",
        "1.2.3.4.{}:x",
        "{}ü",
        "http:{}",
        "tel:{}",
        "sip:h;{}=",
        "sip:h;{};{}",
        "sip:h;transport={}",
        "sip:h;x={}=1",
        "sip:%{}@h",
        "{}" * 200,
    ],
)
def test_a_refusal_holds_nothing_of_the_text(template: str) -> None:
    error = refusal(template.replace("{}", CANARY))
    assert CANARY not in everything_in(error).lower()
    assert error.__context__ is None
    assert error.__cause__ is None


@settings(deadline=None)
@given(st.text(min_size=5, max_size=20), GARBAGE)
def test_a_password_never_shows_in_the_refusal(password: str, rest: str) -> None:
    secret = f"{CANARY}{password}"
    assert CANARY not in everything_in(refusal(f"sip:user:{secret}@{rest}")).lower()


@pytest.mark.parametrize(
    "fields",
    [
        {"host": f"{CANARY}_"},
        {"host": f"[:{CANARY}"},
        {"host": f":{CANARY}"},
        {"host": "h", "port": CANARY},
        {"host": "h", "scheme": CANARY},
        {"host": "h", "scheme": "sip", "transport": CANARY},
        {"host": "h", "scheme": "sip", "user": f"user:{CANARY}"},
        {"host": "h", "scheme": "sip", "user": f"user@{CANARY}"},
        {"host": "h", "scheme": "sip", "params": ((f"{CANARY} ", None),)},
        {"host": "h", "scheme": "sip", "params": CANARY},
    ],
)
def test_a_refused_construction_holds_nothing_of_the_values(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        SipAddress(**fields)
    assert CANARY not in everything_in(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("validate", [Trunk.model_validate_json, lambda text: Trunk.model_validate(json.loads(text))])
def test_pydantics_error_holds_nothing_of_the_text(validate: Callable[[str], Trunk]) -> None:
    with pytest.raises(ValidationError, match="password") as caught:
        validate(f'{{"address": "sip:u:{CANARY}@h"}}')
    error = caught.value
    assert CANARY not in str(error) + repr(error) + error.json() + repr(error.errors())
    assert CANARY not in everything_in(error)
