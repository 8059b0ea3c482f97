"""Releasing numbers and revoking a release: when it takes effect, whether it can be revoked, its side effects."""

from __future__ import annotations

from functools import partial

import pytest

from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import FaultKind
from telephony_core.errors import NotAllowed, NotFound, OutcomeUnknown, TelephonyError, UnsupportedOperation, WrongState
from telephony_core.operations.reconciliation import ReconciliationOutcome
from telephony_core.provider.capabilities import Operation
from telephony_core.provider.changes import NumberRelease
from telephony_core.testing.contract.account import ContractAccount
from telephony_core.testing.contract.cases import CHANGES
from telephony_core.testing.contract.subject import EVERYTHING, Subject, needed


class Releasing(Subject):
    """`RELEASE` and `REVOKE_RELEASE`, by the origin of a number."""

    def test_an_immediate_release_ends_the_number(self, account: ContractAccount, ends_at_once: Origin) -> None:
        number = self.number_for(account, Operation.RELEASE, ends_at_once)
        release = account.client.release(number, allow=EVERYTHING)
        assert release.status is NumberStatus.RELEASED
        assert not release.revocable
        # Gone or shown as released: vendors do either.
        assert self.status_now(account, number) in (None, NumberStatus.RELEASED)

    def test_a_release_that_takes_effect_later_says_when(self, account: ContractAccount, ends_later: Origin) -> None:
        number = self.number_for(account, Operation.RELEASE, ends_later)
        release = account.client.release(number, allow=EVERYTHING)
        assert release.status is NumberStatus.RELEASE_SCHEDULED
        assert release.revocable == account.capabilities.release[ends_later].revocable
        after = account.client.get_number(number.id)
        assert after.status is NumberStatus.RELEASE_SCHEDULED
        assert release.takes_effect_at is not None
        assert after.ends_at == release.takes_effect_at > account.emulator.now()

    def test_a_release_names_the_number_it_is_about(self, account: ContractAccount) -> None:
        number, release = self.released(account)
        assert (release.provider, release.id, release.identity) == (number.provider, number.id, number.identity)

    def test_a_release_by_id_is_the_same(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        assert account.client.release(number.id, allow=EVERYTHING).id == number.id

    def test_a_release_takes_no_other_number(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        # Each in turn: numbers may share what is behind them.
        for number in self.numbers(account, origins=account.capabilities.operations[Operation.RELEASE].origins):
            number = account.client.get_number(number.id)  # as the releases before it have left it
            before = self.state(account)
            harmless = not self.effects_of(account, number)
            try:
                account.client.release(number, allow=EVERYTHING)
            except TelephonyError:
                assert self.state(account) == before, f"refused for {number.identity}, and done all the same"
                continue
            after = self.state(account)
            before.pop(number.id)
            after.pop(number.id, None)
            if harmless:
                assert after == before, f"{number.identity} was released, and other numbers changed"
            # A declared side effect may show on others, and takes none of them away.
            assert {id: n.status for id, (n, _) in after.items()} == {id: n.status for id, (n, _) in before.items()}

    def test_a_release_that_is_scheduled_already_is_refused_without_a_request(
        self, account: ContractAccount, ends_later: Origin
    ) -> None:
        number = self.number_for(account, Operation.RELEASE, ends_later)
        account.client.release(number, allow=EVERYTHING)
        scheduled = account.client.get_number(number.id)
        self.refused(account, WrongState, lambda: account.client.release(scheduled, allow=EVERYTHING))

    def test_a_side_effect_of_releasing_has_to_be_allowed(self, account: ContractAccount) -> None:
        effects = account.capabilities.side_effects.get(Operation.RELEASE, frozenset())
        needed(effects, f"{account.spec.slug} declares no side effect of releasing")
        number = self.with_effects(account, effects)
        with account.no_write(), pytest.raises(NotAllowed) as caught:
            account.client.release(number)
        assert caught.value.allowance in effects
        with account.no_write(), pytest.raises(NotAllowed):
            account.client.release(number.id)
        # An old record in the caller's hand must not make the consent look needless.
        before_it_was_linked = number.model_copy(update={"inbound_agent": None, "outbound_agent": None})
        with account.no_write(), pytest.raises(NotAllowed):
            account.client.release(before_it_was_linked)
        assert account.client.release(number, allow=effects).id == number.id

    def test_a_release_without_side_effects_needs_no_allowance(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        origins = account.capabilities.operations[Operation.RELEASE].origins
        harmless = [n for n in self.numbers(account, origins=origins) if not self.effects_of(account, n)]
        assert harmless, "every number of the emulator would have a side effect: seed one without agents"
        assert account.client.release(harmless[0]).id == harmless[0].id

    # -- revoking

    def test_a_revocable_release_can_be_revoked(self, account: ContractAccount, revocable: Origin) -> None:
        number = self.number_for(account, Operation.REVOKE_RELEASE, revocable)
        assert account.client.release(number, allow=EVERYTHING).revocable
        after = account.client.revoke_release(number.id)
        assert after.status is NumberStatus.ACTIVE
        assert after.ends_at is None
        assert account.client.get_number(number.id) == after

    def test_revoking_what_was_not_released_is_refused_without_a_request(
        self, account: ContractAccount, revocable: Origin
    ) -> None:
        number = self.number_for(account, Operation.REVOKE_RELEASE, revocable)
        self.refused(account, WrongState, lambda: account.client.revoke_release(number))

    def test_a_release_that_cannot_be_revoked_is_not(self, account: ContractAccount) -> None:
        terms = account.capabilities.release
        final = [origin for origin, term in terms.items() if not term.revocable]
        for origin in final:
            number = self.number_for(account, Operation.RELEASE, origin)
            account.client.release(number, allow=EVERYTHING)
            scheduled = number.model_copy(update={"status": NumberStatus.RELEASE_SCHEDULED})
            self.refused(account, UnsupportedOperation, partial(account.client.revoke_release, scheduled))

    # -- released numbers

    def test_a_released_number_takes_no_change_and_no_request(self, account: ContractAccount) -> None:
        (number, *_) = self.numbers(account)
        for operation in CHANGES:
            if account.capabilities.offers(operation):
                origin = min(account.capabilities.operations[operation].origins)
                # Of an origin that the operation takes, or it would be refused for that.
                released = number.model_copy(update={"status": NumberStatus.RELEASED, "origin": origin})
                self.refused(account, WrongState, self.attempt(account, operation, released))

    # -- lost answers

    def test_a_release_whose_answer_was_lost_is_reconciled(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        account.fail(FaultKind.LOST_AFTER)
        release = account.client.release(number, allow=EVERYTHING)
        expected = self.status_now(account, number) or NumberStatus.RELEASED
        assert release.status is expected
        assert expected in (NumberStatus.RELEASED, NumberStatus.RELEASE_SCHEDULED)

    def test_a_release_that_never_happened_is_an_unknown_outcome_and_is_not_repeated(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        account.fail(FaultKind.LOST_BEFORE)
        with pytest.raises(OutcomeUnknown) as caught:
            account.client.release(number, allow=EVERYTHING)
        assert account.client.get_number(number.id) == number
        assert account.client.reconcile(caught.value).outcome is ReconciliationOutcome.NOT_SEEN

    def test_a_revocation_whose_answer_was_lost_is_found(self, account: ContractAccount, revocable: Origin) -> None:
        number = self.number_for(account, Operation.REVOKE_RELEASE, revocable)
        account.client.release(number, allow=EVERYTHING)
        account.fail(FaultKind.LOST_AFTER)
        assert account.client.revoke_release(number.id).status is NumberStatus.ACTIVE

    # -- preparing

    def released(self, account: ContractAccount) -> tuple[PhoneNumber, Release]:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        return number, account.client.release(number, allow=EVERYTHING)

    def status_now(self, account: ContractAccount, number: PhoneNumber) -> NumberStatus | None:
        """The status of a record, or ``None`` when there is no such record."""
        try:
            return account.client.get_number(number.id).status
        except NotFound:
            return None

    def effects_of(self, account: ContractAccount, number: PhoneNumber) -> frozenset[SideEffect]:
        return account.client.adapter.side_effects(NumberRelease(number))

    def with_effects(self, account: ContractAccount, effects: frozenset[SideEffect]) -> PhoneNumber:
        """A number whose release would have a side effect: one that has an agent, if none has it as it is."""
        origins = account.capabilities.operations[Operation.RELEASE].origins
        numbers = self.numbers(account, origins=origins)
        found = next((n for n in numbers if self.effects_of(account, n) & effects), None)
        if found is not None:
            return found
        number = self.number_for(account, Operation.RELEASE)
        return self.write(account, number, {self.agent_field(account): self.agent(account.emulator)})
