"""DNS look-ups: the system's resolver for addresses, dnspython (if installed) for NAPTR and SRV."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from telephony_core.sip_check.network.server_location import (
    NameService,
    NamesUnavailable,
    Naptr,
    NoAddress,
    NoSuchName,
    Srv,
)

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.rdata import Rdata

T = TypeVar("T")

# What getaddrinfo returns for a name that exists and has no address, where the system tells the two apart (Linux does).
_NO_ADDRESS = getattr(socket, "EAI_NODATA", None)


def name_service(timeout: float) -> NameService:
    """With NAPTR and SRV where dnspython is installed and this host has a name server, without them otherwise.

    ``timeout`` is for one question of dnspython's, in seconds.
    """
    try:
        import dns.asyncresolver
        import dns.exception
        import dns.resolver
    except ImportError:
        return SystemNames()
    try:
        return DnsNames(dns.asyncresolver.Resolver(), timeout)
    except (dns.exception.DNSException, OSError):
        return SystemNames()


class SystemNames:
    """Addresses as any program on this host gets them, ``/etc/hosts`` included."""

    has_srv = False

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return ()

    async def srv(self, name: str) -> Sequence[Srv]:
        return ()

    async def addresses(self, host: str) -> Sequence[str]:
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        try:
            found = await _in_daemon_thread(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except socket.gaierror as error:
            if error.errno == _NO_ADDRESS:
                raise NoAddress from None
            if error.errno == socket.EAI_NONAME:
                raise NoSuchName from None
            raise NamesUnavailable("the name service of this host did not answer") from None
        # A name without an IDNA form, such as one with a label of more than 63 characters, is in no DNS.
        except UnicodeError:
            raise NoSuchName from None
        except OSError:
            raise NamesUnavailable("the name service of this host failed") from None
        return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


class DnsNames(SystemNames):
    """NAPTR and SRV through dnspython; addresses still as the system gives them."""

    has_srv = True

    def __init__(self, resolver: Resolver, timeout: float) -> None:
        self._resolver = resolver
        self._timeout = timeout

    async def naptr(self, name: str) -> Sequence[Naptr]:
        from dns.rdtypes.IN.NAPTR import NAPTR

        return [
            Naptr(record.order, record.preference, _text(record.flags), _text(record.service), str(record.replacement))
            for record in await self._ask(name, "NAPTR")
            if isinstance(record, NAPTR)
        ]

    async def srv(self, name: str) -> Sequence[Srv]:
        from dns.rdtypes.IN.SRV import SRV

        return [
            Srv(record.priority, record.weight, record.port, str(record.target).removesuffix("."))
            for record in await self._ask(name, "SRV")
            if isinstance(record, SRV)
        ]

    async def _ask(self, name: str, kind: str) -> Sequence[Rdata]:
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            absolute = dns.name.from_text(name)
            # No answer of this kind is an answer, and the search list of this host would turn a missing name into
            # one of its own domain.
            answer = await self._resolver.resolve(
                absolute, kind, lifetime=self._timeout, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            return ()
        except dns.exception.Timeout:
            raise NamesUnavailable("no answer from the name server") from None
        except (dns.exception.DNSException, OSError):
            raise NamesUnavailable("the name server failed") from None
        return tuple(answer.rrset or ())


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")


async def _in_daemon_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread that nobody has to wait for.

    The event loop's own threads are joined when the loop ends, so a resolver that hangs would outlast every time-out.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # a time-out cancels only the wait; the result then goes nowhere

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, name="sip-check-getaddrinfo", daemon=True).start()
    return await asyncio.wrap_future(future)
