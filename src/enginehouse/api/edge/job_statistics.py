"""The statistics of jobs over REST (rest-contract §2.5).

Each counts the jobs that were created in the range, by the status that they have now.
"""

from collections.abc import Sequence

from enginehouse.api.edge import statistic_query, words
from enginehouse.api.edge.jobs import STATUSES
from enginehouse.api.edge.statistic_query import (
    ORGANIZATIONS,
    RANGE,
    SERIES,
    answer,
    owners,
    pairs,
    sums,
    times_of,
    window,
)
from enginehouse.api.edge.statistic_shapes import EngineSeries, JobSeries, OrganizationJobs, Statistic, StatusCount
from enginehouse.api.edge.task_query import engine_ids
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import Uuid, answers, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.status import JobStatus
from enginehouse.operations import accounts, engines, statistics


@answers(
    Statistic[StatusCount],
    query={
        **RANGE,
        **ORGANIZATIONS,
        "status": one_of(*STATUSES),
        "chartType": one_of(*statistic_query.CHARTS),
    },
)
async def by_status(call: Call) -> Reply:
    """GET proc/jobs/stats: the number of jobs in each status, with total_by_time_range by part of the range."""
    query = Query(call.query)
    named = times_of(query)
    status, chart = query.word("status", STATUSES), query.word("chartType", statistic_query.CHARTS)
    organizations = query.text("organizationIDs")
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    by_mark = chart == "total_by_time_range"
    rows = [
        row for principal in principals for row in await statistics.jobs(call.house, principal, range_, by_mark=by_mark)
    ]
    numbers = sums(((_word(row.status), row.mark), row.jobs) for row in rows)
    return answer(range_, statistic_query.status_counts(range_, numbers, words=_wanted(status), by_mark=by_mark))


@answers(
    Statistic[JobSeries],
    query={**SERIES, **ORGANIZATIONS, "status": one_of(*STATUSES), "engineCategoryID": Uuid},
)
async def over_time(call: Call) -> Reply:
    """GET proc/jobs/stats/time_ranges: the number of jobs in each status, by the part of the range."""
    query = Query(call.query)
    named = times_of(query, with_interval=True)
    status, organizations = query.word("status", STATUSES), query.text("organizationIDs")
    category = query.id("engineCategoryID", *refs.UUID)
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    rows = []
    for principal in principals:
        of_category = None if category is None else engine_ids(call, principal, None, category)
        rows += await statistics.jobs(call.house, principal, range_, engine_ids=of_category, by_mark=True)
    counts = [
        JobSeries(
            status=word, values=pairs(range_, sums((row.mark, row.jobs) for row in rows if _word(row.status) == word))
        )
        for word in _wanted(status)
        if any(_word(row.status) == word for row in rows)
    ]
    return answer(range_, counts)


@answers(Statistic[OrganizationJobs], query={**RANGE, **ORGANIZATIONS})
async def by_organization(call: Call) -> Reply:
    """GET proc/jobs/stats/organization: the number of jobs in each status, by organization."""
    query = Query(call.query)
    named, organizations = times_of(query), query.text("organizationIDs")
    query.finish()
    principals, range_ = await owners(call, organizations, all_=True), await window(call, named)
    known = await accounts.get_many(call.house, call.principal, [each.organization_id for each in principals])
    counts = list[OrganizationJobs]()
    for principal in principals:
        numbers = sums((_word(r.status), r.jobs) for r in await statistics.jobs(call.house, principal, range_))
        counts += [
            OrganizationJobs(
                internal_organization_id=ids.organization_uuid(principal.organization_id),
                organization_id=principal.organization_id,
                organization_name=known[principal.organization_id].name,
                status=word,
                count=numbers[word],
            )
            for word in STATUSES
            if numbers[word]
        ]
    return answer(range_, counts)


@answers(Statistic[EngineSeries], query={**SERIES, **ORGANIZATIONS})
async def backlog(call: Call) -> Reply:
    """POST proc/jobs/backlog_count_by_engine: how many tasks had not started, by engine, priority and time."""
    query = Query(call.query)
    named, organizations = times_of(query, with_interval=True), query.text("organizationIDs")
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    numbers, names = dict[tuple[str, int], list[list[int]]](), dict[str, str]()
    for principal in principals:
        for (engine_id, priority), series in (await statistics.backlog(call.house, principal, range_)).items():
            numbers.setdefault((engine_id, priority), []).append(series)
            if (engine := engines.shown(call.house, principal, engine_id)) is not None:
                names[engine_id] = engine.spec.name
    counts = [
        EngineSeries(
            engine_id=engine_id,
            engine_name=names.get(engine_id),
            priority=priority,
            values=pairs(range_, dict(enumerate(statistics.total(series, len(range_.marks))))),
        )
        for (engine_id, priority), series in sorted(numbers.items())
    ]
    return answer(range_, counts)


@answers(Statistic[EngineSeries], query={**SERIES, **ORGANIZATIONS})
async def read_backlog(call: Call) -> Reply:
    """GET proc/jobs/backlog_count_by_engine: the same, as some clients ask for it."""
    return await backlog(call)


def _word(status: str) -> str:
    return words.job_word(JobStatus(status))


def _wanted(status: str | None) -> Sequence[str]:
    return STATUSES if status is None else (status,)
