"""`updateTask`, `pollTask`, `uploadEngineResult`, and the output of a Task."""

from dataclasses import replace
from typing import Any, Final

from ariadne import MutationType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields.assets import file_name
from enginehouse.api.http.upload import Upload
from enginehouse.api.input import refs
from enginehouse.domain.artifact import Asset
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.task_updates import wrapped
from enginehouse.operations import engine_results, task_updates
from enginehouse.operations.engine_results import EngineResult
from enginehouse.operations.task_updates import UpdateRequest

mutation = MutationType()

_OUTPUTS: Final = ("output", "outputString", "taskOutput")
# The plan of a job does not change, and a task runs in no place of its own.
_FIXED: Final = ("payload", "executionLocationData")


@mutation.field("updateTask")
async def update(_: object, info: Info, input: dict[str, Any] | None = None) -> Task:
    """The task has the reported status and output."""
    if input is None:
        raise InvalidInput("required.", "input")
    context, fields = info.context, input
    problems = [Problem(name, "cannot be changed by an update.") for name in _FIXED if fields.get(name) is not None]
    has_output, output = read_output(fields, problems)
    moment: Moment | None = fields.get("clientTimestamp")
    job = fields.get("jobId")
    request = UpdateRequest(
        status=fields.get("status") or "",
        job=None if job is None else Ref(parse_job(job) or 0, job),
        output=output,
        has_output=has_output,
        failure_reason=fields.get("failureReason"),
        failure_message=fields.get("failureMessage"),
        client_time=None if moment is None else int(moment),
        notification_uris=tuple(fields.get("notificationUris") or ()),
    )
    ref = await refs.named_task(context.house, context.principal, fields.get("id") or "")
    task = await task_updates.update(context.house, context.principal, ref, request, found=problems)
    context.jobs.forget()
    context.task_outputs.forget()
    return task


@mutation.field("pollTask")
async def poll(_: object, info: Info, input: dict[str, Any] | None = None) -> Task:
    """The task runs, and its runtimePayload is that of the poll."""
    context, fields = info.context, input or {}
    problems = [] if fields else [Problem("input", "must be given.")]
    ref = await refs.named_task(context.house, context.principal, fields.get("id") or "")
    named = str(fields.get("jobId") or "")
    job = Ref(parse_job(named) or 0, named)
    task = await task_updates.poll(
        context.house, context.principal, ref, job=job, payload=fields.get("pollPayload"), found=problems
    )
    context.jobs.forget()
    context.task_polls.forget()
    return task


@mutation.field("uploadEngineResult")
async def upload_result(_: object, info: Info, input: dict[str, Any]) -> Asset | None:
    """The result is an output of the task."""
    context = info.context
    principal = context.principal
    problems = list[Problem]()
    uri = (input.get("uri") or "").strip() or None
    given = [name for name in ("output", "outputString") if input.get(name) is not None]
    upload = context.take_upload(input.get("file")) if not (given or uri) or input.get("file") else None
    if len(given) + (upload is not None) + (uri is not None) > 1:
        at = given[0] if given else "uri"
        problems.append(Problem(at, "must be the only one of output, outputString, uri and file."))
    new = replace(_engine_result(input, given, upload), uri=uri, origin=context.origin)
    ref = await refs.named_task(context.house, principal, input["taskId"])
    asset = await engine_results.upload(context.house, principal, ref, new, found=problems)
    context.jobs.forget()
    context.task_outputs.forget()
    return asset


def _engine_result(fields: dict[str, Any], given: list[str], upload: Upload | None) -> EngineResult:
    key, moment = fields.get("outputJsonKey") or "data", fields.get("clientTimestamp")
    output: Any = None
    source = None if upload is None else upload.path
    kind = (upload.content_type if upload is not None else None) or "application/octet-stream"
    if given[:1] == ["output"]:
        output, kind = fields["output"], "application/json"
    elif given:
        output, kind = wrapped(fields["outputString"], None), "application/json"
        if output == {"data": fields["outputString"]}:
            output, kind = {key: fields["outputString"]}, "text/plain"
    return EngineResult(
        source=None if given else source,
        text=fields["outputString"] if kind == "text/plain" and given else None,
        content_type=fields.get("contentType") or kind,
        name=fields.get("filename") or (file_name(upload) if upload is not None else None),
        asset_type=fields.get("assetType"),
        md5=(fields.get("fileData") or {}).get("md5sum"),
        output=output,
        has_output=bool(given),
        output_key=key,
        sets_output=fields.get("setTaskOutput") is not False,
        completes=fields.get("completeTask") is not False,
        is_primary=bool(fields.get("setAsPrimary")),
        accumulated=bool(fields.get("isAccumulatedResult")),
        client_time=None if moment is None else int(moment),
    )


def read_output(fields: dict[str, Any], problems: list[Problem]) -> tuple[bool, Any]:
    """Returns whether the fields have an output, and its value. Adds what is wrong to `problems`."""
    given = [name for name in _OUTPUTS if fields.get(name) is not None]
    if len(given) > 1:
        problems.append(Problem(given[1], f"must not be given with {given[0]}; give one of them."))
    if fields.get("outputJsonKey") is not None and "outputString" not in given:
        problems.append(Problem("outputJsonKey", "only with outputString."))
    if not given:
        return False, None
    value = fields[given[0]]
    return True, wrapped(value, fields.get("outputJsonKey")) if given[0] == "outputString" else value


BINDABLES: Final = [mutation]
