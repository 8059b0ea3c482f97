"""A SIP peer on loopback that answers `OPTIONS` and nothing else, for the play to check."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_COPIED = ("via", "from", "call-id", "cseq")  # what a reply repeats of its request (RFC 3261, section 8.2.6)


@contextmanager
def local_peer() -> Iterator[str]:
    """The address of a peer that answers over UDP until the context ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        host, port = peer.getsockname()
        answering = threading.Thread(target=_answer, args=(peer,), daemon=True)
        answering.start()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", (host, port))  # an empty datagram ends the thread
            answering.join()


def _answer(peer: socket.socket) -> None:
    while True:
        datagram, sender = peer.recvfrom(65_535)
        if not datagram:
            return
        first, *headers = datagram.decode("utf-8", "replace").split("\r\n")
        if first.startswith("OPTIONS "):
            kept = [line for line in headers if line.partition(":")[0].strip().lower() in _COPIED]
            to = next((line for line in headers if line.lower().startswith("to:")), "To: <sip:demo@localhost>")
            reply = ["SIP/2.0 200 OK", *kept, f"{to};tag=demo", "Server: telephony demo", "Content-Length: 0", "", ""]
            peer.sendto("\r\n".join(reply).encode(), sender)
