"""How much of the internet a list of networks holds: the addresses that a stranger's call could come from.

Counted are globally reachable addresses only. What the IANA registries set aside for a special purpose (RFC 6890) is
taken off, and an IPv6 address that carries an IPv4 one (mapped, translated, 6to4, Teredo) counts as that IPv4 address,
because the packets come from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final, NamedTuple, TypeVar

__all__ = ["MOST_IPV4", "MOST_IPV6", "Network", "hold_a_large_share"]

Network = IPv4Network | IPv6Network
NetworkT = TypeVar("NetworkT", IPv4Network, IPv6Network)

MOST_IPV4: Final = IPv4Network("0.0.0.0/10").num_addresses
"""From so many IPv4 addresses on (one /10, four million) a list is open.

That is about a thousandth of those that exist. Carriers publish a handful of networks from /29 to /16 for their
signalling, so a real list stays far below; a /8 is a whole registry's or operator's block, customers included.
"""
MOST_IPV6: Final = IPv6Network("::/18").num_addresses
"""From so many IPv6 addresses on (one /18) a list is open.

About a thousandth again, of the ten or so /12 that IANA has handed to the registries. The largest block of one operator
is a /19; carriers publish /48 to /32.
"""

# IANA IPv4 Special-Purpose Address Registry, all that is not globally reachable, as of 2026; multicast besides.
_SPECIAL_IPV4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network", RFC 791
            "10.0.0.0/8",  # private, RFC 1918
            "100.64.0.0/10",  # shared by carriers, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122
            "169.254.0.0/16",  # link-local, RFC 3927
            "172.16.0.0/12",  # private, RFC 1918
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # 6to4 relays, deprecated, RFC 7526
            "192.168.0.0/16",  # private, RFC 1918
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved and broadcast, RFC 1112, RFC 8190
        ),
    )
)

# IANA IPv6 Special-Purpose Address Registry, likewise. Space that is not assigned yet is not in it: no list needs any,
# and to count it errs on the side of asking.
_SPECIAL_IPV6: Final = tuple(
    map(
        IPv6Network,
        (
            "::/128",  # unspecified, RFC 4291
            "::1/128",  # loopback, RFC 4291
            "100::/64",  # discard-only, RFC 6666
            "2001::/23",  # protocol assignments, RFC 2928
            "2001:db8::/32",  # documentation, RFC 3849
            "3fff::/20",  # documentation, RFC 9637
            "5f00::/16",  # segment routing, RFC 9602
            "fc00::/7",  # unique local, RFC 4193
            "fe80::/10",  # link-local, RFC 4291
            "fec0::/10",  # site-local, deprecated, RFC 3879
            "ff00::/8",  # multicast, RFC 4291
        ),
    )
)


class _Carrier(NamedTuple):
    """IPv6 addresses that carry an IPv4 one: which, from which bit on, and whether its bits are inverted."""

    network: IPv6Network
    offset: int
    inverted: bool = False


_CARRIERS: Final = (
    _Carrier(IPv6Network("::/96"), 96),  # IPv4-compatible, deprecated, RFC 4291 section 2.5.5.1
    _Carrier(IPv6Network("::ffff:0:0/96"), 96),  # IPv4-mapped, RFC 4291 section 2.5.5.2
    _Carrier(IPv6Network("::ffff:0:0:0/96"), 96),  # IPv4-translated, RFC 2765
    _Carrier(IPv6Network("64:ff9b::/96"), 96),  # NAT64, RFC 6052
    _Carrier(IPv6Network("64:ff9b:1::/48"), 96),  # NAT64 of one operator, RFC 8215
    _Carrier(IPv6Network("2002::/16"), 16),  # 6to4, RFC 3056
    _Carrier(IPv6Network("2001::/32"), 96, inverted=True),  # Teredo: the client, RFC 4380 section 4
)
_NOT_COUNTED_IPV6: Final = tuple(collapse_addresses([*_SPECIAL_IPV6, *(carrier.network for carrier in _CARRIERS)]))


def hold_a_large_share(networks: Iterable[Network]) -> bool:
    """Whether networks together hold so much of either internet that hardly anybody is kept out."""
    ipv4: list[IPv4Network] = []
    ipv6: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            ipv4.append(network)
        else:
            ipv6.append(network)
            ipv4 += [_carried(network, carrier) for carrier in _CARRIERS if network.overlaps(carrier.network)]
    return _hold(ipv4, MOST_IPV4, _SPECIAL_IPV4) or _hold(ipv6, MOST_IPV6, _NOT_COUNTED_IPV6)


def _hold(networks: list[NetworkT], most: int, special: tuple[NetworkT, ...]) -> bool:
    """Whether so many addresses of the networks are not special."""
    if sum(network.num_addresses for network in networks) < most:  # with all of them, as in nearly every list
        return False
    # Collapsed networks are disjoint, and of two networks that overlap one holds the other.
    counted = sum(
        network.num_addresses
        - sum(min(network.num_addresses, each.num_addresses) for each in special if network.overlaps(each))
        for network in collapse_addresses(networks)
    )
    return counted >= most


def _carried(network: IPv6Network, carrier: _Carrier) -> IPv4Network:
    """The IPv4 addresses inside a network of IPv6 addresses that carry them."""
    length = min(32, max(0, network.prefixlen - carrier.offset))
    value = (int(network.network_address) >> (96 - carrier.offset)) & 0xFFFF_FFFF
    if carrier.inverted:
        value ^= 0xFFFF_FFFF
    return IPv4Network((value >> (32 - length) << (32 - length), length))
