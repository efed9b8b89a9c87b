"""Work requests: the work items of a job, as long as the job exists. An ended item is known by its last attempt."""

from typing import Any

from enginehouse.domain.work_requests import WorkRequest, WorkRequestFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape


async def page(tx: Tx, organization_id: int, job_id: int, filter_: WorkRequestFilter) -> list[WorkRequest]:
    """Returns one page, in order."""
    parts, params = _filter(organization_id, job_id, filter_)
    order = ("last" if filter_.descending else "first") + ("_modified" if filter_.by_change else "_created")
    name = shape("work_requests.list", parts | {"page", order})
    return [WorkRequest(*row) for row in await tx.all(name, **params, limit=filter_.limit, offset=filter_.offset)]


async def count(tx: Tx, organization_id: int, job_id: int, filter_: WorkRequestFilter) -> int:
    """Returns how many match on all pages."""
    parts, params = _filter(organization_id, job_id, filter_)
    [(requests,)] = await tx.all(shape("work_requests.list", parts | {"total"}), **params)
    return int(requests)


def _filter(organization_id: int, job_id: int, filter_: WorkRequestFilter) -> tuple[frozenset[str], dict[str, Any]]:
    parts, params = set[str](), dict[str, Any](organization_id=organization_id, job_id=job_id)
    if filter_.ordinal is not None:
        parts.add("of_task")
        params["ordinal"] = filter_.ordinal
    if filter_.item is not None:
        parts.add("of_item")
        params["item"] = filter_.item
    if filter_.status is not None:
        parts.add("of_statuses")
        params["statuses"] = [filter_.status]
    return frozenset(parts), params
