"""One run of a check: every step at every server an address leads to, each written down as it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check import verdicts
from telephony_core.sip_check.limits import Deadline, Limits, Timing
from telephony_core.sip_check.network.certificate import look_at_certificate, read_certificate, tls_context
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
from telephony_core.sip_check.observation import seen_of
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.protocol.message import Dialog, address_of_record, build_request, clean
from telephony_core.sip_check.protocol.registration import Asked, challenges_of, register
from telephony_core.sip_check.protocol.transaction import transact
from telephony_core.sip_check.report import (
    Certificate,
    CheckStep,
    CheckVerdict,
    Observation,
    StepReport,
    Transport,
    milliseconds,
    of_targets,
    worst,
)
from telephony_core.sip_check.verdicts import Judgement


class Probe:
    """One run: what was asked for, what is left of the time, and the entries so far."""

    def __init__(
        self,
        wanted: frozenset[CheckStep],
        credentials: TrunkCredentials | None,
        tls: ssl.SSLContext | None,
        timing: Timing,
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self.entries: list[StepReport] = []
        self._wanted = wanted
        self._credentials = credentials
        self._tls = tls
        self._timing = timing
        self._limits = limits
        self._deadline = deadline
        self._refused_at: str | None = None
        self._answered = False
        """Whether any SIP server answered on the transport being tried."""

    async def run(self, address: SipAddress, asked: tuple[Transport, ...] | None, names: NameService) -> CheckVerdict:
        resolution = await self._resolve(address, asked, names)
        if self._wanted <= {CheckStep.RESOLVE} or not any(route.targets for route in resolution.routes):
            return worst(entry.verdict for entry in self.entries)
        verdicts: list[CheckVerdict] = []
        for route in resolution.routes:
            self._answered = False
            verdict = await self._route(address, route)
            if resolution.are_alternatives and self._answered:
                return verdict
            verdicts.append(verdict)
            if resolution.are_alternatives and route.transport == "tls":
                break  # whoever can break TLS must not get the next request in clear text
        if resolution.are_alternatives and CheckVerdict.INCONCLUSIVE in verdicts:
            return CheckVerdict.INCONCLUSIVE
        return worst(verdicts)

    def note(
        self,
        step: CheckStep,
        judgement: Judgement,
        begun: float,
        target: SipServer | None = None,
        *,
        transport: Transport | None = None,
        seen: Observation | None = None,
    ) -> StepReport:
        entry = StepReport(
            step=step,
            verdict=judgement.verdict,
            summary=judgement.summary,
            transport=target.transport if target else transport,
            target=str(target) if target else None,
            elapsed_ms=milliseconds(self._deadline.clock() - begun),
            seen=seen or Observation(),
            proves=judgement.proves,
            does_not_prove=judgement.does_not_prove,
            next_step=judgement.next_step,
        )
        self.entries.append(entry)
        return entry

    async def _resolve(
        self, address: SipAddress, asked: tuple[Transport, ...] | None, names: NameService
    ) -> Resolution:
        begun = self._deadline.clock()
        try:
            async with asyncio.timeout(self._deadline.cap(self._timing.resolve)):
                found = await resolve(address, asked, names=names, limits=self._limits)
        except TimeoutError:
            judgement = verdicts.judge_missing("no answer from the name service in time", is_certain=False)
            self.note(CheckStep.RESOLVE, judgement, begun)
            return Resolution((), asked is None)
        routes, unrouted = _with_route(found.routes)
        places = [f"{target.transport} {target}" for route in routes for target in route.targets]
        seen = Observation(addresses=tuple(places), notes=tuple(clean(note) for note in (*found.notes, *unrouted)))
        if places:
            self.note(CheckStep.RESOLVE, verdicts.judge_resolution(found, is_ip=address.is_ip), begun, seen=seen)
        missing = [route for route in routes if not route.targets]
        is_shared = len(missing) == len(routes) and len({route.missing for route in missing}) == 1
        for route in missing[:1] if is_shared else missing:
            judgement = verdicts.judge_missing(route.missing, is_certain=route.is_certain)
            transport = route.transport if len(routes) == 1 or not is_shared else None
            self.note(CheckStep.RESOLVE, judgement, begun, transport=transport, seen=None if places else seen)
        return Resolution(routes, found.are_alternatives, found.srv_checked, found.notes)

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
        return of_targets(verdicts)

    async def _target(self, address: SipAddress, target: SipServer) -> None:
        requests = [step for step in (CheckStep.OPTIONS, CheckStep.REGISTER) if step in self._wanted]
        if not requests:
            await self._try(address, target, None, is_first=True)
        # Each request has a connection of its own, so that one the server closes after an answer ends nothing else.
        for index, step in enumerate(requests):
            if not await self._try(address, target, step, is_first=index == 0):
                return

    async def _try(self, address: SipAddress, target: SipServer, step: CheckStep | None, *, is_first: bool) -> bool:
        """One step at one target. Whether the next one makes sense."""
        begun = self._deadline.clock()
        if self._deadline.passed:
            self.note(step or CheckStep.CONNECT, verdicts.NOT_TRIED_IN_TIME, begun, target)
            return False
        if step is CheckStep.REGISTER and self._refused_at is not None:
            self.note(step, verdicts.not_repeated(self._refused_at), begun, target)
            return False
        try:
            async with self._connection(address, target, is_first=is_first) as connection:
                if step is CheckStep.OPTIONS:
                    return await self._options(address, target, connection)
                if step is CheckStep.REGISTER and self._credentials is not None:
                    return await self._register(address, target, connection, self._credentials)
                if target.transport == "udp":
                    self.note(CheckStep.CONNECT, verdicts.judge_connection(None, "udp"), begun, target)
        except _Unconnected:
            return False
        return True

    @asynccontextmanager
    async def _connection(
        self, address: SipAddress, target: SipServer, *, is_first: bool
    ) -> AsyncGenerator[SipConnection]:
        """Connect, and note how; a repetition is noted only if it fails. Raises `_Unconnected`."""
        begun = self._deadline.clock()
        step = CheckStep.CONNECT
        try:
            if target.transport == "udp":
                async with open_udp(target) as datagrams:
                    yield datagrams
                return
            async with connect_tcp(target, self._deadline.cap(self._timing.connect)) as sock:
                if is_first:
                    self.note(CheckStep.CONNECT, verdicts.judge_connection(None, target.transport), begun, target)
                if target.transport == "tcp":
                    yield plain_stream(sock, self._limits)
                    return
                step, begun = CheckStep.TLS, self._deadline.clock()
                stream = TlsStream(sock, self._context(), address.host)
                await stream.handshake(self._deadline.cap(self._timing.handshake))
                self._note_tls(stream, target, begun, is_first=is_first)
                yield stream.messages(self._limits)
        except ProbeError as trouble:
            if step is CheckStep.TLS:
                await self._note_tls_trouble(trouble, address, target, begun)
            else:
                self.note(step, verdicts.judge_connection(trouble, target.transport), begun, target)
            raise _Unconnected from None

    def _note_tls(self, stream: TlsStream, target: SipServer, begun: float, *, is_first: bool) -> None:
        if not is_first:
            return
        context = stream.session.context
        is_verified = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
        certificate = read_certificate(stream.session, verified=is_verified)
        cipher = stream.session.cipher()
        session = f"{stream.session.version()} {cipher[0] if cipher else ''}".rstrip()
        seen = Observation(tls=session, certificate=certificate)
        self.note(
            CheckStep.TLS, verdicts.judge_tls(None, certificate, is_verified=is_verified), begun, target, seen=seen
        )

    async def _note_tls_trouble(
        self, trouble: ProbeError, address: SipAddress, target: SipServer, begun: float
    ) -> None:
        certificate: Certificate | None = None
        if trouble.happened is FailureKind.BAD_CERTIFICATE:
            wait = self._deadline.cap(self._timing.handshake)
            _, certificate = await look_at_certificate(target, address.host, wait)
        judgement = verdicts.judge_tls(trouble, certificate, is_verified=False)
        self.note(CheckStep.TLS, judgement, begun, target, seen=Observation(certificate=certificate))

    async def _options(self, address: SipAddress, target: SipServer, connection: SipConnection) -> bool:
        begun = self._deadline.clock()
        request = build_request(
            "OPTIONS", address, caller=Dialog(), transport=target.transport, local=connection.local, cseq=1
        )
        outcome = await transact(connection, request, timing=self._timing, limits=self._limits, deadline=self._deadline)
        if outcome.happened is FailureKind.CLOSED and target.transport == "tcp":
            spoke_tls, _ = await look_at_certificate(target, address.host, self._deadline.cap(self._timing.handshake))
            if spoke_tls:
                outcome = NetworkOutcome(FailureKind.TLS_INSTEAD)
        untried = self._credentials is not None and CheckStep.REGISTER not in self._wanted
        judgement = verdicts.judge_options(outcome, target.transport, credentials_untried=untried)
        challenges = challenges_of(outcome.response) if outcome.response else ()
        self._answered = self._answered or outcome.happened is FailureKind.ANSWERED
        self.note(
            CheckStep.OPTIONS,
            judgement,
            begun,
            target,
            seen=seen_of(outcome, challenges, credentials=self._credentials),
        )
        return judgement.verdict is not CheckVerdict.FAIL

    async def _register(
        self, address: SipAddress, target: SipServer, connection: SipConnection, credentials: TrunkCredentials
    ) -> bool:
        begun = self._deadline.clock()
        registration = await register(
            connection,
            address,
            credentials,
            transport=target.transport,
            timing=self._timing,
            limits=self._limits,
            deadline=self._deadline,
        )
        outcome = registration.outcome
        judgement = verdicts.judge_register(registration, target.transport)
        self._answered = self._answered or outcome.happened is FailureKind.ANSWERED
        if judgement.verdict is CheckVerdict.FAIL and registration.asked is Asked.SENT:
            self._refused_at = f"{target.transport} {target}"
        seen = seen_of(
            outcome,
            registration.challenges,
            answered=registration.answered,
            credentials=credentials,
            record=address_of_record(address, credentials.username),
        )
        self.note(CheckStep.REGISTER, judgement, begun, target, seen=seen)
        return True

    def _context(self) -> ssl.SSLContext:
        # Made when it is first needed: reading the trust store takes longer than most checks.
        if self._tls is None:
            self._tls = tls_context()
        return self._tls


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
