"""The REST operations that set the statuses of tasks, and derive that of a job anew (rest-contract §3.7)."""

from collections.abc import Sequence
from typing import Final

from enginehouse.api.edge import words
from enginehouse.api.edge.job_shapes import JobStatusAnswer
from enginehouse.api.edge.task_shapes import UpdatedStatuses, UpdateStatuses
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.errors import Fault, MalformedId, NotFound, Problem, excerpt
from enginehouse.domain.refs import TaskRef
from enginehouse.operations import task_statuses

_UPDATE: Final = Body(UpdateStatuses)


@answers(UpdatedStatuses, body=_UPDATE, idempotent=True)
async def update(call: Call) -> Reply:
    """POST proc/tasks/update_status: failed and aborted tasks run again, or tasks are aborted. All of them, or none."""
    body, problems = await call.judged_body(_UPDATE)
    named = await _refs(call, body.task_ids, problems)
    answer = await task_statuses.update(
        call.house, call.principal, named, body.task_status, found=problems, key=call.key
    )
    return json(UpdatedStatuses(True), replayed=answer.replayed)


@answers(JobStatusAnswer)
async def recheck(call: Call) -> Reply:
    """GET proc/job/{JobID}/recheck_status: the status follows from the tasks again, whatever was stored."""
    ref = refs.job(call.id)
    word = words.job_word(await task_statuses.recheck(call.house, call.principal, ref))
    return Reply(
        b'{"job":{"internalJobID":"%b","jobStatus":"%b"}}' % (ids.job_uuid(ref.number).encode(), word.encode())
    )


async def _refs(call: Call, texts: Sequence[str], problems: list[Problem]) -> list[TaskRef | None]:
    """Returns the tasks with these ids. Each that cannot be one is a problem, and None."""
    found = list[TaskRef | None]()
    for n, text in enumerate(texts):
        try:
            found.append(await refs.named_task(call.house, call.principal, text))
        except MalformedId as malformed:
            problems.append(Problem(f"taskIDs[{n}]", f"{malformed.forms}, got {excerpt(text)}.", excerpt(text)))
            found.append(None)
        except NotFound:
            shown = excerpt(text)
            problems.append(Problem(f"taskIDs[{n}]", f"{shown} was not found.", shown, fault=Fault.UNKNOWN))
            found.append(None)
    return found
