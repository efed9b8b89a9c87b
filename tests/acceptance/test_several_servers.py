"""Several servers on one PostgreSQL and one data folder: they start, leave, are killed, and every job ends once."""

import asyncio
import inspect
import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.acceptance import sample_failing
from tests.acceptance.server import CHECKOUT, TOKEN, Server, create, detail, ended, lines, logs, offer, task_of, until
from tests.acceptance.servers import call
from tests.acceptance.test_http_engines import program
from tests.acceptance.toolchains import missing

JOBS = 40
_PAGE = CHECKOUT / "docs/how-to/run-several-servers.md"
_FLAGS = ("--lease-seconds", "3", "--drain-seconds", "1", "--python-slots", "2")


@asynccontextmanager
async def fleet(data: Path, dsn: str, count: int, *more: str) -> AsyncIterator[list[Server]]:
    """Yields started servers that began at the same moment, and then more of them, if the test adds some."""
    settings = {"PYTHONPATH": offer(data.parent / "installed", "waits", "honest")}
    servers = [Server(data, dsn, (*_FLAGS, *more), settings, name=f"-{number}") for number in range(count)]
    try:
        for server in servers:
            server.begin()
        for server in servers:
            await asyncio.to_thread(server.await_ready)
        yield servers
    finally:
        for server in servers:
            if server.process is not None and server.process.poll() is None:
                server.kill()


async def test_two_servers_start_at_once_on_an_empty_database(empty_postgres_dsn: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with fleet(data, empty_postgres_dsn, 2) as (one, two):
        assert len(list((data / "servers").iterdir())) == 2
        assert await one.rows("SELECT COUNT(*) FROM user_account") == [(1,)]
        async with one.client() as here, two.client() as there:
            [job] = await create(here, task_of("sentiment-vader", {"text": "I love it."}))
            assert await ended(there, job) == "complete"
        one.kill()
        found = call("job", "list", "--json", environment={"ENGINEHOUSE_DATA": str(data), "ENGINEHOUSE_TOKEN": TOKEN})
        assert found.code == 0, found.err
        assert job in found.out, "the command did not find the server that is left"


async def test_a_job_is_followed_and_its_log_read_through_any_server(postgres_dsn: str, tmp_path: Path) -> None:
    async with fleet(tmp_path / "data", postgres_dsn, 2) as (one, two), one.client() as here, two.client() as there:
        [job] = await create(here, task_of("honest"))
        events = await _followed(there, job)
        assert events[-2:] == ["completed", "end"]
        [task] = (await detail(there, job))["tasks"]
        assert await logs(here, task["internalTaskID"]) == await logs(there, task["internalTaskID"])


async def test_servers_leave_are_killed_and_join_under_load(postgres_dsn: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with fleet(data, postgres_dsn, 2) as servers:
        one, two = servers
        async with one.client() as client:
            made = await create(client, *[task_of("waits", {"runs": str(runs), "gate": str(gate)})] * JOBS)
            await until(lambda: len(lines(runs)) >= 4, "both servers work on jobs")
        one.kill()
        three = Server(data, postgres_dsn, one.options, one.environment, name="-3")
        servers.append(three)
        await asyncio.to_thread(three.start)
        leaving = asyncio.create_task(asyncio.to_thread(two.stop))
        await until(lambda: len(lines(runs)) >= 6, "the third server works on jobs")
        gate.touch()
        async with three.client() as client:
            assert Counter([await ended(client, job) for job in made]) == {"complete": JOBS}
            assert await leaving == 0
            done = await three.rows(
                "SELECT job_id, ordinal, item, COUNT(*) FROM attempt WHERE outcome = 'complete' GROUP BY 1, 2, 3"
            )
            assert len(done) == JOBS
            assert {row[3] for row in done} == {1}, "an item was accepted twice"
            assert await three.rows("SELECT COUNT(*), COUNT(DISTINCT job_id) FROM artifact") == [(JOBS, JOBS)]


async def test_a_load_balancer_goes_on_while_servers_are_killed(postgres_dsn: str, tmp_path: Path) -> None:
    if (program := shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        sentence = "haproxy is missing; install it to test the load balancer of docs/how-to/run-several-servers.md"
        missing(sentence)
    async with fleet(tmp_path / "data", postgres_dsn, 2, "--trusted-proxy", "127.0.0.1") as (one, two):
        # The client has another address than the load balancer, on the same machine.
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9", verify=False)
        async with (
            _balancing(program, tmp_path / "haproxy.cfg", one.url, two.url) as url,
            httpx.AsyncClient(
                base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, transport=transport, timeout=30
            ) as client,
        ):
            await until(lambda: _answers(client), "the load balancer has found a server")
            jobs = await create(client, task_of("honest"))
            assert await two.rows("SELECT DISTINCT client_ip FROM audit_entry WHERE client_ip IS NOT NULL") == [
                ("127.0.0.9",)
            ]
            one.kill()
            jobs += [job for _ in range(10) for job in await create(client, task_of("honest"))]
            assert {await ended(client, job) for job in jobs} == {"complete"}


@asynccontextmanager
async def _balancing(program: str, file: Path, *servers: str) -> AsyncIterator[str]:
    """Yields the URL of a load balancer with the configuration of the page, before these servers."""
    [text] = re.findall(r"```haproxy\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    places = ["10.0.0.5:9000", "10.0.0.11:9000", "10.0.0.12:9000"]
    for place, real in zip(places, [own, *(url.removeprefix("http://") for url in servers)], strict=True):
        assert text.count(place) == 1
        text = text.replace(place, real)
    await asyncio.to_thread(file.write_text, text)
    process = await asyncio.create_subprocess_exec(program, "-db", "-f", file)
    try:
        yield f"http://{own}"
    finally:
        process.kill()
        await process.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/edge/v1/ping")).status_code == 200
    except httpx.TransportError:
        return False


async def _followed(client: httpx.AsyncClient, job: str) -> list[str]:
    """Returns the kinds of the events of the job until its end."""
    async with client.stream("GET", f"/api/v1/jobs/{job}/events/stream") as stream:
        assert stream.status_code == 200
        return [line.removeprefix("event: ") async for line in stream.aiter_lines() if line.startswith("event: ")]


async def test_the_circuit_of_an_engine_over_http_is_shared(postgres_dsn: str, tmp_path: Path) -> None:
    """One server finds out that the engine fails. The other does not call it, and both do when it works again."""
    data, folder = tmp_path / "data", tmp_path / "engine"
    one, two = (Server(data, postgres_dsn, ("--python-slots", "0"), {}, name=f"-{number}") for number in range(2))
    log = folder / "log"
    with program(folder, "failing.py", inspect.getsource(sample_failing)) as engine:

        def requests(word: str) -> list[str]:
            return [line for line in log.read_text().splitlines() if line.startswith(word)]

        try:
            await asyncio.to_thread(one.start)
            async with one.client() as client:
                added = await client.post("/api/v1/engines", json={"name": "Fails", "url": engine.url})
                engine_id = added.json()["result"]["engineID"]
                made = await create(client, *[task_of(engine_id, {"text": "x"}, maxRetries=0)] * 5)
                assert [await ended(client, job) for job in made] == ["failed"] * 5
            assert len(requests("process")) == sample_failing.BREAKS_AFTER
            await asyncio.to_thread(two.start)
            async with two.client() as client:
                waiting = await create(client, *[task_of(engine_id, {"text": "x"})] * 4)
                probes = len(requests("ready"))
                await until(lambda: len(requests("ready")) >= probes + 2, "the engine is probed twice more")
                found = (await client.get(f"/api/v1/jobs/{waiting[0]}/why")).json()["result"]
                assert [reason["kind"] for reason in found["reasons"]] == ["engine_unavailable"]
                assert "5 of its last 10 calls failed" in found["sentence"] or "answered 503" in found["sentence"]
                assert len(requests("process")) == sample_failing.BREAKS_AFTER, "the other server called it"
                (folder / "go").touch()
                assert {await ended(client, job) for job in waiting} == {"complete"}
        finally:
            for server in (one, two):
                if server.process is not None and server.process.poll() is None:
                    server.kill()
