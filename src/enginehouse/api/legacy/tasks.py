"""Tasks under `/v1/job/{JobID}/task`: an engine that no worker of this server runs reports, or polls.

The requests are those of the JavaScript client; see `jobs` for the responses.
"""

from typing import Any, Final

import msgspec

from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.api.legacy.jobs import task_view
from enginehouse.domain.errors import NotFound, Problem
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Task
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.operations import task_updates
from enginehouse.operations.task_updates import UpdateRequest


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine reports about its task: `running`, `complete` or `failed`, and its output."""

    task_status: str = msgspec.field(name="taskStatus")
    task_output: Any = msgspec.field(default=None, name="taskOutput")


_RESULT: Final = Body(TaskResult, free=True)
_POLL: Final = Body(Any, free=True)


async def update(call: Call) -> Reply:
    """PUT job/{JobID}/task/{TaskID}: the task has the reported status and output."""
    result, problems = _RESULT.judged(await _read(call))
    request = UpdateRequest(
        status=result.task_status,
        output=result.task_output,
        has_output=result.task_output is not None,
    )
    task = await task_updates.update(call.house, call.principal, await _named(call), request, found=problems)
    return await _shown(call, task)


async def poll(call: Call) -> Reply:
    """POST job/{JobID}/task/{TaskID}/poll: the task runs, and the body is the payload of its last poll."""
    raw = await _read(call)
    payload, problems = _POLL.judged(raw) if raw.strip() else (None, list[Problem]())
    ref = await _named(call)
    job = Ref.of(ref.job_id)
    task = await task_updates.poll(call.house, call.principal, ref, job=job, payload=payload, found=problems)
    return await _shown(call, task)


async def _read(call: Call) -> bytes:
    return await http_body.read(call.receive, length=call.headers.content_length)


async def _named(call: Call) -> TaskRef:
    """Returns the task of the path. Raises NotFound, also if it is a task of another job."""
    job, text = call.ids
    ref = await refs.named_task(call.house, call.principal, text)
    if ref.job_id != parse_job(job):
        raise NotFound("Task", text)
    return ref


async def _shown(call: Call, task: Task) -> Reply:
    key = task_updates.key_of(task)
    said = (await task_updates.outputs(call.house, call.principal, [key])).get(key)
    output = None if said is None else said.shown()
    return json(task_view(task) | ({} if output is None else {"taskOutput": output}))
