"""The outputs of jobs, their bytes, and the logs of attempts, for callers who may see them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from enginehouse.artifacts import store
from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import Artifact, attempt_folder
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.output_names import with_unique_names
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.operations import jobs as job_operations
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import artifacts as storage


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


def named(outputs: tuple[Artifact, ...], name: str) -> Artifact:
    """Returns the output with this name. Raises NotFound."""
    for artifact in outputs:
        if artifact.name == name:
            return artifact
    raise NotFound("Output", name)


async def content(house: House, artifact: Artifact) -> Content:
    """Returns the output's bytes. The artifact must come from one of the functions above. Raises NotFound."""
    try:
        return await store.content(house.store, artifact.key)
    except NotFound:  # retention or a delete has removed it meanwhile
        raise NotFound("Output", artifact.name) from None


async def read(house: House, artifact: Artifact, limit: int | None = None) -> bytes:
    """Returns the output's bytes, at most `limit` of them."""
    return await house.store.read(artifact.key, limit=limit)


async def logs(house: House, principal: Principal, ref: TaskRef) -> tuple[LogFile, ...]:
    """Returns the logs of the task's attempts, including running ones, in the order of items and attempts."""
    require(principal, Role.READER)
    await job_operations.task(house, principal, ref)
    folder = f"{attempt_folder(principal.organization_id, ref.job_id, ref.ordinal)}/logs"
    return tuple(LogFile(key.rpartition("/")[2], key) for key in await house.store.keys(folder))


def open_log(house: House, log: LogFile) -> AbstractAsyncContextManager[Path]:
    """Gives a local file with the log inside the context. Raises NotFound."""
    return house.store.open(log.key)


async def read_log(house: House, log: LogFile, limit: int) -> bytes:
    """Returns the first `limit` bytes of the log. Raises NotFound."""
    return await house.store.read(log.key, limit=limit)
