"""Scheduled jobs found by what a list asks for: what storage can tell by itself there, names and parts in memory."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from enginehouse.domain.schedules.filter import Between, Moment, Order, ScheduleFilter
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Timing
from enginehouse.domain.templates import TemplateDocument
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.schedules import schedules

_NEVER: Final = 9_223_372_036_854_775_807
_MOMENTS: Final[tuple[Moment, ...]] = ("start_at", "stop_at", "created_at", "modified_at")
_PLACES: Final[dict[Order, int]] = {
    "id": 0, "name": 1, "run_mode": 2, "is_active": 3, "start_at": 4, "stop_at": 5, "created_at": 6, "modified_at": 7,
}  # fmt: skip
_timing = msgspec.json.Decoder(Timing).decode
_document = msgspec.json.Decoder(TemplateDocument).decode


async def page(
    tx: Tx, organization_id: int, wanted: ScheduleFilter, *, with_count: bool = False
) -> tuple[list[Schedule], int | None]:
    """One page of the schedules the organization may read, and how many pass on all pages, where that is asked."""
    among = await _among(tx, organization_id, wanted)
    if among is not None and not among:
        return [], 0
    whole = not with_count and wanted.is_in_storage()
    rows = await tx.all(
        "schedules.sought",
        organization_id=organization_id,
        **_conditions(wanted, among),
        limit=wanted.limit if whole else _NEVER,
        offset=wanted.offset if whole else 0,
    )
    total = None
    if not whole:
        found = _ordered([row for row in rows if _passes(row, wanted)], wanted.order)
        total, rows = len(found), found[wanted.offset : wanted.offset + wanted.limit]
    known = await schedules.by_ids(tx, organization_id, [row[0] for row in rows])
    return [known[row[0]] for row in rows if row[0] in known], total


async def _among(tx: Tx, organization_id: int, wanted: ScheduleFilter) -> list[int] | None:
    """The schedules that the ids, the engines and the cluster leave; None where any may be meant."""
    found = None if wanted.ids is None else set(wanted.ids)
    if wanted.engine_ids is not None:
        rows = await tx.all(
            "schedules.with_engines", organization_id=organization_id, engine_ids=list(wanted.engine_ids)
        )
        found = _both(found, await _launching(tx, [row[0] for row in rows]))
    if wanted.cluster_id is not None:
        rows = await tx.all("schedules.template_documents", organization_id=organization_id)
        there = [row[0] for row in rows if _document(row[1]).echo.get("clusterId") == wanted.cluster_id]
        found = _both(found, await _launching(tx, there))
    return None if found is None else sorted(found)


async def _launching(tx: Tx, template_ids: Sequence[int]) -> set[int]:
    return {row[0] for row in await tx.all("schedules.launching", template_ids=list(template_ids))}


def _both(before: set[int] | None, found: set[int]) -> set[int]:
    return found if before is None else before & found


def _conditions(wanted: ScheduleFilter, among: list[int] | None) -> dict[str, Any]:
    given: dict[str, Any] = {
        "own": int(wanted.own),
        "any_id": int(among is None),
        "ids": among or [],
        "run_mode": None if wanted.run_mode is None else wanted.run_mode.value,
        "is_active": _flag(wanted.is_active),
        "any_source": int(wanted.source_ids is None),
        "source_ids": list(wanted.source_ids or ()),
        "any_source_type": int(wanted.source_type_ids is None),
        "source_type_ids": list(wanted.source_type_ids or ()),
        "has_template": _flag(wanted.has_template),
        "has_live_jobs": _flag(wanted.has_live_jobs),
        "with_timing": int(wanted.part_starts is not None or wanted.part_stops is not None),
        "direction": -1 if wanted.order == (("id", True),) else 1,
    }
    for name in _MOMENTS:
        between = wanted.dates.get(name, Between(or_empty=True))
        given[f"{name}_first"] = -_NEVER if between.first is None else between.first
        given[f"{name}_last"] = _NEVER if between.last is None else between.last
        if name in ("start_at", "stop_at"):  # the others are never empty
            given[f"{name}_empty"] = int(between.or_empty)
    return given


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _passes(row: Row, wanted: ScheduleFilter) -> bool:
    if wanted.name is not None and wanted.name.casefold() not in row[1].casefold():
        return False
    if row[8] is None:
        return True
    timing = _timing(row[8])
    starts = [part.start for part in timing.recurring] + [part.start for part in timing.weekly]
    return _any_within(starts, wanted.part_starts) and _any_within([p.stop for p in timing.weekly], wanted.part_stops)


def _any_within(times: Iterable[int | None], between: Between | None) -> bool:
    if between is None:
        return True
    first = 0 if between.first is None else between.first
    last = _NEVER if between.last is None else between.last
    return any(time is not None and first <= time <= last for time in times)


def _ordered(rows: list[Row], order: Sequence[tuple[Order, bool]]) -> list[Row]:
    """The rows in this order; what has no such value comes last, and the newest first among equals."""
    rows.sort(key=lambda row: -row[0])
    for name, descending in reversed(order):
        place = _PLACES[name]
        empty = [row for row in rows if row[place] is None]
        rows = [row for row in rows if row[place] is not None]
        # A sort keeps the order of equals, also a reversed one.
        rows.sort(key=partial(_key, place), reverse=descending)
        rows += empty
    return rows


def _key(place: int, row: Row) -> Any:
    value = row[place]
    return value.casefold() if isinstance(value, str) else value
