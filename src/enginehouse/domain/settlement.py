"""What follows when an attempt ends: which items appear, which tasks end, what the job's status becomes. Pure.

A `Settlement` is given one locked job, the rows of the tasks concerned and the plan; it is told what happened, changes
its own copies, and is then read by storage, which writes exactly what it finds. When it needs a row it was not given it
raises `Missing`, and storage starts over with more.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from enginehouse.domain.event import CANCELLED, NOT_NEEDED, OF_VERB, PARENT_FAILED, Detail, EventKind, failure
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges, reach
from enginehouse.domain.retry import Again, Blame, FailureKind, GiveUp, after_failure, blame
from enginehouse.domain.status import JOB_ENDED, TASK, TASK_ENDED, JobStatus, Tally, TaskStatus, cancellable, job_status
from enginehouse.domain.work import WHOLE, ItemSource, ItemState, Requeue


class Missing(Exception):
    """More rows are needed: `tasks` by ordinal, and for `chunks` every visible output routed to that task."""

    def __init__(self, *, tasks: Iterable[int] = (), chunks: Iterable[int] = ()) -> None:
        super().__init__("more rows are needed")
        self.tasks = frozenset(tasks)
        self.chunks = frozenset(chunks)


class TaskState(msgspec.Struct):
    """The changing part of a task, as its row has it."""

    ordinal: int
    status: TaskStatus
    waits_for: int
    items: int
    items_open: int
    items_running: int
    items_failed: int
    failure_reason: str | None = None
    failure_message: str | None = None
    changed: bool = False


class JobState(msgspec.Struct):
    """The changing part of a job, as its row has it. `ever_started` is true from the first claim on."""

    id: int
    organization_id: int
    status: JobStatus
    cancelled: bool
    ever_started: bool
    total: int
    queued: int
    running: int
    complete: int
    failed: int
    aborted: int
    stopping: int = 0  # attempts that were told to stop and have not ended
    paused: bool = False

    def tally(self) -> Tally:
        return Tally(self.total, self.queued, self.running, self.complete, self.failed, self.aborted)


@dataclass(slots=True)
class Settlement:
    """One job while the ends of some of its attempts are worked out."""

    job: JobState
    tasks: dict[int, TaskState]
    plan: Plan
    edges: Edges
    now: int
    chunks: dict[int, list[ItemSource]] = field(default_factory=dict)
    new_items: list[tuple[int, int, ItemSource]] = field(default_factory=list)  # (ordinal, item, what it reads)
    requeues: list[Requeue] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)  # tasks whose remaining items go
    closed: list[int] = field(default_factory=list)  # the task of each item that ended
    events: list[tuple[int, EventKind, Detail | None]] = field(default_factory=list)
    _turns: deque[int] = field(default_factory=deque)

    # -- what is told ------------------------------------------------------------------------------------

    def reused(self, origins: Mapping[int, int]) -> None:
        """These tasks of a new job are complete by stored outputs: neither run nor counted, but gone on from."""
        tasks = [self._task(ordinal) for ordinal in origins]
        for task in tasks:
            self._move(task, "reuse", Detail(job=origins[task.ordinal]))
            self.job.complete -= 1
        for child in sorted({child for task in tasks for child in self.edges.children[task.ordinal]}):
            if self._takes_chunks_now(child):
                for source in self._routed(child):
                    self._add_item(self._task(child), source)
        for task in tasks:
            self._go_on(task)
        self._run_turns()

    def claimed(self, ordinal: int, attempt: Detail | None = None) -> None:
        """An attempt of one of the task's items has started; `attempt` is what history says of it."""
        task = self._task(ordinal)
        if task.status is not TaskStatus.RUNNING:
            self._move(task, "claim", attempt)
        task.items_running += 1
        task.changed = True
        self.job.ever_started = True

    def queued(self) -> None:
        """Those of the given tasks that were pending wait for a slot."""
        for task in self.tasks.values():
            if task.status in TASK["queue"].sources:
                self._move(task, "queue")

    def completed(self, item: ItemState, outputs: Iterable[tuple[int, int]]) -> None:
        """The item's result is accepted; `outputs` are its (output folder, part) pairs."""
        task = self._task(item.ordinal)
        self._close(task)
        feeds = self.edges.feeds[item.ordinal]
        if feeds:
            for folder, part in outputs:
                for from_folder, child, into in feeds:
                    if from_folder == folder and self._takes_chunks_now(child):
                        self._add_item(self._task(child), ItemSource(into, item.ordinal, folder, item.item, part))
        self._end_if_done(task)
        self._run_turns()

    def failed(
        self, item: ItemState, kind: FailureKind, message: str, *, organization_retries: int | None
    ) -> Again | GiveUp:
        """The attempt ended without a result; returns what follows for the item."""
        task, plan = self._task(item.ordinal), self.plan.tasks[item.ordinal]
        charge = blame(kind)
        failures = item.failures + (charge in (Blame.ATTEMPT, Blame.FINAL))
        lost = item.lost + (charge is Blame.LOST)
        verdict = after_failure(
            kind,
            failures=failures,
            lost=lost,
            max_retries=plan.max_retries,
            organization_retries=organization_retries,
            now=self.now,
        )
        if isinstance(verdict, Again):
            self.requeues.append(Requeue(item, verdict.at, failures, lost))
            task.items_running -= 1
            task.changed = True
            if not task.items_running and not self._has_progress(task):
                self._move(task, "again")
            self._tell_failure(item, kind, message, verdict.at)
            return verdict
        self._close(task)
        task.items_failed += 1
        if task.items_failed > plan.max_failed_chunks:
            self._fail(task, verdict.kind, message)
        else:
            self._tell_failure(item, kind, message, None)
            self._end_if_done(task)
        self._run_turns()
        return verdict

    def stopped(self, item: ItemState, reason: str) -> None:
        """An attempt of a cancelled job has ended, however it did: nothing follows from it but the end of its task."""
        task = self._task(item.ordinal)
        self._close(task)
        self.job.stopping -= 1
        said = Detail(attempt=item.attempts, item=self._chunk(item), reason=reason)
        self.events.append((item.ordinal, EventKind.STOPPED, said))
        if not task.items_running:
            task.items_open = 0
            self._move(task, "abort", Detail(reason=CANCELLED))

    # -- what is read ------------------------------------------------------------------------------------

    def is_over(self, ordinal: int) -> bool:
        """True where the task ended earlier in this settlement: what comes for it now is too late."""
        return self._task(ordinal).status in TASK_ENDED

    @property
    def changed(self) -> list[TaskState]:
        return [task for task in self.tasks.values() if task.changed]

    def status(self) -> JobStatus:
        """The job's status after everything that was told."""
        job = self.job
        return job_status(
            job.tally(), cancel_accepted=job.cancelled, attempts_open=job.stopping, ever_started=job.ever_started
        )

    def may_be_cancelled(self) -> bool:
        return not self.job.cancelled and cancellable(self.job.tally(), self.status())

    def has_ended(self) -> bool:
        return self.status() in JOB_ENDED

    # -- how it is worked out ----------------------------------------------------------------------------

    def _task(self, ordinal: int) -> TaskState:
        try:
            return self.tasks[ordinal]
        except KeyError:
            raise Missing(tasks=reach(self.edges, ordinal)) from None

    def _move(self, task: TaskState, verb: str, detail: Detail | None = None) -> None:
        """The task is in the verb's target status and the job's counts agree. The one door for a change of status."""
        move = TASK[verb]
        if task.status not in move.sources:
            raise AssertionError(f"task {task.ordinal} cannot {verb} from {task.status}")
        self._count(task.status, -1)
        self._count(move.target, +1)
        task.status = move.target
        task.changed = True
        if (kind := OF_VERB.get(verb)) is not None:
            self.events.append((task.ordinal, kind, detail))

    def _tell_failure(self, item: ItemState, kind: FailureKind, message: str, again_at: int | None) -> None:
        said = failure(kind, message, attempt=item.attempts, item=self._chunk(item), again_at=again_at)
        self.events.append((item.ordinal, EventKind.ATTEMPT_FAILED, said))

    def _chunk(self, item: ItemState) -> int | None:
        return item.item if self.plan.tasks[item.ordinal].per_chunk else None

    def _count(self, status: TaskStatus, by: int) -> None:
        job = self.job
        match status:
            case TaskStatus.QUEUED:
                job.queued += by
            case TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
                job.running += by
            case TaskStatus.COMPLETE:
                job.complete += by
            case TaskStatus.FAILED:
                job.failed += by
            case TaskStatus.ABORTED:
                job.aborted += by
            case TaskStatus.PENDING | TaskStatus.STANDBY_PENDING:
                pass

    def _takes_chunks_now(self, child: int) -> bool:
        """True where a chunk becomes an item as it appears; a standby and a task that waits get theirs at release."""
        plan = self.plan.tasks[child]
        if not plan.per_chunk or plan.parents_first or plan.standby_for is not None:
            return False
        return self._task(child).status not in TASK_ENDED

    def _has_progress(self, task: TaskState) -> bool:
        """A chunk task of which some item has already ended is still running while the next waits."""
        return task.items_open + task.items_failed < task.items

    def _add_item(self, task: TaskState, source: ItemSource) -> None:
        self.new_items.append((task.ordinal, task.items, source))
        task.items += 1
        task.items_open += 1
        task.changed = True

    def _close(self, task: TaskState) -> None:
        self.closed.append(task.ordinal)
        task.items_open -= 1
        task.items_running -= 1
        task.changed = True

    def _end_if_done(self, task: TaskState) -> None:
        if task.items_open == 0 and task.waits_for == 0 and task.status not in TASK_ENDED:
            self._turns.append(task.ordinal)

    def _run_turns(self) -> None:
        """Completions spread downwards: each may release children, which may be complete at once (no chunks)."""
        while self._turns:
            task = self._task(self._turns.popleft())
            if task.status in TASK_ENDED:
                continue
            chunks = task.items if self.plan.tasks[task.ordinal].per_chunk else None
            self._move(task, "complete", None if chunks is None else Detail(items=chunks))
            self._go_on(task)

    def _go_on(self, task: TaskState) -> None:
        """The task has completed: its standby is not needed, and its children wait for one parent less."""
        self._leave_out_standby(task.ordinal)
        for child in self.edges.children[task.ordinal]:
            state = self._task(child)
            state.waits_for -= 1
            state.changed = True
            if state.waits_for == 0:
                self._release(state)

    def _routed(self, task: int) -> list[ItemSource]:
        """Every visible output that is routed to the task."""
        if task not in self.chunks:
            raise Missing(chunks=[task])
        return self.chunks[task]

    def _release(self, task: TaskState) -> None:
        """Every parent is complete: the items that waited for that appear, or the task ends for want of any."""
        if task.status in TASK_ENDED or task.status is TaskStatus.STANDBY_PENDING:
            return
        plan = self.plan.tasks[task.ordinal]
        if not plan.per_chunk or not self.edges.parents[task.ordinal]:
            self._add_item(task, WHOLE)
            return
        if plan.parents_first or plan.standby_for is not None:
            for source in self._routed(task.ordinal):
                self._add_item(task, source)
        self._end_if_done(task)

    def _fail(self, task: TaskState, kind: FailureKind, message: str) -> None:
        task.failure_reason, task.failure_message = kind.value, message
        self._move(task, "fail", failure(kind, message))
        self._drop_items(task)
        standby = self.edges.standbys[task.ordinal]
        if standby is not None and (state := self._task(standby)).status is TaskStatus.STANDBY_PENDING:
            # The standby stands for its principal from here on, in the job's status as in the graph.
            self.job.failed -= 1
            self._move(state, "activate")
            if state.waits_for == 0:
                self._release(state)
            return
        for ordinal in reach(self.edges, task.ordinal) - {task.ordinal}:
            self._abort(self._task(ordinal), PARENT_FAILED)

    def _abort(self, task: TaskState, reason: str) -> None:
        if task.status in TASK_ENDED:
            return
        left_out = task.status is TaskStatus.STANDBY_PENDING
        task.failure_reason = NOT_NEEDED if left_out else reason
        self._move(task, "abort", Detail(reason=task.failure_reason))
        self._drop_items(task)
        if left_out:
            self.job.aborted -= 1

    def _leave_out_standby(self, principal: int) -> None:
        standby = self.edges.standbys[principal]
        while standby is not None:
            self._abort(self._task(standby), NOT_NEEDED)
            standby = self.edges.standbys[standby]

    def _drop_items(self, task: TaskState) -> None:
        if task.items_open:
            self.dropped.add(task.ordinal)
        task.items_open = task.items_running = 0
        task.changed = True
