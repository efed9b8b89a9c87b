"""The calls that wait for a host, by its owner, each in its turn."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from enginehouse.domain.resources import Resources
from enginehouse.engines.ray.live_host import HostOwner, LiveHost

Turn = asyncio.Future[LiveHost]


@dataclass(slots=True)
class HostQueue:
    """The calls that wait for a host that takes so much, and how many starts of one failed in a row."""

    takes: Resources
    failures: int = 0
    turns: "deque[tuple[Turn, float]]" = field(default_factory=deque)  # each since when (monotonic seconds)


class HostTurns:
    """The queues that are not empty."""

    def __init__(self) -> None:
        self._queues: dict[HostOwner, HostQueue] = {}

    def __len__(self) -> int:
        return sum(len(queue.turns) for queue in self._queues.values())

    def __iter__(self) -> Iterator[tuple[HostOwner, HostQueue]]:
        return iter([*self._queues.items()])

    def add(self, owner: HostOwner, takes: Resources) -> Turn:
        """Returns the turn of another call, which waits from now on."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(owner, HostQueue(takes)).turns.append((turn, time.monotonic()))
        return turn

    def next(self, owner: HostOwner) -> Turn | None:
        """Returns the first that waits for a host of the owner, and does not wait any more; None if nobody does."""
        if (queue := self._queues.get(owner)) is None:
            return None
        turn, _ = queue.turns.popleft()
        self._close(owner, queue)
        return turn

    def leave(self, owner: HostOwner, turn: Turn) -> None:
        """The call does not wait any more."""
        if (queue := self._queues.get(owner)) is not None:
            queue.turns = deque(each for each in queue.turns if each[0] is not turn)
            self._close(owner, queue)

    def seconds(self, owner: HostOwner) -> float | None:
        """Returns how long the first call has waited for a host of the owner; None if nobody does."""
        queue = self._queues.get(owner)
        return None if queue is None else time.monotonic() - queue.turns[0][1]

    def _close(self, owner: HostOwner, queue: HostQueue) -> None:
        if not queue.turns:
            del self._queues[owner]
