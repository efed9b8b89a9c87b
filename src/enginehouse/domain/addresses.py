"""The address of a client, as limits for each address count it."""

from ipaddress import IPv6Address, ip_address
from typing import Final

_NETWORK_BITS: Final = 64  # of an IPv6 address: whoever has one address of such a network has all of them


def network_of(host: str) -> str:
    """Returns what counts as one address: an IPv4 address, or the network of an IPv6 address.

    An IPv4 address inside an IPv6 address is the IPv4 address. Any other text is returned unchanged.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS))
