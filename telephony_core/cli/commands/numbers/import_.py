"""`telephony numbers import`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_number
from telephony_core.cli.parameters.agent import AgentsGiven, agent_given, agent_options, demand_agent
from telephony_core.cli.parameters.bulk import (
    PlanGiven,
    PlanSettings,
    make_plan,
    plan_options,
    refuse_for_one,
    refuse_options,
)
from telephony_core.cli.parameters.files import InputFile
from telephony_core.cli.parameters.migration import allow_option
from telephony_core.cli.parameters.password import read_password
from telephony_core.cli.parameters.trunk import (
    TrunkGiven,
    inbound_update,
    outbound_update,
    trunk_options,
    vendor_options,
)
from telephony_core.cli.session import Session
from telephony_core.domain.lifecycle import SideEffect
from telephony_core.provider.changes import NumberImport

if TYPE_CHECKING:
    from telephony_core.client import Telephony
    from telephony_core.domain.agents import AgentRef
    from telephony_core.migration.assessment.target import TargetAccount
    from telephony_core.migration.changeset.import_planner import CheckedTable
    from telephony_core.migration.plan.model import Plan


class _Given(TrunkGiven, PlanGiven, AgentsGiven):
    """The values of the options beyond those of the trunk."""

    label: str | None
    allow: tuple[str, ...]
    send_as_is: bool
    table: str | None


_OF_A_TABLE: Final = tuple(
    name
    for name in ("label", *TrunkGiven.__annotations__, *AgentsGiven.__annotations__, "send_as_is")
    if name != "options"  # the provider's, which are the same for all rows
)
"""Options whose values each row of a table has for itself."""


@examples(
    "telephony numbers import 070-1111-2222 -p vox --address pbx.example.com:5060",
    "telephony numbers import -p vox --from table.csv -o plan.json",
)
@click.argument("number", metavar="[NUMBER]", required=False)
@click.option("--from", "table", metavar="TABLE", type=InputFile(), help="Plan the import of every row of this table.")
@click.option("--label", metavar="TEXT", help="A name for people.")
@trunk_options
@agent_options(removable=False)
@allow_option()
@click.option("--send-as-is", is_flag=True, help="Send a number that has no E.164 form verbatim, where that is taken.")
@plan_options
@writes.check_option
@common_options
@pass_session
def command(session: Session, /, number: str | None, check: bool, **given: Unpack[_Given]) -> None:
    """Import your own number, over a SIP trunk.

    NUMBER is E.164 (+82…), the provider's national digits, or a SIP identifier. It stays at its carrier. With --from
    instead, the numbers of a table (CSV or JSON lines) are planned (-o); `telephony apply` imports them.
    """
    if (number is None) is (given["table"] is None):
        raise click.UsageError("give NUMBER, or --from TABLE for many numbers")
    if number is None:
        _plan(session, given, check)
        return
    refuse_for_one()
    demand_agent(given)
    # Names of losses are for plans. Ignored here, one would look as if it had been agreed to.
    if other := [name for name in given["allow"] if name not in list(SideEffect)]:
        raise click.UsageError(f"--allow {other[0]} means nothing for one number")
    with session.client() as client:
        change = NumberImport(
            number=number,
            label=given["label"],
            inbound=inbound_update(given),
            outbound=outbound_update(given, read_password(given["password"], session)),
            inbound_agent=agent_given(given, "inbound"),
            outbound_agent=agent_given(given, "outbound"),
            allow=[SideEffect(effect) for effect in given["allow"]],
            send_as_is=given["send_as_is"],
            options=vendor_options(given["options"], client.provider),
        )
        if check:
            writes.only_check(session, client, change)
        # All problems at once, where the client would raise the first.
        writes.refuse(client, change, "import_number")
        writes.warn(session, client, change)
        with session.writing(f"the import of {number}", number):
            made = client.import_number(change)
        session.did(f"{made.identity} was imported as record {made.id}")
        print_number(session, made)


def _plan(session: Session, given: _Given, check: bool) -> None:
    """Plan the import of a table."""
    from telephony_core.migration.changeset.import_planner import check_table, plan_checked
    from telephony_core.migration.changeset.table import read_table

    refuse_options(_OF_A_TABLE, "is for one NUMBER: in a table each row says it for itself")
    table = read_table(given["table"] or "")
    options = vendor_options(given["options"], session.connection().provider)

    def check_first(client: Telephony) -> tuple[CheckedTable, Iterable[AgentRef]]:
        with session.waiting(f"checking {len(table.rows)} rows"):
            checked = check_table(table, client.capabilities, client.check, allow=given["allow"], options=options)
        return checked, checked.agents

    def make(account: TargetAccount, checked: CheckedTable, settings: PlanSettings) -> Plan:
        with session.waiting(f"planning {len(checked.rows)} rows"):
            return plan_checked(account, checked, **settings)

    make_plan(session, given, check_first, make, check=check, reads=(given["table"],))
