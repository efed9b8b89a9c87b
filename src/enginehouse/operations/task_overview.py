"""What a person wants to see of one task at once: its items, an attempt, the attempts of its item, and its outputs."""

from dataclasses import dataclass

from enginehouse.domain.artifact import FIRST_PLACE, Artifact, OutputPlace
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job
from enginehouse.domain.task_items import ItemPage, ItemStatus
from enginehouse.domain.work import Attempt, AttemptPlace
from enginehouse.operations import task_items
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import artifacts, attempts
from enginehouse.storage.database.database import Tx

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
    """The page of items, the chosen attempt, all attempts of its item, the last first, and a page of outputs.

    `next_output` is the last of these outputs if more follow.
    """

    items: ItemPage
    shown: Attempt | None
    attempts: tuple[Attempt, ...]
    outputs: tuple[Artifact, ...]
    next_output: OutputPlace | None


async def of_task(house: House, principal: Principal, job: Job, ordinal: int, choice: TaskChoice) -> TaskOverview:
    """Returns what is chosen of a task of the caller's job, in one transaction. Raises NotFound for an attempt."""
    require(principal, Role.READER)
    task, organization_id = job.tasks[ordinal], principal.organization_id

    async def read(tx: Tx) -> TaskOverview:
        items = await task_items.read(tx, principal, task, status=choice.status, after=choice.after, limit=_ITEMS)
        if choice.attempt is None:
            shown = await attempts.newest(tx, organization_id, job.id, ordinal) if task.attempts else None
        else:
            shown = await attempts.one(tx, organization_id, job.id, AttemptPlace(ordinal, *choice.attempt))
            if shown is None:
                raise NotFound("Attempt", "/".join(map(str, choice.attempt)))
        item = 0 if shown is None else shown.item
        after = AttemptPlace(ordinal, item, 0)
        tried = await attempts.of_job(tx, organization_id, job.id, after, _ATTEMPTS) if shown else []
        outputs = await artifacts.page(tx, organization_id, job.id, ordinal, choice.output, _OUTPUTS + 1)
        last = outputs[_OUTPUTS - 1] if len(outputs) > _OUTPUTS else None
        return TaskOverview(
            items=items,
            shown=shown,
            attempts=tuple(one for at, one in reversed(tried) if (at.ordinal, at.item) == (ordinal, item)),
            outputs=outputs[:_OUTPUTS],
            next_output=None if last is None else OutputPlace(last.folder, last.item, last.part),
        )

    return await house.database.read(read)
