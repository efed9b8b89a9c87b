"""The health of engines over HTTP in storage: what a claim passes over, one call on trial, one probe at a time."""

import asyncio
from functools import partial

import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.engine_health import HEALTHY, PROBE_MICROS, EngineHealth, HealthEvent
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Lease
from enginehouse.storage import engine_health
from enginehouse.storage import limits as stored_limits
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.work import claims, lanes, quotas
from enginehouse.storage.work.lanes import Queue

pytestmark = pytest.mark.usefixtures("own_statements")
ENGINE = "noop"


@pytest.fixture
async def verbs(database: Database) -> Verbs:
    """Returns the verbs, with two engines over HTTP: one of them has trouble in these tests."""

    async def prepare(tx: Tx) -> None:
        await tx.many("engines.upsert_categories", [("test", "t", "t", "", tx.now)])
        await tx.many("engines.upsert", [(name, None, name, "test", "http", "{}", tx.now) for name in make.ENGINES])

    await database.write(prepare)
    return Verbs(database)


async def record(verbs: Verbs, event: HealthEvent, *, probed: bool = False) -> EngineHealth:
    return await verbs.database.write(lambda tx: engine_health.record(tx, ENGINE, event, "why", probed=probed))


async def due(verbs: Verbs) -> list[str]:
    return await verbs.database.write(lambda tx: engine_health.take_due(tx, [ENGINE, "read"], 10))


async def make_due(verbs: Verbs) -> None:
    """The time of the next probe has come."""
    health = await verbs.database.read(lambda tx: engine_health.read(tx, ENGINE))
    await verbs.database.write(
        lambda tx: tx.run("engine_health.put", id=ENGINE, until=1, reason="why", probes=health.probes)
    )


async def test_a_claim_passes_over_an_unavailable_engine_and_nothing_else(verbs: Verbs) -> None:
    await verbs.create(make.new_job(make.independent(3)), make.new_job(make.fan_out(1)))
    await record(verbs, HealthEvent.NOT_READY)
    assert [lease.engine_id for lease in await verbs.claim()] == ["ingest"]
    assert await verbs.claim() == []
    found = await verbs.database.read(quotas.read)
    assert found.unavailable_engines == {ENGINE}
    await record(verbs, HealthEvent.READY, probed=True)
    await record(verbs, HealthEvent.WORKS)
    assert {lease.engine_id for lease in await verbs.claim()} == {ENGINE}


async def test_a_claim_with_an_older_look_takes_nothing_of_an_unavailable_engine(verbs: Verbs) -> None:
    await verbs.create(make.new_job(make.independent(3)))
    queue = Queue()
    queue.see(await verbs.database.read(lambda tx: lanes.look(tx, pool="native")), began=0.0, ended=0.0)
    await record(verbs, HealthEvent.NOT_READY)

    async def claim(tx: Tx) -> list[Lease]:
        return await claims.claim(
            tx, verbs.plans, pool="native", limit=9, worker="w", lease_micros=30_000_000, queue=queue
        )

    assert await verbs.database.write_work(claim) == []


async def test_an_engine_on_trial_gets_one_call_and_then_as_many_as_before(verbs: Verbs) -> None:
    await verbs.create(make.new_job(make.independent(5)))
    await record(verbs, HealthEvent.NOT_READY)
    await record(verbs, HealthEvent.READY, probed=True)
    [trial] = await verbs.claim()
    assert await verbs.claim() == []
    found = await verbs.database.read(quotas.read)
    assert (found.unavailable_engines, found.engine_limits) == (frozenset(), {ENGINE: 1})
    await record(verbs, HealthEvent.WORKS)
    await verbs.done(trial)
    assert len(await verbs.claim()) == 4


async def test_a_limit_of_nothing_stays_one_of_nothing_on_trial(verbs: Verbs) -> None:
    await verbs.create(make.new_job(make.independent(2)))
    await verbs.database.write(lambda tx: stored_limits.set_engine_limit(tx, 1, ENGINE, 0))
    await record(verbs, HealthEvent.NOT_READY)
    await record(verbs, HealthEvent.READY, probed=True)
    assert await verbs.claim() == []


async def test_work_that_an_engine_never_got_is_charged_to_nobody(verbs: Verbs) -> None:
    await verbs.create(make.new_job(make.independent(1, max_retries=0)))
    for _ in range(6):
        [lease] = await claim_now(verbs)
        answer = await verbs.fail(lease, FailureKind.ENGINE_UNAVAILABLE)
        assert isinstance(answer, Accepted)
        assert answer.again_at is not None
        assert await verbs.claim() == []  # there is a pause
    [(failures, lost)] = await verbs.database.read(lambda tx: tx.all("test.charges"))
    assert (failures, lost) == (0, 0)
    [lease] = await claim_now(verbs)
    await verbs.fail(lease, FailureKind.INTERNAL_ERROR)
    assert (await verbs.statuses(lease.key.job_id))[0] == "failed"


async def claim_now(verbs: Verbs) -> list[Lease]:
    """Claims as if every pause was over."""
    await verbs.database.write(lambda tx: tx.run("test.all_due"))
    return await verbs.claim()


async def test_a_due_probe_is_for_one_server_at_a_time(verbs: Verbs) -> None:
    await record(verbs, HealthEvent.NOT_READY)
    assert await due(verbs) == []
    await make_due(verbs)
    taken = await asyncio.gather(*(due(verbs) for _ in range(8)))
    assert sorted(taken) == [*[[]] * 7, [ENGINE]]
    health, now = await verbs.database.read(_health_and_time)
    assert health.until is not None
    assert 0 < health.until - now <= PROBE_MICROS  # whoever takes it and vanishes leaves it to the others


async def _health_and_time(tx: Tx) -> tuple[EngineHealth, int]:
    return await engine_health.read(tx, ENGINE), await tx.read_clock()


async def test_a_paused_engine_is_not_probed(verbs: Verbs) -> None:
    await record(verbs, HealthEvent.NOT_READY)
    await verbs.database.write(lambda tx: stored_limits.set_engine_state(tx, 1, ENGINE, was="active", state="paused"))
    await make_due(verbs)
    assert await due(verbs) == []
    assert await verbs.database.read(lambda tx: engine_health.next_probe(tx, [ENGINE])) is None


async def test_a_worker_takes_the_probes_of_its_own_engines_only(verbs: Verbs) -> None:
    await record(verbs, HealthEvent.NOT_READY)
    await make_due(verbs)
    others = ["read", "ingest"]
    assert await verbs.database.read(lambda tx: engine_health.next_probe(tx, others)) is None
    assert await verbs.database.write(lambda tx: engine_health.take_due(tx, others, 10)) == []
    assert await due(verbs) == [ENGINE]


async def test_many_calls_that_fail_at_once_count_as_one(verbs: Verbs) -> None:
    found = await asyncio.gather(*(record(verbs, HealthEvent.NOT_READY) for _ in range(8)))
    assert {health.probes for health in found} == {1}


async def test_only_engines_over_http_have_a_health(database: Database, verbs: Verbs) -> None:
    await database.write(lambda tx: tx.many("engines.upsert", [("native", None, "n", "test", "native", "{}", tx.now)]))
    for name in ("native", "nobody"):
        event = HealthEvent.NOT_READY
        wrote = await database.write(
            partial(engine_health.record, engine_id=name, event=event, reason="w", probed=False)
        )
        assert wrote == HEALTHY
        assert await database.read(partial(engine_health.read, engine_id=name)) == HEALTHY


async def test_an_organization_sees_its_own_and_the_servers(verbs: Verbs) -> None:
    await record(verbs, HealthEvent.NOT_READY)
    for organization_id in (1, 2):
        found = await verbs.database.read(partial(engine_health.unavailable, organization_id=organization_id))
        assert list(found) == [ENGINE]
