"""The backlog over REST (rest-contract §3.9): its summary, and its cancellation."""

from typing import Final

import msgspec

from enginehouse.api.edge import task_query, words
from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import UnixTime, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.operations import accounts, backlog

# Declared is a status of engine instances, meant is one of tasks. `active` does not narrow what waits.
_STATUSES: Final = (*task_query.STATUSES, "active", "terminated")


class WaitingOfEngine(msgspec.Struct, rename=spelled):
    engine_id: str
    priority: int
    count: int


class Summary(msgspec.Struct, kw_only=True):
    success: bool = True
    result: list[WaitingOfEngine]


@answers(Summary)
async def summary(call: Call) -> Reply:
    """GET admin/backlog/summary: the number of tasks that wait, by engine and priority."""
    waiting = await backlog.summary(call.house, call.principal)
    return json(Summary(result=[WaitingOfEngine(each.engine_id, each.priority, each.tasks) for each in waiting]))


@answers(
    Operation,
    query={
        "status": one_of(*_STATUSES),
        "engineID": str,
        "CreatedAfter": UnixTime,
        "CreatedBefore": UnixTime,
        "modifiedAfter": UnixTime,
        "modifiedBefore": UnixTime,
        "organizationID": str,
    },
)
async def clear(call: Call) -> Reply:
    """POST admin/backlog/clear: cancels the jobs that wait with a task that matches the query; `count` by this call."""
    query = Query(call.query)
    status, engine = query.word("status", _STATUSES), query.id("engineID", *refs.UUID)
    which = TaskFilter(
        statuses=words.task_statuses(status),
        created_from=query.earliest("CreatedAfter"),
        created_to=query.latest("CreatedBefore"),
        modified_from=query.earliest("modifiedAfter"),
        modified_to=query.latest("modifiedBefore"),
        engine_ids=None if engine is None else task_query.engine_ids(call, call.principal, engine, None),
    )
    owner = query.text("organizationID")
    query.finish()
    principal = await accounts.acting(call.house, call.principal, owner, "organizationID")
    nothing = status is not None and status != "active" and not which.statuses
    count = 0 if nothing else await backlog.clear(call.house, principal, which, key=call.key)
    return json(Operation(True, count))
