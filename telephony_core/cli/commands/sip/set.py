"""`telephony sip set`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.number import print_change, print_trunk
from telephony_core.cli.parameters import CommandT, together
from telephony_core.cli.parameters.bulk import (
    PlanGiven,
    PlanSettings,
    SelectionGiven,
    make_plan,
    named_numbers,
    plan_options,
    refuse_for_one,
    selection_options,
)
from telephony_core.cli.parameters.migration import allow_option
from telephony_core.cli.parameters.password import STDIN, read_password
from telephony_core.cli.parameters.trunk import (
    TrunkGiven,
    inbound_update,
    outbound_update,
    trunk_options,
    vendor_options,
)
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.provider.capabilities import Field
from telephony_core.provider.changes import SipUpdate

if TYPE_CHECKING:
    from telephony_core.client import Telephony
    from telephony_core.domain.agents import AgentRef
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.migration.assessment.target import TargetAccount
    from telephony_core.migration.plan.model import Plan

# Which option clears which field of which half, and which option would set it.
_CLEARING: Final = (
    ("clear_allowed_addresses", "inbound", "allowed_addresses", "allow_address"),
    ("clear_inbound_encryption", "inbound", "media_encryption", "inbound_encryption"),
    ("clear_address", "outbound", "address", "address"),
    ("clear_username", "outbound", "username", "username"),
    ("clear_password", "outbound", "password", "password"),
    ("clear_outbound_encryption", "outbound", "media_encryption", "outbound_encryption"),
)


class ClearGiven(TypedDict):
    """The values of `clear_options`."""

    clear_allowed_addresses: bool
    clear_inbound_encryption: bool
    clear_address: bool
    clear_username: bool
    clear_password: bool
    clear_outbound_encryption: bool


class BulkGiven(TrunkGiven, ClearGiven, PlanGiven, SelectionGiven):
    """What a plan for many numbers is made of; `numbers set` has the same."""


class _Given(BulkGiven):
    allow: tuple[str, ...]


def _clearing(name: str, half: str, field: str) -> Callable[[CommandT], CommandT]:
    text = f"Clear the {half} {field.replace('_', ' ')}, where the provider documents a way."
    return click.option(f"--{name.replace('_', '-')}", is_flag=True, help=text)


clear_options: Final = together(*(_clearing(name, half, field) for name, half, field, _ in _CLEARING))
"""An option for every setting of a trunk that can be cleared."""


@examples(
    "telephony sip set 070-1111-2222 -p vox --address pbx.example.com:5060 --username acme --password prompt:",
    "telephony sip set -p vox --where outbound.address=old.example.com --address new.example.com -o plan.json",
)
@click.argument("number", metavar="[NUMBER]", required=False)
@click.option("--id", "by_id", is_flag=True, help="NUMBER is a record's id, whatever it looks like.")
@selection_options
@trunk_options
@clear_options
@allow_option()
@plan_options
@writes.check_option
@common_options
@pass_session
def command(session: Session, /, number: str | None, by_id: bool, check: bool, **given: Unpack[_Given]) -> None:
    """Change the trunk of a number: what is not named stays as it is.

    With --where, --numbers or --from instead of NUMBER, of many numbers: that makes a plan (-o), which is a file for
    `telephony apply`. Nothing is changed before that.
    """
    many = bool(given["where"] or given["numbers"] or given["listed"])
    if number is None:
        if not many:
            raise click.UsageError("which numbers? Give NUMBER, or --where, --numbers or --from for several")
        plan_trunk(session, given, given["allow"], check)
        return
    # To change one and plan others in one command would leave open which of them happened.
    if many:
        raise click.UsageError("NUMBER is changed at once: leave it out to plan a change of many numbers")
    # A change of one trunk has no side effect to allow.
    refuse_for_one("allow")
    cleared = _cleared(given)
    with session.client() as client:
        options = vendor_options(given["options"], client.provider)
        inbound = inbound_update(given, cleared["inbound"])
        outbound = outbound_update(given, read_password(given["password"], session), cleared["outbound"])
        if inbound is None and outbound is None:
            raise click.UsageError("nothing to change: give at least one setting, or one to clear")

        def change(target: PhoneNumber | str) -> SipUpdate:
            return SipUpdate(target, inbound or UNSET, outbound or UNSET, options)

        record = writes.checked_record(session, client, number, by_id, check, "update_sip", change)
        with session.writing(f"the change of the trunk of {record.identity} (record {record.id})", record.id):
            updated = client.update_sip(record, inbound=inbound or UNSET, outbound=outbound or UNSET, options=options)
        session.did(f"the trunk of {updated.identity} (record {updated.id}) was changed")
        unseen = [
            f"outbound {setting.value.rpartition('.')[2]}"
            # What was sent and is never shown: without a line of its own it would look unchanged.
            for option, setting in ((given["username"], Field.USERNAME), (given["password"], Field.PASSWORD))
            if option is not None and not client.capabilities.can_read(setting)
        ]
    print_change(session, record, updated, unseen)
    print_trunk(session, updated)


def plan_trunk(
    session: Session,
    given: BulkGiven,
    allow: Sequence[str],
    check: bool,
    *,
    label: str | None | Unset = UNSET,
    inbound_agent: AgentRef | None | Unset = UNSET,
    outbound_agent: AgentRef | None | Unset = UNSET,
) -> None:
    """Plan these settings for every number that is chosen."""
    from telephony_core.migration.changeset.selection import Conditions
    from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings

    if given["password"] == STDIN:
        raise click.UsageError("a plan keeps where a password is, and stdin is nowhere: say env:NAME or file:PATH")
    cleared = _cleared(given)
    inbound = inbound_update(given, cleared["inbound"])
    plain: BulkGiven = {**given, "username": None}  # the plan has it apart, for it may be a reference
    outbound = outbound_update(plain, None, cleared["outbound"])
    update = SettingsUpdate(
        label=label,
        inbound=inbound or UNSET,
        outbound=outbound or UNSET,
        username=given["username"],
        password=given["password"],
        inbound_agent=inbound_agent,
        outbound_agent=outbound_agent,
        options=vendor_options(given["options"], session.connection().provider),
    )
    numbers = named_numbers(given)
    # Raises what cannot be meant, before an account is asked.
    update.desired()

    def check_first(client: Telephony) -> tuple[None, Iterable[AgentRef]]:
        Conditions.parse(given["where"]).demand_told(client.capabilities, client.provider)
        return None, update.agents

    def make(account: TargetAccount, _checked: None, settings: PlanSettings) -> Plan:
        return plan_settings(account, update, where=given["where"], numbers=numbers, allow=allow, **settings)

    make_plan(session, given, check_first, make, check=check, reads=(given["listed"],))


def _cleared(given: Mapping[str, object]) -> dict[str, list[str]]:
    """The fields to clear, by half. Raises `click.UsageError` where one is set and cleared at once."""
    cleared: dict[str, list[str]] = {"inbound": [], "outbound": []}
    for name, half, field, sets in _CLEARING:
        if not given[name]:
            continue
        if given[sets]:
            raise click.UsageError(f"--{sets.replace('_', '-')} and --{name.replace('_', '-')} contradict each other")
        cleared[half].append(field)
    return cleared
