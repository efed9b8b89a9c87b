"""The sound, video or picture that a job works on: the primary asset of its target, beside what was found in it."""

from typing import Final

from starlette.responses import Response

from enginehouse.domain.artifact import Asset
from enginehouse.domain.errors import NotFound
from enginehouse.operations import artifacts, target_assets
from enginehouse.web import job_view, output_bytes
from enginehouse.web.media_types import Element, element, shown_type
from enginehouse.web.page_request import Page, PageRequest


async def send(request: PageRequest) -> Response:
    """GET /jobs/{id}/media: the bytes of the job's media, as a file to save."""
    ref = job_view.ref_of(request.path("id"))
    asset = await artifacts.media_of_job(request.house, request.principal, ref)
    if asset.key is None:
        raise NotFound("Media", ref.text)
    content = await target_assets.content(request.house, asset)
    shown = shown_type(asset.content_type, b"")
    return await output_bytes.respond(request.http, content, media_type=shown, name=asset.name or asset.id)


def media_element(asset: Asset | None) -> Element | None:
    """Returns the element that plays the media of a job, None if there is none that a page may play."""
    return None if asset is None or asset.key is None else element(shown_type(asset.content_type, b""))


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/{id}/media", send),)
