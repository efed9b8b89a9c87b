"""kill -9 of the server: acknowledged jobs exist and are complete, nothing is partial, and all of them run."""

import asyncio
import itertools
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import NOOP, Server, create, detail, ended, lines, offer, output, serving, task_of, until
from tests.thorough import THOROUGH

from enginehouse.domain.status import Tally, job_status

CREATES = 1_000 if THOROUGH else 300
CLIENTS = 16
KILLS = {"sqlite": 5, "postgres": 2}  # on PostgreSQL a kill costs leases; three lost ones fail a task
WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
CHUNKER = "8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, which offers the test's engines."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    path = offer(tmp_path / "offered", "waits")
    with serving(tmp_path / "data", "--lease-seconds", "2", database=dsn, PYTHONPATH=path) as started:
        yield started


async def test_acknowledged_jobs_are_there_and_whole_and_run_to_their_end(server: Server) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    clients = _Clients(server, random.Random(seed))
    await clients.create_through_kills(KILLS["sqlite" if server.database is None else "postgres"])
    sys.stdout.write(f"{len(clients.acknowledged)} acknowledged, {clients.unknown} without an answer\n")

    async with server.client() as client:
        await until(lambda: _none_open(client), "every job has ended")
    await _nothing_is_partial(server)
    assert await server.rows("SELECT status, COUNT(*) FROM job GROUP BY status") == [
        ("complete", (await server.rows("SELECT COUNT(*) FROM job"))[0][0])
    ]
    await _is_whole(server, clients.acknowledged)
    assert await server.rows("SELECT job_id FROM work_item") == []
    accepted = await server.rows("SELECT job_id, ordinal, item FROM attempt WHERE outcome = 'complete'")
    assert len(accepted) == len(set(accepted))


async def test_a_task_that_ran_when_the_server_died_runs_again_charged_to_nobody(
    server: Server, tmp_path: Path
) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        [job] = await create(
            client, task_of("waits", {"runs": str(runs), "gate": str(gate), "fork": True}, maxRetries=0)
        )
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
    left = server.engine_processes()
    assert set(lines(runs)) <= left
    server.kill()
    await until(lambda: not server.engine_processes(), "no engine outlives its server", seconds=10)

    server.start()
    gate.touch()
    async with server.client() as client:
        assert await ended(client, job) == "complete"
        assert await output(client, job) == "waited"
    outcomes = await server.rows("SELECT outcome FROM attempt ORDER BY number")
    assert outcomes == [("stopped",), ("complete",)]
    assert await server.rows("SELECT COUNT(*) FROM artifact") == [(1,)]


async def test_a_task_that_a_stop_cut_short_runs_again_charged_to_nobody(server: Server, tmp_path: Path) -> None:
    server.kill()
    server.options = (*server.options, "--drain-seconds", "0.2")
    server.start()
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        [job] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}, maxRetries=0))
        await until(lambda: len(lines(runs)) == 1, "the engine is running")
    assert server.stop() == 0
    assert server.engine_processes() == set()
    assert await server.rows("SELECT outcome, failure_reason FROM attempt") == [("stopped", "server_stopped")]

    server.start()
    gate.touch()
    async with server.client() as client:
        assert await ended(client, job) == "complete"
    assert len(lines(runs)) == 2


class _Clients:
    """Sixteen clients. Each creates one job after the other, and tries the next number when the server dies."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.unknown = 0
        self._server = server
        self._chance = chance
        self._numbers = itertools.count()
        self._up = asyncio.Event()
        self._progress = asyncio.Event()

    async def create_through_kills(self, kills: int) -> None:
        """A thousand jobs are acknowledged, and meanwhile the server was killed `kills` times."""
        self._up.set()
        thresholds = sorted(self._chance.sample(range(20, CREATES - 20), kills))
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._create())
            for threshold in thresholds:
                await self._acknowledged(threshold)
                # Chance decides at which point of a batch the kill comes.
                await asyncio.sleep(self._chance.uniform(0, 0.02))
                self._up.clear()
                self._server.kill()
                await _nothing_is_partial(self._server)
                await asyncio.to_thread(self._server.start)
                self._up.set()

    async def _acknowledged(self, count: int) -> None:
        while len(self.acknowledged) < count:
            self._progress.clear()
            await self._progress.wait()

    async def _create(self) -> None:
        while len(self.acknowledged) < CREATES:
            await self._up.wait()
            async with self._server.client() as client:
                while len(self.acknowledged) < CREATES:
                    job = _job(next(self._numbers))
                    try:
                        answer = await client.post("/edge/v1/proc/job/create", json={"jobs": [job]})
                    except httpx.TransportError:
                        self.unknown += 1
                        break  # the outer loop waits until the server runs again
                    assert answer.status_code == 200, answer.text
                    [job_id] = answer.json()["internalJobIds"]
                    self.acknowledged[job_id] = job
                    self._progress.set()


def _job(number: int) -> dict[str, Any]:
    """Returns a fan-out. In every fiftieth one the engines read and write, in the others they do nothing."""
    return _reading(number) if number % 50 == 0 else _noops(number)


def _noops(number: int) -> dict[str, Any]:
    def task(name: str, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
        folders = [_folder(one, "stream", "input") for one in inputs]
        folders += [_folder(one, "stream", "output") for one in outputs]
        return {
            "engineId": NOOP,
            "correlationTaskId": name,
            "coreTaskId": f"{number}-{name}",
            "taskPayloadJSON": json.dumps({"number": number, "name": name}),
            "ioFolders": folders,
        }

    middle = ("left", "middle", "right")
    return {
        "coreJobID": f"job-{number}",
        "tasks": [
            task("first", [], [f"to-{name}" for name in middle]),
            *(task(name, [f"{name}-in"], [f"{name}-out"]) for name in middle),
            task("last", [f"from-{name}" for name in middle], []),
        ],
        "taskRoutes": [_route("first", f"to-{name}", name, f"{name}-in") for name in middle]
        + [_route(name, f"{name}-out", "last", f"from-{name}") for name in middle],
    }


def _reading(number: int) -> dict[str, Any]:
    def task(name: str, engine: str, payload: Any, *folders: dict[str, Any], **more: Any) -> dict[str, Any]:
        given = {"taskPayloadJSON": json.dumps(payload)} if payload else {}
        named = {"engineId": engine, "correlationTaskId": name, "coreTaskId": f"{number}-{name}"}
        return {**named, **given, "ioFolders": list(folders), **more}

    return {
        "coreJobID": f"job-{number}",
        "tasks": [
            task("read", WEBSTREAM, {"text": f"Sentence number {number}. " * 20}, _folder("raw", "stream", "output")),
            task("split", CHUNKER, None, _folder("whole", "stream", "input"), _folder("parts", "chunk", "output")),
            task(
                "write",
                WRITER,
                None,
                _folder("all", "chunk", "input"),
                parentMustBeCompleteBeforeStarting=True,
            ),
        ],
        "taskRoutes": [_route("read", "raw", "split", "whole"), _route("split", "parts", "write", "all")],
    }


def _folder(reference: str, mode: str, kind: str) -> dict[str, Any]:
    return {"correlationID": reference, "mode": mode, "type": kind}


def _route(parent: str, output: str, child: str, into: str) -> dict[str, Any]:
    return {"taskParentId": parent, "taskParentOutputId": output, "taskChildId": child, "taskChildInputId": into}


async def _none_open(client: httpx.AsyncClient) -> bool:
    for status in ("pending", "queued", "running"):
        if (await client.get("/edge/v1/proc/jobs", params={"status": status, "limit": "1"})).json()["count"]:
            return False
    return True


async def _nothing_is_partial(server: Server) -> None:
    """Every job has its document, exactly its tasks, and the status that follows from them.

    Everything belongs to a job.
    """
    documents = {row[0]: json.loads(row[1]) for row in await server.rows("SELECT job_id, document FROM job_document")}
    tasks: dict[int, list[str]] = defaultdict(list)
    for job_id, status in await server.rows("SELECT job_id, status FROM task ORDER BY job_id, ordinal"):
        tasks[job_id].append(status)
    jobs = await server.rows(
        "SELECT id, organization_id, status, cancelled, started_at, tasks_total, tasks_queued, tasks_running,"
        " tasks_complete, tasks_failed, tasks_aborted FROM job"
    )
    ids = {job[0] for job in jobs}
    assert set(documents) == ids
    assert set(tasks) == ids
    counted = Counter[tuple[int, str]]()
    for job_id, organization_id, status, cancelled, started_at, *numbers in jobs:
        assert len(documents[job_id]["tasks"]) == len(tasks[job_id]) == numbers[0]
        found = Counter(tasks[job_id])
        words = ("queued", "running", "complete", "failed", "aborted")
        assert [found[word] for word in words] == numbers[1:]
        tally = Tally(len(tasks[job_id]), *(found[word] for word in words))
        assert status == job_status(
            tally, cancel_accepted=bool(cancelled), attempts_open=0, ever_started=started_at is not None
        )
        counted[organization_id, status] += 1
    kept = await server.rows("SELECT organization_id, status, jobs FROM job_count WHERE engine_id = '' AND reason = ''")
    sums = Counter[tuple[int, str]]()
    for organization_id, status, count in kept:
        sums[organization_id, status] += int(count)
    assert +sums == counted
    for table in ("work_item", "attempt", "artifact", "event"):
        strays = await server.rows(
            f"SELECT x.job_id FROM {table} x LEFT JOIN job j ON j.id = x.job_id WHERE j.id IS NULL"
        )
        assert strays == [], table
    loose = "SELECT w.job_id FROM work_item w LEFT JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal"
    assert (
        await server.rows(f"{loose} WHERE t.job_id IS NULL OR t.status NOT IN ('pending', 'queued', 'running')") == []
    )


async def _is_whole(server: Server, acknowledged: dict[str, dict[str, Any]]) -> None:
    """Every acknowledged job is shown with everything that was sent."""
    waiting = iter(acknowledged.items())

    async def look() -> None:
        async with server.client() as client:
            for job_id, sent in waiting:
                shown = await detail(client, job_id)
                assert shown["coreJobID"] == sent["coreJobID"]
                assert [_shown(task) for task in shown["tasks"]] == [_sent(task) for task in sent["tasks"]]
                assert len(shown["taskRoutes"]) == len(sent["taskRoutes"])

    await asyncio.gather(*(look() for _ in range(CLIENTS)))


def _sent(task: dict[str, Any]) -> Any:
    folders = [(one["correlationID"], one["mode"], one["type"]) for one in task["ioFolders"]]
    payload = json.loads(task.get("taskPayloadJSON", "null"))
    return task["engineId"], task["correlationTaskId"], task["coreTaskId"], payload, folders


def _shown(task: dict[str, Any]) -> Any:
    folders = [(one["correlationId"], one["mode"], one["type"]) for one in task["ioFolders"]]
    payload = json.loads(task.get("taskPayloadJSON", "null"))
    return task["engineID"], task["correlationTaskId"], task["coreTaskID"], payload, folders
