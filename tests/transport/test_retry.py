"""What is repeated: the table in the docstring, every cell of it, and what no cell may say."""

from __future__ import annotations

import itertools

import pytest

from telephony_core.errors import ClientClosed, NoAnswer, NotSent, UnexpectedResponse
from telephony_core.provider.flow import Response, Semantics
from telephony_core.transport import retry
from telephony_core.transport.retry import AttemptResult, Decision, decide, is_in_doubt, result_of

READ, IDEMPOTENT, ONCE = Semantics.READ, Semantics.IDEMPOTENT, Semantics.ONCE
COLUMNS = ((READ, False), (IDEMPOTENT, False), (IDEMPOTENT, True), (ONCE, False))


def table() -> dict[str, list[str]]:
    """The rows of the docstring's table: what happened, and the words of its cells."""
    assert retry.__doc__ is not None
    lines = retry.__doc__.split("\n")
    rules = [at for at, line in enumerate(lines) if line.startswith("====")]
    edges = [0, *(at + 1 for at, sign in enumerate(lines[rules[0]]) if sign == " ")]
    rows = [[line[start:end].strip() for start, end in itertools.pairwise([*edges, None])] for line in lines]
    return {row[0]: row[1:] for row in rows[rules[1] + 1 : rules[2]]}


def test_the_table_that_people_read_is_the_one_that_decides():
    said = table()
    assert list(said) == [result.value for result in AttemptResult]
    decided = {
        result.value: [decide(kind, result, in_doubt=doubt, may_repeat=True).value for kind, doubt in COLUMNS]
        for result in AttemptResult
    }
    assert decided == said


@pytest.mark.parametrize("result", list(AttemptResult), ids=lambda result: result.name)
@pytest.mark.parametrize(("semantics", "doubt"), COLUMNS, ids=str)
def test_what_must_not_be_doubled_is_repeated_only_when_it_never_left_or_was_turned_away(semantics, doubt, result):
    again = decide(semantics, result, in_doubt=doubt, may_repeat=True) is Decision.AGAIN
    if semantics is ONCE:
        assert again == (result in (AttemptResult.NOT_SENT, AttemptResult.BUSY))
    ended = decide(semantics, result, in_doubt=doubt, may_repeat=False)
    assert ended is not Decision.AGAIN
    if again:
        assert ended is (Decision.UNKNOWN if is_in_doubt(semantics, result, doubt) else Decision.RAISE)
    else:
        assert ended is decide(semantics, result, in_doubt=doubt, may_repeat=True)


def test_only_a_write_that_may_be_repeated_is_ever_in_doubt():
    doubtful = {AttemptResult.NO_ANSWER, AttemptResult.UNAVAILABLE}
    for result in AttemptResult:
        assert is_in_doubt(IDEMPOTENT, result, False) == (result in doubtful)
        assert not is_in_doubt(READ, result, False)
        assert not is_in_doubt(ONCE, result, False)
        assert is_in_doubt(IDEMPOTENT, result, True)


def by_status(status: int, retry_after: float | None = None) -> AttemptResult:
    return result_of(Response(status, {}, b""), retry_after)


def test_every_status_has_a_row():
    unavailable = {408, 425, 499}
    for status in range(-1, 1000):
        if status == 429:
            expected = AttemptResult.BUSY
        elif status in (401, 403):
            expected = AttemptResult.UNAUTHORIZED
        elif status >= 500 or status in unavailable:
            expected = AttemptResult.UNAVAILABLE
        elif 200 <= status < 300 or 400 <= status < 500:
            expected = AttemptResult.ANSWERED
        else:
            expected = AttemptResult.NOT_FINAL
        assert by_status(status) is expected, status


@pytest.mark.parametrize(
    ("seconds", "result"),
    [(None, "BUSY"), (0.0, "BUSY"), (30.0, "BUSY"), (30.1, "BUSY_FOR_LONG"), (float("inf"), "BUSY_FOR_LONG")],
)
def test_how_long_the_provider_asks_to_wait_decides(seconds, result):
    assert by_status(429, seconds).name == result


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (NotSent("x"), AttemptResult.NOT_SENT),
        (NoAnswer("x"), AttemptResult.NO_ANSWER),
        (UnexpectedResponse("x"), AttemptResult.UNREADABLE),
        (ClientClosed("x"), AttemptResult.NO_ANSWER),  # whatever else it is, nobody knows that nothing left
    ],
)
def test_an_error_of_the_backend_has_a_row(error, result):
    assert result_of(error) is result
