"""The items of a task by their status: `/api/v1/jobs/{JobID}/tasks/{Ordinal}/items`."""

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import MAX_OFFSET, Query
from enginehouse.api.spelling import optional
from enginehouse.api.v1.attempts import named_task
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import times
from enginehouse.domain.task_items import ItemCounts, ItemStatus, TaskItem
from enginehouse.operations import task_items


class TaskItemView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One item and its last attempt, whose `number` is 0 if there was none. It starts again at `againDateTime`."""

    item: int
    status: ItemStatus
    number: int
    worker: str | None = None
    started_date_time: str | None = None
    ended_date_time: str | None = None
    again_date_time: str | None = None
    failure_reason: str | None = None
    failure_detail: str | None = None


class ItemCountsView(msgspec.Struct, rename=spelled, kw_only=True):
    """How many items of the task have each status."""

    queued: int
    waiting: int
    running: int
    complete: int
    failed: int
    aborted: int


class TaskItemsView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """Some items in their order. `next`: more follow; it is the `after` of the next page."""

    counts: ItemCountsView
    items: list[TaskItemView]
    next: int | None = None


@answers(Result[TaskItemsView], query={"status": ItemStatus, "after": int, "limit": int})
async def list_items(call: Call) -> Reply:
    """GET jobs/{JobID}/tasks/{Ordinal}/items: the items, perhaps only those with a status, and how many have each."""
    most = call.house.limits.page_size
    query = Query(call.query)
    word = query.word("status", list(ItemStatus))
    after, limit = query.integer("after", -1, 0, MAX_OFFSET), query.integer("limit", 100, 1, most)
    query.finish()
    status = None if word is None else ItemStatus(word)
    ref = named_task(*call.ids)
    page = await task_items.of_task(call.house, call.principal, ref, status=status, after=after, limit=limit)
    return result(
        TaskItemsView(counts=_counts(page.counts), items=[_item(each) for each in page.items], next=page.next)
    )


def _counts(counts: ItemCounts) -> ItemCountsView:
    return ItemCountsView(**{status.value: counts.of(status) for status in ItemStatus})


def _item(one: TaskItem) -> TaskItemView:
    return TaskItemView(
        item=one.item,
        status=one.status,
        number=one.number,
        worker=one.worker,
        started_date_time=optional(times.rest, one.started_at),
        ended_date_time=optional(times.rest, one.ended_at),
        again_date_time=optional(times.rest, one.again_at),
        failure_reason=one.failure_reason,
        failure_detail=one.failure_message,
    )
