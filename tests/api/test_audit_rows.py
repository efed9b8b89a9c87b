"""Every change leaves one row that says who did what, whichever interface it came through; so does every refusal."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType
from tests.api.clients import ADDRESS, TOKEN, Api
from tests.api.samples import BATCH, PASSWORD, fill, one_of_each, operation_of
from tests.api.verbs import Answer
from tests.thorough import THOROUGH

from enginehouse.api.edge import routes
from enginehouse.api.graphql.schema import schema
from enginehouse.api.http.interface import ForAnybody, ForCallers, ForWorkers
from enginehouse.api.http.paths import Place
from enginehouse.api.v1 import routes as v1
from enginehouse.domain.audit import NOBODYS, RecordedEntry
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql, job_uuid, parse_job, task_graphql
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.operations import accounts, identity, target_assets, targets, worker_tokens, workers
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.audit import trail
from enginehouse.operations.schedules import schedules
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.sql import statements

# A request of REST that changes something, and the event it leaves.
REST = [
    ('POST /edge/v1/proc/job/create {"jobs": [{"tasks": TASKS}]}', "createJob"),
    ("POST /edge/v1/proc/job/{jobUUID}/delete", "deleteJob"),
    ('POST /edge/v1/proc/job/{jobUUID}/addtask {"task": {"engineId": "BATCH"}}', "addTask"),
    ('POST /edge/v1/proc/job/{jobUUID}/addtaskroute {"task": {"taskChildId": "{task}"}}', "addTaskRoute"),
    ('POST /edge/v1/proc/endpoint/{endpoint} "what is pushed"', "pushContentToEndpoint"),
    (
        'POST /edge/v1/proc/tasks/update_status {"taskIDs": ["{task}"], "taskStatus": "aborted"}',
        "updateTasksStatus",
    ),
    ("POST /edge/v1/proc/task/{task}/delete", "deleteTask"),
    ('POST /edge/v1/proc/jobs/cancel {"jobID": "{jobUUID}"}', "cancelJob"),
    ("POST /edge/v1/admin/backlog/clear", "cancelJobs"),
    ('POST /edge/v1/admin/tokens/create {"token": {}}', "createToken"),
    ('POST /edge/v1/admin/users/login {"username": "{user}", "password": "PASSWORD"}', "userLogin"),
    ('POST /edge/v1/engine/{engine}/template/{engineTemplate} {"template": {"tasks": TASKS}}', "upsertEngineTemplate"),
    ("DELETE /edge/v1/engine/{ownEngine}/template/{engineTemplate}", "deleteEngineTemplate"),
    ('POST /edge/v1/admin/organizations/create {"organization": {"name": "New"}}', "createOrganization"),
    (
        'POST /edge/v1/admin/organization/{organization}/update {"organization": {"defaultRetries": 2}}',
        "updateOrganization",
    ),
    ('POST /edge/v1/admin/users/create {"user": {"userName": "new"}}', "createUser"),
    ('POST /edge/v1/admin/user/{person}/update {"user": {"email": "x"}}', "updateUser"),
    ("POST /edge/v1/admin/user/{person}/delete", "deleteUser"),
    ('POST /edge/v1/admin/token/{token}/update {"token": {"kvpJSON": "{}"}}', "updateToken"),
    ("POST /edge/v1/admin/token/{token}/delete", "revokeToken"),
    (
        'POST /edge/v1/admin/engine/category/create {"engineCategoryName": "c", "engineCategoryType": "Cognition"}',
        "createEngineCategory",
    ),
    ('POST /edge/v1/admin/engine/category/{category}/update {"engineCategoryName": "d"}', "updateEngineCategory"),
    (
        'POST /edge/v1/admin/engine/create {"engine": {"engineName": "e", "engineCategoryID": "{category}"}}',
        "createEngine",
    ),
    ('POST /edge/v1/admin/engine/{ownEngine}/update {"engine": {"engineName": "f"}}', "updateEngine"),
    ('POST /edge/v1/host/{host}/drain {"reason": "hardware"}', "drainWorker"),
    ("POST /edge/v1/host/{host}/pause", "drainWorker"),
    ("POST /edge/v1/host/{host}/resume", "resumeWorker"),
    ("POST /edge/v1/admin/engine/{ownEngine}/pause", "pauseEngine"),
    ("POST /edge/v1/admin/engine/{ownEngine}/resume", "resumeEngine"),
    ("POST /edge/v1/admin/engine/{ownEngine}/delete", "deleteEngine"),
    ('POST /edge/v1/admin/build/create {"build": {"engineID": "{ownEngine}"}}', "createEngineBuild"),
    ('POST /edge/v1/admin/build/{build}/update {"buildState": "deploy-validating"}', "updateEngineBuild"),
    ("POST /edge/v1/admin/build/{deployed}/pause", "updateEngineBuild"),
    ("POST /edge/v1/admin/build/{paused}/resume", "updateEngineBuild"),
    ("POST /edge/v1/admin/build/{build}/delete", "deleteEngineBuild"),
    ("POST /edge/v1/engine/{ownEngine}/build/{build}/delete", "deleteEngineBuild"),
    ("POST /api/v1/jobs/{job}/retry {}", "retryJob"),
    ("POST /api/v1/jobs/cancel {RANGE}", "cancelJobs"),
    ('POST /api/v1/bulk-acts {"act": "pause", "rule": {"statuses": ["failed"]}}', "actOnJobs"),
    ("POST /api/v1/bulk-acts/{act}/undo", "undoBulkAct"),
    ('POST /api/v1/organizations {"name": "New"}', "createOrganization"),
    ('PATCH /api/v1/organizations/{organization} {"weight": 3}', "updateOrganization"),
    ("POST /api/v1/organizations/{organization}/pause", "pauseOrganization"),
    ("POST /api/v1/organizations/{organization}/resume", "resumeOrganization"),
    ('POST /api/v1/engine-categories {"name": "c", "type": "Cognition"}', "createEngineCategory"),
    ('PATCH /api/v1/engine-categories/{category} {"name": "d"}', "updateEngineCategory"),
    ("DELETE /api/v1/engine-categories/{category}", "deleteEngineCategory"),
    ('PUT /api/v1/pipelines/{ownPipeline} {"input": "chunks"}', "upsertPipeline"),
    ('POST /api/v1/pipelines/{ownPipeline}/jobs {"text": "a"}', "createJob"),
    ("DELETE /api/v1/pipelines/{ownPipeline}", "deletePipeline"),
    ('PATCH /api/v1/engines/{engine} {"runningLimit": 3}', "updateEngine"),
    ('POST /api/v1/engines {"name": "e", "url": "http://203.0.113.7:8080", "category": "{category}"}', "createEngine"),
    ("DELETE /api/v1/engines/{ownEngine}", "deleteEngine"),
    ("POST /api/v1/engines/{engine}/pause", "pauseEngine"),
    ("POST /api/v1/engine-reload", "reloadEngines"),
    ('POST /api/v1/workers/{host}/drain {"detail": "d"}', "drainWorker"),
    ("POST /api/v1/workers/{host}/resume", "resumeWorker"),
    ("POST /api/v1/engines/{engine}/resume", "resumeEngine"),
    ("POST /api/v1/jobs/{jobUUID}/pause", "pauseJob"),
    ("POST /api/v1/jobs/{jobUUID}/resume", "resumeJob"),
    ('POST /api/v1/users {"name": "new", "password": "PASSWORD"}', "createUser"),
    ('POST /api/v1/users/password {"name": "{user}", "password": "PASSWORD"}', "changePassword"),
    ('POST /api/v1/tokens {"name": "new"}', "createToken"),
    ('POST /api/v1/tokens/revoke {"token": "{token}"}', "revokeToken"),
    ("POST /api/v1/webhooks/deliveries/{delivery}/redeliver", "redeliverWebhook"),
    ("POST /api/v1/webhooks/subscriptions/{subscription}/redeliver", "redeliverWebhooks"),
    ("POST /api/v1/webhooks/secret/rotate", "rotateWebhookSecret"),
    ("POST /api/v1/webhooks/subscriptions/{subscription}/secret/rotate", "rotateSubscriptionSecret"),
    ("POST /edge/v1/proc/scheduled_job/{schedule}/delete", "deleteScheduledJob"),
    ("POST /edge/v1/proc/template/{template}/launch {}", "launchJobTemplates"),
    ("POST /api/v1/templates/{template}/launch {}", "launchJobTemplates"),
    ('POST /api/v1/schedules {"name": "nightly", "runMode": "Once"}', "createScheduledJob"),
    ('PATCH /api/v1/schedules/{schedule} {"name": "x"}', "updateScheduledJob"),
    ("DELETE /api/v1/schedules/{schedule}", "deleteScheduledJob"),
    ("POST /api/v1/schedules/{schedule}/pause {}", "updateScheduledJob"),
    ("POST /api/v1/schedules/{schedule}/resume {}", "updateScheduledJob"),
    ("POST /api/v1/schedules/{schedule}/run {}", "launchScheduledJobs"),
]
# A mutation, which has the name of the event that it leaves → its arguments and the fields to show.
GRAPHQL = {
    "userLogin": '(input: {userName: "{user}", password: "PASSWORD"}) { token }',
    "refreshToken": '(token: "{session}") { token }',
    "userLogout": '(token: "{session}")',
    "createEngine": '(input: {name: "e", categoryId: "{category}", deploymentModel: HumanReview}) { id }',
    "updateEngine": '(input: {id: "{ownEngine}", name: "f"}) { id }',
    "engineWorkflow": '(input: {id: "{ownEngine}", action: disable}) { id }',
    "deleteEngine": '(id: "{ownEngine}") { id }',
    "createEngineBuild": '(input: {engineId: "{ownEngine}"}) { id }',
    "updateEngineBuild": '(input: {id: "{build}", engineId: "{ownEngine}", action: submit}) { id }',
    "deleteEngineBuild": '(input: {id: "{build}", engineId: "{ownEngine}"}) { id }',
    "addToEngineWhitelist": '(toAdd: {engineIds: ["{ownEngine}"]}) { organizationId }',
    "deleteFromEngineWhitelist": '(toDelete: {engineIds: ["{ownEngine}"]}) { organizationId }',
    "addToEngineBlacklist": '(toAdd: {engineIds: ["{ownEngine}"]}) { organizationId }',
    "deleteFromEngineBlacklist": '(toDelete: {engineIds: ["{ownEngine}"]}) { organizationId }',
    "createOrganization": '(input: {name: "New"}) { id }',
    "updateOrganization": '(input: {id: "{organization}", name: "New"}) { id }',
    "createUser": '(input: {name: "eve"}) { id }',
    "updateUser": '(input: {id: "{person}", lastName: "x"}) { id }',
    "updateUserStatus": '(input: {id: "{person}", status: suspended}) { id }',
    "deleteUser": '(id: "{person}") { id }',
    "changePassword": '(input: {userName: "{user}", newPassword: "PASSWORD"}) { id }',
    "updateCurrentUser": '(input: {lastName: "x"}) { id }',
    "createTDO": "(input: {startDateTime: 1, stopDateTime: 2}) { id }",
    "createTDOWithAsset": '(input: {startDateTime: 1, uri: "URL", contentType: "text/plain"}) { id }',
    "createAsset": '(input: {containerId: "{target}", contentType: "text/plain", uri: "URL"}) { id }',
    "updateTDO": '(input: {id: "{target}", name: "n"}) { id }',
    "cleanupTDO": '(id: "{target}") { id }',
    "updateAsset": '(input: {id: "{asset}", name: "n"}) { id }',
    "deleteTDO": '(id: "{target}") { id }',
    "deleteAsset": '(id: "{asset}") { id }',
    "createJob": '(input: {tasks: [{engineId: "BATCH"}]}) { id }',
    "cancelJob": '(id: "{job}") { id }',
    "retryJob": '(id: "{job}") { id }',
    "cancelJobs": "(createdAfterDateTime: 1, createdBeforeDateTime: 2) { id }",
    "actOnJobs": "(act: pause, rule: {statuses: [failed]}) { id }",
    "undoBulkAct": '(id: "{act}") { id }',
    "pauseJob": '(id: "{job}") { paused }',
    "createScheduledJob": '(input: {name: "n"}) { id }',
    "updateScheduledJob": '(input: {id: "{schedule}", isActive: false}) { id }',
    "deleteScheduledJob": '(id: "{schedule}") { id }',
    "cloneScheduledJob": '(input: {id: "{schedule}"}) { id }',
    "revertScheduledJob": '(input: {id: "{schedule}"}) { id }',
    "launchScheduledJobs": '(input: {scheduledJobId: "{schedule}"}) { id }',
    "createJobTemplate": '(input: {taskTemplates: [{engineId: "BATCH"}]}) { id }',
    "updateJobTemplate": '(input: {id: "{template}", skipDecider: true}) { id }',
    "deleteJobTemplate": '(id: "{template}") { id }',
    "createTaskTemplate": '(input: {jobTemplateId: "{template}", engineId: "BATCH"}) { id }',
    "updateTaskTemplate": '(input: {id: "{templateTask}", payload: {a: 1}}) { id }',
    "deleteTaskTemplate": '(id: "{templateTask}") { id }',
    "createEngineCategory": '(input: {name: "c", type: "Cognition"}) { id }',
    "updateEngineCategory": '(input: {id: "{category}", name: "d"}) { id }',
    "deleteEngineCategory": '(id: "{category}") { id }',
    "upsertPipeline": '(input: {name: "new-pieces", input: chunks}) { name }',
    "deletePipeline": '(name: "{ownPipeline}") { id }',
    "createEvent": '(input: {application: "a", eventType: "t", eventName: "new"}) { id }',
    "updateEvent": '(input: {id: "{event}", description: "d"}) { id }',
    "emitEvent": '(input: {application: "a", eventType: "t", eventName: "n", payload: "{}"}) { id }',
    "createExportRequest": '(input: {tdoData: [{tdoId: "{target}"}]}) { id }',
    "updateExportRequest": '(input: {id: "{export}", status: failed}) { id }',
    "subscribeEvent": '(input: {application: "system", delivery: {name: Webhook, params: {url: "URL"}}})',
    "emitSystemEvent": '(input: {topic: "t", payload: {a: 1}}) { id }',
    "createTriggers": '(input: {targets: [{name: Webhook, params: {url: "URL"}}]}) { id }',
    "deleteTrigger": '(id: "{trigger}") { id }',
    "createEventActionTemplate": (
        '(input: {name: "n", inputType: event, actionType: webhook, actionDestination: "URL"}) { id }'
    ),
    "updateEventActionTemplate": '(input: {id: "{actionTemplate}", name: "n"}) { id }',
    "rotateSubscriptionSecret": '(id: "{subscription}") { secret }',
    "rotateWebhookSecret": " { secret }",
    "unsubscribeEvent": '(id: "{subscription}") { id }',
    "createJobPipeline": '(input: {jobTemplateIds: ["{template}"]}) { id }',
    "updateJobPipeline": '(input: {id: "{pipeline}", isPublic: true}) { id }',
    "deleteJobPipeline": '(id: "{pipeline}") { id }',
    "launchJobTemplates": '(input: {ids: ["{template}"]}) { id }',
    "createNextPipelineJobs": '(input: {jobPipelineId: "{pipeline}"}) { id }',
    "createSource": '(input: {name: "s", sourceTypeId: 1}) { id }',
    "updateSource": '(input: {id: "{source}", name: "r"}) { id }',
    "deleteSource": '(id: "{source}") { id }',
    "createScheduledJobContentTemplate": '(input: {scheduledJobId: "{scheduled}", schemaId: "s", sdoId: "o"}) { id }',
    "deleteScheduledJobContentTemplate": '(id: "{content}") { id }',
    "resumeJob": '(id: "{job}") { paused }',
    "uploadEngineResult": '(input: {taskId: "{task}", output: {}}) { id }',
    "getEngineJWT": '(input: {engineId: "BATCH", resource: {jobId: "{job}", taskId: "{task}"}}) { token }',
    "updateTask": '(input: {id: "{task}", status: running}) { id }',
    "pollTask": '(input: {id: "{task}", jobId: "{job}", pollPayload: {a: 1}}) { id }',
    "addTasksToJobs": """(input: {tasks: [{id: "00000000-0000-4000-8000-000000000000", jobId: "{job}",
        engineId: "BATCH", buildId: "b", status: pending, createdDateTime: 1}]}) { createdTasks { id } }""",
    "updateJobs": '(input: {ids: ["{job}"], status: queued}) { count }',
    "appendWarningToTask": '(taskId: "{task}", reason: "r")',
}
# Operations that change nothing.
HARMLESS = {
    "POST /edge/v1/proc/jobs/backlog_count_by_engine",
    "POST /api/v1/schedules/explain",
    "POST /api/v1/bulk-acts/plan",
    "POST /api/v1/pipelines/{}/plan",
    "POST /edge/v1/admin/users/role/create",
    "POST /edge/v1/admin/users/role/{}/update",
    "POST /edge/v1/admin/users/role/{}/delete",
    "POST /edge/v1/admin/auth",
    "validateToken",
    "validateEngineOutput",
    "verifyJWT",
}
# Changes with a file, which their own tests send.
UPLOADS = {"createTaskLog", "POST /edge/v1/engine/{}/createjob"}
# Other changes of the operations above.
MORE = [
    ('POST /edge/v1/admin/user/{person}/update {"user": {"password": "PASSWORD"}}', "changePassword"),
    ('POST /edge/v1/proc/jobs/cancel {"organizationID": "1", RANGE}', "cancelJobs"),
    ('POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{schedule}"}', "cancelScheduledJob"),
    ('mutation { createPipelineJob(input: {pipeline: "{ownPipeline}", text: "a"}) { id } }', "createJob"),
    ('mutation { launchSingleEngineJob(input: {uploadUrl: "URL", engineId: "BATCH"}) { id } }', "createJob"),
]
# Requests of a worker on another machine, in their order, and the event that each leaves; None: it leaves none.
OF_WORKERS = [
    ('POST /api/v1/instances {"wireVersion": 1, "name": "box", "slots": {"native": 1}}', "registerWorker"),
    ("POST /api/v1/instances/{worker}/exchange {}", None),
    ('POST /api/v1/instances/{worker}/wait {"pools": [], "seconds": 0}', None),
    ("POST /api/v1/instances/{worker}/terminate", "terminateWorker"),
    ('POST /edge/v1/engine/instance/register {"engineID": "BATCH"}', "registerWorker"),
    ("POST /edge/v1/engine/instance/{worker}/getwork {}", None),
    ("POST /edge/v1/engine/instance/{worker}/updatestatus {}", None),
    ("POST /edge/v1/engine/instance/{worker}/terminate", "terminateWorker"),
]
CHANGES = [*REST, *((f"mutation {{ {name}{more} }}", name) for name, more in GRAPHQL.items()), *MORE]
# All of them on SQLite, some on PostgreSQL; in `make chaos` all on both.
EACH = [("sqlite", *change) for change in CHANGES]
EACH += [("postgres", *change) for change in (CHANGES if THOROUGH else CHANGES[::40])]
BY_ADA = {"userLogin", "refreshToken", "userLogout"}  # without another token
FOR_CALLERS = [change for change in CHANGES if change[1] not in BY_ADA]
LOGINS = [request for request, event in CHANGES if event == "userLogin"]
# Statements that accompany a change and mean nothing without it.
BOOKKEEPING = {"targets.reserve", "bulk_cancels.set_matched", "server_facts.add"}


async def ended_job(api: Api) -> int:
    """Returns a job that has ended."""
    job_id = await api.edge.create()
    await api.edge.post("/proc/jobs/cancel", {"jobID": job_id})
    return parse_job(job_id) or 0


@pytest.fixture
async def ids(api: Api) -> dict[str, str]:
    """Returns the ids of something of every kind, and the user ada."""
    house, chief = api.house, await api.principal()
    job_id = parse_job(await api.edge.create())
    assert job_id is not None
    schedule = await api.schedule(runMode="Once")
    target = await targets.create(house, chief, TargetRequest(name="t"))
    new = AssetRequest(target=Ref.of(target.id), uri="https://h.example/a.txt", content_type="text/plain")
    await schedules.update(house, chief, Ref.of(int(schedule["id"])), ScheduleRequest(name="m"))  # to be reverted
    user = await accounts.create_user(house, chief, name="ada", password=PASSWORD)
    await workers.appear(house, name="w", pools={"native": 1}, engines=["other"])
    return {
        "user": user.name,
        "session": (await identity.login(house, "ada", PASSWORD)).token,
        "token": (await identity.create_token(house, chief)).secret,
        "organization": "1",
        "host": workers.worker_id("w"),
        "engine": BATCH,
        "job": job_graphql(job_id),
        "jobUUID": job_uuid(job_id),
        "task": task_graphql(job_id, 0),
        "endedTask": task_graphql(await ended_job(api), 0),
        "target": str(target.id),
        "asset": (await target_assets.create_asset(house, chief, new)).id,
        "schedule": schedule["id"],
        **await one_of_each(house, chief),
    }


async def left_by(api: Api, request: str, **headers: str) -> tuple[Answer, list[RecordedEntry]]:
    """Returns the response, and the rows that the request left."""
    before = len(await api.audit())
    answer = await api.ask(request, **headers)
    return answer, (await api.audit())[before:]


@pytest.mark.parametrize(("database", "request_", "event"), EACH, indirect=["database"])
async def test_a_change_leaves_one_row_that_names_its_caller_in_its_own_transaction(
    api: Api, ids: dict[str, str], request_: str, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = watch_transactions(api.house.database, monkeypatch)
    if event == "deleteTask":
        ids["task"] = ids["endedTask"]  # only of a job that has ended
    answer, [row] = await left_by(api, fill(request_, ids), user_agent="probe/1", x_request_id="r-17")
    assert answer.error == "", answer.message
    assert (row.event, row.success, row.organization_id) == (event, True, 1)
    assert (row.client_ip, row.user_agent, row.correlation_id) == (ADDRESS, "probe/1", "r-17")
    assert answer.response.headers["x-correlation-id"] == "r-17"
    assert row.token_id is not None
    assert row.user_name == ("ada" if event in BY_ADA else "admin")
    assert row.object_type
    assert row.object_id
    known = statements(api.house.database.dialect)  # type: ignore[arg-type]
    changing = [
        {name for name in names if re.match("INSERT|UPDATE|DELETE", known[name].text)} - BOOKKEEPING
        for names in transactions
    ]
    [together] = filter(None, changing)
    assert "audit.insert" in together
    # The first two are of a job that was not paused, a token for a task is not stored, and no message has failed.
    assert len(together) > 1 or event in {"resumeJob", "updateJobs", "getEngineJWT", "redeliverWebhooks"}


# More than a hundred refusals at once are summed up.
IN_PARTS = pytest.mark.parametrize("part", [0, 1])


@IN_PARTS
async def test_a_caller_without_the_right_leaves_one_row_and_no_change(
    api: Api, ids: dict[str, str], part: int
) -> None:
    reader = await identity.create_token(api.house, await api.principal(), role=Role.READER)
    for request, event in FOR_CALLERS[part::2]:
        answer, [row] = await left_by(api.holding(reader.secret), fill(request, ids))
        assert answer.error, request
        assert (row.event, row.success, row.token_id) == (event, False, reader.token.id), request


@IN_PARTS
@pytest.mark.parametrize(("token", "detail"), [(None, "no token was given"), ("not-a-token", "the token is unknown")])
async def test_nobody_leaves_one_row_for_nobodys_organization(
    api: Api, ids: dict[str, str], token: str | None, detail: str, part: int
) -> None:
    api.house.bad_tokens.allowed = 1000
    for request, _ in FOR_CALLERS[part::2]:
        answer, [row] = await left_by(api.holding(token), fill(request, ids))
        assert answer.error, request
        assert (row.event, row.success, row.organization_id) == ("authenticate", False, NOBODYS), request
        assert row.detail == detail


def watch_transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Returns the names of the statements of each transaction that writes from now on."""
    transactions: list[list[str]] = []

    def watched(write: Any) -> Any:
        async def watch(work: Any, **more: Any) -> Any:
            names: list[str] = []
            transactions.append(names)
            return await write(lambda tx: work(_Watched(tx, names)), **more)

        return watch

    monkeypatch.setattr(database, "write", watched(database.write))
    monkeypatch.setattr(database, "write_work", watched(database.write_work))
    return transactions


class _Watched:
    """A transaction that notes the names of its statements."""

    def __init__(self, tx: Any, names: list[str]) -> None:
        self._tx, self._names = tx, names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)
        if name not in {"all", "one", "run", "many", "each"}:
            return method

        def run(statement: str, *values: Any, **more: Any) -> Any:
            self._names.append(statement)
            return method(statement, *values, **more)

        return run


async def test_a_worker_leaves_a_row_when_it_comes_and_when_it_goes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    root = await api.principal()
    issued = await worker_tokens.create(api.house, root)
    worker, names = api.holding(issued.secret), dict[str, str]()
    for request, event in OF_WORKERS:
        transactions = watch_transactions(api.house.database, monkeypatch)
        answer, rows = await left_by(worker, fill(request, names), x_request_id="r-17")
        assert not answer.error, (request, answer.message)
        assert [row.event for row in rows] == ([] if event is None else [event]), request
        for row in rows:
            names["worker"] = row.object_id or ""
            assert (row.success, row.token_id, row.correlation_id) == (True, issued.token.id, "r-17")
            assert (row.object_type, (row.detail or "").startswith("remote/")) == ("Worker", True)
            [together] = [names_ for names_ in transactions if "audit.insert" in names_]
            assert len(together) > 1, "the worker is known in the same transaction, or is not any more"
        monkeypatch.undo()


async def test_one_that_is_no_worker_leaves_a_row(api: Api) -> None:
    for request, _ in OF_WORKERS:
        answer, [row] = await left_by(api, fill(request, {"worker": BATCH}))
        assert answer.error
        assert (row.event, row.success, row.detail) == ("authenticate", False, "the token is not for workers"), request


async def test_a_failed_login_leaves_one_row_with_the_name_and_not_the_password(api: Api, ids: dict[str, str]) -> None:
    nobody = api.holding(None)
    for request in LOGINS:
        answer, [row] = await left_by(nobody, fill(request.replace("PASSWORD", "a wrong secret"), ids))
        assert answer.error
        assert (row.event, row.success, row.user_name, row.organization_id) == ("userLogin", False, "ada", 1)
        assert "a wrong secret" not in repr(row)
    _, [row] = await left_by(
        nobody, 'POST /edge/v1/admin/users/login {"username": "%s", "password": "x"}' % ("é" * 900)
    )
    assert (row.user_name, row.organization_id) == ("é" * trail.LONGEST, NOBODYS)


async def test_a_revoked_token_is_reported_to_its_organization(api: Api, ids: dict[str, str]) -> None:
    await api.ask("POST /api/v1/tokens/revoke", {"token": ids["token"]})
    _, [row] = await left_by(api.holding(ids["token"]), "GET /edge/v1/proc/jobs")
    assert (row.organization_id, row.detail, row.success) == (1, "the token was revoked", False)
    assert row.token_id is not None


@pytest.mark.parametrize(
    ("request_", "is_wrong"),
    [
        ("GET /edge/v1/proc/jobs", False),
        ('{ job(id: "{job}") { id status } }', False),
        ("GET /edge/v1/ping", False),
        ('POST /edge/v1/proc/job/create {"jobs": []}', True),
        ('mutation { cancelJob(id: "nothing") { id } }', True),
        ('POST /api/v1/users {"name": "ada", "password": "PASSWORD"}', True),
    ],
)
async def test_a_read_and_a_wrong_request_leave_no_row(
    api: Api, ids: dict[str, str], request_: str, is_wrong: bool
) -> None:
    answer, rows = await left_by(api, fill(request_, ids))
    assert (answer.error != "", rows) == (is_wrong, [])


async def test_cancelling_twice_is_two_rows(api: Api, ids: dict[str, str]) -> None:
    rows = [(await left_by(api, f'mutation {{ cancelJob(id: "{ids["job"]}") {{ id }} }}'))[1] for _ in range(2)]
    expected = ("cancelJob", str(parse_job(ids["job"])), True)
    assert [[(row.event, row.object_id, row.success) for row in each] for each in rows] == [[expected]] * 2


async def test_every_job_of_a_request_has_its_row(api: Api) -> None:
    request = 'POST /edge/v1/proc/job/create {"jobs": [{"tasks": TASKS}, {"tasks": TASKS}]}'
    answer, rows = await left_by(api, fill(request, {}))
    made = [str(parse_job(job)) for job in answer.result["internalJobIds"]]
    assert len(made) == 2
    assert [row.object_id for row in rows] == made


async def test_no_secret_is_in_any_row(api: Api, ids: dict[str, str]) -> None:
    for request, _ in CHANGES:
        await api.ask(fill(request, ids))
    rows = await api.audit()
    assert rows
    for secret in (TOKEN, ids["token"], ids["session"], PASSWORD):
        assert secret not in repr(rows)


async def test_the_row_of_a_caller_who_acts_for_another_organization_is_there(api: Api) -> None:
    await api.ask("POST /api/v1/organizations", {"name": "Other"})
    _, [row] = await left_by(api, 'POST /api/v1/tokens {"organizationID": "2"}')
    assert (row.organization_id, row.user_name) == (2, "admin")


def test_every_operation_that_changes_something_is_in_the_tables() -> None:
    served = {f"{method} /edge/v1{path}" for method, path, _ in (*routes._SERVED, *routes._OPEN)}
    served |= {f"{method} /api/v1{path}" for method, path in _below(v1.operations()._root)}
    changing = {operation_of(one) for one in served if not one.startswith("GET ")}
    declared = schema().type_map["Mutation"]
    assert isinstance(declared, GraphQLObjectType)
    more = {found[1] for request, _ in MORE if (found := re.match(r"mutation { (\w+)", request))}
    known = {*(operation_of(request) for request, _ in REST), *GRAPHQL, *HARMLESS, *UPLOADS, *more}
    assert changing | set(declared.fields) == known


def test_every_event_of_an_operation_is_seen_by_these_tests() -> None:
    # A check of a job that is sound changes nothing; tests/api/test_task_statuses.py has one that mends.
    seen = {event for _, event in (*CHANGES, *OF_WORKERS)}
    assert set(trail.EVENTS) - UPLOADS - {"recheckJobStatus"} <= seen


def _below(place: "Place[ForCallers | ForWorkers | ForAnybody]", path: str = "") -> Iterator[tuple[str, str]]:
    for method, operation in place.methods.items():
        if not isinstance(
            operation, ForWorkers
        ):  # the work of a worker leaves attempts and events, as it does in a server
            yield method, path
    for name, following in place.named.items():
        yield from _below(following, f"{path}/{name}")
    if place.variable is not None:
        yield from _below(place.variable, f"{path}/{{}}")
