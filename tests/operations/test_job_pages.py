"""Pages that are read together are the pages that each client would get alone, and nobody's failure is another's."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from tests import make

from enginehouse.domain.errors import InvalidInput, Unavailable
from enginehouse.domain.job import JobFilter
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JobStatus
from enginehouse.operations import bulk_cancels, jobs
from enginehouse.operations import job_pages as reads
from enginehouse.operations.house import House
from enginehouse.operations.job_pages import IN_FLIGHT, LARGEST, JobPageReads, read_alone
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import pages

OWNERS = (1, 2)
FILTERS = [
    JobFilter(statuses=statuses, offset=offset, limit=limit, descending=descending, order_by=order)
    for statuses in ((), (JobStatus.PENDING,), (JobStatus.ABORTED,), (JobStatus.PENDING, JobStatus.ABORTED))
    for offset, limit in ((0, 2), (1, 3), (50, 1))
    for descending, order in ((True, "created_at"), (False, "created_at"), (True, "modified_at"))
]


class Observed:
    """A database whose reads are counted and may be held or fail, as `before` decides."""

    def __init__(self, database: Database, before: Callable[[], Awaitable[None]] | None = None) -> None:
        self._database, self._before = database, before
        self.reads = 0

    async def read(self, work: Any) -> Any:
        self.reads += 1
        if self._before is not None:
            await self._before()
        return await self._database.read(work)


@pytest.fixture
async def filled(ready: House) -> House:
    """Two organizations with some jobs, one of each cancelled."""
    for owner in OWNERS:
        caller = make.principal(owner)
        made = await jobs.create(ready, caller, [make.independent(1 + n % 2) for n in range(4 + owner)])
        await jobs.cancel(ready, caller, Ref.of(made[1].job_id))
    return ready


@pytest.mark.parametrize("covered", [False, True], ids=["", "while a bulk cancel is applied"])
async def test_each_gets_the_page_that_it_would_get_alone(filled: House, covered: bool) -> None:
    if covered:
        await bulk_cancels.cancel(filled, make.principal(1), created_from=0, created_to=2**57)
    wanted = [(owner, each) for each in FILTERS for owner in OWNERS]
    together = await asyncio.gather(*(filled.page_reads.read(*one) for one in wanted))
    for (owner, each), page in zip(wanted, together, strict=True):
        alone = await filled.database.read(lambda tx, o=owner, f=each: read_alone(tx, o, f, with_count=True))  # type: ignore[misc]
        assert page == alone
        assert {job.organization_id for job in page.jobs} <= {owner}
    assert len(filled.page_reads) == 0


async def test_pages_of_one_organization_share_their_reads(filled: House) -> None:
    database = Observed(filled.database)
    page_reads = JobPageReads(cast(Any, database))
    await asyncio.gather(*(page_reads.read(1, each) for each in FILTERS))
    assert database.reads <= IN_FLIGHT + -(-len(FILTERS) // LARGEST)


async def test_an_organization_does_not_wait_for_another(filled: House) -> None:
    held, turns = asyncio.Event(), iter([True, False])

    async def hold_the_first() -> None:
        if next(turns):
            await held.wait()

    page_reads = JobPageReads(cast(Any, Observed(filled.database, hold_the_first)))
    slow = asyncio.create_task(page_reads.read(1, JobFilter()))
    await asyncio.sleep(0)
    assert (await page_reads.read(2, JobFilter())).count == 6
    assert not slow.done()
    held.set()
    assert (await slow).count == 5


async def test_a_page_shows_what_was_created_before_it_was_wanted(filled: House) -> None:
    held, began = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        began.set()
        await held.wait()

    page_reads = JobPageReads(cast(Any, Observed(filled.database, hold)))
    running = [asyncio.create_task(page_reads.read(1, JobFilter())) for _ in range(IN_FLIGHT)]
    await began.wait()
    await jobs.create(filled, make.principal(1), [make.independent(1)])
    later = asyncio.create_task(page_reads.read(1, JobFilter()))
    held.set()
    assert (await later).count == 6
    await asyncio.gather(*running)


async def test_pages_that_fail_together_are_read_one_by_one(filled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, tried, read = JobFilter(limit=3), defaultdict[int, int](int), reads._pages

    async def failing(tx: Any, organization_id: int, filters: Any, views: Any) -> Any:
        tried[len(filters)] += 1
        if len(filters) > 1:
            raise Unavailable("too slow")
        if filters == [bad]:
            raise ZeroDivisionError
        return await read(tx, organization_id, filters, views)

    monkeypatch.setattr(reads, "_pages", failing)
    wanted = [JobFilter(limit=n) for n in range(1, 8)]
    found = await asyncio.gather(
        *(filled.page_reads.read(1, each) for each in wanted), return_exceptions=True
    )  # fmt: skip
    assert max(tried) > 1
    for each, page in zip(wanted, found, strict=True):
        if each == bad:
            assert isinstance(page, ZeroDivisionError)
        else:
            assert isinstance(page, reads.JobPage)
            assert len(page.jobs) == min(each.limit, 5)
    assert len(filled.page_reads) == 0


async def test_a_database_that_is_away_is_said_to_everybody(filled: House) -> None:
    async def away() -> None:
        raise Unavailable("away")

    page_reads = JobPageReads(cast(Any, Observed(filled.database, away)))
    found = await asyncio.gather(*(page_reads.read(1, each) for each in FILTERS[:9]), return_exceptions=True)
    assert {type(each) for each in found} == {Unavailable}
    assert len(page_reads) == 0


async def test_a_caller_that_leaves_takes_nothing_from_the_others(filled: House) -> None:
    held = asyncio.Event()
    page_reads = JobPageReads(cast(Any, Observed(filled.database, held.wait)))  # type: ignore[arg-type]
    tasks = [asyncio.create_task(page_reads.read(1, each)) for each in FILTERS[:9]]
    await asyncio.sleep(0)
    for leaving in tasks[::2]:
        leaving.cancel()
    held.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [asyncio.CancelledError, reads.JobPage] * 4 + [asyncio.CancelledError]
    assert len(page_reads) == 0


@pytest.mark.parametrize(("filter_", "short"), [
    (JobFilter(), True),
    (JobFilter(statuses=(JobStatus.FAILED,), offset=pages.DEEP, limit=pages.SHORT), True),
    (JobFilter(offset=pages.DEEP + 1), False),
    (JobFilter(limit=pages.SHORT + 1), False),
    (JobFilter(name="n"), False),
    (JobFilter(created_from=0), False),
    (JobFilter(engine_ids=("noop",)), False),
])  # fmt: skip
def test_only_short_pages_are_read_together(filter_: JobFilter, short: bool) -> None:
    assert pages.is_short(filter_) is short


async def test_a_page_without_its_count_or_that_is_not_short_is_read_alone(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobPageReads, "read", None)
    caller = make.principal(1)
    assert len((await jobs.list_(filled, caller, JobFilter())).jobs) == 5
    assert (await jobs.list_(filled, caller, JobFilter(offset=1_001), with_count=True)).count == 5
    with pytest.raises(InvalidInput):
        await jobs.list_(filled, caller, JobFilter(limit=0), with_count=True)


async def test_a_page_is_read_on_the_loop_only_while_few_of_its_jobs_have_changed(filled: House) -> None:
    async def known() -> reads.JobPage | None:
        return await reads.read_known(filled.database, 1, JobFilter(), filled.job_views)

    in_a_thread = filled.database.dialect == "sqlite"
    assert (await known() is None) == in_a_thread
    caller = make.principal(1)
    page = await jobs.list_(filled, caller, JobFilter())
    assert await known() == page
    await jobs.create(filled, caller, [make.independent(1)] * reads.FEW)
    assert len((await known() or page).jobs) == len(page.jobs) + reads.FEW
    await jobs.create(filled, caller, [make.independent(1)] * (reads.FEW + 1))
    assert (await known() is None) == in_a_thread
    assert len((await jobs.list_(filled, caller, JobFilter())).jobs) == len(page.jobs) + 2 * reads.FEW + 1
