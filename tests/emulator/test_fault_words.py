"""The short form of a fault: every field can be said, and nothing that means nothing."""

from __future__ import annotations

from dataclasses import fields

import pytest

from telephony_core import InvalidInput
from telephony_core.emulator import Fault, FaultKind, Response
from telephony_core.testing import new_emulator


@pytest.mark.parametrize("kind", FaultKind)
def test_a_word_alone_is_a_fault_for_the_next_request(kind: FaultKind) -> None:
    assert Fault.parse(str(kind)) == Fault(kind)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lost_after,method=post", Fault(FaultKind.LOST_AFTER, method="POST")),
        ("late, path=/phone, times=2, skip=1", Fault(FaultKind.LATE, path="/phone", times=2, skip=1)),
        ("answer,status=500", Fault(FaultKind.ANSWER, response=Response(500, {}, b""))),
        ("answer,retry_after=2", Fault(FaultKind.ANSWER, response=Response(503, {"retry-after": "2"}, b""))),
        (
            "answer_after,status=429,retry_after=0",
            Fault(FaultKind.ANSWER_AFTER, response=Response(429, {"retry-after": "0"}, b"")),
        ),
        ("drip,pause=0.5", Fault(FaultKind.DRIP, pause=0.5)),
        ("another_record,record=n-1", Fault(FaultKind.ANOTHER_RECORD, record="n-1")),
        ("refused,path=a=b", Fault(FaultKind.REFUSED, path="a=b")),
    ],
)
def test_each_value_has_the_name_of_its_field(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is no kind of fault; use one of: refused, "),
        ("lost", "'lost' is no kind"),
        (
            "lost_after,,",
            "'' of the fault lost_after cannot be read; write NAME=VALUE, once each; the names are: method",
        ),
        ("lost_after,POST", "'POST' of the fault lost_after"),
        ("lost_after,times=1,times=2", "'times=2'"),
        ("lost_after,kind=late", "'kind=late'"),
        ("lost_after,times=-1", "'-1' cannot be the times of a fault; give a whole number"),
        ("lost_after,times=two", "'two' cannot be the times"),
        ("lost_after,method=", "'' cannot be the method of a fault; give a text"),
        ("answer,status=99", "'99' cannot be the status of a fault; give an HTTP status"),
        ("answer,retry_after=soon", "'soon' cannot be the retry_after of a fault; give seconds"),
        ("drip,pause=inf", "'inf' cannot be the pause"),
        ("drip,pause=nan", "'nan' cannot be the pause"),
        ("drip,status=500", "status means nothing to the fault drip; it is for: answer, answer_after"),
        ("answer,pause=1", "pause means nothing to the fault answer; it is for: drip"),
        ("late,record=n-1", "record means nothing to the fault late; it is for: another_record"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_would_do(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Fault.parse(text)
    assert told in str(caught.value)


def test_every_field_can_be_said() -> None:
    with pytest.raises(InvalidInput) as caught:
        Fault.parse("late,nothing=1")
    names = set(str(caught.value).rpartition("the names are: ")[2].split(", "))
    assert names == {field.name for field in fields(Fault)} - {"kind", "response"} | {"status", "retry_after"}


def test_a_fault_is_added_behind_those_that_are_set() -> None:
    emulator = new_emulator("vox", faults=["late"])
    emulator.add_fault("refused,times=3")
    emulator.add_fault(Fault(FaultKind.SILENT))
    assert [fault.kind for fault in emulator.faults] == ["late", "refused", "silent"]
