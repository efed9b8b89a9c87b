"""POST /proc/endpoint/{Endpoint} (rest-contract §2.3, §3.5): content for jobs that wait for it."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.api.clients import Api, warnings
from tests.api.samples import BATCH, TRANSCRIBE, WRITER, folder

from enginehouse.api.asgi import application
from enginehouse.domain import ids
from enginehouse.domain.pushes import PushResult, PushWait
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Report
from enginehouse.operations import uploads, work

ENDPOINT = "7A1C9A3E-0000-4000-8000-00000000000A"
STORED = ENDPOINT.lower()
OTHER = "7a1c9a3e-0000-4000-8000-00000000000b"
AT_ONCE = "works on all its input at once, so a single push has no result of its own."
PUSH = f"/proc/endpoint/{ENDPOINT}"


def push_job(**route: Any) -> dict[str, Any]:
    """A chunk engine behind an endpoint, and a writer of what it puts out."""
    return {
        "tasks": [
            {"engineId": TRANSCRIBE, "correlationTaskId": "t",
             "ioFolders": [folder("t-in", "chunk", "input"), folder("t-out", "chunk", "output")]},
            {"engineId": WRITER, "correlationTaskId": "w", "ioFolders": [folder("w-in", "chunk", "input")]},
        ],
        "taskRoutes": [
            {"taskChildId": "t", "taskChildInputId": "t-in", "endpoint": ENDPOINT, **route},
            {"taskParentId": "t", "taskParentOutputId": "t-out", "taskChildId": "w", "taskChildInputId": "w-in"},
        ],
    }  # fmt: skip


async def push(api: Api, content: bytes = b"hello", path: str = PUSH, **headers: Any) -> httpx.Response:
    return await api.edge.post(path, raw=content, **{"Content_Type": "text/plain", **headers})


async def chunk(api: Api) -> tuple[bytes, Any]:
    """The content and the row of what the next item reads."""
    lease = await api.edge.start_one()
    [found] = await work.inputs(api.house, lease)
    await work.finish(api.house, Report(lease.key, lease.token, Done(())))
    return await api.house.store.read(found.key), found


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"hello", "text/plain; charset=utf-8"),
        (b"{not json", "application/json"),
        (b'{"a": "\\ud800"}', "application/json"),
        (bytes(range(256)), "application/octet-stream"),
        (b"RIFF", "audio/wav"),
        (b"\xff\xd8", "image/jpeg"),
        (b"\0" * 3_000_000, "video/mp4"),
        (b"<p>", "text/html"),
        (b"<a/>", "text/xml"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_body_is_a_chunk_as_it_was_sent(api: Api, content: bytes, media_type: str) -> None:
    job = await api.edge.create(push_job())
    answer = await push(api, content, Content_Type=media_type)
    assert (answer.status_code, answer.json()) == (200, {"internalJobIds": [job]})
    read, found = await chunk(api)
    assert read == content
    assert (found.media_type, found.size, found.folder) == (media_type, len(content), 0)


async def test_headers_are_metadata_of_the_chunk(api: Api) -> None:
    await api.edge.create(push_job())
    await push(api, X_Aiware_Flow="7", x_aiware_Batch_id="b", x_other="no")
    _, found = await chunk(api)
    assert found.metadata == {"x-aiware-flow": "7", "x-aiware-batch-id": "b"}


async def test_headers_that_could_not_be_passed_on_are_refused_all_at_once(api: Api) -> None:
    await api.edge.create(push_job())
    wrong: dict[str, Any] = {"x_aiware_" + "n" * 65: "v", "x_aiware_long": "v" * 1001}
    answer = await push(api, **wrong)
    assert answer.status_code == 400
    assert [flaw["path"] for flaw in answer.json()["errors"]] == ["x-aiware-long", "x-aiware-" + "n" * 65]
    lots: dict[str, Any] = {f"x_aiware_{n}": "v" for n in range(21)}
    many = await push(api, **lots)
    assert (many.status_code, many.json()["detail"]) == (400, "At most 20 headers x-aiware-*, got 21.")
    assert await work.claim(api.house, pool="native", limit=1, worker="w") == []


@pytest.mark.parametrize(
    ("content", "media_type"), [(b"x", "text/plain"), (b"%PDF-1.7", "application/pdf"), (b"\0x\1", uploads.ANY_TYPE)]
)
async def test_without_a_type_the_content_is_what_its_bytes_are(api: Api, content: bytes, media_type: str) -> None:
    await api.edge.create(push_job())
    await api.edge.client.post(PUSH, content=content, headers={"Authorization": f"Bearer {api.edge.token}"})
    _, found = await chunk(api)
    assert found.media_type == media_type


@pytest.mark.parametrize(
    ("path", "content", "status", "detail"),
    [
        (f"/proc/endpoint/{OTHER}", b"x", 404, f'Endpoint "{OTHER}" was not found.'),
        ("/proc/endpoint/nonsense", b"x", 400, 'Endpoint "nonsense" was not found. Its id is a UUID.'),
        (PUSH, b"", 400, "The body is empty; it is what is pushed."),
        (PUSH, b"x" * 2000, 413, "At most 1000 bytes can be pushed at once (0 MiB)."),
    ],
)
async def test_what_cannot_be_pushed(api: Api, path: str, content: bytes, status: int, detail: str) -> None:
    await api.edge.create(push_job())
    api.limit(upload_bytes=1000)
    answer = await push(api, content, path)
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)
    assert await work.claim(api.house, pool="native", limit=1, worker="w") == []
    assert [path for path in (api.house.store.kept / "pushes").rglob("*") if path.is_file()] == []  # type: ignore[attr-defined]


async def test_a_body_whose_length_nobody_has_said_is_measured(api: Api) -> None:
    await api.edge.create(push_job())
    api.limit(upload_bytes=1000)

    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 100

    headers = {"Authorization": f"Bearer {api.edge.token}"}
    answer = await api.edge.client.post(PUSH, content=pieces(), headers=headers)
    assert answer.status_code == 413


async def test_a_foreign_endpoint_is_not_found(api: Api, foreign: Api) -> None:
    mine, theirs = await api.edge.create(push_job()), None
    refused = await push(foreign)
    assert (refused.status_code, refused.json()["detail"]) == (404, f'Endpoint "{STORED}" was not found.')
    theirs = await foreign.edge.create(push_job())
    assert (await push(foreign)).json() == {"internalJobIds": [theirs]}
    assert (await push(api)).json() == {"internalJobIds": [mine]}


async def test_a_push_to_a_job_that_was_cancelled_is_refused(api: Api) -> None:
    job = await api.edge.create(push_job())
    await api.edge.post("/proc/jobs/cancel", {"jobID": job})
    answer = await push(api)
    spelled = ids.job_graphql(ids.parse_job(job) or 0)
    assert (answer.status_code, answer.json()["id"], answer.json()["detail"]) == (
        400, "endpoint_closed", f"Job {spelled} is cancelled; content can no longer be pushed to this endpoint.",
    )  # fmt: skip


async def test_a_repeated_push_is_one_chunk(api: Api) -> None:
    job = await api.edge.create(push_job())
    first, again = [await push(api, Idempotency_Key="k", x_aiware_a="1") for _ in range(2)]
    assert first.json() == again.json() == {"internalJobIds": [job]}
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    other = await push(api, b"other", Idempotency_Key="k", x_aiware_a="1")
    assert (other.status_code, other.json()["id"]) == (400, "idempotency_key_reused")
    assert len(await work.claim(api.house, pool="native", limit=9, worker="w")) == 1
    kept = [path for path in (api.house.store.kept / "pushes").rglob("*") if path.is_file()]  # type: ignore[attr-defined]
    assert len(kept) == 1


async def test_a_closed_job_answers_the_repeated_push_and_refuses_a_new_one(api: Api) -> None:
    job = await api.edge.create(push_job())
    await push(api, Idempotency_Key="k")
    await api.edge.run_one()
    task = (await api.edge.detail(job))["tasks"][0]["internalTaskID"]
    closed = await api.edge.post("/proc/tasks/update_status", {"taskIDs": [task], "taskStatus": "complete"})
    assert closed.json() == {"success": True}
    assert (await push(api, Idempotency_Key="k")).json() == {"internalJobIds": [job]}
    assert (await push(api)).status_code == 400
    await api.edge.run_one()
    assert (await api.edge.detail(job))["jobStatus"] == "complete"
    assert (await push(api)).json()["detail"].endswith("is complete; content can no longer be pushed to this endpoint.")


async def test_the_fields_of_a_route_are_shown_as_they_were_given(api: Api) -> None:
    job = await api.edge.create(push_job(syncEnabled=True, syncTimeoutInSeconds=9))
    [route, below] = (await api.edge.detail(job))["taskRoutes"]
    assert (route["endpoint"], route["syncEnabled"], route["syncTimeoutInSeconds"]) == (STORED, True, 9)
    assert not {"endpoint", "syncEnabled", "chunkCallbackEnabled"} & below.keys()
    assert "taskParentId" not in route


async def test_pushes_count_as_input_of_the_route(api: Api) -> None:
    job = await api.edge.create(push_job())
    for _ in range(3):
        await push(api)
    await api.edge.run_one()
    [route, _] = (await api.edge.detail(job))["taskRoutes"]
    assert (route["taskChildInputCount"], route["taskChildInputRemainingCount"]) == (3, 2)
    assert route["firstWriteDateTime"] <= route["lastWriteDateTime"]


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"endpoint": "x"}, 'taskRoutes[0].endpoint: a UUID, got "x".'),
        ({"endpoint": "", "syncEnabled": True}, "taskRoutes[0].syncEnabled: needs endpoint on the same route."),
        ({"syncTimeoutInSeconds": -1}, "taskRoutes[0].syncTimeoutInSeconds: 1–3600, got -1."),
        ({"syncTimeoutInSeconds": 3601}, "taskRoutes[0].syncTimeoutInSeconds: 1–3600, got 3601."),
        ({"taskChildId": "w", "taskChildInputId": "w-in", "syncEnabled": True},
         f'taskRoutes[0].syncEnabled: task "w" {AT_ONCE}'),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_route_is_named(api: Api, route: dict[str, Any], problem: str) -> None:
    answer = await api.edge.post("/proc/job/create", {"jobs": [push_job(**route)]})
    assert (answer.status_code, answer.json()["detail"]) == (400, f"jobs[0].{problem}")


async def test_a_callback_behind_a_task_that_gathers_is_refused(api: Api) -> None:
    job = push_job(syncEnabled=True)
    job["taskRoutes"][1]["chunkCallbackEnabled"] = True
    answer = await api.edge.post("/proc/job/create", {"jobs": [job]})
    assert answer.status_code == 400
    assert 'task "w" works on all its input at once' in answer.json()["detail"]


async def test_a_child_without_an_input_folder_takes_no_endpoint(api: Api) -> None:
    job = {"tasks": [{"engineId": BATCH, "correlationTaskId": "b"}]}
    job["taskRoutes"] = [{"taskChildId": "b", "endpoint": ENDPOINT}]
    answer = await api.edge.post("/proc/job/create", {"jobs": [job]})
    assert answer.json()["detail"] == (
        'jobs[0].taskRoutes[0].endpoint: task "b" has no input folder, into which a push could go.'
    )


async def test_zero_values_of_go_clients_are_absent(api: Api) -> None:
    zeros = {
        "endpoint": "00000000-0000-0000-0000-000000000000", "syncEnabled": False, "syncTimeoutInSeconds": 0,
        "chunkCallbackEnabled": False,
    }  # fmt: skip
    job = await api.edge.create(push_job(**zeros))
    [route, _] = (await api.edge.detail(job))["taskRoutes"]
    assert not zeros.keys() & route.keys()
    assert len(await work.claim(api.house, pool="native", limit=9, worker="w")) == 1, "nothing waits for a push"


async def test_an_added_route_may_have_an_endpoint(api: Api) -> None:
    job = await api.edge.create({"tasks": [{"engineId": BATCH}]})
    new = {"engineId": TRANSCRIBE, "correlationTaskId": "t", "ioFolders": [folder("t-in", "chunk", "input")]}
    await api.edge.post(f"/proc/job/{job}/addtask", {"task": new})
    answer = await api.edge.post(f"/proc/job/{job}/addtaskroute", {"task": {"taskChildId": "t", "endpoint": OTHER}})
    assert answer.json()["task"]["endpoint"] == OTHER
    wrong = {"taskChildId": "t", "syncEnabled": True}
    refused = await api.edge.post(f"/proc/job/{job}/addtaskroute", {"task": wrong})
    assert refused.json()["errors"][0]["path"] == "task.syncEnabled"
    assert (await push(api, path=f"/proc/endpoint/{OTHER}")).json() == {"internalJobIds": [job]}


async def test_graphql_takes_and_shows_the_same_fields(api: Api) -> None:
    tasks = [
        {"engineId": WRITER, "ioFolders": [{"referenceId": "o", "mode": "chunk", "type": "output"}]},
        {"engineId": TRANSCRIBE, "ioFolders": [{"referenceId": "i", "mode": "chunk", "type": "input"}]},
    ]
    fields = {"endpoint": ENDPOINT, "syncEnabled": True, "syncTimeoutInSeconds": 5, "chunkCallbackEnabled": True}
    route = {"parentIoFolderReferenceId": "o", "childIoFolderReferenceId": "i"}
    job = await api.graphql.create_job(tasks=tasks, routes=[route | fields])
    query = f"query($id: ID!) {{ job(id: $id) {{ routes {{ {' '.join(fields)} }} }} }}"
    assert (await api.graphql.ask(query, {"id": job}))["job"]["routes"] == [fields | {"endpoint": STORED}]
    bad = {"tasks": tasks, "routes": [route | {"syncEnabled": True, "endpoint": "", "syncTimeoutInSeconds": 4000}]}
    error = await api.graphql.refused("mutation($in: CreateJob) { createJob(input: $in) { id } }", {"in": bad})
    assert error["message"] == (
        "routes[0].syncEnabled: needs endpoint on the same route.\nroutes[0].syncTimeoutInSeconds: 1–3600, got 4000."
    )


async def test_a_retry_waits_at_the_same_endpoint(api: Api) -> None:
    job = await api.edge.create(push_job())
    await push(api)
    await api.edge.post("/proc/jobs/cancel", {"jobID": job})
    retry = f'mutation {{ retryJob(id: "{job}") {{ id }} }}'
    again = (await api.graphql.ask(retry))["retryJob"]["id"]
    assert (await push(api)).json() == {"internalJobIds": [ids.job_uuid(ids.parse_job(again) or 0)]}


async def test_a_template_and_the_jobs_of_its_schedule_keep_the_endpoint(api: Api) -> None:
    tasks = [
        {"engineId": WRITER, "ioFolders": [{"referenceId": "o", "mode": "chunk", "type": "output"}]},
        {"engineId": TRANSCRIBE, "ioFolders": [{"referenceId": "i", "mode": "chunk", "type": "input"}]},
    ]
    said = {"endpoint": STORED, "syncEnabled": True, "syncTimeoutInSeconds": 1, "chunkCallbackEnabled": None}
    route = {"parentIoFolderReferenceId": "o", "childIoFolderReferenceId": "i"} | said
    fields = f"id routes {{ {' '.join(said)} }}"
    made = await api.graphql.change("createJobTemplate", fields, taskTemplates=tasks, routes=[route])
    assert made["routes"] == [said]
    schedule = await api.schedule(jobTemplates=[{"taskTemplates": tasks, "routes": [route]}])
    runs = [ids.job_uuid(ids.parse_job(job) or 0) for job in await api.run(schedule, times=2)]
    assert [(await api.edge.detail(job))["taskRoutes"][0]["endpoint"] for job in runs] == [STORED] * 2
    answer = await push(api)
    assert answer.status_code == 503, "it waits for a result"
    for job in runs:
        assert (await api.edge.detail(job))["taskRoutes"][0]["taskChildInputCount"] == 1


async def test_a_retry_of_failed_tasks_does_not_reuse_what_came_from_pushes(api: Api) -> None:
    job = await api.edge.create(push_job() | {"tasks": [*push_job()["tasks"], {"engineId": BATCH}]})
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    task = (await api.edge.detail(job))["tasks"][0]["internalTaskID"]
    await push(api)
    await api.edge.run_one(("o", "text/plain", b"r"), folder=1)
    await api.edge.post("/proc/tasks/update_status", {"taskIDs": [task], "taskStatus": "complete"})
    await api.edge.run_one()
    retry = "mutation($id: ID!) { retryJob(id: $id, onlyFailed: true) { id tasks { records { status } } } }"
    again = (await api.graphql.ask(retry, {"id": job}))["retryJob"]
    assert [each["status"] for each in again["tasks"]["records"]] == ["pending"] * 3
    new = ids.job_uuid(ids.parse_job(again["id"]) or 0)
    assert (await push(api)).json() == {"internalJobIds": [new]}


async def test_why_says_where_the_job_waits(api: Api) -> None:
    job = await api.edge.create(push_job())
    why = await api.v1.result(f"jobs/{job}/why")
    assert why["sentence"] == f"It waits for pushes to endpoint {STORED}."
    assert [(reason["kind"], reason["endpoints"]) for reason in why["reasons"]] == [("waits_for_pushes", [STORED])]
    await push(api)
    await api.edge.run_one()
    why = await api.v1.result(f"jobs/{job}/why")
    assert why["tasks"][0]["sentence"] == f"It waits for pushes to endpoint {STORED}."
    reasons = "query($id: ID!) { job(id: $id) { waiting { reasons { kind endpoints } } } }"
    waiting = (await api.graphql.ask(reasons, {"id": job}))["job"]["waiting"]["reasons"]
    assert waiting[0] == {"kind": "waits_for_pushes", "endpoints": [STORED]}


# -- results ------------------------------------------------------------------------------------------------


def watched(api: Api) -> asyncio.Event:
    """Set when a client waits for a result."""
    waits, begun = api.house.push_waits.result, asyncio.Event()

    async def result(organization_id: int, wait: PushWait) -> PushResult | None:
        begun.set()
        return await waits(organization_id, wait)

    object.__setattr__(api.house.push_waits, "result", result)
    return begun


async def waiting_push(api: Api, **headers: Any) -> "asyncio.Task[httpx.Response]":
    """A push whose client waits; its item may be claimed."""
    begun = watched(api)
    sent = asyncio.create_task(push(api, **headers))
    await begun.wait()
    return sent


async def test_a_synchronous_push_returns_the_result(api: Api) -> None:
    await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api)
    await api.edge.run_one(("out.xml", "text/xml", b"<r/>"), folder=1)
    answer = await sent
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"<r/>", "text/xml")


async def test_a_push_that_fails_says_why(api: Api) -> None:
    job = await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api)
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    answer = await sent
    spelled = ids.task_graphql(ids.parse_job(job) or 0, 0)
    assert (answer.status_code, answer.json()["id"], answer.json()["detail"]) == (
        400, "push_failed", f"Task {spelled} failed (invalid_data): it broke",
    )  # fmt: skip
    assert (await api.edge.detail(job))["jobStatus"] == "running"


async def test_an_engine_without_a_result_answers_the_job(api: Api) -> None:
    job = await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api)
    await api.edge.run_one()
    answer = await sent
    assert (answer.json(), warnings(answer)) == ({"internalJobIds": [job]}, ["The engine returned no result."])


async def test_after_the_time_of_the_route_the_push_stays_and_is_worked_on(api: Api) -> None:
    job = await api.edge.create(push_job(syncEnabled=True, syncTimeoutInSeconds=1))
    answer = await push(api)
    spelled = ids.job_graphql(ids.parse_job(job) or 0)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["detail"]) == (
        503, "2", f"There was no result within 1 s. The content is stored, and job {spelled} still works on it.",
    )  # fmt: skip
    read, _ = await chunk(api)
    assert read == b"hello"


async def test_a_repeated_synchronous_push_gets_the_same_result(api: Api) -> None:
    await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api, Idempotency_Key="k")
    await api.edge.run_one(("out.txt", "text/plain", b"r"), folder=1)
    first, again = await sent, await push(api, Idempotency_Key="k")
    assert first.content == again.content == b"r"
    assert await work.claim(api.house, pool="native", limit=9, worker="w") == []


async def test_a_cancel_ends_the_wait(api: Api) -> None:
    job = await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api)
    await api.edge.post("/proc/jobs/cancel", {"jobID": job})
    answer = await sent
    assert (answer.status_code, answer.json()["detail"]) == (400, "The job was cancelled before there was a result.")


async def test_a_client_that_goes_away_ends_the_wait_and_not_the_work(api: Api) -> None:
    await api.edge.create(push_job(syncEnabled=True))
    begun, sent = watched(api), list[Any]()
    received: list[dict[str, Any]] = [{"type": "http.request", "body": b"hello"}]

    async def receive() -> dict[str, Any]:
        if received:
            return received.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {api.edge.token}".encode()), (b"content-type", b"text/plain")]
    path = f"/edge/v1{PUSH}"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "client": ("192.0.2.7", 1), "root_path": "", "scheme": "http"}  # fmt: skip
    await application(api.house)(scope, receive, send)
    assert sent == []
    assert not api.house.push_waits._waiting
    read, _ = await chunk(api)
    assert read == b"hello"


async def test_only_so_many_clients_of_an_organization_wait(api: Api) -> None:
    await api.edge.create(push_job(syncEnabled=True))
    object.__setattr__(api.house.push_waits, "_per_organization", 1)
    sent = await waiting_push(api)
    refused = await push(api)
    assert (refused.status_code, refused.json()["id"]) == (429, "capacity_exceeded")
    await api.edge.run_one(("out.txt", "text/plain", b"r"), folder=1)
    assert (await sent).content == b"r"


async def test_a_server_that_stops_ends_the_wait(api: Api) -> None:
    await api.edge.create(push_job(syncEnabled=True))
    sent = await waiting_push(api)
    await api.house.push_waits.close()
    answer = await sent
    assert (answer.status_code, answer.json()["detail"]) == (503, "The server is stopping. What was pushed is stored.")
    assert (await push(api)).status_code == 503
