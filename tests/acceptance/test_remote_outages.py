"""A worker elsewhere while servers, the database, the bucket and its own clock fail: each result counts once."""

import asyncio
import itertools
import random
import signal
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.acceptance.remote import SERVES_ONLY, RemoteWorker, charged, token_for_workers, working
from tests.acceptance.server import (
    CHECKOUT,
    TOKEN,
    Server,
    create,
    ended,
    lines,
    offer,
    output,
    serving,
    task_of,
    until,
)
from tests.acceptance.test_several_servers import fleet
from tests.object_store import ObjectStore
from tests.postgres import PostgresServer, started
from tests.store_proxy import Trouble, proxy_to
from tests.thorough import THOROUGH, slowly

STEPPED = CHECKOUT / "tests/chaos/stepped"
LEASE = ("--lease-seconds", "3")
JOBS, KILLS = (400, 12) if THOROUGH else (30, 1)
MINUTES = (10, -10) if THOROUGH else (10,)


class Balancer:
    """Passes each new connection on to one of the servers that live, in turn."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.url = ""
        self._turns = itertools.count()
        self._ends: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self.servers:
            server = self.servers[next(self._turns) % len(self.servers)]
            try:
                ends = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
            except OSError:
                continue
            self._ends |= {writer, ends[1]}
            await asyncio.gather(_pass(reader, ends[1]), _pass(ends[0], writer))
            self._ends -= {writer, ends[1]}
            return
        writer.close()

    def cut(self) -> None:
        """No connection is left."""
        for end in self._ends:
            end.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while sent := await reader.read(65536):
            writer.write(sent)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


@asynccontextmanager
async def balanced(servers: list[Server]) -> AsyncIterator[str]:
    """Yields one URL for all of the servers."""
    balancer = Balancer(servers)
    listener = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        balancer.cut()


@asynccontextmanager
async def worker_of(servers: list[Server], url: str, token: str, tmp_path: Path) -> AsyncIterator[RemoteWorker]:
    """Yields a worker that is ready, with the engines of the servers. Meanwhile this loop passes its bytes on."""
    path = servers[0].environment["PYTHONPATH"]
    with working(url, token, tmp_path / "worker", "--python-slots", "3", wait=False, PYTHONPATH=path) as worker:
        await asyncio.to_thread(worker.await_ready)
        yield worker


async def check(server: Server, jobs: int) -> None:
    """Every item has exactly one accepted result, the results are those, and no other attempt was charged."""
    done = await server.rows(
        "SELECT job_id, ordinal, item, COUNT(*) FROM attempt WHERE outcome = 'complete' GROUP BY 1, 2, 3"
    )
    assert (len(done), {row[3] for row in done}) == (jobs, {1})
    assert await server.rows("SELECT COUNT(*), COUNT(DISTINCT job_id) FROM artifact") == [(jobs, jobs)]
    assert await server.rows("SELECT COUNT(*) FROM work_item") == [(0,)]
    assert await server.rows("SELECT COUNT(*) FROM attempt WHERE outcome NOT IN ('complete', 'stopped')") == [(0,)]


async def all_ended(client: httpx.AsyncClient, jobs: list[str]) -> Counter[str]:
    """Returns how the jobs have ended, from servers that may not answer for a while."""

    async def one(job: str) -> str:
        while True:
            try:
                return await ended(client, job)
            except (httpx.TransportError, AssertionError, KeyError):
                await asyncio.sleep(0.1)

    return Counter([await one(job) for job in jobs])


async def test_servers_are_killed_while_a_worker_reports(postgres_dsn: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    async with fleet(tmp_path / "data", postgres_dsn, 2, *SERVES_ONLY) as servers, balanced(servers) as url:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
            token = await token_for_workers(client)
            async with worker_of(servers, url, token, tmp_path):
                jobs = await create(client, *[task_of("honest")] * JOBS)
                for number in range(KILLS):
                    victim, other = servers[number % 2], servers[1 - number % 2]
                    goal = JOBS * (number + 1) // (KILLS + 2) + chance.randrange(3)
                    await until(partial(_ended_attempts, other, goal), "the worker reports")
                    victim.kill()
                    await asyncio.to_thread(victim.start)
                assert await all_ended(client, jobs) == {"complete": JOBS}
        await check(servers[0], JOBS)


async def _ended_attempts(server: Server, goal: int) -> bool:
    [(found,)] = await server.rows("SELECT COUNT(*) FROM attempt WHERE outcome = 'complete'")
    return int(found) >= goal


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yields a PostgreSQL that the test may kill, because nobody else uses it."""
    with started() as server:
        yield server


@slowly
async def test_postgresql_is_killed_under_two_servers_with_a_worker(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with fleet(tmp_path / "data", own_postgres.dsn(), 2, *SERVES_ONLY) as servers, balanced(servers) as url:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
            token = await token_for_workers(client)
            async with worker_of(servers, url, token, tmp_path) as worker:
                [slow] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}))
                await until(lambda: bool(lines(runs)), "the engine runs")
                jobs = await create(client, *[task_of("honest")] * 100)
                await until(partial(_ended_attempts, servers[0], 20), "the worker reports")
                for goal in (40, 60):
                    own_postgres.stop(signal.SIGQUIT)  # at once, as by a power failure
                    await until(partial(_is_missed, client, slow, worker), "the servers and the worker miss it")
                    own_postgres.start()
                    await until(partial(_ended_attempts, servers[0], goal), "the worker reports again")
                gate.touch()
                assert await all_ended(client, [slow, *jobs]) == {"complete": 101}
        await check(servers[0], 101)


async def _is_missed(client: httpx.AsyncClient, job: str, worker: RemoteWorker) -> bool:
    answer = await client.get(f"/edge/v1/proc/job/{job}/status")
    return answer.status_code == 503 and "the server is not reachable" in worker.log.read_text()


@slowly
@pytest.mark.parametrize("trouble", [Trouble.LOST, Trouble.BUSY, Trouble.CUT], ids=lambda trouble: trouble.name.lower())
async def test_the_bucket_fails_while_a_worker_uploads(
    tmp_path: Path, object_store: ObjectStore, trouble: Trouble
) -> None:
    path = offer(tmp_path / "offered", "honest")
    with proxy_to(object_store.url) as proxy:
        flags = (*SERVES_ONLY, *LEASE, "--artifacts", object_store.place())
        with serving(tmp_path / "data", *flags, PYTHONPATH=path, **object_store.environment(proxy.url)) as server:
            async with server.client() as client:
                token = await token_for_workers(client)
                with working(server.url, token, tmp_path / "worker", PYTHONPATH=path):
                    proxy.first(12, trouble, "PUT")  # the server tries six times
                    jobs = await create(client, *[task_of("honest")] * 5)
                    assert [await ended(client, job) for job in jobs] == ["complete"] * 5
                    assert all(["PATH" in await output(client, job) for job in jobs])
            await check(server, 5)


@slowly
async def test_a_storm_at_the_bucket_that_outlasts_a_lease_charges_nobody(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    path = offer(tmp_path / "offered", "honest")
    with proxy_to(object_store.url) as proxy:
        flags = (*SERVES_ONLY, *LEASE, "--artifacts", object_store.place())
        with serving(tmp_path / "data", *flags, PYTHONPATH=path, **object_store.environment(proxy.url)) as server:
            async with server.client() as client:
                token = await token_for_workers(client)
                with working(server.url, token, tmp_path / "worker", PYTHONPATH=path):
                    proxy.always(Trouble.BUSY)
                    [job] = await create(client, task_of("honest"))
                    await until(partial(_is_given_up, server), "an attempt gives up")
                    proxy.always(Trouble.NONE)
                    assert await ended(client, job) == "complete"
            await check(server, 1)


async def _is_given_up(server: Server) -> bool:
    return bool(await server.rows("SELECT 1 FROM attempt"))


@pytest.mark.parametrize("minutes", MINUTES)
async def test_nothing_depends_on_the_clock_of_a_worker(tmp_path: Path, minutes: int) -> None:
    path, step = offer(tmp_path / "offered", "waits", "honest"), tmp_path / "step"
    step.write_bytes(struct.pack("<q", minutes * 60))
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    with serving(tmp_path / "data", *SERVES_ONLY, *LEASE, PYTHONPATH=path) as server:
        async with server.client() as client:
            token = await token_for_workers(client)
            clock, python = str(step), f"{STEPPED}:{path}"
            with working(server.url, token, tmp_path / "worker", PYTHONPATH=python, STEPPED_CLOCK=clock) as worker:
                made = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}), task_of("honest"))
                await until(lambda: bool(lines(runs)), "the engine runs")
                [(first,)] = await server.rows("SELECT MAX(lease_until) FROM work_item")
                await until(partial(_prolonged, server, int(first)), "its lease is prolonged")
                gate.touch()
                assert [await ended(client, job) for job in made] == ["complete"] * 2
                assert worker.stop() == 0
        assert await charged(server) == [("complete", None, True)] * 2
        [(worst,)] = await server.rows("SELECT MAX(ended_at - started_at) FROM attempt")
        assert 0 <= int(worst) < 60_000_000, "the times are those of the server"


async def _prolonged(server: Server, before: int) -> bool:
    [(at,)] = await server.rows("SELECT MAX(lease_until) FROM work_item")
    return int(at) > before
