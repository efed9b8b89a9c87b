"""Works out what follows from the end of an attempt: new items, ended tasks, the job's status. Pure.

A `Settlement` gets one locked job, the rows of the tasks concerned and the plan. Storage calls the method for each
thing that happened; the method changes the settlement's own copies. Storage then writes exactly these changes. If a
row is needed that was not loaded, the settlement raises `Missing`, and storage starts over with more rows.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from enginehouse.domain.event import (
    CANCELLED,
    NOT_NEEDED,
    OF_VERB,
    PARENT_FAILED,
    Detail,
    EventKind,
    failure,
)
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges, reach
from enginehouse.domain.retry import Again, Blame, FailureKind, GiveUp, after_failure, blame
from enginehouse.domain.settlement_rows import JobState, Missing, TaskState
from enginehouse.domain.status import JOB_ENDED, TASK, TASK_ENDED, JobStatus, TaskStatus, cancellable, job_status
from enginehouse.domain.times import SECOND
from enginehouse.domain.work import WHOLE, Failed, ItemSource, ItemState, Requeue


@dataclass(slots=True)
class Settlement:
    """One job while what follows from the ends of some of its attempts is worked out."""

    job: JobState
    tasks: dict[int, TaskState]
    plan: Plan
    edges: Edges
    now: int
    chunks: dict[int, list[ItemSource]] = field(default_factory=dict)
    new_items: list[tuple[int, int, ItemSource]] = field(default_factory=list)  # (ordinal, item, its source)
    requeues: list[Requeue] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)  # tasks whose remaining items are deleted
    renumbered: set[int] = field(default_factory=set)  # tasks whose items are counted from 0 again
    closed: list[int] = field(default_factory=list)  # the task of each item that ended
    events: list[tuple[int, EventKind, Detail | None]] = field(default_factory=list)
    _turns: deque[int] = field(default_factory=deque)

    # -- what happened -----------------------------------------------------------------------------------

    def reused(self, origins: Mapping[int, int]) -> None:
        """Completes these tasks of a new job by stored outputs. They never run, do not count, and release children."""
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

    def placed(self, ordinals: Sequence[int]) -> None:
        """These tasks, which have not begun, are where the plan has them now: new, or with a new route into them.

        Each waits for those of its parents that have not completed, and has the items that it can have by now. A task
        that can get no input any more is aborted. Their rows of items were deleted before.
        """
        waiting = list[TaskState]()
        for ordinal in ordinals:
            task = self._task(ordinal)
            if task.status in TASK_ENDED:
                continue  # aborted with a parent that was placed before it
            task.items = task.items_open = task.items_failed = 0
            task.changed = True
            self.renumbered.add(ordinal)
            parents = [self._comes(p) for p in self.edges.parents[ordinal] if self.plan.tasks[p].standby_for is None]
            task.waits_for = parents.count(None) + self.plan.tasks[ordinal].awaits_route + self.edges.awaits[ordinal]
            if False in parents:
                for each in reach(self.edges, ordinal):
                    self._abort(self._task(each), PARENT_FAILED)
                continue
            if task.status is TaskStatus.QUEUED:
                self._move(task, "unqueue")
            waiting.append(task)
        for task in waiting:
            if self.edges.has_input(task.ordinal) and self._takes_chunks_now(task.ordinal):
                for source in self._routed(task.ordinal):
                    self._add_item(task, source)
            if task.waits_for == 0:
                self._release(task)
        self._run_turns()

    def claimed(self, ordinal: int, attempt: Detail | None = None) -> None:
        """An attempt of one of the task's items has started; `attempt` is the detail for the history."""
        task = self._task(ordinal)
        if task.status is not TaskStatus.RUNNING:
            self._move(task, "claim", attempt)
        task.items_running += 1
        task.changed = True
        self.job.ever_started = True

    def queued(self) -> None:
        """Every pending task of this settlement now waits for a worker slot."""
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

    def failed(self, item: ItemState, end: Failed, *, organization_retries: int | None) -> Again | GiveUp:
        """The attempt ended without a result. Returns what follows for the item."""
        task, plan = self._task(item.ordinal), self.plan.tasks[item.ordinal]
        charge = blame(end.kind, is_final=end.is_final)
        failures = item.failures + (charge in (Blame.ATTEMPT, Blame.FINAL))
        lost = item.lost + (charge is Blame.LOST)
        verdict = after_failure(
            end.kind,
            failures=failures,
            lost=lost,
            max_retries=plan.max_retries,
            organization_retries=organization_retries,
            now=self.now,
            is_final=end.is_final,
            retry_after=end.retry_after,
        )
        if isinstance(verdict, Again):
            self._put_back(task, Requeue(item, verdict.at, failures, lost), "again")
            self._tell_failure(item, end.kind, end.message, verdict.at)
            return verdict
        self._close(task)
        task.items_failed += 1
        if task.items_failed > plan.max_failed_chunks:
            self._fail(task, verdict.kind, end.message)
        else:
            self._tell_failure(item, end.kind, end.message, None)
            self._end_if_done(task)
        self._run_turns()
        return verdict

    def postponed(self, item: ItemState, seconds: float) -> int:
        """The engine asked to be called again. Nobody is charged. Returns when the item may start again."""
        at = self.now + int(seconds * SECOND)
        said = Detail(attempt=item.attempts, item=self._chunk(item), again_at=at)
        self.events.append((item.ordinal, EventKind.POSTPONED, said))
        self._put_back(self._task(item.ordinal), Requeue(item, at, item.failures, item.lost), "wait")
        return at

    def stopped(self, item: ItemState, reason: str) -> None:
        """An attempt of a cancelled job has ended in any way. Only the end of its task can follow from it."""
        task = self._task(item.ordinal)
        self._close(task)
        self.job.stopping -= 1
        said = Detail(attempt=item.attempts, item=self._chunk(item), reason=reason)
        self.events.append((item.ordinal, EventKind.STOPPED, said))
        if not task.items_running:
            task.items_open = 0
            self._move(task, "abort", Detail(reason=CANCELLED))

    # -- the results -------------------------------------------------------------------------------------

    def is_over(self, ordinal: int) -> bool:
        """True if the task has ended, so that a result for it now is too late."""
        return self._task(ordinal).status in TASK_ENDED

    @property
    def changed(self) -> list[TaskState]:
        return [task for task in self.tasks.values() if task.changed]

    def status(self) -> JobStatus:
        """The job's status after everything that happened."""
        job = self.job
        return job_status(
            job.tally(), cancel_accepted=job.cancelled, attempts_open=job.stopping, ever_started=job.ever_started
        )

    def may_be_cancelled(self) -> bool:
        return not self.job.cancelled and cancellable(self.job.tally(), self.status())

    def has_ended(self) -> bool:
        return self.status() in JOB_ENDED

    # -- the rules ---------------------------------------------------------------------------------------

    def _task(self, ordinal: int) -> TaskState:
        try:
            return self.tasks[ordinal]
        except KeyError:
            raise Missing(tasks=reach(self.edges, ordinal)) from None

    def _comes(self, ordinal: int) -> bool | None:
        """True if the whole output of the task (or of its standby) is there, False if it never comes, else None."""
        match self._task(ordinal).status:
            case TaskStatus.COMPLETE:
                return True
            case TaskStatus.FAILED:
                standby = self.edges.standbys[ordinal]
                return False if standby is None else self._comes(standby)
            case TaskStatus.ABORTED:
                return False
            case _:
                return None

    def _move(self, task: TaskState, verb: str, detail: Detail | None = None) -> None:
        """Moves the task to the verb's target status and updates the job's counts. Every change of status goes here."""
        move = TASK[verb]
        if task.status not in move.sources:
            raise AssertionError(f"task {task.ordinal} cannot {verb} from {task.status}")
        self.job.count(task.status, -1)
        self.job.count(move.target, +1)
        task.status = move.target
        task.changed = True
        if (kind := OF_VERB.get(verb)) is not None:
            self.events.append((task.ordinal, kind, detail))

    def _tell_failure(self, item: ItemState, kind: FailureKind, message: str, again_at: int | None) -> None:
        said = failure(kind, message, attempt=item.attempts, item=self._chunk(item), again_at=again_at)
        self.events.append((item.ordinal, EventKind.ATTEMPT_FAILED, said))

    def _chunk(self, item: ItemState) -> int | None:
        return item.item if self.plan.tasks[item.ordinal].per_chunk else None

    def _takes_chunks_now(self, child: int) -> bool:
        """True if a new chunk becomes an item at once. A standby or a task that waits gets its items at release."""
        plan = self.plan.tasks[child]
        if not plan.per_chunk or plan.parents_first or plan.standby_for is not None:
            return False
        return self._task(child).status not in TASK_ENDED

    def _has_progress(self, task: TaskState) -> bool:
        """True for a chunk task with an item that ended well: it stays running while the next item waits."""
        return task.items_open + task.items_failed < task.items

    def _add_item(self, task: TaskState, source: ItemSource) -> None:
        self.new_items.append((task.ordinal, task.items, source))
        task.items += 1
        task.items_open += 1
        task.changed = True

    def _put_back(self, task: TaskState, requeue: Requeue, verb: str) -> None:
        """The item waits for its next attempt, and so does its task if nothing else of it runs or is done."""
        self.requeues.append(requeue)
        task.items_running -= 1
        task.changed = True
        if not task.items_running and not self._has_progress(task):
            self._move(task, verb)

    def _close(self, task: TaskState) -> None:
        self.closed.append(task.ordinal)
        task.items_open -= 1
        task.items_running -= 1
        task.changed = True

    def _end_if_done(self, task: TaskState) -> None:
        if task.items_open == 0 and task.waits_for == 0 and task.status not in TASK_ENDED:
            self._turns.append(task.ordinal)

    def _run_turns(self) -> None:
        """Completes the tasks that are done. Each may release children, which may be done at once (no chunks)."""
        while self._turns:
            task = self._task(self._turns.popleft())
            if task.status in TASK_ENDED:
                continue
            chunks = task.items if self.plan.tasks[task.ordinal].per_chunk else None
            self._move(task, "complete", None if chunks is None else Detail(items=chunks))
            self._go_on(task)

    def _go_on(self, task: TaskState) -> None:
        """Aborts the standby of a completed task, and lets each child wait for one parent less."""
        self._leave_out_standby(task.ordinal)
        for child in self.edges.children[task.ordinal]:
            state = self._task(child)
            state.waits_for -= 1
            state.changed = True
            if state.waits_for == 0:
                self._release(state)

    def _routed(self, task: int) -> list[ItemSource]:
        """Returns every visible output that is routed to the task. Raises Missing if they are not loaded."""
        if task not in self.chunks:
            raise Missing(chunks=[task])
        return self.chunks[task]

    def _release(self, task: TaskState) -> None:
        """Every parent is complete: adds the items that waited for that, or ends the task if it has no open item."""
        if task.status in TASK_ENDED or task.status is TaskStatus.STANDBY_PENDING:
            return
        plan = self.plan.tasks[task.ordinal]
        if task.ordinal in self.edges.receivers:
            self._end_if_done(task)
            return
        if not plan.per_chunk or not self.edges.has_input(task.ordinal):
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
            # From here on the standby replaces its principal, in the job's status and in the graph.
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
