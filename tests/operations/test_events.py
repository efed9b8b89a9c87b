"""The history of a job, listed and followed: every event once, in the order of the commits, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from msgspec import structs
from tests import make

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotFound
from enginehouse.domain.event import Event, EventKind
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Done, Failed, Lease, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import bulk_cancels, engines, events, job_deletion, jobs, work
from enginehouse.operations.house import House, Limits
from enginehouse.operations.job_watches import JobWatches
from enginehouse.storage.database.database import Database

CALLER = make.principal()
STRANGER = make.principal(organization_id=2)
LONG = 30.0  # only a deadline; no test takes this long

K = EventKind
Told = list[tuple[int | None, EventKind]]


async def furnished(house: House) -> House:
    specs = [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in make.ENGINES.values()]
    await engines.register(house, specs, CATEGORIES)
    return house


@pytest.fixture
async def ready(house: House) -> AsyncIterator[House]:
    """A house that knows the engines of the builders."""
    yield await furnished(house)
    await house.watches.close()


async def created(house: House, tasks: int = 1, **fields: object) -> int:
    [made] = await jobs.create(house, CALLER, [make.independent(tasks, **fields)])
    return made.job_id


async def claim(house: House, limit: int = 100) -> list[Lease]:
    return await work.claim(house, pool="native", limit=limit, worker="w")


async def finish(house: House, *leases: Lease) -> None:
    await asyncio.gather(*(work.finish(house, Report(lease.key, lease.token, Done(()))) for lease in leases))


async def fail(house: House, lease: Lease, kind: FailureKind, message: str = "no luck") -> None:
    await work.finish(house, Report(lease.key, lease.token, Failed(kind, message)))


async def listed(house: House, job_id: int) -> Told:
    return said(await events.list_(house, CALLER, Ref.of(job_id)))


def said(found: list[Event]) -> Told:
    return [(event.ordinal, event.kind) for event in found]


async def followed(
    following: events.Following, until: Callable[[list[Event]], bool] = lambda told: False
) -> list[Event]:
    """All events up to the end, or until `until` is true of them."""
    found: list[Event] = []
    async with asyncio.timeout(LONG):
        while not until(found):
            told = await following.next(LONG)
            if told is None:
                break
            found += told
    return found


def numbered(found: list[Event], first: int = 0) -> None:
    assert [event.id for event in found] == list(range(first, first + len(found)))


async def test_a_history_names_every_step_of_a_job(ready: House) -> None:
    job_id = await created(ready)
    await work.mark_queued(ready, pool="native")
    [lease] = await claim(ready)
    await finish(ready, lease)
    found = await events.list_(ready, CALLER, Ref.of(job_id))
    assert said(found) == [
        (None, K.CREATED), (0, K.QUEUED), (None, K.QUEUED), (0, K.STARTED), (None, K.STARTED),
        (0, K.COMPLETED), (None, K.COMPLETED),
    ]  # fmt: skip
    numbered(found)
    assert (found[3].detail.worker, found[3].detail.attempt) == ("w", 1)
    assert [event.at for event in found] == sorted(event.at for event in found)


async def test_a_failed_attempt_says_why_and_when_it_is_tried_again(ready: House) -> None:
    job_id = await created(ready, max_retries=1)
    [lease] = await claim(ready)
    await fail(ready, lease, FailureKind.SERVER_STOPPED)
    [lease] = await claim(ready)
    await fail(ready, lease, FailureKind.INTERNAL_ERROR, "x" * 5_000)
    found = await events.list_(ready, CALLER, Ref.of(job_id))
    _, _, _, first, again, second = found
    assert (first.kind, first.detail.reason, first.detail.message) == (K.ATTEMPT_FAILED, "server_stopped", "no luck")
    assert first.detail.attempt == 1
    assert first.detail.again_at is not None
    assert first.detail.again_at >= first.at
    assert (again.kind, again.detail.attempt) == (K.STARTED, 2)
    assert second.detail.again_at is not None
    assert second.detail.again_at > second.at
    assert second.detail.message == "x" * 1_000


async def test_a_task_that_fails_for_good_takes_what_depends_on_it_along(ready: House) -> None:
    [made] = await jobs.create(ready, CALLER, [make.chain(2)])
    [lease] = await claim(ready)
    await fail(ready, lease, FailureKind.INVALID_DATA, "not a recording")
    found = (await events.list_(ready, CALLER, Ref.of(made.job_id)))[3:]
    assert said(found) == [(0, K.FAILED), (1, K.ABORTED), (None, K.FAILED)]
    assert (found[0].detail.reason, found[0].detail.message) == ("invalid_data", "not a recording")
    assert found[1].detail.reason == "parent_failed"


async def test_an_abort_that_no_row_tells_stands_where_it_happened(ready: House) -> None:
    job_id = await created(ready)
    await work.mark_queued(ready, pool="native")
    await jobs.cancel(ready, CALLER, Ref.of(job_id))
    again = await jobs.retry(ready, CALLER, Ref.of(job_id))
    found = await events.list_(ready, CALLER, Ref.of(job_id))
    assert said(found) == [
        (None, K.CREATED), (0, K.QUEUED), (None, K.QUEUED), (None, K.ABORTED), (None, K.RETRIED)
    ]  # fmt: skip
    numbered(found)
    assert found[3].detail.reason == "cancelled"
    assert found[4].detail.job == again.job_id
    [retry] = await events.list_(ready, CALLER, Ref.of(again.job_id))
    assert retry.detail.job == job_id
    for after in range(-1, 6):
        assert await events.list_(ready, CALLER, Ref.of(job_id), after=after) == found[after + 1 :]


async def test_pages_put_together_are_the_whole(ready: House) -> None:
    for job_id in (await created(ready, 3), await created(ready, 1)):
        await finish(ready, *await claim(ready))
        whole = await events.list_(ready, CALLER, Ref.of(job_id))
        for size in (1, 2, 3, len(whole), 1_000):
            found: list[Event] = []
            while page := await events.list_(ready, CALLER, Ref.of(job_id), after=len(found) - 1, limit=size):
                assert len(page) <= size
                found += page
            assert found == whole


async def test_bounds_are_refused_and_a_foreign_job_is_unknown(ready: House) -> None:
    job_id = await created(ready)
    for after, limit in ((-1, 0), (-1, 1_001), (-2, 10)):
        with pytest.raises(InvalidInput):
            await events.list_(ready, CALLER, Ref.of(job_id), after=after, limit=limit)
    for asked in (events.list_(ready, STRANGER, Ref.of(job_id)), events.follow(ready, STRANGER, Ref.of(job_id))):
        with pytest.raises(NotFound):
            await asked
    with pytest.raises(InvalidInput, match="up to 0, got 7"):
        await events.follow(ready, CALLER, Ref.of(job_id), after=7)
    # None of these counts as a follower.
    assert not ready.watches._open


async def test_a_follower_is_told_everything_once_up_to_the_end(ready: House) -> None:
    job_id = await created(ready, 3)
    async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
        told = asyncio.create_task(followed(following))
        leases = await claim(ready)
        await finish(ready, *leases[:1])
        await finish(ready, *leases[1:])
        found = await told
        assert following.ended is JobStatus.COMPLETE
    assert found == await events.list_(ready, CALLER, Ref.of(job_id))
    numbered(found)
    assert found[-1].kind is K.COMPLETED


async def test_following_goes_on_exactly_behind_any_event(ready: House) -> None:
    job_id = await created(ready, 2)
    await finish(ready, *await claim(ready))
    cancelled = await created(ready)
    await work.mark_queued(ready, pool="native")
    await jobs.cancel(ready, CALLER, Ref.of(cancelled))
    for one in (job_id, cancelled):
        whole = await events.list_(ready, CALLER, Ref.of(one))
        for after in range(-1, len(whole)):
            async with await events.follow(ready, CALLER, Ref.of(one), after=after) as following:
                assert await followed(following) == whole[after + 1 :]
                assert following.ended is not None


async def test_a_cancel_ends_the_followers(ready: House) -> None:
    job_id = await created(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
        [first] = await following.next(LONG) or []
        assert first.kind is K.CREATED
        waiting = asyncio.create_task(followed(following))
        await jobs.cancel(ready, CALLER, Ref.of(job_id))
        assert said(await waiting) == [(None, K.ABORTED)]
        assert following.ended is JobStatus.ABORTED


async def test_a_bulk_cancel_is_told_before_and_after_its_rows_say_so(ready: House) -> None:
    """It has no row of history, and a reader sees the same event before and after the update of the job's row."""
    job_id = await created(ready)
    await work.mark_queued(ready, pool="native")
    async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
        waiting = asyncio.create_task(followed(following))
        now = (await jobs.get(ready, CALLER, Ref.of(job_id))).created_at
        await bulk_cancels.cancel(ready, CALLER, created_from=now, created_to=now)
        whole = await waiting
        assert following.ended is JobStatus.ABORTED
    assert said(whole)[-1] == (None, K.ABORTED)
    numbered(whole)
    assert whole == await events.list_(ready, CALLER, Ref.of(job_id))
    again = await jobs.retry(ready, CALLER, Ref.of(job_id))
    while await bulk_cancels.apply(ready):
        pass
    assert (await jobs.get(ready, CALLER, Ref.of(job_id))).aborted_at == whole[-1].at
    found = await events.list_(ready, CALLER, Ref.of(job_id))
    assert found[:-1] == whole
    assert (found[-1].kind, found[-1].detail.job) == (K.RETRIED, again.job_id)


async def test_a_stop_is_told_step_by_step(ready: House) -> None:
    job_id = await created(ready)
    [lease] = await claim(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id), after=2) as following:
        waiting = asyncio.create_task(followed(following))
        await jobs.cancel(ready, CALLER, Ref.of(job_id), include_running=True)
        await work.signalled(ready, [(lease.key, lease.token)])
        await fail(ready, lease, FailureKind.STOP_REQUESTED)
        found = await waiting
        assert following.ended is JobStatus.ABORTED
    assert said(found) == [
        (None, K.STOP_REQUESTED), (0, K.STOP_SIGNALLED), (0, K.STOPPED), (0, K.ABORTED), (None, K.ABORTED)
    ]  # fmt: skip
    numbered(found, 3)


async def test_a_job_that_is_deleted_ends_its_followers(ready: House) -> None:
    job_id = await created(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id), after=0) as following:
        waiting = asyncio.create_task(followed(following))
        await job_deletion.delete(ready, CALLER, Ref.of(job_id))
        assert await waiting == []
        assert following.gone


async def test_what_another_server_did_is_told_by_looking(ready: House, database: Database, store: DiskStore) -> None:
    """The other house has the same database and no way to wake this one."""
    other = await furnished(House.build(database, store))
    job_id = await created(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
        waiting = asyncio.create_task(followed(following))
        await finish(other, *await claim(other))
        found = await waiting
    assert found == await events.list_(ready, CALLER, Ref.of(job_id))
    assert following.ended is JobStatus.COMPLETE


async def test_nothing_is_lost_under_concurrent_finishes(ready: House) -> None:
    """Twenty jobs of five tasks, each with two followers that come and go, while the tasks end one by one."""
    made = [await created(ready, 5) for _ in range(20)]

    async def follow_in_pieces(job_id: int) -> list[Event]:
        found: list[Event] = []
        ended = None
        while ended is None:
            async with await events.follow(ready, CALLER, Ref.of(job_id), after=len(found) - 1) as following:
                found += await followed(following, lambda told: len(told) >= 3)
                ended = following.ended
        return found

    async def follow_whole(job_id: int) -> list[Event]:
        async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
            return await followed(following)

    followers = [asyncio.create_task(follow(job_id)) for job_id in made for follow in (follow_in_pieces, follow_whole)]
    while leases := await claim(ready, 7):
        await finish(ready, *leases)
    told = await asyncio.gather(*followers)
    for number, job_id in enumerate(made):
        whole = await events.list_(ready, CALLER, Ref.of(job_id))
        assert len(whole) == 1 + 5 + 1 + 5 + 1
        assert told[2 * number] == told[2 * number + 1] == whole


async def test_whoever_is_slow_misses_nothing(ready: House) -> None:
    """Between two of its calls more events happen than memory keeps, so that the follower must read them itself."""
    job_id = await created(ready, 200)
    async with (
        await events.follow(ready, CALLER, Ref.of(job_id)) as slow,
        await events.follow(ready, CALLER, Ref.of(job_id)) as quick,
    ):
        first = await slow.next(LONG) or []
        assert await slow.next(0) == []
        watching = asyncio.create_task(followed(quick))
        while leases := await claim(ready, 50):
            await finish(ready, *leases)
        whole = await watching
        assert len(whole) > 400
        assert first + await followed(slow) == whole


async def test_one_look_serves_every_follower(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [await created(ready) for _ in range(10)]
    following = [await events.follow(ready, CALLER, Ref.of(job_id)) for job_id in made for _ in range(10)]
    for one in following:
        assert len(await one.next(LONG) or []) == 1
    waiting = [asyncio.create_task(one.next(LONG)) for one in following]
    looks = 0
    read = ready.database.read

    async def counted(work: Callable[..., Awaitable[object]]) -> object:
        nonlocal looks
        looks += 1
        return await read(work)

    monkeypatch.setattr(ready.database, "read", counted)
    before = looks
    leases = await claim(ready)
    assert len(leases) == 10
    assert all(len(told or []) == 2 for told in await asyncio.gather(*waiting))
    assert looks - before <= 5  # one for the commit, and some for the seconds that pass on a slow machine
    for one in following:
        one.close()


async def test_an_organization_has_so_many_streams(database: Database, store: DiskStore) -> None:
    house = await furnished(House.build(database, store, Limits(event_streams=2)))
    job_id = await created(house)
    first, second = [await events.follow(house, CALLER, Ref.of(job_id)) for _ in range(2)]
    with pytest.raises(CapacityExceeded, match="2 event streams"):
        await events.follow(house, CALLER, Ref.of(job_id))
    first.close()
    first.close()
    third = await events.follow(house, CALLER, Ref.of(job_id))
    for one in (second, third):
        one.close()
    await house.watches.close()


async def test_closing_lets_every_follower_go(ready: House) -> None:
    job_id = await created(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id), after=0) as following:
        assert await following.next(0) == []
        waiting = asyncio.create_task(followed(following))
        await ready.watches.close()
        assert await waiting == []
        assert following.ended is None
        assert not following.gone


async def test_nobody_looks_while_nobody_follows(database: Database) -> None:
    watches = JobWatches(database, per_organization=1, every=0.0)
    watches.changed([1, 2, 3])
    assert watches._looking is None
    assert not watches._changed


async def test_a_follower_at_another_server_hears_of_a_commit_by_its_notice(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = House.build(ready.database, ready.store)
    monkeypatch.setattr(other.watches, "_every", 3600.0)  # so only a notice can tell of the end
    ready.watches.tell_others = other.watches.changed_elsewhere
    job_id = await created(ready)
    async with await events.follow(other, CALLER, Ref.of(job_id)) as following:
        assert said(await following.next(LONG) or []) == [(None, K.CREATED)]
        waiting = asyncio.create_task(followed(following))
        await finish(ready, *await claim(ready))
        assert said(await waiting)[-1] == (None, K.COMPLETED)
    await other.watches.close()


async def test_many_commits_are_one_notice_and_many_notices_one_read(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[None] = []
    heard = asyncio.Event()

    def hear() -> None:
        told.append(None)
        heard.set()

    ready.watches.tell_others = hear
    for _ in range(20):
        ready.watches.changed([1])
    await asyncio.wait_for(heard.wait(), LONG)
    assert len(told) == 1
    ready.watches.tell_others = None
    job_id = await created(ready)
    async with await events.follow(ready, CALLER, Ref.of(job_id)) as following:
        assert len(await following.next(LONG) or []) == 1
        looks = 0
        read = ready.database.read

        async def counted(work: Callable[..., Awaitable[object]]) -> object:
            nonlocal looks
            looks += 1
            return await read(work)

        monkeypatch.setattr(ready.database, "read", counted)
        for _ in range(20):
            ready.watches.changed_elsewhere()
            await asyncio.sleep(0)
        assert looks <= 1
