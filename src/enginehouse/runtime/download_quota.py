"""The quota of downloads: how many bytes the attempts of an organization may read from URLs within an hour."""

import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure

_WINDOW: Final = 3600.0  # seconds
_STEP: Final = 60.0  # seconds that share one count


class DownloadQuota:
    """Counts for every organization. A server counts what its own attempts read, and forgets it when it stops."""

    def __init__(self, hourly_mb: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hourly_mb = hourly_mb
        self._clock = clock
        self._counts: defaultdict[int, deque[tuple[float, int]]] = defaultdict(deque)
        self._sums: defaultdict[int, int] = defaultdict(int)

    async def metered(self, organization_id: int, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yields the body and counts it. Raises EngineFailure (rate_limited) when the quota is used up."""
        if self._hourly_mb is not None:
            self._check(organization_id, self._hourly_mb)
        async for block in body:
            if self._hourly_mb is not None:
                self._add(organization_id, len(block))
                self._check(organization_id, self._hourly_mb)
            yield block

    def _add(self, organization_id: int, size: int) -> None:
        step = self._clock() // _STEP * _STEP
        counts = self._counts[organization_id]
        if counts and counts[-1][0] == step:
            counts[-1] = (step, counts[-1][1] + size)
        else:
            counts.append((step, size))
        self._sums[organization_id] += size

    def _check(self, organization_id: int, hourly_mb: int) -> None:
        counts = self._counts[organization_id]
        while counts and counts[0][0] <= self._clock() - _WINDOW:
            self._sums[organization_id] -= counts.popleft()[1]
        if self._sums[organization_id] >= hourly_mb << 20:
            text = f"url: the organization has read {hourly_mb} MiB within an hour, its quota on this server."
            raise EngineFailure(text, FailureKind.RATE_LIMITED)
