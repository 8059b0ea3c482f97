"""Makes a plan that imports the numbers of a table: all problems of all rows, or a plan. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import SecretStr

from telephony_core.domain.agents import AgentRef
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, NotAllowed, cli_words
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.rows import ALLOW_ANY_HERE, ReadRow, RowReader, RowSettings
from telephony_core.migration.changeset.table import RowProblem, Table, TableRefused
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.inventory.inventory import RecordsOfNumber, number_text
from telephony_core.migration.plan.allowances import Allowance, allowances
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason, finding_of
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredState,
    Halves,
    Plan,
    PlanKind,
    PlannedNumber,
    Settings,
    Trunk,
    halves_of,
    import_of,
)
from telephony_core.migration.plan.planner import import_steps, plan_of
from telephony_core.migration.plan.verification import VerificationResult, verify_fields
from telephony_core.provider.capabilities import Capabilities, Field
from telephony_core.provider.changes import Change, Options
from telephony_core.provider.port import Problem
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pacer


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row that the provider takes, as far as that is known without asking it."""

    row: ReadRow
    desired: DesiredState
    trunk: Trunk | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table that has no problem of its own, and what was allowed for its rows."""

    path: str
    rows: tuple[CheckedRow, ...]
    allowed: frozenset[Allowance]

    @property
    def agents(self) -> tuple[AgentRef, ...]:
        """The agents that its rows name, each once."""
        return tuple(dict.fromkeys(agent for each in self.rows for agent in each.desired.agents.values()))


def check_table(
    table: Table,
    capabilities: Capabilities,
    check: Callable[[Change], Sequence[Problem]],
    *,
    allow: Iterable[str] = (),
    options: Options | None = None,
) -> CheckedTable:
    """A table, judged by itself: before anything is asked of the account that it is for.

    ``check`` is that of a client. ``allow`` and ``options`` are as in `plan_imports`. Raises `TableRefused` with every
    problem of every row: cells that cannot be meant, what the provider does not take, rows that repeat or contradict
    one another.
    """
    judge = _Judge(check, allowances(allow), options or {})
    reader = RowReader(capabilities.region)
    problems = _Problems(table.problems)
    first: dict[str, ReadRow] = {}
    checked: list[CheckedRow] = []
    for written in table.rows:
        row, wrong = reader.read(written)
        problems.add(wrong)
        if row is None:
            continue
        one, wrong = judge.judge(row)
        problems.add(wrong)
        if one is not None:
            checked.append(one)
        # By the number and not by its spelling: two spellings of one number are two imports of it.
        earlier = first.setdefault(row.identity.account_key, row)
        if earlier is not row:
            problems.append(_repeated(row, earlier))
    if problems:
        raise TableRefused(table.path, problems)
    return CheckedTable(table.path, tuple(checked), judge.allowed)


def plan_imports(
    account: TargetAccount,
    table: Table,
    *,
    allow: Iterable[str] = (),
    options: Options | None = None,
    canaries: Iterable[str] | None = None,
    settings: Settings | None = None,
    pace: Pacer | None = None,
    clock: Clock | None = None,
) -> Plan:
    """The plan to import every number of a table (`read_table`) at an account (`survey`). Sends nothing.

    A number that the account has as the table wants it is in the plan as such, and nothing is done with it. ``allow``
    names what a row may do (``publishes``, ``any_caller``), ``options`` are vendor options for all rows. ``canaries``
    names numbers that go first, in any spelling.

    Raises `TableRefused` as `check_table` does, and with every number that the account has otherwise.
    """
    checked = check_table(table, account.capabilities, account.check, allow=allow, options=options)
    return plan_checked(account, checked, canaries=canaries, settings=settings, pace=pace, clock=clock)


def plan_checked(
    account: TargetAccount,
    table: CheckedTable,
    *,
    canaries: Iterable[str] | None = None,
    settings: Settings | None = None,
    pace: Pacer | None = None,
    clock: Clock | None = None,
) -> Plan:
    """`plan_imports`, of a table that was judged already."""
    problems: list[RowProblem] = []
    planned: list[PlannedNumber] = []
    skipped: list[Skipped] = []
    # What was released is no obstacle: the number can be imported anew.
    holds = RecordsOfNumber(record for record in account.inventory.numbers if record.is_live)
    for each in table.rows:
        identity, desired, trunk = each.row.identity, each.desired, each.trunk
        if there := holds.find(identity):
            found = list(_already_there(each.row, desired, trunk, there, account))
            problems += found
            if not found:
                skipped.append(_skipped(there[0]))
            continue
        unusable = list(_unusable_agents(each.row, desired, account))
        problems += unusable
        if unusable:
            continue
        steps = tuple(import_steps(None, desired, trunk, account))
        key = identity.e164 or identity.raw
        planned.append(PlannedNumber(key=key, source=None, desired=desired, steps=steps, findings=each.findings))
    if problems:
        raise TableRefused(table.path, problems)
    used = {number.desired.trunk for number in planned}
    trunks = {each.trunk.name: each.trunk for each in table.rows if each.trunk is not None}
    return plan_of(
        PlanKind.IMPORT,
        account,
        planned,
        skipped,
        allowed=table.allowed,
        trunks=(trunk for name, trunk in trunks.items() if name in used),
        canaries=canaries,
        settings=settings,
        pace=pace,
        clock=clock,
    )


class _Problems(list[RowProblem]):
    """All problems of all rows, without those that only follow from another one of the same row."""

    def __init__(self, of_table: Iterable[RowProblem]) -> None:
        super().__init__(of_table)
        self._follow = {(problem.line, column) for problem in self for column in _following(problem.column)}
        self._lines = {problem.line for problem in self}

    def add(self, found: Sequence[RowProblem]) -> None:
        """Take in what one look at a row has found, without what follows from what an earlier look found."""
        new = [
            problem
            for problem in found
            if (problem.line, problem.column) not in self._follow
            # What is said of a row as a whole may only be the same fault in other words.
            and (problem.column is not None or problem.line not in self._lines)
        ]
        self += new
        self._follow |= {(problem.line, column) for problem in new for column in _following(problem.column)}
        self._lines |= {problem.line for problem in new}


_COLUMNS: Final[Mapping[str, str]] = {
    Field.ALLOWED_ADDRESSES: "allowed_addresses",
    Field.INBOUND_ENCRYPTION: "inbound_media_encryption",
    Field.ADDRESS: "address",
    Field.USERNAME: "username",
    Field.PASSWORD: "password",
    Field.OUTBOUND_ENCRYPTION: "outbound_media_encryption",
}
"""The columns of fields that a record has under another name."""
_FOLLOWING: Final[Mapping[str, tuple[str, ...]]] = {
    "send_as_is": ("number",),
    "address": ("username", "password", "outbound_media_encryption", "outbound"),
    "username": ("password", "outbound"),
    "password": ("username", "outbound"),
    "outbound_media_encryption": ("outbound",),
    "allowed_addresses": ("inbound_media_encryption", "inbound"),
    "allow_any": ("allowed_addresses", "inbound"),
    "inbound_media_encryption": ("inbound",),
    "inbound_agent_version": ("inbound_agent",),
    "outbound_agent_version": ("outbound_agent",),
}
"""Which columns a fault of this one leaves to be judged wrongly."""


def _following(column: str | None) -> tuple[str, ...]:
    """A column, and those of which nothing is said where this one has a fault."""
    return () if column is None else (column, *_FOLLOWING.get(column, ()))


def _repeated(row: ReadRow, earlier: ReadRow) -> RowProblem:
    """Rows of one number: the second one repeats the first, or contradicts it."""
    cells = ({**each.row.cells, "number": row.identity.account_key} for each in (row, earlier))
    what = "repeats" if next(cells) == next(cells) else "contradicts"
    return RowProblem(
        row.line, "number", f"{row.identity} is on line {earlier.line}, too, which this row {what}", "keep one of them"
    )


def _already_there(
    row: ReadRow, desired: DesiredState, trunk: Trunk | None, there: Sequence[PhoneNumber], account: TargetAccount
) -> Iterator[RowProblem]:
    """How what the account has differs from what the row wants."""
    ids = ", ".join(record.id for record in there)
    if len(there) > 1:
        yield RowProblem(
            row.line, "number", f"the account has {len(there)} records of it: {ids}", "release one of them"
        )
        return
    # The comparison of `verify`, so that a number that is skipped as equal is one that it would call equal.
    for field in verify_fields(desired, trunk, there[0], account.capabilities):
        if field.result is VerificationResult.DIFFERS:
            found = field.found or "nothing"
            yield RowProblem(
                row.line,
                _COLUMNS.get(field.field, field.field),
                f"the account has this number ({ids}) with {found}, and the row says {field.desired}",
                "correct the row, or change the number with `telephony numbers set`",
            )


def _unusable_agents(row: ReadRow, desired: DesiredState, account: TargetAccount) -> Iterator[RowProblem]:
    """Agents of the row that were looked up and cannot be assigned."""
    for column, agent in desired.agents.items():
        if (problem := account.agents.get(agent)) is not None:
            yield RowProblem(row.line, column, f"it cannot be assigned: {problem.message}", problem.remedy)


def _skipped(record: PhoneNumber) -> Skipped:
    return Skipped(
        key=number_text(record.identity),
        source_id=record.id,
        why=SkipReason.UNCHANGED,
        message=f"it is there already as {record.id}, as the table wants it, as far as that can be read",
        target_id=record.id,
    )


class _Common(NamedTuple):
    """What rows of equal settings have in common."""

    desired: Mapping[str, Any]
    trunk: Trunk | None
    halves: Halves
    """As they are sent, with a stand-in for what the credentials are."""
    findings: tuple[Finding, ...]


class _Judge:
    """Judges rows by what the provider's own check says of the import."""

    def __init__(
        self, check: Callable[[Change], Sequence[Problem]], allowed: frozenset[Allowance], options: Options
    ) -> None:
        self.allowed = allowed
        self._check = check
        self._always = {
            "options": options,
            "allow": tuple(SideEffect(name) for name in sorted(map(str, allowed)) if name in list(SideEffect)),
        }
        self._trunks: dict[tuple[str, str | None], Trunk] = {}
        # Tables have many rows of few different settings. Judging what they share once is most of the speed of a large
        # one.
        self._common = cache(self._of)

    def judge(self, row: ReadRow) -> tuple[CheckedRow | None, list[RowProblem]]:
        """The row as it can be planned, or what is wrong with it."""
        try:
            common = self._common(row.settings)
            desired = DesiredState(number=row.number, send_as_is=row.send_as_is, label=row.label, **common.desired)
            change = import_of(desired, halves=common.halves)
        except (InvalidInput, NotAllowed) as error:
            return None, [RowProblem(row.line, None, error.message, cli_words(error.remedy))]
        told = self._check(change)
        findings = tuple(finding_of(problem) for problem in told if problem.error is None)
        wrong = [_problem(row, problem) for problem in told if problem.error is not None]
        return CheckedRow(row, desired, common.trunk, (*findings, *common.findings)), wrong

    def _of(self, settings: RowSettings) -> _Common:
        trunk, inbound = self._trunk(settings), settings.inbound
        if Allowance.ANY_CALLER in self.allowed and (inbound is None or inbound.allowed_addresses is None):
            inbound = (inbound or DesiredInbound()).model_copy(update={"allow_any": True})
        given = settings.username is not None or settings.password is not None
        # Judging a table reads no secret, but the provider's check has to see that there will be one.
        stand_in = "stand-in" if given else None
        halves = halves_of(inbound, settings.outbound, stand_in, None if stand_in is None else SecretStr(stand_in))
        desired = {
            "inbound": inbound,
            "outbound": settings.outbound,
            "trunk": None if trunk is None else trunk.name,
            "inbound_agent": settings.inbound_agent,
            "outbound_agent": settings.outbound_agent,
            **self._always,
        }
        return _Common(desired, trunk, halves, tuple(_opened(inbound)))

    def _trunk(self, settings: RowSettings) -> Trunk | None:
        """The credentials, under a name by the order in which they come; none where a password is no reference."""
        if settings.username is None or any(fault.column == "password" for fault in settings.faults):
            return None
        # Rows with the same credentials get one trunk of the plan, so that whoever is asked for a password is asked
        # once.
        pair = (settings.username, settings.password)
        if (known := self._trunks.get(pair)) is None:
            name = f"credentials-{len(self._trunks) + 1}"
            known = self._trunks[pair] = Trunk(name=name, auth="digest", username=pair[0], password=pair[1])
        return known


def _problem(row: ReadRow, problem: Problem) -> RowProblem:
    remedy = cli_words(problem.remedy)
    if remedy is not None:
        # What the command line has an option for, a table has a column for.
        remedy = remedy.replace("send it as it is with --send-as-is", "write yes in `send_as_is`")
    if isinstance(problem.error, NotAllowed):
        remedy = ALLOW_ANY_HERE
    column = None if problem.field is None else _COLUMNS.get(problem.field, problem.field)
    return RowProblem(row.line, column, problem.message, remedy)


def _opened(inbound: DesiredInbound | None) -> Iterator[Finding]:
    if inbound is None or not inbound.allow_any:
        return
    if inbound.allowed_addresses is None or is_open(inbound.allowed_addresses):
        yield Finding(
            field="inbound.allowed_addresses",
            severity=Severity.WARN,
            message="everybody, or a large share of the internet, may call in, as the table allows",
            after=value_text(inbound.allowed_addresses or ()),
            together=Allowance.ANY_CALLER.sentence,
        )
