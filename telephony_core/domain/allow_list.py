"""Who may call in by address: the allow-list of an inbound trunk, read strictly, because a bad one opens it.

Two facts from LiveKit's open source (``protocol/sip``), which several vendors run, shape this. An empty list accepts
every source. Entries that cannot be addresses are dropped in silence, and the trunk is open when none is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range

from telephony_core.domain.address_space import Network, hold_a_large_share
from telephony_core.errors import InvalidInput, NotAllowed, Remedy, instead_of

__all__ = ["is_open", "parse_allowed_addresses", "readable_allowed_address"]

_LOOKS_LIKE_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/(?:[0-9]|[1-9][0-9]{1,2}|[0-9.]*\.[0-9.]*))?")
_SHORT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4}){0,3})/([0-9]{1,3})")
_DROPPED_IN_SILENCE = re.compile(r"[()+*;,\s]|://|\A\Z")

_FORM = "write an IP address such as `203.0.113.7`, or a network such as `198.51.100.0/24`"
_REASONS = (
    (re.compile(r"\A\Z"), "is empty", _FORM),
    (re.compile(r"[\s,;]"), "holds a blank, a comma or a semicolon", "make each address an entry of its own"),
    (re.compile(r"\*"), "holds a wildcard", "write a network such as `198.51.100.0/24`"),
    (re.compile(r"%"), "holds an IPv6 zone", "give an address that is valid without its zone"),
    (re.compile(r"[\[\]]"), "holds brackets", "write IPv6 without brackets, and no port"),
    (re.compile(r"\A[0-9]+\.[0-9.]+:"), "holds a port", "write the address alone"),
    (
        re.compile(r"[g-zG-Z]"),
        "is a name or a URI",
        "write IP addresses: a name is compared with what the caller claims, and anybody can claim it",
    ),
)
"""What is recognised in an entry that is no address, the telling ones first: what it is, and what to do about it."""


def parse_allowed_addresses(entries: Iterable[str], *, allow_any: bool) -> tuple[str, ...]:
    """The entries in canonical form, in their order, each once.

    An entry is an IP address or a network (``203.0.113.7``, ``198.51.100.0/24``, ``2001:db8::/32``). A single host
    comes out without a prefix length, a network with one (never with a netmask), IPv6 without brackets.

    Raises :class:`InvalidInput` with the position of the first bad entry, counted from 1. Raises
    :class:`NotAllowed` (``allow_any``) unless ``allow_any``, if the trunk would be open: by an empty list, or by
    networks that together hold a large share of the internet (see
    :mod:`telephony_core.domain.address_space`). Private networks are not part of it, whatever their size.
    """
    return _parsed(tuple(_listed(entries)), allow_any)


@lru_cache(maxsize=256)
def _parsed(entries: tuple[str, ...], allow_any: bool) -> tuple[str, ...]:
    """Remembered, since many numbers have one list, and each is parsed for the plan, the request and every read."""
    networks = [_read(entry, position) for position, entry in enumerate(entries, start=1)]
    opening = None if allow_any else _what_opens(networks)
    if opening is not None:
        raise NotAllowed(
            opening,
            allowance="allow_any",
            remedy=Remedy(
                "name the addresses of the carrier, or pass `allow_any=True` if everybody may call in",
                cli="name the addresses of the carrier, or say --allow-any if everybody may call in",
            ),
        )
    return tuple(dict.fromkeys(_printed(network) for network in networks))


def readable_allowed_address(entry: str) -> bool:
    """Whether an entry that a vendor returned is one that :func:`parse_allowed_addresses` would take. Never raises."""
    try:
        parse_allowed_addresses([entry], allow_any=True)
    except InvalidInput:
        return False
    return True


def is_open(entries: Iterable[str]) -> bool:
    """Whether a list, also one that a vendor returned, lets in everybody or a large share of the internet.

    An empty list does. So does one whose every entry holds what makes a server drop it in silence (blanks, commas,
    wildcards, ``://``). The others are read as loosely as servers read them: host bits are ignored (``203.0.113.7/0``
    is everybody), ``0/0`` and ranges from one address to another are taken for what they say. Any other entry that
    cannot be read, such as a host name, counts as a restriction, though not a strong one.
    """
    return _is_open(tuple(_listed(entries)))


@lru_cache(maxsize=256)
def _is_open(entries: tuple[str, ...]) -> bool:
    """Remembered, since many numbers have one list."""
    kept = [entry for entry in entries if not _DROPPED_IN_SILENCE.search(entry)]
    return not kept or hold_a_large_share(network for entry in kept for network in _read_as_servers_do(entry))


def _listed(entries: object) -> list[str]:
    if isinstance(entries, (str, bytes)) or not isinstance(entries, Iterable):
        raise InvalidInput("the allowed addresses are not a list", remedy="give a list of texts, one address in each")
    listed: list[str] = []
    for position, entry in enumerate(entries, start=1):
        if not isinstance(entry, str):
            raise _refusal(position, "is not text", "write each address as a text")
        listed.append(entry)
    return listed


def _read(entry: str, position: int) -> Network:
    """One entry, strictly. What the error says of it was computed, never copied: garbage may be a misplaced secret."""
    if not _LOOKS_LIKE_NETWORK.fullmatch(entry):
        raise _refusal(position, *_why_not(entry))
    with instead_of(ValueError, lambda _: _refusal(position, *_why_not(entry))):
        return ip_network(entry, strict=True)


def _refusal(position: int, why: str, instead: str) -> InvalidInput:
    return InvalidInput(f"entry {position} of the allowed addresses {why}", remedy=instead)


def _why_not(entry: str) -> tuple[str, str]:
    """What is wrong, and what to write instead."""
    for pattern, why, instead in _REASONS:
        if pattern.search(entry):
            return why, instead
    network = _read_loosely(entry) if _LOOKS_LIKE_NETWORK.fullmatch(entry) else None
    if network is None:
        return "is not an IP address or network", f"{_FORM}, without leading zeros"
    host = ip_address(entry.partition("/")[0])
    offer = f"write `{network}` for the network, or " if network.prefixlen else ""
    return f"has bits set beyond its prefix length {network.prefixlen}", f"{offer}write `{host}` for the host alone"


def _read_loosely(entry: str) -> Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _read_as_servers_do(entry: str) -> Iterable[Network]:
    """Every network that an entry may be taken for; none when it is none."""
    bare = entry.replace("[", "").replace("]", "")  # IPv6 in brackets, with the length inside or outside of them
    network = _read_loosely(bare)
    if network is not None:
        return [network]
    if short := _SHORT.fullmatch(entry):  # C's inet_aton fills up with zeros, and forgives leading ones
        octets = [int(octet) for octet in short[1].split(".")]
        network = _read_loosely(f"{'.'.join(map(str, [*octets, 0, 0, 0][:4]))}/{int(short[2])}")
        return [] if network is None else [network]
    first, _, last = bare.partition("-")
    try:
        ends = ip_address(first), ip_address(last)
        if isinstance(ends[0], IPv4Address) and isinstance(ends[1], IPv4Address):
            return list(summarize_address_range(ends[0], ends[1]))
        if isinstance(ends[0], IPv6Address) and isinstance(ends[1], IPv6Address):
            return list(summarize_address_range(ends[0], ends[1]))
    except ValueError:
        pass
    return []


def _printed(network: Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


def _what_opens(networks: list[Network]) -> str | None:
    if not networks:
        return "an empty list of allowed addresses lets every source call in"
    for position, network in enumerate(networks, start=1):
        if hold_a_large_share([network]):
            return f"entry {position} of the allowed addresses lets a large share of the internet call in"
    together = "the allowed addresses together let a large share of the internet call in"
    return together if hold_a_large_share(networks) else None
