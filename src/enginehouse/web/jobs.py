"""The list of jobs. Its address holds the filters and the place, so that it can be kept, sent and reloaded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enginehouse.domain.ids import job_graphql, parse_job
from enginehouse.domain.job import JobFilter
from enginehouse.domain.job_summary import JobSummary
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines, job_summaries
from enginehouse.web import rules
from enginehouse.web.page_request import HtmlPage, Page, PageRequest
from enginehouse.web.rules import Pairs

PAGE: Final = 50
_SELDOM: Final = frozenset({"job", "schedule", "target", *rules.TIMES})


@dataclass(frozen=True, slots=True)
class JobsPage:
    """A page of the list, newest first: the jobs, how many match, and the addresses of the pages beside it."""

    jobs: Sequence[JobSummary]
    count: int
    newer: str | None
    older: str | None


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs: a page of the jobs that match, and how many do."""
    pairs = rules.given(request.http.query_params.multi_items())
    filter_ = rules.job_filter(request, pairs)
    place = await _place(request, pairs, filter_)
    values = {name: [value for one, value in pairs if one == name] for name in rules.NAMES}
    return HtmlPage(
        "jobs.html",
        {
            "title": "Jobs",
            "jobs": place.jobs,
            "count": place.count,
            "given": {name: found[0] if len(found) == 1 else "" for name, found in values.items()},
            "kept": [(name, value) for name, value in pairs if name in rules.SEVERAL and len(values[name]) > 1],
            "opened": any(name in _SELDOM or name == "failure" for name, _ in pairs),
            "chips": rules.chips(pairs),
            "rule": rules.text_of(pairs),
            "status_words": [(word, word) for word in map(str, JobStatus)],
            "failure_words": [(word, word.replace("_", " ")) for word in sorted(map(str, FailureKind))],
            "engine_names": engine_names(request),
            "newer": place.newer,
            "older": place.older,
            "may_change": request.may_change,
        },
    )


async def _place(request: PageRequest, pairs: Pairs, filter_: JobFilter) -> JobsPage:
    """Returns the page before or after a job that the address names, or else the newest one."""
    house, principal = request.house, request.principal
    below, above = parse_job(request.query("before")), parse_job(request.query("after"))
    if above is not None:
        upwards = replace(filter_, above=above, descending=False, limit=PAGE + 1)
        found = await job_summaries.page(house, principal, upwards)
        if len(found.jobs) > PAGE:
            shown = found.jobs[:PAGE][::-1]
            return JobsPage(shown, found.count, _newer(pairs, shown), _older(pairs, shown))
        below = None  # the newest page, whole
    found = await job_summaries.page(house, principal, replace(filter_, below=below, limit=PAGE + 1))
    shown, is_more = found.jobs[:PAGE], len(found.jobs) > PAGE
    newer = _newer(pairs, shown) if below is not None else None
    return JobsPage(shown, found.count, newer, _older(pairs, shown) if is_more else None)


def _newer(pairs: Pairs, shown: Sequence[JobSummary]) -> str:
    if not shown:
        return rules.address("/jobs", pairs)
    return rules.address("/jobs", pairs, after=job_graphql(shown[0].id))


def _older(pairs: Pairs, shown: Sequence[JobSummary]) -> str:
    return rules.address("/jobs", pairs, before=job_graphql(shown[-1].id))


def engine_names(request: PageRequest) -> dict[str, str]:
    """Returns the names of the engines by their ids."""
    return {
        engine.spec.id: engine.spec.name
        for engine in request.house.catalogue.by_id.values()
        if engines.shown(request.house, request.principal, engine.spec.id) is not None
    }


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs", show),)
