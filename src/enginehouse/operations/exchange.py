"""One exchange with a worker on another machine: its reports and its leases for new work; and the wait for work."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from enginehouse.domain.artifact import Artifact, log_key
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.resources import Resources
from enginehouse.domain.work import Answer, Lease, Report, Stale, seat
from enginehouse.operations import attempt_reports, bounds, instances, placement, work
from enginehouse.operations.claims import Claiming
from enginehouse.operations.house import House
from enginehouse.operations.instance_states import InstanceState, LeaseId
from enginehouse.storage.work import claims

MOST_LEASES: Final = 10_000  # in one exchange
MOST_AHEAD: Final = 256  # leases of one claim beyond the slots of a pool
LONGEST_WAIT: Final = 20.0
_MARK: Final = 1.0  # seconds

Inputs = tuple[tuple[Artifact, int], ...]
"""The outputs that an item reads, each with the position of the input folder in which it arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRequest:
    """What a worker says: `wire.worker.ExchangeBody` in the words of the domain."""

    reports: Sequence[Report] = ()
    held: Sequence[LeaseId] = ()
    signalled: Sequence[LeaseId] = ()
    claims: Mapping[str, int] = field(default_factory=dict)
    full: Sequence[str] = ()
    free: Resources | None = None
    most: Mapping[str, int] = field(default_factory=dict)
    resources: Resources | None = None
    unable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeResult:
    """The answers to the reports, the leases that are still valid (True: must stop), new work, and pools with more."""

    answers: Sequence[Answer | InvalidInput] = ()
    alive: Mapping[LeaseId, bool] = field(default_factory=dict)
    work: Sequence[tuple[Lease, Inputs]] = ()
    ready: Sequence[str] = ()


async def exchange(house: House, principal: Principal, instance_id: str, said: ExchangeRequest) -> ExchangeResult:
    """Everything that the worker says is done, and it has new work. Raises NotAllowed, NotFound, InvalidInput."""
    state = await instances.known(house, principal, instance_id)
    bounds.refuse(_problems(state, said))
    _make_room(house, state, said.free, said.most)
    await instances.change(house, state, said.resources, said.unable)
    if said.is_complete:
        await instances.end_unknown(house, state, [*said.held, *((one.key, one.token) for one in said.reports)])
    alive = await _prolong(house, state, said.held)
    # Together, so that reports and claims share transactions.
    answers, taken = await asyncio.gather(
        asyncio.gather(*(_finish(house, state, report) for report in said.reports)),
        asyncio.gather(*(_claim(house, state, pool, limit) for pool, limit in said.claims.items())),
    )
    await _signalled(house, state, said.signalled)
    for pool in said.full:
        await _mark_queued(house, pool)
    leases = [lease for of_pool in taken for lease in of_pool]
    return ExchangeResult(
        answers=answers,
        alive=alive,
        work=list(zip(leases, await asyncio.gather(*(work.arriving(house, lease) for lease in leases)), strict=True)),
        # A claim that was not full has found all there is. A worker that waits then is told of anything else.
        ready=[
            pool
            for (pool, limit), of_pool in zip(said.claims.items(), taken, strict=True)
            if of_pool and len(of_pool) >= limit
        ],
    )


async def wait(
    house: House,
    principal: Principal,
    instance_id: str,
    pools: Sequence[str],
    seconds: float,
    *,
    free: Resources | None = None,
    most: Mapping[str, int] = MappingProxyType({}),
) -> tuple[list[str], bool]:
    """Returns a pool with work that the worker may take, and whether a lease of it may have to stop.

    It returns when there is either, or after `seconds`. Nothing is leased. Raises NotAllowed, NotFound, InvalidInput.
    """
    state = await instances.known(house, principal, instance_id)
    problems = _unknown_pools(state, "pools", pools) + _negative(most)
    if not 0 <= seconds <= LONGEST_WAIT:
        text = f"0–{LONGEST_WAIT:g}, got {seconds:g}."
        problems.append(Problem("seconds", text, f"{seconds:g}", f"0–{LONGEST_WAIT:g}"))
    bounds.refuse(problems)
    _make_room(house, state, free, most)
    return await house.work_waits.wait(state, pools, seconds)


def _make_room(house: House, state: InstanceState, free: Resources | None, most: Mapping[str, int]) -> None:
    """The next claims take only what has room in these free resources; None: in all that the worker has."""
    left = placement.room(house, state.instance.registered.resources if free is None else free, most, state.offers)
    for pool, queue in list(state.queues.items()):
        if left is not None or queue.room is not None:
            state.alone(pool).give_room(left)


async def leases_of(house: House, state: InstanceState, wanted: Sequence[LeaseId]) -> dict[LeaseId, Lease]:
    """Returns those of these leases that the worker holds now, from storage."""
    instance = state.instance
    held = await house.database.read(lambda tx: claims.own(tx, house.plans, instance.worker, wanted))
    return {(lease.key, lease.token): lease for lease in held}


async def _finish(house: House, state: InstanceState, report: Report) -> Answer | InvalidInput:
    lease_id = (report.key, report.token)
    lease = state.leases.get(lease_id) or (await leases_of(house, state, [lease_id])).get(lease_id)
    if lease is None:
        return Stale()
    try:
        await attempt_reports.check(house, lease, report)
    except InvalidInput as wrong:
        return wrong
    await house.store.complete(log_key(lease.organization_id, *lease.key, lease.attempt))
    answer = await work.finish(house, report)
    state.leases.pop(lease_id, None)
    for queue in state.queues.values():
        queue.shares.ended(report.token, at=time.monotonic())
    return answer


async def _claim(house: House, state: InstanceState, pool: str, limit: int) -> list[Lease]:
    taken: list[Lease] = []
    try:
        taken = await _take(house, state, pool, limit)
        return taken
    finally:
        house.work_waits.claimed(state, pool, has_work=bool(taken))


async def _take(house: House, state: InstanceState, pool: str, limit: int) -> list[Lease]:
    if limit <= 0 or _is_drained(house, state):
        return []
    instance, queue = state.instance, state.queues[pool]
    if not queue.outlook.open:
        queue.stale = True  # the claim itself looks for lanes
    taken = await house.remote_claims.ask(
        Claiming(pool, limit, instance.worker, house.limits.lease_seconds, queue, instance.token_id)
    )
    state.leases |= {(lease.key, lease.token): lease for lease in taken}
    return taken


async def _prolong(house: House, state: InstanceState, held: Sequence[LeaseId]) -> dict[LeaseId, bool]:
    if not held:
        return {}
    own = await leases_of(house, state, held)
    alive = await work.heartbeat(house, list(own)) if own else {}
    state.leases |= {lease_id: lease for lease_id, lease in own.items() if lease_id in alive}
    now = time.monotonic()
    for queue in state.queues.values():
        queue.shares.lapse(now)
    until = now + house.limits.lease_seconds
    for lease_id in held:
        if lease_id not in alive:
            state.leases.pop(lease_id, None)
            continue
        for queue in state.queues.values():
            queue.shares.prolonged(lease_id[1], until=until)
    return alive


async def _signalled(house: House, state: InstanceState, signalled: Sequence[LeaseId]) -> None:
    own = await leases_of(house, state, signalled) if signalled else {}
    if own:
        await work.signalled(house, list(own))


def _is_drained(house: House, state: InstanceState) -> bool:
    """True if the worker claims nothing. It saves a look: the claim itself reads the drain from storage."""
    return seat(state.instance.worker) in house.presence.drained


async def _mark_queued(house: House, pool: str) -> None:
    """Tasks that wait for a full pool are shown as queued, at most once a second for all workers together."""
    if house.instances.may_mark(pool, _MARK):
        await work.mark_queued(house, pool=pool)


def _problems(state: InstanceState, said: ExchangeRequest) -> list[Problem]:
    problems = _unknown_pools(state, "claims", said.claims) + _unknown_pools(state, "full", said.full)
    for pool, limit in said.claims.items():
        most = state.instance.registered.pools.get(pool, limit) + MOST_AHEAD
        if not 0 <= limit <= most:
            problems.append(Problem(f"claims.{pool[:40]}", f"0–{most}, got {limit}.", str(limit), f"0–{most}"))
    problems += _negative(said.most)
    problems += [
        problem
        for why in said.unable
        for problem in bounds.text(f"unable.{why[:40]}", why, longest=bounds.LONGEST_NAME)
    ]
    for path, given in (("reports", said.reports), ("held", said.held), ("signalled", said.signalled)):
        if len(given) > MOST_LEASES:
            problems.append(Problem(path, f"at most {MOST_LEASES}, got {len(given)}.", str(len(given))))
    return problems


def _negative(most: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(f"most.{engine_id[:40]}", f"0 or more, got {number}.", str(number))
        for engine_id, number in most.items()
        if number < 0
    ]


def _unknown_pools(state: InstanceState, path: str, pools: Mapping[str, int] | Sequence[str]) -> list[Problem]:
    known = state.queues
    return [
        Problem(f"{path}.{pool[:40]}", f"one of {', '.join(known)}, with which the worker has registered.", pool[:60])
        for pool in pools
        if pool not in known
    ]
