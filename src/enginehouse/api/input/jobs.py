"""Translates a `CreateJob` input and similar ones into the request that operations take. It checks nothing."""

from collections.abc import Sequence
from typing import Any, Final

from enginehouse.api.input.graph_cache import KnownInputs
from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TargetRequest, TaskRequest
from enginehouse.domain.spelling import GRAPHQL

Input = dict[str, Any]

_JOB_ECHO = ("clusterId", "jobConfig", "isReprocessJob", "skipDecider", "retries", "scheduledJobId", "jobTemplateId")
_URIS = "notificationUris"
_TASK_ECHO = ("isClone", "buildId", "testTask", "engineConfigId", "executionLocationId", "parentTaskId")
_TARGET_ECHO = (
    "source", "parentFolderId", "sourceData", "contentTemplates", "addToIndex", "thumbnailUrl", "previewUrl",
    "sourceImageUrl",
)  # fmt: skip
_graphs: Final = KnownInputs()


def job_request(fields: Input | None) -> JobRequest:
    """Returns the request of either documented shape: a list of tasks, or tasks with folders and routes."""
    fields = fields or {}
    uris = fields.get(_URIS) or []
    retries = fields.get("retries") or None

    def graph_of(
        tasks: Sequence[Input], routes: Sequence[Input]
    ) -> tuple[tuple[TaskRequest, ...], tuple[RouteRequest, ...]]:
        return (
            tuple([task_request(task, uris, retries) for task in tasks]),
            tuple([route_request(route) for route in routes]),
        )

    given = fields.get("tasks") or (), fields.get("routes") or ()
    graph, tasks = _graphs.find(*given, (uris, retries), graph_of) or (None, ())
    tasks, routes = graph_of(*given) if graph is None else (tasks, graph.routes)
    return JobRequest(
        tasks=tasks,
        routes=routes,
        graph=graph,
        target_id=fields.get("targetId"),
        target=None if fields.get("target") is None else target_request(fields["target"]),
        status=fields.get("status"),
        name=fields.get("name"),
        scheduled_job_id=fields.get("scheduledJobId"),
        spelling=GRAPHQL,
        echo=_kept(fields, _JOB_ECHO) | ({_URIS: uris} if uris else {}),
    )


def target_request(fields: Input) -> TargetRequest:
    """Returns the target to create together with a job."""
    return TargetRequest(
        name=fields.get("name"),
        description=fields.get("description"),
        status=fields.get("status") or "downloaded",
        start_at=fields.get("startDateTime"),
        stop_at=fields.get("stopDateTime"),
        details=fields.get("details"),
        is_public=bool(fields.get("isPublic")),
        echo=target_echo(fields),
    )


def target_echo(fields: Input) -> Input:
    """Returns the fields of a target that are only stored and shown again."""
    return _kept(fields, _TARGET_ECHO)


def task_request(fields: Input, uris: list[str] | None = None, retries: int | None = None) -> TaskRequest:
    """Returns one task. The job's addresses for notifications are also those of its tasks, after their own.

    Other settings of the job for all tasks count if the task has none itself.
    """
    preferences = fields.get("executionPreferences") or {}
    max_retries = preferences.get("maxRetries")
    standby = fields.get("standbyTask")
    echo = _kept(fields, _TASK_ECHO)
    if notified := [*(fields.get(_URIS) or ()), *(uris or ())]:
        echo[_URIS] = notified
    return TaskRequest(
        engine_id=fields.get("engineId"),
        task_type=fields.get("taskType"),
        payload=fields.get("payload"),
        payload_text=fields.get("payloadString"),
        folders=tuple([folder_request(folder) for folder in fields.get("ioFolders") or ()]),
        priority=preferences.get("priority") or 0,
        max_retries=retries if max_retries is None else max_retries,
        max_engines=preferences.get("maxEngines"),
        parallel=preferences.get("parallelProcessing"),
        parents_first=bool(preferences.get("parentCompleteBeforeStarting")),
        due_at=None if (due := preferences.get("dueDateTime")) is None else int(due),  # plain, so that it can be stored
        standby=None if standby is None else task_request(standby, uris, retries),
        echo=echo,
    )


def folder_request(fields: Input) -> FolderRequest:
    """Returns one folder."""
    return FolderRequest(reference=fields.get("referenceId"), mode=fields.get("mode"), type=fields.get("type"))


def route_request(fields: Input) -> RouteRequest:
    """Returns one route."""
    return RouteRequest(
        parent_folder=fields.get("parentIoFolderReferenceId"),
        child_folder=fields.get("childIoFolderReferenceId"),
        options=fields.get("options"),
        endpoint=fields.get("endpoint") or None,
        sync=fields.get("syncEnabled") or None,
        sync_seconds=fields.get("syncTimeoutInSeconds") or None,
        callback=fields.get("chunkCallbackEnabled") or None,
    )


def _kept(fields: Input, names: tuple[str, ...]) -> Input:
    if fields.keys().isdisjoint(names):
        return {}
    return {name: fields[name] for name in names if fields.get(name) is not None}
