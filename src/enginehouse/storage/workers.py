"""Workers in storage: each has a row, which every beat renews and a clean stop removes."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.engine_reload import ReloadReport
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
_RELOAD: Final = msgspec.json.Decoder(ReloadReport)


class WorkerRow(NamedTuple):
    """A stored worker; pools, engines, resources and `unable` are JSON text."""

    name: str
    pools: str
    engines: str
    resources: str
    started_at: int
    seen_at: int
    reload: str | None
    unable: str | None
    drained_seat: str | None
    drain_reason: str | None
    drain_detail: str | None
    drained_at: int | None


class WorkerAtWork(NamedTuple):
    """The same, with the number of attempts leased to the worker."""

    name: str
    pools: str
    engines: str
    resources: str
    started_at: int
    seen_at: int
    reload: str | None
    unable: str | None
    drained_seat: str | None
    drain_reason: str | None
    drain_detail: str | None
    drained_at: int | None
    running: int


_ALL: Final = Select("workers.all", WorkerRow)
_AT_WORK: Final = Select("workers.at_work", WorkerAtWork)
_DRAINS: Final = Select("workers.drains", Drain)


class Beat(NamedTuple):
    """The report of a worker that it is there."""

    name: str
    pools: Mapping[str, int]
    engines: Collection[str]
    resources: Resources = NOTHING
    reload: ReloadReport | None = None
    unable: Mapping[str, tuple[str, ...]] = MappingProxyType({})


async def beat(tx: Tx, beats: Sequence[Beat], *, first: bool = False) -> None:
    """Records the reports of these workers now; `first` since their starts. Deletes workers without one for a day."""
    now = await tx.read_clock()
    if first:
        for each in beats:
            await remove(tx, each.name)  # a killed worker of the same name leaves its row behind
    rows = [
        (
            each.name,
            seat(each.name),
            _encode(dict(each.pools)).decode(),
            _encode(sorted(each.engines)).decode(),
            _encode(each.resources).decode(),
            None if each.reload is None else _encode(each.reload).decode(),
            _encode(dict(each.unable)).decode() if each.unable else None,
            now,
        )
        for each in sorted(beats, key=lambda each: each.name)  # so that two servers never wait for each other
    ]
    await tx.many("workers.beat", rows)
    await tx.run("workers.forget", before=now - REMEMBERED)


async def remove(tx: Tx, name: str) -> None:
    """Deletes the worker's row."""
    await tx.run("workers.remove", name=name)


async def clear(tx: Tx) -> None:
    """Deletes the workers of servers: on an embedded database they belong to a server that is gone."""
    await tx.run("workers.clear")


async def all_(tx: Tx) -> list[Worker]:
    """Returns every worker that has reported within a day, connected or not, the earliest started first."""
    return [_worker(row) for row in await _ALL.all(tx)]


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


async def at_work(tx: Tx) -> list[Worker]:
    """Returns the same workers, each with the number of attempts leased to it."""
    return [_worker(row, row.running) for row in await _AT_WORK.all(tx)]


async def leased(tx: Tx) -> dict[tuple[str, str], int]:
    """Returns the number of attempts leased to each worker in each pool."""
    return {(worker, pool): running for worker, pool, running in await tx.all("workers.running")}


def _worker(row: WorkerRow | WorkerAtWork, running: int = 0) -> Worker:
    drain = None
    if row.drained_seat is not None and row.drained_at is not None:
        drain = Drain(row.drained_seat, row.drain_reason, row.drain_detail, row.drained_at)
    return Worker(
        name=row.name,
        pools=_POOLS.decode(row.pools),
        engines=_ENGINES.decode(row.engines),
        resources=_RESOURCES.decode(row.resources),
        started_at=row.started_at,
        seen_at=row.seen_at,
        running=running,
        drain=drain,
        reload=None if row.reload is None else _RELOAD.decode(row.reload),
        unable={} if row.unable is None else _UNABLE.decode(row.unable),
    )
