"""Pauses, limits and held items in storage: nothing starts that they forbid, and everything else can start."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tests import make
from tests.postgres import FSYNC, PATIENCE
from tests.storage.verbs import Verbs

from enginehouse.domain.fair_shares import Level
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Lease, Report
from enginehouse.operations.work import MICROS
from enginehouse.storage import consistency, limits, workers
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.jobs import cancellation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, quotas
from enginehouse.storage.work import reports as work_reports
from enginehouse.storage.work.lanes import Queue

pytestmark = pytest.mark.usefixtures("own_statements")


@pytest.fixture
def verbs(database: Database) -> Verbs:
    return Verbs(database)


@pytest.fixture
async def organizations(database: Database) -> list[int]:
    """Two organizations with rows, so that limits can be set for them."""

    async def make_two(tx: Tx) -> list[int]:
        names = ("a", "b")
        made = [
            await stored_organizations.create_organization(tx, name=name, application_id=name, default_retries=None)
            for name in names
        ]
        await tx.many("engines.upsert_categories", [("test", "t", "t", "", tx.now)])
        await tx.many("engines.upsert", [(name, None, name, "test", "native", "{}", tx.now) for name in make.ENGINES])
        return [one.id for one in made]

    return await database.write(make_two)


async def chunks_of(verbs: Verbs, count: int, **fields: Any) -> int:
    """A job whose reader has `count` chunks waiting."""
    [job_id] = await verbs.create(make.new_job(make.fan_out(1, parallel=True, **fields)))
    [ingest] = await verbs.claim()
    await verbs.done(ingest, make.outputs(0, 1))
    [split] = await verbs.claim()
    await verbs.done(split, make.outputs(1, count))
    return job_id


# -- a task's own limit -------------------------------------------------------------------------------------


async def test_no_more_chunks_of_a_task_run_than_its_limit_and_the_next_follows_each_end(verbs: Verbs) -> None:
    job_id = await chunks_of(verbs, 7, max_engines=2)
    running = await verbs.claim()
    assert [lease.key.item for lease in running] == [0, 1]
    assert await verbs.claim() == []
    seen = [0, 1]
    while running:
        await verbs.done(running.pop(0), make.outputs(1, 1))
        more = await verbs.claim()
        if len(seen) < 7:
            [following] = more
            seen.append(following.key.item)
            running.append(following)
        elif not running:
            [writer] = more
            await verbs.done(writer)
    assert seen == list(range(7))
    assert (await verbs.job(job_id)).status == "complete"


async def test_several_ends_at_once_let_as_many_go(verbs: Verbs) -> None:
    await chunks_of(verbs, 9, max_engines=3)
    running = await verbs.claim()
    assert len(running) == 3
    await verbs.finish(*(Report(lease.key, lease.token, Done(make.outputs(1, 1))) for lease in running))
    assert [lease.key.item for lease in await verbs.claim()] == [3, 4, 5]


async def test_a_chunk_that_is_tried_again_keeps_its_place(verbs: Verbs, database: Database) -> None:
    await chunks_of(verbs, 3, max_engines=1, max_retries=2)
    [first] = await verbs.claim()
    await verbs.fail(first, FailureKind.INTERNAL_ERROR)
    assert await verbs.claim() == []
    await database.write(lambda tx: tx.run("test.all_due"))
    [again] = await verbs.claim()
    assert again.key == first.key


async def test_a_chunk_that_gives_up_makes_room_too(verbs: Verbs) -> None:
    job_id = await chunks_of(verbs, 3, max_engines=1)
    [first] = await verbs.claim()
    await verbs.fail(first)
    assert (await verbs.job(job_id)).status == "failed"
    assert await verbs.claim() == []


async def test_a_task_without_a_limit_is_not_held(verbs: Verbs) -> None:
    await chunks_of(verbs, 7)
    assert len(await verbs.claim()) == 7


# -- a paused job -------------------------------------------------------------------------------------------


async def pause(verbs: Verbs, job_id: int) -> limits.Paused | None:
    return await verbs.database.write(lambda tx: limits.pause_job(tx, make.ORGANIZATION, job_id))


async def resume(verbs: Verbs, job_id: int) -> limits.Paused | None:
    return await verbs.database.write(lambda tx: limits.resume_job(tx, make.ORGANIZATION, job_id))


async def test_nothing_of_a_paused_job_starts_and_what_runs_goes_on(verbs: Verbs) -> None:
    [job_id, other] = await verbs.create(make.new_job(make.chain(3)), make.new_job(make.chain(1)))
    [ingest] = await verbs.claim(1)
    paused = await pause(verbs, job_id)
    assert paused is not None
    assert paused.changed
    await verbs.done(ingest, make.outputs(0, 1))
    assert {lease.key.job_id for lease in await verbs.claim()} == {other}
    assert (await verbs.job(job_id)).paused_at is not None
    resumed = await resume(verbs, job_id)
    assert resumed is not None
    assert resumed.changed
    assert [lease.key for lease in await verbs.claim()] == [(job_id, 1, 0)]
    assert (await verbs.job(job_id)).paused_at is None


async def test_an_attempt_that_fails_while_its_job_is_paused_is_tried_again_when_it_goes_on(verbs: Verbs) -> None:
    [job_id] = await verbs.create(make.new_job(make.independent(1, max_retries=3)))
    [lease] = await verbs.claim()
    await pause(verbs, job_id)
    await verbs.fail(lease, FailureKind.SERVER_STOPPED)
    await verbs.database.write(lambda tx: tx.run("test.all_due"))
    assert await verbs.claim() == []
    await resume(verbs, job_id)
    assert len(await verbs.claim()) == 1


async def test_pausing_and_the_limit_of_a_task_do_not_undo_each_other(verbs: Verbs) -> None:
    job_id = await chunks_of(verbs, 4, max_engines=1)
    [first] = await verbs.claim()
    await pause(verbs, job_id)
    await verbs.done(first, make.outputs(1, 1))
    assert await verbs.claim() == []
    await resume(verbs, job_id)
    [second] = await verbs.claim()
    assert second.key.item == 1
    assert await verbs.claim() == []


async def test_pausing_twice_changes_nothing_and_an_ended_job_stays_as_it_is(verbs: Verbs) -> None:
    [job_id, cancelled] = await verbs.create(make.new_job(make.independent(1)), make.new_job(make.independent(1)))
    await verbs.cancel(cancelled)
    first, again, over = await pause(verbs, job_id), await pause(verbs, job_id), await pause(verbs, cancelled)
    assert [each and each.changed for each in (first, again, over)] == [True, False, False]
    assert over is not None
    assert over.status == "aborted"
    assert (await verbs.job(cancelled)).paused_at is None


async def test_a_foreign_job_is_as_unknown_as_none(verbs: Verbs, database: Database) -> None:
    [job_id] = await verbs.create(make.new_job(make.independent(1)))
    for wanted in (job_id, 12345):
        assert await database.write(lambda tx, wanted=wanted: limits.pause_job(tx, 2, wanted)) is None  # type: ignore[misc]
        assert await database.write(lambda tx, wanted=wanted: limits.resume_job(tx, 2, wanted)) is None  # type: ignore[misc]
    assert len(await verbs.claim()) == 1


async def test_a_paused_job_can_be_cancelled(verbs: Verbs) -> None:
    [job_id] = await verbs.create(make.new_job(make.independent(2)))
    await pause(verbs, job_id)
    [verdict] = await verbs.database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)]))
    assert verdict is not None
    assert verdict.done
    assert (await verbs.job(job_id)).status == "aborted"


async def test_an_inspection_tells_what_is_held_against_what_is_true(verbs: Verbs) -> None:
    job_id = await chunks_of(verbs, 3, max_engines=1)
    assert (await verbs.database.read(consistency.check_jobs))[1] == []
    await verbs.database.write(lambda tx: tx.run("test.hold_all"))
    wrong = (await verbs.database.read(consistency.check_jobs))[1]
    assert [(one.job_id, "nothing would let it go" in one.text) for one in wrong] == [(job_id, True)] * 3
    await verbs.database.write(lambda tx: tx.run("test.let_all_go"))
    await verbs.database.write(lambda tx: tx.run("limits.hold_items", ids=[job_id]))
    wrong = (await verbs.database.read(consistency.check_jobs))[1]
    assert [(one.job_id, "its job is paused or not" in one.text) for one in wrong] == [(job_id, True)] * 3


# -- paused organizations and engines -----------------------------------------------------------------------


async def test_nothing_of_a_paused_organization_or_engine_starts(verbs: Verbs, organizations: list[int]) -> None:
    one, two = organizations
    await verbs.create(
        make.new_job(make.independent(1), organization_id=one),
        make.new_job(make.independent(1), organization_id=two),
        make.new_job(make.chain(1), organization_id=two),
    )
    await verbs.database.write(lambda tx: limits.pause_organization(tx, one))
    await verbs.database.write(lambda tx: limits.set_engine_state(tx, one, "ingest", was="active", state="paused"))
    assert [(lease.organization_id, lease.engine_id) for lease in await verbs.claim()] == [(two, "noop")]
    await verbs.database.write(lambda tx: limits.resume_organization(tx, one))
    assert [(lease.organization_id, lease.engine_id) for lease in await verbs.claim()] == [(one, "noop")]
    await verbs.database.write(lambda tx: limits.set_engine_state(tx, one, "ingest", was="paused", state="active"))
    assert [(lease.organization_id, lease.engine_id) for lease in await verbs.claim()] == [(two, "ingest")]


# -- limits -------------------------------------------------------------------------------------------------


async def limit_organization(database: Database, organization_id: int, limit: int | None) -> None:
    await database.write(lambda tx: limits.set_share(tx, organization_id, weight=1, running_limit=limit))


async def limit_engine(database: Database, engine_id: str, limit: int | None) -> None:
    await database.write(lambda tx: limits.set_engine_limit(tx, 1, engine_id, limit))


async def test_a_limit_holds_and_leaves_the_rest_to_others(verbs: Verbs, organizations: list[int]) -> None:
    one, two = organizations
    await limit_organization(verbs.database, one, 2)
    await verbs.create(
        make.new_job(make.independent(5), organization_id=one), make.new_job(make.independent(5), organization_id=two)
    )
    first = await verbs.claim(6)
    assert Counter(lease.organization_id for lease in first) == {one: 2, two: 4}
    assert Counter(lease.organization_id for lease in await verbs.claim(6)) == {two: 1}
    await verbs.done(next(lease for lease in first if lease.organization_id == one))
    assert Counter(lease.organization_id for lease in await verbs.claim(6)) == {one: 1}
    await limit_organization(verbs.database, one, None)
    assert Counter(lease.organization_id for lease in await verbs.claim(6)) == {one: 2}


async def test_a_limit_of_an_engine_counts_all_organizations(verbs: Verbs, organizations: list[int]) -> None:
    one, two = organizations
    await limit_engine(verbs.database, "noop", 3)
    await verbs.create(*(make.new_job(make.independent(4), organization_id=each) for each in (one, two)))
    assert len(await verbs.claim(10)) == 3
    assert await verbs.claim(10) == []


# -- races --------------------------------------------------------------------------------------------------


@pytest.fixture
async def wide(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Database]:
    """The same database with a writing connection for every claimer."""
    if database.dialect == "sqlite":
        yield database
        return
    dsn = request.getfixturevalue("postgres_dsn")
    opened = await PostgresDatabase.open(
        dsn, writers=6, readers=4, allow_unsafe_durability=FSYNC == "off",
        read_seconds=PATIENCE, write_seconds=PATIENCE,
    )  # fmt: skip
    yield opened
    await opened.close()


async def claim_one(database: Database, plans: Plans, limit: int = 2) -> list[Lease]:
    return await database.write_work(
        lambda tx: claims.claim(tx, plans, pool="native", limit=limit, worker="w", lease_micros=60 * MICROS)
    )


async def end(database: Database, plans: Plans, leases: list[Lease]) -> None:
    reports = [Report(lease.key, lease.token, Done()) for lease in leases]
    await database.write_work(lambda tx: work_reports.finish(tx, plans, reports))


async def racing(wide: Database, claimers: int, turn: Callable[[Plans], Awaitable[bool]]) -> None:
    plans = Plans()

    async def claimer() -> None:
        while await turn(plans):
            pass

    await asyncio.gather(*(claimer() for _ in range(claimers)))


async def test_four_racing_claimers_never_exceed_a_limit(
    wide: Database, verbs: Verbs, organizations: list[int]
) -> None:
    one, two = organizations
    await limit_organization(wide, one, 3)
    await limit_engine(wide, "ingest", 2)
    await verbs.create(
        *(make.new_job(make.independent(1), organization_id=one) for _ in range(60)),
        *(make.new_job(make.chain(1), organization_id=two) for _ in range(40)),
    )
    left, seen = 100, Counter[str]()

    async def turn(plans: Plans) -> bool:
        nonlocal left
        leases = await claim_one(wide, plans)
        now = await wide.read(quotas.read)
        assert now.live_of_organization(one) <= 3
        assert now.live_of_engine("ingest") <= 2
        seen["limited"] += now.live_of_organization(one) == 3
        await end(wide, plans, leases)
        left -= len(leases)
        return left > 0

    async with asyncio.timeout(60):
        await racing(wide, 4, turn)
    assert left == 0
    assert seen["limited"], "the limit was never met: the race says nothing"


@pytest.mark.parametrize("what", ["organization", "engine", "job"])
async def test_nothing_starts_after_the_answer_to_a_pause_under_four_racing_claimers(
    wide: Database, verbs: Verbs, organizations: list[int], what: str
) -> None:
    one, _ = organizations
    many = [make.new_job(make.independent(1), organization_id=one) for _ in range(150)]
    [big, *_] = await verbs.create(make.new_job(make.independent(150), organization_id=one), *many)
    answered, under_way = asyncio.Event(), asyncio.Event()
    after: list[Lease] = []
    started = 0

    async def turn(plans: Plans) -> bool:
        nonlocal started
        late = answered.is_set()
        leases = await claim_one(wide, plans, 1)
        if late:
            after.extend(lease for lease in leases if what != "job" or lease.key.job_id == big)
            return False
        started += len(leases)
        if started >= 20:
            under_way.set()
        return True

    async def stop() -> None:
        await under_way.wait()
        match what:
            case "organization":
                await wide.write(lambda tx: limits.pause_organization(tx, one))
            case "engine":
                await wide.write(lambda tx: limits.set_engine_state(tx, one, "noop", was="active", state="paused"))
            case _:
                await wide.write(lambda tx: limits.pause_job(tx, one, big))
        answered.set()

    async with asyncio.timeout(60):
        await asyncio.gather(racing(wide, 4, turn), stop())
    assert after == []
    assert started >= 20


# -- fair order through storage -----------------------------------------------------------------------------


async def test_a_flood_of_one_organization_does_not_hold_up_another(verbs: Verbs) -> None:
    await verbs.create(*(make.new_job(make.independent(10)) for _ in range(100)))
    await verbs.create(make.new_job(make.independent(1, priority=9), organization_id=2))
    first = await verbs.claim(2)
    assert {lease.organization_id for lease in first} == {1, 2}


async def test_jobs_that_somebody_holds_do_not_keep_the_slots_from_others(postgres_database: Database) -> None:
    """The jobs of the organization in turn are locked, as by a running `finish`; those of the other start instead."""
    verbs = Verbs(postgres_database)
    both = [make.new_job(make.independent(1)), make.new_job(make.chain(1))]
    held = await verbs.create(*(both * 40))
    await verbs.create(make.new_job(make.independent(1), organization_id=2))
    queue = Queue(level=Level(accounts={2: (1_000.0, 1)}))
    locked, done = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        await tx.all("work.lock_jobs", ids=held)
        locked.set()
        await done.wait()

    async def take(tx: Tx) -> list[Lease]:
        return await claims.claim(tx, verbs.plans, pool="native", limit=1, worker="w", lease_micros=MICROS, queue=queue)

    holding = asyncio.create_task(postgres_database.write(hold))
    await locked.wait()
    leases = await postgres_database.write_work(take)
    done.set()
    await holding
    assert [lease.organization_id for lease in leases] == [2]


FORBIDDING: dict[str, Callable[[Tx, int], Awaitable[object]]] = {
    "job": lambda tx, job_id: limits.pause_job(tx, make.ORGANIZATION, job_id),
    "organization": lambda tx, _: limits.pause_organization(tx, 1),
    "engine": lambda tx, _: limits.set_engine_state(tx, 1, "noop", was="active", state="paused"),
    "share": lambda tx, _: limits.set_share(tx, 1, weight=1, running_limit=0),
    "engine limit": lambda tx, _: limits.set_engine_limit(tx, 1, "noop", 0),
    "drain": lambda tx, _: workers.drain(tx, "w", reason=None, detail=None),
}


@pytest.mark.parametrize("what", FORBIDDING)
async def test_a_claim_under_way_is_waited_for(postgres_database: Database, postgres_dsn: str, what: str) -> None:
    """The call returns only when no claim that has not seen it can still commit."""
    verbs = Verbs(postgres_database)
    [job_id] = await verbs.create(make.new_job(make.independent(1)))
    claimed, release = asyncio.Event(), asyncio.Event()

    async def slow(tx: Tx) -> None:
        await claims.claim(tx, verbs.plans, pool="native", limit=1, worker="w", lease_micros=MICROS)
        claimed.set()
        await release.wait()

    claiming = asyncio.create_task(postgres_database.write_work(slow))
    await claimed.wait()
    forbidding = asyncio.create_task(postgres_database.write(lambda tx: FORBIDDING[what](tx, job_id)))
    watching = await asyncpg.connect(postgres_dsn)
    try:
        async with asyncio.timeout(20):
            while not await watching.fetchval(WAITING):
                assert not forbidding.done(), "it was answered while a claim was under way"
        release.set()
        await asyncio.gather(claiming, forbidding)
    finally:
        await watching.close()


WAITING = """SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"""
