"""`telephony doctor`: is a connection well, and does its vendor still speak as documented?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from telephony_core.cli.exit_codes import exit_code_for
from telephony_core.cli.failures import error_data
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.output.tables import Cell, Column, print_facts, print_json, print_line, print_table
from telephony_core.cli.session import Session
from telephony_core.diagnostics.doctor import CheckOutcome, Diagnosis, examine, unusable
from telephony_core.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from telephony_core.accounts.connection import Connection
    from telephony_core.diagnostics.doctor import Drift

_STYLES: Final = {CheckOutcome.OK: "green", CheckOutcome.FAILED: "red", CheckOutcome.NOT_TRIED: "dim"}


@dataclass(frozen=True, slots=True)
class _Patient:
    """A connection and what its examination found."""

    connection: str
    provider: str
    diagnosis: Diagnosis
    base_url: str | None = None


@examples(
    "telephony doctor",
    "telephony doctor -p vox --json",
)
@common_options
@pass_session
def command(session: Session) -> None:
    """Check connections, and what their providers answer.

    Looks whether the provider is reached, the key is taken and the clocks agree, and reads numbers to report every
    field and value that the adapter does not know, and every expected one that is missing. Nothing is written. Without
    -p every configured connection is checked. The exit code is that of the first thing that is wrong.
    """
    patients = [_examined(session, connection) for connection in _wanted(session)]
    if session.json:
        print_json([_as_data(patient) for patient in patients])
    else:
        for number, patient in enumerate(patients):
            if number:
                print_line("")
            _print(session, patient)
    wrong = [patient.diagnosis.error for patient in patients if patient.diagnosis.error is not None]
    if wrong:
        raise click.exceptions.Exit(exit_code_for(wrong[0]))


def _wanted(session: Session) -> list[Connection]:
    """The connection that was named, or every one that is configured. Raises `ConfigurationError` for none."""
    # One that is named is looked up below, with the error that its name deserves.
    connections = {} if session.is_named else session.connections()
    return [connections[name] for name in connections] or [session.connection()]


def _examined(session: Session, connection: Connection) -> _Patient:
    name = connection.name or connection.provider
    try:
        client = session.client(connection)
    # One broken connection does not keep the others from being checked.
    except (ConfigurationError, PluginError) as error:
        return _Patient(name, connection.provider, unusable(error))
    with client:
        # The client itself refuses to write, whatever an adapter does while it is examined.
        look = client.with_options(read_only=True)
        with session.waiting("examining what is answered"):
            diagnosis = look.run(examine(client.adapter))
        return _Patient(name, client.provider, diagnosis, client.adapter.config.base_url)


def _print(session: Session, patient: _Patient) -> None:
    diagnosis = patient.diagnosis
    where = f" at {patient.base_url}" if patient.base_url else ""
    print_line(f"{patient.connection}: {patient.provider}{where}", "bold")
    print_facts(
        [
            (f"  {each.name}", Cell(f"{each.outcome.replace('_', ' ')}: {each.message}", _STYLES[each.outcome]))
            for each in diagnosis.checks
        ]
    )
    if diagnosis.drift:
        print_table(
            (Column("DRIFT"), Column("FIELD"), Column("RECORDS"), Column("SEEN", gives_way="folded"), Column("ID", 1)),
            [_row(each, diagnosis.records) for each in diagnosis.drift],
            empty="",
        )
    # Without a description every field would be new, and none could be missing.
    if not diagnosis.described and diagnosis.records:
        print_line("  this adapter does not describe its records: new and missing fields cannot be found", "dim")
    if diagnosis.error is not None:
        print_line(f"  next: {pasteable(error_data(diagnosis.error).get('remedy', 'report this'), session)}")


def _row(drift: Drift, records: int) -> tuple[str | Cell, ...]:
    kind = Cell(drift.kind.replace("_", " "), "dim" if drift.is_notice else "yellow")
    return kind, drift.field, f"{drift.records} of {records}", ", ".join(drift.seen), drift.example or ""


def _as_data(patient: _Patient) -> dict[str, Any]:
    diagnosis = patient.diagnosis
    return {
        "connection": patient.connection,
        "provider": patient.provider,
        "base_url": patient.base_url,
        "well": diagnosis.error is None,
        "checks": [
            {
                "name": each.name,
                "outcome": each.outcome.value,
                "message": each.message,
                "error": None if each.error is None else {"kind": type(each.error).__name__, **error_data(each.error)},
            }
            for each in diagnosis.checks
        ],
        "records": diagnosis.records,
        "described": diagnosis.described,
        "drift": [{**asdict(each), "notice": each.is_notice} for each in diagnosis.drift],
    }
