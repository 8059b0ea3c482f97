"""Check a trunk: what a caller asks for in, a report out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check import verdicts
from telephony_core.sip_check.limits import Deadline, Limits, Timing
from telephony_core.sip_check.network.dns import name_service
from telephony_core.sip_check.network.server_location import NameService, transports_asked
from telephony_core.sip_check.probe import Probe
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.protocol.message import clean
from telephony_core.sip_check.report import (
    CheckStep,
    CheckVerdict,
    StepReport,
    Transport,
    TrunkReport,
    VantagePoint,
    milliseconds,
)

VANTAGE_NOTE = (
    "The provider's calls come from its own network: what answers, refuses or stays silent here may do otherwise there."
)
# NAPTR, SRV and addresses come after one another: a network that drops the first two must not use up the time.
_QUESTIONS = 4


def check_trunk(
    address: SipAddress | str,
    credentials: TrunkCredentials | None = None,
    *,
    transports: Sequence[Transport] | None = None,
    steps: Collection[CheckStep | str] = (CheckStep.OPTIONS,),
    tls: ssl.SSLContext | None = None,
    timing: Timing | None = None,
    limits: Limits | None = None,
    names: NameService | None = None,
) -> TrunkReport:
    """`acheck_trunk` for code without an event loop. Raises `RuntimeError` where one is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("check_trunk() would block the running event loop; use `await acheck_trunk(...)`")
    return asyncio.run(
        acheck_trunk(
            address,
            credentials,
            transports=transports,
            steps=steps,
            tls=tls,
            timing=timing,
            limits=limits,
            names=names,
        )
    )


async def acheck_trunk(
    address: SipAddress | str,
    credentials: TrunkCredentials | None = None,
    *,
    transports: Sequence[Transport] | None = None,
    steps: Collection[CheckStep | str] = (CheckStep.OPTIONS,),
    tls: ssl.SSLContext | None = None,
    timing: Timing | None = None,
    limits: Limits | None = None,
    names: NameService | None = None,
) -> TrunkReport:
    """Ask whether anything answers at ``address`` and, with `CheckStep.REGISTER` in ``steps``, takes ``credentials``.

    Never sends an INVITE. Whatever the network does ends in a verdict, an address that cannot be read included; only
    a call that cannot be meant raises `InvalidInput`: no steps, REGISTER without credentials, ``sips`` without TLS.

    ``transports`` not given: those of the address; else the service records of its name; else UDP, and TCP where UDP is
    not answered. ``steps``: resolving, connecting and the TLS handshake happen as far as a later step needs them.
    ``tls`` is a context with a private authority or a client certificate; by default this host's trust store is used
    and the name verified. There is no way from TLS back to clear text. ``timing`` is in seconds. ``names`` replaces the
    name service of this host.
    """
    wanted = _wanted(steps, credentials)
    timing, limits = timing or Timing(), limits or Limits()
    started = datetime.now(UTC)
    deadline = Deadline(timing.total)
    begun = deadline.clock()
    run = Probe(wanted, credentials, tls, timing, limits, deadline)
    read = _read(address)
    if isinstance(read, SipAddress):
        asked = transports_asked(read, transports)
        verdict = await run.run(read, asked, names or name_service(timing.resolve / _QUESTIONS))
    else:
        verdict = run.note(CheckStep.RESOLVE, verdicts.judge_unreadable(read.message, read.remedy), begun).verdict
    return TrunkReport(
        address=_shown(read),
        verdict=verdict,
        summary=_summary(verdict, run.entries),
        vantage_point=VantagePoint(host=clean(socket.gethostname()) or "this host", note=VANTAGE_NOTE),
        started_at=started,
        elapsed_ms=milliseconds(deadline.clock() - begun),
        steps=tuple(run.entries),
    )


def _wanted(steps: Collection[CheckStep | str], credentials: TrunkCredentials | None) -> frozenset[CheckStep]:
    known = {step.value for step in CheckStep}
    if isinstance(steps, str) or not steps or not all(step in known for step in steps):
        raise InvalidInput("the steps of the check are not known", remedy=f"name some of {', '.join(sorted(known))}")
    wanted = frozenset(CheckStep(step) for step in steps)
    if CheckStep.REGISTER in wanted and credentials is None:
        raise InvalidInput(
            "the step `register` needs credentials", remedy="give user name and password, or leave the step out"
        )
    return wanted


def _read(address: SipAddress | str) -> SipAddress | InvalidInput:
    if isinstance(address, SipAddress):
        return address
    try:
        return SipAddress.parse(address)
    except InvalidInput as error:
        return error


def _shown(address: SipAddress | InvalidInput) -> str:
    """Without a user part and parameters: they are not what is checked, and not for everybody to read."""
    if isinstance(address, InvalidInput):
        return "[not readable]"
    scheme = address.scheme or ("sip" if address.transport else None)
    return str(SipAddress(address.host, address.port, scheme, address.transport))


def _summary(verdict: CheckVerdict, entries: Sequence[StepReport]) -> str:
    """The entry that decided, in its own words."""
    deciding = [entry for entry in entries if entry.verdict is verdict]
    if verdict is CheckVerdict.PASS and deciding:
        return deciding[-1].proves
    if not deciding:
        return "some servers or transports answer, others do not"
    first = deciding[0]
    where = f" over {first.transport}" if first.transport and first.step is not CheckStep.TLS else ""
    return f"{first.step}{where}: {first.summary}"
