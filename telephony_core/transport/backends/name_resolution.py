"""The addresses of a host, and connecting to one of them within one deadline, in ordinary code."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from telephony_core.transport.backends.deadlines import in_time

T = TypeVar("T")


def addresses_of(host: str, port: int, deadline: float) -> tuple[str, ...]:
    """The addresses of a host, in the resolver's order.

    Raises `OSError` or `UnicodeError` for a name that leads nowhere, and `TimeoutError` when the name service does not
    answer by the deadline: it cannot be interrupted, so a thread of its own is left waiting for it.
    """
    found = in_time(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), deadline)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


def connect_to_any(host: str, port: int, deadline: float, connect: Callable[[str, float], T]) -> T:
    """What ``connect(address, seconds)`` makes for the first address of the host that can be reached.

    They are tried in the resolver's order, each for its share of the time that is left until ``deadline``, so that one
    which swallows everything (a broken IPv6 road, say) leaves time for the next. Raises what the last one raised, and
    what `addresses_of` raises.
    """
    addresses = deque(addresses_of(host, port, deadline))
    while True:
        share = max((deadline - time.monotonic()) / len(addresses), 1e-6)  # 0 would mean not to wait at all
        address = addresses.popleft()
        try:
            return connect(address, share)
        except Exception:
            if not addresses:
                raise
