"""A request sent twice with one key is carried out once: concurrently, on several servers, and after deletions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from msgspec import structs
from tests import make
from tests.postgres import FSYNC
from tests.runtime.until import until

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain import fingerprint
from enginehouse.domain.errors import InvalidInput, KeyInProgress, KeyReused, NotFound, Refusal
from enginehouse.domain.job import JobFilter, JobRequest, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Done, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import batches, engines, idempotency, job_deletion, jobs, maintenance, targets, work
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob
from enginehouse.storage import idempotency as storage_idempotency
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.idempotency import RequestKey
from enginehouse.storage.jobs import keyed_creation, totals
from enginehouse.storage.jobs import queries as stored
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans

CALLER = make.principal()
STRANGER = make.principal(organization_id=2)
AT_ONCE = 30
SPECS = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]


@pytest.fixture
async def ready(house: House) -> House:
    await _open(house)
    return house


@pytest.fixture
async def sqlite_servers(sqlite_database: Database, store: DiskStore) -> list[House]:
    return await _furnished(store, sqlite_database)


@pytest.fixture
async def postgres_servers(postgres_dsn: str, store: DiskStore) -> AsyncIterator[list[House]]:
    async with AsyncExitStack() as closing:
        opened = list[Database]()
        for _ in range(3):
            database = await PostgresDatabase.open(postgres_dsn, readers=2, allow_unsafe_durability=FSYNC == "off")
            closing.push_async_callback(database.close)
            opened.append(database)
        yield await _furnished(store, *opened)


@pytest.fixture(params=["sqlite", "postgres"])
def servers(request: pytest.FixtureRequest) -> list[House]:
    """The servers on one database: one on SQLite, three on PostgreSQL."""
    found: list[House] = request.getfixturevalue(f"{request.param}_servers")
    return found


async def _furnished(store: DiskStore, *databases: Database) -> list[House]:
    houses = [House.build(database, store) for database in databases]
    await _open(*houses)
    return houses


async def _open(*houses: House) -> None:
    """Registers the builders' engines and the caller's organization in these houses on one database."""
    await houses[0].database.write(
        lambda tx: stored_organizations.create_organization(tx, name="one", application_id="one", default_retries=None)
    )
    for house in houses:
        await engines.register(house, SPECS, CATEGORIES)


async def refused(call: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


async def create(house: House, request: JobRequest, key: str | None = "k1", principal: object = CALLER) -> CreatedJob:
    [created] = await jobs.create(house, principal, [request], key=key)  # type: ignore[arg-type]
    return created


async def how_many(house: House, principal: object = CALLER) -> int:
    page = await jobs.list_(house, principal, JobFilter(), with_count=True)  # type: ignore[arg-type]
    assert page.count == len(page.jobs)
    return len(page.jobs)


async def test_concurrent_creates_with_one_key_make_one_job_with_one_target(servers: list[House]) -> None:
    request = structs.replace(make.independent(2), target=TargetRequest(name="once"))
    made = await asyncio.gather(*(create(servers[n % len(servers)], request) for n in range(AT_ONCE)))
    assert len({(each.job_id, each.target_id) for each in made}) == 1
    assert sum(not each.replayed for each in made) == 1
    assert await how_many(servers[0]) == 1
    assert len(await targets.list_(servers[0], CALLER)) == 1


async def test_concurrent_retries_with_one_key_make_one_job(servers: list[House]) -> None:
    old = await create(servers[0], make.independent(1), None)
    calls = (jobs.retry(servers[n % len(servers)], CALLER, Ref.of(old.job_id), key="again") for n in range(AT_ONCE))
    made = await asyncio.gather(*calls)
    [new] = {each.job_id for each in made}
    assert sum(not each.replayed for each in made) == 1
    assert (await jobs.get(servers[0], CALLER, Ref.of(old.job_id))).retries == (new,)


async def test_of_two_requests_with_one_key_sent_at_once_one_is_done(servers: list[House]) -> None:
    one, other = make.independent(1), make.independent(3)
    calls = [create(servers[n % len(servers)], other if n % 2 else one) for n in range(AT_ONCE)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    made = [each for each in answers if isinstance(each, CreatedJob)]
    assert len({each.job_id for each in made}) == 1
    assert all(isinstance(each, KeyReused) for each in answers if each not in made)
    assert len(made) == AT_ONCE // 2
    assert await how_many(servers[0]) == 1


async def test_another_request_with_the_key_is_refused_with_the_time_of_the_first(ready: House) -> None:
    await create(ready, make.independent(1))
    error = await refused(create(ready, make.independent(2)))
    assert isinstance(error, KeyReused)
    assert await how_many(ready) == 1
    assert (await create(ready, make.independent(1))).replayed


async def test_a_refused_request_leaves_its_key_unused(ready: House) -> None:
    wrong = structs.replace(make.independent(1), tasks=())
    assert isinstance(await refused(create(ready, wrong)), InvalidInput)
    assert isinstance(await refused(jobs.retry(ready, CALLER, Ref.of(12345), key="k1")), NotFound)
    assert not (await create(ready, make.independent(1))).replayed


async def test_a_key_is_an_organizations_own(ready: House) -> None:
    ours = await create(ready, make.independent(1))
    theirs = await create(ready, make.independent(2), principal=STRANGER)
    assert not theirs.replayed
    assert (await how_many(ready), await how_many(ready, STRANGER)) == (1, 1)
    assert (await create(ready, make.independent(1))).job_id == ours.job_id


async def test_a_key_is_an_operations_own(ready: House) -> None:
    old = await create(ready, make.independent(1))
    assert not (await jobs.retry(ready, CALLER, Ref.of(old.job_id), key="k1")).replayed
    assert isinstance(await refused(jobs.retry(ready, CALLER, Ref.of(old.job_id + 1), key="k1")), KeyReused)


async def test_a_retry_of_only_what_failed_asks_something_else(ready: House) -> None:
    old = await create(ready, make.independent(1), None)
    await jobs.retry(ready, CALLER, Ref.of(old.job_id), key="k1")
    other = jobs.retry(ready, CALLER, Ref.of(old.job_id), key="k1", only_failed=True)
    assert isinstance(await refused(other), KeyReused)


async def test_the_answer_stays_whatever_has_gone_since(ready: House) -> None:
    target = await targets.create(ready, CALLER, TargetRequest(name="t"))
    request = structs.replace(make.independent(1), target_id=str(target.id))
    first = await create(ready, request)
    retried = await jobs.retry(ready, CALLER, Ref.of(first.job_id), key="again")
    await job_deletion.delete(ready, CALLER, Ref.of(first.job_id))
    await targets.take_back(ready, CALLER, target.id)
    ready.catalogue.by_id.clear()
    assert await create(ready, request) == structs.replace(first, replayed=True)
    assert await jobs.retry(ready, CALLER, Ref.of(first.job_id), key="again") == structs.replace(retried, replayed=True)


async def test_a_retry_of_what_is_complete_by_now_is_answered_as_it_was(ready: House) -> None:
    old = await create(ready, make.independent(1), None)
    new = await jobs.retry(ready, CALLER, Ref.of(old.job_id), key="k1")
    for lease in await work.claim(ready, pool="native", limit=10, worker="w"):
        await work.finish(ready, Report(lease.key, lease.token, Done()))
    assert (await jobs.retry(ready, CALLER, Ref.of(old.job_id), key="k1")).job_id == new.job_id


async def test_warnings_are_told_again(ready: House) -> None:
    [task] = make.independent(1).tasks
    unused = structs.replace(task, folders=(make.folder("loose", "stream", "output"),))
    request = JobRequest(tasks=(unused, task), routes=())
    first = await create(ready, request)
    assert first.warnings
    assert (await create(ready, request)).warnings == first.warnings


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "a\n", "\x00", "schlüssel", "\x7f"])
async def test_what_is_no_key_is_refused(ready: House, key: str) -> None:
    error = await refused(create(ready, make.independent(1), key))
    assert error.code == "invalid_input"
    assert await how_many(ready) == 0


async def test_the_longest_key_is_one(ready: House) -> None:
    key = "~" * 255
    first = await create(ready, make.independent(1), key)
    assert (await create(ready, make.independent(1), key)).job_id == first.job_id


async def test_in_one_batch_every_creation_has_its_own_answer(database: Database) -> None:
    def creation(tasks: int, key: str | None, hashed: str = "") -> Creation:
        keyed = None if key is None else RequestKey(1, "createJob", key, hashed)
        return Creation([make.new_job(make.independent(tasks))], keyed)

    batch = [
        creation(1, "a", "h"),
        creation(2, None),
        creation(1, "a", "h"),
        creation(3, "a", "other"),
        creation(4, "b"),
    ]
    one, plain, again, other, late = await database.write_work(lambda tx: keyed_creation.create(tx, Plans(), batch))
    assert isinstance(one, keyed_creation.CreateAnswer)
    assert again == structs.replace(one, replayed=True, warnings=[()])
    assert isinstance(other, KeyReused)
    made = [each.ids[0][0] for each in (one, plain, late) if isinstance(each, keyed_creation.CreateAnswer)]
    found = await database.read(lambda tx: stored.by_ids(tx, 1, made))
    assert [len(found[job_id].tasks) for job_id in made] == [1, 2, 4]
    assert await database.read(lambda tx: totals.count(tx, 1, JobFilter())) == 3


async def test_nothing_of_a_transaction_that_fails_is_kept_and_its_key_is_free(ready: House) -> None:
    keyed = idempotency.request_key(CALLER, "createJob", "k1", fingerprint.jobs([make.independent(1)]))
    new = make.new_job(make.independent(1))

    async def torn(tx: Tx) -> None:
        await keyed_creation.create(tx, Plans(), [Creation([new], keyed)])
        raise RuntimeError("after the jobs, before the commit")

    with pytest.raises(RuntimeError, match="before the commit"):
        await ready.database.write_work(torn)
    assert not (await create(ready, make.independent(1))).replayed
    assert await how_many(ready) == 1


async def test_keys_past_their_time_are_dropped_in_bounded_batches(ready: House) -> None:
    for n in range(5):
        await create(ready, make.independent(1), f"k{n}")
    [row] = (await ready.database.read(lambda tx: storage_idempotency.look_up(tx, [(1, "createJob", "k4")]))).values()
    keep = ready.limits.idempotency_seconds * 1_000_000
    assert await maintenance.prune_keys(ready, now=row.at + keep, limit=3) == 3
    assert await maintenance.prune_keys(ready, now=row.at + keep, limit=3) == 1
    assert await maintenance.prune_keys(ready, now=row.at + keep, limit=3) == 0
    assert (await create(ready, make.independent(1), "k4")).replayed
    assert not (await create(ready, make.independent(1), "k0")).replayed


async def test_once_runs_the_work_once_and_keeps_its_answer(servers: list[House]) -> None:
    ran = 0

    async def work_(tx: Tx) -> dict[str, int]:
        nonlocal ran
        ran += 1
        await tx.run("idempotency.prune", before=0, limit=1)
        return {"barrier": 7}

    keyed = idempotency.request_key(CALLER, "cancelJobs", "c", {"from": 1})
    calls = (idempotency.once(servers[n % len(servers)], keyed, dict[str, int], work_) for n in range(AT_ONCE))
    answers = await asyncio.gather(*calls)
    assert [answer.value for answer in answers] == [{"barrier": 7}] * AT_ONCE
    assert sum(not answer.replayed for answer in answers) == 1 == ran
    assert await idempotency.earlier(servers[0], keyed, dict[str, int]) == {"barrier": 7}
    other = idempotency.request_key(CALLER, "cancelJobs", "c", {"from": 2})
    assert isinstance(await refused(idempotency.once(servers[0], other, dict[str, int], work_)), KeyReused)
    assert isinstance(await refused(idempotency.earlier(servers[0], other, dict[str, int])), KeyReused)


async def test_once_keeps_nothing_of_work_that_refuses(ready: House) -> None:
    async def refuses(tx: Tx) -> int:
        raise NotFound("Job", "1")

    async def works(tx: Tx) -> int:
        return 1

    keyed = idempotency.request_key(CALLER, "cancelJobs", "c", None)
    assert isinstance(await refused(idempotency.once(ready, keyed, int, refuses)), NotFound)
    assert await idempotency.once(ready, keyed, int, works) == idempotency.OnceAnswer(1)
    assert await idempotency.once(ready, None, int, works) == idempotency.OnceAnswer(1)


# -- a key that another server is about to store: PostgreSQL only, SQLite has one writer ---------------------

_HOLD = "INSERT INTO idempotency_key VALUES (1, $1, 'held', $2, $3, 1)"
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


async def _keyed_job(house: House, key: str) -> str:
    keyed = idempotency.request_key(CALLER, "createJob", key, fingerprint.jobs([make.independent(1)]))
    assert keyed is not None
    return keyed.request_hash


@pytest.fixture
async def holder(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another server that has committed nothing."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def beside(postgres_database: Database, store: DiskStore) -> House:
    [built] = await _furnished(store, postgres_database)
    return built


async def test_a_key_about_to_be_stored_is_waited_for(beside: House, holder: asyncpg.Connection) -> None:
    held = holder.transaction()
    await held.start()
    request_hash = await _keyed_job(beside, "held")
    await holder.execute(_HOLD, "createJob", request_hash, '{"ids":[[77,null]],"warnings":[[]],"replayed":false}')
    call = asyncio.create_task(create(beside, make.independent(1), "held"))

    async def waits() -> bool:
        return bool(await holder.fetchval(_WAITING))

    await until(waits, "the create waits for the key")
    await held.commit()
    assert await call == CreatedJob(77, None, (), replayed=True)
    assert await how_many(beside) == 0


async def test_a_key_that_stays_held_delays_nobody_for_long(
    beside: House, holder: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PATIENCE", 0.2)
    monkeypatch.setattr(idempotency, "PATIENCE", 0.2)
    held = holder.transaction()
    await held.start()
    await holder.execute(_HOLD, "createJob", "h", "{}")
    await holder.execute(_HOLD, "cancelJobs", "h", "1")
    # The first is sent alone, and the others form one batch behind it.
    calls = [create(beside, make.independent(1), key) for key in (None, None, None, "held", "free", "held", None)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in answers] == [CreatedJob] * 3 + [KeyInProgress, CreatedJob, KeyInProgress, CreatedJob]
    assert str(answers[3]) == "A request with this Idempotency-Key is still running; retry in 1 s."
    assert await how_many(beside) == 5

    async def one(tx: Tx) -> int:
        return 1

    keyed = idempotency.request_key(CALLER, "cancelJobs", "held", None)
    assert isinstance(await refused(idempotency.once(beside, keyed, int, one)), KeyInProgress)
    await held.rollback()
    assert not (await create(beside, make.independent(1), "held")).replayed
    assert not (await idempotency.once(beside, keyed, int, one)).replayed
