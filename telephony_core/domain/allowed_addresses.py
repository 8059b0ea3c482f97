"""Who may call in by address: the allow-list of an inbound trunk, read strictly, because a bad one opens it.

Two facts from LiveKit's open source (``protocol/sip``), which several vendors run, shape this. An empty list accepts
every source. Entries that cannot be addresses are dropped in silence, and the trunk is open when none is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

from telephony_core.errors import ConsentRequired, InvalidInput

__all__ = ["opens_to_all", "parse_allowed_addresses", "readable_allowed_address"]

Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_NO_SOURCE = IPv4Network("224.0.0.0/3")
"""Multicast and reserved (RFC 5771, RFC 1112): no call comes from there, whether a list holds it or not."""
_ALL_OF_IPV6 = IPv6Network("2000::/3")
"""Every global unicast address there is so far (RFC 4291, IANA)."""
_LOOKS_LIKE_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/(?:[0-9]|[1-9][0-9]{1,2}|[0-9.]*\.[0-9.]*))?")
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
    :class:`ConsentRequired` (``allow_any``) unless ``allow_any``, if every IPv4 or every IPv6 source would be let in:
    an empty list, a network of length 0, or networks that add up to all from which a call can come.
    """
    networks = [_read(entry, position) for position, entry in enumerate(_listed(entries), start=1)]
    opening = None if allow_any else _what_opens(networks)
    if opening is not None:
        raise ConsentRequired(
            f"{opening} every source call in",
            consent="allow_any",
            remedy="name the addresses of the carrier, or pass `allow_any=True` if everybody may call in",
        )
    return tuple(dict.fromkeys(_printed(network) for network in networks))


def readable_allowed_address(entry: str) -> bool:
    """Whether an entry that a vendor returned is one that :func:`parse_allowed_addresses` would take. Never raises."""
    try:
        parse_allowed_addresses([entry], allow_any=True)
    except InvalidInput:
        return False
    return True


def opens_to_all(entries: Iterable[str]) -> bool:
    """Whether a list, also one that a vendor returned, lets every IPv4 or every IPv6 source call in.

    An empty list does. So does one whose every entry holds what makes a server drop it in silence (blanks, commas,
    wildcards, ``://``). Host bits are ignored here, as servers ignore them: ``203.0.113.7/0`` is everybody. Any other
    entry that cannot be read, such as a host name, counts as a restriction, though not a strong one.
    """
    kept = [entry for entry in _listed(entries) if not _DROPPED_IN_SILENCE.search(entry)]
    return not kept or _covers_everything([network for entry in kept if (network := _read_loosely(entry))])


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
    try:
        return ip_network(entry, strict=True)
    except ValueError:
        pass  # the library's error quotes the text, so ours must not be raised inside this handler
    raise _refusal(position, *_why_not(entry))


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


def _printed(network: Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


def _what_opens(networks: list[Network]) -> str | None:
    if not networks:
        return "an empty list of allowed addresses lets"
    for position, network in enumerate(networks, start=1):
        if _covers_everything([network]):
            return f"entry {position} of the allowed addresses lets"
    return "the allowed addresses together let" if _covers_everything(networks) else None


def _covers_everything(networks: Iterable[Network]) -> bool:
    ipv4: list[IPv4Network] = []
    ipv6: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            ipv4.append(network)
            continue
        ipv6.append(network)
        if network.overlaps(_MAPPED):
            # Some servers take a mapped address for the IPv4 one. Where it opens a trunk, that has to be assumed.
            ipv4.append(_unmapped(network))
    if ipv4:
        ipv4.append(_NO_SOURCE)
    return any(network.prefixlen == 0 for network in collapse_addresses(ipv4)) or any(
        network.supernet_of(_ALL_OF_IPV6) for network in collapse_addresses(ipv6)
    )


def _unmapped(network: IPv6Network) -> IPv4Network:
    first = IPv6Address(network.network_address).ipv4_mapped
    return IPv4Network((int(first or 0), max(0, network.prefixlen - _MAPPED.prefixlen)))
