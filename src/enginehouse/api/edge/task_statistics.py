"""The statistics of tasks over REST (rest-contract §2.6).

Each counts the tasks of the jobs that were created in the range, by the status that they have now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from enginehouse.api.edge import statistic_query, task_query, words
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
from enginehouse.api.edge.statistic_shapes import (
    CategoryTasks,
    EngineTasks,
    NamedSeries,
    OrganizationTasks,
    Statistic,
    StatusCount,
    TaskSeries,
)
from enginehouse.api.edge.task_query import STATUSES, engine_ids
from enginehouse.api.edge.task_view import category_names
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import Uuid, answers, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain.engine import Engine
from enginehouse.domain.identity import Principal
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.operations import engines, statistics
from enginehouse.operations.statistics import Window


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tasks of the organization have the status, engine, reason of a failure and mark, in words of REST."""

    owner: Principal
    engine_id: str
    engine: Engine | None
    status: str
    reason: str
    mark: int
    tasks: int

    @property
    def category_id(self) -> str | None:
        return None if self.engine is None else self.engine.spec.category_id


async def counted(
    call: Call,
    principals: Sequence[Principal],
    range_: Window,
    status: str | None = None,
    criteria: TaskFilter | None = None,
    *,
    by_mark: bool = False,
) -> list[Counted]:
    """Returns the numbers of all these organizations. `status`: only of tasks with this word."""
    filter_ = criteria or TaskFilter()
    if status is not None:
        filter_ = replace(filter_, statuses=words.task_statuses(status))
        if not filter_.statuses:
            return []
    return [
        Counted(
            principal,
            row.engine_id,
            engines.shown(call.house, principal, row.engine_id),
            words.task_word(TaskStatus(row.status)),
            words.failure_word(row.reason) if row.status == TaskStatus.FAILED else "none",
            row.mark,
            row.tasks,
        )
        for principal in principals
        for row in await statistics.tasks(call.house, principal, range_, filter_, by_mark=by_mark)
    ]


@answers(
    Statistic[StatusCount],
    query={
        **RANGE,
        **ORGANIZATIONS,
        "status": one_of(*STATUSES),
        "chartType": one_of(*statistic_query.CHARTS),
        "engineIDs": str,
    },
)
async def by_status(call: Call) -> Reply:
    """GET proc/tasks/stats: the number of tasks in each status, with total_by_time_range by part of the range."""
    query = Query(call.query)
    named, organizations = times_of(query), query.text("organizationIDs")
    status, chart = query.word("status", STATUSES), query.word("chartType", statistic_query.CHARTS)
    only = statistic_query.uuids(query, "engineIDs")
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    by_mark = chart == "total_by_time_range"
    rows = await counted(call, principals, range_, status, TaskFilter(engine_ids=only), by_mark=by_mark)
    numbers = sums(((row.status, row.mark), row.tasks) for row in rows)
    return answer(range_, statistic_query.status_counts(range_, numbers, words=STATUSES, by_mark=by_mark))


@answers(
    Statistic[CategoryTasks],
    query={**RANGE, **ORGANIZATIONS, "status": one_of(*STATUSES), "engineCategoryID": Uuid},
)
async def by_category(call: Call) -> Reply:
    """GET proc/tasks/stats/categories: the number of tasks in each status, by engine category."""
    query = Query(call.query)
    named, organizations = times_of(query), query.text("organizationIDs")
    status, category = query.word("status", STATUSES), query.id("engineCategoryID", *refs.UUID)
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    rows = [row for each in principals for row in await _of_category(call, each, range_, status, category)]
    names = await category_names(call.house, call.principal)
    numbers = sums(((row.category_id or "", row.status), row.tasks) for row in rows)
    counts = [
        CategoryTasks(
            engine_category_id=category_id or None,
            engine_category_name=names.get(category_id),
            status=word,
            count=number,
        )
        for (category_id, word), number in sorted(numbers.items())
    ]
    return answer(range_, counts)


@answers(Statistic[EngineTasks], query=task_query.FILTERS)
async def by_engine(call: Call) -> Reply:
    """GET proc/tasks/stats/engines: the number of tasks in each status, by engine, with the filters of the list."""
    wanted = await task_query.wanted(call, listed=False)
    criteria = wanted.criteria or TaskFilter()
    range_ = await statistics.window(call.house, criteria.created_from, criteria.created_to)
    rows = [] if wanted.criteria is None else await counted(call, [wanted.principal], range_, criteria=criteria)
    names = await category_names(call.house, wanted.principal)
    numbers = sums(((row.engine_id, row.status), row.tasks) for row in rows)
    known = {row.engine_id: row for row in rows}
    counts = [
        EngineTasks(
            engine_category_id=known[engine_id].category_id,
            engine_category_name=names.get(known[engine_id].category_id or ""),
            engine_id=engine_id,
            engine_name=name_of(known[engine_id].engine),
            status=word,
            count=number,
        )
        for (engine_id, word), number in sorted(numbers.items())
    ]
    return answer(range_, counts)


@answers(Statistic[OrganizationTasks], query={**RANGE, **ORGANIZATIONS, "status": one_of(*STATUSES), "engineID": Uuid})
async def by_organization(call: Call) -> Reply:
    """GET proc/tasks/stats/organizations: the number of tasks in each status, by organization and engine."""
    query = Query(call.query)
    named, organizations = times_of(query), query.text("organizationIDs")
    status, engine = query.word("status", STATUSES), query.id("engineID", *refs.UUID)
    query.finish()
    principals, range_ = await owners(call, organizations, all_=True), await window(call, named)
    counts = list[OrganizationTasks]()
    for principal in principals:
        only = None if engine is None else engine_ids(call, principal, engine, None)
        rows = await counted(call, [principal], range_, status, TaskFilter(engine_ids=only))
        names = {row.engine_id: name_of(row.engine) for row in rows}
        numbers = sums(((row.engine_id, row.status), row.tasks) for row in rows)
        counts += [
            OrganizationTasks(
                internal_organization_id=statistic_query.organization_uuid(principal),
                engine_id=engine_id,
                engine_name=names[engine_id],
                status=word,
                count=number,
            )
            for (engine_id, word), number in sorted(numbers.items())
        ]
    return answer(range_, counts)


@answers(
    Statistic[TaskSeries],
    query={**SERIES, **ORGANIZATIONS, "status": one_of(*STATUSES), "engineCategoryID": Uuid},
)
async def over_time(call: Call) -> Reply:
    """GET proc/tasks/stats/time_ranges: the number of tasks in each status, by the part of the range."""
    query = Query(call.query)
    named, organizations = times_of(query, with_interval=True), query.text("organizationIDs")
    status, category = query.word("status", STATUSES), query.id("engineCategoryID", *refs.UUID)
    query.finish()
    principals, range_ = await owners(call, organizations), await window(call, named)
    rows = [
        row for each in principals for row in await _of_category(call, each, range_, status, category, by_mark=True)
    ]
    names = await category_names(call.house, call.principal)
    counts = [
        TaskSeries(
            engine_category_id=None if category is None else category.lower(),
            engine_category_name=None if category is None else names.get(category.lower()),
            status=word,
            values=pairs(range_, sums((row.mark, row.tasks) for row in rows if row.status == word)),
        )
        for word in STATUSES
        if any(row.status == word for row in rows)
    ]
    return answer(range_, counts)


@answers(Statistic[NamedSeries], query=SERIES)
async def backlog(call: Call) -> Reply:
    """GET proc/tasks/sync_backlog: the number of tasks that had not started, of all engines together, by time."""
    query = Query(call.query)
    named = times_of(query, with_interval=True)
    query.finish()
    range_ = await window(call, named)
    series = await statistics.backlog(call.house, call.principal, range_)
    numbers = statistics.total(list(series.values()), len(range_.marks))
    return answer(range_, [NamedSeries("tasks", pairs(range_, dict(enumerate(numbers))))])


async def _of_category(
    call: Call, principal: Principal, range_: Window, status: str | None, category: str | None, *, by_mark: bool = False
) -> list[Counted]:
    only = None if category is None else engine_ids(call, principal, None, category)
    return await counted(call, [principal], range_, status, TaskFilter(engine_ids=only), by_mark=by_mark)


def name_of(engine: Engine | None) -> str | None:
    """Returns the engine's name, None for an engine that is gone."""
    return None if engine is None else engine.spec.name
