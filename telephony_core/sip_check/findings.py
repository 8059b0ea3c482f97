"""From the outcome of a step to its finding: the verdict, what it proves, what it does not, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.network.server_location import Resolution
from telephony_core.sip_check.protocol.registration import AuthStage, Registration
from telephony_core.sip_check.report import Certificate, CheckVerdict, Transport

PASS, FAIL, INCONCLUSIVE = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.INCONCLUSIVE

RENEW_WITHIN = timedelta(days=14)

_NOTHING = "nothing"
_ONLY_FROM_HERE = "that it is the same from the provider's network"
_MAYBE_FILTERED = (
    "that nothing is there: a firewall, or a server that answers only the addresses it knows, looks the same"
)
_ASK_ALLOWED = "ask the carrier whether it answers this host's address, and whether this transport is on"
_COMPARE = "compare host, port and transport with what the carrier gave"


@dataclass(frozen=True, slots=True)
class StepFinding:
    """What the outcome of one step means. The fields are those of `StepReport`."""

    verdict: CheckVerdict
    summary: str
    proves: str
    does_not_prove: str
    next_step: str | None = None


def _fail(summary: str, proves: str, does_not_prove: str = _ONLY_FROM_HERE, next_step: str = _COMPARE) -> StepFinding:
    return StepFinding(FAIL, summary, proves, does_not_prove, next_step)


def _open(
    summary: str, next_step: str, *, proves: str = _NOTHING, does_not_prove: str = "anything about the trunk"
) -> StepFinding:
    return StepFinding(INCONCLUSIVE, summary, proves, does_not_prove, next_step)


# How an attempt can end without a SIP answer. FAIL only where that shows a fault: silence and a closed connection may
# be a firewall, or a server that answers only the addresses it knows.
_WITHOUT_ANSWER: dict[FailureKind, StepFinding] = {
    FailureKind.SILENT: _open("no answer in time", _ASK_ALLOWED, does_not_prove=_MAYBE_FILTERED),
    FailureKind.REFUSED: _fail("the port is closed", "nothing listens on this port"),
    FailureKind.UNREACHABLE: _fail(
        "the network says that the host cannot be reached", "no route leads there from here"
    ),
    FailureKind.NO_ROUTE: _open(
        "this host has no route to the address; nothing was sent",
        "check from a host that has such addresses itself (IPv6?)",
    ),
    FailureKind.LOCAL: _open("this host did not let it out", "look at this host's firewall and limits"),
    FailureKind.CLOSED: _open(
        "the server closed the connection without an answer",
        _ASK_ALLOWED,
        proves="something accepts connections on this port",
        does_not_prove="that it is a SIP server, or that it closes every connection",
    ),
    FailureKind.NOT_SIP: _fail("what answers is not SIP", "another protocol than SIP is on this port"),
    FailureKind.TLS_INSTEAD: _fail(
        "this port speaks TLS", "a TLS server is on this port", "that SIP is behind it", "check it with transport tls"
    ),
    FailureKind.TOO_LARGE: _fail(
        "the head of its answer does not end within the limit", "no usable SIP is spoken on this port"
    ),
    FailureKind.FLOODED: _open(
        "too many messages that are no answer to our request",
        "ask the carrier what sends them",
        proves="something sends SIP from this address",
        does_not_prove="that it answers requests",
    ),
    FailureKind.NOT_TLS: _fail(
        "this port does not speak TLS",
        "no TLS server is on this port",
        next_step="compare the port with what the carrier gave: 5061 is usual for TLS",
    ),
    FailureKind.BAD_CERTIFICATE: _fail(
        "the certificate does not hold",
        "a caller that verifies certificates does not get through",
        "that the server is an impostor: a private authority or a wrong name looks the same",
        "use the name the certificate is for, or have the server's certificate renewed; "
        "for a private authority, check with its certificate",
    ),
    FailureKind.CLIENT_CERTIFICATE: _open(
        "the server asks for a client certificate",
        "check with the client certificate that the carrier gave",
        proves="a TLS server is on this port",
        does_not_prove="that SIP is behind it",
    ),
    FailureKind.TLS_FAILED: _fail(
        "no common TLS version or cipher",
        "a client of today's defaults does not get through",
        "that the provider's client fails as well",
        "ask the carrier for TLS 1.2 or newer, and whether it asks for a client certificate",
    ),
}

_TRY_IN_CLEAR = (
    "this port may speak SIP over TCP in the clear: to find out, check it with transport tcp, without credentials"
)

NOT_TRIED_IN_TIME = _open(
    "not tried: the time for the whole check was used up", "check it by itself, or with a longer `total`"
)


def not_repeated_finding(where: str) -> StepFinding:
    """Credentials that were refused once are not sent again: some servers lock the account, or ban the address."""
    return _open(
        f"not tried: the credentials were refused at {where}, and a repetition may lock the account",
        "put the credentials right first",
        does_not_prove="that they are refused here as well",
    )


def missing_finding(reason: str, *, is_certain: bool) -> StepFinding:
    """For a name without a usable address."""
    if is_certain:
        return _fail(reason, "the name has no usable address from here", next_step="check the name")
    return _open(reason, "check this host's name service", does_not_prove="that the name does not exist")


def unreadable_finding(reason: str, remedy: str | None) -> StepFinding:
    """For an address that cannot be parsed."""
    return StepFinding(FAIL, reason, "the address cannot be used", "anything about the trunk", remedy)


def resolution_finding(resolution: Resolution, *, is_ip: bool) -> StepFinding:
    """For an address with at least one server."""
    unproven = "that anything is there"
    if is_ip:
        return StepFinding(PASS, "an IP address; nothing to look up", "the address can be used", unproven)
    count = len({(target.ip, target.port) for route in resolution.routes for target in route.targets})
    if not resolution.srv_checked:
        unproven += ", or that SRV records do not lead elsewhere"
    places = "1 place" if count == 1 else f"{count} places"
    return StepFinding(PASS, f"the name leads to {places}", "this host can resolve the name", unproven)


def connection_finding(failure: ProbeError | None, transport: Transport) -> StepFinding:
    """For a TCP connection, or a UDP socket."""
    if failure is not None:
        return _with_detail(_WITHOUT_ANSWER[failure.kind], failure.detail)
    if transport == "udp":
        return StepFinding(INCONCLUSIVE, "UDP has no connection", _NOTHING, "anything", "ask for the step `options`")
    return StepFinding(PASS, "connected", "something listens on this port", "that it is a SIP server")


def tls_finding(failure: ProbeError | None, certificate: Certificate | None, *, is_verified: bool) -> StepFinding:
    """For a TLS handshake."""
    if failure is not None:
        finding = _with_detail(_WITHOUT_ANSWER[failure.kind], failure.detail)
        # A SIP server in the clear takes our handshake for the beginning of a message: it waits for the rest, or hangs
        # up.
        if failure.kind in (FailureKind.SILENT, FailureKind.CLOSED):
            return replace(finding, next_step=_TRY_IN_CLEAR)
        return finding
    if not is_verified:
        return StepFinding(
            INCONCLUSIVE,
            "the handshake succeeded; the certificate was not verified, as asked",
            "a TLS server is on this port",
            "who it is: anybody on the way could be it",
            "check with verification on",
        )
    finding = StepFinding(
        PASS,
        "the certificate holds for the name",
        "the server has a certificate for this name from an authority that this host trusts",
        "that the provider trusts the same authority, or that SIP is behind it",
    )
    expires = certificate.expires_at if certificate is not None else None
    if expires is not None and expires - datetime.now(UTC) < RENEW_WITHIN:
        return replace(finding, next_step=f"have the certificate renewed: it ends on {expires:%Y-%m-%d}")
    return finding


def options_finding(outcome: NetworkOutcome, transport: Transport, *, credentials_untried: bool) -> StepFinding:
    """For OPTIONS. Any final answer shows a server, and nothing more (RFC 3261 §11.2)."""
    response = outcome.response
    if response is None:
        return _unanswered(outcome, transport)
    return StepFinding(
        PASS,
        f"a SIP server answers: {response.status}",
        f"a SIP server answers here over {transport}",
        "that it routes calls, takes the credentials, or answers the provider's network",
        _after_options(response.status)
        or ("the credentials were not tried: ask for the step `register`" if credentials_untried else None),
    )


def _after_options(status: int) -> str | None:
    """What to do next after a final answer to OPTIONS, by its status (RFC 3261 §21)."""
    if status in (401, 407):
        return "it wants credentials even for OPTIONS: ask for the step `register` to try them"
    if status == 403:
        return "it may serve only addresses it knows: ask the carrier to allow the provider's"
    if status in (404, 484, 604):
        return "it does not know this user or domain: compare the address with what the carrier gave"
    if 300 <= status < 400:
        return "it points elsewhere: ask the carrier for the address to use"
    # 501 does not know the method, and 603 is what a user says, not a server (RFC 3261 §21.5.2, §21.6.2).
    if status >= 500 and status not in (501, 603):
        return "it says that it cannot serve now: try again later, then ask the carrier"
    return None


def register_finding(registration: Registration, transport: Transport) -> StepFinding:
    """For REGISTER. Only a server that asked for credentials and then agreed has accepted them."""
    outcome, stage = registration.outcome, registration.stage
    response = outcome.response
    if response is None:
        finding = _unanswered(outcome, transport)
        if stage is AuthStage.NOT_REQUIRED:
            return finding
        return replace(finding, summary=f"after the credentials were sent: {finding.summary}")
    status = response.status
    answers = f"a SIP server answers here over {transport}"
    not_sent = "anything about the credentials: they were not sent"
    if status in (405, 501):  # a trunk without a registrar
        return _open(
            f"the server takes no registrations: {status}",
            "have the carrier confirm them, or place one call of your own",
            proves=answers,
            does_not_prove="anything about the credentials: a static trunk checks them on calls only",
        )
    if stage is AuthStage.UNUSABLE:
        return _open(
            "the server asks for credentials in a way that cannot be answered here",
            "ask the carrier for digest authentication with SHA-256 or MD5",
            proves="the server demands credentials",
            does_not_prove=not_sent,
        )
    if stage is AuthStage.SECOND_SERVER:
        return _open(
            "after the first server was answered, a second one on the way asks for credentials of its own",
            "ask the carrier which server they are for",
            proves="more than one server on the way demands credentials",
            does_not_prove="that either takes these credentials",
        )
    if stage is AuthStage.SENT:
        return _credentials_finding(status, transport)
    if status < 300:
        return _open(
            f"the server agrees without asking for credentials: {status}",
            "ask the carrier whether the trunk is known by its address instead",
            proves=f"a registrar answers here over {transport}",
            does_not_prove="anything about the credentials: they were not asked for, and not sent",
        )
    return _open(
        f"refused before credentials were asked for: {status}",
        "the server may register only addresses or users it knows: ask the carrier",
        proves=answers,
        does_not_prove=not_sent,
    )


def _credentials_finding(status: int, transport: Transport) -> StepFinding:
    """For the answer to a REGISTER that carried the credentials."""
    if status < 300:
        on_the_way = "" if transport == "tls" else "; over this transport the digest could be read on the way"
        return StepFinding(
            PASS,
            f"the credentials are accepted: {status}",
            f"the server asks for credentials over {transport} and agrees to these",
            f"that calls are allowed, or that they need the same credentials{on_the_way}",
        )
    if status in (401, 407):
        return _fail(
            f"the credentials are rejected: {status}",
            "the server does not take this user name and password together",
            "which of the two is wrong, or that the account is not locked",
            "put them right before trying again: several refusals lock accounts and ban addresses",
        )
    if status in (403, 404):
        return _fail(
            f"refused after the credentials were sent: {status}",
            "the server does not register this user with these credentials",
            "why: several servers say this for a wrong password, others for a user that may not register",
            "check user name and password, then ask the carrier whether this user registers at all",
        )
    return _open(
        f"neither accepted nor rejected: {status}",
        "try again later, then ask the carrier",
        proves=f"a SIP server answers here over {transport}",
        does_not_prove="anything about the credentials",
    )


def _unanswered(outcome: NetworkOutcome, transport: Transport) -> StepFinding:
    finding = _with_detail(_WITHOUT_ANSWER[outcome.kind], outcome.detail)
    # Some server is there; silence alone could be a firewall's.
    if outcome.kind is FailureKind.SILENT and outcome.provisional is not None:
        return replace(
            finding,
            summary=f"no final answer in time, only {outcome.provisional.status}",
            proves="a SIP server answers here",
            does_not_prove="that it ever finishes a request",
            next_step="ask the carrier: the server passes requests on and gets no answer itself",
        )
    if outcome.kind is FailureKind.CLOSED and transport == "tls":
        # The alert that would say so is easily lost: the server closes while our request is on its way.
        return replace(finding, next_step=f"{_ASK_ALLOWED}, and whether it wants a client certificate")
    return finding


def _with_detail(finding: StepFinding, detail: str) -> StepFinding:
    return replace(finding, summary=f"{finding.summary} ({detail})") if detail else finding
