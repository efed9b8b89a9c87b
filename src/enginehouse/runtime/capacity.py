"""The attempts running in this process: which slots are taken, by what, and how one is stopped."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from enginehouse.domain.work import ItemKey, Lease

Held = tuple[ItemKey, int]


@dataclass(slots=True)
class Running:
    """One attempt: its lease, its coroutine, and when its lease was last known to hold (monotonic seconds).

    `in_slot` until its engine has ended; what is left then is the report, which needs its lease but no slot.
    `asked` to stop since its job was cancelled: its lease holds on until its engine has ended. `lost`: it does not.
    """

    lease: Lease
    pool: str
    task: asyncio.Task[None]
    held_at: float
    asked: bool = False
    lost: bool = False
    in_slot: bool = True


@dataclass(slots=True)
class Slots:
    """How many attempts each pool may run at once, and those that do.

    `freed` is called when a slot has become free, and when an attempt's report is in: its job is locked no longer.
    `told` is called when attempts have been asked to stop, `unsure` when leases should be asked after at once.
    An engine that was asked to stop has `patience` seconds to do so, any other that is stopped `grace`.
    """

    capacity: dict[str, int]
    running: dict[Held, Running] = field(default_factory=dict)
    freed: Callable[[], None] = lambda: None
    told: Callable[[], None] = lambda: None
    unsure: Callable[[], None] = lambda: None
    patience: float = 10.0
    grace: float = 1.0
    noticed_at: float = float("-inf")
    signalled: set[Held] = field(default_factory=set)
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
        if now <= self.noticed_at:
            self.unsure()

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
        """Every attempt of these jobs is told to stop: they have no lease any more."""
        self.stop(self._of(job_ids))

    def ask(self, held: Iterable[Held]) -> None:
        """These attempts have been asked to stop, once each: their jobs were cancelled."""
        for key in held:
            attempt = self.running.get(key)
            if attempt is not None and not attempt.asked and not attempt.lost:
                attempt.asked = True
                attempt.task.cancel()
                self.signalled.add(key)
        if self.signalled:
            self.told()

    def ask_jobs(self, job_ids: Iterable[int]) -> None:
        """Every attempt of these jobs is asked to stop, also one whose lease is still on its way here."""
        self.noticed_at = time.monotonic()
        self.ask(self._of(job_ids))

    def notice(self) -> None:
        """Somewhere running jobs were cancelled: whether one of ours was is asked at once."""
        self.noticed_at = time.monotonic()
        self.unsure()

    def was_asked(self, held: Held) -> bool:
        return (attempt := self.running.get(held)) is not None and attempt.asked

    def grace_of(self, held: Held) -> float:
        """How many seconds the attempt's engine has between being told to end and being made to."""
        attempt = self.running.get(held)
        return self.patience if attempt is not None and attempt.asked and not attempt.lost else self.grace

    def _of(self, job_ids: Iterable[int]) -> list[Held]:
        wanted = set(job_ids)
        return [held for held in self.running if held[0].job_id in wanted]

    async def drain(self, seconds: float) -> None:
        """Attempts have had `seconds` to end by themselves; the rest are cancelled and over."""
        tasks = [attempt.task for attempt in self.running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
