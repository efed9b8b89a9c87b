"""The history of a job over REST: the list, and the stream as a client reads it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.api.clients import TOKEN, Api, Rest

from enginehouse.api.asgi import application
from enginehouse.api.graphql.schema import schema
from enginehouse.api.v1 import event_stream
from enginehouse.client.event_stream import Message
from enginehouse.client.events import messages
from enginehouse.domain import ids
from enginehouse.domain.event import MEANING, EventKind
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import identity, job_deletion
from enginehouse.operations.house import House

LONG = 30.0


@pytest.fixture
async def own(api: Api) -> AsyncIterator[Rest]:
    """Yields our own interface. After the test nobody follows a job."""
    yield api.v1
    await api.house.watches.close()


@dataclass
class Reader:
    """The server's view of a client of one stream: what was sent to it, and whether it is still connected."""

    house: House
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    token: str = TOKEN
    status: int = 0
    sent: bytes = b""
    ended: bool = False
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: bool = False
    serving: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> "Reader":
        self.takes.set()
        named = {"authorization": f"Bearer {self.token}", "accept": "text/event-stream", **self.headers}
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/api/v1/jobs/{self.path}",
            "query_string": self.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
        }
        self.serving = asyncio.create_task(application(self.house)(scope, self._receive, self._send))
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.leave()
        self.takes.set()
        assert self.serving is not None
        async with asyncio.timeout(LONG):
            await self.serving

    def leave(self) -> None:
        self._gone.set()

    @property
    def messages(self) -> list[Message]:
        return [message for message in messages(self.sent.decode().split("\n")) if message.kind != "heartbeat"]

    async def until(self, holds: Callable[["Reader"], bool]) -> None:
        async with asyncio.timeout(LONG), self._news:
            await self._news.wait_for(lambda: holds(self))

    async def to_the_end(self) -> list[Message]:
        await self.until(lambda reader: reader.ended)
        return self.messages

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.takes.wait()
        async with self._news:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            else:
                self.sent += message["body"]
                self.ended = not message.get("more_body")
            self._news.notify_all()


async def test_the_list_tells_everything(rest: Rest, own: Rest) -> None:
    job = await rest.create()
    await rest.fail_one(FailureKind.INTERNAL_ERROR)
    answer = await own.get(f"/jobs/{job}/events")
    assert answer.status_code == 200
    found = answer.json()["result"]
    assert [(one["id"], one["kind"], one.get("task")) for one in found] == [
        (0, "created", None), (1, "started", 0), (2, "started", None), (3, "attempt_failed", 0)
    ]  # fmt: skip
    key = ids.parse_job(job)
    assert key is not None
    assert {one["jobID"] for one in found} == {ids.job_graphql(key)}
    assert found[1]["taskID"] == ids.task_graphql(key, 0)
    assert found[1]["detail"] == {"worker": "test", "attempt": 1}
    assert found[3]["detail"].keys() == {"attempt", "reason", "message", "againDateTime"}
    assert (await own.get(f"/jobs/{ids.job_graphql(key)}/events?after=1&limit=1")).json()["result"] == [found[2]]


async def test_graphql_tells_the_same(api: Api, rest: Rest, own: Rest) -> None:
    job = await rest.create()
    await rest.fail_one(FailureKind.INTERNAL_ERROR)
    fields = "id kind dateTime taskId worker attempt reason message againDateTime"
    query = f'{{ job(id: "{job}") {{ events {{ {fields} }} later: events(after: 1, limit: 1) {{ id }} }} }}'
    found = (await api.ask(query)).result
    told = (await own.get(f"/jobs/{job}/events")).json()["result"]
    assert [(one["id"], one["kind"], one["taskId"]) for one in found["events"]] == [
        (one["id"], one["kind"], one.get("taskID")) for one in told
    ]
    assert [one["reason"] for one in found["events"]] == [one.get("detail", {}).get("reason") for one in told]
    assert found["later"] == [{"id": 2}]
    refused = (await api.ask(query.replace("limit: 1", "limit: 1001"))).body
    [error] = refused["errors"]
    assert error["path"] == ["job", "later"]
    assert len(refused["data"]["job"]["events"]) == len(told)


def test_both_interfaces_know_every_kind() -> None:
    assert set(schema().type_map["JobEventKind"].values) == set(EventKind) == set(MEANING)  # type: ignore[attr-defined]


async def test_every_wrong_parameter_is_named(api: Api) -> None:
    job = await api.edge.create()
    for path, headers, wrong in (
        ("events?after=-1&limit=1001", {}, ["after", "limit"]),
        ("events/stream?heartbeat=0&after=x", {}, ["after", "heartbeat"]),
        ("events/stream", {"Last_Event_ID": "x"}, ["Last-Event-ID"]),
        ("events/stream", {"Last_Event_ID": "7"}, ["Last-Event-ID"]),
        ("events/stream?after=7", {}, ["after"]),
    ):
        answer = await api.ask(f"GET /api/v1/jobs/{job}/{path}", **headers)
        assert answer.status == 400
        assert [flaw["path"] for flaw in answer.body["errors"]] == wrong


async def test_a_stream_tells_what_the_list_tells_and_ends(rest: Rest, own: Rest) -> None:
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events") as reader:
        await reader.until(lambda reader: b"created" in reader.sent)
        await rest.run_one()
        *told, end = await reader.to_the_end()
    assert reader.status == 200
    assert (end.kind, end.data, end.id) == ("end", {"status": "complete"}, None)
    assert [message.data for message in told] == (await own.get(f"/jobs/{job}/events")).json()["result"]
    assert [(message.id, message.kind) for message in told] == [
        (message.data["id"], message.data["kind"]) for message in told
    ]


async def test_a_stream_goes_on_exactly_behind_any_event(rest: Rest) -> None:
    job = await rest.create()
    await rest.run_one()
    async with Reader(rest.house, f"{job}/events/stream") as reader:
        whole = await reader.to_the_end()
    assert len(whole) == 6
    for after in range(5):
        async with Reader(rest.house, f"{job}/events", {"last-event-id": str(after)}) as reader:
            assert await reader.to_the_end() == whole[after + 1 :]
        async with Reader(rest.house, f"{job}/events", query=f"after={after}") as reader:
            assert await reader.to_the_end() == whole[after + 1 :]


async def test_a_quiet_stream_gives_signs_of_life(rest: Rest) -> None:
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events", query="heartbeat=1") as reader:
        await reader.until(lambda reader: reader.sent.count(b"\n: ") >= 2)
        assert [message.kind for message in reader.messages] == ["created"]


async def _deleted(rest: Rest, job: str) -> None:
    principal = await identity.authenticate(rest.house, rest.token)
    key = ids.parse_job(job)
    assert key is not None
    await job_deletion.delete(rest.house, principal, Ref.of(key))


async def _closed(rest: Rest, job: str) -> None:
    await rest.house.watches.close()


@pytest.mark.parametrize(
    ("happens", "last"),
    [(_deleted, b'event: end\ndata: {"status":"deleted"}\n\n'), (_closed, b": the server is stopping\n\n")],
)
async def test_other_ends_of_a_stream(rest: Rest, happens: Callable[[Rest, str], Awaitable[None]], last: bytes) -> None:
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events") as reader:
        await reader.until(lambda reader: b"created" in reader.sent)
        await happens(rest, job)
        await reader.to_the_end()
        assert reader.sent.endswith(last)
    await rest.house.watches.close()
    async with Reader(rest.house, f"{await rest.create()}/events") as late:
        await late.to_the_end()
        assert late.status == 503


async def test_a_revoked_token_ends_its_streams(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "_CHECKED_EVERY", 0.0)
    root = await identity.authenticate(rest.house, TOKEN)
    issued = await identity.create_token(rest.house, root, as_uuid=True)
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events", query="heartbeat=1", token=issued.secret) as reader:
        await reader.until(lambda reader: b"created" in reader.sent)
        await identity.revoke_token(rest.house, root, issued.secret)
        await rest.run_one()
        told = await reader.to_the_end()
    assert told[-1].kind == "refused"
    assert told[-1].data["id"] == "authentication_error"
    assert "completed" not in {message.kind for message in told}


async def test_nothing_is_left_of_a_reader_who_went_away(rest: Rest) -> None:
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events") as reader:
        await reader.until(lambda reader: b"created" in reader.sent)
        reader.leave()
    assert not reader.house.watches._open
    assert not reader.house.watches._watched


async def test_a_reader_who_takes_nothing_holds_nothing_but_his_place(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is disconnected after a while, and nothing was collected for it."""
    job = await rest.create()
    async with Reader(rest.house, f"{job}/events") as reader:
        await reader.until(lambda reader: b"created" in reader.sent)
        reader.takes.clear()
        monkeypatch.setattr(event_stream, "_PATIENCE", 0.0)
        await rest.run_one()
        assert reader.serving is not None
        await asyncio.wait([reader.serving], timeout=LONG)
        assert not rest.house.watches._watched
    assert not rest.house.watches._open
    async with Reader(rest.house, f"{job}/events", {"last-event-id": "0"}) as reader:
        assert len(await reader.to_the_end()) == 5


async def test_a_head_request_opens_no_stream(rest: Rest, own: Rest) -> None:
    answer = await own.request("HEAD", f"/jobs/{await rest.create()}/events/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert not rest.house.watches._open


async def test_an_organization_has_so_many_streams(rest: Rest, own: Rest) -> None:
    rest.house.watches._per_organization = 0
    answer = await own.get(f"/jobs/{await rest.create()}/events/stream")
    assert answer.status_code == 429
    assert json.loads(answer.content)["id"] == "capacity_exceeded"
