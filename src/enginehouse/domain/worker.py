"""What runs work: a process with slots, in pools, for certain engines."""

from collections.abc import Mapping
from typing import Final

import msgspec

BEAT_SECONDS: Final = 10.0  # how often a worker says that it is there
GONE_AFTER: Final = 30_000_000  # µs without a word: three beats
REMEMBERED: Final = 86_400_000_000  # µs for which one that vanished is known by name


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it last spoke of itself. Times in µs of the storage clock; `running` attempts are leased to it."""

    name: str
    pools: Mapping[str, int]
    engines: frozenset[str]
    started_at: int
    seen_at: int
    running: int = 0

    def connected(self, now: int) -> bool:
        """True while it has been heard of within three beats."""
        return now - self.seen_at <= GONE_AFTER
