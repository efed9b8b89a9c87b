"""How often a task without company waits for PostgreSQL: for each trip two processes are woken."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from tests import make
from tests.storage.verbs import Verbs

from enginehouse.domain.quotas import Lane
from enginehouse.domain.work import Done, Lease, Report
from enginehouse.storage.database.database import Database
from enginehouse.storage.work import claims, reports
from enginehouse.storage.work.lanes import Queue


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is sent."""
    sent = list[str]()

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, query: str, *args: Any, **more: Any) -> Any:
            sent.append(query)
            return method(self, query, *args, **more)

        return call

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Connection, name, counted(getattr(asyncpg.Connection, name)))
    return sent


async def test_a_task_that_starts_at_once_and_ends_takes_so_many(postgres_database: Database, trips: list[str]) -> None:
    verbs, queue = Verbs(postgres_database), Queue()

    async def claim() -> list[Lease]:
        return await postgres_database.write_work(
            lambda tx: claims.claim(
                tx, verbs.plans, pool="native", limit=8, worker="w", lease_micros=10**9, queue=queue
            ),
            reads_clock=True,
        )

    async def finish(lease: Lease) -> None:
        told = [Report(lease.key, lease.token, Done())]
        await postgres_database.write_work(lambda tx: reports.finish(tx, verbs.plans, told), reads_clock=True)

    def since() -> int:
        number = len(trips)
        trips.clear()
        return number

    for promised, of_claim in ((True, 6), (False, 8)):  # the clock and the lanes, if it must look
        assert await claim() == []
        await verbs.create(make.new_job(make.independent(1)))
        since()
        queue.note(make.ORGANIZATION)
        if promised:
            queue.promise(Lane(make.ORGANIZATION, "noop"))
        [lease] = await claim()
        assert since() == of_claim, "BEGIN with the barrier lock, items, jobs, the lease, what follows, COMMIT"
        await finish(lease)
        assert since() == 5, "BEGIN with the barrier lock, jobs, leases with tasks, what follows, COMMIT"
