"""The filters of the task lists of REST (rest-contract §2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enginehouse.api.edge import words
from enginehouse.api.http.call import Call
from enginehouse.api.http.declaration import PAGE, Direction, UnixTime, Uuid, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.errors import InvalidInput, MalformedId, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.operations import accounts, engines

STATUSES: Final = (
    "pending",
    "queued",
    "aborted",
    "failed",
    "complete",
    "running",
    "scheduled",
    "rejected",
    "reprocessing",
)
_ORDER: Final = {"createdDateTime": "created_at", "modifiedDateTime": "modified_at"}
_BOOLEANS: Final = ("true", "false")

FILTERS: Final = {
    "status": one_of(*STATUSES),
    "errorType": one_of(*words.FAILURES),
    "jobID": str,
    "coreJobID": str,
    "taskID": str,
    "coreTaskID": str,
    "engineID": str,
    "engineCategoryID": Uuid,
    "recordingID": int,
    "mediaSourceID": str,
    "organizationID": str,
    "startTime": UnixTime,
    "endTime": UnixTime,
    "CreatedAfter": UnixTime,
    "CreatedBefore": UnixTime,
    "modifiedAfter": UnixTime,
    "modifiedBefore": UnixTime,
}
LIST: Final = {
    **FILTERS,
    "backlog": bool,
    "alloc": bool,
    "orderBy": one_of(*_ORDER),
    "direction": Direction,
    **PAGE,
}

_Key = tuple[int, int | None]
"""A job, or one task of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who asks, for which organization, and which tasks. `criteria` is None if no task can match."""

    principal: Principal
    criteria: TaskFilter | None
    offset: int = 0
    limit: int = 0


async def wanted(call: Call, *, listed: bool = True, limit: int = 10, only_failed: bool = False) -> Wanted:
    """Returns what the query of the call describes; `listed`: with the parameters of a page. Raises Refusal."""
    query = Query(call.query)
    status = query.word("status", STATUSES)
    error = query.word("errorType", words.FAILURES)
    jobs, tasks = _jobs(query), {name: text for name in ("taskID", "coreTaskID") if (text := query.text(name))}
    engine, category = query.id("engineID", *refs.UUID), query.id("engineCategoryID", *refs.UUID)
    target, source = query.id("recordingID", *refs.NUMBER), query.id("mediaSourceID", *refs.NUMBER)
    criteria = TaskFilter(
        statuses=(TaskStatus.FAILED,) if only_failed else words.task_statuses(status),
        target_id=None if target is None else ids.parse_number(target) or 0,
        source_id=None if source is None else ids.parse_number(source) or 0,
        created_from=query.earliest("startTime", "CreatedAfter"),
        created_to=query.latest("endTime", "CreatedBefore"),
        modified_from=query.earliest("modifiedAfter"),
        modified_to=query.latest("modifiedBefore"),
    )
    if listed:
        criteria = _listed(query, criteria, limit)
    owner = query.text("organizationID")
    query.finish()
    principal = await accounts.acting(call.house, call.principal, owner, "organizationID")
    keys = [*jobs, *[await _task(call, principal, name, text) for name, text in tasks.items()]]
    if engine is not None or category is not None:
        criteria = replace(criteria, engine_ids=engine_ids(call, principal, engine, category))
    chosen = _of_keys(_of_failures(criteria, error), keys)
    impossible = chosen is None or (status is not None and not words.task_statuses(status))
    return Wanted(principal, None if impossible else chosen, criteria.offset, criteria.limit)


def _listed(query: Query, criteria: TaskFilter, limit: int) -> TaskFilter:
    """Returns the filter with its order and its page."""
    waits, claimable = query.word("backlog", _BOOLEANS), query.word("alloc", _BOOLEANS)
    offset, length = query.page(limit)
    return replace(
        criteria,
        in_backlog=None if waits is None else waits == "true",
        is_claimable=None if claimable is None else claimable == "true",
        order_by=_ORDER[query.order(tuple(_ORDER))],
        descending=query.descending(),
        offset=offset,
        limit=length,
    )


def engine_ids(call: Call, principal: Principal, engine: str | None, category: str | None) -> tuple[str, ...]:
    """Returns the engines that both parameters allow; an unknown one is allowed too, and has no task."""
    named = None
    if engine is not None:
        known = engines.shown(call.house, principal, engine)
        named = (known.spec.id if known is not None else engine.lower(),)
    if category is None:
        return named or ()
    of_category = engines.of_category(call.house, principal, category.lower())
    return tuple(each for each in of_category if named is None or each in named)


def _jobs(query: Query) -> list[_Key | None]:
    """Returns the job that each of these parameters names, None for an unknown one."""
    given = [text for name in ("jobID", "coreJobID") if (text := query.id(name, *refs.JOB)) is not None]
    return [None if (job_id := ids.parse_job(text)) is None else (job_id, None) for text in given]


async def _task(call: Call, principal: Principal, name: str, text: str) -> _Key | None:
    """Returns the task with this id, None for an unknown one. Raises InvalidInput for a text that is no id."""
    try:
        found = await refs.named_task(call.house, principal, text)
    except MalformedId as fault:
        raise InvalidInput(
            [Problem(name, f"{fault.forms}, got {excerpt(text)}.", excerpt(text), fault.forms)]
        ) from None
    except NotFound:
        return None
    return found.job_id, found.ordinal


def _of_keys(criteria: TaskFilter | None, named: Sequence[_Key | None]) -> TaskFilter | None:
    """Returns the filter for the job or the task that all of them name, None if they name different ones."""
    if criteria is None or not named:
        return criteria
    keys = [key for key in named if key is not None]
    jobs, ordinals = {job_id for job_id, _ in keys}, {ordinal for _, ordinal in keys if ordinal is not None}
    if len(keys) < len(named) or len(jobs) > 1 or len(ordinals) > 1:
        return None
    return replace(criteria, job_ids=tuple(jobs), ordinal=next(iter(ordinals), None))


def _of_failures(criteria: TaskFilter, error: str | None) -> TaskFilter | None:
    """Returns the filter for tasks that failed for this reason; for `none`, for tasks that have not failed."""
    match error:
        case None:
            return criteria
        case "none":
            others = tuple(s for s in criteria.statuses or tuple(TaskStatus) if s is not TaskStatus.FAILED)
            return replace(criteria, statuses=others) if others else None
        case "unknown":
            return replace(criteria, other_reasons_than=words.known_failures())
        case word:
            kinds = words.failure_kinds(word)
            return replace(criteria, failure_reasons=kinds) if kinds else None
