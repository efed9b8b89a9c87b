"""Workers on other machines over REST: the documented loop of engine instances, and who may call what."""

import io
import json
import zipfile
from typing import Any, Final

import httpx
import pytest
from tests.api import samples
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, CATEGORIES, TRANSCRIBE

from enginehouse.api.edge import routes as edge
from enginehouse.api.v1 import routes as v1
from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key
from enginehouse.operations import task_tokens, worker_tokens

# What an operation must be given before it looks for the worker.
_BYTES: Final = {"size": 1, "sha256": "0" * 64, "md5": "0" * 32}
CATEGORY: Final = CATEGORIES[0].name
BODIES: Final[dict[str, Any]] = {
    "/address": _BYTES,
    "/stored": _BYTES,
    "/health": {"event": "works"},
    "/info": {"info": 1},
}
UNKNOWN: Final = "11111111-2222-4333-8444-555555555555"


class Toolkit:
    """The loop of a published toolkit, on the responses' own words."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client, self.token = client, token
        self.id = ""

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def register(self, *engines: str) -> None:
        answer = await self.call(
            "POST",
            "/engine/instance/register",
            {
                "engineID": engines[0],
                "additionalEngineIDs": list(engines[1:]),
                "buildID": UNKNOWN,
                "launchEnvVariables": {},
            },
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["action"] == "launch"
        self.id, self.token = found["engineInstanceID"], found["engineInstanceToken"]

    async def get_work(self, **more: Any) -> dict[str, Any]:
        answer = await self.call("POST", f"/engine/instance/{self.id}/getwork", {"engineInstanceID": self.id, **more})
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["result"]
        return result

    async def says(self, item: dict[str, Any], status: str, prior: int, at: int, **more: Any) -> None:
        state = {"internalTaskID": item["internalTaskID"], "internalJobID": item["internalJobID"], "taskStatus": status}
        body = {"priorTimestamp": prior, "timestamp": at, "mode": "processing", "taskStatuses": [state | more]}
        answer = await self.call("POST", f"/engine/instance/{self.id}/updatestatus", body)
        assert (answer.status_code, answer.content) == (201, b""), answer.text


@pytest.fixture
async def toolkit(rest: Rest) -> Toolkit:
    return Toolkit(rest.client, await worker_token(rest))


async def worker_token(rest: Rest, **scope: Any) -> str:
    answer = await rest.post("/admin/tokens/create", {"token": {"type": "engine_instance", **scope}})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["result"]["tokenID"]
    return token


async def status(rest: Rest, job: str) -> Any:
    return (await rest.detail(job))["jobStatus"]


async def test_the_documented_loop_runs_a_task(rest: Rest, toolkit: Toolkit) -> None:
    await toolkit.register(BATCH)
    assert (await toolkit.get_work())["action"] == "wait"
    job = await rest.create(samples.single(engineId=BATCH, taskPayloadJSON=json.dumps({"a": 1})))
    work = await toolkit.get_work(requestWorkForEngineIds=[BATCH])
    assert work["action"] == "process"
    [item] = work["workItem"]
    assert (item["internalJobID"], item["taskPayload"], item["isRetry"]) == (job, {"a": 1}, False)
    assert (await toolkit.get_work())["workItem"] == [item], "it has one item at a time"
    found = (await toolkit.call("GET", f"/engine/instance/{toolkit.id}/status")).json()
    assert (found["mode"], found["workRequestID"]) == ("processing", work["workRequestID"])
    detail = (await toolkit.call("GET", f"/engine/instance/{toolkit.id}/workdetail")).json()
    assert detail["result"]["workItem"][0]["internalTaskID"] == item["internalTaskID"]
    await toolkit.says(item, "waiting", 0, 1)  # a word that the contract does not have
    await toolkit.says(item, "running", 1, 2)
    assert await status(rest, job) == "running"
    await toolkit.says(item, "complete", 2, 3, taskOutput={"said": "hello"})
    await toolkit.says(item, "complete", 2, 3, taskOutput={"said": "hello"})
    assert await status(rest, job) == "complete"
    assert (await toolkit.get_work())["action"] == "wait"
    [output] = (await rest.get(f"/proc/job/{job}/outputs")).json()["outputs"]["outputs"]
    assert (await rest.get(f"/proc/job/{job}/download/{output['name']}")).json() == {"said": "hello"}
    assert (await toolkit.call("POST", f"/engine/instance/{toolkit.id}/terminate")).status_code == 204
    assert (await toolkit.get_work())["action"] == "terminate"


async def test_a_failure_is_tried_again_and_says_so(rest: Rest, toolkit: Toolkit) -> None:
    await toolkit.register(BATCH)
    await rest.create(samples.single(engineId=BATCH))
    [item] = (await toolkit.get_work())["workItem"]
    await toolkit.says(item, "failed", 0, 1, failureReason="rate_limited", errorDetails="slowly")
    [attempt] = await rest.result(f"http://test/api/v1/jobs/{item['internalJobID']}/tasks/0/attempts")
    assert (attempt["outcome"], attempt["failureReason"], attempt["failureDetail"]) == (
        "failed", "rate_limited", "slowly",
    )  # fmt: skip


async def test_what_is_wrong_is_named(rest: Rest, toolkit: Toolkit) -> None:
    answer = await toolkit.call(
        "POST", "/engine/instance/register", {"engineID": UNKNOWN, "additionalEngineIDs": ["x"]}
    )
    assert answer.status_code in (400, 404)
    assert [flaw["path"] for flaw in answer.json()["errors"]] == ["engineID", "additionalEngineIDs[0]"]
    await toolkit.register(BATCH)
    body = {"taskStatuses": [{"internalTaskID": "x"}, {"internalTaskID": None, "failureReason": "tired"}]}
    answer = await toolkit.call("POST", f"/engine/instance/{toolkit.id}/updatestatus", body)
    assert answer.status_code == 400
    other = Toolkit(rest.client, await worker_token(rest))
    for path in ("updatestatus", "terminate"):
        assert (await other.call("POST", f"/engine/instance/{toolkit.id}/{path}", {})).status_code == 404
        assert (await other.call("POST", f"/engine/instance/none/{path}", {})).status_code == 400


async def test_a_host_speaks_for_its_instances(rest: Rest, toolkit: Toolkit) -> None:
    found = (await toolkit.call("POST", "/host/register", {"info": {}, "status": {}})).json()
    host = found["hostID"]
    assert found["status"]["mode"] == "continue"
    assert (await toolkit.call("POST", f"/host/{host}/updatestatus", {"numCPU": 2})).json()["mode"] == "continue"
    assert (await toolkit.call("POST", f"/host/{UNKNOWN}/updatestatus", {})).status_code == 404
    made = (await toolkit.call("POST", f"/proxy/{host}/register", [{"engineID": BATCH}, {"engineID": BATCH}])).json()
    ids = [one["engineInstanceID"] for one in made]
    await rest.create(samples.single(engineId=BATCH))
    asked = [{"engineInstanceID": one} for one in (*ids, "none")]
    answers = (await toolkit.call("POST", f"/proxy/{host}/getwork", asked)).json()
    assert [one["success"] for one in answers] == [True, True, False]
    assert [one["result"]["action"] for one in answers[:2]] == ["process", "wait"]
    [item] = answers[0]["result"]["workItem"]
    state = {"internalTaskID": item["internalTaskID"], "taskStatus": "complete"}
    updates = [{"engineInstanceID": ids[0], "taskStatuses": [state]}, {"engineInstanceID": UNKNOWN}]
    answers = (await toolkit.call("POST", f"/proxy/{host}/update", updates)).json()
    assert [one["success"] for one in answers] == [True, False]
    assert await status(rest, item["internalJobID"]) == "complete"
    answers = (await toolkit.call("POST", f"/proxy/{host}/terminate", [*ids, UNKNOWN])).json()
    assert [one["success"] for one in answers] == [True, True, False]
    made = (await toolkit.call("POST", f"/host/{host}/engine/register", {"engineID": BATCH})).json()
    assert made["engineInstanceID"] not in ids


@pytest.mark.parametrize("routes", [edge, v1], ids=["edge", "v1"])
async def test_every_operation_for_workers_needs_their_token(rest: Rest, routes: Any) -> None:
    for method, template, _ in routes._FOR_WORKERS:
        path = template.format(
            EngineInstanceID=UNKNOWN, InstanceID=UNKNOWN, HostID=UNKNOWN, LeaseID="1.0.0.1", ArtifactID="0.0.0.0",
            OutputName="a", EngineID=UNKNOWN,
        )  # fmt: skip
        needed: dict[str, Any] = next((body for name, body in BODIES.items() if path.endswith(name)), {})
        place = str(rest.client.base_url.join(f"{routes.BASE}{path}"))
        answer = await rest.client.request(method, place, json={}, headers={"Authorization": f"Bearer {rest.token}"})
        assert answer.status_code == 403, (method, path, answer.text)
        anonymous = await rest.client.request(method, place, json={})
        assert anonymous.status_code == 401, (method, path)
        token = await worker_token(rest)
        known = await rest.client.request(
            method,
            place,
            json=[] if "/proxy/" in path else needed,
            headers={"Authorization": f"Bearer {token}"},
        )
        if "{" in template:
            terminating = path.endswith("/getwork") and "/proxy/" not in path
            assert known.status_code == (200 if terminating else 404), (method, path, known.text)


async def test_a_status_that_comes_twice_does_not_end_the_next_chunk(rest: Rest, toolkit: Toolkit) -> None:
    chunk = ("c", "audio/wav", b"x")
    job = await rest.create(samples.transcription())
    await rest.run_one(chunk, folder=0)
    await rest.run_one(chunk, chunk, folder=1)
    await toolkit.register(TRANSCRIBE)
    work = await toolkit.get_work()
    [first] = work["workItem"]
    assert [one["mediaType"] for one in first["inputs"]] == ["audio/wav"]
    await toolkit.says(first, "complete", 0, 1, taskOutput={"n": 1})
    [second] = (await toolkit.get_work())["workItem"]
    assert second["internalTaskID"] == first["internalTaskID"]
    assert second["item"] != first["item"]
    await toolkit.says(first, "complete", 0, 1, taskOutput={"n": 1})
    assert (await toolkit.get_work())["workItem"] == [second], "the repeated status was not about this one"
    again = {"workRequestID": work["workRequestID"], "taskStatuses": [_complete(first)]}
    assert (await toolkit.get_work(**again))["workItem"] == [second], "neither was this one, which names the first"
    await toolkit.says(second, "complete", 1, 2, taskOutput={"n": 2})
    assert (await toolkit.get_work())["action"] == "wait"
    await rest.run_one(("out.json", "application/json", b"{}"))
    assert await status(rest, job) == "complete"


def _complete(item: dict[str, Any]) -> dict[str, Any]:
    return {"internalTaskID": item["internalTaskID"], "taskStatus": "complete"}


async def test_the_logs_of_an_instance_are_those_of_the_callers_organization(api: Api) -> None:
    of_everybody = await worker_tokens.create(api.house, await api.principal())
    toolkit = Toolkit(api.edge.client, of_everybody.secret)
    await toolkit.register(BATCH, TRANSCRIBE)
    other = (await api.another_organization()).edge
    said = dict[str, bytes]()
    for rest, engine in ((api.edge, BATCH), (api.edge, TRANSCRIBE), (other, BATCH)):
        job = await rest.create(samples.single(engineId=engine))
        [item] = (await toolkit.get_work())["workItem"]
        assert item["internalJobID"] == job
        running = (await rest.get(f"/engine/instance/{toolkit.id}/resources")).json()
        assert running == {
            "success": True,
            "result": {"result": [], "workRequestID": (await toolkit.get_work())["workRequestID"]},
        }
        said[item["internalTaskID"]] = f"from {job}".encode()
        job_id, ordinal = ids.parse_task(item["internalTaskID"]) or (0, 0)
        key = log_key(item["organizationID"], job_id, ordinal, item["item"], item["attempt"])
        await api.house.store.append(key, 0, said[item["internalTaskID"]])
        await toolkit.says(item, "complete", 0, len(said))
    own, strangers = list(said)[:2], list(said)[2:]
    for rest, tasks in ((api.edge, own), (other, strangers)):
        answer = await rest.get(f"/engine/instance/{toolkit.id}/logs")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == {
                f"{task}/000000-001.log": said[task] for task in tasks
            }
        idle = (await rest.get(f"/engine/instance/{toolkit.id}/resources")).json()
        assert idle == {"success": True, "result": {"result": []}}
    instances = await api.edge.result("/engine/instances")
    [only] = [one["engineInstanceID"] for one in instances if one["engineInstanceID"] != toolkit.id]
    answer = await api.edge.get(f"/engine/instance/{only}/logs")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert len(archive.namelist()) == 1, "an engine of the worker has its own logs"
    for what in ("logs", "resources"):
        assert (await api.edge.get(f"/engine/instance/{UNKNOWN}/{what}")).status_code == 404
        assert (await api.edge.get(f"/engine/instance/x/{what}")).status_code == 400


async def test_a_worker_reads_and_says_what_a_call_of_an_engine_over_http_needs(api: Api) -> None:
    made = {"name": "Lab", "url": "http://10.0.0.5:8080", "needs": {"lab": 2}, "public": True, "category": CATEGORY}
    engine = (await api.v1.result("engines", made))["engineID"]
    issued = await worker_tokens.create(api.house, await api.principal())
    toolkit = Toolkit(api.v1.client, issued.secret)
    declared = {"wireVersion": 1, "name": "box", "slots": {"http": 1}, "resources": {"labels": {"lab": 2}}}
    found = (await toolkit.call("POST", "/instances", declared)).json()
    assert found["engineIDs"] == [engine]
    place = f"/instances/{found['instanceID']}"
    body = (await toolkit.call("GET", f"{place}/engines/{engine}")).json()["result"]
    assert body["address"] == {"url": made["url"], "ready": "/ready", "process": "/process", "private": True}
    assert (await toolkit.call("GET", f"{place}/engines/{BATCH}")).status_code == 404
    job = await api.edge.create(samples.single(engineId=engine, taskPayloadJSON=json.dumps({"text": "x"})))
    [work] = (await toolkit.call("POST", f"{place}/exchange", {"claims": {"http": 1}})).json()["work"]
    item = f"{place}/items/{work['lease']}"
    facts = (await toolkit.call("GET", f"{item}/call")).json()["result"]
    assert await task_tokens.read(api.house, facts["token"])
    assert (await toolkit.call("POST", f"{item}/info", {"info": {"half": True}})).status_code == 204
    [task] = (await api.edge.detail(job))["tasks"]
    assert json.loads(task["taskOutputSON"]) == {"infoMsg": {"half": True}}
    said = await toolkit.call("POST", f"{place}/engines/{engine}/health", {"event": "not_ready", "reason": "asleep"})
    assert said.status_code == 204
    assert (await api.v1.result(f"engines/{engine}"))["unavailable"]["reason"] == "asleep"
    assert (await toolkit.call("POST", f"{place}/probes")).json()["result"]["engines"] == []
    await toolkit.call("POST", f"{place}/exchange", {"reports": [{"lease": work["lease"]}]})
    for method, path, more in (("GET", "call", None), ("POST", "info", {"info": 1})):
        assert (await toolkit.call(method, f"{item}/{path}", more)).status_code == 409
