"""A Ray cluster loses hosts, nodes and its head, and its worker is killed: no job is lost, no result counts twice.

`make chaos` runs it: each test has a cluster of its own, and waits for what Ray takes to notice.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.remote import SERVES_ONLY, RemoteWorker, token_for_workers, working
from tests.acceptance.server import Server, create, detail, ended, lines, serving, task_of, until
from tests.object_store import free_ports
from tests.ray_cluster import NODES, RayCluster, alive, started
from tests.thorough import THOROUGH

pytestmark = pytest.mark.skipif(not THOROUGH, reason="it waits minutes for what Ray notices: make chaos")

LEASE = 30  # seconds; what follows a lost node must not wait for it
HEAD = {"num_cpus": 0}
PATIENCE = 10  # seconds after which Ray ends a process that has lost its head


@dataclass(frozen=True, slots=True)
class House:
    server: Server
    worker: RemoteWorker
    cluster: RayCluster

    async def attempts(self) -> list[tuple[Any, ...]]:
        return await self.server.rows("SELECT outcome, failure_reason FROM attempt ORDER BY token")

    async def balanced(self, jobs: list[str]) -> None:
        """Every job is complete, with one accepted attempt and one result."""
        async with self.server.client() as client:
            assert {await ended(client, job, seconds=300) for job in jobs} == {"complete"}
        accepted = "SELECT job_id, COUNT(*) FROM attempt WHERE outcome = 'complete' GROUP BY job_id"
        results = "SELECT job_id, COUNT(*) FROM artifact GROUP BY job_id"
        for statement in (accepted, results):
            assert [count for _, count in await self.server.rows(statement)] == [1] * len(jobs), statement
        assert await self.server.rows("SELECT COUNT(*) FROM work_item") == [(0,)]


def housed(cluster: RayCluster, folder: Path, stack: ExitStack, **environment: str) -> House:
    """Returns a server that leaves all work to a worker on the cluster."""
    server = stack.enter_context(
        serving(folder / "data", *SERVES_ONLY, "--lease-seconds", str(LEASE), PYTHONPATH=cluster.path)
    )

    async def token() -> str:
        async with server.client() as client:
            return await token_for_workers(client)

    given = {"PYTHONPATH": cluster.path, **cluster.access(), **environment}
    worker = working(
        server.url, asyncio.run(token()), folder / "worker", *cluster.options(), "--stop-grace-seconds", "1",
        environment=given,
    )  # fmt: skip
    return House(server, stack.enter_context(worker), cluster)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        cluster = stack.enter_context(started(HEAD, *NODES))
        yield housed(cluster, tmp_path, stack)


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[House]:
    """Yields a house on a cluster without the variable: Ray ends the keeper of a host together with the host."""
    with ExitStack() as stack:
        cluster = stack.enter_context(started(*NODES[:1], RAY_kill_child_processes_on_worker_exit="1"))
        yield housed(cluster, tmp_path, stack)


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[House]:
    """Yields a house on a cluster that can come back under its address, and a worker that Ray ends soon without it."""
    [port] = free_ports(1)
    with ExitStack() as stack:
        cluster = stack.enter_context(started(HEAD | {"gcs_server_port": port}, *NODES))
        yield housed(cluster, tmp_path, stack, RAY_gcs_rpc_server_reconnect_timeout_s=str(PATIENCE))


def waiting(tmp_path: Path, **more: Any) -> dict[str, Any]:
    return task_of("waits", {"runs": str(tmp_path / "runs"), "gate": str(tmp_path / "gate"), **more})


async def test_a_lost_node_costs_seconds_and_one_attempt(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with house.server.client() as client:
        [job] = await create(client, waiting(tmp_path, fork=True))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        first = set(lines(runs))
        [host] = house.cluster.hosts()
        lost = next(number for number in (1, 2) if host in house.cluster.below(number))
        began = time.monotonic()
        house.cluster.kill(lost)
        await until(lambda: not any(map(alive, first)), "nothing of the engine is left", seconds=5)

        async def has_ended() -> bool:
            return bool(await house.attempts())

        await until(has_ended, "the attempt has ended", seconds=began + 5 - time.monotonic())
        await until(lambda: len(lines(runs)) == 4, "another has started", seconds=began + 8 - time.monotonic())
        (tmp_path / "gate").touch()
    await house.balanced([job])
    assert await house.attempts() == [("lost", "worker_lost"), ("complete", None)]


async def test_a_lost_worker_leaves_nothing_on_the_nodes(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with house.server.client() as client:
        [job] = await create(client, waiting(tmp_path, fork=True))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        first = set(lines(runs))
        house.worker.kill()
        await until(lambda: not any(map(alive, first)), "nothing of the engine is left", seconds=20)
        house.worker.start()
        await until(lambda: len(lines(runs)) == 4, "it runs again", seconds=LEASE + 20)
        (tmp_path / "gate").touch()
    await house.balanced([job])


async def test_the_next_host_ends_what_a_node_has_left(careless: House, tmp_path: Path) -> None:
    house, runs = careless, tmp_path / "runs"
    async with house.server.client() as client:
        [job] = await create(client, waiting(tmp_path, fork=True))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        first = set(lines(runs))
        assert "a node may leave processes of engines behind" in house.worker.log.read_text()
        house.worker.kill()
        await until(lambda: not house.cluster.hosts(), "Ray has ended the host", seconds=30)
        house.worker.start()
        await until(lambda: len(lines(runs)) == 4, "it runs again", seconds=LEASE + 20)
        assert not any(map(alive, first)), "what was left has ended"
        (tmp_path / "gate").touch()
    await house.balanced([job])


async def test_a_frozen_host_is_stopping_until_it_is_dead(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    async with house.server.client() as client:
        [job] = await create(client, waiting(tmp_path, fork=True))
        await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
        pids = set(lines(runs))
        [host] = house.cluster.hosts()
        os.kill(host, signal.SIGSTOP)
        answer = await client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job, "includeRunning": True})
        assert answer.json() == {"success": True, "count": 1, "stopping": 1}

        async def is_aborted() -> bool:
            if (await detail(client, job))["jobStatus"] != "aborted":
                return False
            assert not any(map(alive, pids | {host})), "aborted, and a process of it lives"
            return True

        await until(is_aborted, "the job is aborted", seconds=60)
    assert await house.attempts() == [("stopped", "stop_requested")]


async def test_without_a_head_what_runs_ends_and_nothing_starts(fragile: House, tmp_path: Path) -> None:
    """And Ray ends the worker's process. What starts it again finds the cluster when it is back."""
    house, cluster = fragile, fragile.cluster
    port = int(cluster.address.rpartition(":")[2])
    async with house.server.client() as client:
        [running] = await create(client, waiting(tmp_path))
        await until(lambda: len(lines(tmp_path / "runs")) == 1, "the engine is running")
        cluster.kill_head()
        [later] = await create(client, task_of("honest"))

        async def says_so() -> bool:
            why = (await client.get(f"/api/v1/jobs/{later}/why")).json()["result"]["sentence"]
            return f"the Ray cluster at {cluster.address} does not answer" in why

        await until(says_so, "the reason is the cluster", seconds=PATIENCE + 5)
        (tmp_path / "gate").touch()
        assert await ended(client, running) == "complete"
        process = house.worker.process
        assert process is not None
        assert await asyncio.to_thread(process.wait, 120) != 0, "Ray has ended it"
        cluster.stop()
        house.worker.begin()
        await until(lambda: "does not answer" in house.worker.log.read_text(), "it waits for the cluster")
        cluster.start(HEAD | {"gcs_server_port": port}, *NODES)
        await asyncio.to_thread(house.worker.await_ready)
    await house.balanced([running, later])


async def test_jobs_end_once_whatever_befalls_the_cluster(house: House) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
    sys.stdout.write(f"\nseed {seed}\n")
    chance = random.Random(seed)
    async with house.server.client() as client:
        jobs = await create(client, *[task_of("honest")] * 400)

        async def done() -> int:
            [(count,)] = await house.server.rows("SELECT COUNT(*) FROM attempt WHERE outcome = 'complete'")
            return int(count)

        for strike in range(8):
            target = (strike + 1) * 40

            async def enough(target: int = target) -> bool:
                return await done() >= target

            await until(enough, f"{target} are complete", seconds=120)
            match chance.choice(["host", "node", "worker"]):
                case "host":
                    for host in list(house.cluster.hosts())[:1]:
                        os.kill(host, signal.SIGKILL)
                case "node":
                    house.cluster.add(**NODES[0])
                    house.cluster.kill(len(house.cluster.raylets) - 2)
                case _:
                    house.worker.kill()
                    house.worker.start()
    await house.balanced(jobs)
    assert {outcome for outcome, _ in await house.attempts()} <= {"complete", "lost", "stopped"}
