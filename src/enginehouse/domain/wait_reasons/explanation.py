"""Explains why a task is not running, from the same facts that decide what is dispatched next. Pure.

The obstacles of a lane come from `quotas.obstacles`, and the order of items is that of `fair_order.Waiting`. The
dispatcher uses the same two, so that an explanation cannot disagree with it.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

import msgspec

from enginehouse.domain.engine_health import HEALTHY, EngineHealth
from enginehouse.domain.fair_order import Waiting
from enginehouse.domain.quotas import Lane, Obstacle, Quotas, obstacles
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.domain.wait_reasons import reasons
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask

COUNTED: Final = 1000  # items ahead are counted up to this number; for more, the text says "more than"


@dataclass(frozen=True, slots=True)
class Later:
    """The earliest item that waits for its time: the time, its next attempt, and why the last attempt failed."""

    at: int
    attempt: int
    failure_reason: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """The facts of one task. `status` is effective.

    `parents` are the tasks that it still waits for. Of its open items, `running` are leased and `waiting` are not. Of
    the waiting ones, `limited` wait for other items of the task (`limit`), `first` is the first that may start now, and
    `later` is the first that waits for its time.
    """

    organization_id: int
    ordinal: int
    status: TaskStatus
    engine_id: str
    pool: str
    parents: tuple[OtherTask, ...] = ()
    principal: OtherTask | None = None
    awaits_route: bool = False
    endpoints: tuple[str, ...] = ()  # at which it waits for pushes
    job_paused_at: int | None = None
    running: int = 0
    waiting: int = 0
    limit: int | None = None
    limited: int = 0
    first: Waiting | None = None
    later: Later | None = None
    failure_reason: str | None = None

    @property
    def lane(self) -> Lane:
        return Lane(self.organization_id, self.engine_id)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """The worker slots of all connected workers in one pool."""

    slots: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The facts of an engine. `last_offered`: the last report of a worker that offered it and is gone.

    `drained`: a connected worker offers it, and is drained. `lacking`: what it takes of a machine that no connected
    worker has, in words. `installed` False: none that could have it has it. `unable`: why no worker that offers it can
    start it now.
    """

    name: str
    state: str = "active"
    offered: bool = True
    last_offered: int | None = None
    health: EngineHealth = HEALTHY
    drained: bool = False
    lacking: str = ""
    installed: bool = True
    unable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseFacts:
    """The facts of the whole server. An engine that is missing from `engines` is unknown to the server.

    `lanes` hold, by pool, the waiting items of the task's organization: the first `COUNTED` + 1 of each lane, in order.
    """

    now: int
    quotas: Quotas
    engines: Mapping[str, EngineFacts] = field(default_factory=dict)
    pools: Mapping[str, PoolFacts] = field(default_factory=dict)
    lanes: Mapping[str, Mapping[Lane, Sequence[Waiting]]] = field(default_factory=dict)


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task is not running, or that it runs, or how it ended. `running` of its items run now."""

    ordinal: int
    status: TaskStatus
    sentence: str
    running: int = 0
    reasons: tuple[AnyReason, ...] = ()


class JobExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a job and for each of its tasks. `reasons` are the reasons of the tasks that come next."""

    status: JobStatus
    sentence: str
    tasks: tuple[Explanation, ...]
    reasons: tuple[AnyReason, ...] = ()


def explain(task: TaskFacts, house: HouseFacts) -> Explanation:
    """Returns every reason why the task's waiting items do not start now."""
    found = () if task.status in TASK_ENDED else tuple(_reasons(task, house))
    return Explanation(
        ordinal=task.ordinal,
        status=task.status,
        running=task.running,
        reasons=found,
        sentence=_said(task, reasons.sentence(found)),
    )


def keeps_lane(lane: Lane, house: HouseFacts, *, pool: str) -> list[AnyReason]:
    """Returns why no item of the lane may start now; empty if its first item may."""
    engine = house.engines.get(lane.engine_id)
    found = [_obstacle(each, lane, house) for each in obstacles(lane, house.quotas)]
    if engine is None:
        found.append(reasons.EngineUnknown(lane.engine_id))
    elif not engine.offered:
        found.append(_nobody(lane.engine_id, engine, house, pool=pool))
    elif engine.unable:
        found.append(reasons.WorkersUnable(lane.engine_id, engine.name, engine.unable))
    return found


def _nobody(engine_id: str, engine: EngineFacts, house: HouseFacts, *, pool: str) -> AnyReason:
    """Returns why nobody takes the work of an engine that no connected worker offers."""
    if engine.drained:
        return reasons.WorkersDrained(engine_id, engine.name)
    if not engine.installed and not engine.lacking:
        return reasons.EngineNotInstalled(engine_id, engine.name)
    return reasons.NoWorker(engine_id, engine.name, pool, engine.last_offered, house.now, engine.lacking)


def explain_job(status: JobStatus, tasks: Sequence[Explanation], *, stopping: int = 0) -> JobExplanation:
    """Explains a job. Its reasons are those of its tasks that do not wait for another of its tasks, each kind once.

    `stopping`: how many attempts of a cancelled job must still stop.
    """
    if status in JOB_ENDED:
        return JobExplanation(status=status, sentence=_ended(status), tasks=tuple(tasks))
    if stopping:
        left = "1 attempt of it has" if stopping == 1 else f"{stopping} attempts of it have"
        return JobExplanation(status=status, sentence=f"It is cancelled: {left} still to stop.", tasks=tuple(tasks))
    found = dict[str, AnyReason]()
    for task in tasks:
        for reason in task.reasons:
            match reason:
                case reasons.WaitsForParents() | reasons.IsStandby():
                    pass
                case reasons.NoFreeWorkerSlot() | reasons.NextUp():
                    known = found.setdefault(reasons.kind(reason), reason)
                    if isinstance(known, type(reason)) and (reason.more, reason.ahead) < (known.more, known.ahead):
                        found[reasons.kind(reason)] = reason
                case _:
                    found.setdefault(reasons.kind(reason), reason)
    running = sum(task.status is TaskStatus.RUNNING for task in tasks)
    said = reasons.sentence(found.values())
    if running:
        at_work = f"{running} of its {len(tasks)} tasks {'runs' if running == 1 else 'run'}."
        at_work = at_work if running < len(tasks) else "It is running."
        said = f"{at_work} Of the rest: {said[0].lower()}{said[1:]}" if said else at_work
    return JobExplanation(status=status, sentence=said, reasons=tuple(found.values()), tasks=tuple(tasks))


# -- the rules ----------------------------------------------------------------------------------------------


def _reasons(task: TaskFacts, house: HouseFacts) -> list[AnyReason]:
    found = list[AnyReason]()
    engine = house.engines.get(task.engine_id)
    name = engine.name if engine else task.engine_id
    if task.status is TaskStatus.STANDBY_PENDING and task.principal is not None:
        return [reasons.IsStandby(task.principal)]
    if task.status is TaskStatus.PAUSED:
        return [reasons.EngineLeft(name, calls_back=True)]
    if task.status is TaskStatus.WAITING:
        found.append(reasons.EngineLeft(name, calls_back=False))
    if task.waiting == 0 and task.running == 0 and task.parents:
        found.append(reasons.WaitsForParents(task.parents))
    if task.awaits_route:
        found.append(reasons.WaitsForRoute())
    if task.endpoints:
        found.append(reasons.WaitsForPushes(task.endpoints))
    if task.job_paused_at is not None:
        found.append(reasons.JobPaused(task.job_paused_at))
    if task.waiting == 0:
        return found
    if task.first is None and task.later is not None:
        later = task.later
        found.append(reasons.Until(later.at, later.attempt, later.failure_reason, later.failure_message))
    if task.first is None and task.limited and task.limit is not None and task.running:
        found.append(reasons.TaskLimit(task.limit, task.running, task.limited))
    found += keeps_lane(task.lane, house, pool=task.pool)
    if not found and task.first is not None:
        found.append(_turn(task, task.first, house))
    return found


def _obstacle(obstacle: Obstacle, lane: Lane, house: HouseFacts) -> AnyReason:
    quotas = house.quotas
    engine = house.engines.get(lane.engine_id)
    name = engine.name if engine else lane.engine_id
    match obstacle:
        case Obstacle.ORGANIZATION_PAUSED:
            return reasons.OrganizationPaused()
        case Obstacle.ENGINE_PAUSED if engine is not None and engine.state == "disabled":
            return reasons.EngineDisabled(lane.engine_id, name)
        case Obstacle.ENGINE_PAUSED:
            return reasons.EnginePaused(lane.engine_id, name)
        case Obstacle.ENGINE_UNAVAILABLE:
            health = engine.health if engine else HEALTHY
            return reasons.EngineUnavailable(
                lane.engine_id, name, health.until or house.now, health.reason or "it failed"
            )
        case Obstacle.ORGANIZATION_LIMIT:
            limit = quotas.organization_limits[lane.organization_id]
            return reasons.OrganizationLimit(limit, quotas.live_of_organization(lane.organization_id))
        case Obstacle.ENGINE_LIMIT:
            limit = quotas.engine_limits[lane.engine_id]
            return reasons.EngineLimit(lane.engine_id, name, limit, quotas.live_of_engine(lane.engine_id))
        case unknown:
            assert_never(unknown)


def _turn(task: TaskFacts, first: Waiting, house: HouseFacts) -> AnyReason:
    """Returns the reason of a task that may start: the items ahead of it and the taken worker slots."""
    ahead, more = _ahead(task, first, house)
    pool = house.pools.get(task.pool, PoolFacts())
    kind = reasons.NoFreeWorkerSlot if pool.taken >= pool.slots else reasons.NextUp
    return kind(task.pool, pool.slots, pool.taken, ahead, more)


def _ahead(task: TaskFacts, first: Waiting, house: HouseFacts) -> tuple[int, bool]:
    """Returns how many items of the organization start before `first`, up to COUNTED, and whether there are more."""
    ahead = sum(
        bisect_left(items, first)
        for lane, items in house.lanes.get(task.pool, {}).items()
        if lane.organization_id == task.organization_id and not keeps_lane(lane, house, pool=task.pool)
    )
    return min(ahead, COUNTED), ahead > COUNTED


def _said(task: TaskFacts, said: str) -> str:
    if task.status in TASK_ENDED:
        return _ended(task.status, task.failure_reason)
    if task.running == 0:
        return said or "It is about to start."
    at_work = f"It is running, {task.running} {'item' if task.running == 1 else 'items'} of it now."
    return f"{at_work} {said}" if said else at_work


def _ended(status: TaskStatus | JobStatus, reason: str | None = None) -> str:
    how = "has failed" if status.value == "failed" else f"is {status.value}"
    return f"It {how} ({reason})." if reason else f"It {how}."
