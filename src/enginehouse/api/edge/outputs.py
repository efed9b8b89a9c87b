"""The outputs of jobs and tasks: as a list, inside JSON, and as bytes."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import field

from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.input import refs
from enginehouse.domain import ids, times
from enginehouse.domain.artifact import Artifact
from enginehouse.operations import artifacts


class OutputView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An output. `contents` is present only for a single output that is text. `created` is in Unix seconds."""

    name: str
    size: int
    created: int
    contents: str | None = None
    contents_valid: bool | None = field(default=None, name="contentsValid")


class OutputAnswer(msgspec.Struct):
    output: OutputView


class JobOutputs(msgspec.Struct):
    job_id: str = field(name="internalJobID")
    outputs: list[OutputView]


class TaskOutputs(msgspec.Struct):
    task_id: str = field(name="internalTaskID")
    outputs: list[OutputView]


class JobOutputsAnswer(msgspec.Struct):
    outputs: JobOutputs


class TaskOutputsAnswer(msgspec.Struct):
    outputs: TaskOutputs


MAX_CONTENTS: Final = 16 * 1024 * 1024  # of an output inside JSON; a larger one must be downloaded


@answers(JobOutputsAnswer)
async def of_job(call: Call) -> Reply:
    """GET proc/job/{JobID}/outputs: the outputs that the job has published so far."""
    ref = refs.job(call.id)
    outputs = await artifacts.of_job(call.house, call.principal, ref)
    return json(JobOutputsAnswer(JobOutputs(ids.job_uuid(ref.number), _listed(outputs))))


@answers(TaskOutputsAnswer)
async def of_task(call: Call) -> Reply:
    """GET proc/task/{TaskID}/outputs: every output of the task."""
    ref = await refs.named_task(call.house, call.principal, call.id)
    outputs = await artifacts.of_task(call.house, call.principal, ref)
    return json(TaskOutputsAnswer(TaskOutputs(ids.task_uuid(ref.job_id, ref.ordinal), _listed(outputs))))


@answers(OutputAnswer)
async def job_output(call: Call) -> Reply:
    """GET proc/job/{JobID}/output/{JobOutputName}: the bytes of an output of the job."""
    return await _contents(call, await _of_job_named(call))


@answers(OutputAnswer)
async def task_output(call: Call) -> Reply:
    """GET proc/task/{TaskID}/output/{TaskOutputName}: the bytes of an output of the task."""
    return await _contents(call, await _of_task_named(call))


@sends_file()
async def job_download(call: Call) -> Download:
    """GET proc/job/{JobID}/download/{JobOutputName}: the bytes of an output of the job, as a download."""
    return await _download(call, await _of_job_named(call))


@sends_file()
async def task_download(call: Call) -> Download:
    """GET proc/task/{TaskID}/download/{TaskOutputName}: the bytes of an output of the task, as a download."""
    return await _download(call, await _of_task_named(call))


async def _of_job_named(call: Call) -> Artifact:
    text, name = call.ids
    outputs = await artifacts.of_job(call.house, call.principal, refs.job(text))
    return artifacts.named(outputs, name)


async def _of_task_named(call: Call) -> Artifact:
    text, name = call.ids
    ref = await refs.named_task(call.house, call.principal, text)
    outputs = await artifacts.of_task(call.house, call.principal, ref)
    return artifacts.named(outputs, name)


def _listed(outputs: Iterable[Artifact]) -> list[OutputView]:
    return [OutputView(name=a.name, size=a.size, created=times.unix_seconds(a.created_at)) for a in outputs]


async def _contents(call: Call, artifact: Artifact) -> Reply:
    """Returns the output with its contents. `contentsValid` is false if they are not text, or too large for JSON."""
    contents = None
    if artifact.size <= MAX_CONTENTS:
        try:
            contents = (await artifacts.read(call.house, artifact)).decode()
        except UnicodeDecodeError:
            contents = None
    return json(
        OutputAnswer(
            OutputView(
                name=artifact.name,
                size=artifact.size,
                created=times.unix_seconds(artifact.created_at),
                contents=contents or "",
                contents_valid=contents is not None,
            )
        )
    )


async def _download(call: Call, artifact: Artifact) -> Download:
    """Returns the bytes themselves, as an attachment."""
    content = await artifacts.content(call.house, artifact)
    return Download(content, media_type=artifact.media_type, filename=artifact.name)
