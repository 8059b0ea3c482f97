"""`telephony sip check`: does this trunk answer, and what does that not prove?"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import click

from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.options import common_options, examples, pass_session
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.cli.parameters.files import Amount
from telephony_core.cli.parameters.number import to_read
from telephony_core.cli.parameters.password import password_option, read_password
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.domain.sip_address import SipAddress
    from telephony_core.sip_check import Transport, TrunkCredentials

# Words and not the enumeration: this module is imported for --help, and SIP is not.
_ENDS: Final = {
    "PASS": ("green", ExitCode.OK),
    "FAIL": ("red", ExitCode.FAILED),
    "INCONCLUSIVE": ("yellow", ExitCode.INCONCLUSIVE),
}
"""The colour and the exit code of a verdict."""


@examples(
    "telephony sip check 'sip:pbx.example.com;transport=tls'",
    "telephony sip check -p diga '+34 612 34 56 78' --register --password prompt:",
)
@click.argument("target", metavar="NUMBER|ADDRESS")
@click.option("--id", "by_id", is_flag=True, help="With -p: NUMBER is the id of a record.")
@click.option("--register", is_flag=True, help="Try the credentials with a REGISTER that ends at once.")
@click.option("--username", metavar="NAME", help="Digest user; with -p the record's, where the provider shows it.")
@password_option
@click.option(
    "--transport",
    "transports",
    multiple=True,
    type=click.Choice(["udp", "tcp", "tls"]),
    help="Check this transport; repeat it for several. Without it, the one of the address, or UDP and then TCP.",
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Trust these authorities for TLS (PEM).")
@click.option("--timeout", type=Amount(0.1, 600), default=45.0, help="Seconds for the whole check.")
@common_options
@pass_session
@click.pass_context
def command(
    ctx: click.Context,
    /,
    session: Session,
    target: str,
    by_id: bool,
    register: bool,
    username: str | None,
    password: str | None,
    transports: tuple[Transport, ...],
    ca_file: str | None,
    timeout: float,
) -> None:
    """Ask whether anything answers at a trunk, from this host.

    With -p, NUMBER is a number of that connection, and its trunk is checked; without -p, ADDRESS is host[:port] or a
    SIP URI. Sends OPTIONS, and REGISTER only with --register; never INVITE, which can ring a phone. Ends with 0 if all
    passed, with 9 if something failed, with 10 if silence leaves it open.
    """
    from telephony_core.sip_check import CheckStep, Timing, check_trunk

    # Not TELEPHONY_PROVIDER: with it set, an address would be looked up as a number.
    if by_id and session.provider is None:
        raise click.UsageError("--id goes with -p: without a connection the argument is an address")
    address, known = _trunk(session, target, by_id) if session.provider is not None else (target, None)
    credentials = _credentials(session, register, username or known, password)
    try:
        tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
    except (ssl.SSLError, OSError):
        raise click.UsageError("--ca-file holds no certificates in PEM form") from None
    with session.waiting(f"checking {address}"):
        report = check_trunk(
            address,
            credentials,
            transports=transports or None,
            steps=(CheckStep.OPTIONS, CheckStep.REGISTER) if register else (CheckStep.OPTIONS,),
            tls=tls,
            timing=Timing(total=timeout),
        )
    colour, code = _ENDS[report.verdict.upper()]
    if session.json:
        print_json(report.model_dump(mode="json"))
    else:
        for index, line in enumerate(report.lines()):
            print_line(line, "" if index else colour)
    ctx.exit(code)


def _trunk(session: Session, target: str, by_id: bool) -> tuple[SipAddress, str | None]:
    """The address and, where it can be read, the user name of a number's trunk."""
    with session.client() as client, session.waiting(f"looking for {target}"):
        number = to_read(client, target, by_id)
    outbound = number.sip.outbound if number.sip is not None else None
    if outbound is None or outbound.address is None:
        raise click.UsageError(f"{number.identity} has no trunk address that can be read: give the address instead")
    # A provider may use a transport of its own for an address that names none: that is the one its calls take.
    return client.capabilities.as_meant(outbound.address), outbound.username


def _credentials(
    session: Session, register: bool, username: str | None, password: str | None
) -> TrunkCredentials | None:
    from telephony_core.sip_check import TrunkCredentials

    if not register:
        if password is not None:
            # OPTIONS carries no credentials, and a password that is not tried proves nothing.
            raise click.UsageError("--password goes with --register: nothing else sends it")
        return None
    secret = read_password(password, session)
    if username is None or secret is None:
        missing = "--username" if username is None else "--password"
        raise click.UsageError(f"--register needs credentials: {missing} is missing")
    return TrunkCredentials(username=username, password=secret)
