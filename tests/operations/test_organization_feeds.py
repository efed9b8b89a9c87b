"""Those who follow an organization are told of its numbers: soon, not too often, and also by other servers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests import make
from tests.operations.scheduled import furnish
from tests.postgres import FSYNC

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import CapacityExceeded, Unavailable
from enginehouse.domain.identity import Role
from enginehouse.domain.status import JobStatus
from enginehouse.operations import events, jobs
from enginehouse.operations.events import FollowingOrganization
from enginehouse.operations.house import House
from enginehouse.storage.database.postgres import PostgresDatabase

CALLER, STRANGER = make.principal(), make.principal(organization_id=2)
READER = make.principal(role=Role.READER)
LONG = 20.0  # seconds, which no test waits


async def pending(following: FollowingOrganization) -> int:
    """Returns the number of jobs that wait, as the next message has it."""
    news = await following.next(LONG)
    assert news is not None
    [counts] = news
    assert set(counts) == set(JobStatus)
    return counts[JobStatus.PENDING]


async def test_a_follower_gets_the_numbers_at_once_and_after_each_change(ready: House) -> None:
    async with await events.follow_organization(ready, READER) as following:
        assert await pending(following) == 0
        await jobs.create(ready, CALLER, [make.independent(1)])
        assert await pending(following) == 1


async def test_what_another_organization_does_is_no_news(ready: House) -> None:
    async with await events.follow_organization(ready, CALLER) as own:
        await pending(own)
        async with await events.follow_organization(ready, STRANGER) as other:
            await pending(other)
            await jobs.create(ready, STRANGER, [make.independent(1)])
            assert await pending(other) == 1
            assert await own.next(0.01) == []


async def test_the_next_message_waits_for_the_pause(ready: House) -> None:
    ready.feeds._pause = 3_600.0
    async with await events.follow_organization(ready, CALLER) as following:
        assert await pending(following) == 0
        await jobs.create(ready, CALLER, [make.independent(1)])
        assert await following.next(0.3) == []
    await ready.feeds.close()


async def test_many_changes_end_in_the_last_numbers(ready: House) -> None:
    async with await events.follow_organization(ready, CALLER) as following:
        await pending(following)
        await asyncio.gather(*(jobs.create(ready, CALLER, [make.independent(1)]) for _ in range(50)))
        seen = 0
        while seen < 50:
            seen = await pending(following)
        assert seen == 50


async def test_followers_share_one_read(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await events.follow_organization(ready, CALLER) as first:
        await pending(first)
        async with await events.follow_organization(ready, CALLER) as second:
            await pending(second)
            reads, read = list[object](), ready.database.read

            async def counted(work: object) -> object:
                reads.append(work)
                return await read(work)  # type: ignore[arg-type]

            monkeypatch.setattr(ready.database, "read", counted)
            ready.feeds.changed({1})
            await jobs.create(ready, CALLER, [make.independent(1)])
            reads.clear()
            assert await pending(first) == await pending(second) == 1
            assert len(reads) <= 2


async def test_while_the_storage_is_away_the_follower_waits(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await events.follow_organization(ready, CALLER) as following:
        await pending(following)
        tried = asyncio.Event()

        async def away(work: object) -> None:
            tried.set()
            raise Unavailable("The storage does not answer.")

        with monkeypatch.context() as patch:
            patch.setattr(ready.database, "read", away)
            ready.feeds.changed({1})
            await asyncio.wait_for(tried.wait(), LONG)
        await jobs.create(ready, CALLER, [make.independent(1)])
        assert await pending(following) == 1


async def test_followers_are_bounded_and_leave_no_trace(ready: House) -> None:
    ready.watches._per_organization = 1
    async with await events.follow_organization(ready, CALLER) as following:
        with pytest.raises(CapacityExceeded):
            await events.follow_organization(ready, CALLER)
        following.close()
        following.close()
    assert not ready.feeds._feeds
    async with await events.follow_organization(ready, CALLER):
        pass


async def test_the_end_of_the_server_ends_them(ready: House) -> None:
    async with await events.follow_organization(ready, CALLER) as following:
        await pending(following)
        waiting = asyncio.create_task(following.next(LONG))
        await asyncio.sleep(0)
        await ready.feeds.close()
        assert await waiting is None


@pytest.fixture
async def neighbour(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    """Yields the house of another server on the same database."""
    database = await PostgresDatabase.open(postgres_dsn, writers=1, readers=1, allow_unsafe_durability=FSYNC == "off")
    store = DiskStore(tmp_path / "neighbour")
    yield House.build(database, store)
    store.close()
    await database.close()


async def test_another_server_is_told_that_something_has_changed(
    postgres_database: PostgresDatabase, neighbour: House, tmp_path: Path
) -> None:
    store = DiskStore(tmp_path / "store")
    house = await furnish(House.build(postgres_database, store))
    told = asyncio.Event()
    house.feeds.tell_others = told.set
    async with await events.follow_organization(neighbour, CALLER) as following:
        assert await pending(following) == 0
        await jobs.create(house, CALLER, [make.independent(1)])
        await asyncio.wait_for(told.wait(), LONG)
        neighbour.feeds.changed_elsewhere()
        assert await pending(following) == 1
    await house.feeds.close()
    store.close()
