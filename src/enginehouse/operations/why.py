"""Explains why a job and its tasks wait: one transaction reads all the facts, and one function judges them.

Of other organizations only totals are visible: how many slots are taken, how many attempts run on an engine.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job, Task
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.edges import edges_of
from enginehouse.domain.quotas import Quotas
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.resources import NOTHING, sentence
from enginehouse.domain.status import TASK_ENDED, TaskStatus
from enginehouse.domain.wait_reasons import explanation
from enginehouse.domain.wait_reasons.explanation import (
    EngineFacts,
    Explanation,
    HouseFacts,
    JobExplanation,
    PoolFacts,
    TaskFacts,
)
from enginehouse.domain.wait_reasons.reasons import OtherTask
from enginehouse.domain.work import Worker
from enginehouse.operations import engines
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import wait_facts as storage
from enginehouse.storage import workers as stored_workers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import queries

_LEFT: Final = {TaskStatus.PAUSED, TaskStatus.WAITING}  # an engine has left them, and its name is said


async def job(house: House, principal: Principal, ref: Ref) -> tuple[Job, JobExplanation]:
    """Returns why the job and each of its tasks are not running, with the job at the same moment. Raises NotFound."""
    return of_job(await many(house, principal, [ref.number]), ref)


def of_job(found: Mapping[int, tuple[Job, JobExplanation]], ref: Ref) -> tuple[Job, JobExplanation]:
    """Returns the job of the reference with its explanation. Raises NotFound."""
    if ref.number not in found:
        raise NotFound("Job", ref.text)
    return found[ref.number]


async def task(house: House, principal: Principal, ref: TaskRef) -> tuple[Job, Explanation]:
    """The same for one task. Raises NotFound."""
    return of_task(await many(house, principal, [ref.job_id]), ref)


def of_task(found: Mapping[int, tuple[Job, JobExplanation]], ref: TaskRef) -> tuple[Job, Explanation]:
    """Returns the job of the reference, and why its task waits. Raises NotFound."""
    job, whole = found.get(ref.job_id, (None, None))
    if job is None or whole is None or ref.ordinal >= len(whole.tasks):
        raise NotFound("Task", ref.text)
    return job, whole.tasks[ref.ordinal]


async def many(house: House, principal: Principal, job_ids: Sequence[int]) -> dict[int, tuple[Job, JobExplanation]]:
    """Returns those of the jobs that belong to the caller's organization, each with its explanation."""
    require(principal, Role.READER)
    return explained(await house.database.read(lambda tx: read(tx, house, principal, job_ids)))


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """Jobs with everything that says why they wait, of one moment."""

    jobs: Mapping[int, Job]
    tasks: Mapping[int, Sequence[TaskFacts]]
    items: Mapping[tuple[int, int], storage.OpenItems]
    around: HouseFacts


async def read(tx: Tx, house: House, principal: Principal, job_ids: Sequence[int]) -> WaitFacts:
    """Returns the facts of those of the jobs that belong to the caller's organization.

    The rest of the server is looked at only if a task has something to start, or says nothing itself.
    """
    organization_id, now = principal.organization_id, await tx.read_clock()
    jobs = await queries.by_ids(tx, organization_id, job_ids)
    live = [job_id for job_id, each in jobs.items() if any(task.status not in TASK_ENDED for task in each.tasks)]
    items = await storage.open_items(tx, organization_id, live, now=now) if live else {}
    facts = await _tasks(tx, house, organization_id, jobs, items)
    every = [each for tasks in facts.values() for each in tasks if each.status not in TASK_ENDED]
    if not any(each.waiting or each.status in _LEFT for each in every):
        return WaitFacts(jobs, facts, items, HouseFacts(now=now, quotas=Quotas()))
    pools = {each.pool for each in every if each.first is not None}
    return WaitFacts(jobs, facts, items, await _surroundings(tx, house, organization_id, pools, now=now))


def explained(facts: WaitFacts) -> dict[int, tuple[Job, JobExplanation]]:
    """Returns the jobs with their explanations."""
    said = {
        job_id: [explanation.explain(each, facts.around) for each in tasks] for job_id, tasks in facts.tasks.items()
    }
    return {
        job_id: (job, explanation.explain_job(job.status, said[job_id], stopping=job.stopping))
        for job_id, job in facts.jobs.items()
    }


async def explanations(house: House, principal: Principal, job_ids: Sequence[int]) -> dict[int, JobExplanation]:
    """Like `many`, without the jobs."""
    return {job_id: explained for job_id, (_, explained) in (await many(house, principal, job_ids)).items()}


async def _tasks(
    tx: Tx,
    house: House,
    organization_id: int,
    found: Mapping[int, Job],
    items: Mapping[tuple[int, int], storage.OpenItems],
) -> dict[int, list[TaskFacts]]:
    """Returns the facts of every task of the jobs."""
    names = {engine.spec.id: engine.spec.name for engine in house.catalogue.by_id.values()}
    times = [(*key, each.later_at) for key, each in items.items() if each.later_at is not None]
    later = await storage.later(tx, organization_id, times) if times else {}
    edges = {job_id: edges_of(each.plan) for job_id, each in found.items()}
    return {
        job_id: [
            _facts(
                task,
                organization_id,
                parents=tuple(_other(each, parent, names) for parent in parents if _waited_for(each, parent)),
                endpoints=pushes.awaited(each.plan, edges[job_id], task.ordinal),
                principal=None if task.plan.standby_for is None else _other(each, task.plan.standby_for, names),
                paused_at=each.paused_at,
                items=items.get((job_id, task.ordinal), storage.NONE_OPEN),
                later=later.get((job_id, task.ordinal)),
            )
            for task, parents in zip(each.tasks, edges[job_id].parents, strict=True)
        ]
        for job_id, each in found.items()
    }


def _facts(
    task: Task,
    organization_id: int,
    *,
    parents: tuple[OtherTask, ...],
    endpoints: tuple[str, ...],
    principal: OtherTask | None,
    paused_at: int | None,
    items: storage.OpenItems,
    later: explanation.Later | None,
) -> TaskFacts:
    return TaskFacts(
        organization_id=organization_id,
        ordinal=task.ordinal,
        status=task.status,
        engine_id=task.plan.engine_id,
        pool=task.plan.pool,
        parents=parents,
        principal=principal,
        awaits_route=task.plan.awaits_route,
        endpoints=endpoints,
        job_paused_at=paused_at,
        running=items.running,
        waiting=items.waiting,
        limit=task.plan.max_engines,
        limited=items.limited,
        first=items.first,
        later=later,
        failure_reason=task.failure_reason,
    )


def _waited_for(job: Job, parent: int) -> bool:
    """True for a parent that has not ended. A standby counts only after its principal has failed."""
    return job.tasks[parent].status not in TASK_ENDED | {TaskStatus.STANDBY_PENDING}


def _other(job: Job, ordinal: int, names: Mapping[str, str]) -> OtherTask:
    task = job.tasks[ordinal]
    engine_id = task.plan.engine_id
    return OtherTask(ordinal, task.plan.name or names.get(engine_id, engine_id), task.status)


async def _surroundings(tx: Tx, house: House, organization_id: int, pools: set[str], *, now: int) -> HouseFacts:
    """Returns the facts of the whole server: quotas, workers, and the waiting items in these pools."""
    workers = await stored_workers.all_(tx)
    connected = [worker for worker in workers if worker.takes_work(now)]
    known, leases = await storage.engines(tx, organization_id), await storage.leases(tx)
    taken = Counter[str]()
    for row in leases:
        taken[row.pool] += row.attempts
    facts = storage.engine_facts(known, workers, over_http=engines.over_http(house), now=now)
    return HouseFacts(
        now=now,
        quotas=storage.quotas(organization_id, known, leases),
        engines={
            engine_id: each if each.offered else _absent(house, engine_id, each, connected)
            for engine_id, each in facts.items()
        },
        pools={pool: PoolFacts(sum(worker.pools.get(pool, 0) for worker in connected), taken[pool]) for pool in pools},
        lanes=await storage.lanes(tx, organization_id, pools, now=now) if pools else {},
    )


def _absent(house: House, engine_id: str, facts: EngineFacts, connected: Sequence[Worker]) -> EngineFacts:
    """Returns the facts of an engine that nobody offers, with what keeps the connected workers from it."""
    known = house.catalogue.by_id.get(engine_id)
    could = known is not None and known.spec.kind is EngineKind.PYTHON
    nowhere = could and facts.last_offered is None and any(worker.pools.get(EngineKind.PYTHON) for worker in connected)
    return replace(facts, lacking=_lacking(house, engine_id, connected), installed=not nowhere)


def _lacking(house: House, engine_id: str, connected: Sequence[Worker]) -> str:
    """Returns what the engine takes and no connected worker has, in words; "" if it is only not offered."""
    known = house.catalogue.by_id.get(engine_id)
    needs = NOTHING if known is None else known.spec.resources
    able = [worker for worker in connected if needs.fits(worker.resources)]
    if needs == NOTHING or able or not connected:
        return ""
    lacks = [set(needs.lacking(worker.resources)) for worker in connected]
    return sentence(needs, sorted(set.intersection(*lacks) or set.union(*lacks)))
