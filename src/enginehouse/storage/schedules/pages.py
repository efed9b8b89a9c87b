"""Pages of scheduled jobs. The database applies most filters; names and parts are filtered in memory."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.schedules.filter import Between, Moment, Order, ScheduleFilter
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Timing
from enginehouse.domain.templates import TemplateDocument
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.schedules import schedules

_NEVER: Final = 9_223_372_036_854_775_807
_MOMENTS: Final[tuple[Moment, ...]] = ("start_at", "stop_at", "created_at", "modified_at")
_timing = msgspec.json.Decoder(Timing).decode
_document = msgspec.json.Decoder(TemplateDocument).decode


class CandidateRow(NamedTuple):
    """The values that filter and sort a list; `timing` is None unless a filter needs it."""

    id: int
    name: str
    run_mode: str
    is_active: int
    start_at: int | None
    stop_at: int | None
    created_at: int
    modified_at: int
    timing: str | None


_CANDIDATES: Final = Select("schedules.sought", CandidateRow)


async def page(
    tx: Tx, organization_id: int, criteria: ScheduleFilter, *, with_count: bool = False
) -> tuple[list[Schedule], int | None]:
    """Returns one page of the schedules that the organization may read, and the total if it is known.

    The total is known `with_count`, or if the database alone cannot select the page.
    """
    among = await _among(tx, organization_id, criteria)
    if among is not None and not among:
        return [], 0
    whole = not with_count and criteria.is_in_storage()
    rows = await _CANDIDATES.all(
        tx,
        organization_id=organization_id,
        **_conditions(criteria, among),
        limit=criteria.limit if whole else _NEVER,
        offset=criteria.offset if whole else 0,
    )
    total = None
    if not whole:
        passing = _ordered([row for row in rows if _passes(row, criteria)], criteria.order)
        total, rows = len(passing), passing[criteria.offset : criteria.offset + criteria.limit]
    known = await schedules.by_ids(tx, organization_id, [row.id for row in rows])
    return [known[row.id] for row in rows if row.id in known], total


async def _among(tx: Tx, organization_id: int, criteria: ScheduleFilter) -> list[int] | None:
    """Returns the schedules that the filters for ids, engines and cluster allow; None if these are not set."""
    ids = None if criteria.ids is None else set(criteria.ids)
    if criteria.engine_ids is not None:
        rows = await tx.all(
            "schedules.with_engines", organization_id=organization_id, engine_ids=list(criteria.engine_ids)
        )
        ids = _both(ids, await _launching(tx, [template_id for (template_id,) in rows]))
    if criteria.cluster_id is not None:
        rows = await tx.all("schedules.template_documents", organization_id=organization_id)
        templates = [id_ for id_, text in rows if _document(text).echo.get("clusterId") == criteria.cluster_id]
        ids = _both(ids, await _launching(tx, templates))
    return None if ids is None else sorted(ids)


async def _launching(tx: Tx, template_ids: Sequence[int]) -> set[int]:
    rows = await tx.all("schedules.launching", template_ids=list(template_ids))
    return {schedule_id for (schedule_id,) in rows}


def _both(before: set[int] | None, ids: set[int]) -> set[int]:
    return ids if before is None else before & ids


def _conditions(criteria: ScheduleFilter, among: list[int] | None) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        "own": int(criteria.own),
        "any_id": int(among is None),
        "ids": among or [],
        "run_mode": None if criteria.run_mode is None else criteria.run_mode.value,
        "is_active": _flag(criteria.is_active),
        "any_source": int(criteria.source_ids is None),
        "source_ids": list(criteria.source_ids or ()),
        "any_source_type": int(criteria.source_type_ids is None),
        "source_type_ids": list(criteria.source_type_ids or ()),
        "has_template": _flag(criteria.has_template),
        "has_live_jobs": _flag(criteria.has_live_jobs),
        "with_timing": int(criteria.part_starts is not None or criteria.part_stops is not None),
        "direction": -1 if criteria.order == (("id", True),) else 1,
    }
    for name in _MOMENTS:
        between = criteria.dates.get(name, Between(or_empty=True))
        conditions[f"{name}_first"] = -_NEVER if between.first is None else between.first
        conditions[f"{name}_last"] = _NEVER if between.last is None else between.last
        if name in ("start_at", "stop_at"):  # the others are never empty
            conditions[f"{name}_empty"] = int(between.or_empty)
    return conditions


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _passes(row: CandidateRow, criteria: ScheduleFilter) -> bool:
    if criteria.name is not None and criteria.name.casefold() not in row.name.casefold():
        return False
    if row.timing is None:
        return True
    timing = _timing(row.timing)
    starts = [part.start for part in timing.recurring] + [part.start for part in timing.weekly]
    stops = [part.stop for part in timing.weekly]
    return _any_within(starts, criteria.part_starts) and _any_within(stops, criteria.part_stops)


def _any_within(times: Iterable[int | None], between: Between | None) -> bool:
    if between is None:
        return True
    first = 0 if between.first is None else between.first
    last = _NEVER if between.last is None else between.last
    return any(time is not None and first <= time <= last for time in times)


def _ordered(rows: list[CandidateRow], order: Sequence[tuple[Order, bool]]) -> list[CandidateRow]:
    """Returns the rows in this order. Rows without a value come last; among equals the newest comes first."""
    rows.sort(key=lambda row: -row.id)
    for name, descending in reversed(order):
        # A sort keeps the order of equals, even with `reverse`.
        with_value = [row for row in rows if getattr(row, name) is not None]
        with_value.sort(key=partial(_key, name), reverse=descending)
        rows = with_value + [row for row in rows if getattr(row, name) is None]
    return rows


def _key(name: Order, row: CandidateRow) -> Any:
    value = getattr(row, name)
    return value.casefold() if isinstance(value, str) else value
