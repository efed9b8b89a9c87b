"""Notes of tasks: an engine, or a person, adds warnings and logs to a task. They do not change its status."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from enginehouse.domain.artifact import attempt_folder
from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotFound, Refusal, Unavailable
from enginehouse.domain.event import Detail
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.task_notes import MOST_NOTES, TaskWarning
from enginehouse.operations import bounds, idempotency, jobs
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.idempotency import OnceAnswer
from enginehouse.operations.permission import require_for_jobs, require_for_task
from enginehouse.storage import task_notes as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.task_notes import NoteCounts

TaskKey = tuple[int, int]
"""A task by job and ordinal."""


@trail.mutation("appendWarningToTask", "Task", names="ref")
async def add_warning(
    house: House,
    principal: Principal,
    ref: TaskRef,
    *,
    reason: str,
    message: str | None,
    reference: str | None,
    key: str | None = None,
) -> OnceAnswer[int]:
    """Adds a warning to the task and to the history of its job. Answers its id.

    `reference` is the caller's own text for what it is about. `key`: the same request with the same idempotency key
    adds one warning. Raises InvalidInput, NotFound, CapacityExceeded.
    """
    require_for_task(principal, Role.USER, ref.job_id, ref.ordinal)
    bounds.refuse([
        *bounds.text("reason", reason, longest=bounds.LONGEST_NAME, required=True),
        *bounds.text("message", message),
        *bounds.text("referenceId", reference, longest=bounds.LONGEST_NAME),
    ])  # fmt: skip
    entry = trail.entry(principal, "appendWarningToTask", object_type="Task", object_id=_text(ref))
    asked = {"task": [ref.job_id, ref.ordinal], "reason": reason, "message": message, "reference": reference}
    request_key = idempotency.request_key(principal, "appendWarningToTask", key, asked)
    detail = Detail(reason=reason, message=message, reference=reference)

    async def warn(tx: Tx) -> int:
        counts = await _lock(tx, principal, ref)
        _refuse_more(counts.warnings, "warnings")
        await entries.record(tx, [entry])
        return await storage.warn(tx, ref.job_id, ref.ordinal, detail)

    answer = await idempotency.once(house, request_key, int, warn)
    house.watches.changed([ref.job_id])
    return answer


@trail.mutation("createTaskLog", "Task", names="ref")
async def add_log(
    house: House, principal: Principal, ref: TaskRef, source: Path | None, *, key: str | None = None
) -> OnceAnswer[str]:
    """Adds the file to the logs of the task, after those of its attempts. Answers the key of its bytes.

    The same file with the same idempotency `key` is added once. Raises NotFound, InvalidInput without a file,
    CapacityExceeded.
    """
    require_for_task(principal, Role.USER, ref.job_id, ref.ordinal)
    await jobs.task(house, principal, ref)
    if source is None:
        raise InvalidInput("must be uploaded: the part `file` of a multipart request.", "file")
    entry = trail.entry(principal, "createTaskLog", object_type="Task", object_id=_text(ref))
    now = await house.database.read(lambda tx: tx.read_clock())
    folder = attempt_folder(principal.organization_id, ref.job_id, ref.ordinal)
    place = f"{folder}/logs/added-{now:017d}-{secrets.token_hex(4)}.log"
    stored = await house.store.put(place, source, max_bytes=house.limits.upload_bytes)
    asked = {"task": [ref.job_id, ref.ordinal], "sha256": stored.sha256}

    async def add(tx: Tx) -> str:
        counts = await _lock(tx, principal, ref)
        _refuse_more(counts.logs, "added logs")
        await storage.add_log(tx, ref.job_id, ref.ordinal, key=place, size=stored.size)
        await entries.record(tx, [entry])
        return place

    try:
        request_key = idempotency.request_key(principal, "createTaskLog", key, asked)
        answer = await idempotency.once(house, request_key, str, add)
    except Unavailable:
        raise  # the commit may have happened
    except Refusal:
        await house.store.delete([place])
        raise
    if answer.replayed:
        await house.store.delete([place])
    return answer


async def warnings(house: House, principal: Principal, tasks: Sequence[TaskKey]) -> dict[TaskKey, list[TaskWarning]]:
    """Returns the warnings of those tasks that belong to the caller's organization, the oldest first."""
    require_for_jobs(principal, Role.READER, [job_id for job_id, _ in tasks])
    ids = sorted({job_id for job_id, _ in tasks})
    return await house.database.read(lambda tx: storage.warnings(tx, principal.organization_id, ids))


async def _lock(tx: Tx, principal: Principal, ref: TaskRef) -> NoteCounts:
    counts = await storage.lock(tx, principal.organization_id, ref.job_id, ref.ordinal)
    if counts is None:
        raise NotFound("Task", ref.text)
    return counts


def _refuse_more(count: int, what: str) -> None:
    if count >= MOST_NOTES:
        raise CapacityExceeded(f"The task has {count} {what}; it takes no more.")


def _text(ref: TaskRef) -> str:
    """Returns the stored id of the task, as audit rows name it."""
    return f"{ref.job_id}/{ref.ordinal}"
