"""A worker on another machine: it works without a database, and whatever happens to it or to its way to the server."""

import asyncio
import base64
import hashlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.remote import SERVES_ONLY, attempts, cabled, charged, environment_of, token_for_workers, working
from tests.acceptance.server import (
    CHECKOUT,
    NOOP,
    TOKEN,
    Server,
    create,
    detail,
    ended,
    lines,
    offer,
    output,
    serving,
    task_of,
    until,
)
from tests.acceptance.servers import call
from tests.thorough import THOROUGH

LEASE = 3
_FLAGS = (*SERVES_ONLY, "--lease-seconds", str(LEASE))
PROCESSES = 5  # of the engine `stubborn`
_PAGE = CHECKOUT / "docs/how-to/run-workers.md"


@pytest.fixture
def offered(tmp_path: Path) -> str:
    return offer(tmp_path / "offered", "waits", "stubborn", "honest", "speaks")


@pytest.fixture(params=[*(["sqlite"] if THOROUGH else []), "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path, offered: str) -> Iterator[Server]:
    """Yields a server that takes requests and leaves all work to others."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    with serving(tmp_path / "data", *_FLAGS, database=dsn, PYTHONPATH=offered) as started:
        yield started


@pytest.fixture
def sqlite_server(tmp_path: Path, offered: str) -> Iterator[Server]:
    with serving(tmp_path / "data", *_FLAGS, PYTHONPATH=offered) as started:
        yield started


def given(tmp_path: Path) -> dict[str, Any]:
    return {"runs": str(tmp_path / "runs"), "gate": str(tmp_path / "gate")}


async def test_it_works_without_a_credential_for_the_database(server: Server, tmp_path: Path, offered: str) -> None:
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", "--json", PYTHONPATH=offered) as worker:
            assert "ENGINEHOUSE_DATABASE" not in environment_of(worker.pid)
            assert server.database is None or server.database not in worker.command()
            [shown] = (await client.get("/api/v1/workers")).json()["result"]
            assert shown["name"].startswith("remote/")
            jobs = await create(client, *[task_of("honest")] * 5, task_of(NOOP))
            assert {await ended(client, job) for job in jobs} == {"complete"}
            assert "PYTHONPATH" in await output(client, jobs[0])
            assert await charged(server) == [("complete", None, True)] * 6
            assert worker.stop() == 0
            assert (await client.get("/api/v1/workers")).json()["result"] == []
        assert worker.engine_processes() == set()
        assert [*(tmp_path / "worker" / "session").iterdir()] == []


async def test_kill_9_costs_one_attempt_and_leaves_no_process(server: Server, tmp_path: Path, offered: str) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered) as first:
            [job] = await create(client, task_of("waits", {**given(tmp_path), "fork": True}))
            await until(lambda: len(lines(runs)) == 2, "the engine and its fork are running")
            assert set(lines(runs)) <= first.engine_processes()
            first.kill()
            await until(lambda: not first.engine_processes(), "nothing of the engine is left")
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered):
            await until(lambda: len(lines(runs)) == 4, "another worker is at the task")
            gate.touch()
            assert await ended(client, job) == "complete"
    assert await charged(server) == [("lost", "worker_lost", True), ("complete", None, True)]
    assert await server.rows("SELECT COUNT(*) FROM artifact") == [(1,)]


async def test_a_frozen_worker_comes_back_too_late(server: Server, tmp_path: Path, offered: str) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", "--python-slots", "2", PYTHONPATH=offered) as frozen:
            stays = {"runs": str(tmp_path / "other"), "gate": str(tmp_path / "never")}
            job, other = await create(client, task_of("waits", given(tmp_path)), task_of("waits", stays))
            await until(lambda: len(lines(runs)) + len(lines(tmp_path / "other")) == 2, "both engines are running")
            late = set(lines(tmp_path / "other"))
            os.kill(frozen.pid, signal.SIGSTOP)
            await until(lambda: _has_ended(server, 2), "both leases have run out")
            with working(server.url, token, tmp_path / "another", PYTHONPATH=offered):
                await until(lambda: len(lines(runs)) == 2, "another worker is at the task")
                gate.touch()
                assert await ended(client, job) == "complete"
                os.kill(frozen.pid, signal.SIGCONT)
                await until(lambda: not late & frozen.engine_processes(), "the fence has ended the engine")
                await until(lambda: "a late report was refused" in frozen.log.read_text(), "its result is refused")
            assert await server.rows("SELECT COUNT(*) FROM artifact") == [(1,)]
            assert (
                await client.post("/edge/v1/proc/jobs/cancel", json={"jobID": other, "includeRunning": True})
            ).json()
    assert await server.rows("SELECT COUNT(*) FROM attempt WHERE outcome = 'complete'") == [(1,)]


async def _has_ended(server: Server, count: int) -> bool:
    return len(await server.rows("SELECT 1 FROM attempt")) >= count


async def test_a_cancel_leaves_nothing_of_a_running_engine(server: Server, tmp_path: Path, offered: str) -> None:
    runs, grace = tmp_path / "runs", 1
    async with server.client() as client:
        token = await token_for_workers(client)
        options = ("--stop-grace-seconds", str(grace))
        with working(server.url, token, tmp_path / "worker", *options, PYTHONPATH=offered) as worker:
            [job] = await create(client, task_of("stubborn", given(tmp_path)))
            await until(lambda: len(lines(runs)) == PROCESSES, "the engine is at work")
            pids = set(lines(runs))
            answer = await client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job, "includeRunning": True})
            assert answer.json() == {"success": True, "count": 1, "stopping": 1}

            async def is_aborted() -> bool:
                if (await detail(client, job))["jobStatus"] != "aborted":
                    return False
                assert not pids & worker.engine_processes(), "aborted, and a process of it lives"
                return True

            await until(is_aborted, "the job is aborted")
    [(outcome, reason, requested, signalled, at)] = await server.rows(
        "SELECT outcome, failure_reason, stop_requested_at, stop_signalled_at, ended_at FROM attempt"
    )
    assert (outcome, reason) == ("stopped", "stop_requested")
    assert requested < signalled <= at
    assert at - requested >= grace * 1_000_000


async def test_it_goes_on_over_a_restart_of_the_server(tmp_path: Path, offered: str) -> None:
    runs = tmp_path / "runs"
    with serving(tmp_path / "data", *SERVES_ONLY, "--lease-seconds", "60", PYTHONPATH=offered) as server:
        await _restarted_meanwhile(server, tmp_path, offered)
    assert await charged(server) == [("complete", None, True)] * 2
    assert len(lines(runs)) == 1, "it never ran again"


async def _restarted_meanwhile(server: Server, tmp_path: Path, offered: str) -> None:
    async with server.client() as client:
        token = await token_for_workers(client)
        [job] = await create(client, task_of("waits", given(tmp_path)))
    port, runs = server.url.rpartition(":")[2], tmp_path / "runs"
    with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered) as worker:
        await until(lambda: len(lines(runs)) == 1, "the engine is running")
        server.kill()
        (tmp_path / "gate").touch()
        await until(lambda: "the server is not reachable" in worker.log.read_text(), "the worker misses it")
        server.options = (*server.options, "--port", port)
        server.start()
        async with server.client() as client:
            assert await ended(client, job) == "complete"
            # New work ends the worker's long request for it, and with it what it holds for the outage.
            [another] = await create(client, task_of("honest"))
            assert await ended(client, another) == "complete"
            await until(lambda: "the server is reachable again" in worker.log.read_text(), "the worker is back")
            assert len((await client.get("/api/v1/workers")).json()["result"]) == 1


async def test_a_cut_network_costs_the_attempt_and_no_result(server: Server, tmp_path: Path, offered: str) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client, cabled(server.url) as cable:
        token = await token_for_workers(client)
        with working(cable.url, token, tmp_path / "worker", wait=False, PYTHONPATH=offered) as worker:
            await asyncio.to_thread(worker.await_ready)
            [job] = await create(client, task_of("waits", given(tmp_path)))
            await until(lambda: len(lines(runs)) == 1, "the engine is running")
            cable.is_cut = True
            await until(lambda: not set(lines(runs)) & worker.engine_processes(), "the fence has ended the engine")
            await until(lambda: _has_ended(server, 1), "the lease has run out")
            gate.touch()
            cable.mend()
            assert await ended(client, job) == "complete"
    assert await charged(server) == [("lost", "worker_lost", True), ("complete", None, True)]


async def test_the_token_of_another_organization_sees_nothing(server: Server, tmp_path: Path, offered: str) -> None:
    async with server.client() as client:
        made = await client.post("/api/v1/organizations", json={"name": "Other"})
        other = made.json()["result"]["organizationID"]
        token = await token_for_workers(client, organizationIDs=[other])
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered):
            [job] = await create(client, task_of("honest"))
            root = await client.post("/api/v1/tokens", json={"organizationID": other})
            async with server.client(root.json()["result"]["token"]) as stranger:
                [theirs] = await create(stranger, task_of("honest"))
                assert await ended(stranger, theirs) == "complete"
            assert (await detail(client, job))["jobStatus"] in ("pending", "queued")
        async with server.client(token) as worker:
            for method, path in (
                ("GET", f"/api/v1/jobs/{job}"),
                ("GET", "/edge/v1/proc/jobs"),
                ("GET", "/api/v1/tokens"),
            ):
                assert (await worker.request(method, path)).status_code == 403
            said = await worker.post("/v3/graphql", json={"query": "{ me { id } }"})
            assert said.json()["errors"][0]["name"] == "not_allowed"
        assert (
            await client.post("/api/v1/instances", json={"wireVersion": 1, "name": "x", "slots": {}})
        ).status_code == 403


async def test_an_input_whose_bytes_are_gone_is_not_the_engines_fault(
    sqlite_server: Server, tmp_path: Path, offered: str
) -> None:
    server = sqlite_server
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", "--native-slots", "0", PYTHONPATH=offered):
            job = (await client.post("/v3/graphql", json={"query": GRAPH})).json()["data"]["createJob"]["id"]
            await until(lambda: _has_chunks(server), "the first task has written")
        for _, key in await server.rows("SELECT 1, storage_key FROM artifact"):
            (server.data / "artifacts" / "kept" / str(key)).unlink()
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered):
            assert await ended(client, job) == "failed"
    failures = await server.rows("SELECT failure_reason, failure_message FROM attempt WHERE outcome = 'failed'")
    assert set(failures) == {("stream_read_error", "The stored bytes are missing.")}


GRAPH = """mutation { createJob(input: {
  tasks: [
    {engineId: "speaks", ioFolders: [{referenceId: "a", mode: chunk, type: output}]}
    {engineId: "output-writer", ioFolders: [{referenceId: "b", mode: chunk, type: input}],
     executionPreferences: {parentCompleteBeforeStarting: true}}
  ]
  routes: [{parentIoFolderReferenceId: "a", childIoFolderReferenceId: "b"}]
}) { id } }"""


async def _has_chunks(server: Server) -> bool:
    return bool(await server.rows("SELECT 1 FROM artifact"))


async def test_an_upload_counts_once_and_only_as_what_it_says(sqlite_server: Server) -> None:
    server = sqlite_server
    async with server.client() as client:
        token = await token_for_workers(client)
        [job] = await create(client, task_of("honest"))
        async with server.client(token) as worker:
            body = {"wireVersion": 1, "name": "by-hand", "slots": {"python": 1}, "engines": [_declared("honest")]}
            found = (await worker.post("/api/v1/instances", json=body)).json()
            base = f"/api/v1/instances/{found['instanceID']}"
            said = (await worker.post(f"{base}/exchange", json={"claims": {"python": 1}})).json()
            [work] = said["work"]
            place = f"{base}/items/{work['lease']}/outputs/000000-a.txt"
            first = await _put(worker, place, b"one")
            assert first.status_code == 200, first.text
            assert f"/{work['lease'].split('.')[3]}/" in first.json()["result"]["key"]
            assert (await _put(worker, place, b"one")).json() == first.json()
            assert (await _put(worker, place, b"two")).status_code == 400
            assert (await _put(worker, place.replace("000000", "000001"), b"cut", digest=b"other")).status_code == 400
            assert (await worker.put(place, content=b"one")).status_code == 400
            stored = first.json()["result"]
            output_ = {"folder": -1, "part": 0, "index": 0, "name": "a.txt", "mediaType": "text/plain", **stored}
            output_.pop("md5")
            report = {"reports": [{"lease": work["lease"], "outputs": [output_]}]}
            answers = [(await worker.post(f"{base}/exchange", json=report)).json()["answers"] for _ in range(2)]
            assert [one["status"] for [one] in answers] == ["accepted", "stale"]
            assert (await _put(worker, place, b"one")).status_code == 409
        assert await ended(client, job) == "complete"
        assert await output(client, job) == "one"


async def _put(client: httpx.AsyncClient, path: str, data: bytes, *, digest: bytes | None = None) -> httpx.Response:
    sha256 = base64.b64encode(hashlib.sha256(data if digest is None else digest).digest()).decode()
    return await client.put(path, content=data, headers={"Content-Digest": f"sha-256=:{sha256}:"})


def _declared(name: str) -> dict[str, Any]:
    return {"id": name, "name": name, "categoryID": "67cd4dd0-2f75-445d-a6f0-2f297d6cd182", "kind": "python"}


async def test_a_stop_lets_the_work_end_and_a_second_one_gives_it_back(
    sqlite_server: Server, tmp_path: Path, offered: str
) -> None:
    server, runs, gate = sqlite_server, tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered) as worker:
            [job] = await create(client, task_of("waits", given(tmp_path)))
            await until(lambda: len(lines(runs)) == 1, "the engine is running")
            assert worker.process is not None
            worker.process.send_signal(signal.SIGTERM)
            await until(lambda: "waiting for running attempts" in worker.log.read_text(), "it drains")
            [second] = await create(client, task_of("honest"))
            gate.touch()
            assert await ended(client, job) == "complete"
            assert await asyncio.to_thread(worker.process.wait, 60) == 0
            assert (await detail(client, second))["jobStatus"] in ("pending", "queued")
        gate.unlink()
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered) as worker:
            assert await ended(client, second) == "complete"
            [third] = await create(client, task_of("waits", given(tmp_path)))
            await until(lambda: len(lines(runs)) == 2, "the engine is running")
            assert worker.process is not None
            worker.process.send_signal(signal.SIGTERM)
            await until(lambda: "waiting for running attempts" in worker.log.read_text(), "it drains")
            worker.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.process.wait, 60) == 0
        assert (await detail(client, third))["jobStatus"] in ("pending", "queued", "running")
    assert (await attempts(server))[-1] == ("stopped", "server_stopped", True)


async def test_a_revoked_token_ends_the_worker(sqlite_server: Server, tmp_path: Path, offered: str) -> None:
    server, runs = sqlite_server, tmp_path / "runs"
    async with server.client() as client:
        token = await token_for_workers(client)
        with working(server.url, token, tmp_path / "worker", PYTHONPATH=offered) as worker:
            await create(client, task_of("waits", given(tmp_path)))
            await until(lambda: len(lines(runs)) == 1, "the engine is running")
            (await client.post("/api/v1/tokens/revoke", json={"token": token})).raise_for_status()
            assert worker.process is not None
            assert await asyncio.to_thread(worker.process.wait, 60) == 1
            assert "refuses the worker" in worker.log.read_text()
            assert worker.engine_processes() == set()
        await until(lambda: _has_ended(server, 1), "its lease has ended")
    assert await attempts(server) == [("stopped", "server_stopped", True)]


async def test_what_cannot_work_is_said_at_once(sqlite_server: Server, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "worker"))
    said = call("worker", "run", "--server", sqlite_server.url, "--token", TOKEN, *data)
    assert said.code == 1
    assert "needs a token for workers" in said.err
    assert call("worker", "run", "--server", sqlite_server.url, "--token", "nothing", *data).code == 1
    said = call("worker", "run", "--server", "nowhere", "--token", "x", "--native-slots", "-1", *data)
    assert said.code == 2
    assert "--server: http://" in said.err
    assert "--native-slots: 0 or more" in said.err


async def test_it_waits_for_a_server_that_comes_later(tmp_path: Path, offered: str) -> None:
    with serving(tmp_path / "data", *_FLAGS, PYTHONPATH=offered) as server:
        async with server.client() as client:
            token = await token_for_workers(client)
        port = server.url.rpartition(":")[2]
        assert server.stop() == 0
        with working(server.url, token, tmp_path / "worker", wait=False, PYTHONPATH=offered) as worker:
            await until(lambda: "the server is not reachable" in worker.log.read_text(), "it waits")
            server.options = (*server.options, "--port", port)
            server.start()
            await asyncio.to_thread(worker.await_ready)
            async with server.client() as client:
                [job] = await create(client, task_of("honest"))
                assert await ended(client, job) == "complete"


async def test_the_commands_of_the_page_work(sqlite_server: Server, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    create, *runs = [line for block in blocks for line in block.splitlines() if line.startswith("enginehouse")]
    places = {"ENGINEHOUSE_URL": sqlite_server.url, "ENGINEHOUSE_TOKEN": TOKEN}
    made = call(*create.split()[1:], environment=places)
    assert made.code == 0, made.err
    assert len(runs) == 4
    for command in runs:
        if command.startswith("enginehouse engine add"):
            added = call(*command.split()[1:], environment=places)
            assert added.code == 0, added.err
            continue
        program, worker, verb, flag, _, *options = command.split()
        assert (program, worker, verb, flag) == ("enginehouse", "worker", "run", "--server")
        with working(sqlite_server.url, made.out.strip(), tmp_path / "worker", *options):
            shown = call("worker", "list", "--json", environment=places)
            assert shown.code == 0, shown.err
    assert [one["resources"]["speech"] for one in json.loads(shown.out) if "speech" in one["resources"]] == [1]
