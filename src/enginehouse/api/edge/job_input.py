"""Translates the jobs of a REST body into the requests that the operation takes."""

from operator import attrgetter
from typing import Any, Final

from enginehouse.api.edge import graph_cache
from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.edge.task_shapes import CreateFolder, CreateTask, TaskRoute
from enginehouse.api.spelling import read_moment
from enginehouse.domain.errors import Problem
from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TaskRequest
from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.domain.spelling import REST
from enginehouse.operations.references import Reference, ReferenceKind


class _Echo:
    """Fields that are only stored and shown again. They are read together, because usually all are absent."""

    def __init__(self, **public: str) -> None:
        self._values = attrgetter(*public)
        self._names = tuple(public.values())

    def of(self, body: CreateJob | CreateTask) -> dict[str, Any]:
        values = self._values(body)
        if not any(values):
            return {}
        return {name: value for name, value in zip(self._names, values, strict=True) if value}


_JOB_ECHO: Final = _Echo(
    core_id="coreID",
    core_job_id="coreJobID",
    core_source_id="coreSourceID",
    job_config_json="jobConfigJSON",
    send_output_to_uris="sendOutputToUris",
)
_TASK_ECHO: Final = _Echo(
    core_task_id="coreTaskId",
    max_wait_seconds_for_chunk="maxWaitSecondsForChunk",
    num_chunks_per_work_item="numChunksPerWorkItem",
    send_output_to_uris="sendOutputToUris",
)


def job(body: CreateJob, prefix: str, problems: list[Problem]) -> JobRequest:
    """Returns the request for one job. Values that cannot be read are added to `problems`.

    `prefix` stands before each path (`jobs[0].`). Empty text counts as absent.
    """
    found = _graphs.find(body)
    graph, tasks = found or (None, ())
    if graph is None:
        tasks, routes = graph_of(body, prefix, problems)
    else:
        routes = graph.routes
    return JobRequest(
        tasks=tasks,
        routes=routes,
        graph=graph,
        target_id=str(body.core_recording_id) if body.core_recording_id else None,
        status=body.job_status or None,
        due_at=read_moment(body.due_date_time, f"{prefix}dueDateTime", problems) if body.due_date_time else None,
        spelling=REST,
        prefix=prefix,
        echo=_JOB_ECHO.of(body),
    )


def graph_of(
    body: CreateJob, prefix: str, problems: list[Problem]
) -> tuple[tuple[TaskRequest, ...], tuple[RouteRequest, ...]]:
    """Returns the tasks and the routes of a job. Values that cannot be read are added to `problems`."""
    tasks = tuple([task(each, prefix, n, problems) for n, each in enumerate(body.tasks or ())])
    return tasks, tuple([route(each) for each in body.task_routes or ()])


def references(body: CreateJob, prefix: str) -> list[Reference]:
    """Returns the objects that the job only names. 0 and empty text count as absent."""
    if not body.core_source_id:
        return []
    return [Reference(f"{prefix}coreSourceID", ReferenceKind.SOURCE, str(body.core_source_id))]


def task(body: CreateTask, prefix: str, n: int, problems: list[Problem]) -> TaskRequest:
    """Returns the request for task `n`. Values that cannot be read are added to `problems`."""
    echo = _TASK_ECHO.of(body)
    payload, text = None, body.task_payload_json or None
    if body.payload_json:
        if text is None:
            payload = _json(body.payload_json, f"{prefix}tasks[{n}].payloadJSON", problems)
            echo["onlyPayloadJSON"] = True
        elif body.payload_json != text:
            echo["payloadJSON"] = body.payload_json
    due = body.due_date_time
    return TaskRequest(
        engine_id=body.engine_id or None,
        payload=payload,
        payload_text=text,
        reference=body.correlation_task_id or None,
        folders=tuple([_folder(one, prefix, n, at, problems) for at, one in enumerate(body.io_folders or ())]),
        priority=body.priority or 0,
        max_retries=body.max_retries,
        max_engines=body.max_engines or None,
        parallel=body.parallel_processing,
        parents_first=body.parent_must_be_complete_before_starting or False,
        due_at=read_moment(due, f"{prefix}tasks[{n}].dueDateTime", problems) if due else None,
        timeout_seconds=body.max_processing_seconds_per_work_item or None,
        status=body.task_status or None,
        echo=echo,
    )


def _folder(body: CreateFolder, prefix: str, n: int, at: int, problems: list[Problem]) -> FolderRequest:
    options = None
    if body.options_json:
        options = _json(body.options_json, f"{prefix}tasks[{n}].ioFolders[{at}].optionsJSON", problems)
    return FolderRequest(
        reference=body.correlation_id or None, mode=body.mode or None, type=body.type or None, options=options
    )


def route(body: TaskRoute) -> RouteRequest:
    """Returns the request for one route."""
    return RouteRequest(
        parent_task=body.task_parent_id or None,
        parent_folder=body.task_parent_output_id or None,
        child_task=body.task_child_id or None,
        child_folder=body.task_child_input_id or None,
        endpoint=body.endpoint or None,
        sync=body.sync_enabled or None,
        sync_seconds=body.sync_timeout_in_seconds or None,
        callback=body.chunk_callback_enabled or None,
    )


def _json(text: str, path: str, problems: list[Problem]) -> Any:
    try:
        return read_json(text)
    except JsonTextError as fault:
        problems.append(Problem(path, str(fault)))
        return None


_graphs: Final = graph_cache.KnownGraphs(graph_of)
