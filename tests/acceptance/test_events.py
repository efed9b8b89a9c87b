"""A job's events from a real server: as sent, across a kill of the server, from another server, and at a stop."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import (
    COMMAND,
    NOOP,
    STOPPED_WITHIN,
    TOKEN,
    Server,
    create,
    ended,
    lines,
    offer,
    serving,
    share,
    task_of,
    until,
)
from tests.thorough import on_sqlite

from enginehouse.client.event_stream import Message
from enginehouse.client.events import messages

LONG = 60.0
# A server without slots. Some time after the create it finds that the task waits for one: `queued`.
IDLE = ("--native-slots", "0", "--python-slots", "0")


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, with the same port at every start."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    path = offer(tmp_path / "offered", "waits")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--lease-seconds", "2", "--port", str(port))
    with serving(tmp_path / "data", *options, database=dsn, PYTHONPATH=path) as started:
        yield started


@asynccontextmanager
async def stream(client: httpx.AsyncClient, job: str, after: int | None = None) -> AsyncIterator[AsyncIterator[str]]:
    """Yields the lines of the job's stream, as curl would show them."""
    headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": str(after)})
    async with client.stream("GET", f"/api/v1/jobs/{job}/events", headers=headers, timeout=LONG) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield answer.aiter_lines()


async def told(shown: AsyncIterator[str], until_kind: str | None = None) -> list[Message]:
    """Returns the messages up to the end, or to the first of that kind."""
    read: list[str] = []
    async with asyncio.timeout(LONG):
        async for line in shown:
            read.append(line)
            if not line and until_kind is not None and f"event: {until_kind}" in read:
                break
    return [message for message in messages(read) if message.kind != "heartbeat"]


async def listed(client: httpx.AsyncClient, job: str) -> list[Any]:
    found: list[Any] = (await client.get(f"/api/v1/jobs/{job}/events")).json()["result"]
    return found


async def test_a_stream_goes_on_behind_the_last_event_after_the_server_was_killed(
    server: Server, tmp_path: Path
) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        [job] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}))
        async with stream(client, job) as shown:
            before = await told(shown, "started")
            await until(lambda: len(lines(runs)) == 1, "the engine runs")
            server.kill()
            with pytest.raises(httpx.HTTPError):
                await told(shown)
    server.start()
    gate.touch()
    async with server.client() as client:
        async with stream(client, job, before[-1].id) as shown:
            *after, end = await told(shown)
        assert (end.kind, end.data) == ("end", {"status": "complete"})
        whole = await listed(client, job)
    assert [message.data for message in before + after] == whole
    assert [message.id for message in before + after] == list(range(len(whole)))
    failed = [message.data["detail"]["reason"] for message in after if message.kind == "attempt_failed"]
    assert failed == ["server_stopped"]


@on_sqlite("server")
def test_watching_survives_a_kill_of_the_server(server: Server, tmp_path: Path) -> None:
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    body = {"jobs": [task_of("waits", {"runs": str(runs), "gate": str(gate)})]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    made = httpx.post(f"{server.url}/edge/v1/proc/job/create", json=body, headers=headers)
    job = made.json()["internalJobIds"][0]
    command = [str(COMMAND), "job", "watch", job, "--json", "--url", server.url, "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as watching:
        assert watching.stdout is not None
        shown: list[dict[str, Any]] = []
        for line in watching.stdout:
            shown.append(json.loads(line))
            if shown[-1]["kind"] == "started" and "task" not in shown[-1]:
                server.kill()
                server.start()
                gate.touch()
        assert watching.wait(STOPPED_WITHIN) == 0
    assert [one["id"] for one in shown] == list(range(len(shown)))
    assert (shown[-1]["kind"], "task" in shown[-1]) == ("completed", False)


@on_sqlite("server")
async def test_a_server_that_stops_ends_its_streams_first(server: Server, tmp_path: Path) -> None:
    server.stop()
    server.options += IDLE
    server.start()
    async with server.client() as client:
        [job] = await create(client, task_of(NOOP))
        async with stream(client, job) as shown:
            await told(shown, "created")
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            # The response ends regularly. A broken connection would raise.
            assert [message for message in await told(shown) if message.kind != "queued"] == []
            assert await stopping == 0
    assert "running task" not in server.log.read_text(), "the web server had to cut something off"


async def test_what_another_server_did_is_told_too(postgres_dsn: str, tmp_path: Path) -> None:
    share(tmp_path / "two", tmp_path / "one")
    with (
        serving(tmp_path / "one", *IDLE, database=postgres_dsn) as one,
        serving(tmp_path / "two", *IDLE, database=postgres_dsn) as two,
    ):
        async with one.client() as here, two.client() as there:
            [job] = await create(here, task_of(NOOP))
            async with stream(there, job) as shown:
                await told(shown, "created")
                answer = await here.post("/edge/v1/proc/jobs/cancel", json={"jobID": job})
                assert answer.json()["count"] == 1
                aborted, end = [message for message in await told(shown) if message.kind != "queued"]
            assert (aborted.kind, end.data) == ("aborted", {"status": "aborted"})
            assert await listed(there, job) == await listed(here, job)
            assert await ended(there, job) == "aborted"
