"""The rows of one job in memory. They change as storage changes them, so that a settlement needs no database.

Rows are replaced, never changed, so that a copy of the tables is a copy of the job.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, Self, TypeVar

import msgspec
from msgspec import structs
from tests.domain.requests import NOW

from enginehouse.domain.event import Detail, EventKind
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges, edges_of, initial
from enginehouse.domain.retry import Again, FailureKind, GiveUp
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import JobState, Missing, TaskState
from enginehouse.domain.status import JOB_ENDED, JobStatus, TaskStatus, cancellable
from enginehouse.domain.work import WHOLE, Failed, ItemSource, ItemState

ORGANIZATION_RETRIES = 1

Key = tuple[int, int]  # (task ordinal, item)
Output = tuple[int, int, int, int]  # (task ordinal, folder, item, part)
POSTPONED: Final = "postponed"
# The (folder, part) pairs of a result, or why it failed, or that the engine asked to be called again.
Outcome = tuple[tuple[int, int], ...] | FailureKind | Literal["postponed"]
Verdict = Again | GiveUp
T = TypeVar("T")


class Item(msgspec.Struct, frozen=True):
    source: ItemSource
    attempts: int = 0
    failures: int = 0
    lost: int = 0
    leased: bool = False


class Attempt(NamedTuple):
    """An attempt that has ended; `verdict` is the decision after a failure."""

    key: Key
    outcome: Outcome
    end: Literal["complete", "failed", "stopped", "postponed"]
    verdict: Verdict | None = None


@dataclass(slots=True)
class Rows:
    """A job, its tasks, items, outputs and history."""

    plan: Plan
    edges: Edges
    job: JobState
    tasks: dict[int, TaskState]
    items: dict[Key, Item]
    outputs: frozenset[Output] = frozenset()
    reused: frozenset[int] = frozenset()
    cancellable: bool = True
    leases: int = 0  # how many were taken so far
    sources: list[tuple[Key, ItemSource]] = field(default_factory=list)  # of every item so far
    attempts: list[Attempt] = field(default_factory=list)
    closed: Counter[int] = field(default_factory=Counter)  # how many items ended by the settlements, by task
    events: list[tuple[int, EventKind, Detail | None]] = field(default_factory=list)

    @classmethod
    def create(cls, plan: Plan, reused: frozenset[int] = frozenset(), outputs: frozenset[Output] = frozenset()) -> Self:
        """A new job whose tasks `reused` are complete by `outputs`."""
        edges, start = edges_of(plan), initial(plan)
        ready = set(start.ready) - reused
        total = sum(task.standby_for is None for task in plan.tasks) - len(reused)
        job = JobState(1, 1, JobStatus.PENDING, False, False, total, 0, 0, 0, 0, 0)
        tasks = {
            n: TaskState(n, status, edges.waits_for[n], int(n in ready), int(n in ready), 0, 0)
            for n, status in enumerate(start.statuses)
        }
        rows = cls(plan, edges, job, tasks, {(n, 0): Item(WHOLE) for n in sorted(ready)}, outputs, reused)
        rows.sources = [((n, 0), WHOLE) for n in sorted(ready)]
        if reused:
            settlement, _ = rows._settle(lambda told: told.reused(dict.fromkeys(sorted(reused), 1)), tasks)
            rows._write(settlement)
        return rows

    def retry(self) -> Self:
        """The retry of only the tasks that are not complete in this job."""
        ended = {n for n, task in self.tasks.items() if task.status is TaskStatus.COMPLETE}
        reused = frozenset(n for n in ended if self.plan.tasks[n].standby_for is None)
        return self.create(self.plan, reused, frozenset(each for each in self.outputs if each[0] in reused))

    def copy(self) -> Self:
        return replace(
            self,
            tasks=dict(self.tasks),
            items=dict(self.items),
            sources=list(self.sources),
            attempts=list(self.attempts),
            closed=Counter(self.closed),
            events=list(self.events),
        )

    @property
    def free(self) -> list[Key]:
        return sorted(key for key, item in self.items.items() if not item.leased)

    @property
    def leased(self) -> list[Key]:
        return sorted(key for key, item in self.items.items() if item.leased)

    def routed(self, child: int) -> list[ItemSource]:
        """Every output that a route leads to the task."""
        return [
            ItemSource(route.child_folder, ordinal, folder, item, part)
            for ordinal, folder, item, part in sorted(self.outputs)
            for route in self.plan.routes
            if (route.parent, route.parent_folder, route.child) == (ordinal, folder, child)
        ]

    # -- the verbs of storage ------------------------------------------------------------------------------------

    def claim(self, keys: Iterable[Key]) -> None:
        """Starts attempts of these free items."""
        keys = list(keys)
        self.leases += len(keys)
        for key in keys:
            item = self.items[key]
            self.items[key] = structs.replace(item, leased=True, attempts=item.attempts + 1)

        def tell(settlement: Settlement) -> None:
            for ordinal, item in keys:
                settlement.claimed(ordinal, Detail(worker="w", attempt=self.items[ordinal, item].attempts))

        settlement, _ = self._settle(tell, {ordinal for ordinal, _ in keys})
        self._write(settlement)

    def queue(self, ordinals: Iterable[int]) -> None:
        """Sets the pending ones of these tasks to queued."""
        settlement, _ = self._settle(Settlement.queued, ordinals)
        self._write(settlement)

    def finish(self, ends: Mapping[Key, Outcome], *, all_rows: bool = False) -> None:
        """Ends attempts, results before failures. With `all_rows` the settlement has every row from the start."""
        reports = sorted(ends.items(), key=lambda end: isinstance(end[1], FailureKind))
        reports = [(key, outcome) for key, outcome in reports if key in self.items]
        if not self.job.cancelled:
            done = [(key, outcome) for key, outcome in reports if isinstance(outcome, tuple)]
            self.outputs |= {(n, folder, item, part) for (n, item), outputs in done for folder, part in outputs}
        ordinals = self.tasks if all_rows else {ordinal for (ordinal, _), _ in reports}
        children = self.tasks if all_rows else ()
        settlement, attempts = self._settle(lambda told: self._tell(told, reports), ordinals, children)
        again = {(later.item.ordinal, later.item.item): later for later in settlement.requeues}
        for key, _ in reports:
            item = self.items.pop(key)
            if (later := again.get(key)) is not None:
                self.items[key] = structs.replace(item, leased=False, failures=later.failures, lost=later.lost)
        self.attempts += attempts
        self._write(settlement)

    def cancel(self, *, include_running: bool) -> None:
        """Cancels the job if that is allowed; running attempts must stop."""
        job = self.job
        if job.cancelled or not (
            cancellable(job.tally(), job.status) or (include_running and job.status not in JOB_ENDED)
        ):
            return
        self.items = {key: item for key, item in self.items.items() if item.leased}
        status = JobStatus.RUNNING if self.items else JobStatus.ABORTED
        self.job = structs.replace(job, cancelled=True, stopping=len(self.items), status=status)
        self.cancellable = False

    # -- the settlements -----------------------------------------------------------------------------------------

    def _tell(self, settlement: Settlement, reports: list[tuple[Key, Outcome]]) -> list[Attempt]:
        attempts = []
        for key, outcome in reports:
            row = self.items[key]
            item = ItemState(*key, attempts=row.attempts, failures=row.failures, lost=row.lost)
            if settlement.job.cancelled:
                settlement.stopped(item, "stopped")
                attempts.append(Attempt(key, outcome, "stopped"))
            elif settlement.is_over(item.ordinal):
                continue
            elif isinstance(outcome, FailureKind):
                verdict = settlement.failed(item, Failed(outcome, "broken"), organization_retries=ORGANIZATION_RETRIES)
                attempts.append(Attempt(key, outcome, "failed", verdict))
            elif outcome == POSTPONED:
                assert settlement.postponed(item, 5.0) == NOW + 5_000_000
                attempts.append(Attempt(key, outcome, "postponed"))
            else:
                settlement.completed(item, outcome)
                attempts.append(Attempt(key, outcome, "complete"))
        return attempts

    def _settle(
        self, tell: Callable[[Settlement], T], ordinals: Iterable[int], children: Iterable[int] = ()
    ) -> tuple[Settlement, T]:
        """A settlement of these tasks, after the calls. It starts over with more rows each time it raises Missing."""
        known, chunks = set(ordinals), {child: self.routed(child) for child in children}
        while True:
            tasks = {n: structs.replace(self.tasks[n]) for n in sorted(known)}
            settlement = Settlement(structs.replace(self.job), tasks, self.plan, self.edges, now=NOW, chunks=chunks)
            try:
                return settlement, tell(settlement)
            except Missing as missing:
                wanted = missing
            assert wanted.tasks - known or wanted.chunks - chunks.keys()
            known |= wanted.tasks
            chunks = chunks | {child: self.routed(child) for child in wanted.chunks}

    def _write(self, settlement: Settlement) -> None:
        for task in settlement.changed:
            self.tasks[task.ordinal] = structs.replace(task, changed=False)
        self.items = {key: item for key, item in self.items.items() if key[0] not in settlement.dropped}
        for ordinal, item, source in settlement.new_items:
            self.sources.append(((ordinal, item), source))
            if ordinal not in settlement.dropped:
                self.items[ordinal, item] = Item(source)
        self.job = structs.replace(settlement.job, status=settlement.status())
        self.cancellable = settlement.may_be_cancelled()
        self.closed.update(settlement.closed)
        self.events += settlement.events
