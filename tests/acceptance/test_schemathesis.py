"""The published tester `schemathesis` calls every described operation with generated requests, on a running server.

`make test` takes a sample of the requests, `make chaos` many more.
"""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.acceptance.servers import Server, clean
from tests.acceptance.toolchains import ROOT, installed
from tests.thorough import THOROUGH

pytestmark = pytest.mark.slow

# That no token is ignored: tests/api/test_every_operation.py. Here the server would refuse many wrong ones with 429.
CHECKS: Final = "no_failure,status_code_conformance,content_type_conformance,response_schema_conformance"
SAMPLE: Final = ["--phases", "fuzzing", "--max-examples", "1", "--seed", "1"]
WHOLE: Final = ["--phases", "coverage,fuzzing", "--max-examples", "100"]
# The engine of the job writes nothing.
WITHOUT_LOG: Final = "GET /jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log"
# They end the server or close what the next request needs.
EXCLUDED: Final = "/terminate$"
WEBHOOK: Final = """mutation {
  createEvent(input: {application: "a", eventType: "t", eventName: "n"}) { id }
  subscribeEvent(input: {application: "a", delivery: {name: Webhook, params: {url: "https://h.example/a"}}})
  emitEvent(input: {application: "a", eventType: "t", eventName: "n", payload: "{}"}) { id }
}"""
PLACE: Final = '{ getSignedWritableUrl(key: "a.txt") { url getUrl } }'
TARGET: Final = "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"
ASSET: Final = 'mutation { createAsset(input: {containerId: "%s", uri: "%s", contentType: "text/plain"}) { id } }'


def waiting(client: httpx.Client) -> str:
    """Returns a new job."""
    created = client.post("/edge/v1/proc/job/create", json={"jobs": [{"tasks": [{"engineId": "noop"}]}]}).json()
    job: str = created["internalJobIds"][0]
    return job


def schedule(client: httpx.Client) -> Any:
    """Returns a new scheduled job with a template."""
    task = {"taskTemplates": [{"engineId": "noop"}]}
    return client.post("/api/v1/schedules", json={"name": "n", "jobTemplates": [task]}).json()["result"]


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, dict[str, str]]:
    """Returns ids by the names of path parameters: of objects that are read, and of objects that are changed."""
    created = server.cli("job", "create", "--engine", "sentiment-vader", "--text", "What a wonderful morning.")
    assert server.cli("job", "watch", created.out.strip()).code == 0
    with server.client() as client:

        def result(path: str, body: Any = None) -> Any:
            answer = client.get(f"/api/v1{path}") if body is None else client.post(f"/api/v1{path}", json=body)
            assert answer.is_success, answer.text
            return answer.json()["result"]

        def graphql(query: str) -> Any:
            body = client.post("/v3/graphql", json={"query": query}).json()
            assert "errors" not in body, body
            return body["data"]

        job = result(f"/jobs/{created.out.strip()}")
        [output] = client.get(f"/edge/v1/proc/job/{job['internalJobID']}/outputs").json()["outputs"]["outputs"]
        subscription = graphql(WEBHOOK)["subscribeEvent"]
        planned, changed = schedule(client), schedule(client)
        names = [result("/engine-categories", {"name": name, "type": "Cognition"})["id"] for name in "ab"]
        place = graphql(PLACE)["getSignedWritableUrl"]
        client.put(place["url"], content=b"bytes", headers={"Content-Type": "text/plain"}).raise_for_status()
        asset = graphql(ASSET % (graphql(TARGET)["createTDO"]["id"], place["getUrl"]))["createAsset"]
        lasting = {
            "EngineID": client.get("/edge/v1/admin/engines?limit=1").json()["result"][0]["engineID"],
            "OrganizationID": "1",
            "DeliveryID": result("/webhooks/deliveries")["deliveries"][0]["id"],
            "SubscriptionID": subscription,
            "BulkCancelID": result("/jobs/cancel", {"createdAfterDateTime": 1, "createdBeforeDateTime": 2})["id"],
            "AssetID": asset["id"],
        }
        read = {
            "JobID": job["internalJobID"], "TaskID": job["tasks"][-1]["internalTaskID"],
            "JobOutputName": output["name"], "TaskOutputName": output["name"],
            "Ordinal": "0", "Item": "0", "Number": "1",
            "ScheduleID": planned["id"], "ScheduledJobID": planned["scheduledJobUuid"],
            "TemplateID": planned["jobTemplateIds"][0],
            "EngineCategoryID": names[0],
        }  # fmt: skip
        spare = {
            "JobID": waiting(client), "ScheduleID": changed["id"], "ScheduledJobID": changed["scheduledJobUuid"],
            "TemplateID": changed["jobTemplateIds"][0], "EngineCategoryID": names[1],
        }  # fmt: skip
    return {"read": lasting | read, "changed": lasting | spare}


@pytest.mark.timeout(36_000 if THOROUGH else 240)
@pytest.mark.parametrize("base", ["/edge/v1", "/api/v1"])
def test_every_response_is_as_described(
    server: Server, base: str, tmp_path: Path, ids: dict[str, dict[str, str]]
) -> None:
    program = installed("schemathesis") / "bin" / "st"
    called = tmp_path / "called"
    environment = {
        "ENGINEHOUSE_IDS": json.dumps(ids), "ENGINEHOUSE_CALLED": str(called),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(ROOT / "tests" / "clients"),
        **({"ENGINEHOUSE_STRANGE": "1"} if THOROUGH else {}),
    }  # fmt: skip
    command = [
        str(program), "run", f"{server.url}{base}/openapi.json", "--url", f"{server.url}{base}", "--header",
        f"Authorization: Bearer {server.token}", "--checks", CHECKS, "--exclude-path-regex", EXCLUDED, "--no-color",
        *(WHOLE if THOROUGH else SAMPLE),
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=clean(environment))
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr
    statuses: dict[str, set[int]] = defaultdict(set)
    for label, status in map(json.loads, called.read_text().splitlines()):
        statuses[label].add(status)
    # Nothing deletes what is only read.
    unreached = {label for label in read_operations(server, base, ids["read"]) if not statuses[label] & {200, 206}}
    assert unreached <= {WITHOUT_LOG}


VALID: Final = """
import json, sys
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR as validator
print(json.dumps([error.message for error in validator.iter_errors(json.load(sys.stdin))]))
"""


@pytest.mark.parametrize("base", ["/edge/v1", "/api/v1"])
def test_every_description_is_a_valid_openapi_document(server: Server, base: str) -> None:
    with server.client() as client:
        document = client.get(f"{base}/openapi.json").text
    command = [str(installed("schemathesis") / "bin" / "python"), "-c", VALID]
    said = subprocess.run(command, input=document, capture_output=True, text=True, check=True, env=clean({})).stdout
    assert json.loads(said) == []


def read_operations(server: Server, base: str, known: dict[str, str]) -> Iterator[str]:
    """Yields the operations that read an object whose id is known."""
    with server.client() as client:
        paths = client.get(f"{base}/openapi.json").json()["paths"]
    for path, methods in paths.items():
        names = re.findall(r"\{(\w+)\}", path)
        if "get" in methods and names and all(name in known for name in names):
            yield f"GET {path}"
