"""The statements behind a list of jobs: one filter drives it from its own index, the others are checked for each job.

A driver with several values is read once for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import filter_choice, job_bounds

_OF_ENGINE: Final = "jobs.list_of_engine"
_RUNNING: Final = JobStatus.RUNNING.value


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
    start, driver = all_of(organization_id), filter_choice.driver(filter_, total=total)
    ordered = filter_.order_by == "modified_at" and not total
    if few_of_engines and driver == "status":
        driver = "engine"
    if engine_sets is not None:
        settled = [start.and_("by_engine_set", engine_set=one).and_("settled") for one in engine_sets]
        running = with_rest(start.and_("by_status", status=_RUNNING), filter_, driver, applying=False, by_change=True)
        return [*(with_rest(one, filter_, "engine", applying=False, by_change=True) for one in settled), running]
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
    return [with_rest(scan, filter_, driver, applying=applying, by_change=by_change) for scan in driven]


def with_rest(scan: Scan, filter_: JobFilter, driver: str, *, applying: bool, by_change: bool = False) -> Scan:
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
    if (in_time := job_bounds.of_creation(filter_)) is not None:
        scan = scan.and_("created", **in_time)
    if (between := job_bounds.of_change(filter_)) is not None:
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


def all_of(organization_id: int) -> Scan:
    """Returns the scan of all jobs of the organization."""
    return Scan(frozenset(), {"organization_id": organization_id})


async def rows_may_differ(tx: Tx, organization_id: int, filter_: JobFilter) -> bool:
    """Returns True if the filter or the order uses a value that an open bulk cancel changes before the rows say so."""
    return may_differ(filter_) and await barriers.is_open(tx, organization_id)


def may_differ(filter_: JobFilter) -> bool:
    """The same for some bulk cancel that may be open."""
    by_change = filter_.order_by == "modified_at" or job_bounds.of_change(filter_) is not None
    return bool(filter_.statuses) or filter_.paused or by_change
