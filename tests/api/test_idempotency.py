"""Idempotency keys over both interfaces: a header or an argument, one answer, the refusals B18 to B20."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.api.clients import TOKEN
from tests.api.samples import BATCH

from enginehouse.api.asgi import application
from enginehouse.api.auth import authenticate
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.interface import ForCallers, Interface
from enginehouse.api.http.paths import Paths
from enginehouse.domain.errors import KeyInProgress, KeyReused, Refusal
from enginehouse.domain.ids import job_graphql, job_uuid, parse_job
from enginehouse.domain.job import JobFilter
from enginehouse.operations import identity, jobs, targets
from enginehouse.operations.house import House

CREATE = (
    "mutation($in: CreateJob, $key: String) { createJob(input: $in, idempotencyKey: $key) { id targetId warnings } }"
)
RETRY = "mutation($id: ID!, $key: String) { retryJob(id: $id, idempotencyKey: $key) { id } }"
JOB = {"tasks": [{"engineId": BATCH, "payload": {"n": 1, "share": 0.5}}]}
REST_JOB = {"tasks": [{"engineId": BATCH, "taskPayloadJSON": '{"share": 0.5, "n": 1}'}]}
ASSET = {"contentType": "text/plain", "assetType": "text", "uri": "https://h.example/a.txt"}
REPLAYED = "idempotent-replayed"


@dataclass(frozen=True)
class Both:
    """One client of each interface, on one house."""

    client: httpx.AsyncClient
    house: House

    async def rest(self, job: Any, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {b"Idempotency-Key": key.encode()}
        return await self.client.post("/edge/v1/proc/job/create", json={"jobs": [job]}, headers=headers)

    async def graphql(
        self, query: str, variables: dict[str, Any] | None = None, header: str | None = None
    ) -> httpx.Response:
        headers = {} if header is None else {"Idempotency-Key": header}
        body = {"query": query, "variables": variables}
        return await self.client.post("/v3/graphql", json=body, headers=headers)

    async def jobs(self) -> int:
        principal = await identity.authenticate(self.house, TOKEN)
        return len((await jobs.list_(self.house, principal, JobFilter())).jobs)

    async def targets(self) -> int:
        principal = await identity.authenticate(self.house, TOKEN)
        return len(await targets.list_(self.house, principal))


@pytest.fixture
async def both(house: House) -> AsyncIterator[Both]:
    transport = httpx.ASGITransport(app=application(house))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Both(client, house)


def spelled(answer: httpx.Response, field: str = "createJob") -> int:
    """The job that an answer of either interface names."""
    body = answer.json()
    text = body["data"][field]["id"] if "data" in body else body["internalJobIds"][0]
    job_id = parse_job(text)
    assert job_id is not None
    assert text in (job_uuid(job_id), job_graphql(job_id))
    return job_id


async def test_a_request_is_answered_again_through_either_interface(both: Both) -> None:
    first = await both.rest(REST_JOB, "k1")
    assert REPLAYED not in first.headers
    again = await both.rest(REST_JOB, "k1")
    assert again.json() == first.json()
    assert again.headers[REPLAYED] == "true"
    by_header = await both.graphql(CREATE, {"in": JOB}, "k1")
    by_argument = await both.graphql(CREATE, {"in": JOB, "key": "k1"})
    for answer in (by_header, by_argument):
        assert answer.headers[REPLAYED] == "true"
        assert spelled(answer) == spelled(first)
    assert await both.jobs() == 1


async def test_without_a_key_nothing_is_answered_again(both: Both) -> None:
    answers = [await both.rest(REST_JOB), await both.rest(REST_JOB), await both.graphql(CREATE, {"in": JOB})]
    assert all(REPLAYED not in answer.headers for answer in answers)
    assert await both.jobs() == 3


async def test_a_retry_is_done_once(both: Both) -> None:
    old = spelled(await both.rest(REST_JOB))
    first = await both.graphql(RETRY, {"id": job_graphql(old)}, "r")
    again = await both.graphql(RETRY, {"id": job_uuid(old), "key": "r"})
    assert spelled(again, "retryJob") == spelled(first, "retryJob") != old
    assert (REPLAYED in first.headers, REPLAYED in again.headers) == (False, True)
    own = await both.client.post(f"/api/v1/jobs/{job_uuid(old)}/retry", headers={"Idempotency-Key": "r"})
    assert own.headers[REPLAYED] == "true"
    assert own.json()["result"]["internalJobID"] == job_uuid(spelled(first, "retryJob"))
    other = await both.client.post(
        f"/api/v1/jobs/{job_uuid(old)}/retry", headers={"Idempotency-Key": "r"}, json={"onlyFailed": True}
    )
    assert (other.status_code, other.json()["id"]) == (422, "idempotency_key_reused")
    assert await both.jobs() == 2


async def test_b18_another_request_with_the_key(both: Both) -> None:
    await both.rest(REST_JOB, "k1")
    refused = await both.rest({"tasks": [{"engineId": BATCH}]}, "k1")
    assert (refused.status_code, refused.json()["id"]) == (400, "idempotency_key_reused")
    text = refused.json()["detail"]
    assert text.startswith('Idempotency-Key "k1" was used for a different request at 20')
    assert text.endswith("Z.")
    [error] = (await both.graphql(CREATE, {"in": {**JOB, "status": "queued"}}, "k1")).json()["errors"]
    assert (error["name"], error["data"]["code"], error["message"]) == ("invalid_input", "idempotency_key_reused", text)
    assert await both.jobs() == 1


@pytest.mark.parametrize("key", ["k" * 256, "a b", "é"])
async def test_b20_what_is_no_key(both: Both, key: str) -> None:
    text = "Idempotency-Key: 1–255 visible ASCII characters."
    refused = await both.rest(REST_JOB, key)
    assert (refused.status_code, refused.json()["id"], refused.json()["detail"]) == (400, "invalid_input", text)
    [error] = (await both.graphql(CREATE, {"in": JOB, "key": key})).json()["errors"]
    assert (error["name"], error["message"]) == ("invalid_input", text)
    [error] = (await both.graphql(RETRY, {"id": "x", "key": key})).json()["errors"]
    assert error["name"] == "not_found"  # what is no job's id comes first
    assert await both.jobs() == 0


@pytest.mark.parametrize(
    ("refusal", "documented", "own"),
    [(KeyReused("k", "2026-01-01T00:00:00Z"), 400, 422), (KeyInProgress(), 400, 409)],
    ids=["B18", "B19"],
)
async def test_b18_and_b19_have_their_own_status_where_it_is_known(
    both: Both, refusal: Refusal, documented: int, own: int
) -> None:
    async def refuse(call: Call) -> Reply:
        raise refusal

    for base, status in (("/edge/v1", documented), ("/api/v1", own)):
        paths: Paths[Any] = Paths()
        paths.add("POST", "/it", ForCallers(refuse))
        app = Interface(lambda: both.house, authenticate, base=base, operations=paths, own=base == "/api/v1")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            answer = await client.post(f"{base}/it", headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answer.status_code, answer.json()["id"]) == (status, refusal.code)
        assert answer.headers.get("retry-after") == ("1" if isinstance(refusal, KeyInProgress) else None)


TWO = """mutation($in: CreateJob) {
  a: createJob(input: $in) { id }
  ...more
}
fragment more on Mutation { b: createJob(input: $in) { id } __typename }
"""


async def test_one_key_for_several_mutations_is_refused_before_any_is_done(both: Both) -> None:
    refused = await both.graphql(TWO, {"in": JOB}, "k1")
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    text = "Idempotency-Key: the request has 2 mutations; give each its own argument idempotencyKey instead."
    assert (error["name"], error["message"]) == ("invalid_input", text)
    assert await both.jobs() == 0


async def test_every_mutation_of_a_request_may_have_a_key_of_its_own(both: Both) -> None:
    query = """mutation($in: CreateJob) {
      a: createJob(input: $in, idempotencyKey: "a") { id } b: createJob(input: $in, idempotencyKey: "b") { id }
    }"""
    first, again = await both.graphql(query, {"in": JOB}), await both.graphql(query, {"in": JOB})
    assert again.json() == first.json()
    assert first.json()["data"]["a"] != first.json()["data"]["b"]
    assert await both.jobs() == 2


async def test_header_and_argument_may_not_differ(both: Both) -> None:
    [error] = (await both.graphql(CREATE, {"in": JOB, "key": "other"}, "one")).json()["errors"]
    text = "idempotencyKey: differs from the header Idempotency-Key; give one of them."
    assert (error["name"], error["message"]) == ("invalid_input", text)
    assert await both.jobs() == 0
    await both.graphql(CREATE, {"in": JOB, "key": "one"}, "one")
    assert await both.jobs() == 1


async def test_a_query_may_carry_the_header(both: Both) -> None:
    answer = await both.graphql("{ a: me { id } b: me { id } }", header="k1")
    assert (answer.status_code, "errors" in answer.json()) == (200, False)


async def test_a_target_with_its_assets_is_made_once(both: Both) -> None:
    assets = [ASSET]
    given = {**JOB, "target": {"name": "t", "assets": assets}}
    first, again = await both.graphql(CREATE, {"in": given}, "k1"), await both.graphql(CREATE, {"in": given}, "k1")
    assert again.json() == first.json()
    assert first.json()["data"]["createJob"]["targetId"]
    assert (await both.jobs(), await both.targets()) == (1, 1)
    other = {**given, "target": {"name": "t", "assets": [{**assets[0], "uri": "https://h.example/b.txt"}]}}
    [error] = (await both.graphql(CREATE, {"in": other}, "k1")).json()["errors"]
    assert error["data"]["code"] == "idempotency_key_reused"
    assert await both.targets() == 1


async def test_of_targets_with_assets_made_at_once_one_is_left(both: Both) -> None:
    given = {**JOB, "target": {"name": "t", "assets": [ASSET]}}
    answers = await asyncio.gather(*(both.graphql(CREATE, {"in": given}, "k1") for _ in range(8)))
    assert {spelled(answer) for answer in answers} == {spelled(answers[0])}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert (await both.jobs(), await both.targets()) == (1, 1)


async def test_a_target_made_for_a_job_that_is_refused_is_taken_back(both: Both) -> None:
    target = {"name": "t", "assets": [ASSET]}
    answer = await both.graphql(CREATE, {"in": {"tasks": [], "target": target}}, "k1")
    assert answer.json()["errors"]
    assert await both.targets() == 0


async def test_a_page_of_another_origin_may_send_the_header(both: Both) -> None:
    answer = await both.client.options("/edge/v1/proc/job/create")
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]
