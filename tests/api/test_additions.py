"""Tasks for jobs under way: addTasksToJobs (graphql-contract §3.4), addtask and addtaskroute (rest-contract §1.9)."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, CATEGORIES, TRANSCRIBE, WEBSTREAM, folder, transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids

ADD = """mutation($in: AddTasksToJobs) { addTasksToJobs(input: $in) {
    createdTasks { id referenceId status jobId parentTaskId buildId createdDateTime payload job { status } }
    errors { id message } } }"""
GIVEN = "00000000-0000-4000-8000-{:012x}"


async def new_job(api: Api, **fields: Any) -> str:
    return ids.job_graphql(ids.parse_job(await api.edge.create({"tasks": [{"engineId": BATCH}], **fields})) or 0)


def task(job: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": GIVEN.format(number), "jobId": job, "engineId": BATCH, "buildId": "b-1", "status": "pending",
        "createdDateTime": "2026-01-02T03:04:05Z",
    } | fields  # fmt: skip


async def add(api: Api, *tasks: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    answer = (await api.graphql.ask(ADD, {"in": {"tasks": list(tasks)}}))["addTasksToJobs"]
    return answer["createdTasks"], answer["errors"]


async def test_a_call_adds_tasks_to_several_jobs_and_says_which_it_could_not_add(api: Api) -> None:
    one, other = await new_job(api), await new_job(api)
    mine = f"{one}aaaaa"
    made, errors = await add(
        api,
        task(one, id=mine, payload={"a": 1}),
        task(one, 2, parentTaskId=mine),
        task(other, 3, status="complete"),
        task(other, 4),
        task("nothing", 5),
    )
    assert [(each["referenceId"], each["jobId"], each["status"]) for each in made] == [
        (mine, one, "pending"), (GIVEN.format(2), one, "pending"), (GIVEN.format(4), other, "pending"),
    ]  # fmt: skip
    assert (made[0]["buildId"], made[0]["payload"]) == ("b-1", {"a": 1})
    assert made[0]["createdDateTime"].startswith("2026-01-02T03:04:05")
    assert made[1]["parentTaskId"] == made[0]["id"]
    assert errors == [
        {"id": GIVEN.format(3), "message": 'tasks[2].status: one of pending, queued, scheduled, got "complete".'},
        {"id": GIVEN.format(5), "message": 'tasks[4].jobId: Job "nothing" was not found.'},
    ]
    assert len((await api.edge.detail(one))["tasks"]) == 3


async def test_the_given_id_names_the_task_everywhere_and_the_job_ends_with_it(api: Api) -> None:
    job = await new_job(api)
    [made], _ = await add(api, task(job))
    given = GIVEN.format(0)
    query = "query($t: ID!) { task(id: $t) { id status } }"
    assert (await api.graphql.ask(query, {"t": given}))["task"] == {"id": made["id"], "status": "pending"}
    shown = (await api.edge.get(f"/proc/task/{given}/detail")).json()["task"]
    assert shown["internalJobID"] == ids.job_uuid(ids.parse_job(job) or 0)
    update = "mutation($t: ID!) { updateTask(input: {id: $t, status: complete, output: {n: 1}}) { job { status } } }"
    assert (await api.graphql.ask(update, {"t": given}))["updateTask"]["job"]["status"] == "running"
    first = ids.task_graphql(ids.parse_job(job) or 0, 0)
    assert (await api.graphql.ask(update, {"t": first}))["updateTask"]["job"]["status"] == "complete"
    stranger = await api.another_organization()
    assert (await stranger.edge.get(f"/proc/task/{given}/detail")).status_code == 404


async def test_a_repeated_call_adds_nothing_and_gets_the_same_answer(api: Api) -> None:
    job, other = await new_job(api), await new_job(api)
    first = await add(api, task(job), task(job, 1))
    before = len(await api.audit())
    assert await add(api, task(job), task(job, 1)) == first
    assert len(await api.audit()) == before
    _, errors = await add(api, task(job, payload=[2]), task(other), task(job, 2), task(job, 2))
    assert [each["message"] for each in errors] == [
        f'tasks[0].id: duplicate: "{GIVEN.format(0)}" is a task already.',
        f'tasks[1].id: duplicate: "{GIVEN.format(0)}" is a task already.',
        f'tasks[3].id: duplicate: "{GIVEN.format(2)}" is a task already.',
    ]


FAULTS: list[tuple[dict[str, Any], str]] = [
    (
        {"id": "x"},
        'tasks[0].id: the job\'s id and 5 letters or digits, a UUID, or two UUIDs with a hyphen between them, got "x".',
    ),
    ({"id": "23041407_RORjiJw7teAAAAA"}, "tasks[0].id: does not begin with the id of the job."),
    ({"engineId": "none"}, 'tasks[0].engineId: engine "none" does not exist or is not available to your organization.'),
    ({"parentTaskId": "none"}, 'tasks[0].parentTaskId: "none" is no task of this job.'),
    ({"status": "running"}, 'tasks[0].status: one of pending, queued, scheduled, got "running".'),
]


@pytest.mark.parametrize(("fields", "message"), FAULTS)
async def test_a_task_that_does_not_fit_is_refused_with_the_reason(
    api: Api, fields: dict[str, Any], message: str
) -> None:
    job = await new_job(api)
    assert await add(api, task(job, **fields)) == ([], [{"id": task(job, **fields)["id"], "message": message}])
    assert len((await api.edge.detail(job))["tasks"]) == 1


async def test_a_call_without_a_task_is_refused(api: Api) -> None:
    error = await api.graphql.refused(ADD, {"in": {"tasks": []}})
    assert (error["name"], error["message"]) == ("invalid_input", "tasks: 1–10000 tasks, got 0.")


async def test_a_job_that_is_cancelled_takes_no_task(api: Api) -> None:
    job = await new_job(api)
    await api.graphql.ask("mutation($j: ID!) { cancelJob(id: $j) { id } }", {"j": job})
    text = "Job is cancelled; tasks can no longer be added."
    assert await add(api, task(job)) == ([], [{"id": GIVEN.format(0), "message": text}])
    answer = await api.edge.post(f"/proc/job/{job}/addtask", {"task": {"engineId": BATCH}})
    assert (answer.status_code, answer.json()["description"]) == (409, text)
    answer = await api.edge.post(f"/proc/job/{job}/addtaskroute", {"task": {"taskChildId": "a"}})
    assert answer.status_code == 409


async def test_a_build_of_the_organizations_own_engine_must_be_one_of_it(api: Api) -> None:
    own = await api.graphql.ask(
        "mutation($in: CreateEngine) { createEngine(input: $in) { id } }",
        {"in": {"name": "n", "categoryId": CATEGORIES[0].id, "deploymentModel": "HumanReview"}},
    )
    engine = own["createEngine"]["id"]
    build = await api.graphql.ask(
        "mutation($e: ID!) { createEngineBuild(input: {engineId: $e}) { id } }", {"e": engine}
    )
    known = build["createEngineBuild"]["id"]
    job = await new_job(api)
    made, errors = await add(
        api, task(job, 1, engineId=engine, buildId=known), task(job, 2, engineId=engine, buildId="b")
    )
    assert [each["buildId"] for each in made] == [known]
    assert [each["message"] for each in errors] == ['tasks[1].buildId: "b" was not found.']


# -- REST ---------------------------------------------------------------------------------------------------


async def test_a_task_and_its_route_are_added_and_the_task_runs_after_its_parent(api: Api) -> None:
    first = {"engineId": WEBSTREAM, "correlationTaskId": "a", "ioFolders": [folder("a-out", "stream", "output")]}
    job = await api.edge.create({"tasks": [first]})
    new = {"engineId": TRANSCRIBE, "correlationTaskId": "b", "ioFolders": [folder("b-in", "stream", "input")]}
    answer = await api.edge.post(f"/proc/job/{job}/addtask", {"task": new})
    assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
    added = answer.json()["task"]
    assert (added["engineID"], added["taskStatus"]) == (TRANSCRIBE, "pending")
    why = (await api.v1.get(f"tasks/{added['internalTaskID']}/why")).json()["result"]
    assert why["sentence"] == "It was added with an input folder and waits for its first route."
    assert [lease.key.ordinal for lease in [await api.edge.start_one()]] == [0]
    route = {"taskParentId": "a", "taskChildId": added["internalTaskID"], "taskChildNumEngines": 2}
    answer = await api.edge.post(f"/proc/job/{job}/addtaskroute", {"task": route})
    assert answer.status_code == 200, answer.text
    shown = await api.edge.detail(job)
    assert answer.json() == {"success": True, "task": shown["taskRoutes"][0]}
    assert (shown["tasks"][1]["parentTaskID"], shown["tasks"][0]["childTaskIDs"]) == (
        shown["tasks"][0]["internalTaskID"],
        [added["internalTaskID"]],
    )


async def test_a_request_with_a_key_adds_one_task_and_one_route(api: Api) -> None:
    job = await api.edge.create({"tasks": [{"engineId": BATCH, "correlationTaskId": "a"}]})
    new = {"task": {"engineId": TRANSCRIBE, "ioFolders": [folder("b-in", "stream", "input")]}}
    first, again = [await api.edge.post(f"/proc/job/{job}/addtask", new, idempotency_key="k") for _ in range(2)]
    assert first.json()["task"]["internalTaskID"] == again.json()["task"]["internalTaskID"]
    assert again.headers["idempotent-replayed"] == "true"
    route = {"task": {"taskParentId": "a", "taskChildId": first.json()["task"]["internalTaskID"]}}
    path = f"/proc/job/{job}/addtaskroute"
    first, again = [await api.edge.post(path, route, idempotency_key="r") for _ in range(2)]
    assert (first.status_code, first.json()) == (200, again.json())
    shown = await api.edge.detail(job)
    assert (len(shown["tasks"]), len(shown["taskRoutes"])) == (2, 1)


REST_FAULTS: list[tuple[str, Any, str]] = [
    ("addtask", {"engineId": "none"}, "task.engineId: engine"),
    ("addtask", {"engineId": BATCH, "maxRetries": 101}, "task.maxRetries: 0–100"),
    ("addtask", {"engineId": BATCH, "payloadJSON": "{"}, "task.payloadJSON: "),
    ("addtask", {"engineId": BATCH, "correlationTaskId": "engine"}, "task.correlationTaskId: duplicate"),
    ("addtask", {"engineId": BATCH, "ioFolders": [folder("x", "never", "input")]}, "task.ioFolders[0].mode: stream"),
    (
        "addtask",
        {"engineId": BATCH, "ioFolders": [folder("ow-in", "chunk", "input")]},
        "task.ioFolders[0].correlationID",
    ),
    ("addtaskroute", {"taskParentId": "engine", "taskChildId": "none"}, 'task.taskChildId: "none" matches no task.'),
    ("addtaskroute", {"taskParentId": "engine", "taskChildId": "ow"}, "task: a route joins these folders already."),
    ("addtaskroute", {"taskParentId": "engine", "taskChildId": "chunk"}, 'task: "engine-out" is chunk but'),
]


@pytest.mark.parametrize(("verb", "body", "why"), REST_FAULTS)
@mostly_on_sqlite
async def test_a_body_that_does_not_fit_says_where(api: Api, verb: str, body: Any, why: str) -> None:
    job = await api.edge.create(transcription())
    before = await api.edge.detail(job)
    answer = await api.edge.post(f"/proc/job/{job}/{verb}", {"task": body})
    assert answer.status_code in {400, 404}, answer.text
    assert why in answer.json()["description"]
    assert await api.edge.detail(job) == before
