"""Leaving, clearing and setting differ everywhere, and a dump that is read back is the same change or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter

from telephony_core import AgentRef, InboundUpdate, InvalidInput, NumberImport, OutboundUpdate, SipUpdate
from telephony_core.domain.input_model import UNSET
from telephony_core.provider.changes import AgentAssignment

PASSWORD = "a-real-one"
LEAVES = {
    InboundUpdate: {"allowed_addresses": ["192.0.2.1"], "media_encryption": "require"},
    OutboundUpdate: {"address": "sip:h.example", "username": "u", "password": PASSWORD, "media_encryption": "allow"},
}
CASES = [pytest.param(kind, name, value, id=name) for kind, leaves in LEAVES.items() for name, value in leaves.items()]
DUMPS: list[dict[str, Any]] = [
    {},
    {"exclude_unset": True},
    {"exclude_none": True},
    {"exclude_defaults": True},
    {"mode": "json"},
    {"mode": "json", "exclude_none": True},
]


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_leaving_clearing_and_setting_differ_in_equality_print_and_dump(kind: Any, name: str, value: object) -> None:
    three = [kind(), kind(**{name: None}), kind(**{name: value})]
    assert three == [kind(), kind(**{name: None}), kind(**{name: value})]
    for one in three:
        assert [one == other for other in three].count(True) == 1
    for shown in (repr, str, lambda update: update.model_dump_json()):
        assert len({shown(update) for update in three}) == 3
    for how in DUMPS:
        leave, clear, set_ = (update.model_dump(**how) for update in three)
        assert (leave, clear) == ({}, {name: None})
        assert list(set_) == [name]


@pytest.mark.parametrize("how", DUMPS, ids=str)
@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_a_dump_that_is_read_back_is_the_same_change(kind: Any, name: str, value: object, how: dict[str, Any]) -> None:
    for update in (kind(), kind(**{name: None}), kind(**{name: value})):
        if update.model_dump(**how).get(name) == "**********":
            with pytest.raises(InvalidInput, match="mask"):
                kind(**update.model_dump(**how))
        else:
            assert kind(**update.model_dump(**how)) == update
            assert kind.model_validate(update.model_dump(**how)) == update


@pytest.mark.parametrize("how", [{"include": {"username"}}, {"exclude": {"password"}}, {"exclude": {"password": True}}])
def test_a_dump_holds_what_was_asked_of_it(how: dict[str, Any]) -> None:
    assert OutboundUpdate(username="u", password=PASSWORD).model_dump(**how) == {"username": "u"}
    assert OutboundUpdate(username=None, password=None).model_dump(**how) == {"username": None}


def test_a_change_of_an_allow_list_keeps_its_consent() -> None:
    for update in (InboundUpdate(allow_any=True), InboundUpdate(allow_any=True, allowed_addresses=[])):
        assert InboundUpdate.model_validate_json(update.model_dump_json()) == update
        assert InboundUpdate(**update.model_dump()).allow_any


def test_an_import_and_the_changes_of_a_trunk_are_read_back() -> None:
    trunk = OutboundUpdate(address="h.example", username="u", password=PASSWORD)
    bare = OutboundUpdate(address="h.example")
    for change in (
        NumberImport(number="1", outbound=trunk, inbound=InboundUpdate(allow_any=True)),
        NumberImport(number="1", label="x", inbound_agent=AgentRef("a", version="v1")),
    ):
        assert NumberImport(**change.model_dump()) == change
        assert NumberImport(**change.model_dump(exclude_none=True)) == change
    plain = NumberImport(number="1", outbound=bare)
    assert NumberImport.model_validate_json(plain.model_dump_json()) == plain
    with pytest.raises(InvalidInput, match="mask"):
        NumberImport.model_validate_json(NumberImport(number="1", outbound=trunk).model_dump_json())
    for adapter, change in (
        (TypeAdapter(SipUpdate), SipUpdate("id", outbound=OutboundUpdate(password=None))),
        (TypeAdapter(SipUpdate), SipUpdate("id", inbound=InboundUpdate(), outbound=UNSET)),
        (TypeAdapter(AgentAssignment), AgentAssignment("id", None, UNSET)),
    ):
        assert adapter.validate_json(adapter.dump_json(change)) == change
        assert adapter.validate_python(adapter.dump_python(change)) == change


@pytest.mark.parametrize(
    "mask", ["**********", "*", "••••••••", "●●●●", "[hidden]", "pw [hidden]", "SecretStr('**********')", "＊＊＊"]
)
@pytest.mark.parametrize("held", [str, SecretStr])
def test_a_mask_is_never_taken_for_a_password(mask: str, held: Any) -> None:
    with pytest.raises(InvalidInput, match="mask") as caught:
        OutboundUpdate(username="u", password=held(mask))
    assert "exclude_unset=True" in (caught.value.remedy or "")
    assert "env:NAME" in (caught.value.remedy or "")


@pytest.mark.parametrize("password", ["p*ss", "**a**", "hidden", "pass word", " x ", "ünïcödé", "비밀번호"])
def test_an_ordinary_password_is_taken(password: str) -> None:
    made = OutboundUpdate(username="u", password=password)
    assert made.password is not None
    assert made.password.get_secret_value() == password


def test_a_copy_with_changes_is_checked_as_a_new_change() -> None:
    copied = OutboundUpdate(username="u").model_copy(update={"password": PASSWORD})
    assert PASSWORD not in f"{copied} {copied.model_dump_json()}"
    assert copied == OutboundUpdate(username="u", password=PASSWORD)
    with pytest.raises(InvalidInput):
        copied.model_copy(update={"password": "**********"})
    assert json.loads(copied.model_copy().model_dump_json()) == {"username": "u", "password": "**********"}
    assert copied.model_copy(deep=True) == copied


def test_a_deep_copy_shares_nothing_that_can_be_changed() -> None:
    change = NumberImport(number="1", options={"toy": {"quickly": True}})
    change.model_copy(deep=True).options["toy"]["quickly"] = False
    assert change.options == {"toy": {"quickly": True}}


def test_changes_can_be_kept_in_sets() -> None:
    names = [f"u{n}" for n in range(50)]
    assert len({OutboundUpdate(username=name) for name in [*names, *names]}) == 50
    assert len({hash(OutboundUpdate(username=name)) for name in names}) > 40
    assert len({OutboundUpdate(), OutboundUpdate(username=None)}) == 2
