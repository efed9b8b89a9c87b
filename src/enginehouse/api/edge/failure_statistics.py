"""The failed tasks by engine, reason and time, and the engines that run now, over REST (rest-contract §2.6)."""

from collections import Counter
from typing import Final

from enginehouse.api.edge import words
from enginehouse.api.edge.statistic_query import RANGE, SERIES, answer, pairs, sums, times_of, window
from enginehouse.api.edge.statistic_shapes import (
    EngineFailures,
    Failures,
    Instances,
    InstancesOfCategory,
    Statistic,
)
from enginehouse.api.edge.task_query import STATUSES, engine_ids
from enginehouse.api.edge.task_statistics import counted, name_of
from enginehouse.api.edge.task_view import category_names
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import Uuid, answers, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import times
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.operations import engines, statistics

_CHARTS: Final = ("total_engine_errors", "total_failed_task_by_engine")
_FAILED: Final = "failed"


@answers(
    Statistic[EngineFailures],
    query={**RANGE, "engineID": str, "status": one_of(*STATUSES), "errorType": one_of(*words.FAILURES)},
)
async def by_type(call: Call) -> Reply:
    """GET proc/tasks/error/count_type_by_engine: the number of failed tasks, by engine and reason."""
    query = Query(call.query)
    named, engine = times_of(query), query.id("engineID", *refs.UUID)
    status, error = query.word("status", STATUSES), query.word("errorType", words.FAILURES)
    query.finish()
    range_ = await window(call, named)
    only = None if engine is None else engine_ids(call, call.principal, engine, None)
    # A task with another status has no failure.
    wanted = status in (None, _FAILED)
    rows = await counted(call, [call.principal], range_, _FAILED, TaskFilter(engine_ids=only)) if wanted else []
    numbers = sums(((row.engine_id, row.reason), row.tasks) for row in rows if error in (None, row.reason))
    names = {row.engine_id: name_of(row.engine) for row in rows}
    counts = [
        EngineFailures(engine_id=engine_id, engine_name=names[engine_id], error_type=reason, count=number)
        for (engine_id, reason), number in sorted(numbers.items())
    ]
    return answer(range_, counts)


@answers(Statistic[Failures], query={**SERIES, "engineID": Uuid, "chartType": one_of(*_CHARTS)})
async def over_time(call: Call) -> Reply:
    """GET proc/tasks/error/engine_error_time_ranges: the failed tasks of each part of the range.

    With total_engine_errors of all engines together, with total_failed_task_by_engine of each.
    """
    query = Query(call.query)
    named, engine = times_of(query, with_interval=True), query.id("engineID", *refs.UUID)
    chart = query.word("chartType", _CHARTS, _CHARTS[0])
    query.finish()
    range_ = await window(call, named)
    only = None if engine is None else engine_ids(call, call.principal, engine, None)
    rows = await counted(call, [call.principal], range_, _FAILED, TaskFilter(engine_ids=only), by_mark=True)
    if chart == _CHARTS[0]:
        numbers = sums((row.mark, row.tasks) for row in rows)
        return answer(
            range_,
            [
                Failures(
                    count=numbers[mark],
                    start_date_time=times.rest(first),
                    end_date_time=times.rest(min(first + range_.step, range_.end + 1) - 1),
                )
                for mark, first in enumerate(range_.marks)
                if numbers[mark]
            ],
        )
    names = {row.engine_id: name_of(row.engine) for row in rows}
    counts = [
        Failures(
            engine_id=engine_id,
            engine_name=names[engine_id],
            values=pairs(range_, sums((row.mark, row.tasks) for row in rows if row.engine_id == engine_id)),
        )
        for engine_id in sorted(names)
    ]
    return answer(range_, counts)


@answers(Instances, query={**RANGE, "engineCategoryID": Uuid, "status": one_of("active", "terminated")})
async def instances(call: Call) -> Reply:
    """GET proc/tasks/instances/by_category_host: the number of attempts that run now, by engine category and worker.

    A terminated instance is on no host.
    """
    query = Query(call.query)
    named, category = times_of(query), query.id("engineCategoryID", *refs.UUID)
    status = query.word("status", ("active", "terminated"), "active")
    query.finish()
    range_ = await window(call, named)
    rows = (
        await statistics.running(call.house, call.principal, start=range_.start, end=range_.end)
        if status == "active"
        else []
    )
    numbers = Counter[tuple[str, str]]()
    for row in rows:
        engine = engines.shown(call.house, call.principal, row.engine_id)
        category_id = "" if engine is None else engine.spec.category_id
        if category is None or category_id == category.lower():
            numbers[category_id, row.worker] += row.attempts
    hosts, names = sorted({worker for _, worker in numbers}), await category_names(call.house, call.principal)
    counts = [
        InstancesOfCategory(
            engine_category_id=category_id or None,
            engine_category_name=names.get(category_id),
            count=sum(numbers[category_id, host] for host in hosts),
            values=[numbers[category_id, host] for host in hosts],
        )
        for category_id in sorted({category_id for category_id, _ in numbers})
    ]
    start, end = times.rest(range_.start), times.rest(range_.end)
    return json(Instances(hosts=hosts, counts=counts, start_date_time=start, end_date_time=end))
