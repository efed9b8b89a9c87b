"""The job that a pipeline makes of a file: what reads it, the steps, and one document with their results. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from enginehouse.domain.engine import EngineKind, EngineMode, EngineSpec
from enginehouse.domain.graph_draft import GraphDraft, into, out
from enginehouse.domain.job import JobRequest
from enginehouse.domain.pipelines import FILE, INPUT, PipelineStep
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.webstream import WEBSTREAM
from enginehouse.engines.native.writer import OUTPUT_WRITER

_SOURCE: Final = WEBSTREAM.spec.id
_CHUNKER: Final = Chunker.spec.id
_WRITER: Final = OUTPUT_WRITER.spec.id
_NOTHING: Final = Noop.spec.id
_SOUND: Final = {"ffmpegTemplate": "audio"}


class IntakeKind(StrEnum):
    """How the file becomes what the steps read."""

    EXTRACT = "extract"  # its text, part by part, then in chunks
    HEAR = "hear"  # the transcript of its sound
    RECOGNISE = "recognise"  # the text in a picture
    CUT = "cut"  # chunks of it, as the chunker cuts its type
    CUT_SOUND = "cut_sound"


class Intake(NamedTuple):
    """What stands between the file and the steps. `standby` takes the engine's place if it fails."""

    kind: IntakeKind
    engine: EngineSpec | None = None
    standby: EngineSpec | None = None


class ChosenStep(NamedTuple):
    """A step and the engine that does it."""

    step: PipelineStep
    engine: EngineSpec


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The folder that the steps read, and what is a result already."""

    folder: str
    results: tuple[str, ...] = ()


def job_of(intake: Intake, steps: Sequence[ChosenStep], source: Mapping[str, Any]) -> JobRequest:
    """Returns the job. `source` is what the payload of the first task says about the file."""
    graph = GraphDraft()
    graph.add(_SOURCE, source, out("source", "stream"))
    begins = any(each.step.reads == INPUT and not _from_stream(intake, each.engine) for each in steps) or not steps
    beginning = _begin(graph, intake) if begins else _Beginning("source")
    for each in steps:
        _place(graph, intake, beginning, each)
    gathered = {each.step.reads for each in steps if each.engine.gathers}
    left = [each.step.name for each in steps if _has_output(each.engine) and each.step.name not in gathered]
    results = [*beginning.results, *left] if steps else [beginning.folder]  # without a step, the pieces themselves
    if results:
        graph.add(_WRITER, {}, *(into(f"{name}-result") for name in results))
        for name in results:
            graph.route(name, f"{name}-result")
    return JobRequest(tasks=tuple(graph.tasks), routes=tuple(graph.routes))


def _begin(graph: GraphDraft, intake: Intake) -> _Beginning:
    engine = intake.engine
    match intake.kind:
        case IntakeKind.EXTRACT if engine is not None:
            standby = None if intake.standby is None else intake.standby.id
            graph.add(engine.id, {}, into("document", "stream"), out("sections"), standby=standby)
            graph.route("source", "document")
            return _cut(graph, "sections", "chunk")
        case IntakeKind.HEAR if engine is not None:
            if engine.mode is EngineMode.CHUNK:
                _cut(graph, "source", "stream", _SOUND)
                graph.add(engine.id, {}, into("speech"), out("transcript"))
                graph.route("chunks", "speech")
            else:
                graph.add(engine.id, {}, into("speech", "stream"), out("transcript"))
                graph.route("source", "speech")
            return _Beginning("transcript", ("transcript",))
        case IntakeKind.RECOGNISE if engine is not None:
            graph.add(engine.id, {}, into("picture", "stream"), out("recognition"))
            graph.route("source", "picture")
            return _Beginning("recognition", ("recognition",))
        case _:
            return _cut(graph, "source", "stream", _SOUND if intake.kind is IntakeKind.CUT_SOUND else {})


def _cut(graph: GraphDraft, parent: str, mode: str, payload: Mapping[str, Any] | None = None) -> _Beginning:
    graph.add(_CHUNKER, payload or {}, into("uncut", mode), out("chunks"))
    graph.route(parent, "uncut")
    return _Beginning("chunks")


def _place(graph: GraphDraft, intake: Intake, beginning: _Beginning, chosen: ChosenStep) -> None:
    name, engine = chosen.step.name, chosen.engine
    reads_input = chosen.step.reads == INPUT
    whole = chosen.step.reads == FILE or (reads_input and _from_stream(intake, engine))
    folders = [into(f"{name}-in", "stream" if whole else "chunk")]
    if _has_output(engine):
        folders.append(out(name))
    # What reads a scan as a text fails. The job goes on without an optional step, since its text is found otherwise.
    may_fail = chosen.step.reads == FILE and chosen.step.optional and intake.standby is not None
    graph.add(engine.id, chosen.step.payload, *folders, standby=_NOTHING if may_fail else None)
    parent = "source" if whole else beginning.folder if reads_input else chosen.step.reads
    graph.route(parent, f"{name}-in")


def _from_stream(intake: Intake, engine: EngineSpec) -> bool:
    """True if the engine reads a recording as a whole, so that nothing cuts it."""
    return intake.kind is IntakeKind.CUT_SOUND and engine.mode is not EngineMode.CHUNK


def _has_output(engine: EngineSpec) -> bool:
    """False for what only stores what it gets: assets, recordings, the results of the job."""
    return not (engine.gathers and engine.kind is EngineKind.NATIVE)
