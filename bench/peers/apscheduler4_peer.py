"""APScheduler 4 with many schedules in its store: `python -m bench.peers.apscheduler4_peer schedules FILE SCALE`.

A scheduler with an SQLAlchemy data store on SQLite, both roles in this process. One schedule is added through its
library. The others are copies of that row, because each add would be its own transaction.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from apscheduler import Scheduler
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from apscheduler.triggers.interval import IntervalTrigger
from bench.peers.measuring import answer, fired, scheduled, share
from sqlalchemy.ext.asyncio import create_async_engine

SETTLED, AHEAD = 1.0, 5.0
file, scale = sys.argv[2], json.loads(sys.argv[3])


def scheduler() -> Scheduler:
    return Scheduler(SQLAlchemyDataStore(create_async_engine(f"sqlite+aiosqlite:///{file}")))


def store(name: str, count: int, first: datetime) -> None:
    """The store has `count` schedules, daily from `first` on."""
    with scheduler() as adding:
        adding.add_schedule(scheduled, IntervalTrigger(days=1, start_time=first), id=name)
    with closing(sqlite3.connect(file)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(schedules)") if row[1] != "id"]
        names = ", ".join(columns)
        database.execute(
            f"""WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ? - 1)
            INSERT INTO schedules (id, {names}) SELECT id || n, {names} FROM schedules, number WHERE id = ?""",
            (count, name),
        )


def schedules() -> dict[str, float]:
    now = datetime.now(UTC).replace(microsecond=0)
    store("late", scale["schedules"] - scale["due"], now + timedelta(days=1))
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD + SETTLED + scale["idle"])
    store("due", scale["due"], due)
    with scheduler() as running:
        running.start_in_background()
        time.sleep(SETTLED)
        idle = share(scale["idle"])
        if datetime.now(UTC) > due:
            raise RuntimeError("it was not ready before the schedules were due")
        last = fired.reach(scale["due"])
        return {"schedules_idle": idle, "schedules_due": last - due.timestamp()}


if __name__ == "__main__":
    answer(schedules())
