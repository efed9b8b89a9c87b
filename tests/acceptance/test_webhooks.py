"""Webhooks of a real server over HTTP: kill -9 during deliveries loses nothing and keeps the order of each job."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.server import CHECKOUT, NOOP, Server, serving, until

PAGE = CHECKOUT / "docs" / "how-to" / "receive-webhooks.md"
JOBS = 12


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, which may call this machine."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    with serving(tmp_path / "data", "--allow-private-urls", database=dsn) as started:
        yield started


@dataclass(slots=True)
class Receiver:
    """A receiver on this machine. While `open` is not set, it takes requests and does not answer them."""

    port: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    taken: int = 0
    answered: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.taken += 1
            if not self.open.is_set():
                await self.open.wait()  # whoever asked is gone by then
                return
            self.answered.append((headers, body))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def events(self) -> dict[str, list[str]]:
        """Returns the events of each job, each message once, in the order of their arrival."""
        seen, events = set[str](), defaultdict[str, list[str]](list)
        for headers, body in self.answered:
            if headers["webhook-id"] not in seen:
                seen.add(headers["webhook-id"])
                message = json.loads(body)
                events[message["data"]["jobId"]].append(message["eventName"])
        return events


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    listener = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = listener.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.open.set()
        listener.close()


async def graphql(server: Server, query: str, **variables: Any) -> Any:
    async with server.client() as client:
        answer = await client.post("/v3/graphql", json={"query": query, "variables": variables})
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def create(server: Server, receiver: Receiver) -> str:
    query = "mutation($input: CreateJob!) { createJob(input: $input) { id } }"
    job = {"notificationUris": [receiver.url], "tasks": [{"engineId": NOOP}, {"engineId": NOOP}]}
    made: str = (await graphql(server, query, input=job))["createJob"]["id"]
    return made


def is_genuine() -> Any:
    """The function that the page shows to those who receive webhooks."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    shown: dict[str, Any] = {}
    exec(code, shown)
    return shown["is_genuine"]


async def test_after_kill_9_every_message_arrives_and_those_of_a_job_in_order(server: Server) -> None:
    async with receiving() as receiver:
        jobs = [await create(server, receiver) for _ in range(JOBS)]
        await until(lambda: receiver.taken >= 2, "deliveries are under way")
        server.kill()
        if server.database is not None:
            # Nobody may take the leases of a server that may live: they end by themselves. Time passes here.
            await _leases_are_over(server)
        receiver.open.set()
        server.start()

        async def all_arrived() -> bool:
            return sum(map(len, receiver.events().values())) == 3 * JOBS

        await until(all_arrived, "every message has arrived", seconds=60)
        assert receiver.events() == {job: ["TaskCompleted", "TaskCompleted", "JobCompleted"] for job in jobs}
        await until(lambda: _all_recorded(server), "every answer is recorded")


async def _all_recorded(server: Server) -> bool:
    return await server.rows("SELECT DISTINCT status FROM outbox") == [("delivered",)]


async def _leases_are_over(server: Server) -> None:
    assert server.database is not None
    await server.rows("UPDATE outbox SET next_at = 0 WHERE in_flight = 1 RETURNING id")


async def test_the_shown_code_verifies_the_signature(server: Server) -> None:
    async with receiving() as receiver:
        receiver.open.set()
        await create(server, receiver)
        await until(lambda: len(receiver.answered) == 3, "the messages have arrived")
    [(secret,)] = await server.rows("SELECT secret FROM webhook_secret")
    verify = is_genuine()
    for headers, body in receiver.answered:
        assert verify(secret, headers, body)
        assert not verify(secret, headers, body + b" ")
        assert not verify(secret, headers | {"webhook-id": "other"}, body)
        assert not verify(secret, headers | {"webhook-timestamp": "1700000000"}, body)
        assert not verify("whsec_" + "A" * 44, headers, body)
