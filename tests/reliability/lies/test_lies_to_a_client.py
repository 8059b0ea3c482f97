"""What the client does when an answer is about another record, or is none: every vendor, sync and async.

Every case looks at what is true at the vendor afterwards. A result is about what was asked; all else is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from telephony_core import OutcomeUnknown, PhoneNumber, TelephonyError
from telephony_core.domain.lifecycle import NumberStatus, Release
from telephony_core.errors import UnexpectedResponse
from tests.reliability.lies.account import MODES, Account, Mode, account_of
from tests.reliability.lies.lying_backend import Acts, Lie, Sort, What
from tests.reliability.lies.strangers import Deed, add_somebodys, can_do
from tests.reliability.lies.vendors import is_live
from tests.vendors import VENDORS

T = TypeVar("T")
MISNAMED = (What.ANOTHER, What.OTHER_ID)
"""A read by id alone knows the id, and not the number."""
NO_RESULTS = [(What.REDIRECT, 1), (What.REDIRECT, 2), (What.REDIRECT, 3), (What.INTERIM, 0), (What.INTERIM, 3)]
"""302, 303, 307, 100 and 103."""


ACCOUNTS = [f"{vendor}-{mode}" for vendor in VENDORS for mode in MODES]


@pytest.fixture(params=ACCOUNTS)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account in which one record is ours and one a stranger's, and which is judged when the test is over."""
    vendor, _, mode = str(request.param).partition("-")
    chosen: Mode = "sync" if mode == "sync" else "async"
    with account_of(vendor, chosen) as made:
        yield made
        assert made.witness.wrong == []


# Where the number is the id, no other one can stand under it.
where_an_id_can_come_to_serve_another_number = pytest.mark.parametrize(
    "account", [each for each in ACCOUNTS if can_do(each.split("-")[0], Deed.RECYCLE)], indirect=True
)


def tried(run: Callable[[], T]) -> T | TelephonyError:
    try:
        return run()
    except TelephonyError as error:
        return error


# -- reading


@pytest.mark.parametrize("what", MISNAMED)
def test_a_read_that_is_answered_with_another_record_is_no_result(account: Account, what: What) -> None:
    account.liar.lies.append(Lie(what, Sort.READ, about=account.theirs))
    with pytest.raises(UnexpectedResponse):
        account.read(account.own)


@pytest.mark.parametrize("what", [What.REDIRECT, What.INTERIM])
def test_a_read_that_is_answered_without_an_answer_is_an_error(account: Account, what: What) -> None:
    for status in range(5):
        account.liar.lies = [Lie(what, Sort.READ, pick=status)]
        assert isinstance(tried(lambda: account.read(account.own)), TelephonyError)


@pytest.mark.parametrize("what", MISNAMED)
def test_nothing_is_written_after_a_read_that_named_another_record(account: Account, what: What) -> None:
    before = account.state
    for change in (*account.operations, "release"):
        account.liar.lies = [Lie(what, Sort.READ, about=account.theirs, times=9)]
        run = account.release if change == "release" else lambda id, change=change: account.change(change, id)
        with pytest.raises(UnexpectedResponse):
            run(account.own)
        assert account.state == before


@pytest.mark.parametrize("what", [*MISNAMED, What.OTHER_NUMBER])
def test_a_record_that_was_handed_in_is_not_released_after_a_read_that_named_another_one(
    account: Account, what: What
) -> None:
    number, before = account.read(account.own), account.state
    account.liar.lies.append(Lie(what, Sort.READ, about=account.theirs, times=9))
    # At Diga a release to which no side effect was allowed looks first.
    result = tried(lambda: account.release(number, frozenset()))
    assert isinstance(result, TelephonyError) or result.id == account.own
    assert account.state[account.theirs] == before[account.theirs]


# -- changing


@pytest.mark.parametrize("what", [*MISNAMED, What.OTHER_NUMBER])
@pytest.mark.parametrize("acts", [Acts.AT_ONCE, Acts.NEVER])
def test_a_change_that_is_answered_with_another_record_is_never_a_result(
    account: Account, what: What, acts: Acts
) -> None:
    before = account.state[account.theirs]
    for operation in account.operations:
        account.liar.lies = [Lie(what, Sort.CHANGE, acts, about=account.theirs)]
        result = tried(lambda: account.change(operation, account.own))  # noqa: B023
        if isinstance(result, TelephonyError):
            assert isinstance(result, OutcomeUnknown)
        else:
            assert (result.id, result.identity.e164) == (account.own, account.number)
            assert account.shows(operation, account.own)
    assert account.state[account.theirs] == before


@where_an_id_can_come_to_serve_another_number
def test_a_change_of_a_record_whose_id_serves_another_number_by_now_is_never_reported_as_done(
    account: Account,
) -> None:
    number = account.read(account.own)
    account.witness.touch("account", Deed.RECYCLE, account.own, account.fresh)
    for operation in account.operations:
        assert isinstance(tried(lambda: account.change(operation, number)), TelephonyError)  # noqa: B023


@pytest.mark.parametrize(("what", "status"), NO_RESULTS)
@pytest.mark.parametrize("acts", [Acts.AT_ONCE, Acts.NEVER])
def test_a_change_that_is_answered_without_an_answer_is_not_said_to_have_failed_when_it_was_done(
    account: Account, what: What, acts: Acts, status: int
) -> None:
    operation = account.operations[0]
    account.liar.lies.append(Lie(what, Sort.CHANGE, acts, pick=status, times=9))
    result = tried(lambda: account.change(operation, account.own))
    done = account.shows(operation, account.own)
    assert isinstance(result, OutcomeUnknown) or (isinstance(result, TelephonyError) is not done)


# -- importing


@pytest.mark.parametrize("what", [What.ANOTHER, What.OTHER_NUMBER])
@pytest.mark.parametrize("acts", Acts)
def test_an_import_that_is_answered_with_another_record_is_never_that_record(
    account: Account, what: What, acts: Acts
) -> None:
    before = account.state[account.theirs]
    account.liar.lies.append(Lie(what, Sort.CREATE, acts, about=account.theirs))
    result = tried(lambda: account.bring(agent=True))
    if isinstance(result, TelephonyError):
        assert isinstance(result, OutcomeUnknown)
    else:
        assert ("account", result.id) in account.witness.ours
        assert result.identity.e164 == account.new
    account.witness.settle_down()
    assert account.state[account.theirs] == before
    assert account.liar.creates == 1


def test_an_import_that_is_answered_with_a_strangers_new_record_of_the_number_is_never_that_record(
    account: Account,
) -> None:
    """Somebody was quicker; their record has other settings than were sent."""
    liar = account.liar
    lie = Lie(What.ANOTHER, Sort.CREATE, Acts.NEVER, quicker=lambda: add_somebodys(liar, account.new))
    liar.lies.append(lie)
    result = tried(lambda: account.bring(agent=True))
    assert isinstance(result, TelephonyError)
    assert lie.about is not None
    assert lie.about not in {id for _, id in account.witness.once_ours}


@pytest.mark.parametrize(("what", "status"), NO_RESULTS)
@pytest.mark.parametrize("acts", Acts)
def test_an_import_that_is_answered_without_an_answer_may_have_happened(
    account: Account, what: What, acts: Acts, status: int
) -> None:
    account.liar.lies.append(Lie(what, Sort.CREATE, acts, pick=status))
    result = tried(account.bring)
    if acts is Acts.AT_ONCE and isinstance(result, PhoneNumber):
        assert ("account", result.id) in account.witness.ours
    else:
        assert isinstance(result, OutcomeUnknown)
    assert account.liar.creates == 1


# -- releasing


@where_an_id_can_come_to_serve_another_number
def test_a_record_whose_id_serves_another_number_by_now_is_not_released(account: Account) -> None:
    number = account.read(account.own)
    account.witness.touch("account", Deed.RECYCLE, account.own, account.fresh)
    before = account.state
    assert isinstance(tried(lambda: account.release(number)), TelephonyError)
    assert account.state == before


@pytest.mark.parametrize("what", [*MISNAMED, What.OTHER_NUMBER, What.REDIRECT, What.INTERIM, What.SILENCE, What.BROKEN])
@pytest.mark.parametrize("acts", Acts)
def test_a_release_that_is_not_answered_truly_is_done_when_it_is_done(account: Account, what: What, acts: Acts) -> None:
    before = account.state[account.theirs]
    account.liar.lies.append(Lie(what, Sort.END, acts, about=account.theirs))
    result = tried(lambda: account.release(account.own))
    if isinstance(result, Release):
        assert result.id == account.own
        assert result.status is not NumberStatus.RELEASED or not live(account)
    else:
        assert isinstance(result, OutcomeUnknown)
    account.witness.settle_down()
    assert account.state[account.theirs] == before


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("what", [What.SILENCE, What.BROKEN, What.REDIRECT])
def test_a_record_that_is_not_found_by_its_id_and_still_listed_is_not_released(
    account: Account, what: What, times: int
) -> None:
    number = account.read(account.own)
    account.liar.lies.append(Lie(what, Sort.END, Acts.NEVER))
    # The look that comes before a release is true; those after it are not.
    eligibility, waiting = account.liar.before_each, [Lie(What.NOT_FOUND, Sort.READ, times=times)]

    def watch() -> None:
        eligibility()
        if waiting and account.liar.lies[0].times == 0:
            account.liar.lies.append(waiting.pop())

    account.liar.before_each = watch
    result = tried(lambda: account.release(number))
    assert isinstance(result, OutcomeUnknown) or (
        isinstance(result, Release) and result.status is not NumberStatus.RELEASED
    )


def live(account: Account) -> bool:
    return account.own in account.state and is_live(account.vendor, account.state[account.own])


# -- with the means of the tests themselves


def test_nothing_is_held_against_a_client_to_whom_nobody_lies(account: Account) -> None:
    for operation in account.operations:
        account.change(operation, account.own)
        assert account.shows(operation, account.own)
    account.bring(agent=True)
    account.release(account.read(account.own))
    assert not live(account)
