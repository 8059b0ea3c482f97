"""Makes a plan that imports the numbers of a table: all problems of all rows, or a plan. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import SecretStr

from telephony_core._version import __version__
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.errors import InvalidInput, NotAllowed, cli_words
from telephony_core.migration.assessment.target import TargetAccount
from telephony_core.migration.changeset.rows import ReadRow, read_row
from telephony_core.migration.changeset.table import RowProblem, Table, TableRefused
from telephony_core.migration.inventory.fields import value_text
from telephony_core.migration.inventory.inventory import number_text
from telephony_core.migration.plan.allowances import Allowance, allowances
from telephony_core.migration.plan.estimate import estimate_of
from telephony_core.migration.plan.findings import Finding, Severity, Skipped, SkipReason
from telephony_core.migration.plan.model import (
    DesiredInbound,
    DesiredState,
    Plan,
    PlanKind,
    PlannedNumber,
    Settings,
    Trunk,
    import_of,
)
from telephony_core.migration.plan.planner import endpoint_of, import_steps
from telephony_core.migration.plan.verification import VerificationResult, verify_fields
from telephony_core.operations.validation import identity_of
from telephony_core.provider.changes import Options
from telephony_core.transport.clock import Clock
from telephony_core.transport.pace import Pace


def plan_imports(
    account: TargetAccount,
    table: Table,
    *,
    allow: Iterable[str] = (),
    options: Options | None = None,
    settings: Settings | None = None,
    pace: Pace | None = None,
    clock: Clock | None = None,
) -> Plan:
    """The plan to import every number of a table (`read_table`) at an account (`survey`). Sends nothing.

    A number that the account has as the table wants it is in the plan as such, and nothing is done with it. ``allow``
    names what a row may do (``publishes``, ``any_caller``), ``options`` are vendor options for all rows.

    Raises `TableRefused` with every problem of every row: cells that cannot be meant, what the provider does not take,
    rows that repeat or contradict one another, numbers that the account has otherwise.
    """
    allowed = allowances(allow)
    effects = tuple(SideEffect(name) for name in sorted(map(str, allowed)) if name in list(SideEffect))
    problems = list(table.problems)
    rows: list[ReadRow] = []
    for written in table.rows:
        read, wrong = read_row(written, account.capabilities.region)
        problems += wrong
        if read is not None:
            rows.append(read)
    problems += _repeated(rows)
    trunks = _trunks([row for row in rows if row.desired is not None])
    planned: list[PlannedNumber] = []
    skipped: list[Skipped] = []
    holds = _Holds(account.inventory.numbers)
    for row in rows:
        if row.desired is None:
            continue
        trunk = trunks.get((row.username, row.password)) if row.username is not None else None
        name = None if trunk is None else trunk.name
        desired = row.desired.model_copy(update={"trunk": name, "options": options or {}, "allow": effects})
        if there := holds.records_of(row.identity):
            found = list(_already_there(row, desired, trunk, there, account))
            problems += found
            if not found:
                skipped.append(_skipped(there[0]))
            continue
        inbound = desired.inbound or DesiredInbound()
        if Allowance.ANY_CALLER in allowed and inbound.allowed_addresses is None:
            desired = desired.model_copy(update={"inbound": inbound.model_copy(update={"allow_any": True})})
        found, findings = _checked(row, desired, trunk, account)
        problems += found
        if not found:
            steps = tuple(import_steps(None, desired, trunk, account))
            key = row.identity.e164 or row.identity.raw
            planned.append(PlannedNumber(key=key, source=None, desired=desired, steps=steps, findings=tuple(findings)))
    if problems:
        raise TableRefused(table.path, sorted(problems, key=lambda problem: problem.line))
    settings = settings or Settings()
    host = account.capabilities.inbound_host
    used = {number.desired.trunk for number in planned}
    return Plan(
        kind=PlanKind.IMPORT,
        created_at=(clock or Clock()).now(),
        made_with=__version__,
        source=None,
        target=endpoint_of(account.inventory, account.capabilities),
        allowed=tuple(sorted(allowed)),
        settings=settings,
        trunks=tuple(trunk for trunk in trunks.values() if trunk.name in used),
        inbound_host=None if host is None else host.host,
        estimate=estimate_of(
            planned, None, account, settings, None, pace or Pace.declared(account.capabilities.rate_limit)
        ),
        numbers=tuple(planned),
        skipped=tuple(skipped),
    )


def _repeated(rows: Sequence[ReadRow]) -> Iterator[RowProblem]:
    """Rows of one number: the second one repeats the first, or contradicts it."""
    first: dict[str, ReadRow] = {}
    for row in rows:
        earlier = first.setdefault(row.identity.account_key, row)
        if earlier is row:
            continue
        cells = ({**each.row.cells, "number": row.identity.account_key} for each in (row, earlier))
        what = "repeats" if next(cells) == next(cells) else "contradicts"
        yield RowProblem(
            row.line,
            "number",
            f"{row.identity} is on line {earlier.line}, too, which this row {what}",
            "keep one of them",
        )


def _trunks(rows: Sequence[ReadRow]) -> dict[tuple[str | None, str | None], Trunk]:
    """The distinct credentials of the table, in the order in which they come."""
    pairs = dict.fromkeys((row.username, row.password) for row in rows if row.username is not None)
    return {
        pair: Trunk(name=f"credentials-{position}", auth="digest", username=pair[0], password=pair[1])
        for position, pair in enumerate(pairs, 1)
    }


class _Holds:
    """The live records of an account, by the number that they are of or may be of."""

    def __init__(self, records: Iterable[PhoneNumber]) -> None:
        self._of: dict[str, list[PhoneNumber]] = {}
        self._unclear: list[PhoneNumber] = []
        for record in records:
            if record.is_live:
                self._of.setdefault(record.identity.account_key, []).append(record)
                self._unclear += [record] if record.identity.e164 is None else []

    def records_of(self, number: NumberIdentity) -> list[PhoneNumber]:
        found = self._of.get(number.account_key, [])
        return found + [each for each in self._unclear if each not in found and each.identity.may_be(number)]


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
    wrong = [
        field
        for field in verify_fields(desired, trunk, there[0], account.capabilities)
        if field.result is VerificationResult.DIFFERS
    ]
    for field in wrong:
        yield RowProblem(
            row.line,
            field.field,
            f"the account has this number ({ids}) with {field.found or 'nothing'}, and the row says {field.desired}",
            "correct the row, or change the number with `telephony numbers set`",
        )


def _skipped(record: PhoneNumber) -> Skipped:
    return Skipped(
        key=number_text(record.identity),
        source_id=record.id,
        why=SkipReason.UNCHANGED,
        message=f"it is there already as {record.id}, as the table wants it, as far as that can be read",
        target_id=record.id,
    )


def _checked(
    row: ReadRow, desired: DesiredState, trunk: Trunk | None, account: TargetAccount
) -> tuple[list[RowProblem], list[Finding]]:
    """What the provider's own check says of the import: what is wrong with the row, and what is to be known of it."""
    stand_in = None if trunk is None else "stand-in"
    problems: list[RowProblem] = []
    findings: list[Finding] = []
    try:
        change = import_of(desired, stand_in, None if stand_in is None else SecretStr(stand_in))
        identity_of(change, account.capabilities.region)
    except (InvalidInput, NotAllowed) as error:
        return [RowProblem(row.line, None, error.message, cli_words(error.remedy))], []
    for problem in account.check(change):
        if problem.error is None:
            findings.append(
                Finding(
                    field=problem.field,
                    severity=Severity.WARN,
                    message=problem.message,
                    remedy=cli_words(problem.remedy),
                )
            )
            continue
        remedy = cli_words(problem.remedy)
        if remedy is not None:
            remedy = remedy.replace("send it as it is with --send-as-is", "write yes in `send_as_is`")
        if isinstance(problem.error, NotAllowed):
            remedy = "name the carrier's addresses in `allowed_addresses`, or write yes in `allow_any` if it is meant"
        problems.append(RowProblem(row.line, problem.field, problem.message, remedy))
    allowed = None if desired.inbound is None else desired.inbound.allowed_addresses
    if desired.inbound is not None and desired.inbound.allow_any and (allowed is None or is_open(allowed)):
        findings.append(
            Finding(
                field="inbound.allowed_addresses",
                severity=Severity.WARN,
                message="everybody, or a large share of the internet, may call in, as the table allows",
                after=value_text(allowed or ()),
            )
        )
    return problems, findings
