"""The attempts running in this process: which slots are taken, by what, and how one is stopped."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from enginehouse.domain.work import ItemKey, Lease

Held = tuple[ItemKey, int]


@dataclass(slots=True)
class Running:
    """One attempt: its lease, its coroutine, and when its lease was last known to hold (monotonic seconds).

    `in_slot` until its engine has ended; what is left then is the report, which needs its lease but no slot.
    """

    lease: Lease
    pool: str
    task: asyncio.Task[None]
    held_at: float
    lost: bool = False
    in_slot: bool = True


@dataclass(slots=True)
class Slots:
    """How many attempts each pool may run at once, and those that do.

    `freed` is called when a slot has become free, and when an attempt's report is in: its job is locked no longer.
    """

    capacity: dict[str, int]
    running: dict[Held, Running] = field(default_factory=dict)
    freed: Callable[[], None] = lambda: None
    _taken: dict[str, int] = field(default_factory=dict)

    def free(self, pool: str) -> int:
        return self.capacity.get(pool, 0) - self._taken.get(pool, 0)

    def start(self, lease: Lease, pool: str, work: Coroutine[None, None, None], *, now: float) -> None:
        """The attempt runs and holds a slot until its engine has ended, at the latest until its coroutine has."""
        task = asyncio.create_task(work)
        held = (lease.key, lease.token)
        self.running[held] = Running(lease, pool, task, now)
        self._taken[pool] = self._taken.get(pool, 0) + 1
        task.add_done_callback(lambda _: self._end(held))

    def release(self, held: Held) -> None:
        """The attempt's engine has ended: its slot is free, so the next claim and this report may share a commit."""
        if (attempt := self.running.get(held)) is not None and attempt.in_slot:
            attempt.in_slot = False
            self._taken[attempt.pool] -= 1
            self.freed()

    def _end(self, held: Held) -> None:
        self.release(held)
        del self.running[held]
        self.freed()

    def stop(self, held: Iterable[Held]) -> None:
        """These attempts have been told to stop, once each: their leases are no longer theirs."""
        for key in held:
            if (attempt := self.running.get(key)) is not None and not attempt.lost:
                attempt.lost = True
                attempt.task.cancel()

    def stop_jobs(self, job_ids: Iterable[int]) -> None:
        """Every attempt of these jobs is told to stop."""
        gone = set(job_ids)
        self.stop([held for held in self.running if held[0].job_id in gone])

    async def drain(self, seconds: float) -> None:
        """Attempts have had `seconds` to end by themselves; the rest are cancelled and over."""
        tasks = [attempt.task for attempt in self.running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
