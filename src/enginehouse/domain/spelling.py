"""The field names of each interface, for the paths of problems."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """The field names of the caller's interface, so that the path of a problem exists in the caller's request."""

    tasks: str = "tasks"
    engine: str = "engineId"
    task_type: str = "taskType"
    payload: str = "payload"
    payload_text: str = "payloadString"
    task_reference: str = "referenceId"
    folders: str = "ioFolders"
    folder_reference: str = "referenceId"
    folder_mode: str = "mode"
    folder_type: str = "type"
    preferences: str = "executionPreferences."
    priority: str = "priority"
    max_retries: str = "maxRetries"
    max_engines: str = "maxEngines"
    parallel: str = "parallelProcessing"
    parents_first: str = "parentCompleteBeforeStarting"
    due: str = "dueDateTime"
    timeout: str = "maxProcessingSecondsPerWorkItem"
    routes: str = "routes"
    route_parent_task: str = "taskParentId"
    route_parent_folder: str = "parentIoFolderReferenceId"
    route_child_task: str = "taskChildId"
    route_child_folder: str = "childIoFolderReferenceId"
    endpoint: str = "endpoint"
    sync: str = "syncEnabled"
    sync_seconds: str = "syncTimeoutInSeconds"
    target: str = "target"
    target_id: str = "targetId"
    status: str = "status"
    task_status: str = "status"


GRAPHQL = Spelling()
TEMPLATE = Spelling(tasks="taskTemplates")  # for a job template in GraphQL
LEGACY = Spelling(payload="taskPayload", target_id="recordingId")  # the oldest interface, `/v1/job`
REST = Spelling(
    payload="payloadJSON",
    payload_text="taskPayloadJSON",
    task_reference="correlationTaskId",
    folder_reference="correlationID",
    preferences="",
    parents_first="parentMustBeCompleteBeforeStarting",
    routes="taskRoutes",
    route_parent_folder="taskParentOutputId",
    route_child_folder="taskChildInputId",
    target_id="coreRecordingID",
    status="jobStatus",
    task_status="taskStatus",
)
