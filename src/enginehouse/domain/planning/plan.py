"""Turns a job request into a plan: with known engines, joined folders, and routes without a cycle.

Either the whole request is valid, or InvalidInput lists everything that is wrong with it. The cost is linear in the
request. The number of tasks is checked first.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from enginehouse.domain.engine import EngineMode, EngineSpec
from enginehouse.domain.errors import Fault, InvalidInput, Problem
from enginehouse.domain.job import FolderMode, JobRequest, Plan, Route, TaskPlan, TaskRequest
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.checks import PlanReport, check_job, check_task, checked_payload
from enginehouse.domain.planning.edges import Beginning, Edges, edges_of, initial
from enginehouse.domain.planning.folders import Board, board_of, feed_all, takes_chunks
from enginehouse.domain.planning.routes import refuse_cycle, resolve
from enginehouse.domain.planning.standbys import mirror, stand_in
from enginehouse.domain.spelling import GRAPHQL
from enginehouse.domain.webhooks import notifications

MAX_TASKS: Final = 10_000
MAX_STANDBYS: Final = 8  # inside one another

Lookup = Callable[[str], EngineSpec | None]
UriFault = Callable[[str], str | None]


class Planned(msgspec.Struct, frozen=True, gc=False):
    """The plan to store with what follows from it, and the warnings for the caller."""

    plan: Plan
    edges: Edges
    beginning: Beginning
    warnings: tuple[str, ...] = ()


def planned_again(plan: Plan) -> Planned:
    """Returns a plan that was stored before, to be stored for another job."""
    return Planned(plan, edges_of(plan), initial(plan))


def plan(
    request: JobRequest,
    engines: Lookup,
    by_task_type: Lookup,
    *,
    now: int,
    max_tasks: int = MAX_TASKS,
    uri_fault: UriFault = lambda uri: None,
) -> Planned:
    """Returns the plan of a valid request. `now` is µs UTC. A look-up gives None for an engine that is not allowed.

    `uri_fault` says what is wrong with an address of `notificationUris`. Standby tasks follow the listed ones. Raises
    InvalidInput with every problem, in the caller's spelling.
    (rest-contract §3.1–3.3, graphql-contract §2.2, §3.2, §4.8)
    """
    tasks, principals = _listed(request, max_tasks)
    report = PlanReport(request.spelling, request.prefix, principals)
    check_job(report, request, now)
    specs = [_engine(report, ordinal, task, engines, by_task_type) for ordinal, task in enumerate(tasks)]
    for ordinal, task in enumerate(tasks):
        check_task(report, ordinal, task, now)
    notifications.check(report, request, tasks, uri_fault)
    report.raise_when_full()
    board = board_of(report, tasks, specs)
    report.raise_when_full()
    legacy = _is_legacy(request, specs[0])
    routes = feed_all(board, specs[: len(request.tasks)]) if legacy else resolve(report, board, request.routes)
    if len(tasks) > len(request.tasks):
        stand_in(report, board)
        routes = mirror(report, board, routes)
    refuse_cycle(report, board, routes)
    plans = _task_plans(report, tasks, specs, board)
    report.raise_problems()
    made = Plan(tasks=plans, routes=tuple(routes), name=request.name or None, legacy=legacy, echo=request.echo)
    if any(route.endpoint for route in routes):
        made = pushes.tolerant(made)
        pushes.check_results(report, made, made.routes)
        report.raise_problems()
    if not legacy:
        _warn_unused(report, board, routes)
    _warn_whole_stream(report, board, tasks, routes)
    return Planned(made, edges_of(made), initial(made), tuple(report.warnings))


# -- tasks and engines --------------------------------------------------------------------------------------


def _listed(request: JobRequest, max_tasks: int) -> tuple[Sequence[TaskRequest], list[int | None]]:
    """Returns the tasks, then their standbys, and the principal of each. Raises InvalidInput for a wrong number."""
    path = f"{request.prefix}{request.spelling.tasks}"
    if not request.tasks:
        raise InvalidInput([Problem(path, "at least 1 task is required.", "0", f"1–{max_tasks}")])
    tasks: Sequence[TaskRequest] = request.tasks
    principals: list[int | None] = [None] * len(tasks)
    if len(tasks) <= max_tasks and any(task.standby is not None for task in tasks):
        tasks, principals = _with_standbys(request, max_tasks)
    if len(tasks) > max_tasks:
        given = str(len(tasks))
        most = f"at most {max_tasks} per job (setting limits.tasks_per_job)"
        text = f"{given} given, {most}. Split the job or raise the limit."
        raise InvalidInput([Problem(path, text, given, f"1–{max_tasks}", Fault.TOO_LARGE)])
    return tasks, principals


def _with_standbys(request: JobRequest, max_tasks: int) -> tuple[list[TaskRequest], list[int | None]]:
    tasks = list(request.tasks)
    principals: list[int | None] = [None] * len(tasks)
    depth = [0] * len(tasks)
    for ordinal, task in enumerate(tasks):  # the list grows during the loop: a standby may have a standby
        if task.standby is not None and len(tasks) <= max_tasks:
            if depth[ordinal] == MAX_STANDBYS:
                path = PlanReport(request.spelling, request.prefix, principals).task(ordinal)
                raise InvalidInput([Problem(path, f"at most {MAX_STANDBYS} standby tasks inside one another.")])
            tasks.append(task.standby)
            principals.append(ordinal)
            depth.append(depth[ordinal] + 1)
    return tasks, principals


def _engine(
    report: PlanReport, ordinal: int, task: TaskRequest, engines: Lookup, by_task_type: Lookup
) -> EngineSpec | None:
    engine_id, task_type, spelling = task.engine_id, task.task_type, report.spelling
    if engine_id and not task_type:
        if (spec := engines(engine_id)) is not None:
            return spec
        path, what, named = spelling.engine, "engine", engine_id
    elif task_type and not engine_id:
        if (spec := by_task_type(task_type)) is not None:
            return spec
        path, what, named = spelling.task_type, "task type", task_type
    else:
        both = ", not both" if engine_id else ""
        report.problem(report.task(ordinal), f"give {spelling.engine} or {spelling.task_type}{both}.")
        return None
    text = f'{what} "{named}" does not exist or is not available to your organization.'
    report.problem(f"{report.task(ordinal)}.{path}", text, named, fault=Fault.UNKNOWN)
    return None


def _task_plans(
    report: PlanReport, tasks: Sequence[TaskRequest], specs: Sequence[EngineSpec | None], board: Board
) -> tuple[TaskPlan, ...]:
    one_only = report.spelling.payload_text == GRAPHQL.payload_text
    plans = []
    for ordinal, task in enumerate(tasks):
        payload = checked_payload(report, ordinal, task, one_only=one_only)
        spec = specs[ordinal]
        if spec is None:
            continue
        folders = board.folders[ordinal]
        per_chunk = spec.mode is EngineMode.CHUNK and not spec.gathers and takes_chunks(folders)
        limit = 1 if task.max_engines is None and task.parallel is False else task.max_engines
        plans.append(
            TaskPlan(
                engine_id=spec.id,
                pool=spec.kind.value,
                payload=payload,
                folders=folders,
                gathers=spec.gathers,
                per_chunk=per_chunk,
                parents_first=task.parents_first,
                priority=task.priority,
                max_retries=task.max_retries,
                max_engines=limit if limit is None or per_chunk else 1,
                parallel=task.is_parallel if per_chunk else bool(task.parallel),
                timeout_seconds=task.timeout_seconds or None,
                due_at=task.due_at,
                reference=task.reference or None,
                name=task.name or None,
                standby_for=report.principals[ordinal],
                echo=task.echo,
            )
        )
    return tuple(plans)


def _is_legacy(request: JobRequest, first: EngineSpec | None) -> bool:
    """True for a plain list of tasks that begins with an ingesting engine, which feeds all the others."""
    return (
        first is not None
        and first.ingests
        and len(request.tasks) > 1
        and not any(task.folders for task in request.tasks)
        and not any(route.parent_task or route.parent_folder for route in request.routes)
    )


# -- checks of the whole graph ------------------------------------------------------------------------------


def _warn_unused(report: PlanReport, board: Board, routes: Sequence[Route]) -> None:
    used = {(route.parent, route.parent_folder) for route in routes}
    used.update([(route.child, route.child_folder) for route in routes])
    for ordinal, folders in enumerate(board.folders):
        for position, folder in enumerate(folders):
            if (ordinal, position) not in used and report.principals[ordinal] is None:
                report.warn(report.folder(ordinal, position), f'"{folder.reference}" is not used by any route.')


def _warn_whole_stream(report: PlanReport, board: Board, tasks: Sequence[TaskRequest], routes: Sequence[Route]) -> None:
    """Warns about a task with `parents_first` and only stream inputs: it waits for its whole streams anyway."""
    if not any(task.parents_first for task in tasks):
        return
    streams: dict[int, list[int]] = {}
    chunks = set()
    for route in routes:
        if route.parent < 0 or report.principals[route.child] is not None:
            continue
        if board.folders[route.child][route.child_folder].mode is FolderMode.STREAM:
            streams.setdefault(route.child, []).append(route.parent)
        else:
            chunks.add(route.child)
    for child, parents in streams.items():
        if tasks[child].parents_first and child not in chunks:
            report.warn(report.task(child), f'child waits for the whole stream of "{board.labels[parents[0]]}".')
