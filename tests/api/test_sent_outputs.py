"""sendOutputToUris (rest-contract §3.2): each output goes to each address, in order, with its ids in the address."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, single

from enginehouse.domain import ids
from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.webhooks import signature
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.domain.work import Done, NewArtifact, Report
from enginehouse.operations import outbox, work

HOOK, OWN = "https://h.example/hook/", "https://t.example/own"
Sent = list[tuple[str, dict[str, str], bytes]]


async def drain(api: Api, answer: Answer | None = None) -> Sent:
    """Everything that is due is sent. Returns it in order."""
    sent = Sent()

    async def send(url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        assert isinstance(body, Path)
        sent.append((url, headers, await asyncio.to_thread(body.read_bytes)))
        return answer or Answer(200, "200 OK")

    while attempts := await outbox.claim(api.house, limit=16):
        for attempt in attempts:
            await outbox.deliver(api.house, attempt, send)
    return sent


async def finish(api: Api, *contents: bytes, metadata: dict[str, Any] | None = None) -> None:
    lease = await api.edge.start_one()
    made = []
    for part, content in enumerate(contents):
        key = f"jobs/{lease.organization_id}/{lease.key.job_id}/{lease.key.ordinal}/{lease.token}/{part}"
        await api.house.store.put(key, content)
        made.append(
            NewArtifact(
                folder=PUBLISHED, part=part, index=part, name=f"{part}.txt", media_type="text/plain",
                size=len(content), sha256=hashlib.sha256(content).hexdigest(), key=key, metadata=metadata or {},
            )
        )  # fmt: skip
    await work.finish(api.house, Report(lease.key, lease.token, Done(tuple(made))))


async def test_every_output_is_sent_in_order_with_its_ids_and_headers(api: Api) -> None:
    job = await api.edge.create({"sendOutputToUris": [HOOK], "tasks": [{"engineId": BATCH, "sendOutputToUris": [OWN]}]})
    assert await drain(api) == []
    await finish(api, b"one", b"two", metadata={"x-aiware-Flow": "7", "other": "8", "x-aiware-bad": "a\nb"})
    first = await outbox.claim(api.house, limit=16)
    assert [attempt.leased.body.count("0.txt") for attempt in first] == [1, 1], (
        "the second output went before the first"
    )
    await outbox.release_all(api.house)
    sent = await drain(api)
    number = ids.parse_job(job) or 0
    for address in ("https://h.example/hook", OWN):
        mine = [(url, headers, body) for url, headers, body in sent if url.startswith(address)]
        assert [body for *_, body in mine] == [b"one", b"two"]
        for url, headers, _ in mine:
            named = dict(pair.split("=") for pair in url.removeprefix(f"{address}/").split("&"))
            assert list(named) == ["internalJobID", "internalTaskID", "jobID", "taskID", "chunkID", "timestamp"]
            assert named["internalJobID"] == job
            assert named["internalTaskID"] == ids.task_uuid(number, 0)
            assert (named["jobID"], named["taskID"]) == (ids.job_graphql(number), ids.task_graphql(number, 0))
            assert (headers["content-type"], headers["x-aiware-flow"]) == ("text/plain", "7")
            assert not {"other", "x-aiware-other", "x-aiware-bad"} & headers.keys()
        assert len({url for url, *_ in mine}) == 2
    assert len(sent) == 4


async def test_an_output_is_signed_like_every_message(api: Api) -> None:
    secret = (await api.ask("POST /api/v1/webhooks/secret/rotate")).result["secret"]
    await api.edge.create({**single(), "sendOutputToUris": [HOOK]})
    await finish(api, b'{"a": 1}')
    [(_, headers, body)] = await drain(api)
    made = signature.headers([secret], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert made["webhook-signature"] == headers["webhook-signature"].split(" ")[0]


async def test_an_attempt_that_fails_sends_nothing(api: Api) -> None:
    await api.edge.create({**single(maxRetries=0), "sendOutputToUris": [HOOK]})
    await api.edge.fail_one(FailureKind.INTERNAL_ERROR)
    assert await drain(api) == []


async def test_an_output_that_is_gone_is_given_up_and_the_next_one_is_sent(api: Api, own_statements: None) -> None:
    await api.edge.create({**single(), "sendOutputToUris": [HOOK]})
    await finish(api, b"one", b"two")
    first = next(iter(await _keys(api)))
    await api.house.store.delete([first])
    assert [body for *_, body in await drain(api)] == [b"two"]
    deliveries = (await api.v1.get("webhooks/deliveries")).json()["result"]["deliveries"]
    assert sorted(each["status"] for each in deliveries) == ["delivered", "failed"]
    assert {each["kind"] for each in deliveries} == {"output"}


async def _keys(api: Api) -> list[str]:
    rows = await api.house.database.read(lambda tx: tx.all("test.artifact_keys"))
    return [key for (key,) in rows]


@pytest.mark.parametrize(
    ("where", "uri", "why"),
    [
        ("job", "http://169.254.169.254/x", "jobs[0].sendOutputToUris[0]: address 169.254.169.254 is not allowed."),
        ("task", "ftp://h.example/x", "jobs[0].tasks[0].sendOutputToUris[0]: "),
    ],
)
async def test_an_address_that_is_never_called_is_refused(api: Api, where: str, uri: str, why: str) -> None:
    body = {**single(), "sendOutputToUris": [uri]} if where == "job" else single(sendOutputToUris=[uri])
    answer = await api.edge.post("/proc/job/create", {"jobs": [body]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(why)
