"""The requests of the page "Manage jobs using the API", exactly as printed there, but with our own id."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.acceptance.servers import Server, serving

_CREATE = "mutation($job: CreateJob) { createJob(input: $job) { id } }"
# A task with a time in the future would start anyway. A server without worker slots starts none.
_WAITING = ("--native-slots", "0", "--python-slots", "0")

_STATUS = """curl --request GET \\
  --url {url}/edge/v1/proc/job/{job}/status \\
  --header 'Authorization: Bearer {token}' \\
  --header 'Content-Type: application/json' \\
"""
_CANCEL = """curl --request POST \\
  --url {url}/edge/v1/proc/jobs/cancel \\
  --header 'Authorization: Bearer {token}' \\
  --header 'Content-Type: application/json' \\
  --data '{{
    "jobID": "{job}"
}}'
"""
_CANCEL_SCHEDULED = """curl --request POST \\
--url {url}/edge/v1/proc/jobs/cancel \\
--header 'Authorization: Bearer {token}' \\
--header 'Content-Type: application/json' \\
--data '{{
"scheduledJobID": "{job}"
}}'
"""
_CANCEL_RANGE = """curl --request POST \\
--url {url}/edge/v1/proc/jobs/cancel \\
--header 'Authorization: Bearer {token}' \\
--header 'Content-Type: application/json' \\
--data '{{
"organizationID": "{job}",
"createdBeforeDateTime": "2022-09-26T16:21:22+00:00",
"createdAfterDateTime": "2022-08-26T16:21:22+00:00"
}}'
"""
_CANCEL_MUTATION = """mutation cancelJob {{
  cancelJob(id: "{job}") {{
    id
    message
  }}
}}"""
_UPDATE_SCHEDULED = """mutation updateScheduledJob {{
    updateScheduledJob(
        input: {{
            id: {job}
            isActive: false
            isPublic: false
            runMode: Once
        }}
    ) {{
        id
        name
    }}
}}
"""
_RETRY_MUTATION = """mutation retryJob {{
   retryJob(id: "{job}") {{
     id
   }}
 }}"""


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields a server on which nothing starts, so that every job can be cancelled."""
    with serving(tmp_path_factory.mktemp("idle"), *_WAITING) as up:
        yield up


@pytest.fixture
def client(idle: Server) -> Iterator[httpx.Client]:
    with idle.client() as opened:
        yield opened


def _both_ids(client: httpx.Client) -> dict[str, str]:
    """Returns the ids of a new job in the spelling of each interface."""
    task = {"engineId": "noop"}
    made = client.post("/v3/graphql", json={"query": _CREATE, "variables": {"job": {"tasks": [task]}}}).json()
    graphql_id = made["data"]["createJob"]["id"]
    detail = client.get(f"/edge/v1/proc/job/{graphql_id}/detail").json()["job"]
    return {"graphql": graphql_id, "rest": detail["internalJobID"]}


def _typed(command: str, server: Server, job: str) -> tuple[int, Any]:
    """Returns the result of the page's own curl command in a shell: (HTTP status, body)."""
    text = command.format(url=server.url, token=server.token, job=job).rstrip().removesuffix("\\")
    ended = subprocess.run(
        ["bash", "-c", text.rstrip() + " --silent --write-out '\\n%{http_code}'"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    body, _, status = ended.stdout.rpartition("\n")
    return int(status), json.loads(body)


def _graphql(client: httpx.Client, mutation: str, job: str) -> Any:
    answer = client.post("/v3/graphql", json={"query": mutation.format(job=job)})
    assert answer.status_code == 200
    return answer.json()


spellings = pytest.mark.parametrize("spelling", ["graphql", "rest"])


@spellings
def test_status(idle: Server, client: httpx.Client, spelling: str) -> None:
    ids = _both_ids(client)
    status, body = _typed(_STATUS, idle, ids[spelling])
    assert (status, body) == (200, {"job": {"internalJobID": ids["rest"], "jobStatus": body["job"]["jobStatus"]}})
    assert body["job"]["jobStatus"] in ("pending", "queued")


@spellings
def test_cancel_over_rest(idle: Server, client: httpx.Client, spelling: str) -> None:
    ids = _both_ids(client)
    assert _typed(_CANCEL, idle, ids[spelling]) == (200, {"success": True, "count": 1})
    assert _typed(_STATUS, idle, ids["rest"])[1]["job"]["jobStatus"] == "aborted"
    assert _typed(_CANCEL, idle, ids[spelling]) == (200, {"success": True, "count": 0})


@spellings
def test_cancel_over_graphql(idle: Server, client: httpx.Client, spelling: str) -> None:
    ids = _both_ids(client)
    answer = _graphql(client, _CANCEL_MUTATION, ids[spelling])
    assert answer == {"data": {"cancelJob": {"id": ids["graphql"], "message": "Job cancelled"}}}
    assert _typed(_STATUS, idle, ids["graphql"])[1]["job"]["jobStatus"] == "aborted"


@spellings
def test_retry(idle: Server, client: httpx.Client, spelling: str) -> None:
    ids = _both_ids(client)
    made = _graphql(client, _RETRY_MUTATION, ids[spelling])["data"]["retryJob"]["id"]
    assert made not in ids.values()
    assert _typed(_STATUS, idle, made)[0] == 200


def test_cancel_of_a_time_range_as_printed_leaves_what_is_outside_of_it(idle: Server, client: httpx.Client) -> None:
    ids = _both_ids(client)
    assert _typed(_CANCEL_RANGE, idle, "1") == (200, {"success": True, "count": 0})
    assert _typed(_STATUS, idle, ids["rest"])[1]["job"]["jobStatus"] != "aborted"


def test_cancel_of_a_time_range_cancels_what_is_in_it(idle: Server, client: httpx.Client) -> None:
    ids = _both_ids(client)
    until_now = _CANCEL_RANGE.replace("2022-09-26", "2122-09-26")
    status, body = _typed(until_now, idle, "1")
    assert (status, body["success"]) == (200, True)
    assert body["count"] >= 1
    assert _typed(_STATUS, idle, ids["rest"])[1]["job"]["jobStatus"] == "aborted"


def _scheduled(client: httpx.Client) -> str:
    """Creates a scheduled job every five minutes, like the page's. Returns its id."""
    text = """mutation { createScheduledJob(input: {name: "qv3TestEverye5Minute", runMode: Recurring,
      recurringScheduleParts: [{repeatInterval: 5, repeatIntervalUnit: Minutes}],
      jobTemplates: [{taskTemplates: [{engineId: "00000000-0000-4000-8000-0000000e0001"}]}]}) { id } }"""
    found: str = client.post("/v3/graphql", json={"query": text}).json()["data"]["createScheduledJob"]["id"]
    return found


def _is_active(client: httpx.Client, scheduled: str) -> bool:
    text = f'query {{ scheduledJob(id: "{scheduled}") {{ isActive }} }}'
    found: bool = client.post("/v3/graphql", json={"query": text}).json()["data"]["scheduledJob"]["isActive"]
    return found


@pytest.mark.parametrize("quote", ["", '"'])
def test_cancel_of_a_scheduled_job_over_graphql(idle: Server, client: httpx.Client, quote: str) -> None:
    scheduled = _scheduled(client)
    assert _is_active(client, scheduled)
    answer = _graphql(client, _UPDATE_SCHEDULED, f"{quote}{scheduled}{quote}")
    assert answer == {"data": {"updateScheduledJob": {"id": scheduled, "name": "qv3TestEverye5Minute"}}}
    assert not _is_active(client, scheduled)


def test_cancel_of_a_scheduled_job_over_rest(idle: Server, client: httpx.Client) -> None:
    scheduled = _scheduled(client)
    assert _typed(_CANCEL_SCHEDULED, idle, scheduled) == (200, {"success": True, "count": 0})
    assert not _is_active(client, scheduled)
    assert _typed(_CANCEL_SCHEDULED, idle, "999999")[0] == 404


def test_an_unknown_job_is_not_found_on_both(idle: Server, client: httpx.Client) -> None:
    assert _typed(_CANCEL, idle, "23041407_RORjiJw7te")[0] == 404
    assert _graphql(client, _CANCEL_MUTATION, "23041407_RORjiJw7te")["errors"][0]["name"] == "not_found"


def test_a_complete_job_is_past_cancelling_and_is_not_retried(server: Server) -> None:
    ran = server.cli("job", "create", "--engine", "noop", "--watch", "--json")
    job = json.loads(ran.out)["coreJobID"]
    status, body = _typed(_CANCEL, server, job)
    assert status == 400
    assert "complete" in body["detail"]
    with server.client() as client:
        for mutation in (_CANCEL_MUTATION, _RETRY_MUTATION):
            assert _graphql(client, mutation, job)["errors"][0]["name"] == "invalid_input"
