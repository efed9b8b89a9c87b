"""A `CreateJob` input, and its like, as the request that operations take; nothing is judged here."""

from typing import Any

from enginehouse.domain.job import GRAPHQL, FolderRequest, JobRequest, RouteRequest, TargetRequest, TaskRequest

Input = dict[str, Any]

_JOB_ECHO = ("clusterId", "jobConfig", "isReprocessJob", "skipDecider", "retries", "scheduledJobId", "jobTemplateId")
_TASK_ECHO = ("isClone", "buildId", "testTask", "engineConfigId", "executionLocationId", "parentTaskId")
_TARGET_ECHO = (
    "source", "parentFolderId", "sourceData", "contentTemplates", "addToIndex", "thumbnailUrl", "previewUrl",
    "sourceImageUrl",
)  # fmt: skip


def job_request(given: Input | None) -> JobRequest:
    """The request in either documented shape: a list of tasks, or tasks with folders and routes."""
    given = given or {}
    uris = given.get("notificationUris")
    retries = given.get("retries") or None
    return JobRequest(
        tasks=tuple(task_request(task, uris, retries) for task in given.get("tasks") or ()),
        routes=tuple(route_request(route) for route in given.get("routes") or ()),
        target_id=given.get("targetId"),
        target=None if given.get("target") is None else target_request(given["target"]),
        status=given.get("status"),
        scheduled_job_id=given.get("scheduledJobId"),
        spelling=GRAPHQL,
        echo=_kept(given, _JOB_ECHO),
    )


def target_request(given: Input) -> TargetRequest:
    """The target to make together with a job."""
    return TargetRequest(
        name=given.get("name"),
        description=given.get("description"),
        status=given.get("status") or "downloaded",
        start_at=given.get("startDateTime"),
        stop_at=given.get("stopDateTime"),
        details=given.get("details"),
        is_public=bool(given.get("isPublic")),
        echo=target_echo(given),
    )


def target_echo(given: Input) -> Input:
    """The fields of a target that are only kept and shown again."""
    return _kept(given, _TARGET_ECHO)


def task_request(given: Input, uris: list[str] | None = None, retries: int | None = None) -> TaskRequest:
    """One task; what the job says for all of them stands where it says nothing itself."""
    preferences = given.get("executionPreferences") or {}
    max_retries = preferences.get("maxRetries")
    standby = given.get("standbyTask")
    echo = _kept(given, _TASK_ECHO)
    notified = given.get("notificationUris") or uris
    if notified:
        echo["notificationUris"] = notified
    return TaskRequest(
        engine_id=given.get("engineId"),
        task_type=given.get("taskType"),
        payload=given.get("payload"),
        payload_text=given.get("payloadString"),
        folders=tuple(folder_request(folder) for folder in given.get("ioFolders") or ()),
        priority=preferences.get("priority") or 0,
        max_retries=retries if max_retries is None else max_retries,
        max_engines=preferences.get("maxEngines"),
        parallel=bool(preferences.get("parallelProcessing")),
        parents_first=bool(preferences.get("parentCompleteBeforeStarting")),
        due_at=preferences.get("dueDateTime"),
        standby=None if standby is None else task_request(standby, uris, retries),
        echo=echo,
    )


def folder_request(given: Input) -> FolderRequest:
    """One folder."""
    return FolderRequest(reference=given.get("referenceId"), mode=given.get("mode"), type=given.get("type"))


def route_request(given: Input) -> RouteRequest:
    """One route."""
    return RouteRequest(
        parent_folder=given.get("parentIoFolderReferenceId"),
        child_folder=given.get("childIoFolderReferenceId"),
        options=given.get("options"),
    )


def _kept(given: Input, names: tuple[str, ...]) -> Input:
    return {name: given[name] for name in names if given.get(name) is not None}
