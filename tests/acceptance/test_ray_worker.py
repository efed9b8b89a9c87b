"""A worker whose engines run on a Ray cluster: what it runs, what it refuses, and what failures of the cluster cost."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.remote import SERVES_ONLY, RemoteWorker, token_for_workers, working
from tests.acceptance.server import Server, create, detail, ended, lines, logs, output, serving, task_of, until
from tests.acceptance.servers import call
from tests.ray_cluster import RayCluster, alive

from enginehouse.engines import processes
from enginehouse.engines.ray import messages

pytestmark = pytest.mark.cluster

PROCESSES = 5  # of the engine `stubborn`
GRACE = 1
CORES = 4  # of the cluster


@dataclass(frozen=True, slots=True)
class House:
    """A server that leaves all work to others, and a worker on the cluster."""

    server: Server
    worker: RemoteWorker
    cluster: RayCluster

    async def why(self, client: httpx.AsyncClient, job: str) -> str:
        """Returns why the job waits."""
        answer = await client.get(f"/api/v1/jobs/{job}/why")
        assert answer.status_code == 200, answer.text
        sentence: str = answer.json()["result"]["sentence"]
        return sentence


async def token_of(server: Server) -> str:
    async with server.client() as client:
        return await token_for_workers(client)


@pytest.fixture(scope="module")
def house(ray_cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("ray")
    with ExitStack() as stack:
        server = stack.enter_context(serving(folder / "data", *SERVES_ONLY, PYTHONPATH=ray_cluster.path))
        worker = stack.enter_context(
            working(
                server.url,
                asyncio.run(token_of(server)),
                folder / "worker",
                *ray_cluster.options(),
                *("--stop-grace-seconds", str(GRACE)),
                environment={"PYTHONPATH": ray_cluster.path, **ray_cluster.access()},
            )
        )
        yield House(server, worker, ray_cluster)


def given(tmp_path: Path) -> dict[str, Any]:
    return {"runs": str(tmp_path / "runs"), "gate": str(tmp_path / "gate")}


async def of_job(server: Server, job: str) -> list[tuple[Any, ...]]:
    """Returns how the attempts of the last job have ended."""
    return [
        (outcome, reason)
        for outcome, reason in await server.rows(
            "SELECT outcome, failure_reason FROM attempt WHERE job_id = (SELECT MAX(id) FROM job) ORDER BY token"
        )
    ]


async def test_a_host_that_is_killed_costs_one_attempt_and_leaves_no_process(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with house.server.client() as client:
        before = house.cluster.hosts()
        [job] = await create(client, task_of("waits", {**given(tmp_path), "fork": True}))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        first = set(lines(runs))
        [host] = [pid for pid in house.cluster.hosts() - before if first & set(processes.descendants(pid))]
        os.kill(host, signal.SIGKILL)
        await until(lambda: len(lines(runs)) == 4, "another host is at the task")
        await until(lambda: not any(map(alive, first)), "nothing of the first engine is left")
        (tmp_path / "gate").touch()
        assert await ended(client, job) == "complete"
        assert await of_job(house.server, job) == [("lost", "worker_lost"), ("complete", None)]
        assert await house.server.rows("SELECT COUNT(*) FROM artifact WHERE job_id = (SELECT MAX(id) FROM job)") == [
            (1,)
        ]


async def test_a_cancel_leaves_nothing_of_a_running_engine(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with house.server.client() as client:
        [job] = await create(client, task_of("stubborn", given(tmp_path)))
        await until(lambda: len(lines(runs)) == PROCESSES, "the engine is at work")
        pids = set(lines(runs))
        answer = await client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job, "includeRunning": True})
        assert answer.json() == {"success": True, "count": 1, "stopping": 1}

        async def is_aborted() -> bool:
            if (await detail(client, job))["jobStatus"] != "aborted":
                return False
            assert not any(map(alive, pids)), "aborted, and a process of it lives"
            return True

        await until(is_aborted, "the job is aborted")
        assert await of_job(house.server, job) == [("stopped", "stop_requested")]


async def test_idle_hosts_make_room_and_an_engine_sees_only_the_gpu_that_it_has(house: House, tmp_path: Path) -> None:
    async with house.server.client() as client:
        jobs = await create(client, *[task_of("honest")] * CORES)
        assert {await ended(client, job) for job in jobs} == {"complete"}
        [listens, paints, plain] = await create(client, task_of("listens"), task_of("paints"), task_of("honest"))
        assert await ended(client, listens) == "complete"
        assert await ended(client, paints) == "complete"
        assert await output(client, paints) == "0"
        assert await ended(client, plain) == "complete"
        assert "'CUDA_VISIBLE_DEVICES': ''" in await output(client, plain)
        assert "RAY_" not in await output(client, plain)


async def test_large_files_travel_in_pieces(house: House) -> None:
    size = messages.PIECE + (1 << 20)
    swells = {
        "engineId": "swells",
        "correlationTaskId": "a",
        "taskPayloadJSON": json.dumps({"bytes": size}),
        "ioFolders": [{"correlationID": "out", "mode": "stream", "type": "output"}],
    }
    weighs = {
        "engineId": "weighs",
        "correlationTaskId": "b",
        "ioFolders": [{"correlationID": "in", "mode": "stream", "type": "input"}],
    }
    route = {"taskParentId": "a", "taskParentOutputId": "out", "taskChildId": "b", "taskChildInputId": "in"}
    async with house.server.client() as client:
        [job] = await create(client, {"tasks": [swells, weighs], "taskRoutes": [route]})
        assert await ended(client, job) == "complete"
        assert await output(client, job) == str(size)


async def test_what_is_printed_can_be_read_while_the_engine_runs(house: House, tmp_path: Path) -> None:
    async with house.server.client() as client:
        [job] = await create(client, task_of("waits", given(tmp_path)))
        await until(lambda: len(lines(tmp_path / "runs")) == 1, "the engine is running")
        [task] = (await detail(client, job))["tasks"]

        async def is_there() -> bool:
            return await logs(client, task["internalTaskID"]) == ["it waits\n"]

        await until(is_there, "the line is in the log")
        (tmp_path / "gate").touch()
        assert await ended(client, job) == "complete"
        assert await is_there(), "the line is there once"


async def test_what_no_node_has_waits_and_says_so_until_one_has_it(house: House) -> None:
    async with house.server.client() as client:
        [job] = await create(client, task_of("dreams"))

        async def says_so() -> bool:
            return "has 1 CPU and 1 quantum" in await house.why(client, job)

        await until(says_so, "the reason names what is missing")
        assert await of_job(house.server, job) == [], "nothing was leased"
        house.cluster.add(num_cpus=1, resources={"quantum": 1})
        assert await ended(client, job) == "complete"


async def test_a_cluster_that_the_worker_may_not_use_ends_it_with_a_sentence(house: House, tmp_path: Path) -> None:
    said = call(
        *("worker", "run", "--server", house.server.url, "--token", "any", "--data", str(tmp_path / "other")),
        *house.cluster.options(),
        environment={"RAY_AUTH_TOKEN": "x" * 64},
    )
    assert (said.code, "has another token than this worker" in said.err) == (1, True), said
