"""The running attempts of this process: the worker slots that they take, and how they are stopped."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Lease
from enginehouse.runtime.source import LeaseId
from enginehouse.runtime.worker_slots import WorkerSlots


@dataclass(slots=True)
class Running:
    """One attempt: its lease, its coroutine, and when its lease was last known to be valid (monotonic seconds).

    `is_held` until its engine has ended: it has a worker slot or waits for one. Then only the report is left, which
    needs the lease but no worker slot.
    `stop_requested`: its job was cancelled, and its lease stays valid until its engine has ended. `lease_lost`: its
    lease is not valid any more.
    """

    lease: Lease
    pool: str
    task: asyncio.Task[None]
    lease_seen_at: float
    stop_requested: bool = False
    lease_lost: bool = False
    is_held: bool = True


@dataclass(slots=True)
class Capacity:
    """The worker slots of each pool, and the attempts that take them or wait for one.

    The pools in `ahead` may hold leases beyond their slots.

    `on_free` is called when the pool can take a lease again, and when an attempt has reported, because its job is no
    longer locked then. `on_stop_request` is called when attempts were requested to stop, `on_doubt` when the leases
    should be checked at once. An engine has `stop_grace` seconds to end after a stop request, `grace` after any other
    stop. `resources` is what the machine has, `needs` what an item of an engine takes of it.
    """

    pools: dict[str, int]
    ahead: frozenset[str] = frozenset()
    running: dict[LeaseId, Running] = field(default_factory=dict)
    on_free: Callable[[str], None] = lambda pool: None
    on_stop_request: Callable[[], None] = lambda: None
    on_doubt: Callable[[], None] = lambda: None
    stop_grace: float = 10.0
    grace: float = 1.0
    doubt_since: float = float("-inf")
    stop_signals: set[LeaseId] = field(default_factory=set)
    resources: Resources = NOTHING
    needs: Callable[[str], Resources] = lambda engine_id: NOTHING
    _slots: dict[str, WorkerSlots] = field(init=False)

    def __post_init__(self) -> None:
        self._slots = {
            pool: WorkerSlots(number, leases_ahead=number > 0 and pool in self.ahead)
            for pool, number in self.pools.items()
        }

    def free_resources(self) -> Resources:
        """Returns what the machine has and no running engine takes."""
        left = self.resources
        for attempt in self.running.values():
            if attempt.is_held and (need := self.needs(attempt.lease.engine_id)) != NOTHING:
                left = left.without(need)
        return left

    def free(self, pool: str) -> int:
        """Returns how many more leases the pool can take now."""
        return self._slots[pool].free() if pool in self._slots else 0

    def is_idle(self, pool: str) -> bool:
        """Returns True if the pool holds no lease whose engine has not ended."""
        return pool in self._slots and self._slots[pool].held == 0

    def fit(self, pool: str, slots: int, resources: Resources) -> None:
        """The pool has only so many slots from now on, and what runs its engines has these resources."""
        self.resources = resources
        self._slots[pool].resize(slots)
        self.on_free(pool)

    def start(self, lease: Lease, pool: str, work: Coroutine[None, None, None], *, now: float) -> None:
        """The attempt runs. It is held by its pool until its engine, or at the latest its coroutine, has ended."""
        task = asyncio.create_task(work)
        lease_id = (lease.key, lease.token)
        self.running[lease_id] = Running(lease, pool, task, now)
        self._slots[pool].held += 1
        task.add_done_callback(lambda _: self._end(lease_id))
        if now <= self.doubt_since:
            self.on_doubt()

    async def take_slot(self, lease_id: LeaseId) -> None:
        """The attempt has a worker slot. Raises EngineFailure (not_started) if its pool has none in time."""
        if (attempt := self.running.get(lease_id)) is not None:
            await self._slots[attempt.pool].take(lease_id)

    async def may_report(self, lease_id: LeaseId) -> None:
        """The attempt's report may be sent: at once, or together with others while leases wait for the pool's slots."""
        if (attempt := self.running.get(lease_id)) is not None:
            await self._slots[attempt.pool].report()

    def release(self, lease_id: LeaseId) -> None:
        """The worker slot of an ended engine is free, so the next claim and this report may share a commit."""
        if (attempt := self.running.get(lease_id)) is not None and attempt.is_held:
            attempt.is_held = False
            slots = self._slots[attempt.pool]
            slots.held -= 1
            slots.leave(lease_id)
            self.on_free(attempt.pool)

    def _end(self, lease_id: LeaseId) -> None:
        self.release(lease_id)
        self.on_free(self.running.pop(lease_id).pool)

    def stop(self, lease_ids: Iterable[LeaseId]) -> None:
        """These attempts are stopped, once each, because their leases are lost."""
        for lease_id in lease_ids:
            if (attempt := self.running.get(lease_id)) is not None and not attempt.lease_lost:
                attempt.lease_lost = True
                attempt.task.cancel()

    def stop_jobs(self, job_ids: Iterable[int]) -> None:
        """Every attempt of these jobs is stopped, because none has a lease any more."""
        self.stop(self._of(job_ids))

    def request_stop(self, lease_ids: Iterable[LeaseId]) -> None:
        """These attempts are requested to stop, once each, because their jobs were cancelled."""
        for lease_id in lease_ids:
            attempt = self.running.get(lease_id)
            if attempt is not None and not attempt.stop_requested and not attempt.lease_lost:
                attempt.stop_requested = True
                attempt.task.cancel()
                self.stop_signals.add(lease_id)
        if self.stop_signals:
            self.on_stop_request()

    def request_stop_of_jobs(self, job_ids: Iterable[int]) -> None:
        """Every attempt of these jobs is requested to stop, also one whose lease is still on its way here."""
        self.doubt_since = time.monotonic()
        self.request_stop(self._of(job_ids))

    def doubt(self) -> None:
        """Another server has cancelled running jobs. The leases are checked at once, because some may be ours."""
        self.doubt_since = time.monotonic()
        self.on_doubt()

    def stop_requested(self, lease_id: LeaseId) -> bool:
        """Returns True if the attempt must stop because its job was cancelled."""
        return (attempt := self.running.get(lease_id)) is not None and attempt.stop_requested

    def grace_of(self, lease_id: LeaseId) -> float:
        """Returns the seconds that the attempt's engine has between the request to end and the kill."""
        attempt = self.running.get(lease_id)
        return (
            self.stop_grace if attempt is not None and attempt.stop_requested and not attempt.lease_lost else self.grace
        )

    def _of(self, job_ids: Iterable[int]) -> list[LeaseId]:
        jobs = set(job_ids)
        return [lease_id for lease_id in self.running if lease_id[0].job_id in jobs]

    async def drain(self, seconds: float) -> None:
        """All attempts have ended. Those that ran longer than `seconds` were cancelled."""
        tasks = [attempt.task for attempt in self.running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
