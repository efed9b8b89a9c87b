"""Pages of jobs. Those of a driver with several values, or of several sets of engines, are merged."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from enginehouse.domain.job import JobFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import filter_choice, job_bounds, job_scans, queries, totals
from enginehouse.storage.jobs.counts import jobs_of_engine

DEEP: Final = 1_000  # from this offset on, a page is read from the end of the list if that is nearer
SHORT: Final = 100  # jobs of a page that is read together with others
FEW: Final = 2_000  # jobs that are sorted here
RARE: Final = 8  # of so many jobs no more than one names an engine for which few do
MERGED: Final = 20_000  # from this offset on, the database sorts

SETS: Final = 100  # of engines that are looked at
_READ: Final = 100_000  # places of a page that are merged from the lists of several sets

Place = tuple[int, int]


async def page(tx: Tx, organization_id: int, filter_: JobFilter) -> list[int]:
    """Returns the ids of one page, in order."""
    applying = await job_scans.rows_may_differ(tx, organization_id, filter_)
    if filter_.offset > DEEP and not applying and totals.is_counted(filter_):
        total = await totals.count(tx, organization_id, filter_)
        return await _from_the_nearer_end(tx, organization_id, filter_, total)
    return await _page(tx, organization_id, filter_, applying=applying)


async def page_and_count(tx: Tx, organization_id: int, filter_: JobFilter) -> tuple[list[int], int]:
    """Returns the page, and how many jobs match on all pages."""
    if totals.is_counted(filter_):
        counts = await queries.counts_by_status(tx, organization_id)
        return await counted_page(tx, organization_id, filter_, counts)
    applying = await job_scans.rows_may_differ(tx, organization_id, filter_)
    ids = await _page(tx, organization_id, filter_, applying=applying)
    return ids, await totals.matching_count(
        tx, organization_id, replace(filter_, above=None, below=None), applying=applying
    )


def is_short(filter_: JobFilter) -> bool:
    """Returns True if the page is read quickly: it is near an end of an index, and the stored counts know its list."""
    return filter_.offset <= DEEP and filter_.limit <= SHORT and totals.is_counted(filter_)


async def counted_page(
    tx: Tx, organization_id: int, filter_: JobFilter, counts: queries.StatusCounts
) -> tuple[list[int], int]:
    """The same for a list that the counts know. They also say if a bulk cancel is open."""
    total = totals.matching(counts, filter_)
    if filter_.offset > DEEP and not counts.applying:
        return await _from_the_nearer_end(tx, organization_id, filter_, total), total
    applying = counts.applying and job_scans.may_differ(filter_)
    return await _page(tx, organization_id, filter_, applying=applying), total


async def _from_the_nearer_end(tx: Tx, organization_id: int, filter_: JobFilter, total: int) -> list[int]:
    """Returns the page of a list whose length is known without reading it."""
    limit = min(filter_.limit, total - filter_.offset)
    behind = total - filter_.offset - limit
    if limit <= 0:
        return []
    if behind >= filter_.offset:
        return await _page(tx, organization_id, filter_, applying=False)
    reverse = replace(filter_, offset=behind, limit=limit, descending=not filter_.descending)
    return (await _page(tx, organization_id, reverse, applying=False))[::-1]


async def _page(tx: Tx, organization_id: int, filter_: JobFilter, *, applying: bool) -> list[int]:
    by_modified, has_range, few = filter_.order_by == "modified_at", job_bounds.of_change(filter_) is not None, False
    if has_range and not by_modified and not applying and filter_choice.driver(filter_, total=False) == "status":
        changed = replace(filter_, order_by="modified_at", offset=0, limit=FEW + 1)
        last = await places(tx, job_scans.scans(organization_id, changed), changed)
        if len(last) <= FEW:
            ids = sorted((job_id for _, job_id in last), reverse=filter_.descending)
            return ids[filter_.offset : filter_.offset + filter_.limit]
    sets: list[int] | None = None
    if by_modified and not applying and filter_.engine_ids:
        sets = await _engine_sets(tx, organization_id, filter_)
        few = sets is None and await names_few(tx, organization_id, filter_.engine_ids)
    found = job_scans.scans(organization_id, filter_, applying=applying, few_of_engines=few, engine_sets=sets)
    if len(found) > 1 and filter_.offset + filter_.limit > MERGED:
        found = [job_scans.with_rest(job_scans.all_of(organization_id), filter_, "", applying=applying)]
    return [job_id for _, job_id in await places(tx, found, filter_, applying=applying)]


async def places(tx: Tx, found: Sequence[job_scans.Scan], filter_: JobFilter, *, applying: bool = False) -> list[Place]:
    """Returns the page of all scans together: the value that orders each job, and its id."""
    match filter_.order_by, applying:
        case "modified_at", True:
            order = "last_applied" if filter_.descending else "first_applied"
        case "modified_at", _:
            order = "last_modified" if filter_.descending else "first_modified"
        case _:
            order = "newest" if filter_.descending else "oldest"
    if len(found) == 1:
        rows = await tx.all(found[0].statement(order), **found[0].params, limit=filter_.limit, offset=filter_.offset)
        return [(place, job_id) for job_id, place in rows]
    until, merged = filter_.offset + filter_.limit, set[Place]()
    for scan in found:
        rows = await tx.all(scan.statement(order), **scan.params, limit=until, offset=0)
        merged.update((place, job_id) for job_id, place in rows)
    return sorted(merged, reverse=filter_.descending)[filter_.offset : until]


async def _engine_sets(tx: Tx, organization_id: int, filter_: JobFilter) -> list[int] | None:
    """Returns the sets of engines that have one of the filter's; None if another index serves it better.

    There are as many sets as jobs differ in their engines. If these are very many, they are no way to the jobs.
    """
    if filter_choice.driver(filter_, total=False) != "status" or filter_.statuses or filter_choice.has_settled(filter_):
        return None
    engine_ids = sorted(set(filter_.engine_ids))
    known = await tx.all("jobs.engine_sets", organization_id=organization_id, engine_ids=engine_ids, most=SETS + 1)
    found = [engine_set for engine_set, named in known if named]
    merged = len(found) * (filter_.offset + filter_.limit)
    return None if len(known) > SETS or merged > _READ else found


async def names_few(tx: Tx, organization_id: int, engine_ids: Iterable[str]) -> bool:
    """Returns True if so few of the organization's jobs name the engines that these are sorted by their last change.

    Otherwise the jobs that have changed last are looked through.
    """
    named = [await jobs_of_engine(tx, organization_id, one) for one in sorted(set(engine_ids))]
    return sum(named) * RARE <= (await queries.counts_by_status(tx, organization_id)).totals.total()
