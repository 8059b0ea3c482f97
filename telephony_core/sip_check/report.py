"""What a check of a trunk found, what that proves and what it does not: the models a caller reads, prints and keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

Transport = Literal["udp", "tcp", "tls"]


class CheckVerdict(StrEnum):
    """How a step ended. Only what was shown to be wrong is a `FAIL`; what stays unknown is `INCONCLUSIVE`."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class CheckStep(StrEnum):
    """What was tried, in this order."""

    RESOLVE = "resolve"
    """From the address to IP addresses and ports (RFC 3263)."""
    CONNECT = "connect"
    """The TCP connection; UDP has none."""
    TLS = "tls"
    """The TLS handshake, with the certificate verified for the host of the address."""
    OPTIONS = "options"
    """A SIP request that asks for nothing. It rings no phone."""
    REGISTER = "register"
    """A registration that ends at once, to see the credentials accepted."""


class Certificate(BaseModel, frozen=True):
    """The certificate a server showed. ``verified`` is false where it was only looked at and not trusted."""

    names: tuple[str, ...]
    """The DNS names and IP addresses it is for; the common name where it has no other."""
    issuer: str | None
    expires_at: datetime | None
    """Aware UTC."""
    verified: bool


class Observation(BaseModel, frozen=True):
    """What came back, cleaned for a terminal and cut in length. Every value comes from the network."""

    addresses: tuple[str, ...] = ()
    """Servers that the name resolves to: ``transport ip:port``."""
    status: int | None = None
    """The SIP status code of the last reply to our request."""
    status_line: str | None = None
    server: str | None = None
    realm: str | None = None
    """Of the first challenge; the realm that was answered, once credentials were sent."""
    algorithms: tuple[str, ...] = ()
    """Digest algorithms offered, in the server's order; ``MD5`` where it named none."""
    tls: str | None = None
    """Version and cipher of the TLS session."""
    certificate: Certificate | None = None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One line per fact."""
        facts = [
            *(f"address: {address}" for address in self.addresses),
            f"status: {self.status_line}" if self.status_line else "",
            f"server: {self.server}" if self.server else "",
            f"realm: {self.realm}" if self.realm else "",
            f"algorithms offered: {', '.join(self.algorithms)}" if self.algorithms else "",
            f"TLS: {self.tls}" if self.tls else "",
            *(_certificate_lines(self.certificate) if self.certificate else ()),
            *self.notes,
        ]
        return [fact for fact in facts if fact]


class StepReport(BaseModel, frozen=True):
    """One step, at one target over one transport. Resolving is for all of them and names neither."""

    step: CheckStep
    verdict: CheckVerdict
    summary: str
    """What happened, in a sentence."""
    transport: Transport | None = None
    target: str | None = None
    """``ip:port``, the address in brackets if it is IPv6."""
    elapsed_ms: float
    observation: Observation = Observation()
    proves: str
    does_not_prove: str
    next_step: str | None = None
    """What to do next; ``None`` where nothing is."""

    def lines(self) -> list[str]:
        """The step as plain text: the verdict first, then what was seen and what to do next."""
        where = " ".join(part for part in (self.transport, self.target) if part)
        head = f"{self.verdict:<12}  {self.step:<8}  {where}".rstrip()
        body = [
            *(("observation", fact) for fact in self.observation.lines()),
            ("proves", self.proves),
            ("does not prove", self.does_not_prove),
            *([("next", self.next_step)] if self.next_step else []),
        ]
        return [f"{head}: {self.summary} ({self.elapsed_ms:.1f} ms)", *(f"  {name:<14}  {text}" for name, text in body)]


class VantagePoint(BaseModel, frozen=True):
    """Where the check ran. The calls will come from elsewhere, so its result may not hold for them."""

    host: str
    note: str


class TrunkReport(BaseModel, frozen=True):
    """Everything one check of a trunk found.

    ``verdict`` is the worst of the transports that were asked for, and within a transport `INCONCLUSIVE` where some of
    its targets pass and others do not. Transports that were not requested are alternatives: the first to answer counts.
    """

    address: str
    """Host, port, scheme and transport as they were read; a user part and other parameters are left out."""
    verdict: CheckVerdict
    summary: str
    vantage_point: VantagePoint
    started_at: datetime
    """Aware UTC."""
    elapsed_ms: float
    steps: tuple[StepReport, ...] = ()

    def of(self, step: CheckStep) -> tuple[StepReport, ...]:
        """The entries of one step, in the order they ran."""
        return tuple(entry for entry in self.steps if entry.step is step)

    def lines(self) -> list[str]:
        """The report as plain text, one line each, ready to print."""
        return [
            f"{self.address}: {self.verdict} - {self.summary}",
            f"Checked from {self.vantage_point.host}. {self.vantage_point.note}",
            *(line for entry in self.steps for line in ["", *entry.lines()]),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def worst(verdicts: Iterable[CheckVerdict]) -> CheckVerdict:
    """`FAIL` over `INCONCLUSIVE` over `PASS`; `INCONCLUSIVE` if there are none."""
    order = (CheckVerdict.FAIL, CheckVerdict.INCONCLUSIVE, CheckVerdict.PASS)
    return min(verdicts, key=order.index, default=CheckVerdict.INCONCLUSIVE)


def combined(verdicts: Sequence[CheckVerdict]) -> CheckVerdict:
    """Of one transport: targets stand in for each other, but not every caller tries the next one (RFC 3263 §4.3)."""
    if CheckVerdict.PASS in verdicts and set(verdicts) != {CheckVerdict.PASS}:
        return CheckVerdict.INCONCLUSIVE
    return worst(verdicts)


def milliseconds(seconds: float) -> float:
    """To a tenth, which is what a clock of this kind can tell."""
    return round(seconds * 1000, 1)


def _certificate_lines(certificate: Certificate) -> list[str]:
    trust = "verified" if certificate.verified else "not trusted"
    return [
        f"certificate ({trust}) for: {', '.join(certificate.names) or 'no name'}",
        *([f"certificate expires: {certificate.expires_at:%Y-%m-%d %H:%M:%S} UTC"] if certificate.expires_at else []),
        *([f"certificate issued by: {certificate.issuer}"] if certificate.issuer else []),
    ]
