"""Procrastinate does what is nearest to each subject: `python -m bench.peers.procrastinate_peer SUBJECT DSN SCALE`.

One of its jobs is one function call. The client is its own library in this process. The worker is a second process with
50 jobs at a time. Everything else is as in its documentation.
"""

import asyncio
import json
import sys
import time
from contextlib import AbstractContextManager
from typing import Any

from bench.peers.measuring import (
    PAUSE,
    Process,
    Stamps,
    answer,
    percentiles,
    rate,
    rate_over,
    resident,
    stamp,
    worker,
)
from procrastinate import App, PsycopgConnector

TASKS_AT_ONCE = 50
CONNECTIONS = 16
WITHIN = 120.0


def application(dsn: str) -> App:
    return App(connector=PsycopgConnector(conninfo=dsn, min_size=4, max_size=CONNECTIONS))


app = application(sys.argv[2])


async def nothing() -> None:
    pass


noop = app.task(queue="noop", name="noop")(nothing)
clock = app.task(queue="stamp", name="clock")(stamp)


def started(queue: str) -> AbstractContextManager[Process]:
    """Starts a worker for this queue."""
    return worker([sys.executable, "-m", "bench.peers.procrastinate_peer", f"work:{queue}", sys.argv[2], sys.argv[3]])


async def create(scale: dict[str, Any]) -> dict[str, float]:
    sample = {
        "create_1": await rate(noop.defer_async, clients=1, seconds=scale["seconds"]),
        "create_64": await rate(noop.defer_async, clients=64, seconds=scale["seconds"]),
    }
    begun = time.perf_counter()
    for _ in range(scale["requests"]):
        await noop.batch_defer_async(*[{}] * 1000)
    return sample | {"create_batch": 1000 * scale["requests"] / (time.perf_counter() - begun)}


async def tasks(scale: dict[str, Any]) -> dict[str, float]:
    with started("noop"):
        await noop.batch_defer_async(*[{}] * 20)
        await _succeeded(20)
        count = scale["jobs"]
        begun = time.perf_counter()
        for _ in range(count // 200):
            await noop.batch_defer_async(*[{}] * 200)
        await _succeeded(20 + count)
        one = count / (time.perf_counter() - begun)
        begun = time.perf_counter()
        await rate_over(lambda _: noop.defer_async(), list(range(count)), clients=64)
        await _succeeded(20 + 2 * count)
        return {"tasks_1": one, "tasks_64": count / (time.perf_counter() - begun), "tasks_python": one}


async def _succeeded(count: int) -> None:
    end = time.monotonic() + WITHIN
    query = "SELECT count(*) AS count FROM procrastinate_jobs WHERE status = 'succeeded'"
    while (await app.connector.execute_query_one_async(query))["count"] < count:
        if time.monotonic() > end:
            raise RuntimeError(f"fewer than {count} jobs had succeeded after {WITHIN:.0f} s")
        await asyncio.sleep(0.02)


async def latency(scale: dict[str, Any]) -> dict[str, float]:
    stamps = Stamps()
    waits = []
    with started("stamp"):
        for number in range(scale["starts"] + 10):
            sent = time.time_ns()
            await clock.defer_async(port=stamps.port)
            at = await asyncio.to_thread(stamps.next)
            if number >= 10:
                waits.append((at - sent) / 1e6)
            await asyncio.sleep(PAUSE)
    return percentiles("latency_python", waits)


async def reads(scale: dict[str, Any]) -> dict[str, float]:
    await noop.batch_defer_async(*[{}] * scale["stored"])
    ids = await noop.configure(queue="page").batch_defer_async(*[{}] * 30)

    def status() -> Any:
        return app.job_manager.get_job_status_async(ids[0])

    def page() -> Any:
        return app.job_manager.list_jobs_async(queue="page")

    return {
        "status_1": await rate(status, clients=1, seconds=scale["seconds"]),
        "status_64": await rate(status, clients=64, seconds=scale["seconds"]),
        "list_1": await rate(page, clients=1, seconds=scale["seconds"]),
        "list_64": await rate(page, clients=64, seconds=scale["seconds"]),
    }


async def cancel(scale: dict[str, Any]) -> dict[str, float]:
    alone = scale["cancels"] // 4
    ids = await noop.batch_defer_async(*[{}] * (scale["cancels"] + alone))
    call = app.job_manager.cancel_job_by_id_async
    return {
        "cancel_1": await rate_over(call, ids[:alone], clients=1),
        "cancel_64": await rate_over(call, ids[alone:], clients=64),
    }


async def bulk(scale: dict[str, Any]) -> dict[str, float]:
    """Cancels a part of the jobs one by one, because it has no call for many, and scales the time up to all."""
    part = min(scale["bulk"], 20_000)
    ids: list[int] = []
    while len(ids) < part:
        ids += await noop.batch_defer_async(*[{}] * 1000)
    per_second = await rate_over(app.job_manager.cancel_job_by_id_async, ids[:part], clients=64)
    return {"bulk_each": scale["bulk"] / per_second}


async def start(scale: dict[str, Any]) -> dict[str, float]:
    stamps = Stamps()
    await clock.defer_async(port=stamps.port)
    begun = time.time_ns()
    with started("stamp"):
        return {"start_again": (await asyncio.to_thread(stamps.next) - begun) / 1e9}


async def memory(scale: dict[str, Any]) -> dict[str, float]:
    stamps = Stamps()
    with started("stamp") as process:
        await clock.defer_async(port=stamps.port)
        await asyncio.to_thread(stamps.next)
        await asyncio.sleep(1)
        return {"memory_server": resident(process.pid)}


async def main() -> None:
    subject, scale = sys.argv[1], json.loads(sys.argv[3])
    async with app.open_async():
        if subject.startswith("work:"):
            await app.run_worker_async(queues=[subject.removeprefix("work:")], concurrency=TASKS_AT_ONCE)
            return
        await app.schema_manager.apply_schema_async()
        measures = {m.__name__: m for m in (create, tasks, latency, reads, cancel, bulk, start, memory)}
        answer(await measures[subject](scale))


if __name__ == "__main__":
    asyncio.run(main())
