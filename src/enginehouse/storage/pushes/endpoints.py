"""The push endpoints of jobs: into which input folders what is pushed to one goes."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.job import Route
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class EndpointFolder(NamedTuple):
    """An input folder of a task into which an endpoint leads, and how many pushes the folder has taken."""

    job_id: int
    ordinal: int
    folder: int
    pushed: int


class EndpointJob(NamedTuple):
    """A job of an endpoint, ended or not."""

    job_id: int
    status: str
    cancelled: int


_FOLDERS: Final = Select("pushes.folders", EndpointFolder)
_LIVE: Final = Select("pushes.live_jobs", EndpointJob)
_LAST: Final = Select("pushes.last_job", EndpointJob)


async def insert(tx: Tx, jobs: Iterable[tuple[int, int, Sequence[Route]]]) -> None:
    """Pushes reach these jobs, each with its organization and its routes. Those of routes known already stay."""
    rows = {
        (organization_id, route.endpoint, job_id, route.child, route.child_folder)
        for job_id, organization_id, routes in jobs
        for route in routes
        if route.endpoint is not None
    }
    await tx.many("pushes.insert_endpoints", sorted(rows))


async def live_jobs(tx: Tx, organization_id: int, endpoint: str) -> list[EndpointJob]:
    """Returns the organization's jobs that pushes to the endpoint still reach, and some that have ended meanwhile."""
    return await _LIVE.all(tx, organization_id=organization_id, endpoint=endpoint)


async def last_job(tx: Tx, organization_id: int, endpoint: str) -> EndpointJob | None:
    """Returns the newest of the organization's jobs with this endpoint, None if there was none."""
    return await _LAST.one(tx, organization_id=organization_id, endpoint=endpoint)


async def folders(tx: Tx, organization_id: int, endpoint: str, job_ids: Sequence[int]) -> list[EndpointFolder]:
    """Returns the folders of these locked jobs into which the endpoint leads, in the order of their keys."""
    return await _FOLDERS.each(tx, [(organization_id, endpoint, job_id) for job_id in job_ids])


async def count(tx: Tx, organization_id: int, endpoint: str, taken: Sequence[EndpointFolder]) -> None:
    """Each of these folders has taken one push more."""
    rows = [(organization_id, endpoint, each.job_id, each.ordinal, each.folder) for each in taken]
    await tx.many("pushes.count", rows)


async def retire(tx: Tx, organization_id: int, endpoint: str, job_ids: Sequence[int]) -> None:
    """Pushes to the endpoint no longer look at these jobs, which are locked and have ended."""
    await tx.many("pushes.retire", [(organization_id, endpoint, job_id) for job_id in job_ids])


async def revive(tx: Tx, job_ids: Sequence[int]) -> None:
    """Pushes look at these jobs, which are locked and no longer ended."""
    if job_ids:
        await tx.run("pushes.revive", ids=job_ids)


async def delete_of_jobs(tx: Tx, job_ids: Sequence[int]) -> None:
    """Nothing is left of the endpoints of these jobs, which are locked, and of what was pushed there."""
    await tx.run("pushes.delete_endpoints", ids=job_ids)
    await tx.run("pushes.delete_traces", ids=job_ids)
