"""One list, page by page, in an order in which no number is lost; and finding a number in it."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import Conflict, InvalidInput, NotFound, UnexpectedResponse
from telephony_core.provider.changes import NumberImport
from tests.adapters.retell.records import NUMBER, bought, imported, read

FIRST = "GET /v2/list-phone-numbers?limit=100&sort_order=ascending"


def page(*items: object, **more: object) -> dict[str, object]:
    return {"items": list(items), "has_more": False, **more}


def test_the_list_is_read_oldest_first_and_led_on_by_the_vendors_key(scripted: Any) -> None:
    retell = scripted(page(imported(), has_more=True, pagination_key="k=1"), page(bought()))
    assert [number.id for number in retell.client.list_numbers()] == [NUMBER, "+14157774444"]
    assert retell.calls == [FIRST, f"{FIRST}&pagination_key=k%3D1"]


def test_a_key_without_more_is_not_followed(scripted: Any) -> None:
    retell = scripted(page(imported(), pagination_key="k"))
    assert len(list(retell.client.list_numbers())) == 1


@pytest.mark.parametrize("says", [{}, {"has_more": None}])
def test_where_has_more_is_not_said_the_key_decides(says: dict[str, None], scripted: Any) -> None:
    retell = scripted({"items": [imported()], "pagination_key": "k", **says}, {"items": [bought()], **says})
    assert len(list(retell.client.list_numbers())) == 2


@pytest.mark.parametrize(
    "payload",
    [
        page(imported(), has_more=True),
        page(imported(), has_more=True, pagination_key=""),
        page(imported(), has_more=True, pagination_key=7),
        page(imported(), has_more="yes"),
        {"items": {}, "has_more": False},
        {"has_more": False},
        page(imported(phone_number=7)),
    ],
)
def test_a_page_of_another_shape_is_unexpected(payload: dict[str, Any], scripted: Any) -> None:
    with pytest.raises(UnexpectedResponse):
        list(scripted(payload).client.list_numbers())


def test_one_odd_record_does_not_lose_the_page(scripted: Any) -> None:
    odd = imported(phone_number="+1", nickname=7, sip_outbound_trunk_config="?")
    assert [number.id for number in scripted(page(odd, bought())).client.list_numbers()] == ["+1", "+14157774444"]


def test_a_number_is_read_by_itself_in_one_request(scripted: Any) -> None:
    retell = scripted(imported())
    assert retell.client.get_number(NUMBER) == read(imported())
    assert retell.calls == ["GET /get-phone-number/%2B12135550110"]


@pytest.mark.parametrize("spelling", ["2135550110", "+1 213-555-0110", "(213) 555-0110"])
def test_a_number_is_found_however_it_was_brought(spelling: str, scripted: Any) -> None:
    retell = scripted(page(bought(), imported(phone_number=spelling)))
    assert retell.client.find_number("+12135550110").id == spelling
    assert retell.calls == [FIRST]


def test_a_number_that_is_in_no_page_is_not_found(scripted: Any) -> None:
    with pytest.raises(NotFound):
        scripted(page(bought())).client.find_number(NUMBER)


def test_nothing_is_imported_beside_a_pseudo_number_that_may_be_the_same(scripted: Any) -> None:
    retell = scripted(page(imported(phone_number="12135550110")))
    trunk = OutboundUpdate(address="sip:pbx.example.com;transport=tcp")
    with pytest.raises(Conflict, match="12135550110"):
        retell.client.import_number(NumberImport(number=NUMBER, outbound=trunk))


def test_a_cursor_that_is_no_text_never_leaves(scripted: Any) -> None:
    with pytest.raises(InvalidInput):
        scripted().client.get_number("..")
