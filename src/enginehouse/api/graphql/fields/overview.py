"""`overview`, `jobRates` and `engineNumbers`: the numbers of the caller's organization."""

from typing import Any, Final

from ariadne import QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.domain import ids
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import engine_numbers, overview

query = QueryType()


@query.field("overview")
async def now(_: object, info: Info) -> dict[str, Any]:
    """Returns jobs by status, what waits and runs, and what has failed within the hour."""
    found = await overview.now(info.context.house, info.context.principal)
    return {
        "dateTime": graphql_millis(found.now),
        "jobs": [{"name": status.value, "count": jobs} for status, jobs in found.counts.items()],
        "waiting": [{"engineId": engine.spec.id, "items": items} for engine, items in found.waiting],
        "running": [{"name": pool, "count": number} for pool, number in found.running_by_pool.items()],
        "failures": [{"name": reason, "count": tasks} for reason, tasks in found.reasons.items()],
    }


@query.field("jobRates")
async def rates(_: object, info: Info, **args: Any) -> list[dict[str, Any]]:
    """Returns how many jobs were created, started and ended in each part of the time."""
    context, since = info.context, args.get("sinceDateTime")
    at = None if since is None else int(since)
    points = await overview.rates(context.house, context.principal, since=at, step=args.get("stepSeconds") or 60)
    return [
        {
            "dateTime": graphql_millis(point.start),
            "created": point.created,
            "started": point.started,
            "complete": point.complete,
            "failed": point.failed,
            "aborted": point.aborted,
        }
        for point in points
    ]


@query.field("engineNumbers")
async def of_engines(_: object, info: Info) -> list[dict[str, Any]]:
    """Returns what waits, runs and has failed of every engine that the caller may use."""
    return [
        {
            "engineId": found.engine.spec.id,
            "waiting": found.waiting,
            "running": found.running,
            "runningLimit": found.engine.running_limit,
            "failures": [{"name": reason, "count": tasks} for reason, tasks in found.reasons.items()],
            "lastFailures": [
                {
                    "jobId": ids.job_graphql(task.job_id),
                    "taskId": ids.task_graphql(task.job_id, task.ordinal),
                    "reason": task.reason,
                    "dateTime": graphql_millis(task.at),
                }
                for task in found.failures
            ],
        }
        for found in await engine_numbers.of_all(info.context.house, info.context.principal)
    ]


BINDABLES: Final = [query]
