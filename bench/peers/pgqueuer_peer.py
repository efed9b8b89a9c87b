"""PgQueuer does what is nearest to each subject: `python -m bench.peers.pgqueuer_peer SUBJECT DSN SCALE`.

One of its jobs is one function call. Its tables are all durable, which is its default. The client is its own library in
this process. The worker is a second process which takes batches of 50. Everything else is as in its documentation.
"""

import asyncio
import json
import sys
import time
from contextlib import AbstractContextManager
from typing import Any

import asyncpg
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
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

TASKS_AT_ONCE = 50
CONNECTIONS = 16
IDS_AT_ONCE = 1000
WITHIN = 120.0
_ENDED = "SELECT COUNT(*) FROM pgqueuer_log WHERE status = 'successful'"


def started() -> AbstractContextManager[Process]:
    """Starts a worker."""
    return worker([sys.executable, "-m", "bench.peers.pgqueuer_peer", "work", *sys.argv[2:4]])


async def work(dsn: str) -> None:
    """Works until the process ends."""
    queuer = PgQueuer.from_asyncpg_connection(await asyncpg.connect(dsn))

    @queuer.entrypoint("noop")
    async def noop(job: Any) -> None:
        pass

    @queuer.entrypoint("stamp")
    async def clock(job: Any) -> None:
        stamp(int(job.payload))

    await queuer.run(batch_size=TASKS_AT_ONCE)


class Client:
    """The subjects, with the library's queries on one pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._queries = Queries.from_asyncpg_pool(pool)

    async def install(self) -> None:
        await self._queries.install()

    async def _put(self, count: int, name: str = "noop") -> list[Any]:
        return list(await self._queries.enqueue([name] * count, [None] * count, [0] * count))

    def _one(self) -> Any:
        return self._queries.enqueue("noop", None)

    async def create(self, scale: dict[str, Any]) -> dict[str, float]:
        sample = {
            "create_1": await rate(self._one, clients=1, seconds=scale["seconds"]),
            "create_64": await rate(self._one, clients=64, seconds=scale["seconds"]),
        }
        begun = time.perf_counter()
        for _ in range(scale["requests"]):
            await self._put(1000)
        return sample | {"create_batch": 1000 * scale["requests"] / (time.perf_counter() - begun)}

    async def tasks(self, scale: dict[str, Any]) -> dict[str, float]:
        with started():
            await self._put(20)
            await self._ended(20)
            count = scale["jobs"]
            begun = time.perf_counter()
            for _ in range(count // 200):
                await self._put(200)
            await self._ended(20 + count)
            one = count / (time.perf_counter() - begun)
            begun = time.perf_counter()
            await rate_over(lambda _: self._one(), list(range(count)), clients=64)
            await self._ended(20 + 2 * count)
            return {"tasks_1": one, "tasks_64": count / (time.perf_counter() - begun), "tasks_python": one}

    async def _ended(self, count: int) -> None:
        end = time.monotonic() + WITHIN
        while await self._pool.fetchval(_ENDED) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"fewer than {count} jobs had ended after {WITHIN:.0f} s")
            await asyncio.sleep(0.02)

    async def latency(self, scale: dict[str, Any]) -> dict[str, float]:
        stamps, waits = Stamps(), []
        with started():
            for number in range(scale["starts"] + 10):
                sent = time.time_ns()
                await self._queries.enqueue("stamp", str(stamps.port).encode())
                at = await asyncio.to_thread(stamps.next)
                if number >= 10:
                    waits.append((at - sent) / 1e6)
                await asyncio.sleep(PAUSE)
        return percentiles("latency_python", waits)

    async def reads(self, scale: dict[str, Any]) -> dict[str, float]:
        await self._put(scale["stored"])
        ids = await self._put(30, "page")

        def status() -> Any:
            return self._queries.job_status(ids[:1])

        def page() -> Any:
            return self._queries.browse_queue(limit=30, entrypoints=["page"])

        return {
            "status_1": await rate(status, clients=1, seconds=scale["seconds"]),
            "status_64": await rate(status, clients=64, seconds=scale["seconds"]),
            "list_1": await rate(page, clients=1, seconds=scale["seconds"]),
            "list_64": await rate(page, clients=64, seconds=scale["seconds"]),
        }

    async def cancel(self, scale: dict[str, Any]) -> dict[str, float]:
        alone = scale["cancels"] // 4
        ids = await self._put(scale["cancels"] + alone)

        def call(job_id: Any) -> Any:
            return self._queries.mark_job_as_cancelled([job_id])

        return {
            "cancel_1": await rate_over(call, ids[:alone], clients=1),
            "cancel_64": await rate_over(call, ids[alone:], clients=64),
        }

    async def bulk(self, scale: dict[str, Any]) -> dict[str, float]:
        """Cancels a part of the jobs, many ids in a call, and scales the time up to all."""
        part = min(scale["bulk"], 20_000)
        calls = [await self._put(IDS_AT_ONCE) for _ in range(part // IDS_AT_ONCE)]
        begun = time.perf_counter()
        for ids in calls:
            await self._queries.mark_job_as_cancelled(ids)
        return {"bulk_ids": scale["bulk"] / part * (time.perf_counter() - begun)}

    async def start(self, scale: dict[str, Any]) -> dict[str, float]:
        stamps = Stamps()
        await self._queries.enqueue("stamp", str(stamps.port).encode())
        begun = time.time_ns()
        with started():
            return {"start_again": (await asyncio.to_thread(stamps.next) - begun) / 1e9}

    async def memory(self, scale: dict[str, Any]) -> dict[str, float]:
        stamps = Stamps()
        with started() as process:
            await self._queries.enqueue("stamp", str(stamps.port).encode())
            await asyncio.to_thread(stamps.next)
            await asyncio.sleep(1)
            return {"memory_server": resident(process.pid)}


async def main() -> None:
    subject, dsn, scale = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if subject == "work":
        await work(dsn)
        return
    async with asyncpg.create_pool(dsn, min_size=4, max_size=CONNECTIONS) as pool:
        client = Client(pool)
        await client.install()
        answer(await getattr(client, subject)(scale))


if __name__ == "__main__":
    asyncio.run(main())
