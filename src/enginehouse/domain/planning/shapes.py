"""Plans of former requests, kept by the *shape* of the request: all of it that shapes the plan, without payloads.

Clients send the same graph again and again, with other payloads and for other targets. A plan is a function of the
request, of the engines that it names and of the time, so the rest of a kept plan holds for the next request of its
shape. What may differ is checked again: the job's own fields, the engines, the payloads. A request is planned from the
start if the time or the settings of the server decide about more than that: with a due task, a standby, or addresses to
call.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.job import JobRequest, KnownGraph, RouteRequest, TaskRequest
from enginehouse.domain.planning.checks import PlanReport, check_job, checked_payload
from enginehouse.domain.planning.plan import MAX_TASKS, Lookup, Planned, UriFault, plan
from enginehouse.domain.spelling import GRAPHQL
from enginehouse.domain.webhooks import notifications, outputs

_MOST_SHAPES: Final = 128  # with what follows from them at most about 14 MB
_LARGEST: Final = 16 * 1024  # bytes of a shape; a larger job is rare, and soon costs more to keep than to plan
_URIS: Final = frozenset({notifications.FIELD, outputs.FIELD})
_encode: Final = msgspec.msgpack.Encoder().encode
_replace: Final = msgspec.structs.replace


class NamedEngine(NamedTuple):
    """How a task names its engine, and the engine that was found."""

    engine_id: str | None
    task_type: str | None
    spec: EngineSpec | None


class Kept(NamedTuple):
    """The plan of a shape without payloads and without warnings about the job's own fields, and its engines.

    `prefix` stands before the paths in the warnings.
    """

    planned: Planned
    engines: tuple[NamedEngine, ...]
    prefix: str

    def fits(self, request: JobRequest) -> bool:
        """Returns True if the warnings name the places of this request: the jobs of one body have other prefixes."""
        return not self.planned.warnings or self.prefix == request.prefix


Key = tuple[bytes, bytes, int, int]


@dataclass(slots=True)
class PlanShapes:
    """The last plans by their shape. Safe for use from several threads."""

    limit: int = _MOST_SHAPES
    _kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict, repr=False)

    def __len__(self) -> int:
        return len(self._kept)

    def plan(
        self,
        request: JobRequest,
        engines: Lookup,
        by_task_type: Lookup,
        *,
        now: int,
        max_tasks: int = MAX_TASKS,
        uri_fault: UriFault = lambda uri: None,
    ) -> Planned:
        """Returns exactly what `planning.plan` returns for these arguments, or raises what it raises."""
        key = _key(request, max_tasks)
        kept = None if key is None else self._kept.get(key)
        if key is not None and kept is not None and kept.fits(request) and _holds(kept, engines, by_task_type):
            with suppress(KeyError):  # another thread may have dropped it
                self._kept.move_to_end(key)
            return _with_payloads(kept, request, now)
        planned = plan(request, engines, by_task_type, now=now, max_tasks=max_tasks, uri_fault=uri_fault)
        if key is not None:
            self._keep(key, _without_payloads(planned, request, now, engines, by_task_type))
        return planned

    def _keep(self, key: Key, kept: Kept) -> None:
        self._kept[key] = kept
        while len(self._kept) > self.limit:
            with suppress(KeyError):
                self._kept.popitem(last=False)


def known_graph(tasks: tuple[TaskRequest, ...], routes: tuple[RouteRequest, ...]) -> KnownGraph:
    """Returns what requests with this graph may name, so that their shape needs not be found again."""
    return KnownGraph(tuple([_without_payload(task) for task in tasks]), routes, _graph_shape(tasks, routes))


def _depends_on_more(tasks: Sequence[TaskRequest]) -> bool:
    """Returns True if a plan of the tasks depends on the time or on settings of the server, or has standbys."""
    for task in tasks:
        if task.due_at is not None or task.standby is not None or (task.echo and not _URIS.isdisjoint(task.echo)):
            return True
    return not tasks


def _without_payload(task: TaskRequest) -> TaskRequest:
    if task.payload is None and task.payload_text is None:
        return task
    return _replace(task, payload=None, payload_text=None)


def _key(request: JobRequest, max_tasks: int) -> Key | None:
    """Returns what two requests of one shape have in common.

    Returns None if the plan depends on more than that, or if the shape is too large or cannot be written.
    """
    if request.echo and not _URIS.isdisjoint(request.echo):
        return None
    graph = request.graph
    if graph is not None and _is_graph_of(request, graph):
        shape = graph.shape
    else:
        shape = _graph_shape(request.tasks, request.routes)
    about = _written((request.name, request.echo))
    if shape is None or about is None or len(shape) + len(about) > _LARGEST:
        return None
    # A spelling is a constant of the program, so its identity is enough.
    return shape, about, id(request.spelling), max_tasks


def _graph_shape(tasks: Sequence[TaskRequest], routes: Sequence[RouteRequest]) -> bytes | None:
    if _depends_on_more(tasks):
        return None
    return _written(([_without_payload(task) for task in tasks], routes))


def _is_graph_of(request: JobRequest, graph: KnownGraph) -> bool:
    """Returns True if the request has the tasks and routes of the graph, apart from payloads."""
    if request.routes is not graph.routes or len(request.tasks) != len(graph.tasks):
        return False
    if request.tasks is graph.tasks:
        return True
    for task, known in zip(request.tasks, graph.tasks, strict=True):
        if task is not known and _written(_without_payload(task)) != _written(known):  # 1, 1.0 and True are equal
            return False
    return True


def _written(value: Any) -> bytes | None:
    try:
        return _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _holds(kept: Kept, engines: Lookup, by_task_type: Lookup) -> bool:
    return all(
        _found(engine_id, task_type, engines, by_task_type) == spec for engine_id, task_type, spec in kept.engines
    )


def _found(engine_id: str | None, task_type: str | None, engines: Lookup, by_task_type: Lookup) -> EngineSpec | None:
    return engines(engine_id) if engine_id else by_task_type(task_type or "")


def _without_payloads(planned: Planned, request: JobRequest, now: int, engines: Lookup, by_task_type: Lookup) -> Kept:
    tasks = planned.plan.tasks
    named = dict.fromkeys([(task.engine_id, task.task_type) for task in request.tasks])
    found = tuple([NamedEngine(*words, _found(*words, engines, by_task_type)) for words in named])
    if any(task.payload is not None for task in tasks):
        bare = tuple([_replace(task, payload=None) for task in tasks])
        planned = _replace(planned, plan=_replace(planned.plan, tasks=bare))
    if planned.warnings:
        about_job = len(_report(request, len(tasks), now).warnings)
        planned = _replace(planned, warnings=planned.warnings[about_job:])
    return Kept(planned, found, request.prefix)


def _report(request: JobRequest, count: int, now: int) -> PlanReport:
    """Returns what is to be said about the job's own fields."""
    report = PlanReport(request.spelling, request.prefix, [None] * count)
    check_job(report, request, now)
    return report


def _with_payloads(kept: Kept, request: JobRequest, now: int) -> Planned:
    """Returns the kept plan with the payloads of this request. Raises InvalidInput."""
    planned, tasks = kept.planned, request.tasks
    report = _report(request, len(tasks), now)
    one_only = request.spelling.payload_text == GRAPHQL.payload_text
    bare = request.graph is not None and tasks is request.graph.tasks
    given = {
        ordinal: checked_payload(report, ordinal, task, one_only=one_only)
        for ordinal, task in enumerate(() if bare else tasks)
        if task.payload is not None or task.payload_text
    }
    report.raise_problems()
    warnings = (*report.warnings, *planned.warnings) if report.warnings else planned.warnings
    if not given:
        return _replace(planned, warnings=warnings) if report.warnings else planned
    plans = tuple(
        [_replace(each, payload=given[n]) if n in given else each for n, each in enumerate(planned.plan.tasks)]
    )
    return _replace(planned, plan=_replace(planned.plan, tasks=plans), warnings=warnings)
