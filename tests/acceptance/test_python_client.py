"""Both Python clients on a real server, by one table: what one does, the other does too, on both interfaces."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.servers import Server

from enginehouse.client import AsyncClient, Client, RequestFailed, Retries, TaskSpec
from enginehouse.client.sync_client import InterfaceName

SENTIMENT = "sentiment-vader"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
QUICK = Retries(tries=3, first=0.01, longest=0.02)


class Either:
    """A client of either kind. Its verbs are awaited; one that yields gives a list."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self.client = client

    async def __call__(self, noun: str, verb: str, *arguments: Any, **named: Any) -> Any:
        method = getattr(getattr(self.client, noun) if noun else self.client, verb)
        if isinstance(self.client, Client):
            return await asyncio.to_thread(lambda: _listed(method(*arguments, **named)))
        result = method(*arguments, **named)
        return [one async for one in result] if inspect.isasyncgen(result) else await result

    async def close(self) -> None:
        closed = self.client.close()
        if closed is not None:
            await closed


def _listed(result: Any) -> Any:
    return list(result) if inspect.isgenerator(result) else result


def made(kind: type[Client] | type[AsyncClient], server: Server, interface: InterfaceName = "enginehouse") -> Either:
    token = (server.data / "token").read_text().strip()
    return Either(kind(server.url, token, interface=interface, retries=QUICK))


@pytest.fixture(params=["enginehouse", "aiware"])
def interface(request: pytest.FixtureRequest) -> InterfaceName:
    name: InterfaceName = request.param
    return name


@pytest.fixture(params=[Client, AsyncClient], ids=["blocking", "asyncio"])
async def call(request: pytest.FixtureRequest, server: Server, interface: InterfaceName) -> AsyncIterator[Either]:
    client = made(request.param, server, interface)
    yield client
    await client.close()


async def test_a_job_from_its_creation_to_its_results(call: Either, tmp_path: Path) -> None:
    job = await call("jobs", "create", SENTIMENT, {"text": "What a splendid day."})
    events = await call("jobs", "watch", job.id)
    kinds = [event.kind for event in events if event.task is None]
    assert "completed" in kinds
    ended = await call("jobs", "wait", job.id, timeout=30)
    assert (ended.id, ended.status, ended.has_ended, ended.tasks[0].status) == (job.id, "complete", True, "complete")
    assert ended.created_at.tzinfo is not None
    [result] = await call("jobs", "results", job.id)
    content = await call("jobs", "read", job.id, result.name)
    assert len(content) == result.size
    assert json.loads(content)["sentiment"]["positiveValue"] > 0
    [path] = await call("jobs", "save", job.id, tmp_path / "results")
    assert path.read_bytes() == content
    assert job.id in [one.id for one in await call("jobs", "list", status="complete", limit=5)]


async def test_a_graph_on_a_file_is_created_with_routes(call: Either, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Weather\n\nWhat a splendid day.\n")
    target = await call("", "upload", tmp_path / "notes.md")
    tasks = [TaskSpec("webstream", outputs={"out": "stream"}), TaskSpec(SENTIMENT, inputs={"in": "stream"})]
    job = await call("jobs", "create", tasks, routes=[("out", "in")], target=target)
    assert (await call("jobs", "wait", job.id, timeout=60)).status == "complete"
    [result] = await call("jobs", "results", job.id)
    assert json.loads(await call("jobs", "read", job.id, result.name))["sentiment"]["positiveValue"] > 0


async def test_a_refusal_has_the_path_the_sentence_and_the_code(call: Either) -> None:
    with pytest.raises(RequestFailed) as refused:
        await call("jobs", "create", [TaskSpec(SENTIMENT), TaskSpec("no-such-engine")])
    assert (refused.value.code, refused.value.path) == ("not_found", "jobs[0].tasks[1].engineId")
    assert 'engine "no-such-engine" does not exist' in refused.value.message
    for verb in ("get", "wait", "results", "cancel", "retry", "watch"):
        with pytest.raises(RequestFailed) as refused:
            await call("jobs", verb, "26114824_7hV2zp423p")
        assert refused.value.code == "not_found", verb


async def test_a_failed_job_is_tried_again_and_an_ended_one_cannot_be_cancelled(call: Either) -> None:
    job = await call("jobs", "create", SENTIMENT, {})
    assert (await call("jobs", "wait", job.id, timeout=30)).status == "failed"
    again = await call("jobs", "retry", job.id)
    assert again.id != job.id
    assert (await call("jobs", "wait", again.id, timeout=30)).status == "failed"
    with pytest.raises(RequestFailed) as refused:
        await call("jobs", "cancel", job.id)
    assert refused.value.code == "past_cancelling"


async def test_jobs_are_cancelled_one_by_one_and_by_a_range(call: Either, interface: InterfaceName) -> None:
    waits = [TaskSpec("noop", options={"dueDateTime": "2001-01-01T00:00:00Z"})]
    last = await call("jobs", "create", waits)
    await call("jobs", "wait", last.id, timeout=30)
    organization = {"organization": "1"} if interface == "aiware" else {}
    before = LONG_AGO + timedelta(days=1)
    assert (await call("jobs", "cancel_many", LONG_AGO, before, **organization)).count == 0
    if interface == "aiware":
        with pytest.raises(ValueError, match="needs one"):
            await call("jobs", "cancel_many", LONG_AGO, before)
        with pytest.raises(NotImplementedError):
            await call("jobs", "cancel_many", LONG_AGO, before, dry_run=True, organization="1")
    else:
        counted = await call("jobs", "cancel_many", LONG_AGO, before, dry_run=True)
        assert (counted.count, counted.is_dry_run) == (0, True)


async def test_pages_are_read_one_after_the_other_and_no_job_comes_twice(
    call: Either, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sync_verbs", "async_verbs"):
        monkeypatch.setattr(f"enginehouse.client.{module}.PAGE", 2)
    ids = [(await call("jobs", "create", "noop")).id for _ in range(5)]
    listed = [job.id for job in await call("jobs", "list", limit=5)]
    assert listed == ids[::-1]
    every = [job.id for job in await call("jobs", "list")]
    assert len(every) == len(set(every)) > 5


async def test_schedules(call: Either, interface: InterfaceName) -> None:
    fields = {
        "name": "nightly",
        "runMode": "Recurring",
        "cron": "0 3 * * *",
        "jobTemplates": [{"taskTemplates": [{"engineId": "noop"}]}],
    }
    if interface == "aiware":
        with pytest.raises(NotImplementedError):
            await call("schedules", "create", fields)
        return
    schedule = await call("schedules", "create", fields)
    assert (schedule.name, schedule.cron, schedule.is_active) == ("nightly", "0 3 * * *", True)
    assert schedule.next_at > datetime.now(UTC)
    assert (await call("schedules", "update", schedule.id, {"name": "weekly"})).name == "weekly"
    assert not (await call("schedules", "pause", schedule.id)).is_active
    assert (await call("schedules", "resume", schedule.id)).is_active
    [job] = await call("schedules", "run", schedule.id)
    assert (await call("jobs", "wait", job, timeout=30)).status == "complete"
    assert schedule.id in [one.id for one in await call("schedules", "list", name="weekly")]
    with_aiware = Either(type(call.client)(call.client.url, _token(call.client), interface="aiware"))
    assert schedule.id in [one.id for one in await with_aiware("schedules", "list")]
    assert (await with_aiware("schedules", "get", schedule.id)).name == "weekly"
    await with_aiware.close()
    assert (await call("schedules", "cancel", schedule.id)).count == 0
    assert not (await call("schedules", "get", schedule.id)).is_active
    await call("schedules", "delete", schedule.id)
    with pytest.raises(RequestFailed):
        await call("schedules", "get", schedule.id)


async def test_pipelines(call: Either, interface: InterfaceName, tmp_path: Path) -> None:
    (tmp_path / "notes.mp3").write_text("What a splendid day.")
    if interface == "aiware":
        with pytest.raises(NotImplementedError):
            await call("pipelines", "create", "understand", text="a")
        return
    job = await call("pipelines", "create", "understand", file=tmp_path / "notes.mp3", job_name="notes")
    assert (await call("jobs", "wait", job.id, timeout=60)).status == "complete"
    name = f"own-{type(call.client).__name__.lower()}"
    own = await call("pipelines", "add", name, [{"name": "mood", "engines": [SENTIMENT]}], description="Mood")
    assert (own.name, own.is_built_in, own.steps[0]["engineName"]) == (name, False, "Sentiment (VADER)")
    again = [(await call("pipelines", "create", name, text="a day", key=name)).id for _ in range(2)]
    assert again[0] == again[1]
    await call("pipelines", "delete", name)
    assert name not in [one.name for one in await call("pipelines", "list")]
    with pytest.raises(RequestFailed, match="There are: chunk"):
        await call("pipelines", "create", name, text="a day")
    with pytest.raises(ValueError, match="give one of file, url, text, target; got none"):
        await call("pipelines", "create", "chunk")


async def test_a_pipeline_is_planned_and_what_it_refuses_leaves_nothing(
    call: Either, interface: InterfaceName, server: Server, tmp_path: Path
) -> None:
    if interface == "aiware":
        with pytest.raises(NotImplementedError):
            await call("pipelines", "plan", "understand", text="a")
        return
    planned = await call("pipelines", "plan", "chunk", media_type="text/plain", url="https://example.com/notes.txt")
    assert (planned.media_type, len(planned.job["tasks"]) > 1) == ("text/plain", True)
    templates = [{"taskTemplates": planned.job["tasks"], "routes": planned.job.get("routes", [])}]
    fields = {"name": "planned", "runMode": "Once", "jobTemplates": templates}
    schedule = await call("schedules", "create", fields)
    await call("schedules", "delete", schedule.id)
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    with server.client() as http:
        before = _targets(http)
        with pytest.raises(RequestFailed):
            await call("pipelines", "create", "chunk", file=tmp_path / "noise")
        assert _targets(http) == before


def _targets(http: httpx.Client) -> int:
    """Returns how many targets there are."""
    answer = http.post("/v3/graphql", json={"query": "{ temporalDataObjects { count } }"})
    count: int = answer.json()["data"]["temporalDataObjects"]["count"]
    return count


async def test_engines(call: Either) -> None:
    names = [engine.name for engine in await call("engines", "list", name="Sentiment")]
    assert names == ["Sentiment (VADER)"]
    assert len(await call("engines", "list")) > 10


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_a_job_whose_answer_was_lost_is_created_once(
    kind: type[Client] | type[AsyncClient], server: Server
) -> None:
    call = made(kind, server)
    lost = _LosesAnswers(call.client._http)
    try:
        before = len(await call("jobs", "list"))
        job = await call("jobs", "create", "noop")
        assert lost.lost == 1
        assert (await call("jobs", "wait", job.id, timeout=30)).status == "complete"
        assert len(await call("jobs", "list")) == before + 1
    finally:
        await call.close()


class _LosesAnswers:
    """The first answer to a POST never arrives: the server has done what was wanted."""

    def __init__(self, http: httpx.Client | httpx.AsyncClient) -> None:
        self.lost = 0
        http.event_hooks = {"response": [self._heard if isinstance(http, httpx.Client) else self._heard_later]}

    def _heard(self, response: httpx.Response) -> None:
        if response.request.method == "POST" and self.lost == 0:
            self.lost += 1
            raise httpx.ReadError("the answer was lost", request=response.request)

    async def _heard_later(self, response: httpx.Response) -> None:
        self._heard(response)


def _token(client: Client | AsyncClient) -> str:
    header: str = client._http.headers["authorization"]
    return header.removeprefix("Bearer ")


def test_a_wait_ends_when_its_time_is_over_and_a_server_that_is_away_is_said_to_be(server: Server) -> None:
    with Client(server.url, (server.data / "token").read_text().strip()) as client:
        tasks = [TaskSpec("webstream", {"url": "http://192.0.2.1/", "timeoutSeconds": 60}, options={"maxRetries": 9})]
        job = client.jobs.create(tasks)
        with pytest.raises(TimeoutError, match="has not ended within 0 s"):
            client.jobs.wait(job.id, timeout=0)
    with (
        pytest.raises(RequestFailed, match="does not answer"),
        Client("http://127.0.0.1:9", None, retries=QUICK) as away,
    ):
        away.jobs.get(job.id)
