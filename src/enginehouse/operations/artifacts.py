"""The outputs of jobs, their bytes, and the logs of attempts, for callers who may see them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import FIRST_PLACE, Artifact, Asset, FilledFolder, OutputPlace, attempt_folder
from enginehouse.domain.documents import LARGEST, DocumentError, read_document
from enginehouse.domain.errors import BytesDeleted, NotFound, UnreadableDocument
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job
from enginehouse.domain.output_names import with_unique_names
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.operations import jobs as job_operations
from enginehouse.operations.house import House
from enginehouse.operations.permission import require, require_for_jobs
from enginehouse.storage import artifacts as storage
from enginehouse.storage import assets
from enginehouse.storage.database.database import Tx

_READ_AT_ONCE: Final = 1 << 18  # a larger document is read in a thread


@dataclass(frozen=True, slots=True)
class LogFile:
    """The log of one attempt: the output of its engine, capped."""

    name: str
    key: str


async def of_job(house: House, principal: Principal, ref: Ref) -> tuple[Artifact, ...]:
    """Returns the outputs that the job's tasks have published as its results. Each has a name of its own."""
    await job_operations.status(house, principal, ref)
    outputs = await house.database.peek(lambda tx: storage.of_task(tx, principal.organization_id, ref.number))
    return with_unique_names(outputs)


async def of_task(house: House, principal: Principal, ref: TaskRef) -> tuple[Artifact, ...]:
    """Returns every output of the task. Each has a name of its own."""
    await job_operations.task(house, principal, ref)
    organization_id = principal.organization_id
    outputs = await house.database.peek(
        lambda tx: storage.of_task(tx, organization_id, ref.job_id, ordinal=ref.ordinal)
    )
    return with_unique_names(outputs)


async def page_of_task(
    house: House, principal: Principal, ref: TaskRef, *, after: OutputPlace = FIRST_PLACE, limit: int = 100
) -> tuple[Artifact, ...]:
    """Returns up to `limit` outputs of the task after the one at this place, under their own names. Raises NotFound."""
    await job_operations.task(house, principal, ref)
    key = (principal.organization_id, ref.job_id, ref.ordinal)
    return await house.database.peek(lambda tx: storage.page(tx, *key, after, limit))


async def with_media(
    house: House, principal: Principal, ref: TaskRef, place: OutputPlace, wanted: Callable[[Artifact], bool]
) -> tuple[Artifact, Asset | None]:
    """Returns an output of the task, and what its job works on if that is wanted, from one read. Raises NotFound."""
    require(principal, Role.READER)
    owner = principal.organization_id

    async def read(tx: Tx) -> tuple[Artifact | None, Asset | None]:
        found = await storage.one(tx, owner, ref.job_id, ref.ordinal, place)
        return found, await assets.media_of_job(tx, owner, ref.job_id) if found and wanted(found) else None

    artifact, media = await house.database.read(read)
    return artifact or await one(house, principal, ref, place), media  # which says what is not there


async def media_of_job(house: House, principal: Principal, ref: Ref) -> Asset:
    """Returns what the job works on: the primary asset of its target. Raises NotFound."""
    require(principal, Role.READER)
    found = await house.database.read(lambda tx: assets.media_of_job(tx, principal.organization_id, ref.number))
    if found is None:
        raise NotFound("Media", ref.text)
    return found


async def one(house: House, principal: Principal, ref: TaskRef, place: OutputPlace) -> Artifact:
    """Returns an output of the task by its place, under its own name. Raises NotFound."""
    require_for_jobs(principal, Role.READER, [ref.job_id])
    key = (principal.organization_id, ref.job_id, ref.ordinal)
    found = await house.database.peek(lambda tx: storage.one(tx, *key, place))
    if found is None:
        await job_operations.task(house, principal, ref)  # which may be what is not there
        raise NotFound("Output", ".".join(map(str, place)))
    return found


async def filled_folders(house: House, principal: Principal, job: Job) -> dict[tuple[int, int], FilledFolder]:
    """Returns the output folders of the caller's job that hold something, by task and position."""
    require(principal, Role.READER)
    return await house.database.peek(lambda tx: storage.filled_folders(tx, principal.organization_id, job.id))


async def results(
    house: House, principal: Principal, tasks: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Artifact]:
    """Returns the first output of each (job, ordinal) that worked as a whole, and not chunk by chunk."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: storage.results(tx, principal.organization_id, sorted(set(tasks))))


def named(outputs: tuple[Artifact, ...], name: str) -> Artifact:
    """Returns the output with this name. Raises NotFound."""
    for artifact in outputs:
        if artifact.name == name:
            return artifact
    raise NotFound("Output", name)


async def content(house: House, artifact: Artifact) -> Content:
    """Returns the output's bytes. The artifact must come from one of the functions above.

    Raises IntegrityError if they are not those that were stored, NotFound if the output was deleted meanwhile.
    """
    async with _missing_or_deleted(house, artifact):
        return await house.integrity.content(_expected(artifact))


async def read(house: House, artifact: Artifact) -> bytes:
    """Returns the output's bytes. Raises the errors of `content`."""
    async with _missing_or_deleted(house, artifact):
        return await house.integrity.read(_expected(artifact))


async def document(house: House, artifact: Artifact) -> Any:
    """Returns the JSON document in the output. Raises UnreadableDocument, and the errors of `content`."""
    if artifact.size > LARGEST:
        text = f"has {artifact.size} bytes; at most {LARGEST} are read as JSON. It can be downloaded."
        raise UnreadableDocument(f'Output "{artifact.name}" {text}')
    raw = await read(house, artifact)
    try:
        return read_document(raw) if len(raw) < _READ_AT_ONCE else await asyncio.to_thread(read_document, raw)
    except DocumentError as fault:
        raise UnreadableDocument(f'Output "{artifact.name}" is {fault}') from None


@asynccontextmanager
async def open_verified(house: House, artifact: Artifact) -> AsyncIterator[Path]:
    """Yields a local file with the output's bytes. Raises the errors of `content`."""
    async with _missing_or_deleted(house, artifact):
        await house.integrity.verify(_expected(artifact))
    async with house.store.open(artifact.key) as path:
        yield path


def _expected(artifact: Artifact) -> Expected:
    return Expected(artifact.key, artifact.size, artifact.sha256)


@asynccontextmanager
async def _missing_or_deleted(house: House, artifact: Artifact) -> AsyncIterator[None]:
    """Bytes that are gone without their row are missing. With it, retention or a delete has removed the output.

    Raises BytesDeleted if the target of the output was deleted.
    """
    if artifact.bytes_deleted_at is not None:
        raise BytesDeleted(artifact.name)
    try:
        yield
    except NotFound:
        key = (artifact.job_id, artifact.ordinal, artifact.folder, artifact.item, artifact.part)
        now = await house.database.read(lambda tx: storage.input_(tx, *key))
        if now is None:
            raise NotFound("Output", artifact.name) from None
        if now.bytes_deleted_at is not None:
            raise BytesDeleted(artifact.name) from None
        raise house.integrity.missing(artifact.key) from None


async def logs(house: House, principal: Principal, ref: TaskRef) -> tuple[LogFile, ...]:
    """Returns the logs of the task's attempts, including running ones, in the order of items and attempts."""
    require_for_jobs(principal, Role.READER, [ref.job_id])
    await job_operations.task(house, principal, ref)
    folder = f"{attempt_folder(principal.organization_id, ref.job_id, ref.ordinal)}/logs"
    return tuple(LogFile(key.rpartition("/")[2], key) for key in await house.store.keys(folder))


def open_log(house: House, log: LogFile) -> AbstractAsyncContextManager[Path]:
    """Gives a local file with the log inside the context. Raises NotFound."""
    return house.store.open(log.key)


async def read_log(house: House, log: LogFile, limit: int) -> bytes:
    """Returns the first `limit` bytes of the log. Raises NotFound."""
    return await house.store.read(log.key, limit=limit)
