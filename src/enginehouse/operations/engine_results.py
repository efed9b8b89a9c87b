"""Results that an engine outside uploads: they are outputs of its task, and an asset of the target of its job."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from enginehouse.domain.artifact import PUBLISHED, Asset, attempt_folder, is_media_type, result_type
from enginehouse.domain.documents import DocumentError, is_json, read_document
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import FolderType, Job, Task
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.task_updates import TaskUpdate, UpdateStatus
from enginehouse.domain.work import NewArtifact
from enginehouse.operations import assets, bounds, jobs, target_assets, task_updates, uploads
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_for_task
from enginehouse.storage import target_assets as stored_assets
from enginehouse.storage.database.database import Tx

NOTHING_GIVEN: Final = "One of output, outputString, uri or file (upload) must be provided."
_NO_TARGET: Final = "the job has no target that could have it."
_NO_INPUT: Final = "is no input for the tasks that read the output of this task; upload the file."
_SHOWN_BYTES: Final = 1 << 20  # the largest file that also becomes the output of the task
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """A result to upload: the file `source`, or the document `output`, which becomes the output of the task as well.

    With `text` the result is this text, and `output` has it under a key. `completes`: the task is complete with
    it. Otherwise it goes on, and may upload more. A `uri` is an upload of this server (`origin`), whose bytes the
    result has, or names a file elsewhere: then the asset is only a reference. `accumulated`: the result has all that
    the task has uploaded before, and takes its place.
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
    uri: str | None = None
    origin: str = ""
    is_primary: bool = False
    accumulated: bool = False
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
    upload_id = (
        None if new.uri is None else await uploads.named(house, principal.organization_id, new.uri, origin=new.origin)
    )
    is_reference = new.uri is not None and upload_id is None
    bounds.refuse(_problems(job, task, new, is_reference=is_reference), found)
    if is_reference:
        return await _refer(house, principal, ref, new, job, task)
    source: bytes | Path | AsyncIterator[bytes] = _bytes(new)
    if upload_id is not None:
        stored_upload, content = await uploads.content(house, principal, upload_id)
        source = content.stream()
        if new.content_type == uploads.ANY_TYPE:
            new = replace(new, content_type=stored_upload.content_type)
    name = new.name or ("result" if not is_json(new.content_type) else f"vtn-standard-{secrets.token_hex(8)}.json")
    folder = attempt_folder(principal.organization_id, ref.job_id, ref.ordinal)
    key = f"{folder}/uploaded/{secrets.token_hex(8)}-{_UNSAFE.sub('_', name)[-80:]}"
    # What was put to a signed URL may be larger than the body of a request.
    most = house.limits.upload_bytes if upload_id is None else None
    stored = await house.store.put(key, source, max_bytes=most)
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


async def _refer(
    house: House, principal: Principal, ref: TaskRef, new: EngineResult, job: Job, task: Task
) -> Asset | None:
    """The target has an asset that names the address, and the task goes on or ends as with any other result."""
    target = Ref.of(job.target_id or 0)
    asset = AssetRequest(
        target=target, asset_type=new.asset_type or result_type(new.content_type), content_type=new.content_type,
        name=new.name, uri=new.uri, set_as_primary=new.is_primary, job_id=ref.job_id, ordinal=ref.ordinal,
        engine_id=task.plan.engine_id,
    )  # fmt: skip
    asset_id = assets.new_id(target.number)
    row = assets.row(
        asset, asset_id=asset_id, organization_id=principal.organization_id, target_id=target.number, stored=None
    )

    async def add(tx: Tx) -> None:
        if await stored_assets.add_asset(tx, row) is None:
            raise NotFound(target_assets.TARGET, target.text)

    outcome = await task_updates.apply(
        house, principal, _update(principal, ref, new, ()), event="uploadEngineResult", ref=ref, also=add
    )
    return await target_assets.asset(house, replace(principal, task=None), asset_id) if outcome.applied else None


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
        is_primary=new.is_primary,
        accumulated=new.accumulated,
        refers=not outputs,
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


def _problems(job: Job, task: Task, new: EngineResult, *, is_reference: bool) -> list[Problem]:
    given = new.source is not None or new.has_output or new.uri is not None
    problems = [] if given else [Problem("", NOTHING_GIVEN)]
    problems += bounds.text("filename", new.name, longest=bounds.LONGEST_NAME)
    problems += bounds.text("assetType", new.asset_type, longest=bounds.LONGEST_NAME)
    if not is_media_type(new.content_type):
        problems.append(Problem("contentType", 'must be a media type like "application/json".'))
    if new.has_output:
        problems += task_updates.output_problems("output", new.output)
    feeds = any(route.parent == task.ordinal for route in job.plan.routes)
    if is_reference:
        described = AssetRequest(uri=new.uri)
        problems += [one for one in assets.problems(described) if one.path == "uri"]
        problems += [Problem("uri", _NO_INPUT)] if feeds else []
        problems += [Problem("uri", _NO_TARGET)] if job.target_id is None else []
        if new.accumulated:
            problems.append(
                Problem("isAccumulatedResult", "only with bytes, not with the address of a file elsewhere.")
            )
    elif new.is_primary and job.target_id is None:
        problems.append(Problem("setAsPrimary", _NO_TARGET))
    if feeds and not new.completes:
        problems.append(Problem("completeTask", "must be true for a task whose output other tasks read."))
    return problems
