"""Importing a number, and reconciling an import whose answer was lost."""

from __future__ import annotations

from functools import partial

import pytest

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate
from telephony_core.emulator import FaultKind
from telephony_core.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    OutcomeUnknown,
    PartialOutcome,
    ProviderError,
    TelephonyError,
    UnsupportedError,
    UnsupportedField,
)
from telephony_core.operations.reconciliation import ReconciliationOutcome, read_field
from telephony_core.provider.capabilities import Admits, Field, Operation, ReleaseEffect
from telephony_core.provider.flow import Response
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.subject import EVERYTHING, PAIR, Subject, needed

# Several of each, because a region knows some of them and not the others.
SAMPLES: dict[NumberKind, tuple[str, ...]] = {
    NumberKind.SERVICE: ("112", "911", "999", "110", "100"),
    NumberKind.LOCAL: ("2001", "99999999999999", "0000"),
    NumberKind.SIP_ID: ("front.desk@pbx.contract.example",),
}
"""Numbers without E.164 form; which kind they are depends on the region."""

# Whatever the provider's own country is, most of them are of another one.
FOREIGN = ("+442079460018", "+353861234567", "+827098765432", "+34917654321", "+12025550123")
"""Valid numbers of several countries."""


class Importing(Subject):
    """`IMPORT`, where it is offered."""

    def test_import_takes_what_is_required_and_no_more(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        number = account.client.import_number(self.import_of(account, self.required(account)))
        assert number.origin is Origin.IMPORTED
        assert number.is_live
        assert number.identity.e164 == self.new_number
        assert number.problems == ()

    def test_import_carries_every_writable_field(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        fields = self.importable(account)
        number = account.client.import_number(self.import_of(account, fields))
        self.assert_written(account, number, {name: self.value(account, name) for name in fields})

    def test_an_imported_number_is_there_by_id_by_number_and_in_the_list(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        number = account.client.import_number(self.import_of(account, self.required(account)))
        assert account.client.get_number(number.id) == number
        assert account.client.find_number(self.new_number) == number
        assert number in account.client.list_numbers()

    def test_import_creates_one_record_and_touches_no_other(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        before = account.emulator.records()
        number = account.client.import_number(self.import_of(account, self.required(account)))
        after = account.emulator.records()
        assert [r for r in after if r[self.id_key] != number.id] == before
        assert len(after) == len(before) + 1

    def test_import_takes_the_number_as_its_country_dials_it(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        identity = NumberIdentity.parse(self.new_number, region=account.capabilities.region)
        here = identity.national_digits if identity.region == account.capabilities.region else None
        digits = needed(here, "the new number is of another country than the provider's")
        change = self.import_of(account, self.required(account), number=digits)
        assert account.client.import_number(change).identity.e164 == self.new_number

    def test_import_of_a_number_that_is_live_here_is_a_conflict(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        account.client.import_number(self.import_of(account, self.required(account)))
        with account.no_write(), pytest.raises(Conflict):
            account.client.import_number(self.import_of(account, self.required(account)))

    def test_import_without_a_required_field_is_refused_without_a_request(
        self, account: ContractAccount, required: Field
    ) -> None:
        # Both halves of a pair: one alone is refused for that, and proves nothing about the field.
        change = self.import_of(account, self.required(account) - ({required} | (PAIR if required in PAIR else set())))
        error = self.refused(account, InvalidInput, lambda: account.client.import_number(change))
        assert str(required) in str(error)

    def test_import_of_a_field_that_is_not_writable_is_refused_without_a_request(
        self, account: ContractAccount, not_importable: Field
    ) -> None:
        fields = self.required(account) | {not_importable} | (PAIR if not_importable in PAIR else set())
        change = self.import_of(account, fields)
        self.refused(account, UnsupportedError, lambda: account.client.import_number(change))

    def test_an_import_without_an_allow_list_opens_nothing_unasked(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        capabilities = account.capabilities
        needed(capabilities.can_write(Field.ALLOWED_ADDRESSES), f"{account.spec.slug} has no allow-list")
        fields = self.required(account) - {Field.ALLOWED_ADDRESSES}
        unasked = self.import_of(account, fields, inbound=None)
        problems = [p for p in account.client.check(unasked) if p.field == Field.ALLOWED_ADDRESSES]
        assert problems, "`check` says what an import without a list means"
        if capabilities.admits_without_list is Admits.NOBODY:
            assert [problem.severity for problem in problems] == ["warning"]
            number = account.client.import_number(unasked)
        else:
            error = self.refused(account, NotAllowed, lambda: account.client.import_number(unasked))
            assert error.allowance == "allow_any"
            number = account.client.import_number(self.import_of(account, fields))
        if capabilities.can_read(Field.ALLOWED_ADDRESSES):
            assert not read_field(number, Field.ALLOWED_ADDRESSES), "no list was given, and there is one"

    def test_check_warns_of_an_empty_allow_list_that_admits_nobody(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        needed(account.capabilities.can_write(Field.ALLOWED_ADDRESSES), f"{account.spec.slug} has no allow-list")
        empty = InboundUpdate(allowed_addresses=(), allow_any=True)
        change = self.import_of(account, self.required(account) - {Field.ALLOWED_ADDRESSES}, inbound=empty)
        severities = [p.severity for p in account.client.check(change) if p.field == Field.ALLOWED_ADDRESSES]
        assert severities == (["warning"] if account.capabilities.admits_with_empty_list is Admits.NOBODY else [])

    def test_import_with_an_agent_that_does_not_exist_leaves_nothing_unsaid(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        self.needs(account, Operation.ASSIGN_AGENTS)
        nobody = AgentRef(account.emulator.new_id("no such agent"), version=self.agent(account.emulator).version)
        change = self.import_of(account, self.required(account), **{str(self.agent_field(account)): nobody})
        with pytest.raises((PartialOutcome, ProviderError)) as caught:
            account.client.import_number(change)
        if isinstance(caught.value, PartialOutcome):
            assert caught.value.number == account.client.find_number(self.new_number)
            assert caught.value.failed_step == "assign_agents"
        else:
            assert self.records(account) == []

    def test_an_id_comes_again_only_where_that_is_declared(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        terms = account.capabilities.release.get(Origin.IMPORTED)
        at_once = terms is not None and terms.effect is ReleaseEffect.IMMEDIATE
        needed(at_once, f"an imported number of {account.spec.slug} does not end at once")
        change = self.import_of(account, self.required(account))
        first = account.client.import_number(change)
        account.client.release(first, allow=EVERYTHING)
        second = account.client.import_number(change)
        assert (second.id == first.id) is account.capabilities.ids_are_reused
        if second.id == first.id:
            # Else nobody could tell what a run made from what was there before.
            times = (second.created_at, second.starts_at, second.updated_at)
            assert any(times), "a record shows no time by which it differs from an earlier one with its id"

    # -- which numbers

    def test_import_takes_every_kind_that_is_declared(self, account: ContractAccount, kind_taken: NumberKind) -> None:
        text = self.sample(account, kind_taken)
        number = account.client.import_number(self.import_of(account, self.required(account), number=text))
        assert number.identity.kind is kind_taken

    def test_a_kind_taken_as_it_is_has_to_be_asked_for(self, account: ContractAccount, kind_as_is: NumberKind) -> None:
        text = self.sample(account, kind_as_is)
        plain = self.import_of(account, self.required(account), number=text)
        self.refused(account, TelephonyError, lambda: account.client.import_number(plain))
        change = self.import_of(account, self.required(account), number=text, send_as_is=True)
        assert account.client.import_number(change).identity.raw == text

    def test_a_kind_that_is_not_declared_is_refused_without_a_request(
        self, account: ContractAccount, kind_refused: NumberKind
    ) -> None:
        text = self.sample(account, kind_refused)
        for as_is in (False, True):
            change = self.import_of(account, self.required(account), number=text, send_as_is=as_is)
            self.refused(account, (InvalidInput, UnsupportedField), partial(account.client.import_number, change))

    def test_a_number_of_another_country_is_taken_or_refused_as_declared(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        rules, here = account.capabilities.importable, account.capabilities.region
        assert rules is not None
        held = {number.identity.e164 for number in account.client.list_numbers()}
        for text in FOREIGN:
            region = NumberIdentity.parse(text, region=here).region or ""
            if region == here or text in held:
                continue
            attempt = partial(
                account.client.import_number, self.import_of(account, self.required(account), number=text)
            )
            if rules.countries is None or region in rules.countries:
                assert attempt().identity.e164 == text
            else:
                self.refused(account, UnsupportedField, attempt)

    # -- lost answers

    def test_an_import_whose_answer_was_lost_is_found_and_completed(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        account.fail(FaultKind.LOST_AFTER)
        fields = self.importable(account) - {Field.INBOUND_AGENT, Field.OUTBOUND_AGENT}
        number = account.client.import_number(self.import_of(account, fields))
        self.assert_written(account, number, {name: self.value(account, name) for name in fields})
        assert len(self.records(account)) == 1

    def test_an_import_answered_by_a_gateway_is_found_and_completed(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        account.fail(FaultKind.ANSWER_AFTER, methods=["POST", "PUT"], response=Response(502, {}, b"<html>"))
        number = account.client.import_number(self.import_of(account, self.required(account)))
        assert [record.id for record in self.records(account)] == [number.id]

    def test_an_import_that_was_never_sent_is_sent_again(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        account.fail(FaultKind.REFUSED)
        account.client.import_number(self.import_of(account, self.required(account)))
        assert len(self.records(account)) == 1

    def test_an_import_that_left_no_trace_is_an_unknown_outcome_and_is_not_repeated(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.IMPORT)
        account.fail(FaultKind.LOST_BEFORE)
        with pytest.raises(OutcomeUnknown) as caught:
            account.client.import_number(self.import_of(account, self.required(account)))
        assert self.records(account) == []
        assert account.client.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN

    def test_an_import_that_happens_late_is_found_by_a_later_reconciliation(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        account.fail(FaultKind.LATE)
        with pytest.raises(OutcomeUnknown) as caught:
            account.client.import_number(self.import_of(account, self.required(account)))
        account.emulator.act_late()
        reconciled = account.client.reconcile(caught.value)
        assert reconciled.outcome is ReconciliationOutcome.MADE
        assert reconciled.number == account.client.find_number(self.new_number)

    def test_an_import_that_cannot_be_seen_yet_is_an_unknown_outcome_until_it_can(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.IMPORT)
        account.emulator.hide_new_for = 20
        account.fail(FaultKind.LOST_AFTER)
        with pytest.raises(OutcomeUnknown) as caught:
            account.client.import_number(self.import_of(account, self.required(account)))
        looks = [account.client.reconcile(caught.value).outcome for _ in range(account.emulator.hide_new_for + 1)]
        assert looks[0] is ReconciliationOutcome.NOT_SEEN
        assert looks[-1] is ReconciliationOutcome.MADE

    # -- preparing

    def records(self, account: ContractAccount) -> list[PhoneNumber]:
        """Every record of the new number."""
        return [n for n in account.client.list_numbers() if n.identity.e164 == self.new_number]

    def sample(self, account: ContractAccount, kind: NumberKind) -> str:
        """A number of this kind that the emulator does not hold."""
        if kind is NumberKind.E164:
            return self.new_number
        held = {number.identity.raw for number in account.client.list_numbers()}
        region = account.capabilities.region
        texts = [text for text in SAMPLES[kind] if NumberIdentity.parse(text, region=region).kind is kind]
        assert not held.issuperset(texts), f"no {kind} number of {region} is free: override `sample`"
        return next(text for text in texts if text not in held)
