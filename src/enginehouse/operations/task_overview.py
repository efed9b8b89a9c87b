"""What a person wants to see of one task at once: its items, an attempt, the attempts of its item, and its outputs."""

from dataclasses import dataclass

from enginehouse.domain.artifact import FIRST_PLACE, Artifact, OutputPlace
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, Task
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import TASK_ENDED
from enginehouse.domain.task_items import ItemPage, ItemStatus
from enginehouse.domain.wait_reasons.explanation import Explanation
from enginehouse.domain.work import Attempt, AttemptPlace
from enginehouse.operations import events, task_items, why
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.why import WaitFacts
from enginehouse.storage import artifacts, attempts
from enginehouse.storage.database.database import Tx
from enginehouse.storage.wait_facts import NONE_OPEN

_ITEMS = 50
_ATTEMPTS = 100
_OUTPUTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChoice:
    """What is shown: an attempt (item, number), by default the newest, and pages of items and outputs."""

    attempt: tuple[int, int] | None = None
    status: ItemStatus | None = None
    after: int = task_items.FIRST
    output: OutputPlace = FIRST_PLACE


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOverview:
    """A task with its job and why it waits, and what is chosen of it, all of one moment.

    That is the page of items, the chosen attempt, all attempts of its item, the last first, and a page of outputs.
    `next_output` is the last of these outputs if more follow. `last_event` is that of the job.
    """

    job: Job
    why: Explanation
    items: ItemPage
    shown: Attempt | None
    attempts: tuple[Attempt, ...]
    outputs: tuple[Artifact, ...]
    next_output: OutputPlace | None
    last_event: int

    @property
    def task(self) -> Task:
        return self.job.tasks[self.why.ordinal]


async def of_task(house: House, principal: Principal, ref: TaskRef, choice: TaskChoice) -> TaskOverview:
    """Returns what is chosen of the task, from one read. Raises NotFound, also for an attempt."""
    require(principal, Role.READER)
    organization_id = principal.organization_id

    async def read(tx: Tx) -> TaskOverview:
        facts = await why.read(tx, house, principal, [ref.job_id])
        job, explained = why.of_task(why.explained(facts), ref)
        task = job.tasks[ref.ordinal]
        if task.deleted_at is not None:
            raise NotFound("Task", ref.text)
        shown, tried = await _attempts(tx, organization_id, task, choice)
        outputs = await artifacts.page(tx, organization_id, job.id, ref.ordinal, choice.output, _OUTPUTS + 1)
        last = outputs[_OUTPUTS - 1] if len(outputs) > _OUTPUTS else None
        return TaskOverview(
            job=job,
            why=explained,
            items=await _items(tx, principal, task, facts, choice),
            shown=shown,
            attempts=tried,
            outputs=outputs[:_OUTPUTS],
            next_output=None if last is None else OutputPlace(last.folder, last.item, last.part),
            last_event=await events.read_last(tx, principal, Ref.of(ref.job_id)),
        )

    return await house.database.read(read)


async def _items(tx: Tx, principal: Principal, task: Task, facts: WaitFacts, choice: TaskChoice) -> ItemPage:
    counts = None
    if task.status not in TASK_ENDED:
        open_ = facts.items.get((task.job_id, task.ordinal), NONE_OPEN)
        counts = task_items.live_counts(task, running=open_.running, waiting=open_.waiting, kept=open_.kept)
    return await task_items.read(
        tx, principal, task, status=choice.status, after=choice.after, limit=_ITEMS, counts=counts
    )


async def _attempts(
    tx: Tx, organization_id: int, task: Task, choice: TaskChoice
) -> tuple[Attempt | None, tuple[Attempt, ...]]:
    """Returns the chosen attempt, and all of its item. Raises NotFound."""
    if choice.attempt is None:
        key, has_ended = (organization_id, task.job_id, task.ordinal), task.status in TASK_ENDED
        shown = await attempts.newest(tx, *key, has_ended=has_ended) if task.attempts else None
    else:
        shown = await attempts.one(tx, organization_id, task.job_id, AttemptPlace(task.ordinal, *choice.attempt))
        if shown is None:
            raise NotFound("Attempt", "/".join(map(str, choice.attempt)))
    if shown is None:
        return None, ()
    after = AttemptPlace(task.ordinal, shown.item, 0)
    tried = await attempts.of_job(tx, organization_id, task.job_id, after, _ATTEMPTS)
    return shown, tuple(one for at, one in reversed(tried) if (at.ordinal, at.item) == (task.ordinal, shown.item))
