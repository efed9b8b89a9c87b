"""Pages of jobs in one line each, for people who look at a list."""

from dataclasses import dataclass

from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobFilter
from enginehouse.domain.job_summary import JobSummary
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import pages, summaries


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """One page of a list; `count` is how many jobs match on all pages."""

    jobs: tuple[JobSummary, ...]
    count: int


async def page(house: House, principal: Principal, filter_: JobFilter) -> SummaryPage:
    """Returns one page of the organization's jobs in the requested order, from one read. Raises InvalidInput."""
    require(principal, Role.READER)
    bounds.page(filter_.offset, filter_.limit, largest=house.limits.page_size)
    owner = principal.organization_id

    async def read(tx: Tx) -> SummaryPage:
        ids, count = await pages.page_and_count(tx, owner, filter_)
        return SummaryPage(await summaries.in_order(tx, owner, ids), count)

    return await house.database.read(read)
