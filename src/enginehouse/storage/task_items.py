"""The items of a task in storage: open ones are rows of work, and of the others their last attempt is left."""

from typing import Final, NamedTuple

from enginehouse.domain.task_items import ItemStatus, TaskItem
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class TaskItemRow(NamedTuple):
    """An item with its last attempt."""

    item: int
    status: str
    number: int
    worker: str | None
    started_at: int | None
    ended_at: int | None
    again_at: int | None
    failure_reason: str | None
    failure_message: str | None


class OpenItemsRow(NamedTuple):
    """The open items of a task: all, those that run, and those that wait."""

    items: int
    running: int
    waiting: int


class EndedItemsRow(NamedTuple):
    """How many items have ended with an attempt of this outcome."""

    outcome: str
    items: int


_PAGE: Final = Select("task_items.page", TaskItemRow)
_OPEN: Final = Select("task_items.open", OpenItemsRow)
_ENDED: Final = Select("task_items.ended", EndedItemsRow)


async def page(
    tx: Tx,
    organization_id: int,
    job_id: int,
    ordinal: int,
    *,
    status: ItemStatus | None,
    after: int,
    limit: int,
    live: bool,
    now: int,
) -> list[TaskItem]:
    """Returns the items after the one, in order. Items that are still open in a task that is not live are aborted."""
    rows = await _PAGE.all(
        tx, organization_id=organization_id, job_id=job_id, ordinal=ordinal, after=after, limit=limit, live=int(live),
        now=now, status="" if status is None else status.value,
    )  # fmt: skip
    return [
        TaskItem(
            item=row.item,
            status=ItemStatus(row.status),
            number=row.number,
            worker=row.worker,
            started_at=row.started_at,
            ended_at=row.ended_at,
            again_at=row.again_at,
            failure_reason=row.failure_reason,
            failure_message=row.failure_message,
        )
        for row in rows
    ]


async def open_items(tx: Tx, organization_id: int, job_id: int, ordinal: int, *, now: int) -> OpenItemsRow:
    """Returns how many items of the task are open."""
    row = await _OPEN.one(tx, organization_id=organization_id, job_id=job_id, ordinal=ordinal, now=now)
    return OpenItemsRow(0, 0, 0) if row is None else row


async def ended_items(tx: Tx, organization_id: int, job_id: int, ordinal: int) -> dict[str, int]:
    """Returns how many items of the task have ended, by the outcome of their last attempt."""
    rows = await _ENDED.all(tx, organization_id=organization_id, job_id=job_id, ordinal=ordinal)
    return {row.outcome: row.items for row in rows}
