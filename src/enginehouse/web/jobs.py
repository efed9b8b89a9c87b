"""The list of jobs. Its address holds the filters, so that it can be kept, sent and reloaded."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import parse_job, parse_number, parse_schedule
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines, jobs
from enginehouse.web.page_request import HtmlPage, Page, PageRequest

PAGE: Final = 50
_FURTHEST: Final = 1_000_000
_NAMES: Final = ("status", "engine", "name", "job", "schedule", "target")


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, and the address of the list without it."""

    name: str
    value: str
    without: str


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs: a page of the jobs that match, and how many do."""
    given = {name: request.query(name) for name in _NAMES if request.query(name)}
    page = _page_number(request.query("page"))
    filter_ = _filter(request, given, page)
    found = await jobs.list_(request.house, request.principal, filter_, with_count=True)
    count = found.count or 0
    return HtmlPage(
        "jobs.html",
        {
            "title": "Jobs",
            "jobs": found.jobs,
            "count": count,
            "first": filter_.offset + 1,
            "last": filter_.offset + len(found.jobs),
            "given": {name: given.get(name, "") for name in _NAMES},
            "chips": [_chip(given, name) for name in given],
            "statuses": list(JobStatus),
            "engine_names": _engine_names(request),
            "before": _address(given, page - 1) if page > 1 else None,
            "after": _address(given, page + 1) if filter_.offset + len(found.jobs) < count else None,
        },
    )


def _filter(request: PageRequest, given: dict[str, str], page: int) -> JobFilter:
    """Returns the filter in the address. Raises InvalidInput for what is no filter."""
    status, engine = given.get("status"), given.get("engine")
    if status is not None and status not in set(JobStatus):
        raise InvalidInput(f"{', '.join(JobStatus)}, got {status[:40]}.", "status")
    known = None if engine is None else engines.find(request.house, request.principal, engine)
    schedule, target, job = given.get("schedule"), given.get("target"), given.get("job")
    return JobFilter(
        statuses=() if status is None else (JobStatus(status),),
        engine_ids=() if engine is None else (known.spec.id if known else engine,),
        name=given.get("name"),
        ids=None if job is None else _found(parse_job(job)),
        schedule_ids=None if schedule is None else _found(parse_schedule(schedule)),
        target_id=None if target is None else parse_number(target) or 0,
        offset=(page - 1) * PAGE,
        limit=PAGE,
    )


def _found(number: int | None) -> tuple[int, ...]:
    return () if number is None else (number,)


def _page_number(text: str) -> int:
    return min(int(text), _FURTHEST) if text.isascii() and text.isdecimal() and int(text[:9]) > 0 else 1


def _address(given: dict[str, str], page: int = 1) -> str:
    values = {**given, **({"page": str(page)} if page > 1 else {})}
    return f"/jobs?{urlencode(values)}" if values else "/jobs"


def _chip(given: dict[str, str], name: str) -> Chip:
    return Chip(name, given[name], _address({key: value for key, value in given.items() if key != name}))


def _engine_names(request: PageRequest) -> dict[str, str]:
    """Returns the names of the engines by their ids."""
    return {
        engine.spec.id: engine.spec.name
        for engine in request.house.catalogue.by_id.values()
        if engines.shown(request.house, request.principal, engine.spec.id) is not None
    }


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs", show),)
