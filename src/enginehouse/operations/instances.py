"""Workers on other machines: they register with a token for workers, report, and leave."""

import re
import secrets
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from enginehouse.domain.engine import Engine, EngineSpec
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal, WorkerScope
from enginehouse.domain.instance import Instance, RegisteredInstance
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import BEAT_SECONDS, REMOTE, Failed, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import bounds, engines, work, workers
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.instance_states import InstanceState, LeaseId
from enginehouse.operations.permission import require_worker
from enginehouse.operations.worker_drains import WORKER
from enginehouse.storage import instances as storage
from enginehouse.storage import workers as stored_workers
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.work import leases
from enginehouse.storage.workers import Beat
from enginehouse.wire.worker import POOLS, VERSION

INSTANCE: Final = "EngineInstance"
MOST_SLOTS: Final = 10_000  # of one pool
MOST_ENGINES: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9._:@-]{1,100}")
_REPORTED: Final = BEAT_SECONDS / 2  # seconds; a request within them needs no second report of the worker
_CHANGED: Final = 1.0  # seconds; what changes within them waits for the next report
_REVOKED: Final = Failed(FailureKind.SERVER_STOPPED, "The token of the worker that ran this attempt is not valid.")
_UNKNOWN_LEASE: Final = Failed(FailureKind.SERVER_STOPPED, "The worker never received the lease of this attempt.")


class Arrival(NamedTuple):
    """A worker that has registered. `unknown` are engines that it has and that the server does not know."""

    state: InstanceState
    unknown: tuple[str, ...]


@trail.mutation("registerWorker", WORKER)
async def register(
    house: House,
    principal: Principal,
    *,
    name: str,
    slots: dict[str, int],
    specs: Sequence[EngineSpec],
    wire_version: int = VERSION,
    version: str = "",
    resources: Resources = NOTHING,
    elastic: bool = False,
    calls_engines: bool = False,
) -> Arrival:
    """The worker is known, under a name of its own, and takes work for those of its engines that the token allows.

    A token for all organizations and all engines also makes engines known that the server does not have. An `elastic`
    worker takes work for all of them, since what its machines have may change. With `calls_engines` it also takes that
    of engines over HTTP, of those that come later too. Raises
    NotAllowed, and InvalidInput, also for a newer version of the wire.
    """
    scope = require_worker(principal)
    bounds.refuse(_problems(name, slots, specs, wire_version, version))
    if scope == WorkerScope():
        await _learn(house, specs)
    known = house.catalogue.by_id
    offered = {known[spec.id].spec.id for spec in specs if spec.id in known}
    allowed = offered if scope.engines is None else offered & scope.engines
    runs = sorted(engine_id for engine_id in allowed if elastic or known[engine_id].spec.resources.fits(resources))
    registered = RegisteredInstance(
        pools=slots, engines=tuple(runs), version=version, resources=resources, calls_engines=calls_engines
    )
    registered = structs.replace(registered, engines=_engines(house, scope, registered))
    worker = f"{REMOTE}{name}:{secrets.token_hex(4)}"  # its seat is all but the last part
    new = Instance(workers.worker_id(worker), worker, principal.token_id, registered)
    entry = trail.entry(principal, "registerWorker", object_type=WORKER, object_id=new.id, detail=worker)

    async def add(tx: Tx) -> None:
        await entries.record(tx, [entry])
        await storage.insert(tx, new)
        await stored_workers.beat(tx, [Beat(worker, slots, registered.engines, resources)], first=True)

    await house.database.write(add)
    await workers.look(house)
    state = house.instances.put(new, scope)
    state.beaten_at = time.monotonic()
    return Arrival(state, tuple(sorted({spec.id for spec in specs} - offered)))


async def known(house: House, principal: Principal, instance_id: str) -> InstanceState:
    """Returns the worker, which counts as there for three more beats. Raises NotAllowed, NotFound.

    A worker that another token has registered looks like one that does not exist.
    """
    scope = require_worker(principal)
    state = house.instances.get(instance_id, principal.token_id)
    if state is None:
        found = await house.database.peek(lambda tx: storage.by_id(tx, instance_id, principal.token_id))
        if found is None:
            raise NotFound(INSTANCE, instance_id[:80])
        state = house.instances.put(found, scope)
    is_due = time.monotonic() - state.beaten_at >= _REPORTED
    if is_due or state.known is not house.catalogue.by_id:
        state.known = house.catalogue.by_id
        is_new = house.instances.offer(state, scope, _engines(house, scope, state.instance.registered))
        if is_due or is_new:
            state.beaten_at = time.monotonic()
            await _beat(house, state)
    return state


async def change(
    house: House, state: InstanceState, resources: Resources | None, unable: Mapping[str, tuple[str, ...]]
) -> None:
    """What the machines of the worker have, and what it cannot start now, is known, and soon to other servers too."""
    state.resources = resources
    if unable != state.unable:
        state.unable = unable
        if time.monotonic() - state.changed_at >= _CHANGED:
            state.changed_at = state.beaten_at = time.monotonic()
            await _beat(house, state)


async def demand(house: House, principal: Principal, instance_id: str, *, most: int) -> dict[str, int]:
    """Returns how many items of each engine of the worker could start now, of one organization up to `most`.

    Raises NotAllowed, NotFound.
    """
    state = await known(house, principal, instance_id)
    found = Counter[str]()
    for pool, queue in state.queues.items():
        found.update(await work.demand(house, pool, queue, most=most))
    return dict(found)


def may_run(scope: WorkerScope, engine: Engine) -> bool:
    """True if the token is for this engine. An organization's own engine looks to others as if it did not exist."""
    owner = engine.organization_id
    is_visible = owner is None or scope.organizations is None or owner in scope.organizations
    return is_visible and (scope.engines is None or engine.id in scope.engines)


def _engines(house: House, scope: WorkerScope, registered: RegisteredInstance) -> tuple[str, ...]:
    """Returns the engines whose work the worker takes now. Engines over HTTP come and go while it is there."""
    if not registered.calls_engines:
        return registered.engines
    known = {engine.id: engine for engine in house.catalogue.by_id.values()}
    own = {each for each in registered.engines if each in known and known[each].spec.address is None}
    called = {
        engine.id
        for engine in known.values()
        if engine.spec.address is not None
        and engine.state != "deleted"
        and may_run(scope, engine)
        and engine.spec.resources.fits(registered.resources)
    }
    return tuple(sorted(own | called))


@trail.mutation("terminateWorker", WORKER, names="instance_id")
async def terminate(house: House, principal: Principal, instance_id: str) -> None:
    """The worker has left. The leases that it still has are ended, and charged to nobody. Raises NotFound."""
    state = await known(house, principal, instance_id)
    await end_leases(house, state.instance, _UNKNOWN_LEASE)
    worker = state.instance.worker
    entry = trail.entry(principal, "terminateWorker", object_type=WORKER, object_id=instance_id, detail=worker)

    async def remove(tx: Tx) -> None:
        await entries.record(tx, [entry])
        await storage.remove(tx, instance_id)
        await stored_workers.remove(tx, worker)

    await house.database.write(remove)
    house.instances.forget(instance_id)


async def end_revoked(house: House) -> int:
    """Ends the leases of workers whose token is no longer valid, charged to nobody. Returns how many."""
    revoked = await house.database.read(storage.revoked)
    return sum([await end_leases(house, instance, _REVOKED) for instance in revoked])


async def end_unknown(house: House, state: InstanceState, held: Collection[LeaseId]) -> None:
    """Ends the leases of the worker that are not `held`: the answer that named them did not arrive."""
    await end_leases(house, state.instance, _UNKNOWN_LEASE, besides=held)


async def end_leases(
    house: House,
    instance: Instance,
    outcome: Failed,
    *,
    besides: Collection[LeaseId] = (),
) -> int:
    """Ends the leases of the worker with this outcome, besides some. Returns how many."""
    found = await house.database.read(lambda tx: leases.of_worker(tx, instance.worker, limit=MOST_SLOTS))
    ended = [lease for lease in found if lease not in besides]
    for key, token in ended:
        await work.finish(house, Report(key, token, outcome))
    return len(ended)


async def _beat(house: House, state: InstanceState) -> None:
    instance, registered = state.instance, state.instance.registered
    beat = Beat(
        instance.worker,
        registered.pools,
        registered.engines,
        registered.resources if state.resources is None else state.resources,
        unable=state.unable,
    )
    await house.beats.ask((instance.id, beat))


async def _learn(house: House, specs: Sequence[EngineSpec]) -> None:
    """The server knows the engines. One that it knows already stays as it is."""
    new = [spec for spec in specs if spec.id not in house.catalogue.by_id]
    if new:
        await engines.register(house, new, CATEGORIES)


def _problems(
    name: str, slots: dict[str, int], specs: Sequence[EngineSpec], wire_version: int, version: str
) -> list[Problem]:
    if not 1 <= wire_version <= VERSION:
        text = f"this server speaks version {VERSION}, got {wire_version}. Use a worker of the server's version."
        raise InvalidInput([Problem("wireVersion", text, str(wire_version), str(VERSION))])
    problems = bounds.text("version", version, longest=bounds.LONGEST_NAME)
    if not _NAME.fullmatch(name):
        problems.append(Problem("name", f"1–100 letters, digits and . _ : @ -, got {excerpt(name)}.", excerpt(name)))
    for pool, count in slots.items():
        if pool not in POOLS:
            allowed = " or ".join(POOLS)
            problems.append(Problem(f"slots.{pool[:40]}", f"the pool is {allowed}.", excerpt(pool), allowed))
        elif not 0 <= count <= MOST_SLOTS:
            problems.append(Problem(f"slots.{pool}", f"0–{MOST_SLOTS}, got {count}.", str(count)))
    if not any(slots.values()):
        problems.append(Problem("slots", "at least one worker slot is needed."))
    if len(specs) > MOST_ENGINES:
        problems.append(Problem("engines", f"at most {MOST_ENGINES}, got {len(specs)}.", str(len(specs))))
    for number, spec in enumerate(specs[:MOST_ENGINES]):
        for field in ("id", "name", "category_id"):
            path = f"engines[{number}].{field}"
            problems += bounds.text(path, getattr(spec, field), longest=bounds.LONGEST_NAME, required=True)
    return problems
