"""An answer about another record is never a result, and nothing is written to a record that was not asked for."""

from __future__ import annotations

import pytest

from telephony_core.emulator import Fault, FaultKind, Record, Response
from telephony_core.errors import Conflict, NotFound, OutcomeUnknown, UnexpectedResponse
from telephony_core.provider.capabilities import Operation
from telephony_core.testing.contract.account import WRITES, ContractAccount
from telephony_core.testing.contract.subject import EVERYTHING, Subject

NOT_THERE = Response(404, {}, b"")


class Identity(Subject):
    """Whatever a vendor, a cache or a proxy answers: the result is about the requested record, or there is none."""

    # -- reading

    def test_a_read_that_is_answered_with_another_record_is_refused(self, account: ContractAccount) -> None:
        number = self.numbers(account)[0]
        self.mix_up(account, "GET")
        with pytest.raises(UnexpectedResponse):
            account.client.get_number(number.id)

    # -- changing

    @pytest.mark.parametrize("by_id", [False, True], ids=["by record", "by id"])
    def test_nothing_is_written_after_a_read_that_was_answered_with_another_record(
        self, account: ContractAccount, change: Operation, by_id: bool
    ) -> None:
        number = self.changeable(account, change)
        self.mix_up(account, "GET")
        with account.no_write(), pytest.raises(UnexpectedResponse):
            self.attempt(account, change, number.id if by_id else number)()

    def test_nothing_is_written_to_an_id_that_serves_another_number_now(
        self, account: ContractAccount, change: Operation
    ) -> None:
        number = self.changeable(account, change)
        account.emulator.store.edit(number.id, {self.number_key: self.stored(account, number.id)[self.number_key]})
        with account.no_write(), pytest.raises(Conflict) as caught:
            self.attempt(account, change, number)()
        assert number.id in str(caught.value)

    def test_a_change_that_is_answered_with_another_record_is_reconciled(
        self, account: ContractAccount, change: Operation
    ) -> None:
        number = self.changeable(account, change)
        others = self.others(account, number.id)
        self.mix_up(account, *WRITES)
        written = len(account.writes)
        about: object = None
        try:
            result = self.attempt(account, change, number)()
            about = (getattr(result, "id", None), getattr(result, "identity", None))
        except OutcomeUnknown as unknown:
            # Either is right, as long as it is about this number: what counts is that it is no other one.
            about = unknown.attempt and (unknown.attempt.id, unknown.attempt.identity)
        assert about == (number.id, number.identity)
        sent = [(request.method, request.url, request.body) for request in account.writes[written:]]
        assert len(sent) == len(set(sent)), "it was sent again, where only a look was due"
        assert self.others(account, number.id) == others

    # -- importing

    def test_an_import_that_is_answered_with_another_record_is_reconciled(self, account: ContractAccount) -> None:
        self.needs(account, Operation.IMPORT)
        before = self.others(account)
        self.mix_up(account, "POST", "PUT")
        number = account.client.import_number(self.import_of(account, self.required(account)))
        assert number.identity.e164 == self.new_number
        assert number.id not in {record[self.id_key] for record in before}
        assert self.others(account, number.id) == before
        assert account.client.get_number(number.id).identity.e164 == self.new_number

    def test_an_import_that_made_nothing_and_is_answered_with_another_record_stays_unknown(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.IMPORT)
        before = self.others(account)
        stranger = self.numbers(account)[0]
        account.emulator.faults[:] = [
            Fault(FaultKind.ANSWER, method="POST", response=self.answer_with(account, stranger.id))
        ]
        with pytest.raises(OutcomeUnknown) as caught:
            account.client.import_number(self.import_of(account, self.required(account)))
        assert stranger.id in str(caught.value)
        assert self.others(account) == before

    # -- releasing

    def test_a_record_that_is_not_found_and_is_listed_is_not_released(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        for given in (number, number.id):
            account.emulator.faults[:] = [Fault(FaultKind.ANSWER, method="GET", path=number.id, response=NOT_THERE)]
            with account.no_write(), pytest.raises(UnexpectedResponse):
                account.client.release(given, allow=EVERYTHING)

    def test_a_release_answered_with_not_found_while_the_record_is_listed_is_unknown(
        self, account: ContractAccount
    ) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        account.emulator.faults[:] = [Fault(FaultKind.ANSWER, method="DELETE", response=NOT_THERE)]
        with pytest.raises(OutcomeUnknown):
            account.client.release(number, allow=EVERYTHING)
        assert account.client.get_number(number.id) == number

    def test_one_read_that_finds_nothing_does_not_prove_a_release(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        account.emulator.faults[:] = [
            Fault(FaultKind.LOST_BEFORE, method="DELETE"),
            # The read before the release is answered rightly; only the looks after it find nothing.
            Fault(FaultKind.ANSWER, method="GET", path=number.id, skip=1, times=9, response=NOT_THERE),
        ]
        with pytest.raises(OutcomeUnknown):
            account.client.release(number, allow=EVERYTHING)

    def test_a_release_of_a_removed_record_is_not_found(self, account: ContractAccount) -> None:
        self.needs(account, Operation.RELEASE)
        number = self.number_for(account, Operation.RELEASE)
        account.emulator.store.remove(number.id)
        with account.no_write(), pytest.raises(NotFound):
            account.client.release(number, allow=EVERYTHING)

    # -- preparing

    def mix_up(self, account: ContractAccount, *methods: str, times: int = 1) -> None:
        """Let the next requests by these methods be answered with another record."""
        account.fail(FaultKind.ANOTHER_RECORD, methods=methods, times=times)

    def others(self, account: ContractAccount, *but: str) -> list[Record]:
        """Every record but these, as the vendor has it."""
        return [record for record in account.emulator.records() if record[self.id_key] not in but]

    def stored(self, account: ContractAccount, *but: str) -> Record:
        """Some other record of another number."""
        mine = {record[self.number_key] for record in account.emulator.records() if record[self.id_key] in but}
        return next(record for record in self.others(account, *but) if record[self.number_key] not in mine)

    def answer_with(self, account: ContractAccount, id: str) -> Response:
        """The vendor's answer to a request for this record."""
        client, script = account.scripted(lambda request: account.emulator.backend().send(request, 1.0))
        client.get_number(id)
        return account.emulator.backend().send(script.sent[-1], 1.0)
