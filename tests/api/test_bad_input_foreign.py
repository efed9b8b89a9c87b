"""An object of another organization gets the same response as a missing one, on every path and field with an id."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType
from tests.api.clients import TOKEN, Rest
from tests.api.samples import BATCH, one_of_each, single

from enginehouse.api.asgi import application
from enginehouse.api.edge import routes
from enginehouse.api.graphql.schema import OPEN, schema
from enginehouse.domain import ids
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.operations import bulk_cancels, identity, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.operations.schedules import launches

KINDS = (
    "job", "jobUUID", "task", "taskUUID", "target", "asset", "organization", "organizationUUID", "template",
    "templateTask", "pipeline", "category", "source", "scheduled", "scheduledUUID", "content",
)  # fmt: skip

# The operation of REST → a request with {kind} in place of the id, None for an operation without an id.
REST: dict[str, list[str] | None] = {
    "GET /proc/job/{JobID}/status": ["GET proc/job/{job}/status", "GET proc/job/{jobUUID}/status"],
    "POST /proc/job/create": [
        'POST proc/job/create {"jobs": [{"coreRecordingID": "{target}", "tasks": TASKS}]}',
        'POST proc/job/create {"jobs": [{"internalOrganizationID": "{organizationUUID}", "tasks": TASKS}]}',
        'POST proc/job/create {"jobs": [{"internalOrganizationID": "{organization}", "tasks": TASKS}]}',
    ],
    "GET /proc/job/{JobID}/detail": ["GET proc/job/{job}/detail", "GET proc/job/{jobUUID}/detail"],
    "POST /proc/job/{JobID}/delete": ["POST proc/job/{job}/delete", "POST proc/job/{jobUUID}/delete"],
    "GET /proc/job/{JobID}/outputs": ["GET proc/job/{job}/outputs", "GET proc/job/{jobUUID}/outputs"],
    "GET /proc/job/{JobID}/output/{JobOutputName}": ["GET proc/job/{job}/output/a.txt"],
    "GET /proc/job/{JobID}/download/{JobOutputName}": ["GET proc/job/{jobUUID}/download/a.txt"],
    "GET /proc/jobs": ["GET proc/jobs?internalJobID={jobUUID}", "GET proc/jobs?recordingID={target}"],
    "POST /proc/jobs/cancel": [
        'POST proc/jobs/cancel {"jobID": "{job}"}',
        'POST proc/jobs/cancel {"jobID": "{jobUUID}"}',
        'POST proc/jobs/cancel {"scheduledJobID": "{scheduled}"}',
        'POST proc/jobs/cancel {"scheduledJobID": "{scheduledUUID}"}',
        'POST proc/jobs/cancel {"organizationID": "{organization}", RANGE}',
        'POST proc/jobs/cancel {"organizationID": "{organizationUUID}", RANGE}',
    ],
    "GET /proc/task/{TaskID}/detail": ["GET proc/task/{task}/detail", "GET proc/task/{taskUUID}/detail"],
    "GET /proc/task/{TaskID}/logs": ["GET proc/task/{task}/logs", "GET proc/task/{taskUUID}/logs"],
    "GET /proc/task/{TaskID}/outputs": ["GET proc/task/{taskUUID}/outputs"],
    "GET /proc/task/{TaskID}/output/{TaskOutputName}": ["GET proc/task/{taskUUID}/output/a.txt"],
    "GET /proc/task/{TaskID}/download/{TaskOutputName}": ["GET proc/task/{task}/download/a.txt"],
    "GET /proc/scheduled_jobs": ["GET proc/scheduled_jobs?scheduledJobID={scheduled}"],
    "GET /proc/scheduled_job/{ScheduledJobID}/detail": [
        "GET proc/scheduled_job/{scheduled}/detail",
        "GET proc/scheduled_job/{scheduledUUID}/detail",
    ],
    "POST /proc/scheduled_job/{ScheduledJobID}/delete": [
        "POST proc/scheduled_job/{scheduled}/delete",
        "POST proc/scheduled_job/{scheduledUUID}/delete",
    ],
    "GET /proc/scheduled_jobs/total_pending_time_ranges": None,
    "GET /proc/scheduled_jobs/rate_pending_time_ranges": None,
    "POST /proc/template/{TemplateID}/launch": ["POST proc/template/{template}/launch {}"],
    "GET /admin/engines": None,
    "GET /admin/engine/{EngineID}/detail": None,  # engines of one organization have their own tests
    "GET /admin/engine/categories": None,
    "POST /admin/tokens/create": ['POST admin/tokens/create {"token": {"organizationIDs": ["{organizationUUID}"]}}'],
}
OWN = [
    "GET /api/v1/asset/{asset}/content",
    "GET /api/v1/tokens?organizationID={organization}",
    "GET /api/v1/jobs/{job}/events",
    "GET /api/v1/jobs/{jobUUID}/events/stream",
    "POST /api/v1/jobs/{job}/retry {}",
    'POST /api/v1/jobs/{jobUUID}/retry {"onlyFailed": true}',
    "GET /api/v1/jobs/{jobUUID}/tasks/0/attempts",
    "GET /api/v1/jobs/{job}/tasks/0/attempts/0/1/log",
    "GET /api/v1/jobs/{job}/why",
    "GET /api/v1/engine-categories/{category}",
    'PATCH /api/v1/engine-categories/{category} {"name": "n"}',
    "DELETE /api/v1/engine-categories/{category}",
    "GET /api/v1/schedules/{scheduled}",
    'PATCH /api/v1/schedules/{scheduledUUID} {"name": "m"}',
    "DELETE /api/v1/schedules/{scheduled}",
    "POST /api/v1/schedules/{scheduled}/pause {}",
    "POST /api/v1/schedules/{scheduled}/resume {}",
    "POST /api/v1/schedules/{scheduledUUID}/run {}",
    "GET /api/v1/schedules/{scheduled}/slots",
    "GET /api/v1/schedules/{scheduledUUID}/explain",
    "GET /api/v1/schedules/{scheduled}/preview",
    "POST /api/v1/jobs/{job}/pause",
    "POST /api/v1/jobs/{jobUUID}/pause",
    "POST /api/v1/jobs/{job}/resume",
    "POST /api/v1/organizations/{organization}/pause",
    "POST /api/v1/organizations/{organizationUUID}/resume",
    'PATCH /api/v1/organizations/{organization} {"weight": 3}',
    "GET /api/v1/jobs/{jobUUID}/why",
    "GET /api/v1/tasks/{task}/why",
    "GET /api/v1/tasks/{taskUUID}/why",
    'POST /api/v1/jobs/cancel {"organizationID": "{organization}", RANGE}',
    "GET /api/v1/bulk-cancels/{bulk}",
    "GET /api/v1/bulk-cancels/{bulk}?organizationID={organization}",
]
GRAPHQL: dict[str, list[str] | None] = {
    "me": None,
    "temporalDataObject": ['{ temporalDataObject(id: "{target}") { id } }'],
    "engines": None,
    "engine": None,
    "engineCategory": ['{ engineCategory(id: "{category}") { id } }'],
    "engineCategories": ['{ engineCategories(id: "{category}") { records { id } } }'],
    "job": ['{ job(id: "{job}") { id } }', '{ job(id: "{jobUUID}") { id } }'],
    "jobs": [
        '{ jobs(id: "{job}") { records { id } } }',
        '{ jobs(targetId: "{target}") { records { id } } }',
        '{ jobs(scheduledJobIds: ["{scheduled}", "{scheduledUUID}"]) { records { id } } }',
    ],
    "task": ['{ task(id: "{task}") { id } }', '{ task(id: "{taskUUID}") { id } }'],
    "engineResults": [
        '{ engineResults(tdoId: "{target}", engineIds: ["BATCH"]) { records { tdoId } } }',
        '{ engineResults(jobId: "{job}") { records { tdoId } } }',
    ],
    "auditLog": ['{ auditLog(organizationId: "{organization}") { count } }'],
    "jobTemplate": ['{ jobTemplate(id: "{template}") { id } }'],
    "jobTemplates": [
        '{ jobTemplates(jobPipelineId: "{pipeline}") { records { id } } }',
        '{ jobTemplates(scheduledJobId: "{scheduled}") { records { id } } }',
    ],
    "taskTemplate": ['{ taskTemplate(id: "{templateTask}") { id } }'],
    "jobPipeline": ['{ jobPipeline(id: "{pipeline}") { id } }'],
    "jobPipelines": [
        '{ jobPipelines(id: "{pipeline}") { records { id } } }',
        '{ jobPipelines(scheduledJobId: "{scheduled}") { records { id } } }',
    ],
    "source": ['{ source(id: "{source}") { id } }'],
    "sources": ['{ sources(id: "{source}") { records { id } } }'],
    "sourceType": None,  # the same for every organization
    "sourceTypes": None,
    "createJobTemplate": [
        'mutation { createJobTemplate(input: {jobPipelineId: "{pipeline}"}) { jobPipelineId } }',
    ],
    "updateJobTemplate": [
        'mutation { updateJobTemplate(input: {id: "{template}", jobPipelineStage: 7}) { jobPipelineStage } }',
    ],
    "deleteJobTemplate": ['mutation { deleteJobTemplate(id: "{template}") { id } }'],
    "createTaskTemplate": [
        'mutation { createTaskTemplate(input: {jobTemplateId: "{template}", engineId: "BATCH"}) { engineId } }',
    ],
    "updateTaskTemplate": [
        'mutation { updateTaskTemplate(input: {id: "{templateTask}", payload: {a: 1}}) { payload } }',
    ],
    "deleteTaskTemplate": ['mutation { deleteTaskTemplate(id: "{templateTask}") { id } }'],
    "createEngineCategory": None,
    "updateEngineCategory": ['mutation { updateEngineCategory(input: {id: "{category}", name: "n"}) { name } }'],
    "deleteEngineCategory": ['mutation { deleteEngineCategory(id: "{category}") { id } }'],
    "createJobPipeline": ['mutation { createJobPipeline(input: {jobTemplateIds: ["{template}"]}) { id } }'],
    "updateJobPipeline": [
        'mutation { updateJobPipeline(input: {id: "{pipeline}", isPublic: false}) { isPublic } }',
    ],
    "deleteJobPipeline": ['mutation { deleteJobPipeline(id: "{pipeline}") { id } }'],
    "launchJobTemplates": [
        'mutation { launchJobTemplates(input: {ids: ["{template}"]}) { id } }',
        'mutation { launchJobTemplates(input: {ids: ["{template}"], scheduledJobId: "{scheduled}"}) { id } }',
        'mutation { launchJobTemplates(input: {ids: ["{template}"], targetInfo: {targetId: "{target}"}}) { id } }',
    ],
    "createSource": None,
    "updateSource": ['mutation { updateSource(input: {id: "{source}", name: "r"}) { name } }'],
    "deleteSource": ['mutation { deleteSource(id: "{source}") { id } }'],
    "createScheduledJobContentTemplate": [
        """mutation { createScheduledJobContentTemplate(
            input: {scheduledJobId: "{scheduled}", schemaId: "s", sdoId: "o"}) { schemaId } }""",
    ],
    "deleteScheduledJobContentTemplate": [
        'mutation { deleteScheduledJobContentTemplate(id: "{content}") { id } }',
    ],
    "scheduledJob": ['{ scheduledJob(id: "{scheduled}") { id } }', '{ scheduledJob(id: "{scheduledUUID}") { id } }'],
    "scheduledJobs": ['{ scheduledJobs(id: "{scheduled}") { records { id } } }'],
    "createScheduledJob": [
        'mutation { createScheduledJob(input: {name: "n", jobTemplateIds: ["{template}"]}) { id } }',
        'mutation { createScheduledJob(input: {name: "n", jobPipelineIds: ["{pipeline}"]}) { id } }',
        """mutation { createScheduledJob(input: {name: "n", jobTemplates: [
            {jobPipelineId: "{pipeline}", taskTemplates: [{engineId: "BATCH"}]}]}) { id } }""",
    ],
    "updateScheduledJob": [
        'mutation { updateScheduledJob(input: {id: "{scheduled}", isActive: false}) { isActive } }',
        'mutation { updateScheduledJob(input: {id: "{scheduledUUID}", name: "m"}) { name } }',
    ],
    "deleteScheduledJob": ['mutation { deleteScheduledJob(id: "{scheduled}") { id } }'],
    "cloneScheduledJob": [
        'mutation { cloneScheduledJob(input: {id: "{scheduled}"}) { name } }',
        'mutation { cloneScheduledJob(input: {id: "{scheduledUUID}", organizationId: "{organization}"}) { name } }',
    ],
    "revertScheduledJob": ['mutation { revertScheduledJob(input: {id: "{scheduled}"}) { name } }'],
    "launchScheduledJobs": [
        'mutation { launchScheduledJobs(input: {scheduledJobId: "{scheduled}"}) { id } }',
        """mutation { launchScheduledJobs(
            input: {scheduledJobId: "{scheduled}", targetInfo: {targetId: "{target}"}}) { id } }""",
    ],
    "createTDO": None,
    "createTDOWithAsset": None,
    "createAsset": [
        'mutation { createAsset(input: {containerId: "{target}", contentType: "text/plain", uri: "URL"}) { id } }',
    ],
    "createJob": ['mutation { createJob(input: {targetId: "{target}", tasks: [{engineId: "BATCH"}]}) { id } }'],
    "cancelJob": [
        'mutation { cancelJob(id: "{job}") { id } }',
        'mutation { cancelJob(id: "{jobUUID}") { id } }',
        'mutation { cancelJob(id: "{job}", includeRunning: true) { id stopping } }',
    ],
    "pauseJob": ['mutation { pauseJob(id: "{job}") { id } }', 'mutation { pauseJob(id: "{jobUUID}") { id } }'],
    "resumeJob": ['mutation { resumeJob(id: "{job}") { id } }'],
    "cancelJobs": [
        "mutation { cancelJobs(organizationId: {organization}, createdAfterDateTime: 1, createdBeforeDateTime: 2){id}}",
    ],
    "bulkCancel": [
        '{ bulkCancel(id: "{bulk}") { id } }',
        "{ bulkCancel(id: {bulk}, organizationId: {organization}) { id } }",
    ],
    "retryJob": ['mutation { retryJob(id: "{job}") { id } }', 'mutation { retryJob(id: "{jobUUID}") { id } }'],
}


@dataclass(frozen=True)
class Neighbours:
    """Two organizations.

    `owned` has the ids of the first one's objects, `unknown` ids of the same forms without objects.
    """

    client: httpx.AsyncClient
    house: House
    owner: Rest
    stranger: str
    owned: dict[str, str]
    unknown: dict[str, str]

    async def ask(self, template: str, given: dict[str, str], token: str) -> tuple[int, Any]:
        """Returns the response to the request with these ids, without the ids and the parts that always differ."""
        request = (
            template.replace("TASKS", '[{"engineId": "BATCH"}]')
            .replace("BATCH", BATCH)
            .replace("URL", "https://h.example/a")
            .replace("RANGE", '"createdAfterDateTime": 1, "createdBeforeDateTime": 2')
        )
        for kind, value in given.items():
            request = request.replace(f"{{{kind}}}", value)
        headers = {"Authorization": f"Bearer {token}"}
        if template.startswith(("{", "mutation")):
            answer = await self.client.post("http://test/v3/graphql", json={"query": request}, headers=headers)
        else:
            method, path, *body = request.split(" ", 2)
            path = f"http://test{path}" if path.startswith("/") else path
            sent = json.loads(body[0]) if body else None
            answer = await self.client.request(method, path, json=sent, headers=headers)
        text = _NEW.sub("<new>", answer.text)
        for kind, value in given.items():
            if f"{{{kind}}}" in template:
                text = re.sub(rf"(?<![\w-]){value}(?![\w-])", f"<{kind}>", text)
        return answer.status_code, text


_NEW = re.compile(r'(?<="errorId":")[0-9a-f-]{36}|(?<="time_thrown":")[^"]+')


@pytest.fixture
async def neighbours(house: House) -> AsyncIterator[Neighbours]:
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://test/edge/v1") as client:
        root = Rest(client, house, TOKEN)
        owner, stranger = await root.another_organization(), await root.another_organization()
        owned = await _things(owner)
        yield Neighbours(client, house, owner, stranger.token, owned, _nothing(owned))


async def _things(owner: Rest) -> dict[str, str]:
    principal = await identity.authenticate(owner.house, owner.token)
    new = AssetRequest(content_type="text/plain", name="a.txt", source=b"secret")
    target = await targets.create_with_asset(owner.house, principal, TargetRequest(name="t"), new)
    [asset] = await targets.assets(owner.house, principal, Ref.of(target.id))
    job_uuid = await owner.create(single() | {"coreRecordingID": str(target.id)})
    await owner.run_one(("a.txt", "text/plain", b"secret"))
    job_id = ids.parse_job(job_uuid)
    assert job_id is not None
    made = await one_of_each(owner.house, principal)
    await launches.launch_schedule(owner.house, principal, Ref.of(int(made["scheduled"])))
    # It creates several, so that the id is a number that no response contains by chance.
    [*_, cancelled] = [
        await bulk_cancels.cancel(owner.house, principal, created_from=1, created_to=2) for _ in range(5)
    ]
    return {
        "bulk": str(cancelled.id),
        **made,
        "job": ids.job_graphql(job_id),
        "jobUUID": job_uuid,
        "task": ids.task_graphql(job_id, 0),
        "taskUUID": ids.task_uuid(job_id, 0),
        "target": str(target.id),
        "asset": asset.id,
        "organization": str(principal.organization_id),
        "organizationUUID": ids.organization_uuid(principal.organization_id),
    }


def _nothing(owned: dict[str, str]) -> dict[str, str]:
    """Returns well-formed ids of objects that do not exist."""
    job_id = ids.parse_job(owned["job"])
    assert job_id is not None
    other = job_id + 1
    return {
        "bulk": str(int(owned["bulk"]) + 1000),
        "job": ids.job_graphql(other),
        "jobUUID": ids.job_uuid(other),
        "task": ids.task_graphql(other, 0),
        "taskUUID": ids.task_uuid(other, 0),
        "target": str(int(owned["target"]) + 1000),
        "asset": f"{int(owned['target']) + 1000}_{owned['asset'].partition('_')[2]}",
        "template": ids.job_graphql(other),
        "templateTask": ids.task_graphql(other, 0),
        "category": "00000000-0000-4000-8000-000000000000",
        "pipeline": ids.pipeline_uuid(987654),
        "source": "987654",
        "scheduled": "987655",
        "scheduledUUID": ids.schedule_uuid(987655),
        "content": "00000000-0000-4000-8000-000000000000",
        "organization": "987654",
        "organizationUUID": ids.organization_uuid(987654),
    }


REQUESTS = [one for table in (REST, GRAPHQL) for requests in table.values() for one in requests or ()] + OWN


@pytest.mark.parametrize("template", REQUESTS)
async def test_a_foreign_id_answers_like_an_unknown_one(neighbours: Neighbours, template: str) -> None:
    foreign = await neighbours.ask(template, neighbours.owned, neighbours.stranger)
    unknown = await neighbours.ask(template, neighbours.unknown, neighbours.stranger)
    assert foreign == unknown
    # The request itself is valid: the owner gets another response.
    owner = await neighbours.ask(template, neighbours.owned, neighbours.owner.token)
    assert owner != foreign


async def test_nothing_of_the_owner_has_changed_after_all_of_it(neighbours: Neighbours) -> None:
    async def state() -> Any:
        shown = (await neighbours.owner.get(f"/proc/job/{neighbours.owned['jobUUID']}/detail")).json()
        return shown, (await neighbours.owner.get("/proc/jobs")).json()["count"]

    before = await state()
    for template in REQUESTS:
        await neighbours.ask(template, neighbours.owned, neighbours.stranger)
    assert await state() == before


def test_every_served_operation_and_every_field_is_in_the_tables() -> None:
    assert {f"{method} {template}" for method, template, _ in routes._SERVED} == set(REST)
    fields = set[str]()
    for root in ("Query", "Mutation"):
        declared = schema().type_map[root]
        assert isinstance(declared, GraphQLObjectType)
        fields |= set(declared.fields)
    assert fields - OPEN == set(GRAPHQL)


async def test_a_foreign_id_among_own_ones_is_passed_over(neighbours: Neighbours) -> None:
    query = '{ jobs { records { id } } own: job(id: "{job}") { id } }'
    status, answer = await neighbours.ask(query, neighbours.owned, neighbours.stranger)
    assert status == 200
    assert json.loads(answer)["data"] == {"jobs": {"records": []}, "own": None}
