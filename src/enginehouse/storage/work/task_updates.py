"""Updates of tasks by engines outside in storage: claims, heartbeats and reports, by the same code as a worker's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from enginehouse.domain.quotas import Lane, Obstacle, obstacles
from enginehouse.domain.status import JOB_ENDED, JobStatus, TaskStatus
from enginehouse.domain.task_updates import (
    OpenItem,
    TaskUpdate,
    UpdatableTask,
    UpdateOutcome,
    UpdateStatus,
    foreign_work,
    is_repeated,
    is_stale,
    keys,
    refusal,
    to_start,
)
from enginehouse.domain.work import Accepted, Answer, Done, Failed, ItemKey, Report
from enginehouse.storage import assets, workers
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import TOKENS_AT_ONCE, Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, job_locks, leases, quotas, reports
from enginehouse.storage.work.job_locks import LockedJob
from enginehouse.storage.work.results import publish_results


class TaskEngine(NamedTuple):
    """The engine of a task."""

    engine_id: str


class TaskNow(NamedTuple):
    """A task of a locked job."""

    status: str
    waits_for: int
    modified_at: int
    engine_id: str


class NewResult(NamedTuple):
    """The asset of a result of this transaction."""

    id: str
    target_id: int
    asset_type: str


class TaskOutput(NamedTuple):
    """What an update reported as the output of a task, and what its engine said of it, as JSON text."""

    job_id: int
    ordinal: int
    output: str | None
    info: str | None


class PollPayload(NamedTuple):
    """The payload of the last poll of an item, as JSON text."""

    payload: str


class TaskPoll(NamedTuple):
    """The payload of the last poll of a task, as JSON text."""

    job_id: int
    ordinal: int
    payload: str


_NEW_ASSET: Final = Select("task_updates.new_asset", NewResult)
_ENGINE: Final = Select("task_updates.engine", TaskEngine)
_TASK: Final = Select("task_updates.task", TaskNow)
_ITEMS: Final = Select("task_updates.items", OpenItem)
_OUTPUTS: Final = Select("task_updates.outputs", TaskOutput)
_POLLS: Final = Select("task_updates.polls", TaskPoll)
_POLL: Final = Select("task_updates.poll", PollPayload)


@dataclass(frozen=True, slots=True)
class _Found:
    job: LockedJob
    task: UpdatableTask


async def apply(tx: Tx, plans: Plans, update: TaskUpdate, *, lease_micros: int) -> UpdateOutcome | None:
    """Applies the update, or says why it does not count. Returns None if the organization has no such task.

    `running` leases the items of the task; a later update prolongs the leases. `complete` and `failed` end them as the
    report of a worker would, by the same function. Nothing starts that a claim would not start.
    """
    barrier_lock.require_shared(tx)
    found = await _find(tx, update)
    if found is None:
        return None
    task = found.task
    why = foreign_work(task, update)
    if why is None and (is_stale(task, update) or is_repeated(task, update)):
        return UpdateOutcome()
    if why is None:
        why = refusal(task, update)
    if why is not None:
        return UpdateOutcome(refused=why)
    if update.notification_uris:
        await _notify(tx, update)  # before the report, which may be the end of the task
    await _start(tx, plans, update, found, lease_micros)
    items = await _items(tx, update)
    update = await _numbered(tx, update)
    outcome = await _report(tx, plans, update, items, lease_micros, started=len(to_start(task, update)))
    if outcome.published:
        await _describe(tx, update)
    if outcome.published and update.accumulated:
        outcome = outcome._replace(removed=await _remove_earlier(tx, update, found.job))
    if update.output is not None and outcome.refused is None:
        await tx.run("task_updates.set_output", job_id=update.job_id, ordinal=update.ordinal, output=update.output)
    if update.poll is not None and outcome.refused is None:
        await tx.many("task_updates.set_polls", [(update.job_id, update.ordinal, 0, update.poll)])
        outcome = outcome._replace(applied=True)
    if not (update.output is None and update.poll is None) and outcome.refused is None:
        await tx.run("task_updates.touch", job_id=update.job_id, ordinal=update.ordinal, now=tx.now)
        await tx.run("task_updates.touch_job", job_id=update.job_id, now=tx.now)
    return outcome


async def _notify(tx: Tx, update: TaskUpdate) -> None:
    uris = msgspec.json.encode(update.notification_uris).decode()
    await tx.run("task_updates.set_notifications", job_id=update.job_id, ordinal=update.ordinal, uris=uris)
    await tx.run("task_updates.notify", job_id=update.job_id, organization_id=update.organization_id)


async def _describe(tx: Tx, update: TaskUpdate) -> None:
    """The assets of the new outputs have the type that the engine says, and the first one is primary if it says so."""
    named = {"keys": [output.key for output in update.outputs], "organization_id": update.organization_id}
    if update.asset_type is not None:
        await tx.run("task_updates.set_asset_type", **named, asset_type=update.asset_type)
    new = await _NEW_ASSET.one(tx, **named) if update.is_primary else None
    if new is not None:  # its target is locked since it was published
        place = new._asdict() | {"organization_id": update.organization_id, "now": tx.now}
        await tx.run("target_assets.demote", **{name: place[name] for name in place if name != "id"})
        await tx.run("assets.make_primary", **place)


async def _remove_earlier(tx: Tx, update: TaskUpdate, job: LockedJob) -> tuple[str, ...]:
    """The outputs that the task has published before are gone, with their assets. Returns the keys of the bytes."""
    if job.target_id is not None:
        await assets.lock_targets(tx, [job.target_id])
    rows = await tx.all(
        "task_updates.delete_earlier", job_id=update.job_id, ordinal=update.ordinal, first=update.outputs[0].part
    )
    gone = sorted({key for (key,) in rows} - {output.key for output in update.outputs})
    if gone:
        await tx.run("task_updates.delete_assets", keys=gone, organization_id=update.organization_id)
    return tuple(gone)


async def outputs(tx: Tx, organization_id: int, tasks: Sequence[tuple[int, int]]) -> list[TaskOutput]:
    """Returns what updates have reported as outputs of these tasks, and what their engines said."""
    return await _OUTPUTS.each(tx, [(job_id, ordinal, organization_id) for job_id, ordinal in sorted(set(tasks))])


async def tell(tx: Tx, key: ItemKey, token: int, info: str) -> None:
    """The engine of this attempt says this of its work, as JSON text. Under a lease that is over nothing changes."""
    await tx.many("task_updates.set_info", [(*key, token, info)])


async def poll(tx: Tx, organization_id: int, key: ItemKey) -> str | None:
    """Returns the payload of the last poll of the item, as JSON text, None if there was none."""
    row = await _POLL.one(tx, organization_id=organization_id, **key._asdict())
    return None if row is None else row.payload


async def polls(tx: Tx, organization_id: int, tasks: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Returns the payloads of the last polls of these tasks, as JSON text."""
    rows = await _POLLS.each(tx, [(job_id, ordinal, organization_id) for job_id, ordinal in sorted(set(tasks))])
    return {(row.job_id, row.ordinal): row.payload for row in rows}


async def _find(tx: Tx, update: TaskUpdate) -> _Found | None:
    """Locks the job of the task. The lock of the limits comes first, as in a claim."""
    engine = await _ENGINE.one(tx, job_id=update.job_id, ordinal=update.ordinal, organization_id=update.organization_id)
    if engine is None:
        return None
    blocked = await _obstacles(tx, Lane(update.organization_id, engine.engine_id))
    job = (await job_locks.lock(tx, [update.job_id])).get(update.job_id)
    now = await tx.read_clock()
    row = None if job is None else await _TASK.one(tx, job_id=update.job_id, ordinal=update.ordinal)
    if job is None or row is None:
        return None
    there = [worker for worker in await workers.all_(tx) if worker.connected(now)]
    status = JobStatus(job.status)
    return _Found(
        job,
        UpdatableTask(
            job_status=status,
            cancelled=bool(job.cancelled) or (bool(job.halted) and status not in JOB_ENDED),
            paused=job.paused_at is not None,
            status=TaskStatus(row.status),
            waits_for=row.waits_for,
            modified_at=row.modified_at,
            items=await _items(tx, update),
            offered=any(row.engine_id in worker.engines for worker in there),
            obstacles=blocked,
        ),
    )


async def _obstacles(tx: Tx, lane: Lane) -> tuple[Obstacle, ...]:
    in_force = await quotas.read_settings(tx)
    if lane.organization_id in in_force.organization_limits or lane.engine_id in in_force.engine_limits:
        await tx.lock(claims.LIMITS_LOCK)
        in_force = await quotas.count_live(tx, await quotas.read_settings(tx))
    return obstacles(lane, in_force)


async def _items(tx: Tx, update: TaskUpdate) -> tuple[OpenItem, ...]:
    return tuple(await _ITEMS.all(tx, job_id=update.job_id, ordinal=update.ordinal))


async def _start(tx: Tx, plans: Plans, update: TaskUpdate, found: _Found, lease_micros: int) -> None:
    waiting = keys(update, to_start(found.task, update))
    if not waiting:
        return
    loaded = await plans.load(tx, job_locks.revisions([found.job]))
    for first in range(0, len(waiting), TOKENS_AT_ONCE):
        jobs = await job_locks.lock(tx, [update.job_id])
        some = waiting[first : first + TOKENS_AT_ONCE]
        holders = dict.fromkeys(some, update.holder)
        await claims.lease(tx, some, jobs, loaded, workers=holders, until=tx.now + lease_micros)


async def _report(
    tx: Tx, plans: Plans, update: TaskUpdate, items: Sequence[OpenItem], lease_micros: int, *, started: int
) -> UpdateOutcome:
    leased = [item for item in items if item.lease_until is not None]
    held = [(key, item.token) for key, item in zip(keys(update, leased), leased, strict=True)]
    if update.status is UpdateStatus.RUNNING:
        await leases.heartbeat(tx, held, lease_micros=lease_micros)
        if update.outputs:
            # The job is locked and not cancelled, and the leases are held: the same state as in `finish`.
            jobs = await job_locks.lock(tx, [update.job_id])
            loaded = await plans.load(tx, job_locks.revisions(jobs.values()))
            await publish_results(tx, [Report(*held[0], Done(update.outputs))], jobs, loaded)
        more = bool(update.outputs or update.notification_uris) or update.refers
        return UpdateOutcome(applied=started > 0 or more, published=bool(update.outputs))
    answers = await reports.finish(tx, plans, [_said(update, n, *lease) for n, lease in enumerate(held)])
    return _outcome(answers, update)


async def _numbered(tx: Tx, update: TaskUpdate) -> TaskUpdate:
    """Returns the update with outputs that come after those that the task has published before."""
    if not update.outputs:
        return update
    [(first,)] = await tx.all("task_updates.next_part", job_id=update.job_id, ordinal=update.ordinal)
    outputs = (
        structs.replace(output, part=int(first) + n, index=int(first) + n) for n, output in enumerate(update.outputs)
    )
    return structs.replace(update, outputs=tuple(outputs))


def _said(update: TaskUpdate, number: int, key: ItemKey, token: int) -> Report:
    """Returns the report of one item. The first one has the outputs of the task."""
    if update.status is UpdateStatus.FAILED:
        return Report(key, token, Failed(update.failure_kind, update.failure_message, is_final=True))
    return Report(key, token, Done(() if number else update.outputs))


def _outcome(answers: Sequence[Answer], update: TaskUpdate) -> UpdateOutcome:
    accepted = [answer for answer in answers if isinstance(answer, Accepted)]
    return UpdateOutcome(
        refused=None if accepted else "The job was cancelled while the engine worked; its result does not count.",
        applied=True,
        job_ended=any(answer.job_ended for answer in answers),
        runnable=any(answer.runnable for answer in accepted),
        published=bool(accepted and update.outputs),
    )
