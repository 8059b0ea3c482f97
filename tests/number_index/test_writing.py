"""What our own writes do to an index, what its clients find by it, and what a write never takes from it."""

from __future__ import annotations

import threading

import pytest

from telephony_core import (
    AmbiguousNumber,
    Conflict,
    InvalidInput,
    InvalidRequest,
    NotFound,
    NumberImport,
    OutboundUpdate,
    OutcomeUnknown,
)
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import NoAnswer
from telephony_core.provider.flow import Response
from tests.number_index.conftest import MAX_AGE, NUMBER, OTHER, Plain, Turnstile, World

TRUNK = OutboundUpdate(address="pbx.example.com", username="u", password="p")


def known(index, number: str = NUMBER) -> list[tuple[str, str | None, str]]:
    """What is in memory, without asking anybody."""
    return [(record.id, record.label, str(record.status)) for _, record in index.peek(number).served_by]


# -- writes


def test_our_own_writes_show_at_once(world: World):
    world.account("a", OTHER)
    index = world.index()
    index.refresh()
    client = world.client(index, "a")
    made = client.import_number(NumberImport(number=NUMBER, label="one", outbound=TRUNK))
    assert known(index) == [(made.id, "one", "active")]
    client.update_label(made, "two")
    assert known(index) == [(made.id, "two", "active")]
    client.update_sip(made, outbound=OutboundUpdate(address="other.example.com", password="p"))
    ((_, record),) = index.peek(NUMBER).served_by
    assert str(record.sip.outbound.address) == "other.example.com"
    client.release(made)
    assert known(index) == [(made.id, "two", "release_scheduled")]
    client.revoke_release(made.id)
    assert known(index) == [(made.id, "two", "active")]


def test_a_release_that_leaves_no_record_takes_it_out(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    account.after[len(account.requests) + 2] = lambda: account.records.pop("a-0")
    world.client(index, "a").release("a-0")
    assert known(index) == []


def test_a_record_that_turns_out_to_be_gone_is_taken_out(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    del account.records["a-0"]
    with pytest.raises(NotFound):
        world.client(index, "a").release("a-0")
    assert known(index) == []


def test_a_write_during_a_listing_is_not_lost_with_it(world: World):
    account = world.account("a", NUMBER, OTHER)
    account.page_size = 1
    index = world.index()
    index.refresh()
    listing = index.target._accounts["a"].known
    draft = listing.start()
    for _, record in index.peek(NUMBER).served_by + index.peek(OTHER).served_by:
        draft.add(record)
    world.client(index, "a").update_label("a-0", "new")
    listing.show(draft)
    assert known(index) == [("a-0", "new", "active")]


def test_what_comes_and_goes_during_a_listing_is_not_lost_with_it(world: World):
    account = world.account("a", OTHER)
    index = world.index()
    index.refresh()
    listing = index.target._accounts["a"].known
    draft = listing.start()
    for record in listing.all():
        draft.add(record)
    client = world.client(index, "a")
    account.add("new", NUMBER)
    client.update_label("new", "one")
    del account.records["a-0"]
    with pytest.raises(NotFound):
        client.release("a-0")
    listing.show(draft)
    assert known(index) == [("new", "one", "active")]
    assert known(index, OTHER) == []


def test_a_write_in_doubt_during_a_listing_makes_the_next_question_list_once_more(world: World):
    account = world.account("a", OTHER)
    index = world.index()
    index.refresh()
    listing = index.target._accounts["a"].known
    draft = listing.start()
    index.client("a").operations.listeners[0].doubt()
    listing.show(draft)
    index.find(OTHER)
    assert account.listings == 2
    assert known(index, OTHER) == [("a-0", None, "active")]


def test_what_may_be_a_number_is_known_by_our_own_writes_too(world: World):
    account = world.account("a", NUMBER, "0082 70 1111 2222")
    index = world.index()
    index.refresh()
    world.time.advance(10)
    client = world.client(index, "a")
    identity = NumberIdentity.parse(NUMBER, region="KR")

    def of_the_number() -> list[tuple[str, str | None]]:
        found = client.number_index.records_of(identity)
        return [(record.id, record.label) for record in (found if world.mode == "sync" else world.run(found))]

    client.update_label("a-0", "one")
    client.update_label("a-1", "other")
    assert of_the_number() == [("a-0", "one"), ("a-1", "other")]
    account.records.clear()
    for id in ("a-0", "a-1"):
        with pytest.raises(NotFound):
            client.release(id)
    assert of_the_number() == []
    assert index.accounts["a"].age == 10  # it was not listed for that


def test_the_clients_that_were_handed_in_are_known_too_and_stay_open(world: World):
    world.account("a", NUMBER)
    client = world.open(world.connection("a"))
    index = world.index(client)
    index.refresh()
    Plain(client.with_options(timeout=5), world.run).update_label("a-0", "new")
    assert known(index) == [("a-0", "new", "active")]
    world.close(index)
    assert client.number_index is None
    assert Plain(client, world.run).get_number("a-0").label == "new"


def test_all_indexes_over_one_client_know_of_its_writes_and_one_that_is_closed_takes_nothing_from_another(world: World):
    world.account("a", NUMBER, OTHER)
    client = world.open(world.connection("a"))
    first, second = (world.index(client) for _ in range(2))
    first.refresh()
    second.refresh()
    Plain(client, world.run).update_label("a-0", "new")
    assert [index.peek(NUMBER).served_by[0][1].label for index in (first, second)] == ["new", "new"]
    world.close(first)
    Plain(client, world.run).update_label("a-0", "newer")
    assert second.peek(NUMBER).served_by[0][1].label == "newer"
    listings = world.accounts["a"].listings
    assert Plain(client, world.run).find_number(OTHER).id == "a-1"
    assert world.accounts["a"].listings == listings


def test_a_copy_of_a_client_asks_an_index_that_is_closed_nothing_any_more(world: World):
    world.account("a", NUMBER)
    client = world.open(world.connection("a"))
    index = world.index(client)
    index.refresh()
    copy = Plain(client.with_options(timeout=5), world.run)
    world.close(index)
    imported = copy.import_number(NumberImport(number=OTHER, outbound=TRUNK))
    assert copy.find_number(OTHER).id == imported.id


def test_a_write_that_may_have_happened_makes_the_next_question_list(world: World):
    account = world.account("a", OTHER)
    index = world.index()
    index.refresh()
    account.faults["POST", 1] = _lost_then_listed_late(account)
    with pytest.raises(OutcomeUnknown):
        world.client(index, "a").import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    listings = account.listings
    assert [record.id for _, record in index.find(NUMBER).served_by] == ["late"]
    assert account.listings == listings + 1
    index.find(NUMBER)
    assert account.listings == listings + 1


def _lost_then_listed_late(account):
    def fault(act):
        # The look right afterwards shows nothing yet.
        account.after[len(account.requests) + 1] = lambda: account.add("late", NUMBER)
        raise NoAnswer("lost")

    return fault


@pytest.mark.parametrize(("status", "error", "listings"), [(409, Conflict, 1), (400, InvalidRequest, 0)])
def test_a_refusal_for_the_state_of_the_record_makes_the_next_question_list(world: World, status, error, listings):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    account.faults["PATCH", 1] = lambda act: Response(status, {}, b"{}")
    with pytest.raises(error):
        world.client(index, "a").update_label("a-0", "new")
    before = account.listings
    index.find(NUMBER)
    assert account.listings == before + listings


# -- find_number


def test_what_other_accounts_have_is_nothing_to_a_client(world: World):
    world.account("a", OTHER)
    world.account("b", NUMBER)
    index = world.index()
    index.refresh()
    client = world.client(index, "a")
    with pytest.raises(NotFound):
        client.find_number(NUMBER)
    assert client.import_number(NumberImport(number=NUMBER, outbound=TRUNK)).id == "new-1"


def test_find_number_reads_one_record_instead_of_the_account(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    account.records["a-0"]["label"] = "changed elsewhere"
    number = world.client(index, "a").find_number("070-1111-2222")
    assert number.label == "changed elsewhere"
    assert number.raw["id"] == "a-0"
    assert [request.url.rpartition("/numbers")[2] for request in account.requests[1:]] == ["/a-0"]


def test_what_is_not_known_is_not_found_until_somebody_asks_for_a_fresh_look(world: World):
    account = world.account("a")
    index = world.index()
    index.refresh()
    account.add("new", NUMBER)
    client = world.client(index, "a")
    with pytest.raises(NotFound, match="fresh=True"):
        client.find_number(NUMBER)
    assert len(account.requests) == 1
    assert client.find_number(NUMBER, fresh=True).id == "new"
    assert account.listings == 2
    with pytest.raises(NotFound) as error:
        client.find_number(OTHER, fresh=True)
    assert "fresh" not in str(error.value)


@pytest.mark.parametrize("change", ["gone", "released", "another number"])
def test_a_record_that_is_not_what_was_known_makes_the_account_be_listed(world: World, change):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    if change == "gone":
        del account.records["a-0"]
    elif change == "released":
        account.records["a-0"]["status"] = "released"
    else:
        account.records["a-0"]["number"] = OTHER
    account.add("new", NUMBER)
    assert world.client(index, "a").find_number(NUMBER).id == "new"


def test_a_number_that_is_there_twice_is_listed_anew_before_that_is_said(world: World):
    account = world.account("a", NUMBER, NUMBER)
    index = world.index()
    index.refresh()
    client = world.client(index, "a")
    with pytest.raises(AmbiguousNumber):
        client.find_number(NUMBER)
    account.records["a-1"]["status"] = "released"
    assert client.find_number(NUMBER).id == "a-0"


def test_find_number_raises_what_its_own_account_fails_with(world: World):
    account = world.account("a", NUMBER)
    index = world.index()
    index.refresh()
    account.down = True
    world.time.advance(MAX_AGE + 1)
    client = world.client(index, "a")
    from telephony_core import AuthenticationFailed

    with pytest.raises(AuthenticationFailed):
        client.find_number(NUMBER)


def test_an_index_that_was_read_too_long_ago_is_refreshed_for_its_client(world: World):
    account = world.account("a")
    index = world.index()
    index.refresh()
    account.add("new", NUMBER)
    world.time.advance(MAX_AGE + 1)
    assert world.client(index, "a").find_number(NUMBER).id == "new"
    assert known(index) == [("new", None, "active")]


# -- imports


def test_the_look_before_an_import_is_never_older_than_the_import(world: World):
    account = world.account("a")
    index = world.index()
    index.refresh()
    account.add("elsewhere", NUMBER)
    with pytest.raises(Conflict, match="elsewhere"):
        world.client(index, "a").import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert account.writes() == []
    assert known(index) == [("elsewhere", None, "active")]


def test_an_unclear_record_is_not_overlooked_before_an_import(world: World):
    account = world.account("a", "0082 70 1111 2222")
    with pytest.raises(Conflict):
        world.client(world.index(), "a").import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert account.writes() == []


def test_what_is_released_and_what_is_another_number_stands_in_the_way_of_no_import(world: World):
    account = world.account("a", "0082 70 1111 2222", "2001", "2001@pbx.example.com")
    account.records["a-0"]["status"] = "released"
    made = world.client(world.index(), "a").import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert account.records[made.id]["number"] == NUMBER


def test_an_import_that_can_never_be_is_refused_before_anything_is_listed(world: World):
    account = world.account("a")
    client = world.client(world.index(), "a")
    with pytest.raises(InvalidInput):
        client.import_number(NumberImport(number=NUMBER, label="x" * 99, outbound=TRUNK))
    assert account.requests == []


def test_an_import_whose_look_fails_sends_nothing(world: World):
    account = world.account("a")
    client = world.client(world.index(), "a")
    account.down = True
    from telephony_core import AuthenticationFailed

    with pytest.raises(AuthenticationFailed):
        client.import_number(NumberImport(number=NUMBER, outbound=TRUNK))
    assert account.writes() == []


def test_imports_that_wait_together_share_one_look(world: World):
    account = world.account("a")
    index = world.index()
    client = index.client("a")
    changes = [NumberImport(number=f"+8270111122{at:02}", outbound=TRUNK) for at in range(10)]
    if world.mode == "sync":
        turns = index.target._accounts["a"].lock = Turnstile()
        first, *others = [threading.Thread(target=client.import_number, args=(change,)) for change in changes]

        def the_others_come() -> None:
            for thread in others:
                thread.start()
            turns.wait_for(10)

        account.during[1] = the_others_come
        first.start()
        for thread in (first, *others):
            thread.join()
    else:
        import asyncio

        async def all_of_them():
            await asyncio.gather(*map(client.import_number, changes))

        world.run(all_of_them())
    # That of the first, under way when the others came, and one for all of these. Tasks come before it begins.
    assert account.listings == (2 if world.mode == "sync" else 1)
    assert len(account.writes()) == 10
