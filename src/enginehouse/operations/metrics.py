"""The numbers of the whole server for its operator: what waits, what runs, and where. They name no organization."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.totals import MEASURES, Totals
from enginehouse.domain.work import Worker
from enginehouse.operations.house import House
from enginehouse.storage import workers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import statistics
from enginehouse.storage.work import lane_counts

MOST_COUNTED: Final = 1_000  # waiting items of one organization and engine
MOST_ENGINES: Final = 200  # with series of their own
OTHER: Final = "other"
_POOLS: Final = tuple(kind.value for kind in EngineKind)


class EngineLabels(NamedTuple):
    """What tells the numbers of engines apart. `engine` is a slug or an id; `resources` is like `cpus=2,gpus=1`."""

    pool: str
    engine: str
    resources: str


class SlotLabels(NamedTuple):
    """What tells the numbers of worker slots apart: `state` is busy or free."""

    pool: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The numbers of one moment. Every engine that the server knows has one, also if it is 0."""

    waiting: Mapping[EngineLabels, int] = field(default_factory=dict)
    runnable: Mapping[EngineLabels, int] = field(default_factory=dict)
    running: Mapping[EngineLabels, int] = field(default_factory=dict)
    slots: Mapping[SlotLabels, int] = field(default_factory=dict)
    workers: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, int] = field(default_factory=dict)


async def look(house: House) -> Snapshot:
    """Returns the numbers, from one snapshot of the storage. Raises Unavailable.

    Its cost does not grow with the jobs, because of each organization and engine only so many items are counted.
    """
    return await house.database.read(lambda tx: _look(house, tx))


async def _look(house: House, tx: Tx) -> Snapshot:
    waiting, runnable = Counter[EngineLabels](), Counter[EngineLabels]()
    for size in await lane_counts.look(tx, _POOLS, most=MOST_COUNTED):
        labels = _labels(house, size.pool, size.lane.engine_id)
        waiting[labels] += size.waiting
        runnable[labels] += size.startable
    running = Counter({_labels(house, row.pool, row.engine_id): row.items for row in await lane_counts.leased(tx)})
    known = {_labels(house, engine.spec.kind, engine_id): 0 for engine_id, engine in house.catalogue.by_id.items()}
    now, leased = await tx.read_clock(), await workers.leased(tx)
    here = [worker for worker in await workers.all_(tx) if worker.connected(now)]
    jobs = await statistics.all_jobs(tx)
    return Snapshot(
        waiting=_bounded(known | waiting),
        runnable=_bounded(known | runnable),
        running=_bounded(known | running),
        slots=dict(_slots(here, leased)),
        workers={
            "active": sum(one.drain is None for one in here),
            "drained": sum(one.drain is not None for one in here),
        },
        jobs={status.value: jobs.get(status.value, 0) for status in JobStatus},
    )


class EngineNames:
    """How the engines of what was counted are called: the first MOST_ENGINES have a name, all others are OTHER.

    Totals keep the order in which they began, so an engine that has a name keeps it.
    """

    def __init__(self, house: House, totals: Totals) -> None:
        self._house = house
        self._known = dict[str, str]()
        for name, labels in (*totals.counters, *totals.histograms):
            for label, value in zip(MEASURES[name].labels, labels, strict=True):
                if label == "engine" and value not in self._known:
                    self._known[value] = self._name(value)

    def __call__(self, engine_id: str) -> str:
        """Returns the slug of the engine, or its id, or OTHER."""
        return self._known.get(engine_id, OTHER)

    def _name(self, engine_id: str) -> str:
        return _labels(self._house, "", engine_id).engine if len(self._known) < MOST_ENGINES else OTHER


def _labels(house: House, pool: str, engine_id: str) -> EngineLabels:
    engine = house.catalogue.by_id.get(engine_id)
    if engine is None:
        return EngineLabels(pool, engine_id, "")
    spec = engine.spec
    takes = ",".join(f"{name}={amount:g}" for name, amount in spec.resources.amounts().items())
    # The catalogue says whose a slug is; an organization's own engine is named by its id.
    slug = spec.slug if spec.slug is not None and house.catalogue.by_id.get(spec.slug) is engine else None
    return EngineLabels(pool, slug or spec.id, takes)


def _bounded(numbers: Mapping[EngineLabels, int]) -> dict[EngineLabels, int]:
    """Returns the largest numbers as they are, and the sum of the others in each pool."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    bounded = dict(ordered[:MOST_ENGINES])
    for labels, number in ordered[MOST_ENGINES:]:
        other = EngineLabels(labels.pool, OTHER, "")
        bounded[other] = bounded.get(other, 0) + number
    return bounded


def _slots(here: Iterable[Worker], leased: Mapping[tuple[str, str], int]) -> Iterable[tuple[SlotLabels, int]]:
    """Yields the slots of connected workers. A lease ahead of them takes none, and a drained worker has no free one."""
    for pool in _POOLS:
        busy = free = 0
        for worker in here:
            taken = min(worker.pools.get(pool, 0), leased.get((worker.name, pool), 0))
            busy += taken
            free += worker.pools.get(pool, 0) - taken if worker.drain is None else 0
        yield SlotLabels(pool, "busy"), busy
        yield SlotLabels(pool, "free"), free
