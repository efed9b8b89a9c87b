"""Idempotency keys over both interfaces: a header or an argument, one answer, the refusals B18 to B20."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.api.clients import TOKEN, Api
from tests.api.declared import served
from tests.api.samples import BATCH, TRANSCRIBE
from tests.api.verbs import Answer

from enginehouse.api.auth import authenticate
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.interface import ForCallers, Interface
from enginehouse.api.http.paths import Paths
from enginehouse.domain.errors import KeyInProgress, KeyReused, Refusal
from enginehouse.domain.ids import job_graphql, job_uuid, organization_uuid, parse_job
from enginehouse.domain.job import JobFilter
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import engines, jobs, targets

CREATE = (
    "mutation($in: CreateJob, $key: String) { createJob(input: $in, idempotencyKey: $key) { id targetId warnings } }"
)
RETRY = "mutation($id: ID!, $key: String) { retryJob(id: $id, idempotencyKey: $key) { id } }"
JOB = {"tasks": [{"engineId": BATCH, "payload": {"n": 1, "share": 0.5}}]}
REST_JOB = {"tasks": [{"engineId": BATCH, "taskPayloadJSON": '{"share": 0.5, "n": 1}'}]}
ASSET = {"contentType": "text/plain", "assetType": "text", "uri": "https://h.example/a.txt"}
_ENDPOINT = "7a1c9a3e-0000-4000-8000-00000000000a"
REPLAYED = "idempotent-replayed"
K1 = {"idempotency_key": "k1"}


async def create(api: Api, job: Any = REST_JOB, **headers: str) -> Answer:
    return await api.ask("POST /edge/v1/proc/job/create", {"jobs": [job]}, **headers)


async def count_jobs(api: Api) -> int:
    return len((await jobs.list_(api.house, await api.principal(), JobFilter())).jobs)


async def count_targets(api: Api) -> int:
    return len(await targets.list_(api.house, await api.principal()))


def is_replayed(answer: Answer) -> bool:
    return bool(answer.response.headers.get(REPLAYED) == "true")


def job_of(answer: Answer) -> int:
    """The job that an answer of either interface names."""
    result = answer.result
    text = result["internalJobIds"][0] if "internalJobIds" in result else result["id"]
    job_id = parse_job(text)
    assert job_id is not None
    assert text in (job_uuid(job_id), job_graphql(job_id))
    return job_id


async def test_a_request_is_answered_again_through_either_interface(api: Api) -> None:
    first = await create(api, **K1)
    assert REPLAYED not in first.response.headers
    again = await create(api, **K1)
    assert (again.body, is_replayed(again)) == (first.body, True)
    by_header = await api.ask(CREATE, {"in": JOB}, **K1)
    by_argument = await api.ask(CREATE, {"in": JOB, "key": "k1"})
    for answer in (by_header, by_argument):
        assert (job_of(answer), is_replayed(answer)) == (job_of(first), True)
    assert await count_jobs(api) == 1


async def test_without_a_key_nothing_is_answered_again(api: Api) -> None:
    answers = [await create(api), await create(api), await api.ask(CREATE, {"in": JOB})]
    assert all(REPLAYED not in answer.response.headers for answer in answers)
    assert await count_jobs(api) == 3


async def test_a_retry_is_done_once(api: Api) -> None:
    old = job_of(await create(api))
    first = await api.ask(RETRY, {"id": job_graphql(old)}, idempotency_key="r")
    again = await api.ask(RETRY, {"id": job_uuid(old), "key": "r"})
    assert job_of(again) == job_of(first) != old
    assert (REPLAYED in first.response.headers, REPLAYED in again.response.headers) == (False, True)
    path = f"POST /api/v1/jobs/{job_uuid(old)}/retry"
    own = await api.ask(path, idempotency_key="r")
    assert is_replayed(own)
    assert own.result["internalJobID"] == job_uuid(job_of(first))
    other = await api.ask(path, {"onlyFailed": True}, idempotency_key="r")
    assert (other.status, other.error) == (422, "idempotency_key_reused")
    assert await count_jobs(api) == 2


async def test_the_descriptions_name_the_key_where_a_repeated_request_is_answered_again(sqlite_api: Api) -> None:
    api, ends = sqlite_api, {"createdAfterDateTime": "2026-01-01", "createdBeforeDateTime": "2026-01-02"}
    first = {"engineId": BATCH, "correlationTaskId": "a"}
    job = await api.edge.create({"tasks": [first, {"engineId": TRANSCRIBE, "correlationTaskId": "b"}]})
    task = {"engineId": TRANSCRIBE, "ioFolders": [{"correlationID": "b-in", "mode": "stream", "type": "input"}]}
    added = (await api.edge.post(f"/proc/job/{job}/addtask", {"task": task})).json()["task"]["internalTaskID"]
    started = (await api.edge.detail(job))["tasks"][0]["internalTaskID"]
    form = b'--x\r\nContent-Disposition: form-data; name="parameterJSON"\r\n\r\n{"UPLOAD_URL":"https://h.example"}\r\n--x--'
    await engines.register(api.house, [engine.spec for engine in ENGINES], CATEGORIES)
    await api.edge.create({"tasks": [first | task], "taskRoutes": [{"taskChildId": "a", "endpoint": _ENDPOINT}]})
    bodies: dict[str, Any] = {
        "POST /edge/v1/proc/job/create": {"jobs": [REST_JOB]},
        "POST /edge/v1/engine/{EngineID}/createjob": form,
        "POST /edge/v1/proc/endpoint/{Endpoint}": b"hello",
        "POST /edge/v1/proc/job/{JobID}/addtask": {"task": {"engineId": BATCH}},
        "POST /edge/v1/proc/job/{JobID}/addtaskroute": {"task": {"taskParentId": "a", "taskChildId": added}},
        "POST /api/v1/jobs/{JobID}/retry": {},
        "POST /edge/v1/proc/tasks/update_status": {"taskIDs": [started], "taskStatus": "aborted"},
        "POST /edge/v1/proc/jobs/cancel": {"organizationID": organization_uuid(1), **ends},
        "POST /api/v1/jobs/cancel": ends,
        "POST /api/v1/pipelines/{PipelineName}/jobs": {"text": "a text"},
        "POST /api/v1/bulk-acts": {"act": "pause", "rule": {"statuses": ["failed"]}},
    }
    named = {one.name for one in served() if any("IdempotencyKey" in each.get("$ref", "") for each in one.parameters)}
    assert named == bodies.keys()
    for number, (name, body) in enumerate(bodies.items()):
        kinds = {form: "multipart/form-data; boundary=x", b"hello": "text/plain"}
        more = {"content_type": kinds[body]} if isinstance(body, bytes) else {}
        request = (
            name.replace("{JobID}", job)
            .replace("{EngineID}", BATCH)
            .replace("{Endpoint}", _ENDPOINT)
            .replace("{PipelineName}", "chunk")
        )
        once, again = [await api.ask(request, body, idempotency_key=f"k{number}", **more) for _ in range(2)]
        assert (once.status, is_replayed(once), is_replayed(again)) == (200, False, True), (name, once.body, again.body)


async def test_b18_another_request_with_the_key(api: Api) -> None:
    await create(api, **K1)
    refused = await create(api, {"tasks": [{"engineId": BATCH}]}, **K1)
    assert (refused.status, refused.error) == (400, "idempotency_key_reused")
    assert refused.message.startswith('Idempotency-Key "k1" was used for a different request at 20')
    assert refused.message.endswith("Z.")
    other = await api.ask(CREATE, {"in": {**JOB, "status": "queued"}}, **K1)
    assert other.outcome == ("invalid_input", refused.message)
    assert other.body["errors"][0]["data"]["code"] == "idempotency_key_reused"
    assert await count_jobs(api) == 1


@pytest.mark.parametrize("key", ["k" * 256, "a b", "é"])
async def test_b20_what_is_no_key(api: Api, key: str) -> None:
    text = "Idempotency-Key: 1–255 visible ASCII characters."
    refused = await create(api, idempotency_key=key)
    assert (refused.status, *refused.outcome) == (400, "invalid_input", text)
    assert (await api.ask(CREATE, {"in": JOB, "key": key})).outcome == ("invalid_input", text)
    # What is no job's id comes first.
    assert (await api.ask(RETRY, {"id": "x", "key": key})).error == "not_found"
    assert await count_jobs(api) == 0


@pytest.mark.parametrize(
    ("refusal", "documented", "own"),
    [(KeyReused("k", "2026-01-01T00:00:00Z"), 400, 422), (KeyInProgress(), 400, 409)],
    ids=["B18", "B19"],
)
async def test_b18_and_b19_have_their_own_status_where_it_is_known(
    api: Api, refusal: Refusal, documented: int, own: int
) -> None:
    async def refuse(call: Call) -> Reply:
        raise refusal

    for base, status in (("/edge/v1", documented), ("/api/v1", own)):
        paths: Paths[Any] = Paths()
        paths.add("POST", "/it", ForCallers(refuse))
        app = Interface(lambda: api.house, authenticate, base=base, operations=paths, own=base == "/api/v1")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            answer = await client.post(f"{base}/it", headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answer.status_code, answer.json()["id"]) == (status, refusal.code)
        assert answer.headers.get("retry-after") == ("1" if isinstance(refusal, KeyInProgress) else None)


async def test_one_key_for_several_mutations_is_refused_before_any_is_done(api: Api) -> None:
    two = """mutation($in: CreateJob) {
      a: createJob(input: $in) { id }
      ...more
    }
    fragment more on Mutation { b: createJob(input: $in) { id } __typename }
    """
    refused = await api.ask(two, {"in": JOB}, **K1)
    text = "Idempotency-Key: the request has 2 mutations; give each its own argument idempotencyKey instead."
    assert (refused.status, *refused.outcome) == (400, "invalid_input", text)
    assert await count_jobs(api) == 0


async def test_every_mutation_of_a_request_may_have_a_key_of_its_own(api: Api) -> None:
    query = """mutation($in: CreateJob) {
      a: createJob(input: $in, idempotencyKey: "a") { id } b: createJob(input: $in, idempotencyKey: "b") { id }
    }"""
    first, again = [await api.graphql.ask(query, {"in": JOB}) for _ in range(2)]
    assert again == first
    assert first["a"] != first["b"]
    assert await count_jobs(api) == 2


async def test_header_and_argument_may_not_differ(api: Api) -> None:
    refused = await api.ask(CREATE, {"in": JOB, "key": "other"}, idempotency_key="one")
    text = "idempotencyKey: differs from the header Idempotency-Key; give one of them."
    assert refused.outcome == ("invalid_input", text)
    assert await count_jobs(api) == 0
    await api.ask(CREATE, {"in": JOB, "key": "one"}, idempotency_key="one")
    assert await count_jobs(api) == 1


async def test_a_query_may_carry_the_header(api: Api) -> None:
    answer = await api.ask("{ a: me { id } b: me { id } }", **K1)
    assert (answer.status, "errors" in answer.body) == (200, False)


async def test_a_target_with_its_assets_is_made_once(api: Api) -> None:
    given = {**JOB, "target": {"name": "t", "assets": [ASSET]}}
    first, again = [await api.ask(CREATE, {"in": given}, **K1) for _ in range(2)]
    assert again.body == first.body
    assert first.result["targetId"]
    assert (await count_jobs(api), await count_targets(api)) == (1, 1)
    other = {**JOB, "target": {"name": "t", "assets": [{**ASSET, "uri": "https://h.example/b.txt"}]}}
    [error] = (await api.ask(CREATE, {"in": other}, **K1)).body["errors"]
    assert error["data"]["code"] == "idempotency_key_reused"
    assert await count_targets(api) == 1


async def test_of_targets_with_assets_made_at_once_one_is_left(api: Api) -> None:
    given = {**JOB, "target": {"name": "t", "assets": [ASSET]}}
    answers = await asyncio.gather(*(api.ask(CREATE, {"in": given}, **K1) for _ in range(8)))
    assert {job_of(answer) for answer in answers} == {job_of(answers[0])}
    assert sum(REPLAYED not in answer.response.headers for answer in answers) == 1
    assert (await count_jobs(api), await count_targets(api)) == (1, 1)


async def test_a_target_made_for_a_job_that_is_refused_is_taken_back(api: Api) -> None:
    target = {"name": "t", "assets": [ASSET]}
    assert (await api.ask(CREATE, {"in": {"tasks": [], "target": target}}, **K1)).error
    assert await count_targets(api) == 0
