"""Where work comes from: the calls a dispatcher makes, whether the storage is in this process or behind HTTP."""

from collections.abc import Sequence
from typing import Protocol

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.work import Answer, ItemKey, Lease, Report
from enginehouse.operations import work
from enginehouse.operations.house import House


class WorkSource(Protocol):
    """Claim, heartbeat, finish, and what an item reads. Every write carries the lease's fencing token."""

    async def ready(self, *, pool: str) -> bool:
        """Whether a claim would find something to look at; cheap enough to ask when nothing goes on."""

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]: ...

    async def heartbeat(self, held: Sequence[tuple[ItemKey, int]]) -> dict[tuple[ItemKey, int], bool]:
        """The leases still held run on; answers those, and whether each is to stop since its job was cancelled."""

    async def stop_signalled(self, leases: Sequence[tuple[ItemKey, int]]) -> None:
        """It is recorded that the engines of these attempts were signalled to stop."""

    async def finish(self, report: Report) -> Answer: ...

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]: ...

    async def mark_queued(self, *, pool: str) -> int:
        """What waits for a worker slot of this pool says so."""


class InProcess:
    """The work source of a server that holds the storage itself."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def ready(self, *, pool: str) -> bool:
        return await work.ready(self._house, pool=pool)

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        return await work.claim(self._house, pool=pool, limit=limit, worker=worker)

    async def heartbeat(self, held: Sequence[tuple[ItemKey, int]]) -> dict[tuple[ItemKey, int], bool]:
        return await work.heartbeat(self._house, held)

    async def stop_signalled(self, leases: Sequence[tuple[ItemKey, int]]) -> None:
        await work.signalled(self._house, leases)

    async def finish(self, report: Report) -> Answer:
        return await work.finish(self._house, report)

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        return await work.inputs(self._house, lease)

    async def mark_queued(self, *, pool: str) -> int:
        return await work.mark_queued(self._house, pool=pool)
