"""The facts about waiting tasks beyond their rows: their open items, the other items in their lanes, and the server."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.engine_health import EngineHealth
from enginehouse.domain.fair_order import Waiting
from enginehouse.domain.quotas import Lane, Quotas
from enginehouse.domain.resources import Resources
from enginehouse.domain.wait_reasons.explanation import EngineFacts, Later
from enginehouse.domain.work import Worker
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


@dataclass(frozen=True, slots=True)
class OpenItems:
    """The open items of one task: `running` are leased, `waiting` are not, `kept` of these may not start now.

    For the rest see `TaskFacts`.
    """

    running: int
    waiting: int
    kept: int
    limited: int
    first: Waiting | None
    later_at: int | None


NONE_OPEN: Final = OpenItems(0, 0, 0, 0, None, None)


class ItemsRow(NamedTuple):
    """The counts of a task's open items."""

    job_id: int
    ordinal: int
    items: int
    running: int
    limited: int
    kept: int
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


class LaneRow(NamedTuple):
    """A lane with its first items, as JSON text; None on PostgreSQL if none may start now."""

    pool: str
    engine_id: str
    items: str | None


class UsableEngine(NamedTuple):
    """An engine with its limit, and with the limit and the pause of the organization for which it is read."""

    id: str
    name: str
    state: str
    unavailable_until: int | None
    unavailable_reason: str | None
    unavailable_probes: int
    running_limit: int | None
    organization_limit: int | None
    organization_paused_at: int | None


class Leases(NamedTuple):
    """How many attempts of an engine run for an organization, in a pool."""

    organization_id: int
    engine_id: str
    pool: str
    attempts: int


Lanes = dict[Lane, list[Waiting]]
_WAITING: Final = msgspec.json.Decoder(list[Waiting])
_ITEMS: Final = Select("wait_facts.items", ItemsRow)
_LATER: Final = Select("wait_facts.later", LaterRow)
_LANES: Final = Select("wait_facts.lanes", LaneRow)
_ENGINES: Final = Select("wait_facts.engines", UsableEngine)
_LEASES: Final = Select("wait_facts.leases", Leases)


async def open_items(
    tx: Tx, organization_id: int, job_ids: Sequence[int], *, now: int
) -> dict[tuple[int, int], OpenItems]:
    """Returns the open items of each task of these jobs, by job and ordinal. Tasks without any are missing."""
    rows = await _ITEMS.all(tx, ids=list(job_ids), organization_id=organization_id, now=now)
    return {
        (row.job_id, row.ordinal): OpenItems(
            running=row.running,
            waiting=row.items - row.running,
            kept=row.kept,
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


async def lanes(
    tx: Tx, organization_id: int, pools: Iterable[str], *, now: int
) -> dict[str, dict[Lane, list[Waiting]]]:
    """Returns the organization's items that may start now, by pool and lane: the first `COUNTED` + 1 of each lane.

    They include items of jobs that a bulk cancel covers, until it is applied to these jobs.
    """
    found: dict[str, Lanes] = {pool: {} for pool in sorted(pools)}
    for row in await _LANES.each(tx, [(pool, organization_id, now) for pool in found]):
        items = [] if row.items is None else sorted(_WAITING.decode(row.items))
        found[row.pool][Lane(organization_id, row.engine_id)] = items
    return found


async def leases(tx: Tx) -> list[Leases]:
    """Returns how many attempts run of each organization and engine, in each pool."""
    return await _LEASES.all(tx)


async def engines(tx: Tx, organization_id: int) -> list[UsableEngine]:
    """Returns every engine that the organization may use, with what is set for it and for the organization."""
    return await _ENGINES.all(tx, organization_id=organization_id)


def quotas(organization_id: int, engine_rows: Sequence[UsableEngine], leased: Sequence[Leases]) -> Quotas:
    """Returns the quotas that hold for the organization: of other organizations it has only what they run."""
    own = engine_rows[0] if engine_rows else None
    live = Counter[Lane]()
    for row in leased:
        live[Lane(row.organization_id, row.engine_id)] += row.attempts
    limit = None if own is None else own.organization_limit
    return Quotas(
        organization_limits={} if limit is None else {organization_id: limit},
        engine_limits={row.id: row.running_limit for row in engine_rows if row.running_limit is not None},
        paused_organizations=frozenset([organization_id] if own and own.organization_paused_at is not None else []),
        # A disabled engine does not start anything either.
        paused_engines=frozenset(row.id for row in engine_rows if row.state != "active"),
        unavailable_engines=frozenset(row.id for row in engine_rows if row.unavailable_until is not None),
        live=live,
    )


def engine_facts(
    rows: Sequence[UsableEngine], workers: Sequence[Worker], *, over_http: Mapping[str, Resources], now: int
) -> dict[str, EngineFacts]:
    """Returns the facts of these engines: also whether a worker that takes work offers them.

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
        row.id: EngineFacts(
            row.name,
            row.state,
            row.id in offered,
            last.get(row.id),
            EngineHealth(row.unavailable_until, row.unavailable_reason, row.unavailable_probes),
            row.id in drained,
            unable="" if row.id in able else unable.get(row.id, ""),
        )
        for row in rows
    }
