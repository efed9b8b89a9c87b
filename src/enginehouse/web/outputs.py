"""The outputs of a task: what is in one, and its bytes."""

import re
from pathlib import PurePath
from typing import Any, Final

from starlette.responses import Response

from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import Artifact, OutputPlace
from enginehouse.domain.errors import NotFound, Refusal, UnreadableDocument
from enginehouse.domain.ids import job_graphql
from enginehouse.operations import artifacts, job_results
from enginehouse.text.findings_formats import FORMS
from enginehouse.web import output_bytes, task_view
from enginehouse.web.addresses import output_address
from enginehouse.web.media import media_element
from enginehouse.web.media_types import shown_type
from enginehouse.web.output_preview import SHOWN, forms, may_parse, preview
from enginehouse.web.page_request import HtmlPage, Page, PageRequest

_PLACE: Final = re.compile(r"(-?\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_SIGN: Final = 16  # bytes that tell a type


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/{id}/tasks/{n}/outputs/{output}: a readable preview of it."""
    ref = task_view.ref_of(request)
    artifact, media = await artifacts.with_media(request.house, request.principal, ref, _place(request), may_parse)
    fault, found = None, None
    try:
        content = await artifacts.content(request.house, artifact)
        head = await _head(content, SHOWN)
        found = preview(artifact, head, await _document(request, artifact))
    except Refusal as refusal:
        fault = refusal.message
    job_name = job_graphql(ref.job_id)
    return HtmlPage(
        "output.html",
        {
            "title": artifact.name,
            "artifact": artifact,
            "preview": found,
            "forms": forms(found),
            "fault": fault,
            "media": media_element(media) if found and found.aion else None,
            "job_name": job_name,
            "ordinal": ref.ordinal,
            "address": output_address(artifact),
        },
    )


async def send(request: PageRequest) -> Response:
    """GET /jobs/{id}/tasks/{n}/outputs/{output}/content: its bytes, as a file to save."""
    artifact = await _artifact(request)
    content = await artifacts.content(request.house, artifact)
    shown = shown_type(artifact.media_type, await _head(content, _SIGN))
    return await output_bytes.respond(request.http, content, media_type=shown, name=artifact.name)


async def save_as(request: PageRequest) -> Response:
    """GET /jobs/{id}/tasks/{n}/outputs/{output}/as/{form}: an AION document as text, subtitles, a table or JSON."""
    artifact, form = await _artifact(request), request.path("form")
    if form not in FORMS or not may_parse(artifact):
        raise NotFound("Form", form[:80])
    body = await job_results.rendered(await artifacts.document(request.house, artifact), form)
    return output_bytes.attachment(body, media_type=FORMS[form][0], name=f"{PurePath(artifact.name).stem}.{form}")


async def _artifact(request: PageRequest) -> Artifact:
    return await artifacts.one(request.house, request.principal, task_view.ref_of(request), _place(request))


def _place(request: PageRequest) -> OutputPlace:
    """Returns the place that the address names. Raises NotFound for a text that is none."""
    text = request.path("output")
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NotFound("Output", text[:80])
    return OutputPlace(*map(int, found.groups()))


async def _head(content: Content, most: int) -> bytes:
    if not content.size:
        return b""
    return b"".join([piece async for piece in content.stream(0, min(content.size, most))])


async def _document(request: PageRequest, artifact: Artifact) -> Any:
    """Returns the JSON document in the output, None if it is none."""
    if not may_parse(artifact):
        return None
    try:
        return await artifacts.document(request.house, artifact)
    except UnreadableDocument:
        return None


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/jobs/{id}/tasks/{n}/outputs/{output}", show),
    ("GET", "/jobs/{id}/tasks/{n}/outputs/{output}/content", send),
    ("GET", "/jobs/{id}/tasks/{n}/outputs/{output}/as/{form}", save_as),
)
