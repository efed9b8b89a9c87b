"""Creates a job of one engine, with an uploaded file as the input of the job."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from enginehouse.domain.errors import Problem, Refusal, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.operations import assets as new_assets
from enginehouse.operations import bounds, jobs, plans, target_assets, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob
from enginehouse.operations.permission import require
from enginehouse.operations.references import Reference, refuse_unknown


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that has arrived: where it is, its name, its media type."""

    path: Path
    name: str | None
    content_type: str


async def create(
    house: House,
    principal: Principal,
    request: JobRequest,
    file: UploadedFile | None,
    *,
    found: list[Problem],
    key: str | None = None,
    references: list[Reference],
) -> CreatedJob:
    """Creates the job. The file is the primary asset of its new target, which exists before any task starts.

    Everything else is checked before the file is stored; if the job is refused after all, the target is deleted
    again. Raises as `jobs.create` does, and TooLarge.
    """
    require(principal, Role.USER)
    if file is None:
        [created] = await jobs.create(house, principal, [request], found=found, key=key, references=references)
        return created
    if request.target_id is not None:
        found = [*found, Problem("fileName", "the template names a target already; a file needs a new one.")]
    asset = AssetRequest(content_type=file.content_type, name=file.name, source=file.path)
    bounds.refuse([*found, *(replace(one, path=_PATHS.get(one.path, one.path)) for one in new_assets.problems(asset))])
    original = [await _with_digest(request, file.path)] if key is not None else [request]
    if key is not None and (before := await jobs.created_before(house, principal, original, key)) is not None:
        return before[0]
    await refuse_unknown(house, principal, references)
    plans.plan_all(house, principal, [request], ())
    target = await target_assets.create_with_asset(house, principal, TargetRequest(name=file.name), asset)
    try:
        whole = structs.replace(request, target_id=str(target.id))
        [created] = await jobs.create(house, principal, [whole], key=key, original=original, references=references)
    except Unavailable:
        raise  # the job may have been created
    except Refusal:
        await targets.take_back(house, principal, target.id)
        raise
    if created.replayed:  # a concurrent request has created the job
        await targets.take_back(house, principal, target.id)
    return created


_PATHS = {"name": "inputFileName"}


async def _with_digest(request: JobRequest, path: Path) -> JobRequest:
    """Returns the request with the digest of the file, so that another file makes it another request."""

    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return structs.replace(request, echo={**request.echo, "upload": await asyncio.to_thread(digest)})
