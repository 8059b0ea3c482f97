"""What is not declared, and what is invalid, is refused before any request."""

from __future__ import annotations

from functools import partial

import pytest

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.input_model import UNSET
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput, UnsupportedError, UnsupportedField, UnsupportedOperation
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.changes import SipUpdate
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import ADDRESSES, CHANGES, WRITTEN_BY, OriginCase
from telephony_core.testing.contract.subject import HALVES, Subject, halves, needed


class Refusals(Subject):
    """Undeclared raises, with zero requests."""

    # -- operations

    def test_an_operation_that_is_not_offered_is_refused(
        self, account: ContractAccount, not_offered: Operation
    ) -> None:
        number = self.any_number(account)
        self.refused(account, UnsupportedOperation, self.attempt(account, not_offered, number))
        if not_offered in CHANGES:
            self.refused(account, UnsupportedOperation, self.attempt(account, not_offered, number.id))

    def test_an_operation_is_refused_for_numbers_of_another_origin(
        self, account: ContractAccount, wrong_origin: OriginCase
    ) -> None:
        # No emulator has to hold a number of each origin for this.
        number = self.any_number(account).model_copy(update={"origin": wrong_origin.origin})
        self.refused(account, UnsupportedOperation, self.attempt(account, wrong_origin.operation, number))

    def test_an_operation_by_id_is_refused_after_one_read_of_a_number_of_another_origin(
        self, account: ContractAccount, wrong_origin: OriginCase
    ) -> None:
        numbers = self.numbers(account, origins=[wrong_origin.origin])
        needed(numbers, f"{account.spec.slug} has no active number that was {wrong_origin.origin}")
        attempt = self.attempt(account, wrong_origin.operation, numbers[0].id)
        with account.no_write(), pytest.raises(UnsupportedOperation):
            attempt()

    def test_every_change_is_refused_for_the_record_of_another_provider(
        self, account: ContractAccount, change: Operation
    ) -> None:
        number = self.any_number(account).model_copy(update={"provider": "somebody-else"})
        self.refused(account, InvalidInput, self.attempt(account, change, number))

    def test_every_change_is_refused_without_an_id(self, account: ContractAccount, change: Operation) -> None:
        self.refused(account, InvalidInput, self.attempt(account, change, ""))

    # -- fields

    def test_a_field_that_is_not_writable_is_refused(self, account: ContractAccount, unwritable: Field) -> None:
        for number in self.record_and_id(account, WRITTEN_BY[unwritable]):
            values = {unwritable: self.value(account, unwritable)}
            error = self.refused(account, UnsupportedField, partial(self.write, account, number, values))
            assert error.field == unwritable

    def test_a_field_that_is_not_clearable_is_refused_when_cleared(
        self, account: ContractAccount, unclearable: Field
    ) -> None:
        for number in self.record_and_id(account, WRITTEN_BY[unclearable]):
            nothing: dict[Field, object] = {unclearable: None}
            values = self.with_companions(account, nothing)
            error = self.refused(account, UnsupportedField, partial(self.write, account, number, values))
            assert error.field == unclearable

    def test_a_field_is_refused_without_those_it_requires(self, account: ContractAccount, dependent: Field) -> None:
        for number in self.record_and_id(account, WRITTEN_BY[dependent]):
            values = {dependent: self.value(account, dependent)}
            self.refused(account, InvalidInput, partial(self.write, account, number, values))

    def test_check_names_every_field_that_cannot_be_written(self, account: ContractAccount) -> None:
        self.needs(account, Operation.UPDATE_SIP)
        number = self.number_for(account, Operation.UPDATE_SIP)
        names = [name for name in Field if WRITTEN_BY[name] is Operation.UPDATE_SIP]
        inbound, outbound = halves({name: self.value(account, name, number) for name in names})
        with account.no_request():
            problems = account.client.check(SipUpdate(number, inbound, outbound))
        refused = {problem.field for problem in problems if isinstance(problem.error, UnsupportedField)}
        assert refused == {name for name in names if not account.capabilities.can_write(name)}

    def test_check_has_no_problem_with_what_is_declared(self, account: ContractAccount, trunk_field: Field) -> None:
        number = self.number_for(account, Operation.UPDATE_SIP)
        values = self.new_value(account, trunk_field, number)
        with account.no_request():
            problems = account.client.check(SipUpdate(number, *halves(values)))
        assert [problem for problem in problems if problem.error is not None] == []

    # -- values

    @pytest.mark.parametrize("half", HALVES)
    def test_an_update_that_changes_nothing_is_refused(self, account: ContractAccount, half: str) -> None:
        number = self.any_number(account)
        inbound = InboundUpdate() if half == "inbound" else UNSET
        outbound = OutboundUpdate() if half == "outbound" else UNSET
        update = partial(account.client.update_sip, number, inbound=inbound, outbound=outbound)
        self.refused(account, (InvalidInput, UnsupportedError), update)

    def test_a_label_that_is_too_long_or_blank_is_refused(self, account: ContractAccount) -> None:
        self.needs(account, Operation.UPDATE_LABEL)
        support = needed(account.capabilities.fields.get(Field.LABEL), f"{account.spec.slug} has no labels")
        number = self.number_for(account, Operation.UPDATE_LABEL)
        # Characters and not bytes: a Korean one takes three in UTF-8.
        labels = ["", "  "] + ([] if support.max_length is None else ["가" * (support.max_length + 1)])
        for label in labels:
            self.refused(account, InvalidInput, partial(account.client.update_label, number, label))

    def test_an_address_form_that_is_not_offered_is_refused(
        self, account: ContractAccount, missing_address_form: str
    ) -> None:
        number = self.number_for(account, Operation.UPDATE_SIP)
        address = SipAddress.parse(ADDRESSES[missing_address_form])
        values = self.with_companions(account, {Field.ADDRESS: address}, number)
        error = self.refused(account, UnsupportedField, partial(self.write, account, number, values))
        assert error.field == Field.ADDRESS

    def test_an_agent_version_that_is_not_declared_is_refused(
        self, account: ContractAccount, missing_version: AgentVersion
    ) -> None:
        self.refused_version(account, missing_version, UnsupportedField)

    def test_a_version_that_is_none_of_the_vendors_words_is_refused(self, account: ContractAccount) -> None:
        self.refused_version(account, "no version of anybody", UnsupportedField)

    def test_an_agent_without_a_version_is_refused(self, account: ContractAccount) -> None:
        self.refused_version(account, None, InvalidInput)

    def test_an_assignment_of_nothing_is_refused(self, account: ContractAccount) -> None:
        self.needs(account, Operation.ASSIGN_AGENTS)
        self.refused(account, InvalidInput, partial(account.client.assign_agents, self.any_number(account)))

    def test_an_option_that_the_provider_does_not_have_is_refused(
        self, account: ContractAccount, trunk_field: Field
    ) -> None:
        number = self.number_for(account, Operation.UPDATE_SIP)
        values = self.new_value(account, trunk_field, number)
        inbound, outbound = halves(values)
        options = {account.spec.slug: {"no_such_option": True}}
        update = partial(account.client.update_sip, number, inbound=inbound, outbound=outbound, options=options)
        error = self.refused(account, InvalidInput, update)
        assert "no_such_option" in str(error)

    # -- preparing

    def any_number(self, account: ContractAccount) -> PhoneNumber:
        (number, *_) = self.numbers(account)
        return number

    def record_and_id(self, account: ContractAccount, operation: Operation) -> tuple[PhoneNumber, str]:
        number = self.number_for(account, operation)
        return number, number.id

    def refused_version(
        self,
        account: ContractAccount,
        version: AgentVersion | str | None,
        kind: type[UnsupportedField] | type[InvalidInput],
    ) -> None:
        self.needs(account, Operation.ASSIGN_AGENTS)
        number = self.number_for(account, Operation.ASSIGN_AGENTS)
        agent = AgentRef(self.agent(account.emulator).agent_id, version=version)
        for name in (Field.INBOUND_AGENT, Field.OUTBOUND_AGENT):
            if account.capabilities.can_write(name):
                self.refused(account, kind, partial(self.write, account, number, {name: agent}))
