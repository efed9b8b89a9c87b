"""The documented loop of an engine instance: it registers, gets one work item at a time, and updates its status.

It knows no fencing token: the server uses that of the lease which the instance holds. So what an instance says about an
item that was given to another one since then has no effect.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import FolderType
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import attempt_bytes, bounds, exchange, instances, work
from enginehouse.operations.house import House
from enginehouse.operations.instance_states import InstanceState
from enginehouse.operations.instances import Arrival
from enginehouse.operations.permission import require_worker
from enginehouse.operations.references import not_found
from enginehouse.storage.work import claims, leases

MOST_ENGINES: Final = 100
_NAME: Final = "toolkit"
_OUTPUT: Final = "output.json"
_JSON: Final = "application/json"


class TaskEnd(NamedTuple):
    """What an instance says of a task: it has ended with an output or a failure, or (neither) it still runs.

    `item` is the item of the work request that it is about; None if the instance does not say.
    """

    job_id: int
    ordinal: int
    complete: bool = False
    output: Any = None
    failure: Failed | None = None
    item: int | None = None


class LoopUpdate(NamedTuple):
    """A status of an instance. The one after `prior` has the time `at`, both of the instance's own clock."""

    ends: Sequence[TaskEnd] = ()
    prior: int | None = None
    at: int | None = None


async def register(house: House, principal: Principal, engine_ids: Sequence[tuple[str, str]]) -> Arrival:
    """The instance takes work for these engines, one item at a time. Each id has its path in the request.

    Raises NotAllowed, and InvalidInput for unknown engines and those that are not the token's.
    """
    scope = require_worker(principal)
    found, problems = [], []
    if not engine_ids:
        problems.append(not_found("engineID", ""))
    for path, text in engine_ids[:MOST_ENGINES]:
        engine = house.catalogue.by_id.get(text) or house.catalogue.by_id.get(text.lower())
        if engine is None or not instances.may_run(scope, engine):
            problems.append(not_found(path, text))
        else:
            found.append(engine.spec)
    bounds.refuse(problems)
    slots = {spec.kind.value: 1 for spec in found}
    return await instances.register(house, principal, name=_NAME, slots=slots, specs=found)


async def leases_of(house: House, principal: Principal, instance_id: str) -> tuple[InstanceState, list[Lease]]:
    """Returns the instance and the leases that it holds. Raises NotAllowed, NotFound."""
    state = await instances.known(house, principal, instance_id)
    worker = state.instance.worker
    held = await house.database.read(lambda tx: leases.of_worker(tx, worker, limit=instances.MOST_SLOTS))
    own = await house.database.read(lambda tx: claims.own(tx, house.plans, worker, held)) if held else []
    return state, own


async def update(house: House, principal: Principal, instance_id: str, said: LoopUpdate) -> bool:
    """The leases of the instance are prolonged, and what has ended is recorded. The same status twice counts once.

    Returns True if one of its jobs was cancelled: its engine must stop. Raises NotAllowed, NotFound.
    """
    state, held = await leases_of(house, principal, instance_id)
    stamp = (said.prior, said.at)
    if said.at is not None and state.last_update == stamp:
        return False
    by_task = {(lease.key.job_id, lease.key.ordinal): lease for lease in held}
    for end in said.ends:
        lease = by_task.get((end.job_id, end.ordinal))
        if lease is None or end.item not in (None, lease.key.item):
            continue  # it is about an item that the instance has no more
        if end.complete or end.failure is not None:
            await _end(house, principal, instance_id, lease, end)
            del by_task[end.job_id, end.ordinal]
    left = [(lease.key, lease.token) for lease in by_task.values()]
    alive = await work.heartbeat(house, left) if left else {}
    if said.at is not None:
        state.last_update = stamp
    return any(alive.values())


async def get_work(
    house: House, principal: Principal, instance_id: str, engine_ids: Sequence[str]
) -> tuple[Lease | None, exchange.Inputs]:
    """Returns the item that the instance holds or now gets, with what it reads; None if there is none.

    `engine_ids`: only of these engines; none means all for which it has registered. Raises NotAllowed, NotFound.
    """
    state, held = await leases_of(house, principal, instance_id)
    if held:
        return held[0], await work.arriving(house, held[0])
    wanted = frozenset(engine_ids)
    registered = frozenset(state.instance.registered.engines)
    for pool in state.instance.registered.pools:
        queue = state.alone(pool)
        queue.offer((registered & wanted if wanted else registered).__contains__)
        taken = await work.claim(
            house, pool=pool, limit=1, worker=state.instance.worker, queue=queue, token_id=state.instance.token_id
        )
        for lease in taken:
            state.leases[lease.key, lease.token] = lease
            return lease, await work.arriving(house, lease)
    return None, ()


async def _end(house: House, principal: Principal, instance_id: str, lease: Lease, end: TaskEnd) -> None:
    outcome: Done | Failed = end.failure or Done()
    if end.failure is None and end.output is not None:
        outcome = Done(await _stored(house, principal, instance_id, lease, end.output))
    said = exchange.ExchangeRequest(reports=[Report(lease.key, lease.token, outcome)])
    await exchange.exchange(house, principal, instance_id, said)


async def _stored(
    house: House, principal: Principal, instance_id: str, lease: Lease, output: Any
) -> tuple[NewArtifact, ...]:
    """The output is durable as a document in every output folder of the task, or published if it has none."""
    held = await attempt_bytes.lease(house, principal, instance_id, lease.key, lease.token)
    raw = msgspec.json.encode(output)
    name = f"{time.time_ns()}-{_OUTPUT}"
    stored = await attempt_bytes.put_output(house, held, name, _blocks(raw), sha256=None)
    folders = lease.plan.tasks[lease.key.ordinal].folders
    places = [n for n, folder in enumerate(folders) if folder.type is FolderType.OUTPUT] or [PUBLISHED]
    return tuple(
        NewArtifact(
            folder=place, part=0, index=0, name=_OUTPUT, media_type=_JSON, size=stored.size, sha256=stored.sha256,
            key=stored.key,
        )
        for place in places
    )  # fmt: skip


async def _blocks(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


def failure(kind: FailureKind | None, message: str | None) -> Failed:
    """Returns a failure as an instance reports it."""
    return Failed(kind or FailureKind.UNKNOWN, (message or "The engine has failed.")[:2000])
