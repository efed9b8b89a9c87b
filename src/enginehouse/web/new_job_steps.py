"""The job that steps make: one engine alone, or several between a source and one document. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from enginehouse.domain.engine import EngineMode, EngineSpec
from enginehouse.domain.graph_draft import GraphDraft, into, out
from enginehouse.domain.job import FolderRequest, JobRequest

SOURCE: Final = "webstream"
CHUNKER: Final = "chunker"
WRITER: Final = "output-writer"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """An engine at work. `reads` is the number of the step whose output it gets, 0 for the input of the job."""

    engine: EngineSpec
    reads: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepJob:
    """A job made of steps. `places` has the number of the step for each task that is one."""

    request: JobRequest
    places: Mapping[int, int]


@dataclass(slots=True)
class _Graph(GraphDraft):
    places: dict[int, int] = field(default_factory=dict)

    def add_step(self, number: int, engine: str, payload: Mapping[str, Any], *folders: FolderRequest) -> None:
        self.places[len(self.tasks)] = number
        self.add(engine, payload, *folders)


def job_of(steps: Sequence[JobStep], source: Mapping[str, Any], *, name: str | None, target_id: str | None) -> StepJob:
    """Returns the job of the steps. `source` is what the payload of the first task says about the input.

    One step is one task. Several stand between a source, a chunker where one of them works on chunks, and a writer that
    puts all results into one document.
    """
    graph = _Graph()
    if len(steps) == 1:
        graph.add_step(1, steps[0].engine.id, {**steps[0].payload, **source})
    else:
        _join(graph, steps, source)
    made = JobRequest(tasks=tuple(graph.tasks), routes=tuple(graph.routes), name=name, target_id=target_id)
    return StepJob(made, graph.places)


def _join(graph: _Graph, steps: Sequence[JobStep], source: Mapping[str, Any]) -> None:
    first = 1 if steps[0].engine.ingests else 0
    if first:
        graph.add_step(1, steps[0].engine.id, {**steps[0].payload, **source}, out("source", "stream"))
    else:
        graph.add(SOURCE, source, out("source", "stream"))
    rest = list(enumerate(steps[first:], first + 1))
    begins = {number for number, step in rest if step.reads <= first}
    chunked = [step.engine for number, step in rest if number in begins and _takes_chunks(step.engine)]
    if chunked:
        only_sound = all(_hears(engine) for engine in chunked)
        graph.add(
            CHUNKER,
            {"ffmpegTemplate": "audio"} if only_sound else {},
            into("chunker-in", "stream"),
            out("chunks", "chunk"),
        )
        graph.route("source", "chunker-in")
    for number, step in rest:
        _place(graph, number, step, begins=number in begins)
    _collect(graph, rest)


def _place(graph: _Graph, number: int, step: JobStep, *, begins: bool) -> None:
    from_source = begins and not _takes_chunks(step.engine)
    mode = "stream" if from_source else "chunk"
    folders = [into(f"step-{number}-in", mode)]
    if not step.engine.gathers:
        folders.append(out(f"step-{number}", "chunk"))
    graph.add_step(number, step.engine.id, step.payload, *folders)
    parent = ("source" if from_source else "chunks") if begins else f"step-{step.reads}"
    graph.route(parent, f"step-{number}-in")


def _collect(graph: _Graph, steps: Sequence[tuple[int, JobStep]]) -> None:
    """Everything that no step gathers goes into one document."""
    by_hand = {step.reads for _, step in steps if step.engine.gathers}
    left = [number for number, step in steps if not step.engine.gathers and number not in by_hand]
    if left:
        graph.add(WRITER, {}, *(into(f"result-{number}", "chunk") for number in left))
        for number in left:
            graph.route(f"step-{number}", f"result-{number}")


def _takes_chunks(engine: EngineSpec) -> bool:
    return engine.mode is EngineMode.CHUNK and not engine.gathers


def _hears(engine: EngineSpec) -> bool:
    return bool(engine.inputs) and all(kind.startswith("audio/") for kind in engine.inputs)
