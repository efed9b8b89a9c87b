"""Translates the arguments of a list of jobs into the filter that operations take."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging
from enginehouse.domain.ids import parse_job, parse_number, parse_schedule
from enginehouse.domain.job import JobFilter, Task
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines

# The filter has no `aborted`. Its word for a cancelled job is `cancelled` (graphql-contract §4.1).
_FILTER: Final = {"cancelled": JobStatus.ABORTED}


async def job_filter(context: Context, args: dict[str, Any]) -> JobFilter | None:
    """Returns the filter that the arguments of a list of jobs describe, None if no job can match it."""
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.JOBS)
    ids = None if args.get("id") is None else tuple(filter(None, [parse_job(args["id"])]))
    target_id = _target(args.get("targetId"))
    schedule_ids = _schedule_ids(args.get("scheduledJobIds"))
    if target_id == 0 or () in (ids, schedule_ids):
        return None
    engine_ids = await _engine_ids(context, args)
    if engine_ids == ():
        return None
    order: dict[str, str] = next(iter(args.get("orderBy") or ()), {})
    return JobFilter(
        statuses=tuple(_FILTER.get(word) or JobStatus(word) for word in args.get("status") or ()),
        ids=ids,
        target_id=target_id,
        has_target=args.get("hasTargetTDO"),
        name=args.get("name"),
        engine_ids=engine_ids or (),
        failure_reasons=tuple(args.get("failureReasons") or ()),
        paused=bool(args.get("paused")),
        schedule_ids=schedule_ids,
        has_schedule=args.get("hasScheduledJobId"),
        **_dates(args.get("dateTimeFilter") or ()),
        order_by="modified_at" if order.get("field") == "modifiedDateTime" else "created_at",
        descending=order.get("direction", "desc") != "asc",
        offset=offset,
        limit=limit,
    )


def _schedule_ids(texts: Sequence[str] | None) -> tuple[int, ...] | None:
    return None if texts is None else tuple(filter(None, map(parse_schedule, texts)))


def _target(text: str | None) -> int | None:
    """Returns the target's id, or 0 for a text that is not an id. No target has the id 0."""
    if text is None:
        return None
    return parse_number(text) or 0


async def _engine_ids(context: Context, args: dict[str, Any]) -> tuple[str, ...] | None:
    """Returns the engines of which a job must have one, None if any engine matches."""
    ids, categories = args.get("engineIds"), args.get("engineCategoryIds")
    if ids is None and categories is None:
        return None
    house, principal = context.house, context.principal
    engine_ids: set[str] | None = None
    if ids is not None:
        engine_ids = {engine.spec.id for engine in (engines.shown(house, principal, name) for name in ids) if engine}
    if categories is not None:
        page = engines.EngineFilter(categories=tuple(categories) or ("",), limit=house.limits.page_size)
        inside = {engine.spec.id for engine in await engines.list_(house, principal, page)}
        engine_ids = inside if engine_ids is None else engine_ids & inside
    return tuple(sorted(engine_ids or ()))


def _dates(filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the narrowest bounds of all filters. An upper bound covers the unit in which it is written."""
    bounds: dict[str, int | None] = dict.fromkeys(("created_from", "created_to", "modified_from", "modified_to"))
    for one_filter in filters:
        prefix = "created" if one_filter["field"] == "createdDateTime" else "modified"
        first: Moment | None = one_filter.get("fromDateTime")
        last: Moment | None = one_filter.get("toDateTime")
        if first is not None:
            bounds[f"{prefix}_from"] = max(int(first), bounds[f"{prefix}_from"] or 0)
        if last is not None:
            before = bounds[f"{prefix}_to"]
            bounds[f"{prefix}_to"] = last.last if before is None else min(last.last, before)
    return bounds


def in_dates(tasks: Iterable[Task], filters: Sequence[dict[str, Any] | None] | None) -> list[Task]:
    """Returns those of the tasks whose times are within the bounds of all filters."""
    bounds = _dates([each for each in filters or () if each is not None])
    return [
        task
        for task in tasks
        if _within(task.created_at, bounds["created_from"], bounds["created_to"])
        and _within(task.modified_at, bounds["modified_from"], bounds["modified_to"])
    ]


def _within(at: int, first: int | None, last: int | None) -> bool:
    return (first is None or at >= first) and (last is None or at <= last)
