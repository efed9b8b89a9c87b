"""The limits of a connection, and the connections of each address."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one connection may do. Times are in seconds."""

    head_bytes: int = 16 * 1024  # the request line and the headers, and as much again for trailers
    head_lines: int = 100
    target_bytes: int = 8 * 1024
    head_seconds: float = 10.0  # from the first byte of a head to its end
    body_seconds: float = 10.0  # how far a body may fall behind its pace
    body_bytes_per_second: int = 1024
    silent_seconds: float = 30.0  # without a request, and without progress of a response that is read
    chunk_extension_bytes: int = 256
    small_chunks: int = 10_000  # chunks of a body that may be smaller than 64 bytes on average
    dropped_bytes: int = 1_000_000_000  # of a request that is refused, until the connection ends
    dropped_seconds: float = 30.0
    per_address: int = 1024
    silent_per_address: int = 256
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()  # load balancers, which open any number of connections

    def is_proxy(self, address: str) -> bool:
        """Returns True for the address of a load balancer, as `network_of` returns it."""
        try:
            place = ip_network(f"{address}/64" if ":" in address else address)
        except ValueError:
            return False
        return any(place.version == proxy.version and place.overlaps(proxy) for proxy in self.proxies)


@dataclass(slots=True)
class ConnectionsByAddress:
    """The open connections of each address. Those that wait for a request are also in order, the oldest first.

    `Connection` is anything with an identity. The networks of IPv6 that one customer gets (/64) count as one address.
    """

    limits: ConnectionLimits
    open: Counter[str] = field(default_factory=Counter)
    _silent: dict[str, dict[object, Callable[[], None]]] = field(default_factory=dict)

    def enter(self, address: str) -> bool:
        """The connection is counted. Returns False if its address has too many: then it must end."""
        self.open[address] += 1
        return self.open[address] <= self.limits.per_address or self.limits.is_proxy(address)

    def leave(self, address: str, connection: object) -> None:
        """The connection is gone."""
        self.awake(address, connection)
        self.open[address] -= 1
        if not self.open[address]:
            del self.open[address]

    def fall_silent(self, address: str, connection: object, close: Callable[[], None]) -> None:
        """The connection waits for a request. If too many of its address wait, the one that waits longest is closed."""
        waiting = self._silent.setdefault(address, {})
        waiting[connection] = close
        if len(waiting) > self.limits.silent_per_address and not self.limits.is_proxy(address):
            waiting.pop(next(iter(waiting)))()

    def awake(self, address: str, connection: object) -> None:
        """The connection has a request, or is gone."""
        waiting = self._silent.get(address)
        if waiting is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._silent[address]
