"""The facts about waiting tasks beyond their rows: their open items, and the other items in their lanes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.engine_health import EngineHealth
from enginehouse.domain.fair_order import Waiting
from enginehouse.domain.quotas import Lane
from enginehouse.domain.resources import Resources
from enginehouse.domain.wait_reasons.explanation import COUNTED, EngineFacts, Later
from enginehouse.domain.work import Worker
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


@dataclass(frozen=True, slots=True)
class OpenItems:
    """The open items of one task: `running` are leased, `waiting` are not; for the rest see `TaskFacts`."""

    running: int
    waiting: int
    limited: int
    first: Waiting | None
    later_at: int | None


NONE_OPEN: Final = OpenItems(0, 0, 0, None, None)


class ItemsRow(NamedTuple):
    """The counts of a task's open items."""

    job_id: int
    ordinal: int
    items: int
    running: int
    limited: int
    first_item: int | None
    later_at: int | None
    turn_at: int | None
    priority: int
    due_at: int


class LaterRow(NamedTuple):
    """An item that waits for its time, and why its last attempt failed."""

    job_id: int
    ordinal: int
    not_before: int
    attempts: int
    failure_reason: str | None
    failure_message: str | None


_ITEMS: Final = Select("wait_facts.items", ItemsRow)
_LATER: Final = Select("wait_facts.later", LaterRow)
_FIRST_OF_LANE: Final = Select("wait_facts.first_of_lane", Waiting)


async def paused_jobs(tx: Tx, organization_id: int, job_ids: Sequence[int]) -> dict[int, int]:
    """Returns since when each of these jobs is paused. Jobs that are not paused are missing."""
    rows = await tx.all("wait_facts.paused_jobs", ids=list(job_ids), organization_id=organization_id)
    return {job_id: int(since) for job_id, since in rows}


async def open_items(
    tx: Tx, organization_id: int, job_ids: Sequence[int], *, now: int
) -> dict[tuple[int, int], OpenItems]:
    """Returns the open items of each task of these jobs, by job and ordinal. Tasks without any are missing."""
    rows = await _ITEMS.all(tx, ids=list(job_ids), organization_id=organization_id, now=now)
    return {
        (row.job_id, row.ordinal): OpenItems(
            running=row.running,
            waiting=row.items - row.running,
            limited=row.limited,
            first=None
            if row.first_item is None or row.turn_at is None
            else Waiting(row.priority, row.due_at, row.turn_at, row.job_id, row.ordinal, row.first_item),
            later_at=row.later_at,
        )
        for row in rows
    }


async def later(tx: Tx, organization_id: int, times: Iterable[tuple[int, int, int]]) -> dict[tuple[int, int], Later]:
    """Returns for each (job, ordinal, time) the attempt that may start then, and why the last one failed."""
    rows = await _LATER.each(tx, [(organization_id, *time) for time in sorted(times)])
    return {
        (row.job_id, row.ordinal): Later(row.not_before, row.attempts + 1, row.failure_reason, row.failure_message)
        for row in rows
    }


async def lanes(tx: Tx, organization_id: int, pool: str, *, now: int) -> dict[Lane, list[Waiting]]:
    """Returns the organization's items that may start in the pool now, by lane: the first `COUNTED` + 1 of each.

    They include items of jobs that a bulk cancel covers, until it is applied to these jobs.
    """
    items = dict[Lane, list[Waiting]]()
    for (engine_id,) in await tx.all("wait_facts.lanes", pool=pool, organization_id=organization_id):
        items[Lane(organization_id, engine_id)] = await _FIRST_OF_LANE.all(
            tx,
            pool=pool,
            organization_id=organization_id,
            engine_id=engine_id,
            now=now,
            limit=COUNTED + 1,
        )
    return items


async def engines(
    tx: Tx, organization_id: int, workers: Sequence[Worker], *, over_http: Mapping[str, Resources], now: int
) -> dict[str, EngineFacts]:
    """Returns every engine that the organization may use, and whether a worker that takes work offers it.

    `over_http` are the engines that every server with slots for them offers, and their needs.
    """
    offered, drained, last = set[str](), set[str](), dict[str, int]()
    able, unable = set[str](), dict[str, str]()
    for worker in workers:
        if worker.takes_work(now):
            offered |= worker.offers(over_http)
            unable |= (kept := {key: why for why, engine_ids in worker.unable.items() for key in engine_ids})
            able |= worker.offers(over_http) - kept.keys()
        elif worker.connected(now):
            drained |= worker.offers(over_http)
        for engine_id in worker.offers(over_http):
            last[engine_id] = max(last.get(engine_id, 0), worker.seen_at)
    return {
        engine_id: EngineFacts(
            name,
            state,
            engine_id in offered,
            last.get(engine_id),
            EngineHealth(*health),
            engine_id in drained,
            unable="" if engine_id in able else unable.get(engine_id, ""),
        )
        for engine_id, name, state, *health in await tx.all("wait_facts.engines", organization_id=organization_id)
    }
