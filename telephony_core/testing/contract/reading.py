"""Listing, reading and finding numbers."""

from __future__ import annotations

from typing import Any

import pytest

from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState
from telephony_core.domain.sip_address import SipAddress
from telephony_core.emulator import json_response
from telephony_core.errors import AmbiguousNumber, InvalidInput, NotFound, UnexpectedResponse
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.port import Provider
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.subject import Subject

MANY = 260
"""More records than two pages of any known vendor hold."""
FEW_REQUESTS = 12
"""A guarded listing has ended by then."""


class Reading(Subject):
    """Every record, each once, in every status; the same whether it is listed, read by id or found by number."""

    # -- lists

    def test_list_shows_every_record_that_can_be_read(self, account: ContractAccount) -> None:
        listed = [number.id for number in account.client.list_numbers()]
        known = [str(record[self.id_key]) for record in account.emulator.records()]
        assert len(listed) == len(set(listed)), "a record was listed twice"
        assert sorted(listed) == sorted(known)

    def test_list_shows_each_record_as_get_does(self, account: ContractAccount) -> None:
        for number in account.client.list_numbers():
            assert account.client.get_number(number.id) == number

    def test_every_record_belongs_to_its_provider(self, account: ContractAccount) -> None:
        assert {number.provider for number in account.client.list_numbers()} == {account.spec.slug}

    @pytest.mark.parametrize("status", list(NumberStatus), ids=str)
    def test_list_by_status_is_the_part_of_the_whole_list(self, account: ContractAccount, status: NumberStatus) -> None:
        whole = {number.id for number in account.client.list_numbers() if number.status is status}
        assert {number.id for number in account.client.list_numbers(status=status)} == whole

    @pytest.mark.parametrize("origin", list(Origin), ids=str)
    def test_list_by_origin_is_the_part_of_the_whole_list(self, account: ContractAccount, origin: Origin) -> None:
        whole = {number.id for number in account.client.list_numbers() if number.origin is origin}
        assert {number.id for number in account.client.list_numbers(origin=origin)} == whole

    def test_list_sends_nothing_until_it_is_read(self, account: ContractAccount) -> None:
        with account.no_request():
            account.client.list_numbers(first=0)

    def test_list_asks_for_a_page_when_it_is_needed(self, account: ContractAccount) -> None:
        self.needs_pages(account)
        self.fill(account, MANY)
        account.client.list_numbers(first=1)
        asked_for_one = len(account.sent)
        account.client.list_numbers()
        # Fewer, and no figure: how many requests a page costs is the vendor's.
        assert asked_for_one < len(account.sent) - asked_for_one

    def test_list_follows_every_page(self, account: ContractAccount) -> None:
        ids = self.fill(account, MANY)
        assert ids <= {number.id for number in account.client.list_numbers()}

    def test_list_of_an_empty_account_is_empty(self, account: ContractAccount) -> None:
        account.clear()
        assert account.client.list_numbers() == []

    def test_list_goes_on_after_an_empty_page(self, account: ContractAccount) -> None:
        self.needs_pages(account)
        record = self.record(account)
        # An empty page need not be the last one: only the cursor says that.
        pages = iter([self.page([], "next-page"), self.page([record], None)])
        client, _ = account.scripted(lambda _: json_response(200, next(pages, self.page([], None))))
        assert [number.id for number in client.list_numbers()] == [record[self.id_key]]

    def test_list_ends_with_the_last_page(self, account: ContractAccount) -> None:
        client, backend = account.scripted(lambda _: json_response(200, self.page([], None)))
        assert client.list_numbers() == []
        assert len(backend.sent) <= FEW_REQUESTS

    def test_list_with_a_cursor_that_repeats_ends_with_an_error(self, account: ContractAccount) -> None:
        self.needs_pages(account)
        answer = json_response(200, self.page([self.record(account)], "same-cursor"))
        client, backend = account.scripted(lambda _: answer)
        with pytest.raises(UnexpectedResponse):
            client.list_numbers()
        assert len(backend.sent) <= FEW_REQUESTS

    @pytest.mark.parametrize("cursor", [17, True, ["text"], {"unexpected": "shape"}], ids=repr)
    def test_list_with_a_cursor_that_cannot_be_read_does_not_end_early(
        self, account: ContractAccount, cursor: Any
    ) -> None:
        """Numbers would be missing, and nobody would know."""
        self.needs_pages(account)
        answer = json_response(200, self.page([self.record(account)], cursor))
        client, _ = account.scripted(lambda _: answer)
        with pytest.raises(UnexpectedResponse):
            client.list_numbers()

    def test_a_record_that_comes_on_two_pages_is_listed_once(self, account: ContractAccount) -> None:
        self.needs_pages(account)
        record = self.record(account)
        pages = iter([self.page([record], "next-page"), self.page([record], None)])
        client, _ = account.scripted(lambda _: json_response(200, next(pages, self.page([], None))))
        assert len(client.list_numbers()) == 1

    # -- one record

    def test_get_of_an_unknown_id_is_not_found(self, account: ContractAccount) -> None:
        with pytest.raises(NotFound) as caught:
            account.client.get_number(account.emulator.new_id("nobody"))
        assert caught.value.provider == account.spec.slug

    @pytest.mark.parametrize("id", ["", ".", ".."])
    def test_an_id_that_no_record_can_have_is_refused_without_a_request(
        self, account: ContractAccount, id: str
    ) -> None:
        self.refused(account, InvalidInput, lambda: account.client.get_number(id))

    def test_a_field_that_is_not_readable_is_never_guessed(self, account: ContractAccount, unreadable: str) -> None:
        values = [read_field(number, unreadable) for number in account.client.list_numbers()]
        assert values == [None] * len(values)

    def test_a_number_with_a_password_is_never_one_without(self, account: ContractAccount) -> None:
        """Else a migration would take it along without one, and every call would fail at the trunk."""
        for number, held in self.state(account).values():
            if number.sip is not None and number.sip.outbound.credentials is not CredentialState.UNKNOWN:
                told = number.sip.outbound.credentials is CredentialState.SET
                assert told == (held.password is not None), f"{number.identity}: {number.sip.outbound.credentials}"

    # -- finding

    def test_where_calls_have_to_be_sent_is_told_without_a_request(self, account: ContractAccount) -> None:
        numbers, declared = account.client.list_numbers(), account.capabilities.inbound_host
        with account.no_request():
            told = [account.client.adapter.inbound_uri(number) for number in numbers]
        for number, uri in zip(numbers, told, strict=True):
            assert uri is None or isinstance(uri, SipAddress)
            assert uri is None or number.origin is not Origin.LINKED, "the provider itself informed its carrier"
            if declared is not None and declared.host is not None and number.origin is Origin.IMPORTED:
                assert uri is not None
                assert uri.host == SipAddress.parse(declared.host).host

    def test_find_takes_any_spelling_of_a_number(self, account: ContractAccount) -> None:
        number = self.unique(account)
        e164 = number.identity.e164 or ""
        # As people write it, as a URI, and as it is dialled at home.
        for spelling in (e164, f"{e164[:5]} {e164[5:8]}-{e164[8:]}", f"tel:{e164}", *_national(account, number)):
            assert account.client.find_number(spelling) == number

    def test_find_of_a_number_that_is_not_here_is_not_found(self, account: ContractAccount) -> None:
        with pytest.raises(NotFound):
            account.client.find_number(self.new_number)

    def test_a_look_up_by_number_is_declared_where_it_is_implemented(self, account: ContractAccount) -> None:
        written = type(account.client.adapter).find is not Provider.find
        assert written == self.capabilities().finds_by_number
        if written:
            number, before = self.unique(account), len(account.emulator.requests)
            assert account.client.find_number(str(number.identity)) == number
            # More would be a listing, and no look-up.
            assert len(account.emulator.requests) == before + 1

    def test_find_with_two_live_records_names_both(self, account: ContractAccount) -> None:
        number = self.unique(account)
        twin = self.copy(account, number.id)
        with pytest.raises(AmbiguousNumber) as caught:
            account.client.find_number(str(number.identity))
        assert {candidate.id for candidate in caught.value.candidates} == {number.id, twin}

    def test_find_prefers_the_live_record_to_released_ones(self, account: ContractAccount) -> None:
        self.needs_status(account)
        number = self.unique(account)
        over = next((n for n in account.client.list_numbers(status=NumberStatus.RELEASED)), None)
        if over is None:
            pytest.fail("the emulator has no released number: seed one")
        self.copy(account, over.id, **{self.number_key: self.raw(account, number.id)[self.number_key]})
        assert account.client.find_number(str(number.identity)) == number

    def test_find_gives_a_released_record_when_there_is_no_other(self, account: ContractAccount) -> None:
        self.needs_status(account)
        numbers = account.client.list_numbers()
        identities = [number.identity.e164 for number in numbers]
        over = [n for n in numbers if n.status is NumberStatus.RELEASED and identities.count(n.identity.e164) == 1]
        assert over, "the emulator has no released number without another record: seed one"
        assert account.client.find_number(str(over[0].identity)) == over[0]

    # -- numbers for sale

    def test_numbers_for_sale_are_listed_each_once(self, account: ContractAccount) -> None:
        self.needs(account, Operation.SEARCH_AVAILABLE)
        with account.no_request():
            account.client.search_available(first=0)
        offers = account.client.search_available()
        assert offers, "the emulator has no number for sale: seed one"
        assert len({offer.id for offer in offers}) == len(offers)
        assert {offer.provider for offer in offers} == {account.spec.slug}
        assert [offer.problems for offer in offers if offer.problems] == []

    # -- agents

    def test_agents_are_listed_each_once(self, account: ContractAccount) -> None:
        self.needs(account, Operation.LIST_AGENTS)
        with account.no_request():
            account.client.list_agents(first=0)
        records = account.emulator.records()
        agents = account.client.list_agents()
        assert sorted(agent.id for agent in agents) == sorted(account.emulator.agents.values())
        assert {agent.provider for agent in agents} == {account.spec.slug}
        assert {agent.name for agent in agents} <= {None, *account.emulator.agents}
        assert [agent.problems for agent in agents if agent.problems] == []
        assert account.emulator.records() == records

    def test_the_names_of_agents_on_a_number_are_told_without_a_request(self, account: ContractAccount) -> None:
        numbers = account.client.list_numbers()
        with account.no_request():
            named = [account.client.adapter.agent_names(number) for number in numbers]
        names = {id: name for name, id in account.emulator.agents.items()}
        for number, told in zip(numbers, named, strict=True):
            assert told.items() <= names.items()
            assert told.keys() <= {ref.agent_id for ref in (number.inbound_agent, number.outbound_agent) if ref}

    # -- preparing

    def raw(self, account: ContractAccount, id: str) -> dict[str, object]:
        found = [record for record in account.emulator.records() if record.get(self.id_key) == id]
        assert found, f"no record of the emulator has {id!r} under {self.id_key!r}; ids are text in its store"
        return found[0]

    def copy(self, account: ContractAccount, id: str, **changes: object) -> str:
        """Another record like this one."""
        return account.emulator.add({**self.raw(account, id), self.id_key: account.emulator.new_id(), **changes})

    def fill(self, account: ContractAccount, count: int) -> set[str]:
        """Many records; their ids."""
        (number, *_) = self.numbers(account)
        return {self.copy(account, number.id) for _ in range(count)}

    def unique(self, account: ContractAccount) -> PhoneNumber:
        """An active number with an E.164 form and one record."""
        numbers = account.client.list_numbers()
        e164s = [number.identity.e164 for number in numbers]
        found = [n for n in numbers if n.status is NumberStatus.ACTIVE and n.identity.e164]
        unique = [n for n in found if e164s.count(n.identity.e164) == 1]
        assert unique, (
            "no active number of the emulator reads as E.164 and has one record: seed one, or read it as E.164"
        )
        return unique[0]


def _national(account: ContractAccount, number: PhoneNumber) -> list[str]:
    """How the number is dialled in its own country, where that is the provider's."""
    region = account.capabilities.region
    digits = number.identity.national_digits
    return [digits] if digits and NumberIdentity.parse(digits, region=region).same_number(number.identity) else []
