"""What waits for each engine, what runs of it, and what has failed within the hour, of the caller's organization."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.engine import Engine, EngineKind
from enginehouse.domain.engine_health import EngineHealth
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.times import SECOND
from enginehouse.operations import engines
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import engine_health
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import statistics
from enginehouse.storage.jobs.statistics import EngineWork, FailedTask

MOST_COUNTED: Final = 1_000  # waiting items of one engine
LATELY: Final = 3_600 * SECOND
MOST_JOBS: Final = 200  # that failed last, of which the failures are looked at
MOST_TASKS: Final = 1_000
_SHOWN: Final = 3
_MOST_ENGINES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNumbers:
    """An engine with its numbers. `waiting` counts items up to 1000; `failures` are the last ones of the hour.

    `health`: why it gets no work now, if it is one over HTTP that does not answer.
    """

    engine: Engine
    waiting: int
    running: int
    reasons: Mapping[str, int]
    failures: tuple[FailedTask, ...]
    health: EngineHealth | None
    is_offered: bool

    @property
    def failed(self) -> int:
        """How many tasks have failed within the hour, of the last 200 jobs that failed."""
        return sum(self.reasons.values())


async def of_all(house: House, principal: Principal) -> list[EngineNumbers]:
    """Returns every engine that the caller may use, with its numbers, from one snapshot. Raises NotAllowed."""
    require(principal, Role.READER)
    shown = await engines.list_(house, principal, EngineFilter(limit=_MOST_ENGINES))
    owner = principal.organization_id

    async def read(tx: Tx) -> tuple[Mapping[str, EngineWork], Sequence[FailedTask], Mapping[str, EngineHealth]]:
        return await work(tx, owner, shown), await failures(tx, owner), await engine_health.unavailable(tx, owner)

    at_work, failed, health = await house.database.read(read)
    by_engine = defaultdict[str, list[FailedTask]](list)
    for task in failed:
        by_engine[task.engine_id].append(task)
    return [
        EngineNumbers(
            engine=engine,
            waiting=now.waiting if (now := at_work.get(engine.spec.id)) else 0,
            running=now.running if now else 0,
            reasons=by_reason(by_engine[engine.spec.id]),
            failures=tuple(by_engine[engine.spec.id][:_SHOWN]),
            health=health.get(engine.spec.id),
            is_offered=house.presence.offers(engine),
        )
        for engine in shown
    ]


async def work(tx: Tx, organization_id: int, known: Iterable[Engine]) -> Mapping[str, EngineWork]:
    """Returns how many items of each engine wait for a worker slot and how many run; none that has nothing."""
    return await statistics.work(tx, organization_id, [(engine.spec.kind.value, engine.spec.id) for engine in known])


async def failures(tx: Tx, organization_id: int) -> Sequence[FailedTask]:
    """Returns the tasks that have failed within the hour, the last first."""
    since = tx.now - LATELY
    return await statistics.failures(tx, organization_id, since=since, jobs=MOST_JOBS, tasks=MOST_TASKS)


def by_reason(failed: Sequence[FailedTask]) -> Mapping[str, int]:
    """Returns how many failed for each reason, the most frequent first."""
    return dict(Counter(task.reason or "unknown" for task in failed).most_common())


def by_pool(house: House, at_work: Mapping[str, EngineWork]) -> Mapping[str, int]:
    """Returns how many attempts run in each pool."""
    counted = Counter({kind.value: 0 for kind in EngineKind})
    for engine_id, now in at_work.items():
        if (engine := house.catalogue.by_id.get(engine_id)) is not None:
            counted[engine.spec.kind.value] += now.running
    return counted
