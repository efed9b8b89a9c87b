"""Which IP addresses belong to the public Internet. Any other may belong to a private machine.

`ipaddress.is_global` is not enough: it accepts multicast, IPv4 inside IPv6 (NAT64, compatible, 6to4) and others, and
differs between Python versions.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import inet_aton, inet_ntoa
from typing import Final

_DENIED_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a cloud has its metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent, in the middle of public space
        "169.254.0.0/16",  # link-local; the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# Public IPv6 is global unicast. Loopback, unique local, link-local, multicast, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48),
# IPv4-mapped and IPv4-compatible addresses are outside it.
_GLOBAL_6: Final = IPv6Network("2000::/3")
_DENIED_6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Returns True if `address` (from the resolver, perhaps with a zone) belongs to the public Internet."""
    parsed: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _DENIED_4)
    if parsed.scope_id is not None:
        return False
    return parsed in _GLOBAL_6 and not any(parsed in network for network in _DENIED_6)


def is_private_literal(host: str) -> bool:
    """Returns True if `host` is itself an address that is not public, in any spelling, or a name of this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(name)
    except ValueError:
        pass
    try:
        return not is_public(inet_ntoa(inet_aton(name)))  # 127.1, 0x7f.1, 2130706433
    except OSError:
        return False
