"""`telephony numbers import`."""

from __future__ import annotations

from typing import Unpack

import click

from telephony_core.cli import writes
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.number import print_number
from telephony_core.cli.parameters.agent import agent_ref
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


class _Given(TrunkGiven):
    """The values of the options beyond those of the trunk."""

    label: str | None
    inbound_agent: str | None
    inbound_version: str | None
    outbound_agent: str | None
    outbound_version: str | None
    allow: tuple[str, ...]
    send_as_is: bool


@click.command()
@click.argument("number", metavar="NUMBER")
@click.option("--label", metavar="TEXT", help="A name for people.")
@trunk_options
@click.option("--inbound-agent", metavar="ID", help="Agent that answers calls.")
@click.option("--inbound-version", metavar="VERSION", help="published, draft, or the provider's own word for one.")
@click.option("--outbound-agent", metavar="ID", help="Agent that makes calls.")
@click.option("--outbound-version", metavar="VERSION", help="published, draft, or the provider's own word for one.")
@writes.allow_option(SideEffect.PUBLISHES)
@click.option("--send-as-is", is_flag=True, help="Send a number that has no E.164 form verbatim, where that is taken.")
@writes.check_option
@common_options
@pass_session
def command(session: Session, /, number: str, check: bool, **given: Unpack[_Given]) -> None:
    """Import your own number, over a SIP trunk.

    NUMBER is E.164 (+82…), the provider's national digits, or a SIP identifier. It stays at its carrier.
    """
    with session.client() as client:
        change = NumberImport(
            number=number,
            label=given["label"],
            inbound=inbound_update(given),
            outbound=outbound_update(given, read_password(given["password"], session)),
            inbound_agent=agent_ref("inbound", given["inbound_agent"], given["inbound_version"]),
            outbound_agent=agent_ref("outbound", given["outbound_agent"], given["outbound_version"]),
            allow=[SideEffect(effect) for effect in given["allow"]],
            send_as_is=given["send_as_is"],
            options=vendor_options(given["options"], client.provider),
        )
        if check:
            writes.only_check(session, client, change)
        writes.refuse(client, change, "import_number")
        writes.warn(session, client, change)
        with session.writing(f"the import of {number}", number):
            made = client.import_number(change)
        session.did(f"{made.identity} was imported as record {made.id}")
        print_number(session, made)
