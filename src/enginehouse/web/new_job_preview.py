"""What a draft would start: its jobs with their graphs, or what is wrong with which field of the form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import structs

from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import parse_job, parse_number, parse_pipeline, pipeline_uuid
from enginehouse.domain.job import JobRequest
from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.domain.planning.plan import Planned
from enginehouse.domain.refs import Ref
from enginehouse.domain.template_jobs import job_request
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import bounds, engines, job_pipelines, pipeline_jobs, plans, targets, templates, uploads
from enginehouse.operations.house import House
from enginehouse.operations.pipeline_input import PipelineSource
from enginehouse.operations.pipeline_jobs import PipelineJob
from enginehouse.web import new_job_fields
from enginehouse.web.new_job_draft import STEPS, Draft
from enginehouse.web.new_job_steps import JobStep, job_of

LONGEST_TEXT: Final = 1_000_000
TEMPLATE: Final = "template:"
JOB_PIPELINE: Final = "job-pipeline:"
PIPELINE: Final = "pipeline:"
_FIELDS: Final = {
    "targetId": ("target", "Target ID"), "url": ("url", "URL"), "text": ("text", "Text"), "file": ("file", "File"),
    "pipeline": ("what", "What runs"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldFault:
    """Something wrong: the id of the field in the form, "" for the whole form, its name there, and a sentence."""

    field: str
    label: str
    text: str


@dataclass(slots=True)
class Proposal:
    """The jobs of a draft. `templates` are those that it launches; `pipeline` is the pipeline that they begin."""

    faults: list[FieldFault] = field(default_factory=list)
    requests: list[JobRequest] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    templates: list[JobTemplate] = field(default_factory=list)
    pipeline: Ref | None = None
    upload_size: int | None = None

    def fault(self, field: str, label: str, text: str) -> None:
        """One thing more is wrong."""
        self.faults.append(FieldFault(field, label, text))


async def proposal_of(house: House, principal: Principal, draft: Draft) -> Proposal:
    """Returns what the draft would start, with everything that is wrong with it."""
    made = Proposal()
    for problem in bounds.text("name", draft.name, longest=bounds.LONGEST_NAME):
        made.fault("name", "Name", problem.text)
    await _check_input(house, principal, draft, made)
    if draft.what == STEPS:
        _from_steps(house, principal, draft, made)
    elif draft.what.startswith(PIPELINE):
        await _from_pipeline(house, principal, draft, made)
    else:
        await _from_templates(house, principal, draft, made)
    return made


def source_of(draft: Draft) -> dict[str, str]:
    """Returns what the payload of the first task says about the input."""
    if draft.text.strip():
        return {"text": draft.text}
    return {"url": draft.url} if draft.url else {}


async def _check_input(house: House, principal: Principal, draft: Draft, made: Proposal) -> None:
    given = {
        "text": ("Text", draft.text.strip()),
        "url": ("URL", draft.url),
        "target": ("Target ID", draft.target),
        "file": ("File", draft.upload),
    }
    used = {name: label for name, (label, value) in given.items() if value}
    if len(used) > 1:
        first, *others = used.items()
        for name, label in others:
            made.fault(name, label, f"{first[1]} is given too; a job has one input.")
    if len(draft.text) > LONGEST_TEXT:
        text = f"at most {LONGEST_TEXT} characters, has {len(draft.text)}. Upload a longer one as a file."
        made.fault("text", "Text", text)
    if draft.url and not _is_web_address(draft.url):
        made.fault("url", "URL", "must be an http:// or https:// address.")
    if draft.target:
        number = parse_number(draft.target)
        try:
            await targets.get(house, principal, Ref(number or 0, draft.target))
        except NotFound as unknown:
            made.fault("target", "Target ID", unknown.message)
    if draft.upload:
        try:
            made.upload_size = (await uploads.get(house, principal, draft.upload)).size
        except NotFound:
            made.fault("file", "File", "it is no longer kept, because too much time has passed. Choose it again.")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and text.isprintable() and " " not in text


# -- steps --------------------------------------------------------------------------------------------------


def _from_steps(house: House, principal: Principal, draft: Draft, made: Proposal) -> None:
    steps = list[JobStep]()
    for number, given in enumerate(draft.steps, 1):
        known = engines.find(house, principal, given.engine) if given.engine else None
        label = f"Step {number}"
        if known is None:
            text = "there is no such engine." if given.engine else "choose one."
            made.fault(f"step-{number}-engine", f"{label}, engine", text)
        reads = int(given.reads) if given.reads.isascii() and given.reads.isdecimal() and len(given.reads) < 4 else -1
        if not 0 <= reads < number:
            made.fault(f"step-{number}-reads", f"{label}, reads", "the input, or a step before this one.")
        fields = new_job_fields.fields_of(known, given.fields)
        payload, wrong = new_job_fields.values(fields)
        for place, sentence in wrong:
            name = next(each.label for each in fields if each.place == place)
            made.fault(f"step-{number}-field-{place}", f"{label}, {name}", sentence)
        payload = {**_payload(number, given.payload, made), **payload}
        if known is not None:
            steps.append(JobStep(engine=known.spec, reads=max(0, reads), payload=payload))
    if len(steps) < len(draft.steps):
        return
    target = draft.target or None
    job = job_of(steps, source_of(draft), name=draft.name or None, target_id=target)
    try:
        made.planned = plans.plan_all(house, principal, [job.request], ())
        made.requests = [job.request]
    except InvalidInput as refused:
        made.faults += [_of_step(problem, job.places) for problem in refused.problems]


def _payload(number: int, text: str, made: Proposal) -> dict[str, Any]:
    if not text.strip():
        return {}
    place, label = f"step-{number}-payload", f"Step {number}, payload"
    try:
        value = read_json(text)
    except JsonTextError as fault:
        made.fault(place, label, str(fault))
        return {}
    if not isinstance(value, dict):
        made.fault(place, label, 'must be a JSON object like {"language": "en"}.')
        return {}
    return value


def _of_step(problem: Problem, places: Mapping[int, int]) -> FieldFault:
    """Returns the problem of a task with the field of its step."""
    head, _, rest = problem.path.partition(".")
    ordinal = head.removeprefix("tasks[").removesuffix("]")
    step = places.get(int(ordinal)) if ordinal.isdecimal() else None
    if step is None:
        return FieldFault("", "", problem.message)
    part = "payload" if rest.startswith("payload") else "engine"
    return FieldFault(f"step-{step}-{part}", f"Step {step}, {part}", problem.text)


# -- a pipeline ---------------------------------------------------------------------------------------------


async def _from_pipeline(house: House, principal: Principal, draft: Draft, made: Proposal) -> None:
    """What the input is decides the graph, so that there is none without an input."""
    if made.faults:
        return
    source = PipelineSource(
        target_id=draft.target or None,
        url=draft.url or None,
        text=draft.text if draft.text.strip() else None,
        upload=draft.upload or None,
        name=draft.file_name,
    )
    if not source.given:
        made.fault("text", "Text", "a pipeline reads something: give a text, a URL, a target or a file.")
        return
    wanted = PipelineJob(pipeline=draft.what.removeprefix(PIPELINE), source=source, name=draft.name or None)
    try:
        request = await pipeline_jobs.job(house, principal, wanted)
        made.planned = plans.plan_all(house, principal, [request], ())
        made.requests = [request]
    except NotFound as unknown:
        made.fault("what", "What runs", unknown.message)
    except InvalidInput as refused:
        for problem in refused.problems:
            made.fault(*_FIELDS.get(problem.path, ("", "")), problem.text)


# -- templates ----------------------------------------------------------------------------------------------


async def _from_templates(house: House, principal: Principal, draft: Draft, made: Proposal) -> None:
    if draft.url:
        text = "a template reads what its own tasks name. Give a file, a text or a target."
        made.fault("url", "URL", text)
    if draft.name:
        made.fault("name", "Name", "jobs of a template have no name of their own.")
    made.templates = await _templates(house, principal, draft, made)
    if not made.templates:
        made.fault("what", "What runs", "there is no such template or pipeline, or it is empty.")
        return
    requests = [job_request(each) for each in made.templates]
    if draft.target:
        requests = [structs.replace(each, target=None, target_id=draft.target) for each in requests]
    try:
        made.planned = plans.plan_all(house, principal, requests, ())
        made.requests = requests
    except InvalidInput as refused:
        made.faults += [FieldFault("what", "What runs", problem.message) for problem in refused.problems]


async def _templates(house: House, principal: Principal, draft: Draft, made: Proposal) -> list[JobTemplate]:
    """Returns the templates that start: the one, or those of the first stage of the pipeline."""
    if draft.what.startswith(TEMPLATE):
        number = parse_job(draft.what.removeprefix(TEMPLATE)) or 0
        return list((await templates.get_many(house, principal, [number])).values())
    if not draft.what.startswith(JOB_PIPELINE):
        return []
    text = draft.what.removeprefix(JOB_PIPELINE)
    number = parse_pipeline(text) or 0
    made.pipeline = Ref(number, text)
    members = (await job_pipelines.templates(house, principal, [number])).get(number, [])
    first = min((each.stage or 0 for each in members), default=0)
    return [each for each in members if (each.stage or 0) == first]


def pipeline_word(pipeline_id: int) -> str:
    """Returns how a form names the job pipeline."""
    return JOB_PIPELINE + pipeline_uuid(pipeline_id)
