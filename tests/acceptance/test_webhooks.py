"""Webhooks of a real server over HTTP: kill -9 during deliveries loses nothing and keeps the order of each job."""

import asyncio
import json
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests import commands
from tests.acceptance.server import CHECKOUT, COMMAND, NOOP, TOKEN, Server, serving, until
from tests.thorough import on_sqlite

PAGE = CHECKOUT / "docs" / "how-to" / "receive-webhooks.md"
JOBS = 12
EVENTS = 20


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, which may call this machine."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    with serving(tmp_path / "data", "--allow-private-urls", "--lease-seconds", "2", database=dsn) as started:
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


async def test_after_kill_9_every_event_has_created_its_job_once(server: Server) -> None:
    wish = {"tasks": [{"engineId": NOOP}], "name": "after {{jobId}}"}
    query = """mutation($params: JSONData!) { subscribeEvent(input: {application: "system", eventName: "JobCompleted",
        delivery: {name: CreateJob, params: $params}}) }"""
    await graphql(server, query, params=wish)
    job = f'mutation {{ createJob(input: {{tasks: [{{engineId: "{NOOP}"}}]}}) {{ id }} }}'
    first = [(await graphql(server, job))["createJob"]["id"] for _ in range(EVENTS)]
    await until(lambda: _answered(server, 2), "jobs are being created")
    server.kill()
    server.start()
    if server.database is not None:
        await _leases_are_over(server)
    # The events of the first jobs create one each; those of these jobs create none.
    await until(lambda: _answered(server, 2 * EVENTS), "every event has been answered", seconds=120)
    found = (await graphql(server, "{ jobs(limit: 1000) { records { name } } }"))["jobs"]["records"]
    assert sorted(one["name"] for one in found if one["name"]) == sorted(f"after {job_id}" for job_id in first)


async def _answered(server: Server, count: int) -> bool:
    [(ended,)] = await server.rows("SELECT COUNT(*) FROM outbox WHERE kind = 'job' AND ended_at IS NOT NULL")
    return bool(ended >= count)


@on_sqlite("server")
async def test_the_shown_code_verifies_the_signature(server: Server) -> None:
    async with receiving() as receiver:
        receiver.open.set()
        async with server.client() as client:
            secret = (await client.post("/api/v1/webhooks/secret/rotate")).json()["result"]["secret"]
        await create(server, receiver)
        await until(lambda: len(receiver.answered) == 3, "the messages have arrived")
    verify = is_genuine()
    for headers, body in receiver.answered:
        assert verify(secret, headers, body)
        assert not verify(secret, headers, body + b" ")
        assert not verify(secret, headers | {"webhook-id": "other"}, body)
        assert not verify(secret, headers | {"webhook-timestamp": "1700000000"}, body)
        assert not verify("whsec_" + "A" * 44, headers, body)


@on_sqlite("server")
async def test_the_commands_show_a_delivery_and_send_it_again(server: Server) -> None:
    async with receiving() as receiver:
        receiver.open.set()
        job = await create(server, receiver)
        await until(lambda: _all_recorded(server), "every answer is recorded")
        listed = await asyncio.to_thread(command, server, "list", "--job", job, "--json")
        assert [one["eventName"] for one in json.loads(listed)] == ["JobCompleted", "TaskCompleted", "TaskCompleted"]
        table = await asyncio.to_thread(command, server, "list", "--status", "delivered")
        assert "JobCompleted" in table
        newest = json.loads(listed)[0]["id"]
        shown = await asyncio.to_thread(command, server, "show", newest)
        assert shown.startswith(f"JobCompleted to {receiver.url}: Delivered after 1 attempt.\n")
        assert json.loads(shown.partition("\n")[2])["data"]["jobId"] == job
        again = await asyncio.to_thread(command, server, "redeliver", newest)
        assert again.startswith(f"JobCompleted to {receiver.url}: ")
        await until(lambda: len(receiver.answered) == 4, "it has arrived again")
        assert receiver.answered[3][0]["webhook-id"] == newest


@on_sqlite("server")
async def test_doctor_names_a_destination_that_fails(server: Server) -> None:
    async with receiving() as receiver:
        receiver.open.set()
        await create(server, receiver)
        await until(lambda: _all_recorded(server), "every answer is recorded")
    assert "0 messages wait" in await asyncio.to_thread(doctor, server)
    for _ in range(6):  # nobody listens there any more
        await create(server, receiver)
    failing = "SELECT failures FROM webhook_destination WHERE open_until IS NOT NULL"

    async def is_open() -> bool:
        return bool(await server.rows(failing))

    await until(is_open, "the destination is left alone", seconds=60)
    said = await asyncio.to_thread(doctor, server)
    assert re.search(rf"http://127\.0\.0\.1:{receiver.port} of organization 1 has failed \d+ times in a row", said)


def command(server: Server, *arguments: str) -> str:
    return _run("webhook", *arguments, "--url", server.url, "--token", TOKEN)


def doctor(server: Server) -> str:
    where = ["--database", server.database] if server.database else ["--data", str(server.data)]
    return _run("doctor", *where)


def _run(*arguments: str) -> str:
    done = commands.run([str(COMMAND), *arguments], environment=os.environ | {"COLUMNS": "400"})
    return re.sub(r"\s+\n", "\n", done.stdout)
