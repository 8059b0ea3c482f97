"""Connecting to a host that has several addresses, within one deadline, in ordinary code."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def connect_to_any(host: str, port: int, deadline: float, connect: Callable[[str, float], T]) -> T:
    """What ``connect(address, seconds)`` makes for the first address of the host that can be reached.

    They are tried in the resolver's order, each for its share of the time that is left until ``deadline``, so that one
    which swallows everything (a broken IPv6 road, say) leaves time for the next. Raises what the last one raised, and
    `OSError` for a name that leads nowhere.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = deque(dict.fromkeys(str(place[0]) for *_, place in found))
    while True:
        share = max((deadline - time.monotonic()) / len(addresses), 1e-6)  # 0 would mean not to wait at all
        address = addresses.popleft()
        try:
            return connect(address, share)
        except Exception:
            if not addresses:
                raise
