"""Job requests for tests, in both spellings, and the engines that they name."""

from typing import Any

from enginehouse.domain.engine import EngineKind, EngineMode, EngineSpec
from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TaskRequest
from enginehouse.domain.planning.plan import Planned, plan
from enginehouse.domain.spelling import GRAPHQL, Spelling

NOW = 1_795_480_000_000_000  # 2026-11-24


def _engine(name: str, mode: EngineMode, **more: Any) -> EngineSpec:
    return EngineSpec(id=name, name=name.title(), category_id="c", kind=EngineKind.NATIVE, mode=mode, **more)


ENGINES = {
    "adapter": _engine("adapter", EngineMode.STREAM, ingests=True),
    "chunker": _engine("chunker", EngineMode.STREAM),
    "transcribe": _engine("transcribe", EngineMode.CHUNK),
    "writer": _engine("writer", EngineMode.CHUNK, gathers=True),
    "batch": _engine("batch", EngineMode.BATCH),
}
BY_TASK_TYPE = {"transcribe": ENGINES["transcribe"]}


def folder(reference: str | None, mode: str | None = "chunk", type_: str | None = "input") -> FolderRequest:
    return FolderRequest(reference=reference, mode=mode, type=type_)


def task(engine: str | None = "transcribe", *folders: FolderRequest, **more: Any) -> TaskRequest:
    return TaskRequest(engine_id=engine, folders=folders, **more)


def route(parent: str | None, child: str | None, **more: Any) -> RouteRequest:
    return RouteRequest(parent_folder=parent, child_folder=child, **more)


def stage(name: str, **more: Any) -> TaskRequest:
    """A chunk task with an input folder `name-in` and an output folder `name-out`."""
    return task("transcribe", folder(f"{name}-in"), folder(f"{name}-out", "chunk", "output"), reference=name, **more)


def job(
    *tasks: TaskRequest, routes: tuple[RouteRequest, ...] = (), spelling: Spelling = GRAPHQL, **more: Any
) -> JobRequest:
    return JobRequest(tasks=tasks, routes=routes, spelling=spelling, **more)


def joined(names: str, edges: str, **more: Any) -> JobRequest:
    """Stages with single characters as names; `"ab bc"` joins a to b and b to c."""
    routes = tuple(route(f"{a}-out", f"{b}-in") for a, b in map(tuple, edges.split()))
    return job(*(stage(name) for name in names), routes=routes, **more)


def planned(request: JobRequest, **more: Any) -> Planned:
    return plan(request, ENGINES.get, BY_TASK_TYPE.get, now=NOW, **more)
