"""The job that a pipeline makes: what its input is decides how its steps get it, and their engines are those here."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import structs

from enginehouse.domain.errors import InvalidInput, Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest
from enginehouse.domain.pipelines import Pipeline, PipelineInput, PipelineStep
from enginehouse.operations import bounds, jobs, pipelines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob
from enginehouse.operations.permission import require
from enginehouse.operations.pipeline_engines import (
    EXTRACTION,
    RECOGNITION,
    TRANSCRIPTION,
    EngineChoices,
    received,
)
from enginehouse.operations.pipeline_graph import ChosenStep, Intake, IntakeKind, job_of
from enginehouse.operations.pipeline_input import InputType, PipelineSource, type_of
from enginehouse.text.media_types import OCTETS, bare, medium

_PDF: Final = "application/pdf"  # its pages may be pictures of text
_SOUNDS: Final = frozenset({"audio", "video"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineJob:
    """A job of a pipeline to create: the name of the pipeline, the input, and the name that the job gets."""

    pipeline: str
    source: PipelineSource
    name: str | None = None


class PipelinePlan(NamedTuple):
    """The job that a pipeline makes, and the media type of what it reads, for which it was made."""

    job: JobRequest
    media_type: str


async def job(house: House, principal: Principal, wanted: PipelineJob, *, path: str = "") -> JobRequest:
    """Returns the job as it would be created now. Raises as `plan` does."""
    return (await plan(house, principal, wanted, path=path)).job


async def plan(house: House, principal: Principal, wanted: PipelineJob, *, path: str = "") -> PipelinePlan:
    """Returns the job as it would be created now. Raises InvalidInput with all problems, NotFound.

    A pipeline that does not exist is reported at `path`.
    """
    require(principal, Role.USER)
    pipeline = await pipelines.get(house, principal, wanted.pipeline, path=path)
    _refuse_inputs(wanted.source)
    found = await type_of(house, principal, wanted.source)
    made = await _job_for(house, principal, pipeline, found, wanted.source)
    return PipelinePlan(
        structs.replace(made, target_id=wanted.source.target_id, name=wanted.name), bare(found.media_type)
    )


async def job_for_type(
    house: House, principal: Principal, name: str, media_type: str, *, url: str | None = None, path: str = ""
) -> JobRequest:
    """Returns the job that the pipeline would make of a file of this type now, which will be at `url`.

    Nobody looks at the URL. Raises as `plan` does.
    """
    require(principal, Role.READER)
    pipeline = await pipelines.get(house, principal, name, path=path)
    wrong = bounds.text("mediaType", media_type, longest=bounds.LONGEST_NAME, required=True)
    if url is not None and not url.startswith(("http://", "https://")):
        wrong.append(Problem("url", "must be an http:// or https:// address.", excerpt(url)))
    bounds.refuse(wrong)
    found = InputType("", bare(media_type), "mediaType")
    return await _job_for(house, principal, pipeline, found, PipelineSource(url=url))


@trail.mutation("createJob", "Job")
async def create(
    house: House, principal: Principal, wanted: PipelineJob, *, key: str | None = None, path: str = ""
) -> CreatedJob:
    """Creates the job durably. Raises as `job` does, and as `jobs.create` does.

    A repeated request with the same `key` creates nothing, whatever the input has become since.
    """
    source = wanted.source
    echo = {"pipeline": wanted.pipeline, **source.payload}
    original = [JobRequest(tasks=(), target_id=source.target_id, name=wanted.name, echo=echo)]
    if key is not None and (before := await jobs.created_before(house, principal, original, key)) is not None:
        return before[0]
    request = await job(house, principal, wanted, path=path)
    [created] = await jobs.create(house, principal, [request], key=key, original=original)
    return created


def _refuse_inputs(source: PipelineSource) -> None:
    if len(source.given) != 1:
        given = f", got {' and '.join(source.given)}" if source.given else ""
        raise InvalidInput(f"a pipeline reads one input: give one of targetId, url and text{given}.")


async def _job_for(
    house: House, principal: Principal, pipeline: Pipeline, found: InputType, source: PipelineSource
) -> JobRequest:
    choices = await EngineChoices.of(house, principal)
    problems = list[Problem]()
    intake = _intake(pipeline, found, choices)
    if isinstance(intake, str):
        what = f"{excerpt(found.name)} is {bare(found.media_type)}" if found.name else f"got {bare(found.media_type)}"
        problems.append(Problem(found.path, f"{what}; {intake}"))
    steps = _steps(pipeline, found, choices, problems)
    if problems or isinstance(intake, str):
        raise InvalidInput(problems)
    made = job_of(intake, steps, source.payload)
    return structs.replace(made, echo={"pipeline": pipeline.name})


def _intake(pipeline: Pipeline, found: InputType, choices: EngineChoices) -> Intake | str:
    """Returns how the pipeline reads the input, or a sentence that says why it cannot."""
    sounds = medium(found.media_type) in _SOUNDS
    match pipeline.input:
        case PipelineInput.TEXT:
            return _text_intake(found.media_type, choices)
        case PipelineInput.SOUND if sounds:
            return Intake(IntakeKind.CUT_SOUND)
        case PipelineInput.SOUND:
            return f'the pipeline "{pipeline.name}" takes sound and video.'
        case PipelineInput.CHUNKS if sounds:
            return Intake(IntakeKind.CUT_SOUND)
        case PipelineInput.CHUNKS:
            return _chunk_intake(found.media_type, choices)


def _text_intake(media_type: str, choices: EngineChoices) -> Intake | str:
    if medium(media_type) in _SOUNDS:
        engine = choices.best(TRANSCRIPTION)
        return (
            Intake(IntakeKind.HEAR, engine)
            if engine
            else "no engine that transcribes is installed here: pip install 'enginehouse[whisper]'."
        )
    if medium(media_type) == "image":
        engine = choices.best(RECOGNITION, media_type)
        missing = "no engine that reads text in pictures is installed here: pip install 'enginehouse[ocr]'."
        return Intake(IntakeKind.RECOGNISE, engine) if engine else missing
    return _document_intake(media_type, choices) or "no engine that is installed here reads text from it."


def _document_intake(media_type: str, choices: EngineChoices) -> Intake | None:
    if (engine := choices.best(EXTRACTION, media_type)) is not None:
        scans = bare(media_type) == _PDF
        return Intake(IntakeKind.EXTRACT, engine, choices.best(RECOGNITION, media_type) if scans else None)
    return Intake(IntakeKind.CUT) if medium(media_type) == "text" else None


def _chunk_intake(media_type: str, choices: EngineChoices) -> Intake | str:
    if (intake := _document_intake(media_type, choices)) is not None:
        return intake
    return "nothing can cut it." if bare(media_type) == OCTETS else Intake(IntakeKind.CUT)


def _steps(pipeline: Pipeline, found: InputType, choices: EngineChoices, problems: list[Problem]) -> list[ChosenStep]:
    """Returns the steps with their engines. What reads a step that is left out reads what that one would have read."""
    chosen, instead = list[ChosenStep](), dict[str, str]()
    for step in pipeline.steps:
        reads = instead.get(step.reads, step.reads)
        own = PipelineStep(
            name=step.name,
            engines=step.engines,
            category=step.category,
            reads=reads,
            payload=step.payload,
            optional=step.optional,
        )
        engine = choices.best(own, received(pipeline, own, found.media_type))
        if engine is not None:
            chosen.append(ChosenStep(own, engine))
        elif step.optional:
            instead[step.name] = reads
        else:
            problems.append(Problem("pipeline", f'"{pipeline.name}", step "{step.name}": {choices.fault(step)}'))
    return chosen
