"""`telephony numbers …`: the numbers of one connection."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Unpack

import click

from telephony_core.cli import failures, prompts, writes
from telephony_core.cli.options import common_options, group, pass_session
from telephony_core.cli.output.number import agent, moment, print_number, print_numbers
from telephony_core.cli.output.tables import Column, print_json, print_line, print_models, print_table
from telephony_core.cli.parameters.agent import agent_ref
from telephony_core.cli.parameters.number import to_read
from telephony_core.cli.parameters.password import read_password
from telephony_core.cli.parameters.trunk import (
    TrunkGiven,
    inbound_update,
    outbound_update,
    trunk_options,
    vendor_options,
)
from telephony_core.cli.wording import pasteable
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.errors import WrongState
from telephony_core.provider.changes import LabelUpdate, NumberImport, NumberRelease, ReleaseRevocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from telephony_core.cli.session import Session
    from telephony_core.client import Telephony
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.provider.capabilities import Capabilities

numbers: click.Group = group("List, show, import, label and release numbers.")


class _Given(TrunkGiven):
    """What the other options of `numbers import` hand to it."""

    label: str | None
    inbound_agent: str | None
    inbound_version: str | None
    outbound_agent: str | None
    outbound_version: str | None
    allow: tuple[str, ...]
    send_as_is: bool


_limit = click.option("--limit", type=click.IntRange(1, 10**9), metavar="N", help="Stop after so many.")


@numbers.command("list")
@click.option("--status", type=click.Choice([word.value for word in NumberStatus]), help="Only those in this status.")
@click.option("--origin", type=click.Choice([word.value for word in Origin]), help="Only those that came this way.")
@_limit
@common_options
@pass_session
def list_(session: Session, status: str | None, origin: str | None, limit: int | None) -> None:
    """List every number, in every status.

    --json prints one array of numbers. Nothing is printed when a page fails.
    """
    with session.client() as client:
        found = client.list_numbers(
            status=None if status is None else NumberStatus(status), origin=None if origin is None else Origin(origin)
        )
        records = list(islice(found, limit))
    if session.json:
        print_models(records)
        return
    print_numbers(records, empty="there are no such numbers here")
    odd = [record for record in records if record.problems]
    if odd:
        failures.warn(
            f"{len(odd)} of them have fields that could not be read: `telephony numbers show {odd[0].id}`", session
        )


@numbers.command()
@writes.number_argument
@common_options
@pass_session
def show(session: Session, number: str, by_id: bool) -> None:
    """Show everything about one number.

    Of several records of one number the live one is shown.
    """
    with session.client() as client:
        _print(session, to_read(client, number, by_id))


@numbers.command("import")
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
def import_(session: Session, /, number: str, check: bool, **given: Unpack[_Given]) -> None:
    """Bring your own number, over a SIP trunk.

    NUMBER is E.164 (+82…), the provider's national digits, or a SIP identifier. It stays at its carrier.
    """
    with session.client() as client:
        change = _import_change(session, number, client.provider, given)
        if check:
            writes.only_check(session, client, change)
            return
        writes.refuse(client, change, "import_number")
        writes.warn(session, client, change)
        with session.writing(f"the import of {number}", number):
            made = client.import_number(change)
        session.did(f"{made.identity} was imported as record {made.id}")
        _print(session, made)


@numbers.command()
@writes.number_argument
@click.argument("text", required=False)
@click.option("--clear", is_flag=True, help="Take the label away.")
@writes.check_option
@common_options
@pass_session
def label(session: Session, number: str, by_id: bool, text: str | None, clear: bool, check: bool) -> None:
    """Give a number the label TEXT, or --clear it."""
    if (text is None) != clear:
        raise click.UsageError("give the label, or --clear to take it away")

    def change(target: PhoneNumber | str) -> LabelUpdate:
        return LabelUpdate(target, text)

    with session.client() as client:
        if check:
            writes.only_check(session, client, change(number))
            return
        record = writes.judged(session, client, number, by_id, "update_label", change)
        with session.writing(f"the new label of {record.identity} (record {record.id})", record.id):
            updated = client.update_label(record, text)
        session.did(f"the label of {updated.identity} (record {updated.id}) was changed")
        _print(session, updated)


@numbers.command()
@writes.number_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@writes.allow_option(SideEffect.UNPUBLISHES)
@writes.check_option
@common_options
@pass_session
def release(session: Session, number: str, by_id: bool, yes: bool, allow: Sequence[str], check: bool) -> None:
    """Give a number up.

    Asks first, and says what will be lost, when it takes effect and whether it can be revoked.
    """
    effects = frozenset(SideEffect(effect) for effect in allow)

    def change(target: PhoneNumber | str) -> NumberRelease:
        return NumberRelease(target, effects)

    with session.client() as client:
        if check:
            writes.only_check(session, client, change(number))
            return
        record = writes.judged(session, client, number, by_id, "release", change)
        if not yes:
            record = _confirmed(session, client, record)
            writes.refuse(client, change(record), "release")
        with session.writing(f"the release of {record.identity} (record {record.id})", record.id):
            released = client.release(record, allow=effects)
        session.did(outcome(released))
    if session.json:
        print_json(released.model_dump(mode="json"))
    else:
        print_line(pasteable(outcome(released), session))


@numbers.command("revoke-release")
@writes.number_argument
@writes.check_option
@common_options
@pass_session
def revoke_release(session: Session, number: str, by_id: bool, check: bool) -> None:
    """Take a scheduled release back."""
    with session.client() as client:
        if check:
            writes.only_check(session, client, ReleaseRevocation(number))
            return
        record = writes.judged(session, client, number, by_id, "revoke_release", ReleaseRevocation)
        with session.writing(f"taking back the release of {record.identity} (record {record.id})", record.id):
            kept = client.revoke_release(record)
        session.did(f"the release of {kept.identity} (record {kept.id}) was taken back")
        _print(session, kept)


@numbers.command()
@click.option("--line-type", metavar="WORD", help="Only lines of this type, in the provider's word.")
@click.option("--sort-by", type=click.Choice(["number", "monthly_fee"]), default="number", show_default=True)
@click.option("--descending", is_flag=True, help="The other way round.")
@_limit
@common_options
@pass_session
def available(
    session: Session,
    line_type: str | None,
    sort_by: Literal["number", "monthly_fee"],
    descending: bool,
    limit: int | None,
) -> None:
    """List the numbers that the provider has for sale. Nothing here buys one."""
    with session.client() as client:
        found = client.search_available(line_type=line_type, sort_by=sort_by, descending=descending)
        lines = list(islice(found, limit))
    if session.json:
        print_models(lines)
        return
    print_table(
        (Column("NUMBER"), Column("TYPE", 1), Column("MONTHLY FEE"), Column("SMS", 2), Column("ID", 3)),
        [
            (
                str(line.identity),
                line.line_type or "",
                str(line.monthly_fee or ""),
                {(True, True): "both", (True, False): "sends", (False, True): "receives"}.get(
                    (bool(line.sends_sms), bool(line.receives_sms)), ""
                ),
                line.id,
            )
            for line in lines
        ],
        empty="nothing is for sale",
    )


def _confirmed(session: Session, client: Telephony, record: PhoneNumber) -> PhoneNumber:
    """The record as it was when somebody agreed to lose it: read again after the answer, which may have taken hours.

    Asks again where what was shown has changed. Raises `NotAllowed` after a no, and `WrongState` where the record
    is of another number now: that one was never shown.
    """
    while True:
        shown = consequences(record, client.capabilities, str(session.account))
        prompts.confirm(
            f"Release {record.identity} at {session.account}?",
            losing=f"releasing {record.identity} at {session.account}",
            explanation=shown,
        )
        now = client.get_number(record.id)
        if now.id != record.id or not now.identity.same_in_account(record.identity):
            raise WrongState(
                f"record {record.id} was of {record.identity} when it was shown, and is of {now.identity} now; nothing "
                "was released",
                remedy="look at both numbers before anything is released",
                provider=client.provider,
                operation="release",
            )
        record = now
        if consequences(now, client.capabilities, str(session.account)) == shown:
            return now
        failures.warn("it has changed since it was shown; what it is now:", session)


def consequences(number: PhoneNumber, capabilities: Capabilities, where: str) -> list[str]:
    """What releasing a number means: what is lost, when it takes effect, whether it can be revoked."""
    called = f", called {number.label!r}" if number.label else ""
    lines = [f"About to release {number.identity} at {where} ({number.status}, {number.origin}{called})."]
    lost = [f"the record {number.id}"]
    if number.sip is not None:
        address = number.sip.outbound.address
        lost.append(f"its trunk settings{f' ({address})' if address is not None else ''} and their credentials")
    agents = [agent(ref) for ref in (number.inbound_agent, number.outbound_agent) if ref is not None]
    if agents:
        lost.append(f"its agents ({', '.join(dict.fromkeys(agents))})")
    lines.append(f"  Lost: {'; '.join(lost)}.")
    terms = capabilities.release.get(number.origin)
    if terms is None:
        return [*lines, "  When it takes effect, and whether it can be revoked, is not declared for such numbers."]
    when = "at once" if terms.effect == "immediate" else "at the end of the period that is paid"
    back = "it can be revoked until then" if terms.revocable else "it cannot be revoked"
    unsure = "" if terms.verified else " (by the provider's documentation; not verified)"
    return [*lines, f"  It takes effect {when}, and {back}{unsure}."]


def outcome(release: Release) -> str:
    """What a release came to, in a sentence."""
    match release.status:
        case NumberStatus.RELEASED:
            said = f"{release.identity} is released"
        case NumberStatus.RELEASE_SCHEDULED:
            said = f"{release.identity} will be released"
        case _:
            said = f"the release of {release.identity} was accepted, and the provider does not say when it takes effect"
    when = f" ({moment(release.takes_effect_at)})" if release.takes_effect_at is not None else ""
    back = f"; `telephony numbers revoke-release {release.id}` takes it back" if release.revocable else ""
    return f"{said}{when}{back}"


def _import_change(session: Session, number: str, provider: str, given: _Given) -> NumberImport:
    options = vendor_options(given["options"], provider)
    agents = {
        direction: agent_ref(direction, agent_id, version)
        for direction, agent_id, version in (
            ("inbound", given["inbound_agent"], given["inbound_version"]),
            ("outbound", given["outbound_agent"], given["outbound_version"]),
        )
    }
    return NumberImport(
        number=number,
        label=given["label"],
        inbound=inbound_update(given),
        outbound=outbound_update(given, read_password(given["password"], session)),
        inbound_agent=agents["inbound"],
        outbound_agent=agents["outbound"],
        allow=[SideEffect(effect) for effect in given["allow"]],
        send_as_is=given["send_as_is"],
        options=options,
    )


def _print(session: Session, number: PhoneNumber) -> None:
    if session.json:
        print_json(number.model_dump(mode="json"))
    else:
        print_number(number)
