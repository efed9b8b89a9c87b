"""The page of a new job: its form as it was filled in, and the graph of what it would start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from enginehouse.domain.engine import Engine, EngineKind
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.job import FolderMode, JobRequest, Plan, TaskPlan
from enginehouse.domain.pipelines import Pipeline
from enginehouse.domain.planning.plan import Planned
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import engines, pipeline_engines, pipelines
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House
from enginehouse.operations.pipelines import Startable
from enginehouse.web import new_job_fields
from enginehouse.web.graph import NODE_HEIGHT, NODE_WIDTH, Layout, layout
from enginehouse.web.html import size
from enginehouse.web.new_job_draft import MOST_STEPS, STEPS, USUAL, Draft
from enginehouse.web.new_job_preview import PIPELINE, TEMPLATE, FieldFault, Proposal, pipeline_word
from enginehouse.web.page_request import HtmlPage, PageRequest

DRAWN: Final = 300  # tasks up to which the graph is drawn
_LISTED: Final = 100  # templates and pipelines that can be chosen
_MOST_ENGINES: Final = 1_000
_EXCERPT: Final = 400  # characters of a payload
_UNDERSTAND: Final = "understand"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPreview:
    """A task before it starts: what it gets, how often it works, and its payload."""

    engine: str
    gets: str
    works: str
    payload: str


@dataclass(frozen=True, slots=True)
class JobPreview:
    """A job before it starts."""

    rows: tuple[TaskPreview, ...]
    picture: Layout | None
    warnings: tuple[str, ...]


async def page(
    request: PageRequest,
    draft: Draft,
    *,
    proposal: Proposal | None = None,
    faults: Sequence[FieldFault] = (),
    notice: str = "",
    status: int = 200,
) -> HtmlPage:
    """Returns the page with the form and, if there is one, the preview of the proposal."""
    house, principal = request.house, request.principal
    known = await engines.list_(house, principal, EngineFilter(states=("active", "paused"), limit=_MOST_ENGINES))
    found = {n: engines.find(house, principal, step.engine) for n, step in enumerate(draft.steps, 1) if step.engine}
    shown = [] if proposal is None or faults else previews(house, principal, draft, proposal)
    startable = await pipelines.startable(house, principal, limit=_LISTED)
    if draft.what == USUAL:
        draft = replace(draft, what=_usual(house, principal, startable.pipelines))
    by_field = {fault.field: fault for fault in reversed(faults)}
    return HtmlPage(
        "new_job.html",
        {
            "title": "New job",
            "draft": draft,
            "groups": _groups(known),
            "chosen": {n: engine.spec.id for n, engine in found.items() if engine is not None},
            "fields": {n: new_job_fields.fields_of(found.get(n), s.fields) for n, s in enumerate(draft.steps, 1)},
            "whats": _whats(house, principal, startable),
            "previews": shown,
            "seen": draft.digest if shown else "",
            "node": (NODE_WIDTH, NODE_HEIGHT),
            "faults": faults,
            "by_field": by_field,
            "notice": notice,
            "most_steps": MOST_STEPS,
            "largest": house.limits.signed_upload_bytes,
            "upload_size": None if proposal is None else proposal.upload_size,
        },
        status,
    )


def previews(house: House, principal: Principal, draft: Draft, proposal: Proposal) -> list[JobPreview]:
    """Returns the jobs of the proposal, each with its graph."""
    about = _about(draft, proposal)
    return [
        _preview(house, principal, each, planned, about)
        for each, planned in zip(proposal.requests, proposal.planned, strict=True)
    ]


def _preview(house: House, principal: Principal, job: JobRequest, planned: Planned, about: str) -> JobPreview:
    plan = planned.plan
    names = [_name(house, principal, task) for task in plan.tasks]
    rows = tuple(
        TaskPreview(
            engine=names[n],
            gets=_gets(plan, n, names, about),
            works=_works(task),
            payload="" if task.payload is None else _shown(task.payload),
        )
        for n, task in enumerate(plan.tasks)
    )
    edges = [(route.parent, route.child) for route in plan.routes if route.parent >= 0]
    picture = layout(len(rows), edges) if len(rows) <= DRAWN else None
    return JobPreview(rows, picture, planned.warnings)


def _name(house: House, principal: Principal, task: TaskPlan) -> str:
    engine = engines.shown(house, principal, task.engine_id)
    return task.name or (task.engine_id if engine is None else engine.spec.name)


def _about(draft: Draft, proposal: Proposal) -> str:
    """Returns what tasks without a parent read, if they have no input of their own."""
    if draft.upload:
        return f"the file “{draft.file_name or 'upload'}”, {size(proposal.upload_size)}"
    if draft.target:
        return f"the primary asset of target {draft.target}"
    return "the text" if draft.text.strip() and proposal.templates else ""


def _gets(plan: Plan, ordinal: int, names: Sequence[str], about: str) -> str:
    """Returns a sentence about the input of a task."""
    parents: dict[int, str] = {}
    for route in plan.routes:
        if route.child == ordinal and route.parent >= 0:
            folders = plan.tasks[ordinal].folders
            mode = folders[route.child_folder].mode if route.child_folder < len(folders) else FolderMode.STREAM
            parents[route.parent] = "chunks" if mode is FolderMode.CHUNK else "stream"
    if parents:
        return ", ".join(f"the {what} of {parent + 1} {names[parent]}" for parent, what in parents.items())
    payload = plan.tasks[ordinal].payload
    if isinstance(payload, dict):
        if isinstance(payload.get("url"), str) and payload["url"]:
            return f"what is at {payload['url']}"
        if isinstance(payload.get("text"), str):
            return f"a text of {len(payload['text'])} characters"
    return about or "only its payload"


def _works(task: TaskPlan) -> str:
    if task.standby_for is not None:
        return f"only if task {task.standby_for + 1} fails"
    if task.gathers:
        return "once, over everything"
    return "once for each chunk" if task.per_chunk else "once"


def _shown(payload: Any) -> str:
    text = payload if isinstance(payload, str) else msgspec.json.format(msgspec.json.encode(payload)).decode()
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def _groups(known: Sequence[Engine]) -> Mapping[str, list[Engine]]:
    """Returns the engines to choose from: those that find something out, and those of the server, which move data."""
    found: dict[str, list[Engine]] = {"Engines": [], "Of the server": []}
    for engine in known:
        found["Of the server" if engine.spec.kind is EngineKind.NATIVE else "Engines"].append(engine)
    return {name: each for name, each in found.items() if each}


def _usual(house: House, principal: Principal, known: Sequence[Pipeline]) -> str:
    """Returns what is chosen at first: the pipeline that takes any file, if there are engines for its steps."""
    usual = next((each for each in known if each.name == _UNDERSTAND), None)
    can = usual is not None and pipeline_engines.has_named(house, principal, usual)
    return PIPELINE + _UNDERSTAND if can else STEPS


def _whats(house: House, principal: Principal, startable: Startable) -> dict[str, list[tuple[str, str]]]:
    """Returns the pipelines and templates that can be started, in groups, each with its word in the form."""
    known, found, lines = startable
    ready = [(PIPELINE + each.name, f"{each.name}: {each.description}"[:120].removesuffix(": ")) for each in known]
    stored = [(pipeline_word(line.id), f"Job pipeline {pipeline_uuid(line.id)[:8]}…") for line in lines]
    stored += [(TEMPLATE + job_graphql(each.id), _described(house, principal, each)) for each in found]
    return {name: each for name, each in (("Pipelines", ready), ("Job templates", stored)) if each}


def _described(house: House, principal: Principal, template: JobTemplate) -> str:
    names = []
    for task in template.tasks:
        engine = engines.shown(house, principal, task.request.engine_id or "")
        names.append(task.request.name or (engine.spec.name if engine else task.request.task_type or "?"))
    return f"Template {job_graphql(template.id)}: {' → '.join(names)}"[:120]
