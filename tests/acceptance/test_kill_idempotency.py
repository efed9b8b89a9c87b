"""kill -9 of the server while clients repeat requests with their keys: each is done exactly once."""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.acceptance.server import NOOP, TOKEN, Server, serving, task_of, until
from tests.thorough import THOROUGH

CLIENTS = 8
EACH = 25 if THOROUGH else 15
KILLS = 3 if THOROUGH else 2
CREATE = "/edge/v1/proc/job/create"
GRAPHQL = "mutation($in: CreateJob, $key: String) { createJob(input: $in, idempotencyKey: $key) { id } }"
SPELLED = "query($id: ID!) { job(id: $id) { id } }"


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database. It runs nothing, so jobs are only created."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    idle = ("--native-slots", "0", "--python-slots", "0")
    with serving(tmp_path / "data", *idle, database=dsn) as started:
        yield started


async def _send_and_never_listen(server: Server, key: str, body: bytes) -> None:
    """The server has done the request, but nobody has read the response."""
    place = urlsplit(server.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    head = (
        f"POST {CREATE} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {TOKEN}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()

    async def stored() -> bool:
        return await server.rows("SELECT COUNT(*) FROM job") == [(1,)]

    await until(stored, "the job is stored")
    server.kill()
    writer.close()


async def test_an_answer_that_the_server_took_to_its_grave_is_given_again(server: Server) -> None:
    body = {"jobs": [task_of(NOOP, {"n": 1})]}
    await _send_and_never_listen(server, "k1", json.dumps(body).encode())
    server.start()
    async with server.client() as client:
        again = await client.post(CREATE, json=body, headers={"Idempotency-Key": "k1"})
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        [job_id] = again.json()["internalJobIds"]
        assert (await client.get(f"/edge/v1/proc/job/{job_id}/status")).status_code == 200
        asked = {"in": {"tasks": [{"engineId": NOOP, "payload": {"n": 1}}]}, "key": "k1"}
        other = await client.post("/v3/graphql", json={"query": GRAPHQL, "variables": asked})
        spelled = await client.post("/v3/graphql", json={"query": SPELLED, "variables": {"id": job_id}})
        assert other.json()["data"]["createJob"] == spelled.json()["data"]["job"]
    assert await server.rows("SELECT COUNT(*) FROM job") == [(1,)]


async def test_clients_that_repeat_through_kills_have_every_job_once(server: Server) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    answered: dict[str, str] = {}
    up, progress = asyncio.Event(), asyncio.Condition()
    repeated = 0

    async def create(key: str) -> None:
        nonlocal repeated
        body = {"jobs": [task_of(NOOP, {"key": key})]}
        while key not in answered:
            await up.wait()
            try:
                async with server.client() as client:
                    answer = await client.post(CREATE, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                repeated += 1
                continue
            assert answer.status_code == 200, answer.text
            [answered[key]] = answer.json()["internalJobIds"]
            async with progress:
                progress.notify_all()

    async def creates(number: int) -> None:
        for n in range(EACH):
            await create(f"{number}-{n}")

    async def kill_at(count: int) -> None:
        async with progress:
            await progress.wait_for(lambda: len(answered) >= count)
        # Chance decides at which point of a batch the kill comes.
        await asyncio.sleep(chance.uniform(0, 0.01))
        up.clear()
        server.kill()
        await asyncio.to_thread(server.start)
        up.set()

    up.set()
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(creates(number))
        for count in sorted(chance.sample(range(10, CLIENTS * EACH - CLIENTS), KILLS)):
            await kill_at(count)
    sys.stdout.write(f"{repeated} sent again\n")
    assert len(set(answered.values())) == CLIENTS * EACH
    assert await server.rows("SELECT COUNT(*) FROM job") == [(CLIENTS * EACH,)]
    assert await server.rows("SELECT COUNT(*) FROM idempotency_key") == [(CLIENTS * EACH,)]
