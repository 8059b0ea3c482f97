"""From what happened to what it means: the verdict of each step, what it proves and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.network.server_location import Resolution
from telephony_core.sip_check.protocol.registration import Asked, Registration
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
class Judgement:
    """The verdict on one step, in words."""

    verdict: CheckVerdict
    summary: str
    proves: str
    does_not_prove: str
    next_step: str | None = None


# How an attempt can end without a SIP answer. What shows that something is wrong is a FAIL; silence, or hanging up,
# shows nothing.
_WITHOUT_ANSWER: dict[FailureKind, Judgement] = {
    FailureKind.SILENT: Judgement(INCONCLUSIVE, "no answer in time", _NOTHING, _MAYBE_FILTERED, _ASK_ALLOWED),
    FailureKind.REFUSED: Judgement(
        FAIL, "the port is closed", "nothing listens on this port", _ONLY_FROM_HERE, _COMPARE
    ),
    FailureKind.UNREACHABLE: Judgement(
        FAIL,
        "the network says that the host cannot be reached",
        "no way leads there from here",
        _ONLY_FROM_HERE,
        _COMPARE,
    ),
    FailureKind.NO_ROUTE: Judgement(
        INCONCLUSIVE,
        "this host has no route to the address; nothing was sent",
        _NOTHING,
        "anything about the trunk",
        "check from a host that has such addresses itself (IPv6?)",
    ),
    FailureKind.LOCAL: Judgement(
        INCONCLUSIVE,
        "this host did not let it out",
        _NOTHING,
        "anything about the trunk",
        "look at this host's firewall and limits",
    ),
    FailureKind.CLOSED: Judgement(
        INCONCLUSIVE,
        "the server hung up without an answer",
        "something accepts connections on this port",
        "that it is a SIP server, or that it hangs up on everybody",
        _ASK_ALLOWED,
    ),
    FailureKind.NOT_SIP: Judgement(
        FAIL, "what answers is not SIP", "another protocol than SIP is on this port", _ONLY_FROM_HERE, _COMPARE
    ),
    FailureKind.TLS_INSTEAD: Judgement(
        FAIL,
        "this port speaks TLS",
        "a TLS server is on this port",
        "that SIP is behind it",
        "check it with transport tls",
    ),
    FailureKind.TOO_LARGE: Judgement(
        FAIL,
        "the head of its answer does not end within the limit",
        "no usable SIP is spoken on this port",
        _ONLY_FROM_HERE,
        _COMPARE,
    ),
    FailureKind.FLOODED: Judgement(
        INCONCLUSIVE,
        "too many messages that are no answer to our request",
        "something sends SIP from this address",
        "that it answers requests",
        "ask the carrier what sends them",
    ),
    FailureKind.NOT_TLS: Judgement(
        FAIL,
        "this port does not speak TLS",
        "no TLS server is on this port",
        _ONLY_FROM_HERE,
        "compare the port with what the carrier gave: 5061 is usual for TLS",
    ),
    FailureKind.BAD_CERTIFICATE: Judgement(
        FAIL,
        "the certificate does not hold",
        "a caller that verifies certificates does not get through",
        "that the server is an impostor: a private authority or a wrong name looks the same",
        "use the name the certificate is for, or have the server's certificate renewed; "
        "for a private authority, check with its certificate",
    ),
    FailureKind.CLIENT_CERTIFICATE: Judgement(
        INCONCLUSIVE,
        "the server asks for a client certificate",
        "a TLS server is on this port",
        "that SIP is behind it",
        "check with the client certificate that the carrier gave",
    ),
    FailureKind.TLS_FAILED: Judgement(
        FAIL,
        "no common TLS version or cipher",
        "a client of today's defaults does not get through",
        "that the provider's client fails as well",
        "ask the carrier for TLS 1.2 or newer, and whether it asks for a client certificate",
    ),
}

_TRY_IN_CLEAR = (
    "this port may speak SIP over TCP in the clear: to find out, check it with transport tcp, without credentials"
)

NOT_TRIED_IN_TIME = Judgement(
    INCONCLUSIVE,
    "not tried: the time for the whole check was used up",
    _NOTHING,
    "anything about the trunk",
    "check it by itself, or with a longer `total`",
)


def not_repeated(where: str) -> Judgement:
    """Credentials that were refused once are kept back: some servers lock the account, or ban the address."""
    return Judgement(
        INCONCLUSIVE,
        f"not tried: the credentials were refused at {where}, and a repetition may lock the account",
        _NOTHING,
        "that they are refused here as well",
        "put the credentials right first",
    )


def judge_missing(reason: str, *, is_certain: bool) -> Judgement:
    """Of a name that leads nowhere."""
    if is_certain:
        return Judgement(FAIL, reason, "the name leads nowhere from here", _ONLY_FROM_HERE, "check the name")
    return Judgement(INCONCLUSIVE, reason, _NOTHING, "that the name does not exist", "check this host's name service")


def judge_unreadable(reason: str, remedy: str | None) -> Judgement:
    """Of an address that is none."""
    return Judgement(FAIL, reason, "the address cannot be used", "anything about the trunk", remedy)


def judge_resolution(resolution: Resolution, *, is_ip: bool) -> Judgement:
    """Of an address that leads somewhere."""
    unproven = "that anything is there"
    if is_ip:
        return Judgement(PASS, "an IP address; nothing to look up", "the address can be used", unproven)
    count = len({(target.ip, target.port) for route in resolution.routes for target in route.targets})
    if not resolution.srv_checked:
        unproven += ", or that SRV records do not lead elsewhere"
    places = "1 place" if count == 1 else f"{count} places"
    return Judgement(PASS, f"the name leads to {places}", "this host can resolve the name", unproven)


def judge_connection(trouble: ProbeError | None, transport: Transport) -> Judgement:
    """Of making a TCP connection, or a UDP socket."""
    if trouble is not None:
        return _with_detail(_WITHOUT_ANSWER[trouble.happened], trouble.detail)
    if transport == "udp":
        return Judgement(INCONCLUSIVE, "UDP has no connection", _NOTHING, "anything", "ask for the step `options`")
    return Judgement(PASS, "connected", "something listens on this port", "that it is a SIP server")


def judge_tls(trouble: ProbeError | None, certificate: Certificate | None, *, is_verified: bool) -> Judgement:
    """Of a TLS handshake."""
    if trouble is not None:
        judgement = _with_detail(_WITHOUT_ANSWER[trouble.happened], trouble.detail)
        if trouble.happened in (FailureKind.SILENT, FailureKind.CLOSED):
            return _but(judgement, next_step=_TRY_IN_CLEAR)
        return judgement
    if not is_verified:
        return Judgement(
            INCONCLUSIVE,
            "the handshake succeeded; the certificate was not verified, as asked",
            "a TLS server is on this port",
            "who it is: anybody on the way could be it",
            "check with verification on",
        )
    judgement = Judgement(
        PASS,
        "the certificate holds for the name",
        "the server has a certificate for this name from an authority that this host trusts",
        "that the provider trusts the same authority, or that SIP is behind it",
    )
    expires = certificate.expires_at if certificate is not None else None
    if expires is not None and expires - datetime.now(UTC) < RENEW_WITHIN:
        return _but(judgement, next_step=f"have the certificate renewed: it ends on {expires:%Y-%m-%d}")
    return judgement


def judge_options(outcome: NetworkOutcome, transport: Transport, *, credentials_untried: bool) -> Judgement:
    """Of OPTIONS. Any final answer shows a server, and nothing more."""
    response = outcome.response
    if response is None:
        return _unanswered(outcome, transport)
    return Judgement(
        PASS,
        f"a SIP server answers: {response.status}",
        f"a SIP server answers here over {transport}",
        "that it routes calls, takes the credentials, or answers the provider's network",
        _after_options(response.status)
        or ("the credentials were not tried: ask for the step `register`" if credentials_untried else None),
    )


def _after_options(status: int) -> str | None:
    if status in (401, 407):
        return "it wants credentials even for OPTIONS: ask for the step `register` to try them"
    if status == 403:
        return "it may serve only addresses it knows: ask the carrier to allow the provider's"
    if status in (404, 484, 604):
        return "it does not know this user or domain: compare the address with what the carrier gave"
    if 300 <= status < 400:
        return "it points elsewhere: ask the carrier for the address to use"
    if status >= 500 and status not in (501, 603):
        return "it says that it cannot serve now: try again later, then ask the carrier"
    return None


def judge_register(registration: Registration, transport: Transport) -> Judgement:
    """Of REGISTER. Only a server that asked for credentials and then agreed has accepted them."""
    outcome, asked = registration.outcome, registration.asked
    response = outcome.response
    if response is None:
        judgement = _unanswered(outcome, transport)
        if asked is Asked.NOTHING:
            return judgement
        return _but(judgement, summary=f"after the credentials were sent: {judgement.summary}")
    status = response.status
    if status in (405, 501):
        return Judgement(
            INCONCLUSIVE,
            f"the server takes no registrations: {status}",
            f"a SIP server answers here over {transport}",
            "anything about the credentials: a static trunk checks them on calls only",
            "have the carrier confirm them, or place one call of your own",
        )
    if asked is Asked.UNUSABLE:
        return Judgement(
            INCONCLUSIVE,
            "the server asks for credentials in a way that cannot be answered here",
            "the server demands credentials",
            "anything about the credentials: they were not sent",
            "ask the carrier for digest authentication with SHA-256 or MD5",
        )
    if asked is Asked.ELSEWHERE:
        return Judgement(
            INCONCLUSIVE,
            "after the first realm was answered, a second one asks for credentials of its own",
            "more than one server on the way demands credentials",
            "that either takes these credentials",
            "ask the carrier which realm they are for",
        )
    if asked is Asked.SENT:
        return _judge_sent(status, transport)
    if status < 300:
        return Judgement(
            INCONCLUSIVE,
            f"the server agrees without asking for credentials: {status}",
            f"a registrar answers here over {transport}",
            "anything about the credentials: they were not asked for, and not sent",
            "ask the carrier whether the trunk is known by its address instead",
        )
    return Judgement(
        INCONCLUSIVE,
        f"refused before credentials were asked for: {status}",
        f"a SIP server answers here over {transport}",
        "anything about the credentials: they were not sent",
        "the server may register only addresses or users it knows: ask the carrier",
    )


def _judge_sent(status: int, transport: Transport) -> Judgement:
    """The server asked for credentials, got them, and answered this."""
    if status < 300:
        return Judgement(
            PASS,
            f"the credentials are accepted: {status}",
            f"the server asks for credentials over {transport} and agrees to these",
            "that calls are allowed, or that they need the same credentials"
            + ("" if transport == "tls" else "; over this transport the digest could be read on the way"),
        )
    if status in (401, 407):
        return Judgement(
            FAIL,
            f"the credentials are rejected: {status}",
            "the server does not take this user name and password together",
            "which of the two is wrong, or that the account is not locked",
            "put them right before trying again: several refusals lock accounts and ban addresses",
        )
    if status in (403, 404):
        return Judgement(
            FAIL,
            f"refused after the credentials were sent: {status}",
            "the server does not register this user with these credentials",
            "why: several servers say this for a wrong password, others for a user that may not register",
            "check user name and password, then ask the carrier whether this user registers at all",
        )
    return Judgement(
        INCONCLUSIVE,
        f"neither accepted nor rejected: {status}",
        f"a SIP server answers here over {transport}",
        "anything about the credentials",
        "try again later, then ask the carrier",
    )


def _unanswered(outcome: NetworkOutcome, transport: Transport) -> Judgement:
    judgement = _with_detail(_WITHOUT_ANSWER[outcome.happened], outcome.detail)
    if outcome.happened is FailureKind.SILENT and outcome.provisional is not None:
        return _but(
            judgement,
            summary=f"no final answer in time, only {outcome.provisional.status}",
            proves="a SIP server answers here",
            does_not_prove="that it ever finishes a request",
            next_step="ask the carrier: the server passes requests on and gets no answer itself",
        )
    if outcome.happened is FailureKind.CLOSED and transport == "tls":
        # The alert that would say so is easily lost: the server closes while our request is on its way.
        return _but(judgement, next_step=f"{_ASK_ALLOWED}, and whether it wants a client certificate")
    return judgement


def _with_detail(judgement: Judgement, detail: str) -> Judgement:
    return _but(judgement, summary=f"{judgement.summary} ({detail})") if detail else judgement


def _but(
    judgement: Judgement,
    *,
    summary: str | None = None,
    proves: str | None = None,
    does_not_prove: str | None = None,
    next_step: str | None = None,
) -> Judgement:
    return Judgement(
        judgement.verdict,
        summary or judgement.summary,
        proves or judgement.proves,
        does_not_prove or judgement.does_not_prove,
        next_step or judgement.next_step,
    )
