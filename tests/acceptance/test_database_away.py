"""PostgreSQL stops under a server and starts again: two lines in the log, and no engine outlives its lease."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.acceptance.server import NOOP, Server, create, ended, lines, offer, serving, task_of, until
from tests.postgres import PostgresServer, started

from enginehouse.engines import processes

GONE = "storage is not reachable"
BACK = "storage is reachable again"
ROUNDS = 8  # attempts of the server to connect; by then the pauses have their greatest length


class Nobody:
    """Listens in the place of PostgreSQL, closes every connection at once, and counts them."""

    def __init__(self, place: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        place.chmod(0o777)
        self._listener.listen()
        self.calls = 0
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@contextmanager
def away(postgres: PostgresServer) -> Iterator[Nobody]:
    """PostgreSQL is stopped inside the block, and runs again after it."""
    postgres.stop()
    nobody = Nobody(postgres.socket)
    try:
        yield nobody
    finally:
        nobody.close()
        postgres.socket.unlink()
        postgres.start()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """Yields a PostgreSQL that the test may stop, because nobody else uses it."""
    with started() as server:
        yield server


def logged(server: Server) -> list[dict[str, object]]:
    """Returns the lines that the server has logged since it was ready."""
    printed = server.log.read_text()
    return [json.loads(line) for line in printed[printed.index("ready: ") :].splitlines() if line.startswith("{")]


def events(server: Server) -> list[object]:
    return [line["event"] for line in logged(server)]


async def test_an_outage_is_two_lines_and_work_goes_on_after_it(tmp_path: Path, postgres: PostgresServer) -> None:
    with serving(tmp_path / "data", "--log-format", "json", database=postgres.dsn()) as server:
        async with server.client() as client:
            [before] = await create(client, task_of(NOOP))
            assert await ended(client, before) == "complete"
            with away(postgres) as nobody:
                await until(lambda: nobody.calls >= ROUNDS, f"the server has tried {ROUNDS} times to connect")
                for _ in range(100):
                    assert (await client.get(f"/edge/v1/proc/job/{before}/status")).status_code == 503
                assert events(server) == [GONE]
            await until(lambda: BACK in events(server), "the server says that the storage is back")
            [after] = await create(client, task_of(NOOP))
            assert await ended(client, after) == "complete"
        assert server.stop() == 0
        assert events(server) == [GONE, BACK]
        last = logged(server)[-1]
        assert last["reports_lost"] == 0
        assert float(str(last["seconds"])) > 0


async def test_an_engine_that_nobody_keeps_a_lease_for_is_ended_while_the_database_is_away(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    path = offer(tmp_path / "offered", "waits")
    options = ("--log-format", "json", "--lease-seconds", "2")
    with serving(tmp_path / "data", *options, database=postgres.dsn(), PYTHONPATH=path) as server:
        async with server.client() as client:
            [job] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}))
            await until(lambda: bool(lines(runs)), "the engine runs")
            [engine] = lines(runs)
            with away(postgres):
                await until(lambda: engine not in server.engine_processes(), "the engine was ended")
                await until(lambda: GONE in events(server), "the outage is known")
            gate.touch()
            assert await _ended(client, job) == "complete"
            await until(lambda: BACK in events(server), "every loop has reached the storage")
        assert server.stop() == 0
        assert len(lines(runs)) == 2
        assert set(events(server)) <= {GONE, BACK, "a late report was refused"}
        assert (events(server).count(GONE), events(server).count(BACK)) == (1, 1)


async def _ended(client: httpx.AsyncClient, job: str) -> str:
    """Returns the final status of a job, like `ended`, from a server that does not answer for a while."""

    async def answers() -> bool:
        return (await client.get(f"/edge/v1/proc/job/{job}/status")).status_code == 200

    await until(answers, "the server answers again")
    return await ended(client, job)


PATHS = (
    ("GET", "/edge/v1/proc/jobs", None),
    ("POST", "/edge/v1/proc/job/create", {"jobs": [task_of(NOOP)]}),
    ("POST", "/v3/graphql", {"query": "{ jobs { count } }"}),
    ("POST", "/v3/graphql", {"query": 'mutation { cancelJob(id: "1") { id } }'}),
    ("GET", "/api/v1/schedules", None),
)


async def test_every_interface_answers_503_while_postgresql_is_frozen(tmp_path: Path, postgres: PostgresServer) -> None:
    options = ("--log-format", "json", "--database-read-seconds", "1", "--database-write-seconds", "1")
    with serving(tmp_path / "data", *options, database=postgres.dsn()) as server:
        async with server.client() as client:
            [job] = await create(client, task_of(NOOP))
            assert await ended(client, job) == "complete"
            assert postgres.pid is not None
            family = [postgres.pid, *processes.descendants(postgres.pid)]
            for pid in family:
                os.kill(pid, signal.SIGSTOP)
            try:
                for known in (False, True):
                    for method, path, body in PATHS:
                        answer = await client.request(method, path, json=body)
                        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), (known, path)
                        assert "The database cannot answer now." in answer.text
                        assert "service_unavailable" in answer.text
            finally:
                for pid in family:
                    os.kill(pid, signal.SIGCONT)
            assert await _ended(client, job) == "complete"
        assert server.stop() == 0
