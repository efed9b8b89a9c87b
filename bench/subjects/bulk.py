"""Measures a call that cancels all waiting jobs: its commit, its response, and the time until every row shows it."""

import asyncio
import functools
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
from bench.engines.bench_engines import Hold
from bench.figures import Sample
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import serving
from tests.filling import Filled

from bench import jobs
from enginehouse.domain import times
from enginehouse.domain.ids import DAY_MICROS
from enginehouse.domain.work import Done, Report
from enginehouse.storage.bulk_cancels import barriers, batches
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.bulk_cancels.batches import Walk
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims
from enginehouse.storage.work import reports as work_reports

CLAIMERS: Final = 4
BARRIERS: Final = 300
SLICE: Final = 20  # jobs that each of these bulk cancels covers
_APPLIED_WITHIN: Final = 120.0
_FLAGS: Final = ("--python-slots", "1")
_STARTED_AFTERWARDS: Final = """SELECT COUNT(*) FROM (
  SELECT job_id, started_at FROM attempt
  UNION ALL SELECT job_id, started_at FROM work_item WHERE lease_until IS NOT NULL
) s JOIN job j ON j.id = s.job_id WHERE j.cancelled = 1 AND s.started_at > j.aborted_at"""
_UPDATE: Final = """UPDATE job SET status = 'aborted', cancelled = 1, cancellable_since = NULL, aborted_at = {now},
  modified_at = {now} WHERE organization_id = 2 AND status IN ('pending', 'queued')
  AND created_at BETWEEN {first} AND {last}"""
_DELETE: Final = "DELETE FROM work_item WHERE job_id IN (SELECT id FROM job WHERE organization_id = 2)"


async def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns the figures of one round. The database must be empty before."""
    filled = Filled(scale.bulk, engine=Hold.spec)
    other = replace(filled, organization_id=2, first=filled.first - DAY_MICROS)
    path = home / "data/enginehouse.db"
    path.parent.mkdir(mode=0o700)
    for each in (filled, other):
        await (each.sqlite(path) if dsn is None else each.postgres(dsn))
    # It has as many connections as in a server.
    opened: Database = await SqliteDatabase.open(path) if dsn is None else await PostgresDatabase.open(dsn)
    try:
        sample = await _commits(opened, filled)
    finally:
        await opened.close()
    with serving(home, dsn, flags=_FLAGS) as server:
        sample |= await _whole(server.place, filled, number=BARRIERS + 1)
    wrong = await _asked(path, dsn, _STARTED_AFTERWARDS)
    if wrong:
        raise RuntimeError(f"{wrong} attempts of cancelled jobs started after the commit")
    return sample | {"bulk_update": await _plain(path, dsn, other)}


async def _commits(database: Database, filled: Filled) -> Sample:
    """Returns the times of commits of successive bulk cancels, each on jobs that claimers will soon reach."""
    plans, waits = Plans(), list[float]()
    over = asyncio.Event()

    async def claim() -> None:
        async def take(tx: Tx) -> Any:
            return await claims.claim(tx, plans, pool="python", limit=2, worker="bench", lease_micros=60_000_000)

        while not over.is_set():
            for lease in await database.write_work(take):
                reports = [Report(lease.key, lease.token, Done())]
                end = functools.partial(work_reports.finish, plans=plans, reports=reports)
                await database.write_work(end)

    claimers = [asyncio.create_task(claim()) for _ in range(CLAIMERS)]
    ahead = filled.count // 20
    for number in range(BARRIERS):
        first = ahead + number * (filled.count - ahead) // (2 * BARRIERS)
        wanted = JobRange(organization_id=1, created_from=filled.at(first), created_to=filled.at(first + SLICE - 1))
        began = time.perf_counter()
        made = await database.write(
            lambda tx, w=wanted: barriers.accept(tx, w, include_running=False, created_by=None),  # type: ignore[misc]
            urgent=True,
        )
        waits.append((time.perf_counter() - began) * 1e3)
        await _finish(database, wanted, made)
    over.set()
    await asyncio.gather(*claimers)
    waits.sort()
    return {"bulk_commit_p50": waits[len(waits) // 2], "bulk_commit_p99": waits[int(len(waits) * 0.99)]}


async def _finish(database: Database, wanted: JobRange, made: int) -> None:
    """The steps after the commit are done, so that the next bulk cancel finds the usual state."""
    found = await database.read(lambda tx: barriers.count(tx, wanted, made))
    await database.write(lambda tx: barriers.set_matched(tx, made, found))
    barrier = await database.read(lambda tx: barriers.get(tx, wanted.organization_id, made))
    if barrier is None:
        raise RuntimeError("the barrier is gone")
    await database.write(lambda tx: batches.apply(tx, barrier, Walk(wanted.created_from), limit=SLICE))
    while not await database.write(lambda tx: batches.apply_rest(tx, barrier, limit=SLICE)):
        pass


async def _whole(place: Place, filled: Filled, *, number: int) -> Sample:
    """Returns the times of the documented call on all jobs: its response, and the moment when every row showed it."""
    await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))])
    body = {
        "organizationID": "1",
        "createdAfterDateTime": times.rest(filled.at(0)),
        "createdBeforeDateTime": times.rest(filled.at(filled.count)),
    }
    began = time.perf_counter()
    [answer] = await answers(place, [place.request("POST", "/edge/v1/proc/jobs/cancel", body)])
    reply = (time.perf_counter() - began) * 1e3
    look = place.request("GET", f"/api/v1/bulk-cancels/{number}")
    deadline = time.monotonic() + _APPLIED_WITHIN
    while True:
        [seen] = await answers(place, [look])
        found = seen["result"]
        if "settledDateTime" in found:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"{found['settled']} of {found['count']} say so after {_APPLIED_WITHIN:.0f} s")
        await asyncio.sleep(0.05)
    if not found["count"] == found["settled"] == answer["count"] > filled.count // 2:
        raise RuntimeError(f"{answer['count']} were counted and {found['settled']} settled")
    accepted, settled = (times.moment(found[name]) for name in ("acceptedDateTime", "settledDateTime"))
    if accepted is None or settled is None:
        raise RuntimeError("a bulk cancel without its times")
    return {"bulk_reply": reply, "bulk_settle": (settled - accepted) / 1e6 * filled.count / found["count"]}


async def _plain(path: Path, dsn: str | None, other: Filled) -> float:
    """Returns the seconds that one transaction needs for the same change of the other organization's jobs."""
    update = _UPDATE.format(now=times.SECOND, first=other.at(0), last=other.at(other.count))
    began = time.perf_counter()
    if dsn is None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            for statement in ("BEGIN IMMEDIATE", update, _DELETE, "COMMIT"):
                connection.execute(statement)
    else:
        connection_ = await asyncpg.connect(dsn)
        try:
            async with connection_.transaction():
                await connection_.execute(update)
                await connection_.execute(_DELETE)
        finally:
            await connection_.close()
    return time.perf_counter() - began


async def _asked(path: Path, dsn: str | None, query: str) -> int:
    if dsn is None:
        with closing(sqlite3.connect(path)) as connection:
            number: int = connection.execute(query).fetchone()[0]
            return number
    connection_ = await asyncpg.connect(dsn)
    try:
        return int(await connection_.fetchval(query))
    finally:
        await connection_.close()
