"""Changing numbers: what is declared arrives, and nothing else changes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Literal

import pytest

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.emulator import FaultKind
from telephony_core.errors import NotAllowed, NotFound, OutcomeUnknown, ProviderError, TelephonyError
from telephony_core.operations.reconciliation import read_field
from telephony_core.provider.capabilities import Capabilities, Field, Operation
from telephony_core.provider.flow import Response
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import ADDRESSES, WRITTEN_BY, OriginCase
from telephony_core.testing.contract.subject import PAIR, Subject, leaves, needed, same


class Writing(Subject):
    """Declared works: each writable field, each clearable one, each form of a value."""

    def test_an_operation_works_for_numbers_of_every_declared_origin(
        self, account: ContractAccount, right_origin: OriginCase
    ) -> None:
        number = self.changeable(account, right_origin.operation, right_origin.origin)
        self.attempt(account, right_origin.operation, number)()
        assert account.writes

    # -- fields

    def test_a_writable_field_reaches_the_vendor(self, account: ContractAccount, writable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[writable])
        values = self.new_value(account, writable, number)
        after = self.write(account, number, values)
        self.assert_written(account, after, values)
        assert account.client.get_number(number.id) == after, "what a write returns is what a read shows"

    def test_a_field_is_written_by_the_id_of_the_number_too(self, account: ContractAccount, writable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[writable])
        values = self.new_value(account, writable, number)
        self.assert_written(account, self.write(account, number.id, values), values)

    def test_writing_a_field_leaves_the_others(self, account: ContractAccount, writable: Field) -> None:
        number = self.filled(account, self.number_for(account, WRITTEN_BY[writable]))
        values = self.new_value(account, writable, number)
        stored = account.emulator.credentials(number.id)
        after = self.write(account, number, values)
        assert _untouched(after, values) == _untouched(number, values)
        # The password cannot be read, so it is compared where the vendor keeps it.
        if not values.keys() & PAIR:
            assert account.emulator.credentials(number.id) == stored

    def test_writing_a_field_of_any_number_touches_nothing_else(
        self, account: ContractAccount, writable: Field
    ) -> None:
        """Numbers may share what is behind them (a trunk, an agent), which only the vendor's records show."""
        origins = account.capabilities.operations[WRITTEN_BY[writable]].origins
        for number in self.numbers(account, origins=origins):
            values, before = self.new_value(account, writable, number), self.state(account)
            try:
                self.write(account, number, values)
            except TelephonyError:  # what cannot be done for one number alone has to be refused
                assert self.state(account) == before, f"refused for {number.identity}, and done all the same"
                continue
            after = self.state(account)
            (was, held), (now, holds) = before.pop(number.id), after.pop(number.id)
            assert after == before, f"{writable} of {number.identity} was written, and other numbers changed"
            lost = _lost(was, now, values, account.capabilities)
            assert not lost, f"{writable} of {number.identity} was written, and {', '.join(lost)} did not stay"
            assert values.keys() & PAIR or holds == held, f"{number.identity} has other credentials now"

    def test_a_value_is_sent_without_any_null_beside_it(self, account: ContractAccount, writable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[writable])
        values = self.new_value(account, writable, number)
        self.write(account, number, values)
        bodies = [json.loads(request.body) for request in account.writes if request.body]
        assert bodies
        # Null clears at some vendors: beside a value it would take settings away that nobody named.
        assert None not in [leaf for body in bodies for leaf in leaves(body)]

    def test_writing_the_same_twice_is_the_same(self, account: ContractAccount, writable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[writable])
        values = self.new_value(account, writable, number)
        once = self.write(account, number, values)
        self.assert_written(account, self.write(account, once, values), values)

    def test_a_clearable_field_is_cleared_by_none(self, account: ContractAccount, clearable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[clearable])
        filled = {clearable: self.value(account, clearable, number)}
        number = self.write(account, number, self.with_companions(account, filled, number))
        nothing: dict[Field, object] = {clearable: None}
        values = self.with_companions(account, nothing, number)
        after = self.write(account, number, values)
        self.assert_written(account, after, values)
        assert _untouched(after, values) == _untouched(number, values)

    def test_an_empty_allow_list_is_another_one_than_none(self, account: ContractAccount) -> None:
        """At one vendor the one lets everybody call in and the other nobody, so neither may stand in for the other."""
        needed(account.capabilities.can_write(Field.ALLOWED_ADDRESSES), f"{account.spec.slug} has no allow-list")
        for operation in (Operation.UPDATE_SIP, Operation.IMPORT):
            if not account.capabilities.offers(operation):
                continue
            values: dict[Field, object] = {Field.ALLOWED_ADDRESSES: ()}
            if operation is Operation.IMPORT:
                fields = self.required(account) - {Field.ALLOWED_ADDRESSES}
                empty = InboundUpdate(allowed_addresses=(), allow_any=True)
                after = account.client.import_number(self.import_of(account, fields, inbound=empty))
            else:
                number = self.number_for(account, operation)
                after = self.write(account, number, self.with_companions(account, values, number))
            self.assert_written(account, after, values)

    def test_several_fields_of_the_trunk_are_written_at_once(self, account: ContractAccount) -> None:
        self.needs(account, Operation.UPDATE_SIP)
        number = self.number_for(account, Operation.UPDATE_SIP)
        names = [n for n in Field if WRITTEN_BY[n] is Operation.UPDATE_SIP and account.capabilities.can_write(n)]
        values: dict[Field, object] = {name: self.value(account, name, number) for name in names}
        self.assert_written(account, self.write(account, number, values), values)

    def test_a_label_of_the_greatest_length_is_taken(self, account: ContractAccount) -> None:
        self.needs(account, Operation.UPDATE_LABEL)
        support = account.capabilities.fields.get(Field.LABEL)
        longest = None if support is None or not support.writable else support.max_length
        # Characters and not bytes: a Korean one takes three in UTF-8.
        label = "가" * needed(longest, f"{account.spec.slug} declares no greatest length of a label")
        number = self.number_for(account, Operation.UPDATE_LABEL)
        assert account.client.update_label(number, label).label == label

    # -- addresses

    def test_an_address_form_that_is_offered_arrives_whole(self, account: ContractAccount, address_form: str) -> None:
        number = self.number_for(account, Operation.UPDATE_SIP)
        address = SipAddress.parse(ADDRESSES[address_form])
        values = self.with_companions(account, {Field.ADDRESS: address}, number)
        self.assert_written(account, self.write(account, number, values), values)

    def test_an_address_without_a_port_stays_without_one(self, account: ContractAccount) -> None:
        self.needs(account, Operation.UPDATE_SIP)
        needed(account.capabilities.can_write(Field.ADDRESS), f"{account.spec.slug} takes no address")
        number = self.number_for(account, Operation.UPDATE_SIP)
        values = self.with_companions(account, {Field.ADDRESS: SipAddress("trunk.contract.example")}, number)
        after = self.write(account, number, values)
        self.assert_written(account, after, values)
        if account.capabilities.can_read(Field.ADDRESS):
            address = read_field(after, Field.ADDRESS)
            assert isinstance(address, SipAddress)
            assert address.port is None

    def test_an_address_without_a_transport_gets_the_declared_one_and_keeps_no_other(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.UPDATE_SIP)
        absent = f"{account.spec.slug} declares no transport for an address without one"
        forms = needed(account.capabilities.address_forms, absent)
        needed(forms.default_transport, absent)
        number = self.number_for(account, Operation.UPDATE_SIP)
        bare = SipAddress("trunk.contract.example")
        addresses = [bare]
        if forms.transport:  # from another one, which must not stay
            other: Literal["udp", "tcp"] = "udp" if forms.default_transport != "udp" else "tcp"
            addresses.insert(0, replace(bare, scheme="sip", transport=other))
        for address in addresses:
            values = self.with_companions(account, {Field.ADDRESS: address}, number)
            number = self.write(account, number, values)
            self.assert_written(account, number, values)

    # -- agents

    def test_a_declared_agent_version_is_sent(self, account: ContractAccount, version: AgentVersion) -> None:
        """It may still be refused by the vendor, as a draft may be; then nothing has changed."""
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        name = self.agent_field(account)
        values: dict[Field, object] = {name: AgentRef(self.agent(account.emulator).agent_id, version=version)}
        try:
            after = self.write(account, number, values)
        except ProviderError:
            assert account.client.get_number(number.id) == number
        else:
            self.assert_written(account, after, values)
        assert account.writes

    def test_a_version_in_the_vendors_own_words_is_assigned(self, account: ContractAccount) -> None:
        rules = account.capabilities.agent_versions
        literals = None if rules is None else rules.literals
        needed(literals, f"{account.spec.slug} declares no words of its own for versions")
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        values: dict[Field, object] = {self.agent_field(account): self.agent_by_literal(account.emulator)}
        self.assert_written(account, self.write(account, number, values), values)

    def test_no_version_of_an_agent_is_assigned_in_the_place_of_another(self, account: ContractAccount) -> None:
        """Else a draft would answer calls, or what was published would not; where it cannot be read, nobody notices."""
        rules = needed(account.capabilities.agent_versions, f"{account.spec.slug} assigns no versions")
        self.needs(account, Operation.ASSIGN_AGENTS)
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        sent: dict[tuple[tuple[str, str, bytes | None], ...], str] = {}
        for version in sorted(rules.kinds):
            requests = self.assigning(account, number, AgentRef(self.agent(account.emulator).agent_id, version=version))
            assert requests not in sent, f"{version} is sent like {sent[requests]}"
            sent |= {requests: version} if requests else {}  # none where it was refused, as a draft may be
        if rules.literals is not None:
            agent = self.agent_by_literal(account.emulator)
            plain = [
                self.assigning(account, number, AgentRef(agent.agent_id, version=version))
                for version in sorted(rules.kinds)
            ]
            requests = self.assigning(account, number, agent)
            is_named = any(str(agent.version).encode() in (body or b"") for _, _, body in requests)
            assert is_named or requests not in plain, f"{agent.version} is sent like a version of another name"

    def test_an_agent_that_does_not_exist_changes_nothing(self, account: ContractAccount) -> None:
        self.needs(account, Operation.ASSIGN_AGENTS)
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        nobody = AgentRef(account.emulator.new_id("no such agent"), version=self.agent(account.emulator).version)
        with pytest.raises(ProviderError):
            self.write(account, number, {self.agent_field(account): nobody})
        assert account.client.get_number(number.id) == number

    def test_a_side_effect_of_assigning_has_to_be_allowed(self, account: ContractAccount) -> None:
        effects = account.capabilities.side_effects.get(Operation.ASSIGN_AGENTS, frozenset())
        needed(effects, f"{account.spec.slug} declares no side effect of assigning")
        number = self.number_with_side_effect(account)
        values: dict[Field, object] = {self.agent_field(account): self.agent_with_side_effect(account.emulator)}
        with account.no_write(), pytest.raises(NotAllowed) as caught:
            self.write(account, number, values, allow=())
        assert caught.value.allowance in effects
        self.assert_written(account, self.write(account, number, values), values)

    # -- what goes wrong

    def test_an_unknown_id_is_not_found_and_nothing_is_sent_but_one_read(
        self, account: ContractAccount, change: Operation
    ) -> None:
        with account.no_write(), pytest.raises(NotFound):
            self.attempt(account, change, account.emulator.new_id("nobody"))()

    def test_a_setting_whose_answer_is_lost_is_sent_again(self, account: ContractAccount, writable: Field) -> None:
        number = self.number_for(account, WRITTEN_BY[writable])
        values = self.new_value(account, writable, number)
        # Whether it happened or not: the same setting twice is the same.
        for kind in (FaultKind.LOST_AFTER, FaultKind.LOST_BEFORE, FaultKind.REFUSED):
            account.fail(kind)
            self.assert_written(account, self.write(account, number, values), values)

    def test_a_change_of_which_every_answer_is_lost_is_not_told_as_none(
        self, account: ContractAccount, change: Operation
    ) -> None:
        """As where its request is declared to be a read: "nothing was changed" would be said of what was."""
        number = self.changeable(account, change)
        account.fail(FaultKind.LOST_AFTER, times=99)
        with contextlib.suppress(OutcomeUnknown):  # a look may as well have found it
            self.attempt(account, change, number)()

    def test_a_write_answered_with_nonsense_fails_as_an_error_of_this_library(
        self, account: ContractAccount, change: Operation
    ) -> None:
        number = self.changeable(account, change)
        for body in (b"", b"<html>", b"[]", b"{}", b"null", b"7"):
            account.fail(FaultKind.ANSWER, response=Response(200, {}, body))
            # A release may be answered without a word; core looks what became of the number.
            needs_no_body = change is Operation.RELEASE
            with contextlib.suppress(TelephonyError) if needs_no_body else pytest.raises(TelephonyError):
                self.attempt(account, change, number)()

    # -- preparing

    def assigning(
        self, account: ContractAccount, number: PhoneNumber, agent: AgentRef
    ) -> tuple[tuple[str, str, bytes | None], ...]:
        """The writes by which this agent is assigned; none where that is refused."""
        before = len(account.writes)
        with contextlib.suppress(TelephonyError):
            self.write(account, number, {self.agent_field(account): agent})
        return tuple((request.method, request.url, request.body) for request in account.writes[before:])


def _untouched(number: PhoneNumber, values: dict[Field, object]) -> dict[str, object]:
    """What a change of these fields has to leave as it was."""
    kept = {str(name): read_field(number, name) for name in Field if name not in values and name is not Field.PASSWORD}
    facts = ("id", "identity", "status", "origin", "created_at", "starts_at", "ends_at", "monthly_fee")
    return {**kept, **{name: getattr(number, name) for name in facts}}


def _lost(was: PhoneNumber, now: PhoneNumber, values: dict[Field, object], capabilities: Capabilities) -> list[str]:
    """What did not stay of what was there: where there was nothing, vendors fill in defaults of a new trunk."""
    before, after = _untouched(was, values), _untouched(now, values)
    return [name for name, value in before.items() if value is not None and not same(value, after[name], capabilities)]
