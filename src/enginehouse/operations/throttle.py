"""Limits how often a caller may send requests, and how often it may fail: at a login, or with a token."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from enginehouse.domain.addresses import network_of
from enginehouse.domain.audit import request_origin
from enginehouse.domain.errors import CapacityExceeded, NotFound, RateLimited
from enginehouse.domain.identity import Principal

RATE_SECONDS: Final = 10
_LONGEST_NAME: Final = 300  # of a name that is counted; users have shorter ones


def client_network() -> str:
    """Returns the address from which the current request came; for IPv6 its network. Empty if it is unknown."""
    return network_of(request_origin.get().client_ip or "")


class RequestRates:
    """Counts the requests of each token and of each organization on this server, in token buckets.

    As many as are allowed may come at once, and as many again in each 10 seconds, little by little. 0 allows any
    number. A refused request does not count. At most `limit` buckets of each kind are kept. (graphql-contract §1.6)
    """

    def __init__(
        self,
        per_token: int = 0,
        per_organization: int = 0,
        *,
        limit: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens, self._organizations = _Buckets(per_token, limit), _Buckets(per_organization, limit)
        self._counts = per_token > 0 or per_organization > 0
        self._clock = clock

    def take(self, principal: Principal) -> None:
        """Counts a request. Raises RateLimited, with the seconds after which one is allowed again."""
        if not self._counts:
            return
        now, tokens, organizations = self._clock(), self._tokens, self._organizations
        token, organization = tokens.get(principal.token_id), organizations.get(principal.organization_id)
        # Written out, because it is done for every request.
        left = token[0] + (now - token[1]) * tokens.pace
        if left < 1:
            raise tokens.refusal("with this token", left)
        others = organization[0] + (now - organization[1]) * organizations.pace
        if others < 1:
            raise organizations.refusal("of your organization", others)
        token[0], token[1] = (min(tokens.size, left)) - 1, now
        organization[0], organization[1] = (min(organizations.size, others)) - 1, now


class _Buckets:
    """The buckets of one kind: how many requests each had left, and when. A new one is full."""

    def __init__(self, allowed: int, limit: int) -> None:
        self.allowed, self.limit = allowed, limit
        self.size = float(allowed or "inf")
        self.pace = allowed / RATE_SECONDS
        self._buckets: dict[Hashable, list[float]] = {}

    def get(self, key: Hashable) -> list[float]:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self.limit:
                del self._buckets[next(iter(self._buckets))]  # the oldest
            bucket = self._buckets[key] = [self.size, 0.0]
        return bucket

    def refusal(self, whose: str, left: float) -> RateLimited:
        return RateLimited(whose, self.allowed, ceil((1 - left) / self.pace))

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(slots=True)
class Throttle:
    """Counts failures by key. `allowed` of them may come at once, and as many again in each minute.

    A key with more is refused until one of its failures is forgotten, a few seconds later.
    """

    allowed: int
    seconds: float = 60.0
    limit: int = 10_000
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _failures: dict[Hashable, tuple[float, float]] = field(default_factory=dict, repr=False)

    def wait(self, key: Hashable) -> int:
        """Returns after how many seconds the key may try again, 0 if it may try now."""
        over = self._count(key) - (self.allowed - 1)
        return 0 if over <= 0 else ceil(over * self.seconds / self.allowed)

    def note(self, key: Hashable) -> None:
        """Counts a failure of the key."""
        count = self._count(key)
        self._failures.pop(key, None)
        if len(self._failures) >= self.limit:
            # The oldest entry is the first: many invented keys push out old entries, and memory stays bounded.
            del self._failures[next(iter(self._failures))]
        self._failures[key] = (count + 1, self.clock())

    def forgive(self, key: Hashable) -> None:
        """Takes back one failure of the key."""
        left = self._count(key) - 1
        if left > 0:
            self._failures[key] = (left, self.clock())
        else:
            self._failures.pop(key, None)

    def forget(self, key: Hashable) -> None:
        """Forgets all failures of the key."""
        self._failures.pop(key, None)

    def forget_all(self, matches: Callable[[Hashable], bool]) -> None:
        """Forgets all failures of the keys that match."""
        for key in [key for key in self._failures if matches(key)]:
            del self._failures[key]

    def _count(self, key: Hashable) -> float:
        count, at = self._failures.get(key, (0.0, 0.0))
        return max(0.0, count - (self.clock() - at) * self.allowed / self.seconds)


@dataclass(slots=True)
class Turns:
    """Lets the tries of one key go on one after another, so that parallel tries cannot pass a limit together."""

    _locks: dict[Hashable, tuple[asyncio.Lock, int]] = field(default_factory=dict, repr=False)

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Waits until no other try of the key goes on."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


@dataclass(slots=True)
class FailedLogins:
    """The failed logins of each name from each address, and of all names from an address.

    So nobody's guesses keep the user out who signs in from elsewhere. Whoever tries many names from one address goes on
    slowly; a name that has signed in from there before does not wait for the others behind the same address.
    """

    guesses: Throttle = field(default_factory=lambda: Throttle(allowed=20))
    names: Throttle = field(default_factory=lambda: Throttle(allowed=100))
    turns: Turns = field(default_factory=Turns)
    _known: dict[Hashable, None] = field(default_factory=dict, repr=False)

    @asynccontextmanager
    async def attempt(self, name: str) -> AsyncIterator[None]:
        """Counts a failed login if the block raises NotFound. Raises CapacityExceeded before it after too many."""
        address = client_network()
        pair = (name[:_LONGEST_NAME], address)
        async with self.turns.turn(pair):
            if wait := self.guesses.wait(pair):
                raise _too_many("for this user from this address", wait)
            known = pair in self._known
            if not known and (wait := self.names.wait(address)):
                raise _too_many("from this address", wait)
            self.names.note(address)  # before the password is verified, because other names are tried meanwhile
            try:
                yield
            except NotFound:
                self.guesses.note(pair)
                raise
            except BaseException:
                self.names.forgive(address)
                raise
            self.names.forgive(address)
            self.guesses.forget(pair)
            self._remember(pair)

    def forget(self, name: str) -> None:
        """Forgets the guesses of a name from everywhere: its password is new."""
        self.guesses.forget_all(lambda key: isinstance(key, tuple) and key[0] == name[:_LONGEST_NAME])

    def _remember(self, pair: Hashable) -> None:
        self._known.pop(pair, None)
        if len(self._known) >= self.guesses.limit:
            del self._known[next(iter(self._known))]
        self._known[pair] = None


def _too_many(which: str, wait: int) -> CapacityExceeded:
    return CapacityExceeded(f"Too many failed logins {which}; try again in {wait} seconds.", retry_after=wait)
