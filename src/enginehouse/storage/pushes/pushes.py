"""Takes a push: its chunks and their items, in every job with the endpoint, in one transaction.

A push takes the lock that the claims, reports, additions and cancels of its jobs take. Its cost does not grow with what
was pushed before.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain import pushes as domain
from enginehouse.domain.artifact import pushed_folder
from enginehouse.domain.errors import EndpointClosed, NotFound
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import Plan, Route
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.pushes import PART, NewPush, Pushed, PushSettlement, PushWait
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.domain.times import SECOND
from enginehouse.storage import artifacts
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import endpoints, traces
from enginehouse.storage.pushes.endpoints import EndpointFolder, EndpointJob
from enginehouse.storage.work import job_locks
from enginehouse.storage.work import settlement as work_settlement
from enginehouse.storage.work.job_locks import LockedJob

_KEPT_AFTER: Final = 600 * SECOND  # a repeated request may still wait for the same result

_json: Final = msgspec.json.Encoder().encode


class _Target(NamedTuple):
    """A job that takes the push, and the routes through which it comes."""

    job: LockedJob
    plan: Plan
    edges: Edges
    routes: list[Route]


async def refuse_closed(tx: Tx, organization_id: int, endpoint: str) -> None:
    """Raises what `push` would raise if no job of the endpoint is live, before anybody has sent the content."""
    if not any(not _has_ended(each) for each in await endpoints.live_jobs(tx, organization_id, endpoint)):
        await _refuse(tx, organization_id, endpoint)


async def push(tx: Tx, plans: Plans, new: NewPush) -> Pushed:
    """The content is a chunk of every open route with the endpoint, of the organization's jobs. All, or none.

    A job that is cancelled or has ended takes nothing. Raises NotFound for an endpoint without a job, EndpointClosed if
    no job of it takes anything any more.
    """
    barrier_lock.require_shared(tx)
    found = await endpoints.live_jobs(tx, new.organization_id, new.endpoint)
    locked = await job_locks.lock(tx, [each.job_id for each in found])
    await tx.read_clock()
    over = [job.id for job in locked.values() if job.cancelled or JobStatus(job.status) in JOB_ENDED]
    live = {job.id: job for job in locked.values() if job.id not in over and not job.halted}
    targets = await _targets(tx, plans, new, live)
    if not targets:
        await _refuse(tx, new.organization_id, new.endpoint)
    await endpoints.retire(tx, new.organization_id, new.endpoint, over)
    return await _write(tx, new, targets)


async def _targets(tx: Tx, plans: Plans, new: NewPush, live: dict[int, LockedJob]) -> list[_Target]:
    loaded = await plans.load(tx, job_locks.revisions(live.values()))
    ends = [
        (job_id, ordinal)
        for job_id, (plan, _) in loaded.items()
        for route in plan.routes
        if route.endpoint == new.endpoint
        for ordinal in (route.parent, route.child)
        if ordinal >= 0
    ]
    tasks = await work_settlement.task_states(tx, ends) if ends else {}
    targets = [
        _Target(live[job_id], *loaded[job_id], domain.open_routes(*loaded[job_id], tasks[job_id], new.endpoint))
        for job_id in sorted(tasks)
    ]
    # What only a standby would get reaches nobody.
    return [each for each in targets if any(not route.standby for route in each.routes)]


async def _write(tx: Tx, new: NewPush, targets: Sequence[_Target]) -> Pushed:
    job_ids = [each.job.id for each in targets]
    into = {(each.job.id, route.child, route.child_folder) for each in targets for route in each.routes}
    rows = await endpoints.folders(tx, new.organization_id, new.endpoint, job_ids)
    folders = [each for each in rows if each[:3] in into]
    by_job = defaultdict[int, list[EndpointFolder]](list)
    for each in folders:
        by_job[each.job_id].append(each)
    settlements, waits = list[PushSettlement](), list[PushWait]()
    for target in targets:
        settlement = await _settlement(tx, target, {each.ordinal for each in by_job[target.job.id]})
        items = {each[1:3]: settlement.pushed(*each[1:4]) for each in by_job[target.job.id]}
        settlements.append(settlement)
        waits += _waits(target, items)
    await endpoints.count(tx, new.organization_id, new.endpoint, folders)
    await artifacts.insert(tx, [_row(new, each, tx.now, shared=len(folders) > 1) for each in folders])
    await work_settlement.write(tx, settlements)
    wait = waits[0] if waits else None
    if wait is not None:
        await traces.begin(tx, [wait.root], kept_until=tx.now + wait.seconds * SECOND + _KEPT_AFTER)
    return Pushed(tuple(job_ids), wait)


async def _settlement(tx: Tx, target: _Target, ordinals: set[int]) -> PushSettlement:
    states = await work_settlement.task_states(tx, ((target.job.id, ordinal) for ordinal in ordinals))
    state = job_locks.state(target.job)
    return PushSettlement(state, states[target.job.id], target.plan, target.edges, now=tx.now)


def _waits(target: _Target, items: dict[tuple[int, int], int | None]) -> list[PushWait]:
    """Returns what a client waits for who pushes to these routes, first the first route's."""
    return [
        domain.wait_of(target.plan, route, target.job.id, item)
        for route in target.routes
        if route.sync and not route.standby and (item := items[route.child, route.child_folder]) is not None
    ]


def _row(new: NewPush, into: EndpointFolder, now: int, *, shared: bool) -> Row:
    metadata = _json(new.metadata).decode() if new.metadata else None
    name = f"push-{into.pushed:06d}"
    return (
        into.job_id, into.ordinal, pushed_folder(into.folder), into.pushed, PART, into.pushed,
        name, new.media_type, new.size, new.sha256, new.key, None, None, metadata, now, int(shared),
    )  # fmt: skip


async def _refuse(tx: Tx, organization_id: int, endpoint: str) -> None:
    last = await endpoints.last_job(tx, organization_id, endpoint)
    if last is None:
        raise NotFound("Endpoint", endpoint)
    word = "cancelled" if last.cancelled or last.status == "aborted" else last.status
    what = f"is {word}" if _has_ended(last) else "takes no more pushes"
    raise EndpointClosed(f"Job {job_graphql(last.job_id)} {what}; content can no longer be pushed to this endpoint.")


def _has_ended(job: EndpointJob) -> bool:
    return bool(job.cancelled) or JobStatus(job.status) in JOB_ENDED
