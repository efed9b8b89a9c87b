"""A new job from the page: what it reads, what works on it, and its graph before it starts."""

import secrets
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from enginehouse.domain.errors import InvalidInput, Refusal
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.operations import engines, jobs, target_assets, uploads
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.jobs import CreatedJob
from enginehouse.operations.permission import require
from enginehouse.operations.schedules import job_pipeline_jobs, launches
from enginehouse.operations.schedules.launches import LaunchOptions
from enginehouse.operations.signatures import BASE
from enginehouse.web import new_job_form
from enginehouse.web.new_job_draft import STEPS, USUAL, Draft, StepDraft, with_step, without_step
from enginehouse.web.new_job_preview import FieldFault, Proposal, proposal_of
from enginehouse.web.new_job_view import page
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest

_PLAIN: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class ReadySteps:
    """Steps to begin with, by the slugs of their engines; each reads the step of its number, 0 the input."""

    name: str
    steps: tuple[tuple[str, int], ...]


READY: Final = {
    "text": ReadySteps(
        "Text: language, sentiment, keywords",
        (("language-langid", 0), ("sentiment-vader", 0), ("keywords-statistical", 0)),
    ),
    "speech": ReadySteps(
        "Speech: transcript, then its sentiment and keywords",
        (("transcription-pocketsphinx", 0), ("sentiment-vader", 1), ("keywords-statistical", 1)),
    ),
}


async def show(request: PageRequest) -> HtmlPage:
    """GET /jobs/new: the form, with what the address names: `ready` steps, an `engine`, a `what`, a `target`.

    Without the first three, a pipeline is chosen that takes any file.
    """
    require(request.principal, Role.USER)
    ready, engine = _ready(request.query("ready")), request.query("engine")
    what = request.query("what") or (STEPS if ready or engine else USUAL)
    draft = Draft(target=request.query("target"), what=what, steps=ready or (StepDraft(engine=engine),), key=_key())
    return await _page(request, draft)


async def act(request: PageRequest) -> Answer:
    """POST /jobs/new: one step more or less, the graph of the job, or the job has started."""
    require(request.principal, Role.USER)
    filled = await new_job_form.read(request)
    draft = filled.draft if filled.draft.key else replace(filled.draft, key=_key())
    verb, _, rest = filled.act.partition("-")
    match verb:
        case "add":
            return await _page(request, with_step(draft))
        case "remove":
            return await _page(request, without_step(draft, int(rest) if rest.isdecimal() and len(rest) < 3 else 0))
        case "ready":
            return await _page(request, replace(draft, what=STEPS, steps=_ready(rest) or draft.steps))
        case "drop":
            return await _page(request, replace(draft, upload="", file_name=""))
        case _:
            starts = verb == "start" and filled.seen == draft.digest
            notice = "" if starts or verb != "start" else "Something has changed. This is what would start now."
            return await _preview(request, draft, filled.file_fault, starts=starts, notice=notice)


async def _preview(request: PageRequest, draft: Draft, file_fault: str, *, starts: bool, notice: str) -> Answer:
    """Returns the page with the graph, or starts what it shows. Nothing that was filled in is lost on an error."""
    proposal = await proposal_of(request.house, request.principal, draft)
    if file_fault:
        proposal.fault("file", "File", file_fault)
    if proposal.faults:
        gone = any(fault.field == "file" for fault in proposal.faults) and proposal.upload_size is None
        draft = replace(draft, upload="", file_name="") if gone else draft
        return await _page(request, draft, proposal=proposal, faults=proposal.faults, status=400)
    if not starts:
        return await _page(request, draft, proposal=proposal, notice=notice)
    return await _start(request, draft, proposal)


async def _start(request: PageRequest, draft: Draft, proposal: Proposal) -> Answer:
    """The job has started. If it is refused, a file is already in a target, which the form then names."""
    house, principal = request.house, request.principal
    original = [structs.replace(each, echo={**each.echo, "form": draft.digest}) for each in proposal.requests]
    kept = draft
    try:
        if not proposal.templates:
            before = await jobs.created_before(house, principal, original, draft.key)
            if before is not None:
                return _to(before)
        kept = await _with_target(request, draft, proposal)
        created = await _created(request, kept, draft.key, proposal, original)
    except InvalidInput as refused:
        faults = [FieldFault("", "", problem.message) for problem in refused.problems]
        return await _page(request, kept, proposal=proposal, faults=faults, status=400)
    except Refusal as refused:
        status = refused.rest_status
        return await _page(
            request, kept, proposal=proposal, faults=[FieldFault("", "", refused.message)], status=status
        )
    return _to(created)


async def _created(
    request: PageRequest, draft: Draft, key: str, proposal: Proposal, original: list[JobRequest]
) -> list[CreatedJob]:
    house, principal = request.house, request.principal
    options = LaunchOptions(target_id=draft.target or None, target_path="targetId")
    if proposal.pipeline is not None:
        return await job_pipeline_jobs.create(house, principal, None, pipeline=proposal.pipeline, options=options)
    if proposal.templates:
        ids = [template.id for template in proposal.templates]
        return await launches.launch_templates(house, principal, ids, options=options)
    whole = [structs.replace(each, target_id=draft.target or None) for each in proposal.requests]
    return await jobs.create(house, principal, whole, key=key, original=original)


async def _with_target(request: PageRequest, draft: Draft, proposal: Proposal) -> Draft:
    """Returns the draft with a target in place of its file; of a text, if a template works on it. It exists then."""
    if draft.upload:
        target_id = await _target_of_upload(request, draft)
    elif proposal.templates and draft.text.strip():
        name = "text.txt"
        asset = AssetRequest(name=name, content_type=_PLAIN, source=draft.text.encode())
        made = await target_assets.create_with_asset(request.house, request.principal, TargetRequest(name=name), asset)
        target_id = made.id
    else:
        return draft
    return replace(draft, upload="", file_name="", text="", target=str(target_id))


async def _target_of_upload(request: PageRequest, draft: Draft) -> int:
    """Returns the target whose asset the file is: a new one, unless the same form has been sent before."""
    house, principal = request.house, request.principal
    kept = await uploads.get(house, principal, draft.upload)
    if kept.asset_id is None:
        origin, name = str(request.http.base_url).rstrip("/"), draft.file_name or None
        asset = AssetRequest(name=name, uri=f"{origin}{BASE}/upload/{draft.upload}", origin=origin)
        target = TargetRequest(name=draft.name or name)
        try:
            return (await target_assets.create_with_asset(house, principal, target, asset)).id
        except InvalidInput:
            kept = await uploads.get(house, principal, draft.upload)
            if kept.asset_id is None:
                raise
    return (await target_assets.asset(house, principal, kept.asset_id)).target_id


def _ready(word: str) -> tuple[StepDraft, ...]:
    """Returns the steps to begin with of this word, none for an unknown one."""
    ready = READY.get(word)
    return tuple(StepDraft(engine=slug, reads=str(reads)) for slug, reads in ready.steps) if ready else ()


def _to(created: list[CreatedJob]) -> GoTo:
    return GoTo(f"/jobs/{job_graphql(created[0].job_id)}" if len(created) == 1 else "/jobs")


async def _page(
    request: PageRequest,
    draft: Draft,
    *,
    proposal: Proposal | None = None,
    faults: list[FieldFault] | None = None,
    notice: str = "",
    status: int = 200,
) -> HtmlPage:
    made = await page(request, draft, proposal=proposal, faults=faults or (), notice=notice, status=status)
    usable = {
        word: ready.name
        for word, ready in READY.items()
        if all(engines.find(request.house, request.principal, slug) is not None for slug, _ in ready.steps)
    }
    return replace(made, values={**made.values, "ready": usable})


def _key() -> str:
    return secrets.token_hex(16)


PAGES: Final[tuple[Page, ...]] = (("GET", "/jobs/new", show),)
UPLOADS: Final[tuple[Page, ...]] = (("POST", "/jobs/new", act),)
"""What reads its form itself, because a file is in it."""
