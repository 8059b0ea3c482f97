"""One run of a check: every step at every server that an address resolves to, each reported as it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check.findings import (
    NOT_TRIED_IN_TIME,
    StepFinding,
    connection_finding,
    missing_finding,
    not_repeated_finding,
    options_finding,
    register_finding,
    resolution_finding,
    tls_finding,
)
from telephony_core.sip_check.limits import Bounds
from telephony_core.sip_check.network.certificate import fetch_certificate, read_certificate, tls_context
from telephony_core.sip_check.network.connection import (
    SipConnection,
    TlsStream,
    connect_tcp,
    has_route,
    open_udp,
    plain_stream,
)
from telephony_core.sip_check.network.failures import FailureKind, NetworkOutcome, ProbeError
from telephony_core.sip_check.network.server_location import NameService, Resolution, Route, SipServer, resolve
from telephony_core.sip_check.observation import observe
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.protocol.message import Dialog, address_of_record, build_request, clean
from telephony_core.sip_check.protocol.registration import AuthStage, challenges_of, register
from telephony_core.sip_check.protocol.transaction import transact
from telephony_core.sip_check.report import (
    Certificate,
    CheckStep,
    CheckVerdict,
    Observation,
    StepReport,
    Transport,
    combined,
    milliseconds,
    worst,
)


class Probe:
    """The state of one run: what was asked for, the time that is left, and the entries so far."""

    def __init__(
        self,
        steps: frozenset[CheckStep],
        credentials: TrunkCredentials | None,
        tls: ssl.SSLContext | None,
        bounds: Bounds,
    ) -> None:
        self.entries: list[StepReport] = []
        self._steps = steps
        self._credentials = credentials
        self._tls = tls
        self._bounds = bounds
        self._refused_at: str | None = None
        """The server that refused the credentials."""
        self._answered = False
        """Whether any SIP server answered on the transport being tried."""

    async def run(
        self, address: SipAddress, transports: tuple[Transport, ...] | None, names: NameService
    ) -> CheckVerdict:
        resolution = await self._resolve(address, transports, names)
        if self._steps <= {CheckStep.RESOLVE} or not any(route.targets for route in resolution.routes):
            return worst(entry.verdict for entry in self.entries)
        verdicts: list[CheckVerdict] = []
        for route in resolution.routes:
            self._answered = False
            verdict = await self._route(address, route)
            # Nobody asked for a transport, so the first on which a server speaks is the trunk's; the others need not
            # exist.
            if resolution.are_alternatives and self._answered:
                return verdict
            verdicts.append(verdict)
            # Whoever can break TLS must not get the next request in clear text.
            if resolution.are_alternatives and route.transport == "tls":
                break
        # None of them was asked for, so a closed port on one says nothing while another one is merely silent.
        if resolution.are_alternatives and CheckVerdict.INCONCLUSIVE in verdicts:
            return CheckVerdict.INCONCLUSIVE
        return worst(verdicts)

    def add(
        self,
        step: CheckStep,
        finding: StepFinding,
        started: float,
        target: SipServer | None = None,
        *,
        transport: Transport | None = None,
        observation: Observation | None = None,
    ) -> StepReport:
        """Add the entry of a step that ends now; ``started`` is when it began on the clock of the bounds."""
        entry = StepReport(
            **asdict(finding),
            step=step,
            transport=target.transport if target else transport,
            target=str(target) if target else None,
            elapsed_ms=milliseconds(self._bounds.clock() - started),
            observation=observation or Observation(),
        )
        self.entries.append(entry)
        return entry

    async def _resolve(
        self, address: SipAddress, transports: tuple[Transport, ...] | None, names: NameService
    ) -> Resolution:
        started = self._bounds.clock()
        try:
            async with asyncio.timeout(self._bounds.cap(self._bounds.timing.resolve)):
                found = await resolve(address, transports, names=names, limits=self._bounds.limits)
        except TimeoutError:
            finding = missing_finding("no answer from the name service in time", is_certain=False)
            self.add(CheckStep.RESOLVE, finding, started)
            return Resolution((), transports is None)
        routes, unrouted = _with_route(found.routes)
        servers = tuple(f"{target.transport} {target}" for route in routes for target in route.targets)
        observed = Observation(addresses=servers, notes=tuple(clean(note) for note in (*found.notes, *unrouted)))
        if servers:
            finding = resolution_finding(found, is_ip=address.is_ip)
            self.add(CheckStep.RESOLVE, finding, started, observation=observed)
        missing = [route for route in routes if not route.targets]
        # One entry where every transport lacks its servers for the same reason: the name is what is wrong.
        is_shared = len(missing) == len(routes) and len({route.missing for route in missing}) == 1
        for route in missing[:1] if is_shared else missing:
            finding = missing_finding(route.missing, is_certain=route.is_certain)
            transport = route.transport if len(routes) == 1 or not is_shared else None
            rest = None if servers else observed
            self.add(CheckStep.RESOLVE, finding, started, transport=transport, observation=rest)
        return replace(found, routes=routes)

    async def _route(self, address: SipAddress, route: Route) -> CheckVerdict:
        if not route.targets:
            return CheckVerdict.FAIL if route.is_certain else CheckVerdict.INCONCLUSIVE
        verdicts: list[CheckVerdict] = []
        for target in route.targets:
            first = len(self.entries)
            await self._target(address, target)
            verdicts.append(worst(entry.verdict for entry in self.entries[first:]))
        if self._refused_at is not None and CheckVerdict.FAIL in verdicts:
            return CheckVerdict.FAIL
        return combined(verdicts)

    async def _target(self, address: SipAddress, target: SipServer) -> None:
        requests = [step for step in (CheckStep.OPTIONS, CheckStep.REGISTER) if step in self._steps]
        # Each request has a connection of its own, so that one the server closes after an answer ends nothing else.
        for index, step in enumerate(requests or [None]):
            if not await self._try(address, target, step, is_first=index == 0):
                return

    async def _try(self, address: SipAddress, target: SipServer, step: CheckStep | None, *, is_first: bool) -> bool:
        """One step at one target. Returns whether the next one makes sense."""
        started = self._bounds.clock()
        if self._bounds.passed:
            self.add(step or CheckStep.CONNECT, NOT_TRIED_IN_TIME, started, target)
            return False
        # Also on other transports and servers, which mostly ask one list of accounts.
        if step is CheckStep.REGISTER and self._refused_at is not None:
            self.add(step, not_repeated_finding(self._refused_at), started, target)
            return False
        try:
            async with self._connection(address, target, is_first=is_first) as connection:
                if step is CheckStep.OPTIONS:
                    return await self._options(address, target, connection)
                if step is CheckStep.REGISTER and self._credentials is not None:
                    await self._register(address, target, connection, self._credentials)
                elif target.transport == "udp":
                    self.add(CheckStep.CONNECT, connection_finding(None, "udp"), started, target)
        except _Unconnected:
            return False
        return True

    @asynccontextmanager
    async def _connection(
        self, address: SipAddress, target: SipServer, *, is_first: bool
    ) -> AsyncGenerator[SipConnection]:
        """Connect, and report how; a repetition is reported only if it fails. Raises `_Unconnected`."""
        bounds = self._bounds
        started, step = bounds.clock(), CheckStep.CONNECT
        try:
            if target.transport == "udp":
                async with open_udp(target) as datagrams:
                    yield datagrams
                return
            async with connect_tcp(target, bounds.cap(bounds.timing.connect)) as sock:
                if is_first:
                    self.add(CheckStep.CONNECT, connection_finding(None, target.transport), started, target)
                if target.transport == "tcp":
                    yield plain_stream(sock, bounds.limits)
                    return
                started, step = bounds.clock(), CheckStep.TLS
                # Made when it is first needed: reading the trust store takes longer than most checks.
                self._tls = self._tls or tls_context()
                stream = TlsStream(sock, self._tls, address.host)
                await stream.handshake(bounds.cap(bounds.timing.handshake))
                if is_first:
                    self._add_tls(stream, target, started)
                yield stream.messages(bounds.limits)
        except ProbeError as failure:
            if step is CheckStep.TLS:
                certificate: Certificate | None = None
                if failure.kind is FailureKind.BAD_CERTIFICATE:
                    _, certificate = await self._certificate(address, target)
                finding = tls_finding(failure, certificate, is_verified=False)
                self.add(CheckStep.TLS, finding, started, target, observation=Observation(certificate=certificate))
            else:
                self.add(step, connection_finding(failure, target.transport), started, target)
            raise _Unconnected from None

    def _add_tls(self, stream: TlsStream, target: SipServer, started: float) -> None:
        session = stream.session
        is_verified = session.context.verify_mode is ssl.CERT_REQUIRED and session.context.check_hostname
        certificate = read_certificate(session, verified=is_verified)
        cipher = session.cipher()
        version = f"{session.version()} {cipher[0] if cipher else ''}".rstrip()
        finding = tls_finding(None, certificate, is_verified=is_verified)
        observation = Observation(tls=version, certificate=certificate)
        self.add(CheckStep.TLS, finding, started, target, observation=observation)

    async def _certificate(self, address: SipAddress, target: SipServer) -> tuple[bool, Certificate | None]:
        return await fetch_certificate(target, address.host, self._bounds.cap(self._bounds.timing.handshake))

    async def _options(self, address: SipAddress, target: SipServer, connection: SipConnection) -> bool:
        started = self._bounds.clock()
        request = build_request(
            "OPTIONS", address, dialog=Dialog(), transport=target.transport, local=connection.local, cseq=1
        )
        outcome = await transact(connection, request, self._bounds)
        # A TLS server may close on a request in the clear without an alert: only a handshake shows that it is one.
        if outcome.kind is FailureKind.CLOSED and target.transport == "tcp":
            is_tls, _ = await self._certificate(address, target)
            if is_tls:
                outcome = NetworkOutcome(FailureKind.TLS_INSTEAD)
        self._answered = self._answered or outcome.kind is FailureKind.ANSWERED
        untried = self._credentials is not None and CheckStep.REGISTER not in self._steps
        finding = options_finding(outcome, target.transport, credentials_untried=untried)
        challenges = challenges_of(outcome.response) if outcome.response else ()
        observation = observe(outcome, challenges, credentials=self._credentials)
        self.add(CheckStep.OPTIONS, finding, started, target, observation=observation)
        # Where OPTIONS showed that no SIP is spoken, the credentials are not sent.
        return finding.verdict is not CheckVerdict.FAIL

    async def _register(
        self, address: SipAddress, target: SipServer, connection: SipConnection, credentials: TrunkCredentials
    ) -> None:
        started = self._bounds.clock()
        registration = await register(connection, address, credentials, transport=target.transport, bounds=self._bounds)
        finding = register_finding(registration, target.transport)
        self._answered = self._answered or registration.outcome.kind is FailureKind.ANSWERED
        if finding.verdict is CheckVerdict.FAIL and registration.stage is AuthStage.SENT:
            self._refused_at = f"{target.transport} {target}"
        observation = observe(
            registration.outcome,
            registration.challenges,
            answered=registration.answered,
            credentials=credentials,
            record=address_of_record(address, credentials.username),
        )
        self.add(CheckStep.REGISTER, finding, started, target, observation=observation)


class _Unconnected(Exception):
    """There is no connection, and the entries say why."""


def _with_route(routes: Sequence[Route]) -> tuple[tuple[Route, ...], list[str]]:
    """Leave out targets this host has no way to, as long as others are left (an IPv6 address on an IPv4 host)."""
    kept: list[Route] = []
    notes: list[str] = []
    for route in routes:
        reachable = tuple(target for target in route.targets if has_route(target))
        if reachable and reachable != route.targets:
            dropped = [target for target in route.targets if target not in reachable]
            notes += [f"{target.transport} {target} not tried: this host has no route to it" for target in dropped]
            route = Route(route.transport, reachable)
        kept.append(route)
    return tuple(kept), notes
