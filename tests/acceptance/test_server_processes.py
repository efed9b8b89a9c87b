"""`serve --processes 2`: both take requests and run tasks, one may be killed, and a signal to the parent ends both."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.acceptance.server import NOOP, TOKEN, task_of
from tests.acceptance.servers import DEADLINE, Server, call, serving
from tests.postgres import FSYNC, PostgresServer

from enginehouse.engines import processes

LANGUAGE = "sentiment-vader"
_ROOM = ("--native-slots", "3", "--python-slots", "1", "--lease-seconds", "3")
_CREATED = re.compile(r"a request was answered .*\bprocess=(\d).*job/create")


def flags(dsn: str) -> list[str]:
    return ["--processes", "2", "--database", dsn, *(["--allow-unsafe-durability"] if FSYNC == "off" else [])]


@pytest.fixture(scope="module")
def dsn(postgres: PostgresServer, postgres_template: str) -> str:
    return postgres.dsn(asyncio.run(postgres.create(postgres_template)))


@pytest.fixture(scope="module")
def pair(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("processes")
    variables = {"AIWARE_INIT_TOKEN": TOKEN, "ENGINEHOUSE_LOG_LEVEL": "debug", "ENGINEHOUSE_METRICS": "open"}
    with serving(folder / "data", *flags(dsn), *_ROOM, environment=variables) as up:
        yield up
        left, deadline = numbers(up), time.monotonic() + DEADLINE
        up.process.kill()
        up.process.wait(DEADLINE)
        try:
            while alive(left):
                assert time.monotonic() < deadline, "they live on without a parent"
                time.sleep(0.02)
        finally:
            for pid in left:
                processes.send(pid, signal.SIGKILL)


def numbers(server: Server) -> dict[int, int]:
    """Returns the numbers of the server processes by their process ids."""
    found = {}
    for pid in processes.children_of(server.process.pid):
        *_, module, number = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        assert module == b"enginehouse.cli.server_process_main"
        found[pid] = int(number)
    return found


def alive(pids: Iterable[int]) -> bool:
    """Returns True if one of the processes has not ended."""
    return any((seen := processes.stat(pid)) and seen.alive for pid in pids)


def create(server: Server, engine: str, payload: Any = None, *, token: str = TOKEN) -> str:
    """Returns the id of a job, created over a connection of its own."""
    body = {"jobs": [task_of(engine, payload or {})]}
    with server.client(token) as client:
        answer = client.post("/edge/v1/proc/job/create", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["internalJobIds"][0])


def creators(server: Server) -> set[str]:
    """Returns the numbers of the processes that have created jobs, from their log lines."""
    return {found[1] for line in server.heard if (found := _CREATED.search(line))}


def status(server: Server, job: str, *, token: str = TOKEN) -> str:
    """Returns the status of the job after its last event, which a stream tells over a connection of its own."""
    with server.client(token) as client, client.stream("GET", f"/api/v1/jobs/{job}/events/stream") as stream:
        assert "event: end" in stream.iter_lines()
    with server.client(token) as client:
        return str(client.get(f"/edge/v1/proc/job/{job}/status").json()["job"]["jobStatus"])


def workers(dsn: str) -> set[int]:
    """Returns the process ids of the workers that have ended attempts."""
    return {int(name.rpartition(":")[2]) for name in column(dsn, "SELECT DISTINCT worker FROM attempt")}


def jobs_of(dsn: str) -> int:
    """Returns the number of all jobs."""
    [count] = column(dsn, "SELECT COUNT(*) FROM job")
    return int(count)


def column(dsn: str, statement: str) -> list[Any]:
    async def read() -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(read())


def until_counted(server: Server, jobs: int) -> None:
    """Whichever process answers says that so many jobs were created: so it does over many connections in a row."""
    said, deadline = 0, time.monotonic() + DEADLINE
    while said < 16:
        # The text for a format may be some seconds old, so each request has a format of its own.
        accept = {"Accept": f"text/plain; q=0.{time.monotonic_ns()}"}
        lines = httpx.get(f"{server.url}/metrics", headers=accept).text.splitlines()
        [counted] = [float(line.split()[1]) for line in lines if line.startswith("enginehouse_jobs_created_total ")]
        said = said + 1 if counted == jobs else 0
        assert time.monotonic() < deadline, (counted, jobs)
        time.sleep(0.0 if said else 0.1)


def test_both_processes_create_jobs_run_tasks_and_say_which_they_are(pair: Server, dsn: str) -> None:
    jobs = list[str]()
    deadline = time.monotonic() + DEADLINE
    while creators(pair) != {"1", "2"} or workers(dsn) != numbers(pair).keys():
        assert time.monotonic() < deadline, (creators(pair), pair.heard[-10:])
        jobs += [create(pair, NOOP) for _ in range(20)]
    assert {status(pair, job) for job in (*jobs[:3], *jobs[-3:])} == {"complete"}


def test_they_are_one_server_for_people_and_commands(pair: Server) -> None:
    banner = [line for line in pair.heard if "[" not in line]
    assert [line for line in banner if line.startswith("ready: ")] == [f"ready: {pair.url}"]
    assert f"  url       {pair.url}, shared by 2 processes" in banner
    [file] = (pair.data / "servers").iterdir()
    assert f'"pid": {pair.process.pid}' in file.read_text()
    with pair.client(TOKEN) as client:
        found = client.get("/api/v1/workers").json()["result"]
    slots = sorted([worker["slots"].get(pool, 0) for pool in ("native", "python", "http")] for worker in found)
    assert slots == [[1, 0, 0], [2, 1, 32]], "the processes have together what the flags say"


def test_another_server_does_not_get_their_port(pair: Server, dsn: str, tmp_path: Path) -> None:
    port = pair.url.rpartition(":")[2]
    refused = call("serve", "--data", str(tmp_path), *flags(dsn), "--port", port)
    assert refused.code == 1
    [line] = refused.err.splitlines()
    assert f"127.0.0.1:{port}" in line


def test_what_both_cannot_start_with_is_said_once(pair: Server, dsn: str, tmp_path: Path) -> None:
    refused = call("serve", "--data", str(tmp_path / "data"), *flags(dsn), "--port", "0")
    assert refused.code == 1
    [line] = refused.err.splitlines()
    assert "--artifacts" in line


def test_a_process_that_is_killed_runs_again_and_the_other_goes_on_meanwhile(pair: Server, dsn: str) -> None:
    """No number of the whole server goes back."""
    while "1" not in creators(pair):
        create(pair, NOOP)
    until_counted(pair, jobs_of(dsn))
    before = numbers(pair)
    first = next(pid for pid, number in before.items() if number == 1)
    os.kill(first, signal.SIGKILL)
    pair.heard_until("a server process has ended, and is started again")
    jobs = [create(pair, NOOP) for _ in range(20)]
    waiting = create(pair, LANGUAGE, {"text": "I love it."})  # for the first process, which runs these engines
    pair.heard_until("a server process runs again")
    after = numbers(pair)
    assert sorted(after.values()) == [1, 2]
    assert after.keys() & before.keys() == before.keys() - {first}
    jobs.append(create(pair, LANGUAGE, {"text": "I love it."}))
    assert {status(pair, job) for job in (waiting, *jobs[-3:])} == {"complete"}
    until_counted(pair, jobs_of(dsn))


def test_a_signal_ends_all_that_began_at_the_same_moment(empty_postgres_dsn: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, *flags(empty_postgres_dsn)) as server:
        assert sum("admin password" in line for line in server.heard) == 1, "the secrets are made once"
        assert status(server, create(server, NOOP, token=server.token), token=server.token) == "complete"
        left = numbers(server)
        assert len(left) == 2
        assert server.stop() == 0
        assert not alive(left)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/edge/v1/ping")
    assert server.heard[-2:] == ["enginehouse stopping", "enginehouse stopped"]
    assert not list((data / "servers").iterdir())
