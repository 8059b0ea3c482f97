"""`telephony sip set`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.number import print_trunk
from telephony_core.cli.parameters.password import read_password
from telephony_core.cli.parameters.trunk import (
    TrunkGiven,
    inbound_update,
    outbound_update,
    trunk_options,
    vendor_options,
)
from telephony_core.cli.session import Session
from telephony_core.domain.input_model import UNSET
from telephony_core.provider.changes import SipUpdate

if TYPE_CHECKING:
    from telephony_core.domain.phone_number import PhoneNumber

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

# Which option clears which field of which half, and which option would set it.
_CLEARING: Final = (
    ("clear_allowed_addresses", "inbound", "allowed_addresses", "allow_address"),
    ("clear_inbound_encryption", "inbound", "media_encryption", "inbound_encryption"),
    ("clear_address", "outbound", "address", "address"),
    ("clear_username", "outbound", "username", "username"),
    ("clear_password", "outbound", "password", "password"),
    ("clear_outbound_encryption", "outbound", "media_encryption", "outbound_encryption"),
)


class _Given(TrunkGiven):
    clear_allowed_addresses: bool
    clear_inbound_encryption: bool
    clear_address: bool
    clear_username: bool
    clear_password: bool
    clear_outbound_encryption: bool


def _clear_options(command: CommandT) -> CommandT:
    for name, half, field, _ in reversed(_CLEARING):
        text = f"Clear the {half} {field.replace('_', ' ')}, where the provider documents a way."
        command = click.option(f"--{name.replace('_', '-')}", is_flag=True, help=text)(command)
    return command


@click.command()
@writes.number_argument
@trunk_options
@_clear_options
@writes.check_option
@common_options
@pass_session
def command(session: Session, /, number: str, by_id: bool, check: bool, **given: Unpack[_Given]) -> None:
    """Change the trunk of a number: what is not named stays as it is."""
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
    print_trunk(session, updated)


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
