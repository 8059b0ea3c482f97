"""A record made without checking its parts again is the same as one that was checked."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from telephony_core import NumberIdentity, NumberStatus, Origin, PhoneNumber
from telephony_core.domain.phone_number import AvailableNumber

FIELDS: dict[str, Any] = {
    "provider": "toy",
    "id": "a",
    "identity": NumberIdentity.parse("07011112222", region="KR"),
    "status": NumberStatus.ACTIVE,
    "provider_status": "active",
    "origin": Origin.IMPORTED,
    "provider_origin": "custom",
    "label": "Front desk",
    "sip": None,
    "trunk_ids": ("ST_1",),
    "inbound_agent": None,
    "outbound_agent": None,
    "created_at": None,
    "updated_at": None,
    "starts_at": None,
    "release_requested_at": None,
    "ends_at": None,
    "monthly_fee": None,
    "unmodelled": ("countries",),
    "problems": ("memo: odd",),
    "raw": {"id": "a"},
}


class Unparsed(Mapping[str, Any]):
    """A record that is parsed when somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    def __getitem__(self, name: str) -> Any:
        self.looks += 1
        return {"id": "a"}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["id"])

    def __len__(self) -> int:
        return 1


def unchecked(**changes: Any) -> PhoneNumber:
    return PhoneNumber.unchecked({**FIELDS, **changes})


def test_it_equals_the_checked_one_in_everything_that_pydantic_knows():
    made, checked = unchecked(), PhoneNumber(**FIELDS)
    assert made == checked
    assert repr(made) == repr(checked)
    assert made.model_dump() == checked.model_dump()
    assert made.model_dump_json() == checked.model_dump_json()
    assert made.model_fields_set == checked.model_fields_set == set(FIELDS)
    assert (made.model_extra, made.__pydantic_private__) == (checked.model_extra, checked.__pydantic_private__)
    assert hash(made) == hash(checked)


def test_it_can_be_copied_changed_and_pickled():
    made = unchecked()
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.model_copy(update={"label": "Back office"}).label == "Back office"
    assert made.label == "Front desk"


def test_changing_what_is_set_of_one_leaves_the_next_alone():
    unchecked().model_copy(update={"label": "x"})
    assert unchecked().model_fields_set == set(FIELDS)


def test_the_raw_record_is_parsed_once_and_only_when_somebody_looks():
    lazy = Unparsed()
    made = unchecked(raw=lazy)
    assert (made.label, lazy.looks) == ("Front desk", 0)
    assert type(made.raw) is dict
    assert made.raw == {"id": "a"}
    assert made.raw is made.raw
    assert lazy.looks == 1


def test_records_spread_over_a_table_of_hashes():
    numbers = [unchecked(id=str(place)) for place in range(50)]
    assert len({hash(number) for number in numbers}) > 40
    for_sale = [AvailableNumber(provider="toy", id=str(n), identity=FIELDS["identity"]) for n in range(50)]
    assert len({hash(number) for number in for_sale}) > 40
    identities = [NumberIdentity.parse(str(n), region="KR") for n in range(50)]
    assert len({hash(identity) for identity in identities}) > 40


def test_an_identity_prints_without_a_password_and_says_where_it_was_read():
    identity = NumberIdentity.parse("sip:front:s3cret@h", region="kr")
    shown = repr(identity)
    assert "raw='sip:front:[hidden]@h'" in shown
    assert "read_in='KR'" in shown
    odd = NumberIdentity(raw="07011112222", read_in="a:b@c")
    assert "read_in='a:b@c'" in repr(odd)
