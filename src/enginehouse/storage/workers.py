"""Workers in storage: each has a row, which every beat renews and a clean stop removes."""

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import REMEMBERED, Drain, Worker, seat
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_POOLS: Final = msgspec.json.Decoder(dict[str, int])
_RESOURCES: Final = msgspec.json.Decoder(Resources)
_UNABLE: Final = msgspec.json.Decoder(dict[str, tuple[str, ...]])
_ENGINES: Final = msgspec.json.Decoder(frozenset[str])


class WorkerRow(NamedTuple):
    """A stored worker; pools, engines, resources and `unable` are JSON text."""

    name: str
    pools: str
    engines: str
    resources: str
    started_at: int
    seen_at: int
    unable: str | None


_ALL: Final = Select("workers.all", WorkerRow)
_DRAINS: Final = Select("workers.drains", Drain)


async def beat(
    tx: Tx,
    *,
    name: str,
    pools: Mapping[str, int],
    engines: Collection[str],
    resources: Resources = NOTHING,
    unable: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    first: bool = False,
) -> None:
    """Records a report of the worker now; `first` since its start. Deletes workers without a report for a day."""
    now = await tx.read_clock()
    if first:
        await remove(tx, name)  # a killed worker of the same name leaves its row behind
    await tx.run(
        "workers.beat",
        name=name,
        pools=_encode(dict(pools)).decode(),
        engines=_encode(sorted(engines)).decode(),
        resources=_encode(resources).decode(),
        unable=_encode(dict(unable)).decode() if unable else None,
        now=now,
    )
    await tx.run("workers.forget", before=now - REMEMBERED)


async def remove(tx: Tx, name: str) -> None:
    """Deletes the worker's row."""
    await tx.run("workers.remove", name=name)


async def clear(tx: Tx) -> None:
    """Deletes the workers of servers: on an embedded database they belong to a server that is gone."""
    await tx.run("workers.clear")


async def all_(tx: Tx) -> list[Worker]:
    """Returns every worker that has reported within a day, connected or not, the earliest started first."""
    drains = {drain.seat: drain for drain in await _DRAINS.all(tx)}
    return [
        Worker(
            name=row.name,
            pools=_POOLS.decode(row.pools),
            engines=_ENGINES.decode(row.engines),
            resources=_RESOURCES.decode(row.resources),
            started_at=row.started_at,
            seen_at=row.seen_at,
            drain=drains.get(seat(row.name)),
            unable={} if row.unable is None else _UNABLE.decode(row.unable),
        )
        for row in await _ALL.all(tx)
    ]


async def drained(tx: Tx) -> frozenset[str]:
    """Returns the seats of all drained workers, also of those that are gone."""
    return frozenset([drain.seat for drain in await _DRAINS.all(tx)])


async def drain(tx: Tx, worker: str, *, reason: str | None, detail: str | None) -> None:
    """From this commit on nothing starts on the worker, also after it has started again. What runs there runs on.

    The barrier lock: every transaction that claims is committed before, or sees this.
    """
    await barrier_lock.take_exclusive(tx)
    await tx.run("workers.drain", seat=seat(worker), reason=reason, detail=detail, now=await tx.read_clock())


async def resume(tx: Tx, worker: str) -> None:
    """The worker takes work again."""
    await tx.run("workers.resume", seat=seat(worker))


async def at_work(tx: Tx) -> tuple[list[Worker], dict[str, int]]:
    """Returns the workers with the number of attempts leased to each, and the number of attempts in each pool."""
    by_worker, by_pool = Counter[str](), Counter[str]()
    for worker, pool, running in await tx.all("workers.running"):
        by_worker[worker] += running
        by_pool[pool] += running
    return [structs.replace(each, running=by_worker[each.name]) for each in await all_(tx)], dict(by_pool)
