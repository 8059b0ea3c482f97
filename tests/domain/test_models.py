"""The domain's models: what they keep, compare, print and hide."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pydantic import SecretStr, ValidationError

from telephony_core import (
    DRAFT,
    PUBLISHED,
    UNSET,
    Agent,
    AgentRef,
    AvailableNumber,
    InboundSip,
    InboundUpdate,
    InvalidInput,
    MediaEncryption,
    Money,
    NotAllowed,
    NumberIdentity,
    NumberImport,
    NumberStatus,
    OutboundSip,
    OutboundUpdate,
    PhoneNumber,
    Release,
    SipAddress,
    SipConfig,
)
from telephony_core.errors import TelephonyError

CANARY = "c4nary-9f2"


def number(**fields: object) -> PhoneNumber:
    given = {"provider": "toy", "id": "a", "identity": NumberIdentity.parse("07011112222", region="KR")}
    return PhoneNumber(**{**given, **fields})


def test_a_number_survives_json_unchanged():
    whole = number(
        status=NumberStatus.ACTIVE,
        sip=SipConfig(
            inbound=InboundSip(allowed_addresses=("192.0.2.1",), media_encryption=MediaEncryption.REQUIRE),
            outbound=OutboundSip(address=SipAddress.parse("sip:h.example:5060"), username="u"),
        ),
        inbound_agent=AgentRef("b", version=PUBLISHED),
        outbound_agent=AgentRef("c", version="v7"),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        monthly_fee=Money(amount=Decimal("3300"), currency="KRW"),
        problems=("memo: odd",),
    )
    again = PhoneNumber.model_validate_json(whole.model_dump_json())
    assert again == whole
    assert again.inbound_agent.version is PUBLISHED
    assert hash(again) == hash(whole)


def test_json_says_what_people_look_for():
    dumped = json.loads(number(inbound_agent=AgentRef("b", version=DRAFT)).model_dump_json())
    assert dumped["identity"]["e164"] == "+827011112222"
    assert dumped["identity"]["national_digits"] == "07011112222"
    assert dumped["inbound_agent"] == {"agent_id": "b", "version": "draft"}
    assert "raw" not in dumped


def test_the_raw_record_is_neither_compared_nor_shown():
    assert number(raw={"x": 1}) == number(raw={"x": 2})
    assert "canary" not in repr(number(raw={"x": "canary"}))
    assert number() != number(label="x")
    assert number() != "something else"


def test_numbers_can_be_kept_in_sets():
    assert len({number(raw={"x": 1}), number(raw={"x": 2})}) == 1


def test_a_number_prints_itself():
    assert str(number(status=NumberStatus.ACTIVE)) == "+827011112222 (toy a, active)"


def test_times_are_aware_utc():
    with pytest.raises(ValidationError, match="zone"):
        number(created_at=datetime(2026, 1, 1))
    seoul = number(created_at=datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))))
    assert seoul.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert seoul.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "live"), [("active", True), ("unknown", True), ("pending", True), ("released", False)]
)
def test_only_a_released_record_is_not_live(status, live):
    assert number(status=NumberStatus(status)).is_live is live


def test_numbers_for_sale_compare_without_their_raw_record():
    given = {"provider": "toy", "id": "a", "identity": NumberIdentity.parse("07011112222", region="KR")}
    assert AvailableNumber(**given, raw={"x": 1}) == AvailableNumber(**given)
    assert AvailableNumber(**given, line_type="voip") != AvailableNumber(**given)
    assert AvailableNumber(**given) != 1
    assert len({AvailableNumber(**given, raw={"x": 1}), AvailableNumber(**given)}) == 1


def test_an_agent_prints_its_name_where_it_has_one():
    assert str(Agent(provider="toy", id="a", name="Front desk")) == "Front desk (a)"
    assert str(Agent(provider="toy", id="a")) == "a"


def test_money_prints_with_its_currency():
    assert str(Money(amount=Decimal("1.95"), currency="EUR")) == "1.95 EUR"


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "E\n"])
def test_a_currency_is_three_capitals(currency):
    with pytest.raises(ValidationError):
        Money(amount=1, currency=currency)


def test_a_release_is_json():
    release = Release(
        provider="toy", id="a", identity=NumberIdentity.parse("1", region="KR"), status="released", revocable=False
    )
    assert json.loads(release.model_dump_json())["takes_effect_at"] is None


# -- what a caller fills in


def test_an_agent_is_named_by_position_or_by_name():
    assert AgentRef("b", version=PUBLISHED) == AgentRef(agent_id="b", version="published")
    with pytest.raises(ValidationError):
        AgentRef.model_validate({})
    with pytest.raises(ValidationError):
        AgentRef.model_validate({"agent_id": "b", "bogus": 1})


def test_unset_none_and_a_value_are_three_things():
    assert OutboundUpdate().changes == frozenset()
    assert OutboundUpdate(username=None).changes == {"username"}
    assert OutboundUpdate(username="u", password="p").changes == {"username", "password"}
    assert InboundUpdate(allow_any=True).changes == frozenset()


def test_unset_is_falsy_and_prints_its_name():
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_a_password_is_hidden_everywhere_but_on_demand():
    update = OutboundUpdate(username="u", password=CANARY)
    assert CANARY not in f"{update} {update!r} {update.model_dump()} {update.model_dump_json()}"
    assert update.password.get_secret_value() == CANARY
    assert OutboundUpdate(password=SecretStr(CANARY)) == OutboundUpdate(password=CANARY)


REFUSALS = [
    lambda: OutboundUpdate(address=f"sip:u:{CANARY}@h.example"),
    lambda: OutboundUpdate(address=CANARY + " x"),
    lambda: OutboundUpdate(username=CANARY + ":"),
    lambda: OutboundUpdate(username=CANARY + "\n"),
    lambda: OutboundUpdate(password=[CANARY]),
    lambda: OutboundUpdate(password={"x": CANARY}),
    lambda: OutboundUpdate(media_encryption=CANARY),
    lambda: OutboundUpdate(password=CANARY, bogus=1),
    lambda: OutboundUpdate.model_validate({"password": CANARY, "bogus": CANARY}),
    lambda: OutboundUpdate.model_validate_json(json.dumps({"password": [CANARY]})),
    lambda: OutboundUpdate.model_validate_json("{" + CANARY),
    lambda: NumberImport(number="", outbound=OutboundUpdate(username="u", password=CANARY)),
    lambda: NumberImport(number="1", outbound=OutboundUpdate(password=CANARY)),
    lambda: NumberImport(number="1", outbound={"username": "u", "password": [CANARY]}),
    lambda: InboundUpdate(allowed_addresses=[CANARY]),
]


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_refusal_never_repeats_what_it_refused(refused):
    with pytest.raises(InvalidInput) as caught:
        refused()
    chain, link = [], caught.value
    while link is not None:
        chain.append(f"{link} {link!r} {link.args} {vars(link)}")
        link = link.__cause__ or link.__context__
    assert CANARY not in " ".join(chain)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("refused", "word"),
    [
        (lambda: OutboundUpdate(username=""), "username: is empty"),
        (lambda: OutboundUpdate(password=""), "password: is empty"),
        (lambda: OutboundUpdate(media_encryption="unknown"), "only ever read"),
        (lambda: InboundUpdate(media_encryption=MediaEncryption.UNKNOWN), "only ever read"),
        (lambda: InboundUpdate(media_encryption="sometimes"), "is not such a word"),
        (lambda: NumberImport(number="1", outbound=OutboundUpdate(username="u")), "password is missing"),
        (lambda: NumberImport(number="1", outbound=OutboundUpdate(password="p")), "username is missing"),
        (lambda: NumberImport(number="1", outbound=OutboundUpdate(address=None)), "nothing to clear"),
        (lambda: InboundUpdate(allowed_addresses="192.0.2.1"), "allowed_addresses"),
        (lambda: InboundUpdate(allowed_addresses=["10.1.2.3/8"]), "10.0.0.0/8"),
    ],
)
def test_a_refusal_says_where_and_why(refused, word):
    with pytest.raises(InvalidInput, match=word.replace("/", r"\/").replace(".", r"\.")):
        refused()


@pytest.mark.parametrize("entries", [[], ["0.0.0.0/0"], ["::/0"], ["0.0.0.0/1", "128.0.0.0/1"]])
def test_opening_a_trunk_to_everybody_has_to_be_said(entries):
    with pytest.raises(NotAllowed) as caught:
        InboundUpdate(allowed_addresses=entries)
    assert caught.value.allowance == "allow_any"
    assert InboundUpdate(allowed_addresses=entries, allow_any=True).changes == {"allowed_addresses"}


def test_given_models_are_frozen():
    with pytest.raises(ValidationError):
        OutboundUpdate(username="u").username = "v"


# -- errors


def test_an_error_survives_pickling_with_its_facts():
    error = TelephonyError("m", remedy="r", provider="toy", operation="get", status=404, code="X", retry_after=3.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_an_error_prints_facts_and_the_next_step():
    error = TelephonyError("m", remedy="do it", provider="toy", operation="get", status=404, code="X", request_id="r1")
    assert str(error) == "toy get: m (HTTP 404, X, request r1); do it"


def test_the_tree_in_the_docstring_is_the_tree():
    from telephony_core import errors

    names = set(errors.__all__) - {"Remedy"}
    for name in names:
        assert name in errors.__doc__
        assert issubclass(getattr(errors, name), TelephonyError)
    classes = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, TelephonyError)}
    assert classes == names
