"""Stops running jobs on real servers: no client ever sees `aborted` while a process of the job lives."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import (
    TOKEN,
    Server,
    create,
    detail,
    lines,
    offer,
    serving,
    share,
    task_of,
    until,
)
from tests.acceptance.servers import Said, call
from tests.thorough import on_sqlite

GRACE = 2
PROCESSES = 5  # of the engine `stubborn`

Start = Any


@pytest.fixture(params=["sqlite", "postgres"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Yields a function that starts servers on one database of either kind. They offer the test's engines."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    path = offer(tmp_path / "offered", "waits", "stubborn")

    @contextmanager
    def begin(*options: str, data: str = "data") -> Iterator[Server]:
        with serving(tmp_path / data, *options, database=dsn, PYTHONPATH=path) as server:
            yield server

    return begin


@asynccontextmanager
async def at_work(server: Server, runs: Path, engine: str = "stubborn") -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Yields a job whose processes all run."""
    async with server.client() as client:
        given = {"runs": str(runs), "gate": str(runs.with_name("gate"))}
        [job] = await create(client, task_of(engine, given))
        expected = PROCESSES if engine == "stubborn" else 1
        await until(lambda: len(lines(runs)) == expected, "the engine is at work")
        assert set(lines(runs)) <= server.engine_processes()
        yield client, job


async def stop(client: httpx.AsyncClient, job: str) -> Any:
    answer = await client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job, "includeRunning": True})
    assert answer.status_code == 200, answer.text
    return answer.json()


def command(server: Server, *arguments: str) -> Said:
    return call(
        "job", "cancel", *arguments, environment={"ENGINEHOUSE_DATA": str(server.data), "ENGINEHOUSE_TOKEN": TOKEN}
    )


async def aborted(
    client: httpx.AsyncClient, job: str, server: Server, pids: set[int], *, seconds: float = 60
) -> dict[str, Any]:
    """Returns the job when it is aborted. Fails if it is shown as aborted while one of the processes lives."""
    found: dict[str, Any] = {}

    async def look() -> bool:
        nonlocal found
        found = await detail(client, job)
        if found["jobStatus"] == "aborted":
            assert not pids & server.engine_processes(), "aborted, and a process of it lives"
        return bool(found["jobStatus"] == "aborted")

    await until(look, "the job is aborted", seconds=seconds)
    return found


async def attempts(server: Server) -> list[tuple[Any, ...]]:
    return await server.rows(
        "SELECT outcome, failure_reason, stop_requested_at, stop_signalled_at, ended_at FROM attempt ORDER BY token"
    )


@on_sqlite("start")
async def test_an_engine_that_ends_when_told_is_gone_at_once(start: Start, tmp_path: Path) -> None:
    # The grace is longer than any test may take. Only an engine that got SIGTERM ends earlier.
    with start("--stop-grace-seconds", "3600") as server:
        async with at_work(server, tmp_path / "runs", "waits") as (client, job):
            assert await stop(client, job) == {"success": True, "count": 1, "stopping": 1}
            found = await aborted(client, job, server, set(lines(tmp_path / "runs")))
            assert (found["stopping"], [task["taskStatus"] for task in found["tasks"]]) == (0, ["aborted"])
        [(outcome, reason, requested, signalled, ended)] = await attempts(server)
        assert (outcome, reason) == ("stopped", "stop_requested")
        assert requested < signalled <= ended
        assert await server.rows("SELECT COUNT(*) FROM work_item") == [(0,)]


@on_sqlite("start")
async def test_a_stubborn_tree_has_its_grace_and_is_gone_a_second_later(start: Start, tmp_path: Path) -> None:
    with start("--stop-grace-seconds", str(GRACE)) as server:
        async with at_work(server, tmp_path / "runs") as (client, job):
            await stop(client, job)
            found = await detail(client, job)
            assert (found["jobStatus"], found["stopping"]) == ("running", 1)
            assert [task["taskStatus"] for task in found["tasks"]] == ["running"]
            await aborted(client, job, server, set(lines(tmp_path / "runs")))
        [(outcome, reason, requested, signalled, ended)] = await attempts(server)
        assert (outcome, reason) == ("stopped", "stop_requested")
        assert ended - requested >= GRACE * 1_000_000
        assert ended - signalled <= (GRACE + 1) * 1_000_000


async def test_a_stop_survives_kill_9_of_the_server(start: Start, tmp_path: Path) -> None:
    with start("--stop-grace-seconds", "3600", "--lease-seconds", "3") as server:
        async with at_work(server, tmp_path / "runs") as (client, job):
            assert (await stop(client, job))["stopping"] == 1
        server.kill()
        server.start()
        async with server.client() as client:
            await aborted(client, job, server, set(lines(tmp_path / "runs")))
        [(outcome, reason, *_)] = await attempts(server)
        assert (outcome, reason) == ("stopped", "server_stopped")
        assert len(lines(tmp_path / "runs")) == PROCESSES, "it never ran again"


async def test_a_stop_survives_kill_9_of_the_server_and_of_its_keeper(start: Start, tmp_path: Path) -> None:
    with start("--stop-grace-seconds", "3600", "--lease-seconds", "3") as server:
        async with at_work(server, tmp_path / "runs") as (client, job):
            await stop(client, job)
        keeper = server.keeper()
        server.kill_with(keeper)
        server.start()
        async with server.client() as client:
            await aborted(client, job, server, set(lines(tmp_path / "runs")))
        assert not set(lines(tmp_path / "runs")) & server.engine_processes()


@on_sqlite("start")
async def test_a_server_that_is_stopped_meanwhile_takes_the_tree_along(start: Start, tmp_path: Path) -> None:
    with start("--stop-grace-seconds", "3600", "--drain-seconds", "0") as server:
        async with at_work(server, tmp_path / "runs") as (client, job):
            await stop(client, job)
        assert await asyncio.to_thread(server.stop) == 0
        assert server.engine_processes() == set()
        [(outcome, reason, *_)] = await attempts(server)
        assert (outcome, reason) == ("stopped", "stop_requested")
        assert await server.rows("SELECT status, stopping FROM job") == [("aborted", 0)]


@pytest.mark.parametrize("start", ["postgres"], indirect=True)
async def test_a_stop_asked_of_one_server_reaches_the_one_that_runs_the_job(start: Start, tmp_path: Path) -> None:
    # The lease is so long that no heartbeat comes by itself during the test, and the test is shorter than the time
    # after which a server checks without a notice. So only the notice can arrive.
    share(tmp_path / "asks", tmp_path / "works")
    with (
        start("--lease-seconds", "3600", data="works") as works,
        start("--native-slots", "0", "--python-slots", "0", data="asks") as asks,
    ):
        async with at_work(works, tmp_path / "runs", "waits") as (_, job), asks.client() as client:
            await stop(client, job)
            await aborted(client, job, works, set(lines(tmp_path / "runs")), seconds=30)


@on_sqlite("start")
async def test_the_command_line_stays_until_all_has_stopped(start: Start, tmp_path: Path) -> None:
    with start() as server:
        async with at_work(server, tmp_path / "runs", "waits") as (_, job):
            refused = await asyncio.to_thread(command, server, job)
            assert refused.code != 0
            assert "one of its tasks has started" in refused.err
            said = await asyncio.to_thread(command, server, job, "--include-running", "--wait")
            assert said.code == 0, said.err
            assert not set(lines(tmp_path / "runs")) & server.engine_processes()
            first, second, *_, last = said.out.splitlines()
            assert (first, second) == ("cancelled", "1 running attempt is being stopped")
            assert last.endswith(": aborted")
            again = await asyncio.to_thread(command, server, job, "--include-running", "--wait", "--json")
            answer = {"success": True, "count": 0, "stopping": 0, "jobStatus": "aborted"}
            assert json.loads(again.out) == answer
