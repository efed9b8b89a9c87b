"""The conformance cases of graphql-contract §5 in scope, and the founding page, on the real endpoint."""

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from graphql import (
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from tests.api.clients import TOKEN, Api
from tests.api.samples import DAG, TRANSCRIBE, WEBSTREAM

from enginehouse.api.graphql import graphql
from enginehouse.api.graphql.schema import schema
from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_uuid, parse_job, parse_task, task_graphql, task_uuid
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Done, Failed, NewArtifact, Report
from enginehouse.operations import work
from enginehouse.storage.database.database import Database

JOB_ID = re.compile(r"\d{8}_[A-Za-z0-9]{10}")
MILLISECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN_JOB = "23041407_RORjiJw7te"


async def test_a_login_needs_no_token_and_its_token_is_good(api: Api) -> None:
    query = """mutation L($u: String!, $p: String!) {
      userLogin(input: {userName: $u, password: $p}) { token user { name } } }"""
    data = await api.holding(None).graphql.ask(query, {"u": "admin", "p": api.password})
    token = data["userLogin"]["token"]
    assert len(token) == 36
    assert data["userLogin"]["user"]["name"] == "admin"
    validated = await api.holding(None).graphql.ask(
        "mutation V($t: String!) { validateToken(token: $t) { token } }", {"t": token}
    )
    assert validated["validateToken"]["token"] == token


async def test_a_wrong_login_is_answered_with_the_documented_text(api: Api) -> None:
    response = await api.holding(None).graphql.post(
        'mutation { userLogin(input: {userName: "admin", password: "no"}) { token } }'
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"userLogin": None}
    [error] = response.json()["errors"]
    assert (error["name"], error["message"]) == ("not_found", "The requested object or entity could not be found")


@pytest.mark.parametrize("token", [None, "3f8b3a0e-0000-4a62-9c7e-2d8f7f6f0a11"])
async def test_without_a_good_token_the_answer_is_200_with_authentication_error(api: Api, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    response = await api.graphql.http.post("/v3/graphql", json={"query": "{ me { id } }"}, headers=headers)
    assert response.status_code == 200
    [error] = response.json()["errors"]
    assert error["name"] == "authentication_error"
    assert "extensions" not in error
    assert {"message", "name", "time_thrown", "data", "path", "locations"} == set(error)
    schema = await api.graphql.http.post(
        "/v3/graphql", json={"query": "{ __schema { types { name } } }"}, headers=headers
    )
    assert (schema.status_code, schema.json()["data"]) == (200, None)


async def test_a_wrong_token_does_not_keep_anybody_from_logging_in(api: Api) -> None:
    query = {"query": f'mutation {{ userLogin(input: {{userName: "admin", password: "{api.password}"}}) {{ token }} }}'}
    response = await api.graphql.http.post("/v3/graphql", json=query, headers={"Authorization": "Bearer: old"})
    assert response.json()["data"]["userLogin"]["token"]


async def test_the_word_bearer_may_end_in_a_colon(api: Api) -> None:
    headers = {"Authorization": f"Bearer: {api.graphql.token}"}
    response = await api.graphql.http.post("/v3/graphql", json={"query": "{ me { id name } }"}, headers=headers)
    assert response.json()["data"]["me"]["name"] == "admin"


async def test_one_failed_field_leaves_its_aliases_alone(api: Api) -> None:
    tdo = (
        await api.graphql.ask(
            "mutation { createTDO(input: {startDateTime: 1574311000, stopDateTime: 1574311000}) { id } }"
        )
    )["createTDO"]["id"]
    response = await api.graphql.post(
        f"""mutation {{
          a: createAsset(input: {{containerId: 123}}) {{ id }}
          b: createAsset(input: {{containerId: "{tdo}", type: "media", contentType: "video/mp4"}}) {{ id }}
          c: createAsset(input: {{containerId: "{tdo}", type: "media", contentType: "video/mp4",
            uri: "http://h/v.mp4"}}) {{ id }}
        }}"""
    )
    body = response.json()
    assert response.status_code == 200
    assert (body["data"]["a"], body["data"]["b"]) == (None, None)
    assert body["data"]["c"]["id"].startswith(f"{tdo}_")
    unknown, nothing_given = body["errors"]
    assert unknown["data"]["objectType"] == "TemporalDataObject"
    assert nothing_given["message"] == "One of uri or file (upload) must be provided to create an asset."
    assert [error["path"] for error in body["errors"]] == [["a"], ["b"]]


async def test_a_target_shows_its_times_as_utc(api: Api) -> None:
    data = await api.graphql.ask(
        """mutation { createTDO(input: {startDateTime: "2018-01-01T10:00:00", stopDateTime: "2018-01-01T11:00:00"})
           { id startDateTime stopDateTime streams { uri } assets { records { id } count } assetCount jobs { count }
             organizationId applicationId } }"""
    )
    target = data["createTDO"]
    assert target["id"].isdigit()
    assert target["startDateTime"] == "2018-01-01T10:00:00.000Z"
    assert target["stopDateTime"] == "2018-01-01T11:00:00.000Z"
    assert (target["streams"], target["assets"], target["assetCount"]) == ([], {"records": [], "count": 0}, 0)


async def test_a_date_of_javascript_is_a_date_time(api: Api) -> None:
    date = "Wed Dec 18 2019 12:00:00 GMT+0200 (Mitteleuropäische Zeit)"
    made = await api.graphql.change("createTDO", "id startDateTime", startDateTime=date, stopDateTime=date)
    assert made["startDateTime"] == "2019-12-18T10:00:00.000Z"
    literal = f'{{createTDO(input: {{startDateTime: "{date}", stopDateTime: 1576663201}}) {{ startDateTime }} }}'
    assert (await api.graphql.ask(f"mutation {literal}"))["createTDO"]["startDateTime"] == made["startDateTime"]
    await api.graphql.create_job()
    query = "query($at: DateTime) { jobs(dateTimeFilter: {field: createdDateTime, toDateTime: $at}) { count } }"
    for at, count in ((date, 0), ("Thu, 01 Jan 2099 00:00:00 GMT", 1)):
        assert (await api.graphql.ask(query, {"at": at}))["jobs"]["count"] == count


async def test_a_job_in_the_older_shape(api: Api) -> None:
    tdo = (await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"))[
        "createTDO"
    ]["id"]
    data = await api.graphql.ask(
        f"""mutation {{ createJob(input: {{targetId: "{tdo}", tasks: [
            {{engineId: "{WEBSTREAM}", payload: {{url: "https://h.example/a.mp4"}}}}, {{engineId: "{TRANSCRIBE}"}}]}})
            {{ id status targetId routes {{ options }} tasks {{ records {{ ioFolders {{ mode }} }} }} }} }}"""
    )
    job = data["createJob"]
    assert JOB_ID.fullmatch(job["id"])
    assert (job["status"], job["targetId"], job["routes"]) == ("pending", tdo, [])
    assert [task["ioFolders"] for task in job["tasks"]["records"]] == [[], []]


async def test_a_job_with_folders_and_routes_is_shown_as_it_was_given(api: Api) -> None:
    data = await api.graphql.ask(
        """mutation J($in: CreateJob) { createJob(input: $in) { id targetId clusterId status warnings retryOf retries
           tasks { count records { id engineId payload taskPayload status output ioFolders { referenceId type mode }
             executionPreferences { priority maxRetries parentCompleteBeforeStarting } } }
           routes { parentIoFolderReferenceId childIoFolderReferenceId } } }""",
        {"in": DAG},
    )
    job = data["createJob"]
    tasks = job["tasks"]["records"]
    assert job["targetId"].isdigit()
    assert job["clusterId"] == DAG["clusterId"]
    assert [route["parentIoFolderReferenceId"] for route in job["routes"]] == ["a", "c", "f"]
    assert all(task["id"].startswith(job["id"]) and len(task["id"]) == len(job["id"]) + 5 for task in tasks)
    assert [task["ioFolders"] for task in tasks] == [task["ioFolders"] for task in DAG["tasks"]]
    assert [task["payload"] for task in tasks[:2]] == [task["payload"] for task in DAG["tasks"][:2]]
    assert tasks[1]["executionPreferences"] == {
        "priority": 0, "maxRetries": None, "parentCompleteBeforeStarting": True,
    }  # fmt: skip
    assert (job["retryOf"], job["retries"], job["tasks"]["count"]) == (None, [], 4)


async def test_a_job_with_a_target_of_a_status_only(api: Api) -> None:
    data = await api.graphql.ask(
        f"""mutation {{ createJob(input: {{target: {{status: "downloaded"}} notificationUris: ["https://h.example/hook"]
            clusterId: "c" tasks: [{{engineId: "{WEBSTREAM}" notificationUris: ["https://h.example/t"]}}]}})
            {{ id targetId target {{ status startDateTime createdDateTime }} }} }}"""
    )
    target = data["createJob"]["target"]
    assert target["status"] == "downloaded"
    assert target["startDateTime"] == target["createdDateTime"]


async def test_a_target_is_made_with_its_assets_or_not_at_all(api: Api) -> None:
    good = {"assetType": "media", "contentType": "video/mp4", "uri": "https://h.example/a.mp4", "setAsPrimary": True}
    times = {"startDateTime": 1, "stopDateTime": 2}
    make = "mutation($in: CreateTDO) { createTDO(input: $in) { id assets { records { uri } } } }"
    made = await api.graphql.ask(make, {"in": {**times, "assets": [good]}})
    assert made["createTDO"]["assets"]["records"] == [{"uri": "https://h.example/a.mp4"}]
    error = await api.graphql.refused(make, {"in": {**times, "assets": [good, {**good, "uri": "file:///etc/passwd"}]}})
    assert error["data"]["field"] == "assets[1].uri"
    job_id = await api.graphql.create_job(target={"status": "downloaded", "assets": [good]})
    shown = await api.graphql.ask(
        f'{{ job(id: "{job_id}") {{ target {{ primaryAsset(assetType: "media") {{ uri }} }} }} }}'
    )
    assert shown["job"]["target"]["primaryAsset"] == {"uri": "https://h.example/a.mp4"}


async def test_polling_a_job(api: Api) -> None:
    job_id = await api.graphql.create_job()
    data = await api.graphql.ask(
        f"""query {{ job(id: "{job_id}") {{ status createdDateTime targetId name scheduledJob {{ id }} template {{ id }}
            tasks {{ records {{ id status createdDateTime modifiedDateTime taskOutput log {{ uri text }} name order
              engine {{ id name category {{ name }} }} engineId buildId failureReason childTasks {{ id }}
              job {{ id }} }} }} }} }}"""
    )
    job = data["job"]
    [task] = job["tasks"]["records"]
    assert MILLISECOND.fullmatch(job["createdDateTime"])
    assert (job["scheduledJob"], job["template"]) == (None, None)
    assert task["engine"] == {"id": WEBSTREAM, "name": "Webstream Adapter", "category": {"name": "Intake"}}
    assert (task["job"]["id"], task["log"], task["childTasks"]) == (job_id, None, [])


async def test_both_spellings_of_an_id_are_read_and_answered_in_ours(api: Api) -> None:
    job_id = await api.graphql.create_job()
    number = parse_job(job_id)
    assert number is not None
    data = await api.graphql.ask(
        "query($id: ID!) { job(id: $id) { id tasks { records { id } } } }", {"id": job_uuid(number)}
    )
    assert data["job"]["id"] == job_id
    task_id = data["job"]["tasks"]["records"][0]["id"]
    task = parse_task(task_id)
    assert task is not None
    shown = await api.graphql.ask("query($id: ID!) { task(id: $id) { id name jobId } }", {"id": task_uuid(*task)})
    assert shown["task"] == {"id": task_id, "name": None, "jobId": job_id}
    cancelled = await api.graphql.ask(
        "mutation($id: ID!) { cancelJob(id: $id) { id message } }", {"id": job_uuid(number)}
    )
    assert cancelled["cancelJob"] == {"id": job_id, "message": "Job cancelled"}


async def test_jobs_are_found_by_a_single_word_for_a_list(api: Api) -> None:
    kept, gone = await api.graphql.create_job(), await api.graphql.create_job()
    await api.graphql.ask(f'mutation {{ cancelJob(id: "{gone}") {{ id }} }}')
    pending = await api.graphql.ask("{ jobs(status: pending, limit: 50) { count offset limit records { id status } } }")
    assert pending["jobs"] == {"count": 1, "offset": 0, "limit": 50, "records": [{"id": kept, "status": "pending"}]}
    found = await api.graphql.ask(
        """{ jobs(status: cancelled) { records { id status
          a: tasks(status: cancelled) { count } b: tasks(status: [aborted]) { count } } } }"""
    )
    assert found["jobs"]["records"] == [{"id": gone, "status": "aborted", "a": {"count": 1}, "b": {"count": 1}}]


async def test_a_job_has_the_name_that_it_was_given_and_is_found_by_it(api: Api, foreign: Api) -> None:
    named, other = await api.graphql.create_job(name="Nightly é"), await api.graphql.create_job(name="nightly é")
    await api.graphql.create_job()
    await api.graphql.create_job(name="")
    await foreign.graphql.create_job(name="Nightly é")
    again = (await api.graphql.ask(f'mutation {{ retryJob(id: "{named}") {{ id name }} }}'))["retryJob"]
    assert again["name"] == "Nightly é"
    query = "query($name: String, $id: ID) { jobs(name: $name, id: $id) { records { id name } } }"

    async def found(**variables: str) -> list[str]:
        records = (await api.graphql.ask(query, variables))["jobs"]["records"]
        assert {record["name"] for record in records} <= {variables["name"]}
        return [record["id"] for record in records]

    assert await found(name="Nightly é") == [again["id"], named]
    assert await found(name="nightly é") == [other]
    assert await found(name="Nightly é", id=named) == [named]
    assert await found(name="Nightly é", id=other) == []
    assert await found(name="Nightly") == []
    whole = (await api.graphql.ask("{ jobs { records { name } } }"))["jobs"]["records"]
    assert [record["name"] for record in whole] == ["Nightly é", None, None, "nightly é", "Nightly é"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 256, "name: 256 bytes, at most 255."),
        ("a\tb", "name: character U+0009 at position 2 is not allowed."),
        ("  ", "name: only spaces."),
    ],
)
async def test_a_name_that_cannot_be_kept_is_refused_with_its_path(api: Api, name: str, problem: str) -> None:
    variables = {"in": {"name": name, "tasks": [{"engineId": WEBSTREAM}]}}
    refused = await api.graphql.refused("mutation($in: CreateJob) { createJob(input: $in) { id } }", variables)
    assert (refused["name"], refused["data"]["all"][0]["message"]) == ("invalid_input", problem)
    assert (await api.graphql.ask("{ jobs { count } }"))["jobs"]["count"] == 0


async def test_jobs_in_order_and_by_date(api: Api) -> None:
    first, second = await api.graphql.create_job(), await api.graphql.create_job()
    query = "query($by: [JobSortField!]) { jobs(orderBy: $by) { records { id } } }"
    newest = await api.graphql.ask(query, {"by": {"field": "createdDateTime", "direction": "desc"}})
    oldest = await api.graphql.ask(query, {"by": [{"field": "createdDateTime", "direction": "asc"}]})
    assert [record["id"] for record in newest["jobs"]["records"]] == [second, first]
    assert [record["id"] for record in oldest["jobs"]["records"]] == [first, second]
    shown = (await api.graphql.ask(f'{{ job(id: "{second}") {{ createdDateTime }} }}'))["job"]["createdDateTime"]
    upto = await api.graphql.ask(
        f"""{{ jobs(id: "{second}", dateTimeFilter: {{field: createdDateTime, toDateTime: "{shown[:19]}Z"}})
            {{ count }} }}"""
    )
    assert upto["jobs"]["count"] == 1  # an upper bound without a fraction covers its whole second
    before = await api.graphql.ask(
        "{ jobs(dateTimeFilter: {field: createdDateTime, toDateTime: 1574311000}) { count } }"
    )
    assert before["jobs"]["count"] == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ('engineIds: ["transcription"]', 0),
        (f'engineIds: "{WEBSTREAM}"', 1),
        ('engineCategoryIds: ["4be1a1b2-653d-4eaa-ba18-747a265305d8"]', 1),
        ("hasScheduledJobId: true", 0),
        ("hasScheduledJobId: false", 1),
        ("hasTargetTDO: true", 0),
        ('targetId: "none"', 0),
        ('id: "23041407_RORjiJw7te"', 0),
        ("offset: 10", 0),
    ],
)
async def test_filters_of_jobs(api: Api, arguments: str, found: int) -> None:
    await api.graphql.create_job()
    assert (await api.graphql.ask(f"{{ jobs({arguments}) {{ count }} }}"))["jobs"]["count"] == found


@pytest.mark.parametrize("limit", [0, -1, 1001, 1_000_000_000])
async def test_a_page_out_of_bounds_says_what_is_allowed(api: Api, limit: int) -> None:
    error = await api.graphql.refused("query($n: Int) { jobs(limit: $n) { count } }", {"n": limit})
    assert (error["name"], error["message"]) == ("invalid_input", f"limit: 1–1000, got {limit}.")
    assert error["data"]["all"] == [
        {"field": "limit", "message": f"limit: 1–1000, got {limit}.", "value": str(limit), "allowed": "1–1000"}
    ]


async def test_the_founding_page_word_for_word(api: Api) -> None:
    """It sends cancelJob and retryJob exactly as printed there, but with our own id."""
    job_id = await api.graphql.create_job()
    cancel = f"""mutation cancelJob {{
  cancelJob(id: "{job_id}") {{
    id
    message
  }}
}}"""
    retry = f"""mutation retryJob {{
   retryJob(id: "{job_id}") {{
     id
   }}
 }}"""
    response = await api.graphql.post(cancel, operationName="cancelJob")
    assert response.json() == {"data": {"cancelJob": {"id": job_id, "message": "Job cancelled"}}}
    again = await api.graphql.ask(cancel)
    assert again["cancelJob"]["message"] == "Job cancelled"
    retried = (await api.graphql.ask(retry))["retryJob"]["id"]
    shown = await api.graphql.ask(
        f'{{ old: job(id: "{job_id}") {{ status retries }} new: job(id: "{retried}") {{ status retryOf }} }}'
    )
    assert shown == {
        "old": {"status": "aborted", "retries": [retried]},
        "new": {"status": "pending", "retryOf": job_id},
    }


@pytest.mark.parametrize(
    "query",
    [
        "query($id: ID!) { job(id: $id) { id } }",
        "mutation($id: ID!) { cancelJob(id: $id) { id } }",
        "mutation($id: ID!) { retryJob(id: $id) { id } }",
    ],
)
async def test_a_foreign_job_looks_like_an_unknown_one(api: Api, foreign: Api, query: str) -> None:
    job_id = await api.graphql.create_job()
    hidden = await foreign.graphql.refused(query, {"id": job_id})
    unknown = await foreign.graphql.refused(query, {"id": UNKNOWN_JOB})
    assert hidden["name"] == unknown["name"] == "not_found"
    assert hidden["message"].replace(job_id, "…") == unknown["message"].replace(UNKNOWN_JOB, "…")
    assert hidden["data"]["objectType"] == unknown["data"]["objectType"] == "Job"
    assert (hidden["data"]["objectId"], unknown["data"]["objectId"]) == (job_id, UNKNOWN_JOB)
    assert (await api.graphql.ask(f'{{ job(id: "{job_id}") {{ status }} }}'))["job"]["status"] == "pending"


async def test_every_problem_of_a_job_is_listed(api: Api) -> None:
    error = await api.graphql.refused(
        """mutation { createJob(input: {tasks:
          [{engineId: "nope"}, {payload: {}}, {taskType: "x", engineId: "y"}]}) { id } }"""
    )
    assert error["name"] == "invalid_input"
    assert (
        'tasks[0].engineId: engine "nope" does not exist or is not available to your organization.' in error["message"]
    )
    assert {problem["field"].partition(".")[0] for problem in error["data"]["all"]} == {
        "tasks[0]",
        "tasks[1]",
        "tasks[2]",
    }
    assert error["path"] == ["createJob"]
    assert error["locations"] == [{"line": 1, "column": 12}]


@pytest.mark.parametrize(
    "query", ["mutation { createJob { id } }", "mutation { createJob(input: {tasks: []}) { id } }"]
)
async def test_a_job_without_tasks(api: Api, query: str) -> None:
    assert (await api.graphql.refused(query))["message"] == "tasks: at least 1 task is required."


async def test_engines_and_categories(api: Api) -> None:
    data = await api.graphql.ask(
        """{ engine(id: "transcription") { id state mode category { name type { name } } builds { count }
               ownerOrganizationId
               fields { name } standaloneJobTemplates { type } dependency { id } }
             engines(limit: 10000, category: "transcription", state: active) { count records { name } }
             engineCategories(type: "Ingestion") { records { name totalEngines engines { records { id } } } } }"""
    )
    assert data["engine"]["id"] == TRANSCRIBE
    assert (data["engine"]["state"], data["engine"]["mode"]) == ("active", "Chunk")
    assert {record["name"] for record in data["engines"]["records"]} == {"Speech", "Output Writer"}
    [category] = data["engineCategories"]["records"]
    assert (category["name"], category["totalEngines"]) == ("Intake", 3)
    assert (await api.graphql.refused('{ engine(id: "nope") { id } }'))["name"] == "not_found"


async def test_results_of_a_job_without_any(api: Api) -> None:
    job_id = await api.graphql.create_job()
    data = await api.graphql.ask(
        f"""{{ engineResults(jobId: "{job_id}") {{
            records {{ tdoId engineId startOffsetMs jsondata assetId userEdited }} }} }}"""
    )
    assert data["engineResults"]["records"] == []
    assert (await api.graphql.post(f'{{ engineResults(jobId: "{job_id}") {{ count }} }}')).status_code == 400
    assert (await api.graphql.refused("{ engineResults { records { taskId } } }"))["name"] == "invalid_input"


async def test_results_carry_what_the_platform_adds(api: Api, foreign: Api) -> None:
    job_id = await api.graphql.create_job(
        target={"status": "downloaded"}, tasks=[{"engineId": TRANSCRIBE, "payload": {"text": "x"}}]
    )
    task_id = await _finished(api, {"series": [{"startTimeMs": 0, "stopTimeMs": 5, "words": []}]})
    fields = "records { tdoId tdo { id } engineId taskId startOffsetMs stopOffsetMs jsondata }"
    shown = (await api.graphql.ask(f'{{ job(id: "{job_id}") {{ status targetId }} }}'))["job"]
    assert shown["status"] == "complete"
    by_job = await api.graphql.ask(f'{{ engineResults(jobId: "{job_id}") {{ {fields} }} }}')
    [record] = by_job["engineResults"]["records"]
    assert (record["tdoId"], record["tdo"]) == (shown["targetId"], {"id": shown["targetId"]})
    assert (record["engineId"], record["taskId"]) == (TRANSCRIBE, task_id)
    assert (record["startOffsetMs"], record["stopOffsetMs"]) == (0, 5)
    document = record["jsondata"]
    assert (document["sourceEngineId"], document["taskId"]) == (TRANSCRIBE, task_id)
    assert document["generatedDateUTC"].endswith("Z")
    assert isinstance(document["modifiedDateTime"], int)
    arguments = f'tdoId: {shown["targetId"]}, engineIds: "transcription"'
    by_target = await api.graphql.ask(f"{{ engineResults({arguments}) {{ {fields} }} }}")
    assert by_target == by_job
    outside = await api.graphql.ask(f"{{ engineResults({arguments}, startOffsetMs: 6) {{ records {{ taskId }} }} }}")
    assert outside["engineResults"]["records"] == []
    error = await foreign.graphql.refused(f'{{ engineResults(jobId: "{job_id}") {{ records {{ taskId }} }} }}')
    assert error["name"] == "not_found"


async def _finished(api: Api, document: dict[str, Any]) -> str:
    """The only waiting task has published `document`. Returns the task's id."""
    [lease] = await work.claim(api.house, pool="native", limit=1, worker="w")
    raw = json.dumps(document).encode()
    stored = await api.house.store.put("published", raw)
    output = NewArtifact(
        folder=PUBLISHED, part=0, index=0, name="vtn-standard.json", media_type="application/json",
        size=stored.size, sha256=stored.sha256, key=stored.key, start_ms=0, stop_ms=5,
    )  # fmt: skip
    assert isinstance(await work.finish(api.house, Report(lease.key, lease.token, Done((output,)))), Accepted)
    return task_graphql(lease.key.job_id, lease.key.ordinal)


async def test_a_job_past_cancelling_says_where_it_is(api: Api) -> None:
    job_id = await api.graphql.create_job(tasks=[{"engineId": TRANSCRIBE, "payload": {"text": "x"}}])
    await work.claim(api.house, pool="native", limit=1, worker="w")
    error = await api.graphql.refused(f'mutation {{ cancelJob(id: "{job_id}") {{ id message }} }}')
    assert error["name"] == "invalid_input"
    assert "running" in error["message"]


async def test_a_job_that_runs_is_stopped_where_that_is_asked_for(api: Api) -> None:
    job_id = await api.graphql.create_job(tasks=[{"engineId": TRANSCRIBE, "payload": {"text": "x"}}])
    [lease] = await work.claim(api.house, pool="native", limit=1, worker="w")
    shown = f'{{ job(id: "{job_id}") {{ status stopping stopRequestedDateTime tasks {{ records {{ status }} }} }} }}'
    assert (await api.graphql.ask(shown))["job"]["stopRequestedDateTime"] is None
    cancel = f'mutation {{ cancelJob(id: "{job_id}", includeRunning: true) {{ id message stopping }} }}'
    answer = await api.graphql.ask(cancel)
    assert answer["cancelJob"] == {"id": job_id, "message": "Job cancelled", "stopping": 1}
    job = (await api.graphql.ask(shown))["job"]
    assert job.pop("stopRequestedDateTime")
    assert job == {"status": "running", "stopping": 1, "tasks": {"records": [{"status": "running"}]}}
    stopped = Failed(FailureKind.STOP_REQUESTED, "stopped")
    await work.finish(api.house, Report(lease.key, lease.token, stopped))
    job = (await api.graphql.ask(shown))["job"]
    assert (job["status"], job["stopping"]) == ("aborted", 0)
    found = (await api.graphql.ask("{ jobs(status: cancelled) { records { id } } }"))["jobs"]
    assert found["records"] == [{"id": job_id}]


class Counting:
    """A database that counts its calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"read", "peek"}:
            self.reads += 1
        return getattr(self._database, name)


async def test_lists_do_not_ask_once_for_every_record(api: Api) -> None:
    counting = Counting(api.house.database)
    endpoint = graphql(replace(api.house, database=counting))
    query = {
        "query": """{ jobs { records { id target { id assetCount } tasks { records {
            id engine { id category { name } } job { id target { id } }
            targetId childTaskIds ioFolders { mode } } } } } }"""
    }
    asked = []
    for more in (6, 8):  # with few new ones, a list of SQLite is read on the loop, without the second look
        for _ in range(more):
            await api.graphql.create_job(target={"status": "downloaded"})
        counting.reads = 0
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=endpoint), base_url="http://h.example") as http:
            body = (await http.post("/v3/graphql", json=query, headers=api.graphql.headers())).json()
        assert "errors" not in body
        asked.append(counting.reads)
    assert len(body["data"]["jobs"]["records"]) == 14
    assert asked[0] == asked[1]


def _every_field(type_name: str, inner: int = 1) -> str:
    """Returns all fields of a type without required arguments, and those of objects in it, `inner` levels deep."""
    parts = []
    for name, field in schema().type_map[type_name].fields.items():  # type: ignore[attr-defined]
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(name)
        elif "Page" in {interface.name for interface in named.interfaces}:
            parts.append(
                f"{name}(limit: 1) {{ count offset limit }}" if "limit" in field.args else f"{name} {{ count }}"
            )
        elif inner:
            parts.append(f"{name} {{ {_every_field(named.name, inner - 1)} }}")
    return " ".join(parts) or "__typename"


async def test_no_field_of_the_contract_is_an_error(api: Api) -> None:
    job_id = await api.graphql.create_job(
        target={"status": "downloaded"}, tasks=[{"engineId": TRANSCRIBE, "payload": {"text": "x"}}]
    )
    task_id = await _finished(api, {"series": []})
    tdo = (await api.graphql.ask(f'{{ job(id: "{job_id}") {{ targetId }} }}'))["job"]["targetId"]
    source = f'sourceData: {{taskId: "{task_id}", engineId: "{TRANSCRIBE}"}}, jsondata: {{a: 1}}'
    create = f"mutation {{ createAsset(input: {{containerId: {tdo}, {source}}}) {{ {_every_field('Asset')} }} }}"
    shown = await api.graphql.ask(create)
    assert shown["createAsset"]["jsondata"] == {"a": 1}
    assert shown["createAsset"]["sourceData"]["taskId"] == task_id
    for query, type_name in (
        (f'job(id: "{job_id}")', "Job"),
        (f'task(id: "{task_id}")', "Task"),
        (f"temporalDataObject(id: {tdo})", "TemporalDataObject"),
        (f'engine(id: "{TRANSCRIBE}")', "Engine"),
        ("me", "User"),
    ):
        data = await api.graphql.ask(f"{{ {query} {{ {_every_field(type_name)} }} }}")
        assert data[query.partition("(")[0]]["id"]
    categories = await api.graphql.ask(f"{{ engineCategories {{ records {{ {_every_field('EngineCategory')} }} }} }}")
    assert len(categories["engineCategories"]["records"]) == 2
    token = await api.graphql.ask(f'mutation {{ validateToken(token: "{TOKEN}") {{ {_every_field("LoginInfo")} }} }}')
    assert token["validateToken"]["token"] == TOKEN


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        '{ ...F } fragment F on Query { __type(name: "Job") { name } }',
        '{ ... on Query { __type(name: "Job") { name } } }',
    ],
)
async def test_a_stranger_is_not_told_the_schema(api: Api, query: str) -> None:
    response = await api.holding(None).graphql.post(query)
    assert (response.status_code, response.json()["data"]) == (200, None)
    assert response.json()["errors"][0]["name"] == "authentication_error"


async def test_a_reader_may_look_and_not_touch(api: Api) -> None:
    reader = (await api.in_role(Role.READER)).graphql
    job_id = await api.graphql.create_job()
    assert (await reader.ask("{ jobs { count } }"))["jobs"]["count"] == 1
    error = await reader.refused(f'mutation {{ cancelJob(id: "{job_id}") {{ id }} }}')
    assert error["name"] == "not_allowed"
    assert error["message"] == "The authenticated user or token is not authorized to perform the requested action."
    assert (error["data"]["field"], error["data"]["type"]) == ("cancelJob", "Mutation")
    assert "job.create" not in error["data"]["rights"]


async def test_me(api: Api) -> None:
    data = await api.graphql.ask("{ me { id name organizationId organization { id name } mfaInfo { id } status } }")
    assert data["me"]["organization"]["id"] == data["me"]["organizationId"] == "1"


async def test_the_schema_describes_itself_to_whoever_has_a_token(api: Api) -> None:
    data = await api.graphql.ask(get_introspection_query())
    found = build_client_schema(data)  # type: ignore[arg-type]
    assert {"JSONData", "DateTime", "Time", "BigInt", "UploadedFile", "ScheduledJob", "JobTemplate"} <= set(
        found.type_map
    )
    assert found.subscription_type is None
