"""Pages of tasks that can be claimed, that cannot, or that are outside the backlog are those of a walk through all."""

from itertools import product
from typing import Any, Final

import pytest
from tests import make
from tests.storage import recount
from tests.storage.verbs import Verbs

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage import limits
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import task_backlog, task_claims, task_pages, task_scans, task_walks
from enginehouse.storage.work import claims

FILTERS: Final[list[dict[str, Any]]] = [
    {"is_claimable": True},
    {"is_claimable": False},
    {"in_backlog": False},
    {"in_backlog": True, "is_claimable": False},
    {"engine_ids": ("noop",), "is_claimable": False},
]


async def walked(tx: Tx, criteria: TaskFilter) -> list[tuple[int, ...]]:
    found = task_scans.scans(make.ORGANIZATION, criteria, by_engine=False)
    return [place[-2:] for place in await task_scans.rows(tx, found, criteria)]


async def differences(database: Database) -> list[Any]:
    wrong = list[Any]()
    orders = product(FILTERS, ("created_at", "modified_at"), (True, False), (0, 1), (1, 50))
    for fields, order_by, descending, offset, limit in orders:
        criteria = TaskFilter(**fields, order_by=order_by, descending=descending, offset=offset, limit=limit)

        async def read(tx: Tx, criteria: TaskFilter = criteria) -> Any:
            total = await task_pages.count(tx, make.ORGANIZATION, criteria)
            return await task_pages.page(tx, make.ORGANIZATION, criteria, total), await walked(tx, criteria)

        found, right = await database.read(read)
        if found != right:
            wrong.append((criteria, found, right))
    return wrong


@pytest.mark.parametrize(("most", "steps"), [(20_000, (2, 3)), (0, (3, 9))])
async def test_the_pages_are_those_of_a_walk_through_all_jobs(
    database: Database, own_statements: None, monkeypatch: pytest.MonkeyPatch, most: int, steps: tuple[int, int]
) -> None:
    for module in (task_claims, task_backlog):
        monkeypatch.setattr(module, "FEW", -2)  # so that hardly an item is near
    monkeypatch.setattr(task_claims, "SORTED", most)
    monkeypatch.setattr(task_walks, "STEPS", steps)
    monkeypatch.setattr(task_walks, "AHEAD", 0)
    verbs = Verbs(database)
    held = await verbs.create(*(make.new_job(make.independent(1)) for _ in range(4)), make.new_job(make.independent(2)))
    for job_id in held:
        await database.write(lambda tx, job_id=job_id: limits.pause_job(tx, make.ORGANIZATION, job_id))  # type: ignore[misc]
    assert (await differences(database))[:1] == []  # nothing can be claimed, and all is in the backlog
    for _ in range(6):  # each at another time
        await verbs.create(make.new_job(make.independent(1)))
    await database.write_work(lambda tx: claims.mark_queued(tx, pool="native", limit=1))
    # An old job waits, and has changed after later ones were created.
    assert (await differences(database))[:1] == []
    first, second, third, _ = await verbs.claim(4)
    await verbs.done(first)
    await verbs.fail(second)
    cancelled, *_ = await verbs.create(*(make.new_job(make.independent(2)) for _ in range(3)))
    await verbs.cancel(cancelled, held[0])
    await database.write(lambda tx: limits.resume_job(tx, make.ORGANIZATION, held[1]))
    assert (await differences(database))[:1] == []
    await verbs.create(make.new_job(make.chain(3)))  # tasks of it wait for others
    await verbs.fail(third, FailureKind.INTERNAL_ERROR)  # it may be claimed again
    assert (await differences(database))[:1] == []
    [begun] = await verbs.create(make.new_job(make.chain(3)))
    for lease in await verbs.claim(50):
        if lease.key.job_id == begun:
            await verbs.done(lease)  # so one task of it has ended, and one waits
    assert (await differences(database))[:1] == []
    await recount.check(database)
