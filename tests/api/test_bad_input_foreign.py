"""An object of another organization gets the same response as a missing one, on every path and field with an id."""

import json
import re
from typing import Any

import pytest
from graphql import GraphQLObjectType
from tests.api.belongings import belongings, like_nothing
from tests.api.clients import Api
from tests.api.samples import fill, operation_of
from tests.thorough import mostly_on_sqlite

from enginehouse.api.edge import routes
from enginehouse.api.graphql.schema import OPEN, schema

# Requests with {kind} in place of the id: all of the published interface and of GraphQL.
EDGE = [
    "GET /edge/v1/proc/job/{job}/status",
    "GET /edge/v1/proc/job/{jobUUID}/status",
    'POST /edge/v1/proc/job/create {"jobs": [{"coreRecordingID": "{target}", "tasks": TASKS}]}',
    'POST /edge/v1/proc/job/create {"jobs": [{"internalOrganizationID": "{organizationUUID}", "tasks": TASKS}]}',
    'POST /edge/v1/proc/job/create {"jobs": [{"internalOrganizationID": "{organization}", "tasks": TASKS}]}',
    "GET /edge/v1/proc/job/{job}/detail",
    "GET /edge/v1/proc/job/{jobUUID}/detail",
    "POST /edge/v1/proc/job/{job}/delete",
    "POST /edge/v1/proc/job/{jobUUID}/delete",
    'POST /edge/v1/proc/job/{job}/addtask {"task": {"engineId": "BATCH"}}',
    'POST /edge/v1/proc/job/{jobUUID}/addtaskroute {"task": {"taskChildId": "{task}"}}',
    'POST /edge/v1/proc/endpoint/{endpoint} "what is pushed"',
    'POST /edge/v1/proc/tasks/update_status {"taskIDs": ["{task}"], "taskStatus": "pending"}',
    'POST /edge/v1/proc/tasks/update_status {"taskIDs": ["{taskUUID}"], "taskStatus": "aborted"}',
    "POST /edge/v1/proc/task/{task}/delete",
    "POST /edge/v1/proc/task/{taskUUID}/delete",
    "GET /edge/v1/proc/job/{job}/recheck_status",
    "GET /edge/v1/proc/job/{jobUUID}/recheck_status",
    "GET /edge/v1/proc/job/{job}/outputs",
    "GET /edge/v1/proc/job/{jobUUID}/outputs",
    "GET /edge/v1/proc/job/{job}/output/{output}",
    "GET /edge/v1/proc/job/{jobUUID}/download/{output}",
    "GET /edge/v1/proc/jobs?jobID={jobUUID}",
    "GET /edge/v1/proc/jobs?recordingID={target}",
    'POST /edge/v1/proc/jobs/cancel {"jobID": "{job}"}',
    'POST /edge/v1/proc/jobs/cancel {"jobID": "{jobUUID}"}',
    'POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{scheduled}"}',
    'POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{scheduledUUID}"}',
    'POST /edge/v1/proc/jobs/cancel {"organizationID": "{organization}", RANGE}',
    'POST /edge/v1/proc/jobs/cancel {"organizationID": "{organizationUUID}", RANGE}',
    "GET /edge/v1/proc/tasks?taskID={taskUUID}",
    "GET /edge/v1/proc/tasks?coreTaskID={task}",
    "GET /edge/v1/proc/tasks?jobID={jobUUID}",
    "GET /edge/v1/proc/tasks?coreJobID={job}",
    "GET /edge/v1/proc/tasks?recordingID={target}",
    "GET /edge/v1/proc/tasks?organizationID={organizationUUID}",
    "GET /edge/v1/proc/tasks/errors?organizationID={organizationUUID}",
    "GET /edge/v1/proc/job/{jobUUID}/workrequests",
    "GET /edge/v1/proc/job/{jobUUID}/workrequests?taskID={taskUUID}",
    "GET /edge/v1/proc/workrequest/{workRequest}/detail",
    "POST /edge/v1/admin/backlog/clear?organizationID={organizationUUID}",
    "GET /edge/v1/proc/jobs/stats?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/jobs/stats/organization?organizationIDs={organization}",
    "GET /edge/v1/proc/jobs/stats/time_ranges?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/jobs/backlog_count_by_engine?organizationIDs={organizationUUID}",
    "POST /edge/v1/proc/jobs/backlog_count_by_engine?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/tasks/stats?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/tasks/stats/categories?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/tasks/stats/engines?jobID={jobUUID}&startTime=1&endTime=1900000000",
    "GET /edge/v1/proc/tasks/stats/engines?taskID={taskUUID}&startTime=1&endTime=1900000000",
    "GET /edge/v1/proc/tasks/stats/engines?organizationID={organizationUUID}",
    "GET /edge/v1/proc/tasks/stats/organizations?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/tasks/stats/time_ranges?organizationIDs={organizationUUID}",
    "GET /edge/v1/proc/task/{task}/detail",
    "GET /edge/v1/proc/task/{taskUUID}/detail",
    "GET /edge/v1/proc/task/{task}/logs",
    "GET /edge/v1/proc/task/{taskUUID}/logs",
    "GET /edge/v1/proc/task/{taskUUID}/outputs",
    "GET /edge/v1/proc/task/{taskUUID}/output/{output}",
    "GET /edge/v1/proc/task/{task}/download/{output}",
    "GET /edge/v1/proc/scheduled_jobs?scheduledJobID={scheduled}",
    "GET /edge/v1/proc/scheduled_job/{scheduled}/detail",
    "GET /edge/v1/proc/scheduled_job/{scheduledUUID}/detail",
    "POST /edge/v1/proc/scheduled_job/{scheduled}/delete",
    "POST /edge/v1/proc/scheduled_job/{scheduledUUID}/delete",
    "POST /edge/v1/proc/template/{template}/launch {}",
    "GET /edge/v1/admin/engine/category/{category}/detail",
    'POST /edge/v1/admin/engine/category/{category}/update {"engineCategoryName": "n"}',
    'POST /edge/v1/admin/engine/create {"engine": {"engineName": "n", "engineCategoryID": "{category}"}}',
    'POST /edge/v1/admin/engine/{ownEngine}/update {"engine": {"engineName": "n"}}',
    "POST /edge/v1/admin/engine/{ownEngine}/pause",
    "POST /edge/v1/admin/engine/{ownEngine}/resume",
    "POST /edge/v1/admin/engine/{ownEngine}/delete",
    "GET /edge/v1/admin/engine/{ownEngine}/builds",
    "GET /edge/v1/engine/{ownEngine}/instances",
    'POST /edge/v1/admin/build/create {"build": {"engineID": "{ownEngine}"}}',
    "GET /edge/v1/admin/build/{build}/detail",
    'POST /edge/v1/admin/build/{build}/update {"buildState": "deploy-validating"}',
    "POST /edge/v1/admin/build/{deployed}/pause",
    "POST /edge/v1/admin/build/{paused}/resume",
    "POST /edge/v1/admin/build/{build}/delete",
    "POST /edge/v1/engine/{ownEngine}/build/{build}/delete",
    "GET /edge/v1/admin/organizations?organizationID={organizationUUID}",
    "GET /edge/v1/admin/organization/{organizationUUID}/detail",
    "GET /edge/v1/admin/organization/{organization}/tokens",
    'POST /edge/v1/admin/organization/{organizationUUID}/update {"organization": {"defaultRetries": 2}}',
    "GET /edge/v1/admin/users?organizationIDs={organizationUUID}",
    'POST /edge/v1/admin/users/create {"user": {"userName": "n", "internalOrganizationID": "{organizationUUID}"}}',
    "GET /edge/v1/admin/user/{person}/detail",
    "GET /edge/v1/admin/user/{person}/permissions",
    "GET /edge/v1/admin/user/{person}/tokens",
    'POST /edge/v1/admin/user/{person}/update {"user": {"email": "x"}}',
    'POST /edge/v1/admin/user/{person}/update {"user": {"password": "PASSWORD"}}',
    "POST /edge/v1/admin/user/{person}/delete",
    "GET /edge/v1/admin/tokens?organizationIDs={organizationUUID}",
    "GET /edge/v1/admin/tokens?tokenID={key}",
    "GET /edge/v1/admin/token/{key}/detail",
    "GET /edge/v1/admin/token/{key}/permissions",
    'POST /edge/v1/admin/token/{key}/update {"token": {"kvpJSON": "{}"}}',
    "POST /edge/v1/admin/token/{key}/delete",
    "GET /edge/v1/engine/{ownEngine}/template/{engineTemplate}",
    'POST /edge/v1/engine/{ownEngine}/template/{engineTemplate} {"template": {"tasks": TASKS}}',
    "DELETE /edge/v1/engine/{ownEngine}/template/{engineTemplate}",
    'POST /edge/v1/admin/tokens/create {"token": {"organizationIDs": ["{organizationUUID}"]}}',
]
OWN = [
    "GET /api/v1/pipelines/{ownPipeline}",
    'POST /api/v1/pipelines/{ownPipeline}/plan {"text": "a"}',
    'POST /api/v1/pipelines/{ownPipeline}/jobs {"text": "a"}',
    "DELETE /api/v1/pipelines/{ownPipeline}",
    "GET /api/v1/asset/{asset}/content",
    "GET /api/v1/tokens?organizationID={organization}",
    "GET /api/v1/jobs/{job}/events",
    "GET /api/v1/jobs/{jobUUID}/events/stream",
    "POST /api/v1/jobs/{job}/retry {}",
    'POST /api/v1/jobs/{jobUUID}/retry {"onlyFailed": true}',
    "GET /api/v1/jobs/{jobUUID}/tasks/0/attempts",
    "GET /api/v1/jobs/{job}/tasks/0/attempts/0/1/log",
    "GET /api/v1/jobs/{job}/tasks/0/attempts/0/1/log/part",
    "GET /api/v1/jobs/{job}/tasks/0/items",
    "GET /api/v1/jobs/{job}/attempts",
    "GET /api/v1/jobs/{job}/why",
    "GET /api/v1/jobs/{job}/results",
    "GET /api/v1/engine-categories/{category}",
    'PATCH /api/v1/engine-categories/{category} {"name": "n"}',
    "DELETE /api/v1/engine-categories/{category}",
    "GET /api/v1/engines/{ownEngine}",
    "DELETE /api/v1/engines/{ownEngine}",
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
    "GET /api/v1/webhooks/deliveries/{delivery}",
    "POST /api/v1/webhooks/deliveries/{delivery}/redeliver",
    "POST /api/v1/webhooks/subscriptions/{subscription}/secret/rotate",
    "POST /api/v1/webhooks/subscriptions/{subscription}/redeliver",
    "GET /api/v1/bulk-acts/{act}",
    "POST /api/v1/bulk-acts/{act}/undo",
    "GET /api/v1/bulk-cancels/{bulk}",
    "GET /api/v1/bulk-cancels/{bulk}?organizationID={organization}",
]
BY_TEMPLATE = '{name: Webhook, params: {eventActionTemplateId: "{actionTemplate}"}}'
GRAPHQL = [
    '{ temporalDataObject(id: "{target}") { id } }',
    '{ temporalDataObjects(id: "{target}") { records { id } } }',
    '{ temporalDataObjects(organizationId: "{organization}") { records { id } } }',
    '{ asset(id: "{asset}") { id } }',
    '{ getSignedWritableUrl(organizationId: "{organization}") { key } }',
    '{ getSignedWritableUrls(number: 2, organizationId: "{organization}") { key } }',
    '{ engineCategory(id: "{category}") { id } }',
    '{ engineCategories(id: "{category}") { records { id } } }',
    '{ job(id: "{job}") { id } }',
    '{ job(id: "{jobUUID}") { id } }',
    '{ jobs(id: "{job}") { records { id } } }',
    '{ jobs(targetId: "{target}") { records { id } } }',
    '{ jobs(scheduledJobIds: ["{scheduled}", "{scheduledUUID}"]) { records { id } } }',
    '{ task(id: "{task}") { id } }',
    '{ tasks(id: "{task}") { count } }',
    '{ task(id: "{taskUUID}") { id } }',
    '{ engineResults(tdoId: "{target}", engineIds: ["BATCH"]) { records { tdoId } } }',
    '{ engineResults(jobId: "{job}") { records { tdoId } } }',
    '{ auditLog(organizationId: "{organization}") { count } }',
    '{ jobTemplate(id: "{template}") { id } }',
    '{ jobTemplates(jobPipelineId: "{pipeline}") { records { id } } }',
    '{ jobTemplates(scheduledJobId: "{scheduled}") { records { id } } }',
    '{ taskTemplate(id: "{templateTask}") { id } }',
    '{ jobPipeline(id: "{pipeline}") { id } }',
    '{ jobPipelines(id: "{pipeline}") { records { id } } }',
    '{ jobPipelines(scheduledJobId: "{scheduled}") { records { id } } }',
    '{ organization(id: "{organization}") { id } }',
    '{ organization(id: "{organizationUUID}") { internalApplicationId } }',
    '{ organizations(id: "{organization}") { records { id } } }',
    'mutation { updateOrganization(input: {id: "{organization}", name: "n"}) { name } }',
    '{ engine(id: "{ownEngine}") { id } }',
    '{ engines(id: "{ownEngine}") { records { id } } }',
    '{ engineBuild(id: "{build}") { id } }',
    'mutation { createEngine(input: {name: "n", categoryId: "{category}", deploymentModel: HumanReview}) { name } }',
    'mutation { updateEngine(input: {id: "{ownEngine}", name: "n"}) { name } }',
    'mutation { engineWorkflow(input: {id: "{ownEngine}", action: disable}) { state } }',
    'mutation { deleteEngine(id: "{ownEngine}") { id } }',
    'mutation { createEngineBuild(input: {engineId: "{ownEngine}"}) { status } }',
    'mutation { updateEngineBuild(input: {id: "{build}", engineId: "{ownEngine}", action: submit}) { status } }',
    'mutation { deleteEngineBuild(input: {id: "{build}", engineId: "{ownEngine}"}) { id } }',
    '{ user(id: "{person}") { id } }',
    '{ user(id: "{person}", organizationIds: ["{organization}"]) { id } }',
    '{ users(id: "{person}") { records { id } } }',
    '{ users(organizationIds: ["{organization}"]) { records { id } } }',
    'mutation { createUser(input: {name: "n", organizationId: "{organization}"}) { name } }',
    'mutation { updateUser(input: {id: "{person}", lastName: "n"}) { lastName } }',
    'mutation { updateUserStatus(input: {id: "{person}", status: suspended}) { status } }',
    'mutation { deleteUser(id: "{person}") { id } }',
    '{ pipeline(name: "{ownPipeline}") { name } }',
    '{ pipelinePlan(name: "{ownPipeline}", text: "a") { job } }',
    '{ pipelinePlan(name: "chunk", targetId: "{target}") { job } }',
    'mutation { createPipelineJob(input: {pipeline: "{ownPipeline}", text: "a"}) { id } }',
    'mutation { createPipelineJob(input: {pipeline: "chunk", targetId: "{target}"}) { id } }',
    'mutation { deletePipeline(name: "{ownPipeline}") { id } }',
    '{ source(id: "{source}") { id } }',
    '{ sources(id: "{source}") { records { id } } }',
    'mutation { createJobTemplate(input: {jobPipelineId: "{pipeline}"}) { jobPipelineId } }',
    'mutation { updateJobTemplate(input: {id: "{template}", jobPipelineStage: 7}) { jobPipelineStage } }',
    'mutation { deleteJobTemplate(id: "{template}") { id } }',
    'mutation { createTaskTemplate(input: {jobTemplateId: "{template}", engineId: "BATCH"}) { engineId } }',
    'mutation { updateTaskTemplate(input: {id: "{templateTask}", payload: {a: 1}}) { payload } }',
    'mutation { deleteTaskTemplate(id: "{templateTask}") { id } }',
    'mutation { updateEngineCategory(input: {id: "{category}", name: "n"}) { name } }',
    'mutation { deleteEngineCategory(id: "{category}") { id } }',
    '{ exportRequest(id: "{export}") { id } }',
    '{ exportRequests(id: "{export}") { records { id } } }',
    'mutation { createExportRequest(input: {tdoData: [{tdoId: "{target}"}]}) { organizationId } }',
    'mutation { updateExportRequest(input: {id: "{export}", status: failed}) { status } }',
    '{ event(id: "{event}") { id } }',
    '{ eventSubscription(id: "{subscription}") { id } }',
    '{ eventSubscriptions(ids: ["{subscription}"]) { records { id } } }',
    '{ trigger(id: "{trigger}") { id } }',
    'mutation { deleteTrigger(id: "{trigger}") { id } }',
    '{ eventActionTemplate(id: "{actionTemplate}") { id } }',
    'mutation { updateEventActionTemplate(input: {id: "{actionTemplate}", name: "n"}) { name } }',
    f'mutation {{ subscribeEvent(input: {{application: "a", delivery: {BY_TEMPLATE}}}) }}',
    f"mutation {{ createTriggers(input: {{targets: [{BY_TEMPLATE}]}}) {{ event }} }}",
    'mutation { updateEvent(input: {id: "{event}", description: "d"}) { description } }',
    'mutation { rotateSubscriptionSecret(id: "{subscription}") { secret } }',
    'mutation { unsubscribeEvent(id: "{subscription}") { id } }',
    'mutation { createJobPipeline(input: {jobTemplateIds: ["{template}"]}) { id } }',
    'mutation { updateJobPipeline(input: {id: "{pipeline}", isPublic: false}) { isPublic } }',
    'mutation { deleteJobPipeline(id: "{pipeline}") { id } }',
    'mutation { launchJobTemplates(input: {ids: ["{template}"]}) { id } }',
    'mutation { createNextPipelineJobs(input: {jobPipelineId: "{pipeline}"}) { id } }',
    'mutation { createNextPipelineJobs(input: {parentJobId: "{job}"}) { id } }',
    'mutation { createNextPipelineJobs(input: {parentJobId: "{jobUUID}"}) { id } }',
    'mutation { launchSingleEngineJob(input: {engineId: "BATCH", targetId: "{target}"}) { id } }',
    'mutation { launchJobTemplates(input: {ids: ["{template}"], scheduledJobId: "{scheduled}"}) { id } }',
    'mutation { launchJobTemplates(input: {ids: ["{template}"], targetInfo: {targetId: "{target}"}}) { id } }',
    'mutation { updateSource(input: {id: "{source}", name: "r"}) { name } }',
    'mutation { deleteSource(id: "{source}") { id } }',
    """mutation { createScheduledJobContentTemplate(
        input: {scheduledJobId: "{scheduled}", schemaId: "s", sdoId: "o"}) { schemaId } }""",
    'mutation { deleteScheduledJobContentTemplate(id: "{content}") { id } }',
    '{ scheduledJob(id: "{scheduled}") { id } }',
    '{ scheduledJob(id: "{scheduledUUID}") { id } }',
    '{ scheduledJobs(id: "{scheduled}") { records { id } } }',
    'mutation { createScheduledJob(input: {name: "n", jobTemplateIds: ["{template}"]}) { id } }',
    'mutation { createScheduledJob(input: {name: "n", jobPipelineIds: ["{pipeline}"]}) { id } }',
    """mutation { createScheduledJob(input: {name: "n", jobTemplates: [
        {jobPipelineId: "{pipeline}", taskTemplates: [{engineId: "BATCH"}]}]}) { id } }""",
    'mutation { updateScheduledJob(input: {id: "{scheduled}", isActive: false}) { isActive } }',
    'mutation { updateScheduledJob(input: {id: "{scheduledUUID}", name: "m"}) { name } }',
    'mutation { deleteScheduledJob(id: "{scheduled}") { id } }',
    'mutation { cloneScheduledJob(input: {id: "{scheduled}"}) { name } }',
    'mutation { cloneScheduledJob(input: {id: "{scheduledUUID}", organizationId: "{organization}"}) { name } }',
    'mutation { revertScheduledJob(input: {id: "{scheduled}"}) { name } }',
    'mutation { launchScheduledJobs(input: {scheduledJobId: "{scheduled}"}) { id } }',
    """mutation { launchScheduledJobs(
        input: {scheduledJobId: "{scheduled}", targetInfo: {targetId: "{target}"}}) { id } }""",
    'mutation { createAsset(input: {containerId: "{target}", contentType: "text/plain", uri: "URL"}) { id } }',
    'mutation { updateTDO(input: {id: "{target}", name: "n"}) { id } }',
    'mutation { cleanupTDO(id: "{target}") { id } }',
    'mutation { updateAsset(input: {id: "{asset}", name: "n"}) { id } }',
    'mutation { deleteTDO(id: "{target}") { id } }',
    'mutation { deleteAsset(id: "{asset}") { id } }',
    'mutation { createJob(input: {targetId: "{target}", tasks: [{engineId: "BATCH"}]}) { id } }',
    'mutation { cancelJob(id: "{job}") { id } }',
    'mutation { cancelJob(id: "{jobUUID}") { id } }',
    'mutation { cancelJob(id: "{job}", includeRunning: true) { id stopping } }',
    'mutation { pauseJob(id: "{job}") { id } }',
    'mutation { pauseJob(id: "{jobUUID}") { id } }',
    'mutation { resumeJob(id: "{job}") { id } }',
    "mutation { cancelJobs(organizationId: {organization}, createdAfterDateTime: 1, createdBeforeDateTime: 2){id}}",
    '{ bulkCancel(id: "{bulk}") { id } }',
    '{ bulkAct(id: "{act}") { id } }',
    'mutation { undoBulkAct(id: "{act}") { id } }',
    "{ bulkCancel(id: {bulk}, organizationId: {organization}) { id } }",
    'mutation { updateJobs(input: {ids: ["{job}"], status: queued}) { records { id } } }',
    'mutation { pollTask(input: {id: "{task}", jobId: "{job}"}) { status } }',
    """mutation { addTasksToJobs(input: {tasks: [{id: "00000000-0000-4000-8000-000000000000", jobId: "{job}",
        engineId: "BATCH", buildId: "b", status: pending, createdDateTime: 1}]}) { errors { message } } }""",
    'mutation { updateTask(input: {id: "{task}", status: running}) { status } }',
    'mutation { uploadEngineResult(input: {taskId: "{task}", output: {}}) { id } }',
    """mutation { getEngineJWT(
        input: {engineId: "BATCH", resource: {jobId: "{job}", taskId: "{task}"}}) { engineId } }""",
    'mutation { createTaskLog(input: {taskId: "{task}"}) { text } }',
    'mutation { appendWarningToTask(taskId: "{task}", reason: "r") }',
    'mutation { retryJob(id: "{job}") { id } }',
    'mutation { retryJob(id: "{jobUUID}") { id } }',
]
# Requests without an id of an organization's object. Engines of one organization have their own tests.
WITHOUT_ID = {
    "GET /edge/v1/hosts", "GET /edge/v1/hosts/counts", "GET /edge/v1/hosts/counts_by_type",
    "GET /edge/v1/host/{}/detail", "GET /edge/v1/host/{}/status", "POST /edge/v1/host/{}/drain",
    "POST /edge/v1/host/{}/pause", "POST /edge/v1/host/{}/resume", "GET /edge/v1/engine/instances",
    "GET /edge/v1/engine/instance/{}/detail", "GET /edge/v1/engine/instance/{}/logs",
    "GET /edge/v1/engine/instance/{}/resources", "GET /edge/v1/engine/builds",
    "engineNumbers", "jobRates", "overview", "pipelines", "upsertPipeline",
    "POST /edge/v1/admin/engine/category/create", "GET /edge/v1/admin/users/roles",
    "GET /edge/v1/admin/users/role/{}/detail",
    "POST /edge/v1/admin/users/role/create", "POST /edge/v1/admin/users/role/{}/update",
    "POST /edge/v1/admin/users/role/{}/delete", "POST /edge/v1/admin/organizations/create",
    "GET /edge/v1/admin/status", "POST /edge/v1/admin/auth", "POST /edge/v1/engine/{}/createjob",
    "GET /edge/v1/proc/scheduled_jobs/total_pending_time_ranges", "GET /edge/v1/admin/engine/categories",
    "GET /edge/v1/proc/scheduled_jobs/rate_pending_time_ranges", "GET /edge/v1/admin/engines",
    "GET /edge/v1/proc/tasks/error/count_type_by_engine", "GET /edge/v1/proc/tasks/error/engine_error_time_ranges",
    "GET /edge/v1/admin/backlog/summary", "actOnJobs", "bulkActPlan", "bulkActs",
    "GET /edge/v1/proc/tasks/instances/by_category_host", "GET /edge/v1/proc/tasks/sync_backlog",
    "GET /edge/v1/admin/engine/{}/detail", "addToEngineBlacklist", "addToEngineWhitelist", "changePassword",
    "createEngineCategory", "createEvent", "createEventActionTemplate", "createOrganization", "createSource",
    "createTDO", "createTDOWithAsset", "deleteFromEngineBlacklist", "deleteFromEngineWhitelist", "emitEvent",
    "emitSystemEvent", "engine", "engineClass", "engineClasses", "engines", "eventActionTemplates", "events",
    "graphqlServiceInfo", "groups", "me", "myRights", "permissions", "rotateWebhookSecret", "sourceType", "sourceTypes",
    "subscribeEvent", "timeZones", "tokens", "triggers", "updateCurrentUser", "validateEngineOutput", "verifyJWT",
}  # fmt: skip
REQUESTS = [*EDGE, *GRAPHQL, *OWN]
DELETES = [request for request in REQUESTS if re.search("delete|cleanup|unsubscribe", request.lower())]
_NEW = re.compile(r'(?<="errorId":")[0-9a-f-]{36}|(?<="time_thrown":")[^"]+')


@pytest.fixture
async def owned(foreign: Api) -> dict[str, str]:
    """Returns the ids of the foreign organization's objects, one of every kind."""
    return await belongings(foreign)


async def ask(api: Api, request: str, known: dict[str, str]) -> tuple[int, str]:
    """Returns the status and the text of the response, without the ids and the parts that always differ."""
    answer = (await api.ask(fill(request, known))).response
    text = _NEW.sub("<new>", answer.text)
    for kind, value in known.items():
        if f"{{{kind}}}" in request:
            text = re.sub(rf"(?<![\w-]){value}(?![\w-])", f"<{kind}>", text)
    return answer.status_code, text


@mostly_on_sqlite
async def test_a_foreign_id_gets_the_response_of_an_unknown_one_and_nothing_of_the_owner_changes(
    foreign: Api, stranger: Api, owned: dict[str, str]
) -> None:
    async def state() -> Any:
        shown = (await foreign.edge.get(f"/proc/job/{owned['jobUUID']}/detail")).json()
        return shown, (await foreign.edge.get("/proc/jobs")).json()["count"]

    before, unknown = await state(), like_nothing(owned)
    answers = {request: [await ask(stranger, request, ids) for ids in (owned, unknown)] for request in REQUESTS}
    assert [request for request, (foreigns, nobodys) in answers.items() if foreigns != nobodys] == []
    assert await state() == before
    # The requests are valid: the owner gets other responses.
    others = [request for request in REQUESTS if request not in DELETES]
    assert [request for request in others if await ask(foreign, request, owned) in answers[request]] == []


@mostly_on_sqlite
@pytest.mark.parametrize("request_", DELETES)
async def test_only_the_owner_can_delete_it(foreign: Api, stranger: Api, owned: dict[str, str], request_: str) -> None:
    assert await ask(stranger, request_, owned) != await ask(foreign, request_, owned)


def test_every_served_operation_and_every_field_is_in_the_tables() -> None:
    known = {operation_of(f"{method} /edge/v1{path}") for method, path, _ in routes._SERVED}
    for root in ("Query", "Mutation"):
        declared = schema().type_map[root]
        assert isinstance(declared, GraphQLObjectType)
        known |= set(declared.fields) - OPEN
    fields = {found[1] for request in GRAPHQL if (found := re.match(r"(?:mutation )?{ (\w+)", request))}
    assert known == {operation_of(request) for request in EDGE} | fields | WITHOUT_ID


@mostly_on_sqlite
async def test_a_foreign_id_among_own_ones_is_passed_over(stranger: Api, owned: dict[str, str]) -> None:
    query = '{ jobs { records { id } } own: job(id: "{job}") { id } }'
    status, answer = await ask(stranger, query, owned)
    assert status == 200
    assert json.loads(answer)["data"] == {"jobs": {"records": []}, "own": None}
