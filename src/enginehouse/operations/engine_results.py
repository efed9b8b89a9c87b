"""Results that an engine outside uploads: they are outputs of its task, and an asset of the target of its job."""

import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from enginehouse.domain.artifact import PUBLISHED, Asset, attempt_folder, is_media_type
from enginehouse.domain.documents import DocumentError, is_json, read_document
from enginehouse.domain.errors import InvalidInput, Problem, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import FolderType, Job, Task
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.task_updates import TaskUpdate, UpdateStatus
from enginehouse.domain.work import NewArtifact
from enginehouse.operations import bounds, jobs, target_assets, task_updates
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_for_task

NOTHING_GIVEN: Final = "One of output, outputString or file (upload) must be provided."
_SHOWN_BYTES: Final = 1 << 20  # the largest file that also becomes the output of the task
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """A result to upload: the file `source`, or the document `output`, which becomes the output of the task as well.

    With `text` the result is this text, and `output` has it under a key. `completes`: the task is complete with
    it. Otherwise it goes on, and may upload more.
    """

    source: Path | None
    text: str | None = None
    content_type: str
    name: str | None = None
    asset_type: str | None = None
    md5: str | None = None
    output: Any = None
    has_output: bool = False
    output_key: str = "data"
    sets_output: bool = True
    completes: bool = True
    client_time: int | None = None


@trail.mutation("uploadEngineResult", "Task", names="ref")
async def upload(
    house: House, principal: Principal, ref: TaskRef, new: EngineResult, *, found: list[Problem]
) -> Asset | None:
    """Publishes the result as an output of the task, and completes the task unless the caller says otherwise.

    Returns the asset of the result, None if it has none: the job has no target of its own, or the engine only brings
    data in. An upload that is older than the task changes nothing. Raises NotFound, InvalidInput as `updateTask` does.
    """
    require_for_task(principal, Role.USER, ref.job_id, ref.ordinal)
    job, task = await jobs.task(house, principal, ref)
    bounds.refuse(_problems(job, task, new), found)
    name = new.name or ("result" if not is_json(new.content_type) else f"vtn-standard-{secrets.token_hex(8)}.json")
    folder = attempt_folder(principal.organization_id, ref.job_id, ref.ordinal)
    key = f"{folder}/uploaded/{secrets.token_hex(8)}-{_UNSAFE.sub('_', name)[-80:]}"
    stored = await house.store.put(key, _bytes(new), max_bytes=house.limits.upload_bytes)
    try:
        if new.md5 and new.md5.lower() != stored.md5:
            raise InvalidInput("the bytes that arrived have another MD5 sum.", "fileData.md5sum")
        places = _places(task) or (PUBLISHED,)
        outputs = tuple(
            NewArtifact(
                folder=place, part=0, index=0, name=name, media_type=new.content_type, size=stored.size,
                sha256=stored.sha256, key=key,
            )
            for place in places
        )  # fmt: skip
        outcome = await task_updates.apply(
            house, principal, _update(principal, ref, new, outputs), event="uploadEngineResult", ref=ref
        )
    except Unavailable:
        raise  # the commit may have happened
    except Exception:
        await house.store.delete([key])
        raise
    if not outcome.published:
        await house.store.delete([key])
        return None
    reader = replace(principal, task=None)  # the asset is the task's own
    made = (await target_assets.assets_of_bytes(house, reader, [key])).get(key)
    return None if made is None else await target_assets.asset(house, reader, made)


def _update(principal: Principal, ref: TaskRef, new: EngineResult, outputs: tuple[NewArtifact, ...]) -> TaskUpdate:
    output = _task_output(new)
    return TaskUpdate(
        organization_id=principal.organization_id,
        job_id=ref.job_id,
        ordinal=ref.ordinal,
        status=UpdateStatus.COMPLETE if new.completes else UpdateStatus.RUNNING,
        holder=task_updates.holder(principal),
        output=None if output is None else msgspec.json.encode(output).decode(),
        outputs=outputs,
        asset_type=new.asset_type,
        client_time=new.client_time,
        is_own=principal.task is not None,
    )


def _bytes(new: EngineResult) -> bytes | Path:
    if new.source is not None:
        return new.source
    return msgspec.json.encode(new.output) if new.text is None else new.text.encode()


def _task_output(new: EngineResult) -> Any:
    """Returns what becomes the output of the task: a document, or a text under the key; None for neither."""
    if not new.sets_output:
        return None
    if new.has_output:
        return new.output
    if new.source is None or new.source.stat().st_size > _SHOWN_BYTES:
        return None
    raw = new.source.read_bytes()
    try:
        if is_json(new.content_type):
            return read_document(raw)
        text = raw.decode()
        return {new.output_key: text} if bounds.storable(text) else None
    except (DocumentError, UnicodeDecodeError):
        return None


def _places(task: Task) -> tuple[int, ...]:
    """Returns the output folders of the task."""
    return tuple(n for n, folder in enumerate(task.plan.folders) if folder.type is FolderType.OUTPUT)


def _problems(job: Job, task: Task, new: EngineResult) -> list[Problem]:
    problems = [] if new.source is not None or new.has_output else [Problem("", NOTHING_GIVEN)]
    problems += bounds.text("filename", new.name, longest=bounds.LONGEST_NAME)
    problems += bounds.text("assetType", new.asset_type, longest=bounds.LONGEST_NAME)
    if not is_media_type(new.content_type):
        problems.append(Problem("contentType", 'must be a media type like "application/json".'))
    if new.has_output:
        problems += task_updates.output_problems("output", new.output)
    feeds = any(route.parent == task.ordinal for route in job.plan.routes)
    if feeds and not new.completes:
        problems.append(Problem("completeTask", "must be true for a task whose output other tasks read."))
    return problems
