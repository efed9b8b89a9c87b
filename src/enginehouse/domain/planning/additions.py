"""Adds a task or a route to the plan of a job under way. Pure.

The result is the plan that follows, or InvalidInput with everything that is wrong. What does not depend on the rest of
the job (engine, payload, words) is checked before, as for a new job.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import structs

from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.errors import Fault, InvalidInput, Problem, excerpt
from enginehouse.domain.ids import MAX_ORDINAL, parse_folder, parse_task
from enginehouse.domain.job import Folder, FolderMode, FolderType, Plan, Route, RouteRequest, TaskPlan
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.folders import Board
from enginehouse.domain.planning.routes import refuse_cycle, resolve
from enginehouse.domain.planning.standbys import mirror
from enginehouse.domain.spelling import REST
from enginehouse.domain.status import JOB_ENDED, JobStatus


class TaskAddition(msgspec.Struct, frozen=True, kw_only=True):
    """A task to add to a job. `path` stands before the fields in problems: `task`, `tasks[2]`.

    `parent` names a task of the job by its id or its reference: a route from its output to a new input folder is added
    too. `chunked`: the engine works chunk by chunk where its input has chunks. `given_id` is the id that the client
    gave the task, and `digest` that of the request for it.
    """

    organization_id: int
    job_id: int
    task: TaskPlan
    path: str
    parent: str | None = None
    chunked: bool = False
    given_id: str | None = None
    digest: str = ""


class RouteAddition(msgspec.Struct, frozen=True, kw_only=True):
    """A route to add to a job. It names tasks and folders by their ids or their references."""

    organization_id: int
    job_id: int
    route: RouteRequest


Addition = TaskAddition | RouteAddition


class Grown(NamedTuple):
    """The plan with the addition. `placed` are the tasks with a new place in the graph: their parents have changed."""

    plan: Plan
    placed: tuple[int, ...]
    route: Route | None = None


def refusal(status: JobStatus, *, cancelled: bool, what: str) -> str | None:
    """Returns why a job with this status takes no more of `what` (`tasks`, `routes`); None if it does."""
    if not cancelled and status not in JOB_ENDED:
        return None
    word = "cancelled" if cancelled or status is JobStatus.ABORTED else status.value
    return f"Job is {word}; {what} can no longer be added."


def with_task(plan: Plan, new: TaskAddition, *, max_tasks: int) -> Grown:
    """Returns the plan with the task at its end. Raises InvalidInput."""
    ordinal, task = len(plan.tasks), new.task
    most = min(max_tasks, MAX_ORDINAL + 1)
    if ordinal >= most:
        text = f"the job has {ordinal} tasks, at most {most} per job (setting limits.tasks_per_job)."
        raise InvalidInput([Problem(new.path, text, str(ordinal + 1), f"1–{most}", Fault.TOO_LARGE)])
    problems = _duplicates(plan, new)
    route: Route | None = None
    if new.parent is not None:
        parent = named(plan, new.job_id, new.parent)
        if parent is None:
            text = f"{excerpt(new.parent)} is no task of this job."
            problems.append(Problem(f"{new.path}.parentTaskId", text, excerpt(new.parent), fault=Fault.UNKNOWN))
        elif (fault := _no_parent(plan, parent)) is not None:
            problems.append(Problem(f"{new.path}.parentTaskId", fault, excerpt(new.parent)))
        else:
            task, route = _fed_by(plan, parent, ordinal, new)
    if problems:
        raise InvalidInput(problems)
    waits = route is None and any(folder.type is FolderType.INPUT for folder in task.folders)
    task = structs.replace(task, awaits_route=waits)
    grown = structs.replace(plan, tasks=(*plan.tasks, task), legacy=plan.legacy and not new.task.folders)
    if route is None:
        return Grown(grown, (ordinal,))
    report = _report(grown)
    routes = mirror(report, _board(grown), [route])
    report.raise_problems()
    return Grown(structs.replace(grown, routes=(*plan.routes, *routes)), (ordinal,), route)


def with_route(plan: Plan, new: RouteAddition) -> Grown:
    """Returns the plan with the route, and with its mirrors for standby tasks. Raises InvalidInput."""
    report, board = _report(plan), _board(plan)
    _know(board, plan, new)
    for ordinal in {board.tasks[name] for name in [new.route.parent_task] if name in board.tasks}:
        if not any(folder.type is FolderType.OUTPUT for folder in board.folders[ordinal]):
            board.folders[ordinal] += (_PUBLISHED,)
    routes = [_published(plan, route) for route in resolve(report, board, [new.route])]
    made = mirror(report, board, routes)
    known = {_ends(route) for route in plan.routes}
    if routes and _ends(routes[0]) in known:
        report.problem(report.route(0), "a route joins these folders already.")
    made = [route for route in made if _ends(route) not in known]
    refuse_cycle(report, board, [*plan.routes, *made])
    if report.problems:
        raise InvalidInput([_of_one(problem) for problem in report.problems])
    placed = tuple(sorted({route.child for route in made}))
    tasks = tuple([
        structs.replace(task, awaits_route=False) if ordinal in placed and task.awaits_route else task
        for ordinal, task in enumerate(plan.tasks)
    ])  # fmt: skip
    grown = pushes.tolerant(structs.replace(plan, tasks=tasks, routes=(*plan.routes, *made), legacy=False))
    pushes.check_results(report, grown, routes)
    if report.problems:
        raise InvalidInput([_of_one(problem) for problem in report.problems])
    return Grown(grown, placed, routes[0])


def as_new(plan: Plan) -> Plan:
    """Returns the plan for a retry: nothing in it was added later, and it takes pushes again."""
    if all(task.added_at is None and not task.pushes_closed for task in plan.tasks):
        return plan
    tasks = [structs.replace(task, added_at=None, awaits_route=False, pushes_closed=False) for task in plan.tasks]
    return structs.replace(plan, tasks=tuple(tasks))


def named(plan: Plan, job_id: int, text: str) -> int | None:
    """Returns the task of this job that the text names: by its id in either spelling, or by its reference."""
    key = parse_task(text)
    if key is not None and key[0] == job_id and key[1] < len(plan.tasks):
        return key[1]
    return next((n for n, task in enumerate(plan.tasks) if task.reference == text), None)


_PUBLISHED: Final = Folder("", FolderMode.STREAM, FolderType.OUTPUT)  # stands for what a task without one publishes
_PATHS: Final[dict[str, Any]] = {f"{REST.routes}[0]": "task", REST.routes: "task"}


def _of_one(problem: Problem) -> Problem:
    """Returns the problem with the path that it has in a body with one route."""
    path = problem.path
    for long, short in _PATHS.items():
        path = path.replace(long, short, 1)
    return Problem(path, problem.text, problem.value, problem.allowed, problem.fault)


def _report(plan: Plan) -> PlanReport:
    return PlanReport(REST, "", [task.standby_for for task in plan.tasks])


def _board(plan: Plan) -> Board:
    """Returns what a route may refer to in the job. A standby may have the references of its principal."""
    board = Board(labels=[label(plan, ordinal) for ordinal in range(len(plan.tasks))])
    for ordinal, task in enumerate(plan.tasks):
        board.folders.append(task.folders)
        if task.reference:
            board.tasks.setdefault(task.reference, ordinal)
        for position, folder in enumerate(task.folders):
            if folder.reference:
                board.places.setdefault(folder.reference, (ordinal, position))
    return board


def label(plan: Plan, ordinal: int) -> str:
    """Returns the name of a task in messages."""
    task = plan.tasks[ordinal]
    return task.reference or task.name or f"task {ordinal}"


def _know(board: Board, plan: Plan, new: RouteAddition) -> None:
    """Adds to the board the names that the route uses, where they are ids."""
    for text in (new.route.parent_task, new.route.child_task):
        if text and (ordinal := named(plan, new.job_id, text)) is not None:
            board.tasks[text] = ordinal
    for text in (new.route.parent_folder, new.route.child_folder):
        place = parse_folder(text) if text else None
        if text and place is not None and place[0] == new.job_id and place[1:] in _places(plan):
            board.places[text] = (place[1], place[2])


def _places(plan: Plan) -> set[tuple[int, ...]]:
    return {(ordinal, n) for ordinal, task in enumerate(plan.tasks) for n in range(len(task.folders))}


def _published(plan: Plan, route: Route) -> Route:
    if route.parent >= 0 and route.parent_folder >= len(plan.tasks[route.parent].folders):
        return structs.replace(route, parent_folder=PUBLISHED)
    return route


def _ends(route: Route) -> tuple[int, int, int, int, str | None]:
    return route.parent, route.parent_folder, route.child, route.child_folder, route.endpoint


def _duplicates(plan: Plan, new: TaskAddition) -> list[Problem]:
    problems = list[Problem]()
    reference = new.task.reference
    if reference and any(task.reference == reference for task in plan.tasks):
        field = REST.task_reference if new.given_id is None else "id"
        problems.append(
            Problem(f"{new.path}.{field}", f"duplicate: {excerpt(reference)} is a task of this job.", reference)
        )
    known = {folder.reference for task in plan.tasks for folder in task.folders if folder.reference}
    for position, folder in enumerate(new.task.folders):
        if folder.reference in known:
            path = f"{new.path}.{REST.folders}[{position}].{REST.folder_reference}"
            text = f"{excerpt(folder.reference)} is already used by a folder of this job."
            problems.append(Problem(path, text, folder.reference))
    return problems


def _no_parent(plan: Plan, parent: int) -> str | None:
    task = plan.tasks[parent]
    if task.standby_for is not None:
        return "is a standby task; name the task that it stands in for."
    if (count := len(_outputs(task.folders))) > 1:
        return f"has {count} output folders; add the task over REST, and then a route from one of them."
    return None


def _outputs(folders: Sequence[Folder]) -> list[int]:
    return [position for position, folder in enumerate(folders) if folder.type is FolderType.OUTPUT]


def _fed_by(plan: Plan, parent: int, ordinal: int, new: TaskAddition) -> tuple[TaskPlan, Route]:
    """Returns the task with an input folder, and the route to it from the parent's output."""
    folders = plan.tasks[parent].folders
    outputs = _outputs(folders)
    mode = folders[outputs[0]].mode if outputs else FolderMode.STREAM
    into = Folder(f"{new.given_id or ordinal}-in", mode, FolderType.INPUT)
    task = structs.replace(new.task, folders=(into,), per_chunk=new.chunked and mode is FolderMode.CHUNK)
    return task, Route(parent, outputs[0] if outputs else PUBLISHED, ordinal, 0)
