"""Short pages of jobs: those that concurrent clients of one organization want are read together, from one snapshot.

A page is a few statements, and most of them cost as much for eight pages as for one. Organizations have batches of
their own, so that the large jobs of one never delay the pages of another.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from enginehouse.domain.job import Job, JobFilter
from enginehouse.storage.database.batcher import Batcher
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import pages, queries
from enginehouse.storage.jobs.views import JobViews

LARGEST = 8  # pages in a batch
FEW = 4  # jobs that are read whole on the loop
IN_FLIGHT = 2  # batches of an organization; there are more connections, so others can read beside them


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page; `count` is how many jobs match on all pages, if the caller requested it."""

    jobs: tuple[Job, ...]
    count: int | None = None


@dataclass(slots=True)
class _Group:
    """The batches of an organization, and how many callers wait for them."""

    batcher: Batcher[JobFilter, JobPage]
    callers: int = 0


class JobPageReads:
    """Reads pages with their counts. Organizations of which nobody waits leave nothing here."""

    def __init__(self, database: Database, views: JobViews | None = None) -> None:
        self._database = database
        self._views = views
        self._groups: dict[int, _Group] = {}

    def __len__(self) -> int:
        return len(self._groups)

    async def read(self, organization_id: int, filter_: JobFilter) -> JobPage:
        """Returns the page with its count, as of a moment after this call. The filter `pages.is_short`."""
        group = self._groups.get(organization_id)
        if group is None:
            plural = partial(self._together, organization_id)
            group = self._groups[organization_id] = _Group(
                Batcher(plural, in_flight=IN_FLIGHT, largest=lambda: LARGEST)
            )
        group.callers += 1
        try:
            return await group.batcher.ask(filter_)
        finally:
            group.callers -= 1
            if not group.callers:
                del self._groups[organization_id]

    async def _together(self, organization_id: int, filters: Sequence[JobFilter]) -> list[JobPage | Exception]:
        try:
            return list(await self._database.read(lambda tx: _pages(tx, organization_id, filters, self._views)))
        except Exception as error:
            if len(filters) == 1:
                return [error]
        # Together they may have taken longer than one transaction may. Reads can be repeated, all at once.
        alone = await asyncio.gather(*[self._together(organization_id, [each]) for each in filters])
        return [answer for [answer] in alone]


async def read_known(database: Database, organization_id: int, filter_: JobFilter, views: JobViews) -> JobPage | None:
    """Returns a page without its count, None if that may take long: on SQLite several of its jobs must be read whole.

    Then the loop must not wait for it. The filter `pages.is_short`.
    """

    async def read(tx: Tx) -> JobPage | None:
        ids = await pages.page(tx, organization_id, filter_)
        most = FEW if tx.dialect == "sqlite" else len(ids)
        jobs = await queries.by_ids_if_known(tx, organization_id, ids, views, most=most)
        return None if jobs is None else _page(ids, jobs, None)

    return await database.peek(read)


async def read_alone(
    tx: Tx, organization_id: int, filter_: JobFilter, views: JobViews | None = None, *, with_count: bool
) -> JobPage:
    """Returns any page, in a transaction of its own."""
    total = None
    if with_count:
        ids, total = await pages.page_and_count(tx, organization_id, filter_)
    else:
        ids = await pages.page(tx, organization_id, filter_)
    return _page(ids, await queries.by_ids(tx, organization_id, ids, views), total)


async def _pages(tx: Tx, organization_id: int, filters: Sequence[JobFilter], views: JobViews | None) -> list[JobPage]:
    """Returns a page for each filter. The counts, and the jobs of all pages, are read once."""
    counts = await queries.counts_by_status(tx, organization_id)
    found = {
        filter_: await pages.counted_page(tx, organization_id, filter_, counts) for filter_ in dict.fromkeys(filters)
    }
    wanted = sorted({job_id for ids, _ in found.values() for job_id in ids})
    jobs = await queries.by_ids(tx, organization_id, wanted, views)
    made = {filter_: _page(ids, jobs, total) for filter_, (ids, total) in found.items()}
    return [made[filter_] for filter_ in filters]


def _page(ids: Sequence[int], jobs: dict[int, Job], total: int | None) -> JobPage:
    return JobPage(tuple([jobs[job_id] for job_id in ids if job_id in jobs]), total)
