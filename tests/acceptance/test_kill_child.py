"""kill -9 of an engine's process during a task: the task runs again, one result is accepted, no process is left."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.server import Server, create, detail, ended, lines, offer, output, serving, task_of, until


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, which offers the test's engines."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    path = offer(tmp_path / "offered", "waits")
    with serving(tmp_path / "data", database=dsn, PYTHONPATH=path) as started:
        yield started


async def test_the_task_runs_again_and_one_result_is_accepted(server: Server, tmp_path: Path) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        [job] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate), "fork": True}))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        first = set(lines(runs))
        assert first <= server.engine_processes()
        engine = next(pid for pid in first if os.getpgid(pid) == pid and _is_child_of_keeper(server, pid))
        os.kill(engine, signal.SIGKILL)
        await until(lambda: not first & server.engine_processes(), "its fork is gone with it")
        await until(lambda: len(lines(runs)) == 4, "another process is at the task")
        assert (await detail(client, job))["jobStatus"] == "running"
        gate.touch()
        assert await ended(client, job) == "complete"
        assert await output(client, job) == "waited"

    attempts = await server.rows("SELECT number, outcome, failure_reason, failure_message FROM attempt ORDER BY number")
    [(_, _, _, said), _] = attempts
    assert attempts == [(1, "failed", "internal_error", said), (2, "complete", None, None)]
    assert "was ended by SIGKILL before it answered" in said
    assert await server.rows("SELECT COUNT(*) FROM artifact") == [(1,)]
    assert await server.rows("SELECT attempts, status FROM task") == [(2, "complete")]
    second = set(lines(runs)) - first
    await until(lambda: not (first | second) & server.engine_processes(), "what left a fork behind is not kept warm")


async def test_no_engine_process_is_left_after_a_stop(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    async with server.client() as client:
        [job] = await create(client, task_of("waits", {"runs": str(tmp_path / "runs"), "gate": str(gate)}))
        assert await ended(client, job) == "complete"
    assert server.engine_processes() == set(lines(tmp_path / "runs"))  # kept warm
    assert server.stop() == 0
    assert server.engine_processes() == set()


def _is_child_of_keeper(server: Server, pid: int) -> bool:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]) == server.keeper()
