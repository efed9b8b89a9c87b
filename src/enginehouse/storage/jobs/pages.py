"""Pages of jobs and their totals. Each filter that is set chooses a statement which reads them from its own index.

One filter drives the list, the others are checked for each job that it yields. A driver with several values is read
once for each, and the pages are merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.domain.times import SECOND
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import filter_choice, queries
from enginehouse.storage.jobs.counts import jobs_of_engine, jobs_of_failure, jobs_of_schedules

NEVER: Final = 9_223_372_036_854_775_807
LAST_TIME: Final = 5_000_000_000_000_000  # of all that a job id can hold, in the year 2128
DEEP: Final = 1_000  # from this offset on, a page is read from the end of the list if that is nearer
SHORT: Final = 100  # jobs of a page that is read together with others
FEW: Final = 2_000  # jobs that are sorted here
RARE: Final = 8  # of so many jobs no more than one names an engine for which few do
MERGED: Final = 20_000  # from this offset on, the database sorts

SETS: Final = 100  # of engines that are looked at
_READ: Final = 100_000  # places of a page that are merged from the lists of several sets

_OF_ENGINE: Final = "jobs.list_of_engine"
_RUNNING: Final = JobStatus.RUNNING.value

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scan:
    """A statement: its family, the parts that its filters choose, and the parameters of these."""

    parts: frozenset[str]
    params: dict[str, Any]
    family: str = "jobs.list"

    def and_(self, part: str, **params: object) -> "Scan":
        return replace(self, parts=self.parts | {part}, params=self.params | params)

    def statement(self, order: str) -> str:
        """Returns the name of the statement in this order. A few known jobs are sorted, not found in the order."""
        few = "of_ids" in self.parts and order in ("newest", "oldest")
        return shape(self.family, self.parts | {"page", f"{order}_of_few" if few else order})

    def number(self, what: str = "total") -> str:
        """Returns the name of the statement for the number of the jobs, or for the numbers of each kind of them."""
        beside = {"filtered"} if self.family == _OF_ENGINE and what != "total" else set[str]()
        return shape(self.family, self.parts | beside | {what})


async def page(tx: Tx, organization_id: int, filter_: JobFilter) -> list[int]:
    """Returns the ids of one page, in order."""
    applying = await _rows_may_differ(tx, organization_id, filter_)
    if filter_.offset > DEEP and not applying and _counted(filter_):
        total = await count(tx, organization_id, filter_)
        return await _from_the_nearer_end(tx, organization_id, filter_, total)
    return await _page(tx, organization_id, filter_, applying=applying)


async def page_and_count(tx: Tx, organization_id: int, filter_: JobFilter) -> tuple[list[int], int]:
    """Returns the page, and how many jobs match on all pages."""
    if _counted(filter_):
        counts = await queries.counts_by_status(tx, organization_id)
        return await counted_page(tx, organization_id, filter_, counts)
    applying = await _rows_may_differ(tx, organization_id, filter_)
    ids = await _page(tx, organization_id, filter_, applying=applying)
    return ids, await _count(tx, organization_id, replace(filter_, above=None, below=None), applying=applying)


def is_short(filter_: JobFilter) -> bool:
    """Returns True if the page is read quickly: it is near an end of an index, and the stored counts know its list."""
    return filter_.offset <= DEEP and filter_.limit <= SHORT and _counted(filter_)


async def counted_page(
    tx: Tx, organization_id: int, filter_: JobFilter, counts: queries.StatusCounts
) -> tuple[list[int], int]:
    """The same for a list that the counts know. They also say if a bulk cancel is open."""
    total = _matching(counts, filter_)
    if filter_.offset > DEEP and not counts.applying:
        return await _from_the_nearer_end(tx, organization_id, filter_, total), total
    applying = counts.applying and _may_differ(filter_)
    return await _page(tx, organization_id, filter_, applying=applying), total


async def count(tx: Tx, organization_id: int, filter_: JobFilter) -> int:
    """Returns how many jobs match on all pages. With only a status, engine, failure or schedules, the counts say it."""
    applying = not _counted(filter_) and await _rows_may_differ(tx, organization_id, filter_)
    return await _count(tx, organization_id, filter_, applying=applying)


async def _count(tx: Tx, organization_id: int, filter_: JobFilter, *, applying: bool) -> int:
    if _counted(filter_):
        return _matching(await queries.counts_by_status(tx, organization_id), filter_)
    if len(filter_.engine_ids) == 1 and _unfiltered(replace(filter_, engine_ids=())):
        return await jobs_of_engine(tx, organization_id, filter_.engine_ids[0])
    reasons = set(filter_.failure_reasons)  # a job may have several
    if len(reasons) == 1 and "" not in reasons and _unfiltered(replace(filter_, failure_reasons=())):
        return await jobs_of_failure(tx, organization_id, *reasons)
    if filter_.schedule_ids is not None and _unfiltered(replace(filter_, schedule_ids=None)):
        return await jobs_of_schedules(tx, organization_id, filter_.schedule_ids)
    total = 0
    for scan in scans(organization_id, filter_, applying=applying, total=True):
        [(jobs,)] = await tx.all(scan.number(), **scan.params)
        total += int(jobs)
    return total


def _matching(counts: queries.StatusCounts, filter_: JobFilter) -> int:
    return sum([jobs for word, jobs in counts.totals.items() if not filter_.statuses or word in filter_.statuses])


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
    by_modified, has_range, few = filter_.order_by == "modified_at", _between(filter_) is not None, False
    if has_range and not by_modified and not applying and filter_choice.driver(filter_, total=False) == "status":
        changed = replace(filter_, order_by="modified_at", offset=0, limit=FEW + 1)
        last = await places(tx, scans(organization_id, changed), changed)
        if len(last) <= FEW:
            ids = sorted((job_id for _, job_id in last), reverse=filter_.descending)
            return ids[filter_.offset : filter_.offset + filter_.limit]
    sets: list[int] | None = None
    if by_modified and not applying and filter_.engine_ids:
        sets = await _engine_sets(tx, organization_id, filter_)
        few = sets is None and await names_few(tx, organization_id, filter_.engine_ids)
    found = scans(organization_id, filter_, applying=applying, few_of_engines=few, engine_sets=sets)
    if len(found) > 1 and filter_.offset + filter_.limit > MERGED:
        found = [_rest(_all(organization_id), filter_, "", applying=applying)]
    return [job_id for _, job_id in await places(tx, found, filter_, applying=applying)]


async def places(tx: Tx, found: Sequence[Scan], filter_: JobFilter, *, applying: bool = False) -> list[Place]:
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


def scans(
    organization_id: int,
    filter_: JobFilter,
    *,
    applying: bool = False,
    total: bool = False,
    few_of_engines: bool = False,
    engine_sets: Sequence[int] | None = None,
) -> list[Scan]:
    """Returns the statements whose jobs are together those of the filter. With `total` no job is in two of them.

    `few_of_engines`: an engine drives the order of changes, too. `engine_sets`: these do, and hold all jobs of the
    engines that do not run.
    """
    start, driver = _all(organization_id), filter_choice.driver(filter_, total=total)
    ordered = filter_.order_by == "modified_at" and not total
    if few_of_engines and driver == "status":
        driver = "engine"
    if engine_sets is not None:
        settled = [start.and_("by_engine_set", engine_set=one).and_("settled") for one in engine_sets]
        running = _rest(start.and_("by_status", status=_RUNNING), filter_, driver, applying=False, by_change=True)
        return [*(_rest(one, filter_, "engine", applying=False, by_change=True) for one in settled), running]
    match driver:
        case "target":
            driven = [start.and_("by_target", target_id=filter_.target_id)]
        case "name":
            driven = [start.and_("by_name", name=filter_.name)]
        case "core":
            driven = [start.and_("by_core", core_id=filter_.core_id)]
        case "paused" | "failure":
            driven = [start.and_(f"by_{driver}")]
        case "schedule":
            driven = [start.and_("by_schedule", schedule_id=one) for one in sorted(set(filter_.schedule_ids or ()))]
        case "engine":
            engines = replace(start, family=_OF_ENGINE)
            driven = [
                replace(engines, params=engines.params | {"engine_id": one}) for one in sorted(set(filter_.engine_ids))
            ]
        case "status" if ordered and not applying and filter_choice.has_settled(filter_):
            still = start.and_("by_paused").and_("waiting") if filter_.paused else start.and_("settled")
            driven = [still, start.and_("by_status", status=_RUNNING)]
        case "status" if not applying and (statuses := filter_choice.statuses(filter_, total=total)):
            driven = [start.and_("by_status", status=one.value) for one in statuses]
        case _:
            driven = [start]
    if driver == "schedule" and ordered and not applying:  # each part has an index of its own
        driven = [scan.and_(part) for scan in driven for part in ("all_live", "all_ended")]
    by_change = (driver == "status" and (total or ordered)) or (
        driver in ("failure", "schedule") and ordered and not applying
    )
    return [_rest(scan, filter_, driver, applying=applying, by_change=by_change) for scan in driven]


def _rest(scan: Scan, filter_: JobFilter, driver: str, *, applying: bool, by_change: bool = False) -> Scan:
    """Returns the scan with all filters that do not drive it. `by_change`: the index by the last change does."""
    before = scan
    if filter_.ids is not None:
        scan = scan.and_("of_ids", ids=list(filter_.ids))
    if filter_.target_id is not None and driver != "target":
        scan = scan.and_("by_target", target_id=filter_.target_id)
    if filter_.name is not None and driver != "name":
        scan = scan.and_("of_name", name=filter_.name)
    if filter_.core_id is not None and driver != "core":
        scan = scan.and_("of_core", core_id=filter_.core_id)
    known = "of_" if driver == "ids" else ""
    if filter_.has_target is not None:
        scan = scan.and_(f"{known}with_target" if filter_.has_target else "without_target")
    if filter_.schedule_ids is not None and driver != "schedule":
        scan = scan.and_("of_schedules", schedule_ids=list(filter_.schedule_ids))
    if filter_.has_schedule is not None:
        scan = scan.and_(f"{known}with_schedule" if filter_.has_schedule else "without_schedule")
    if filter_.engine_ids and driver != "engine":
        scan = scan.and_("of_engines", engine_ids=list(filter_.engine_ids))
    scan = _of_state(scan, filter_, driver, applying=applying)
    if (in_time := _created(filter_)) is not None:
        scan = scan.and_("created", **in_time)
    if (between := _between(filter_)) is not None:
        part = "applied_modified" if applying else "modified" if by_change else "of_modified"
        scan = scan.and_(part, **between)
    by_engine = scan.family == _OF_ENGINE and (scan is not before or filter_.order_by == "modified_at")
    return scan.and_("filtered") if by_engine else scan


def _of_state(scan: Scan, filter_: JobFilter, driver: str, *, applying: bool) -> Scan:
    if filter_.failure_reasons:
        scan = scan.and_("of_failures", failure_reasons=list(filter_.failure_reasons))
    if filter_.paused:
        scan = (scan if driver == "paused" else scan.and_("of_paused")).and_("applied_live" if applying else "live")
    if filter_.statuses and "by_status" not in scan.parts:
        words = [status.value for status in filter_.statuses]
        scan = scan.and_("applied_statuses" if applying else "of_statuses", statuses=words)
    return scan


def _all(organization_id: int) -> Scan:
    return Scan(frozenset(), {"organization_id": organization_id})


def created(created_from: int | None, created_to: int | None) -> dict[str, int]:
    """Returns the bounds of the creation, and those of the ids, which begin with it: an id may be a little later."""
    first = -NEVER if created_from is None else created_from
    last = NEVER if created_to is None else created_to
    return {
        "created_from": first,
        "created_to": last,
        "first_id": first_job_id(min(max(first, 0), LAST_TIME)),
        "last_id": first_job_id(max(last, 0) + SECOND) if last < LAST_TIME else NEVER,
    }


def _created(filter_: JobFilter) -> dict[str, int] | None:
    """Returns the bounds of the creation and of the ids, None without any. A place in a list is a bound of the ids."""
    if (filter_.created_from, filter_.created_to, filter_.above, filter_.below) == (None,) * 4:
        return None
    bounds = created(filter_.created_from, filter_.created_to)
    if filter_.above is not None:
        bounds["first_id"] = max(bounds["first_id"], filter_.above + 1)
    if filter_.below is not None:
        bounds["last_id"] = min(bounds["last_id"], filter_.below - 1)
    return bounds


def _between(filter_: JobFilter) -> dict[str, int] | None:
    """Returns the bounds of the last change, None without them."""
    if filter_.modified_from is None and filter_.modified_to is None:
        return None
    return {
        "modified_from": -NEVER if filter_.modified_from is None else filter_.modified_from,
        "modified_to": NEVER if filter_.modified_to is None else filter_.modified_to,
    }


def _counted(filter_: JobFilter) -> bool:
    """True if the stored counts by status say how many jobs match."""
    return _unfiltered(replace(filter_, statuses=()))


def _unfiltered(filter_: JobFilter) -> bool:
    """True if every job matches."""
    return filter_ == JobFilter(
        offset=filter_.offset, limit=filter_.limit,
        order_by=filter_.order_by, descending=filter_.descending,
    )  # fmt: skip


async def _rows_may_differ(tx: Tx, organization_id: int, filter_: JobFilter) -> bool:
    """True if the filter or the order uses a value that an open bulk cancel has changed before the rows are updated."""
    return _may_differ(filter_) and await barriers.is_open(tx, organization_id)


def _may_differ(filter_: JobFilter) -> bool:
    by_change = filter_.order_by == "modified_at" or _between(filter_) is not None
    return bool(filter_.statuses) or filter_.paused or by_change
