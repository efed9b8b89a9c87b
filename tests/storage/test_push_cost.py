"""A job that lives on pushes does not slow down: a push, its claim and its end cost the same after thousands.

The work is counted, not timed: the steps of SQLite's machine.
"""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests import make

from enginehouse.domain.work import Done, Report
from enginehouse.storage.database.clock import Clock, Steady
from enginehouse.storage.database.sql import statements
from enginehouse.storage.database.sqlite_writer import Fencing, SqliteTx, drive
from enginehouse.storage.jobs import creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import pushes, results
from enginehouse.storage.work import claims, reports

FEW, MANY = 20, 2_000
LEASE = 2**40
Work = Callable[[SqliteTx], Awaitable[Any]]


class Counter:
    """Runs works in one transaction, and counts the steps of each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tx = SqliteTx(connection, statements("sqlite"), Clock(Steady(), 0), Fencing())
        self.tx.under_barrier = True

    def steps(self, work: Work) -> tuple[int, Any]:
        done = 0

        def step() -> int:
            nonlocal done
            done += 1
            return 0

        self._connection.set_progress_handler(step, 1)
        found = drive(work, self.tx)
        self._connection.set_progress_handler(None, 0)
        return done, found


@pytest.fixture
def counter(tmp_path: Path, sqlite_template: Path) -> Iterator[Counter]:
    path = shutil.copyfile(sqlite_template, tmp_path / "test.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield Counter(connection)


@pytest.mark.parametrize("sync", [False, True], ids=["asynchronous", "synchronous"])
def test_a_push_costs_the_same_however_many_came_before(counter: Counter, sync: bool) -> None:
    plans = Plans()
    new = make.new_job(make.pushed(sync=sync))
    counter.steps(lambda tx: creation.create(tx, plans, [new]))

    def one(n: int) -> list[int]:
        """The steps of a push, of the claim of its item, of its end, and of the look at its result."""
        pushing, pushed = counter.steps(lambda tx: pushes.push(tx, plans, make.new_push(str(n))))
        claiming, leases = counter.steps(
            lambda tx: claims.claim(tx, plans, pool="native", limit=1, worker="w", lease_micros=LEASE)
        )
        outputs = make.outputs(1, 1)
        done = [Report(lease.key, lease.token, Done(outputs)) for lease in leases]
        ending, _ = counter.steps(lambda tx: reports.finish(tx, plans, done))
        wanted = [(make.ORGANIZATION, pushed.wait)] if sync else []
        looking, found = counter.steps(lambda tx: results.ended(tx, wanted)) if sync else (0, {})
        assert len(found) == len(wanted)
        _, below = counter.steps(
            lambda tx: claims.claim(tx, plans, pool="native", limit=1, worker="w", lease_micros=LEASE)
        )
        rest = [Report(lease.key, lease.token, Done(())) for lease in below]
        counter.steps(lambda tx: reports.finish(tx, plans, rest))
        return [pushing, claiming, ending, looking]

    costs = [one(n) for n in range(MANY)]
    assert [after <= before * 1.1 for before, after in zip(costs[FEW], costs[-1], strict=True)] == [True] * 4, (
        costs[FEW], costs[-1],
    )  # fmt: skip


def test_an_endpoint_that_many_jobs_have_had_costs_what_a_new_one_does(counter: Counter) -> None:
    plans = Plans()

    def job() -> int:
        new = make.new_job(make.pushed(adapter=False))
        [(job_id, _)] = counter.steps(lambda tx: creation.create(tx, plans, [new]))[1]
        return int(job_id)

    def push() -> int:
        return counter.steps(lambda tx: pushes.push(tx, plans, make.new_push()))[0]

    job()
    first = push()
    for _ in range(100):
        last = job()
        counter.tx._connection.execute("UPDATE job SET status = 'failed' WHERE id < ?", (last,))
        push()
    assert push() <= first * 1.1
