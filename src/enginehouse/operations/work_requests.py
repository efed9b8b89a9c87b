"""The work requests of a job: its work items, each with what became of it."""

from typing import NamedTuple

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.work_requests import WorkRequest, WorkRequestFilter
from enginehouse.operations import bounds, jobs
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import work_requests
from enginehouse.storage.database.database import Tx


class RequestPage(NamedTuple):
    """One page of work requests; `total` is how many match on all pages."""

    requests: tuple[WorkRequest, ...]
    total: int


async def of_job(house: House, principal: Principal, ref: Ref, filter_: WorkRequestFilter) -> RequestPage:
    """Returns a page of the work requests of the job. Raises NotFound, InvalidInput."""
    require(principal, Role.READER)
    bounds.page(filter_.offset, filter_.limit, largest=house.limits.page_size)
    await jobs.status(house, principal, ref)

    async def read(tx: Tx) -> RequestPage:
        page = await work_requests.page(tx, principal.organization_id, ref.number, filter_)
        return RequestPage(tuple(page), await work_requests.count(tx, principal.organization_id, ref.number, filter_))

    return await house.database.read(read)


async def get(house: House, principal: Principal, job_id: int, ordinal: int, item: int, *, text: str) -> WorkRequest:
    """Returns the work request. Raises NotFound with `text` as its id."""
    require(principal, Role.READER)
    only = WorkRequestFilter(ordinal=ordinal, item=item, limit=1)
    found = await house.database.read(lambda tx: work_requests.page(tx, principal.organization_id, job_id, only))
    if not found:
        raise NotFound("WorkRequest", text[:80])
    return found[0]
