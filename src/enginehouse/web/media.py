"""The sound, video or picture that a job works on: the primary asset of its target, beside what was found in it."""

from typing import Final

from starlette.responses import Response

from enginehouse.domain.artifact import Asset
from enginehouse.domain.errors import NotFound, Refusal
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.operations import jobs, target_assets
from enginehouse.web import job_view, output_bytes
from enginehouse.web.media_types import Element, element, shown_type
from enginehouse.web.page_request import Page, PageRequest


async def send(request: PageRequest) -> Response:
    """GET /jobs/{id}/media: the bytes of the job's media, as a file to save."""
    ref = job_view.ref_of(request.path("id"))
    job = await jobs.get(request.house, request.principal, ref)
    asset = await _asset(request, job)
    if asset is None or asset.key is None:
        raise NotFound("Media", ref.text)
    content = await target_assets.content(request.house, asset)
    shown = shown_type(asset.content_type, b"")
    return await output_bytes.respond(request.http, content, media_type=shown, name=asset.name or asset.id)


async def media_element(request: PageRequest, job: Job) -> Element | None:
    """Returns the element that plays the media of the job, None if there is none that a page may play."""
    try:
        asset = await _asset(request, job)
    except Refusal:
        return None
    return None if asset is None or asset.key is None else element(shown_type(asset.content_type, b""))


async def _asset(request: PageRequest, job: Job) -> Asset | None:
    if job.target_id is None:
        return None
    return await target_assets.primary_asset(request.house, request.principal, Ref.of(job.target_id))


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/{id}/media", send),)
