"""`updateTask`: an engine outside claims its task, prolongs its lease, and reports (graphql-contract §3.4, C43)."""

import json
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, DAG
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.work import ItemKey
from enginehouse.operations import jobs, maintenance, workers
from enginehouse.storage.work import task_updates

UPDATE = """mutation($in: UpdateTask) { updateTask(input: $in) {
    id status failureReason failureMessage output taskOutput outputString job { status } } }"""


async def new_task(api: Api) -> str:
    return ids.task_graphql(ids.parse_job(await api.edge.create()) or 0, 0)


async def update(api: Api, task: str, status: str, **fields: Any) -> Any:
    return (await api.graphql.ask(UPDATE, {"in": {"id": task, "status": status} | fields}))["updateTask"]


async def refused(api: Api, task: str, status: str, **fields: Any) -> str:
    error = await api.graphql.refused(UPDATE, {"in": {"id": task, "status": status} | fields})
    assert error["name"] in {"invalid_input", "not_found"}
    message: str = error["message"]
    return message


async def attempts(api: Api, task: str) -> Any:
    query = "query($t: ID!) { task(id: $t) { attempts { records { worker outcome } } } }"
    return (await api.graphql.ask(query, {"t": task}))["task"]["attempts"]["records"]


async def test_an_engine_outside_runs_its_task_to_the_end(api: Api) -> None:
    task = await new_task(api)
    running = await update(api, task, "running", jobId=task[:-5], output={"done": 0.5})
    assert (running["status"], running["job"]["status"], running["output"]) == ("running", "running", {"done": 0.5})
    assert (await update(api, task, "running"))["output"] == {"done": 0.5}
    complete = await update(api, task, "complete", taskOutput={"done": 1})
    assert (complete["status"], complete["job"]["status"]) == ("complete", "complete")
    assert (complete["output"], complete["taskOutput"], complete["outputString"]) == (
        {"done": 1},
        {"done": 1},
        '{"done":1}',
    )
    [attempt] = await attempts(api, task)
    assert (attempt["worker"].split("/")[0], attempt["outcome"]) == ("outside", "complete")
    shown = (await api.edge.get(f"/proc/task/{task}/detail")).json()["task"]
    assert shown["taskOutputSON"] == '{"done":1}'
    assert (await api.edge.detail(task[:-5]))["tasks"][0]["taskOutputSON"] == '{"done":1}'


async def test_what_an_engine_says_stands_beside_what_was_reported(api: Api) -> None:
    task = await new_task(api)
    await update(api, task, "running", output={"done": 0.5})
    job_id = ids.parse_job(task[:-5]) or 0
    rows = await api.house.database.write(lambda tx: tx.all("task_updates.items", job_id=job_id, ordinal=0))
    [(item, token, *_)] = rows
    key = ItemKey(job_id, 0, int(item))
    await api.house.database.write(lambda tx: task_updates.tell(tx, key, int(token), '{"stage":1}'))
    expected = {"done": 0.5, "infoMsg": {"stage": 1}}
    assert (await update(api, task, "running"))["taskOutput"] == expected
    shown = (await api.edge.get(f"/proc/task/{task}/detail")).json()["task"]
    assert json.loads(shown["taskOutputSON"]) == expected


async def test_a_job_never_changes_before_its_tasks(api: Api) -> None:
    """The tasks that have changed of late are found by their jobs."""
    task = await new_task(api)
    await update(api, task, "running", output={"done": 0.1})
    await update(api, task, "running", output={"done": 0.5})
    job_id = ids.parse_job(task[:-5]) or 0
    job = (await jobs.get_many(api.house, await api.principal(), [job_id]))[job_id]
    assert job.modified_at >= job.tasks[0].modified_at


async def test_a_failure_is_final_and_keeps_the_words_of_the_engine(api: Api) -> None:
    task = await new_task(api)
    await update(api, task, "running")
    failed = await update(api, task, "failed", failureReason="rate_limited", failureMessage="m")
    assert (failed["failureReason"], failed["failureMessage"]) == ("rate_limited", "m")
    assert (failed["status"], failed["job"]["status"]) == ("failed", "failed")


async def test_a_task_may_end_without_a_claim_before(api: Api) -> None:
    assert (await update(api, await new_task(api), "complete"))["job"]["status"] == "complete"
    failed = await update(api, await new_task(api), "failed")
    assert (failed["status"], failed["failureReason"], failed["failureMessage"]) == ("failed", "unknown", "")


async def test_a_repeated_report_changes_nothing_and_another_one_is_refused(api: Api) -> None:
    task = await new_task(api)
    await update(api, task, "complete", output={"n": 1})
    before = len(await api.audit())
    assert (await update(api, task, "complete", output={"n": 2}))["output"] == {"n": 1}
    assert await refused(api, task, "failed") == "The task is already complete."
    assert await refused(api, task, "running") == "The task is already complete."
    assert len(await api.audit()) == before


async def test_an_update_that_is_older_than_the_task_changes_nothing(api: Api) -> None:
    task = await new_task(api)
    await update(api, task, "running")
    assert (await update(api, task, "failed", clientTimestamp="2020-01-01T00:00:00Z"))["status"] == "running"
    assert (await update(api, task, "complete", clientTimestamp="2100-01-01T00:00:00Z"))["status"] == "complete"


NOT_SETTABLE = "status: one of running, complete, failed"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"status": "waiting"}, f"{NOT_SETTABLE}, got waiting. An engine that waits stays running."),
        ({"status": "aborted"}, f"{NOT_SETTABLE}, got aborted. An engine that waits stays running."),
        ({"status": "complete", "failureReason": "other"}, "failureReason: only with the status failed."),
        ({"status": "failed", "failureMessage": "m"}, "failureMessage: only with failureReason."),
        ({"status": "running", "jobId": "23041407_RORjiJw7te"}, 'jobId: "23041407_RORjiJw7te" was not found.'),
        ({"status": "running", "payload": {}}, "payload: cannot be changed by an update."),
        ({"status": "running", "output": 1, "taskOutput": 1},
         "taskOutput: must not be given with output; give one of them."),
        ({"status": "running", "outputJsonKey": "k"}, "outputJsonKey: only with outputString."),
        ({"status": "failed", "failureReason": "other", "failureMessage": "x" * 2001},
         "failureMessage: must have at most 2000 characters, has 2001."),
    ],
)  # fmt: skip
@mostly_on_sqlite
async def test_a_wrong_update_is_refused_and_changes_nothing(api: Api, fields: dict[str, Any], message: str) -> None:
    task = await new_task(api)
    assert await refused(api, task, **fields) == message
    assert await attempts(api, task) == []


async def test_all_that_is_wrong_is_said_at_once(api: Api) -> None:
    message = await refused(api, await new_task(api), "queued", payload={}, failureMessage="m", failureReason="other")
    assert [line.partition(":")[0] for line in message.splitlines()] == ["payload", "status", "failureReason"]


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"outputString": '{"a": 1}'}, {"a": 1}),
        ({"outputString": "plain"}, {"data": "plain"}),
        ({"outputString": "plain", "outputJsonKey": "k"}, {"k": "plain"}),
        ({"outputString": "1", "outputJsonKey": "k"}, {"k": "1"}),
        ({"output": [1, None]}, [1, None]),
    ],
)
async def test_an_output_as_text_is_json_or_is_wrapped(api: Api, fields: dict[str, Any], output: Any) -> None:
    assert (await update(api, await new_task(api), "complete", **fields))["output"] == output


async def test_the_task_of_a_worker_is_not_the_callers_to_move(api: Api) -> None:
    task = await new_task(api)
    await api.edge.start_one()
    assert await refused(api, task, "complete") == "A worker of this server runs the task and reports for it."
    await workers.beat(api.house, name="w", pools={"native": 1}, engines=[BATCH])
    said = "A worker of this server offers the engine of the task and reports for it."
    assert await refused(api, await new_task(api), "running") == said


async def test_a_task_that_waits_for_its_input_does_not_run(api: Api) -> None:
    created = await api.graphql.ask(
        "mutation J($in: CreateJob) { createJob(input: $in) { tasks { records { id } } } }", {"in": DAG}
    )
    adapter, chunker, engine, _ = [task["id"] for task in created["createJob"]["tasks"]["records"]]
    for status in ("running", "complete", "failed"):
        assert await refused(api, chunker, status) == "The task is pending and has nothing to work on yet."
    await update(api, adapter, "complete")
    await update(api, chunker, "complete")
    assert (await api.graphql.ask("query($t: ID!) { task(id: $t) { status } }", {"t": engine}))["task"][
        "status"
    ] == "complete"


async def test_nothing_starts_that_is_paused_or_at_its_limit(api: Api) -> None:
    task, other = await new_task(api), await new_task(api)
    await api.graphql.ask("mutation($i: ID!) { pauseJob(id: $i) { id } }", {"i": task[:-5]})
    assert await refused(api, task, "running") == "The job is paused; nothing of it starts."
    await api.graphql.ask("mutation($i: ID!) { resumeJob(id: $i) { id } }", {"i": task[:-5]})
    await api.ask(f"POST /api/v1/engines/{BATCH}/pause")
    assert await refused(api, task, "complete") == "The engine is paused; nothing of it starts."
    await api.ask(f"POST /api/v1/engines/{BATCH}/resume")
    await api.ask("POST /api/v1/organizations/1/pause")
    assert await refused(api, task, "running") == "The organization is paused; nothing of it starts."
    await api.ask("POST /api/v1/organizations/1/resume")
    await api.ask("PATCH /api/v1/organizations/1", {"runningLimit": 1})
    await update(api, task, "running")
    assert await refused(api, other, "running") == "The organization runs as many attempts as its limit allows."
    await update(api, task, "running")  # it only prolongs
    await update(api, task, "complete")
    await update(api, other, "complete")


async def test_a_cancelled_job_accepts_nothing(api: Api) -> None:
    task = await new_task(api)
    await api.graphql.ask("mutation($i: ID!) { cancelJob(id: $i) { id } }", {"i": task[:-5]})
    for status in ("running", "complete", "failed"):
        assert await refused(api, task, status) == "The job was cancelled; its tasks take no more updates."


STOP = "mutation($i: ID!) { cancelJob(id: $i, includeRunning: true) { stopping } }"


@pytest.mark.parametrize("status", ["complete", "failed"])
async def test_a_stopped_job_ends_when_the_engine_outside_says_so(api: Api, status: str) -> None:
    task = await new_task(api)
    await update(api, task, "running")
    assert (await api.graphql.ask(STOP, {"i": task[:-5]}))["cancelJob"]["stopping"] == 1
    said = "The job was cancelled: end the work, and report it with the status failed."
    assert await refused(api, task, "running", output={"late": True}) == said
    if status == "complete":
        late = "The job was cancelled while the engine worked; its result does not count."
        assert await refused(api, task, status, output={"late": True}) == late
    else:
        assert (await update(api, task, status))["status"] == "aborted"
    shown = await api.graphql.ask("query($t: ID!) { task(id: $t) { status output job { status } } }", {"t": task})
    assert shown["task"] == {"status": "aborted", "output": None, "job": {"status": "aborted"}}
    assert [one["outcome"] for one in await attempts(api, task)] == ["stopped"]


async def test_a_lease_outlives_the_server_and_ends_when_nobody_prolongs_it(api: Api) -> None:
    task = await new_task(api)
    await update(api, task, "running")
    assert await maintenance.release_all_leases(api.house) == 0
    assert await maintenance.expire_leases(api.house) == 0
    api.limit(outside_lease_seconds=0)
    await update(api, task, "running")
    assert await maintenance.expire_leases(api.house) == 1
    assert [one["outcome"] for one in await attempts(api, task)] == ["lost"]
    assert (await update(api, task, "complete"))["status"] == "complete"
