"""APScheduler 3 with many jobs in its store: `python -m bench.peers.apscheduler3_peer schedules FILE SCALE`.

A background scheduler with an SQLAlchemy job store on SQLite and its default pool of ten threads, in this process. One
job is added through its library. The others are copies of that row, because each add would be its own transaction.
"""

import json
import pickle
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from bench.peers.measuring import answer, fired, scheduled, share

SETTLED, AHEAD = 1.0, 5.0
file, scale = sys.argv[2], json.loads(sys.argv[3])


def scheduler() -> BackgroundScheduler:
    return BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(f"sqlite:///{file}")}, timezone=UTC)


def store(name: str, count: int, first: datetime) -> None:
    """The store has `count` jobs, daily from `first` on."""
    adding = scheduler()
    adding.start(paused=True)
    adding.add_job(scheduled, "interval", days=1, start_date=first, misfire_grace_time=None, id=name)
    adding.shutdown()
    with closing(sqlite3.connect(file)) as database, database:
        [(due, state)] = database.execute("SELECT next_run_time, job_state FROM apscheduler_jobs WHERE id = ?", (name,))
        job = pickle.loads(state)
        rows = ((f"{name}{n}", due, pickle.dumps({**job, "id": f"{name}{n}"})) for n in range(1, count))
        database.executemany("INSERT INTO apscheduler_jobs (id, next_run_time, job_state) VALUES (?, ?, ?)", rows)


def schedules() -> dict[str, float]:
    now = datetime.now(UTC).replace(microsecond=0)
    store("late", scale["schedules"] - scale["due"], now + timedelta(days=1))
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD + SETTLED + scale["idle"])
    store("due", scale["due"], due)
    running = scheduler()
    running.start()
    time.sleep(SETTLED)
    idle = share(scale["idle"])
    if datetime.now(UTC) > due:
        raise RuntimeError("it was not ready before the jobs were due")
    last = fired.reach(scale["due"])
    running.shutdown(wait=False)
    return {"schedules_idle": idle, "schedules_due": last - due.timestamp()}


if __name__ == "__main__":
    answer(schedules())
