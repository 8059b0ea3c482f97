"""From an address to the servers to try, by the rules of RFC 3263 §4; the look-ups are a `NameService`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import InvalidInput
from telephony_core.sip_check.limits import Limits
from telephony_core.sip_check.report import Transport

# RFC 3261 §19.1.1.
DEFAULT_PORT: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
DEFAULT_TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")
# RFC 3263 §4.1. Services over SCTP and WebSocket are not spoken here, and left out.
_PREFIX: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_SERVICE: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}


class NoSuchName(Exception):
    """The name does not exist, or has no address."""


class NoAddress(NoSuchName):
    """The name exists and has no address, as one may that has service records alone."""


class NamesUnavailable(Exception):
    """The name service did not answer, or failed. ``args[0]`` is our wording."""


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record (RFC 3403), as far as RFC 3263 uses it."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class NameService(Protocol):
    """Where names are looked up. Every method raises `NamesUnavailable` if it got no usable answer."""

    has_srv: bool
    """Whether `naptr` and `srv` can be looked up at all."""

    async def naptr(self, name: str) -> Sequence[Naptr]:
        """Empty if there are none."""

    async def srv(self, name: str) -> Sequence[Srv]:
        """Empty if there are none."""

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses, in the order to try. Raises `NoSuchName`, or `NoAddress` where that is known."""


@dataclass(frozen=True, slots=True)
class SipServer:
    """One server to try."""

    transport: Transport
    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """The servers of one transport, in order. Without any, ``missing`` is why and ``is_certain`` if it is a fact."""

    transport: Transport
    targets: tuple[SipServer, ...] = ()
    missing: str = ""
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an address leads to.

    ``are_alternatives``: no transport was requested, so the first that answers is enough. ``srv_checked``
    is false only if SRV records may exist and could not be looked up.
    """

    routes: tuple[Route, ...]
    are_alternatives: bool
    srv_checked: bool = True
    notes: tuple[str, ...] = ()


def requested_transports(address: SipAddress, transports: Sequence[Transport] | None) -> tuple[Transport, ...] | None:
    """What caller or address demand; ``None`` if neither says. Raises `InvalidInput` if they contradict in security."""
    if transports is None:
        if address.security == "tls":
            return ("tls",)
        return (address.transport,) if address.transport is not None else None
    requested = tuple(dict.fromkeys(transports))
    if not requested or not set(requested) <= set(DEFAULT_PORT):
        raise InvalidInput("the transports to check are not among udp, tcp and tls", remedy="name one of them, or more")
    if address.security == "tls" and requested != ("tls",):
        raise InvalidInput(
            "the address demands TLS and another transport was asked for",
            remedy="check it with transport tls, or give the address without `sips:` and `transport=tls`",
        )
    return requested


async def resolve(
    address: SipAddress, requested: tuple[Transport, ...] | None, *, names: NameService, limits: Limits
) -> Resolution:
    """Find the servers. Raises nothing: a route without targets says why."""
    # RFC 3263 §4: where there is a `maddr`, that is the target.
    host = next((value for name, value in address.params if name == "maddr" and value), address.host).strip("[]")
    finder = _Finder(names, limits)
    is_final = address.port is not None or _is_ip(host)  # RFC 3263 §4.2: a port or an IP literal rules SRV out
    if not is_final and not names.has_srv:
        finder.failed = True
        finder.notes.append("SRV not checked: it takes dnspython (`pip install telephony-core[sip-check]`)")
    if is_final or not names.has_srv:
        routes = [await finder.by_address(host, one, address.port) for one in requested or DEFAULT_TRANSPORTS]
    elif requested is not None:
        routes = await finder.by_service(host, requested)
    else:
        routes = await finder.by_naptr(host)
    return Resolution(tuple(routes), requested is None, srv_checked=not finder.failed, notes=tuple(finder.notes))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class _Finder:
    def __init__(self, names: NameService, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self._found: dict[str, tuple[str, ...] | Exception] = {}
        self.notes: list[str] = []
        self.failed = False
        """Whether NAPTR or SRV could not be looked up, so that records may exist unseen."""

    async def by_naptr(self, host: str) -> list[Route]:
        """No transport is given: NAPTR names them, else the SRV records that exist do (RFC 3263 §4.1)."""
        services = await self._naptr(host)
        found = await self._by_srv(services or {transport: f"{prefix}{host}" for transport, prefix in _PREFIX.items()})
        known = [route for route in found.values() if route is not None]
        usable = [route for route in known if route.targets]
        if usable:
            for route in known:
                if not route.targets:
                    self._note(f"not over {route.transport}: {route.missing}")
            return usable
        if known:
            return known
        if services and not self.failed:
            self._note("NAPTR names SRV records that do not exist")
        self._note_addresses("no SRV records")
        # What NAPTR says still holds: a service over TLS alone is not looked for in clear text.
        return [await self.by_address(host, transport, None) for transport in services or DEFAULT_TRANSPORTS]

    async def by_service(self, host: str, transports: Sequence[Transport]) -> list[Route]:
        """The transports are given: each has a service of its own (RFC 3263 §4.2)."""
        found = await self._by_srv({transport: f"{_PREFIX[transport]}{host}" for transport in transports})
        routes: list[Route] = []
        for transport, route in found.items():
            if route is None:
                self._note_addresses(f"no SRV records for {transport}")
            routes.append(route or await self.by_address(host, transport, None))
        return routes

    async def by_address(self, host: str, transport: Transport, port: int | None) -> Route:
        try:
            addresses = await self._addresses(host)
        except NoSuchName as none:
            if self.failed and isinstance(none, NoAddress):
                missing = "the name has no address of its own, and its service records could not be looked up"
                return Route(transport, missing=missing, is_certain=False)
            return Route(transport, missing="the name has no address")
        except NamesUnavailable as failure:
            return Route(transport, missing=str(failure), is_certain=False)
        return self._route(transport, [(ip, port or DEFAULT_PORT[transport]) for ip in addresses])

    async def _by_srv(self, services: Mapping[Transport, str]) -> dict[Transport, Route | None]:
        """``None`` for a transport without such records. All are looked up at once: one time-out at most."""
        answers = await asyncio.gather(*(self._records(name) for name in services.values()))
        return {
            transport: await self._of_records(transport, answer)
            for transport, answer in zip(services, answers, strict=True)
        }

    async def _records(self, name: str) -> Sequence[Srv] | NamesUnavailable:
        try:
            return await self._names.srv(name)
        except NamesUnavailable as failure:
            return failure

    async def _of_records(self, transport: Transport, records: Sequence[Srv] | NamesUnavailable) -> Route | None:
        if isinstance(records, NamesUnavailable):
            self.failed = True
            self._note(f"SRV for {transport}: {records}")
            return None
        if not records:
            return None
        # RFC 2782: a root as the target says that there is no such service.
        if all(record.target in ("", ".") for record in records):
            return Route(transport, missing=f"DNS says that there is no service over {transport}")
        # The draw by weight (RFC 2782) spreads load; a check looks at the heaviest first, the same every time.
        ordered = sorted(records, key=lambda record: (record.priority, -record.weight))[: self._limits.records]
        found: list[tuple[str, int]] = []
        failures: list[NamesUnavailable] = []
        for record in ordered:
            try:
                found += [(ip, record.port) for ip in await self._addresses(record.target) if record.port]
            except NoSuchName:
                self._note(f"an SRV record for {transport} names a host without an address")
            except NamesUnavailable as failure:
                failures.append(failure)
        if not found:
            return Route(transport, missing="the hosts of the SRV records have no address", is_certain=not failures)
        return self._route(transport, found)

    async def _naptr(self, host: str) -> dict[Transport, str]:
        try:
            records = await self._names.naptr(host)
        except NamesUnavailable as failure:
            self.failed = True
            self._note(f"NAPTR: {failure}")
            return {}
        services: dict[Transport, str] = {}
        for record in sorted(records, key=lambda record: (record.order, record.preference)):
            transport = _SERVICE.get(record.service.upper())
            # RFC 3263 §4.1: only "s" leads on to SRV records.
            if transport is not None and record.flags.lower() == "s" and record.replacement not in ("", "."):
                services.setdefault(transport, record.replacement)
        return services

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Asked once for each host, whatever the number of transports and records that lead there."""
        if host not in self._found:
            try:
                self._found[host] = tuple(dict.fromkeys(await self._names.addresses(host)))
            except (NoSuchName, NamesUnavailable) as error:
                self._found[host] = error
        found = self._found[host]
        if isinstance(found, Exception):
            raise found
        if not found:
            raise NoAddress
        return found

    def _route(self, transport: Transport, places: list[tuple[str, int]]) -> Route:
        places = list(dict.fromkeys(places))
        kept = places[: self._limits.targets]
        if len(places) > len(kept):
            self._note(f"{len(places) - len(kept)} more addresses for {transport} are not tried")
        return Route(transport, tuple(SipServer(transport, ip, port) for ip, port in kept))

    def _note_addresses(self, reason: str) -> None:
        prefix = "" if self.failed else f"{reason}; "
        self._note(f"{prefix}A/AAAA and the default port are used")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
