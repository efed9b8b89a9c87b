"""Finds the folders that the routes of a request join, and reports the routes that are wrong.

GraphQL names only folders. REST also names tasks, may leave out a folder if only one folder of the task fits, and
describes a root by a route with a child and no parent.
"""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple

from enginehouse.domain.errors import excerpt
from enginehouse.domain.job import FolderType, Route, RouteRequest
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.folders import Board, Place
from enginehouse.domain.spelling import GRAPHQL

NOWHERE: Final = (-1, -1)
_LONGEST_CYCLE: Final = 20  # names in a message


def resolve(report: PlanReport, board: Board, requests: Sequence[RouteRequest]) -> list[Route]:
    """Returns the valid routes, each once. Reports all others."""
    routes: list[Route] = []
    seen: dict[tuple[int, int, int, int, str | None], int] = {}
    for number, request in enumerate(requests):
        child = _end(report, board, number, request, FolderType.INPUT)
        parent = _parent(report, board, number, request)
        endpoint = pushes.endpoint_of(report, number, request)
        if child is None or parent is None:
            continue
        edge = parent + child
        if (first := seen.setdefault((*edge, endpoint), number)) != number:
            report.warn(report.route(number), f"repeats {report.route(first)} and is left out.")
        elif _fits(report, board, number, parent, child):
            seconds, callback = request.sync_seconds or None, bool(request.callback)
            route = Route(*edge, options=request.options, sync_seconds=seconds, callback=callback)
            if endpoint is not None:
                route = pushes.with_endpoint(report, board, number, request, route, endpoint)
            routes.append(route)
    return routes


def _parent(report: PlanReport, board: Board, number: int, request: RouteRequest) -> Place | None:
    if (
        request.parent_folder
        or request.parent_task
        or report.spelling.route_parent_folder == GRAPHQL.route_parent_folder
    ):
        return _end(report, board, number, request, FolderType.OUTPUT)
    return NOWHERE


def _end(report: PlanReport, board: Board, number: int, request: RouteRequest, side: FolderType) -> Place | None:
    """Returns the place that one side of a route means. If there is none, reports why and returns None."""
    if side is FolderType.INPUT:
        task, folder = request.child_task, request.child_folder
    else:
        task, folder = request.parent_task, request.parent_folder
    place = board.places.get(folder) if folder else None
    if place is not None and (not task or board.tasks.get(task) == place[0]):
        return place
    return _unusual_end(report, board, _end_of(report, number, request, side), place)


class _End(NamedTuple):
    """One side of a route as the client wrote it, and the paths of its two fields."""

    side: FolderType
    task: str
    folder: str
    task_field: str
    folder_field: str
    of_root: bool


def _end_of(report: PlanReport, number: int, request: RouteRequest, side: FolderType) -> _End:
    spelling, path = report.spelling, report.route(number)
    of_root = not (request.parent_task or request.parent_folder)
    if side is FolderType.INPUT:
        written = request.child_task or "", request.child_folder or ""
        fields = spelling.route_child_task, spelling.route_child_folder
    else:
        written = request.parent_task or "", request.parent_folder or ""
        fields = spelling.route_parent_task, spelling.route_parent_folder
    return _End(side, *written, f"{path}.{fields[0]}", f"{path}.{fields[1]}", of_root)


def _unusual_end(report: PlanReport, board: Board, end: _End, place: Place | None) -> Place | None:
    task, folder = end.task, end.folder
    if task and task not in board.tasks:
        hint = report.nearest(task, board.tasks)
        report.problem(end.task_field, f"{excerpt(task)} matches no task.{hint}", task)
    elif folder and place is None:
        hint = report.nearest(folder, board.places)
        report.problem(end.folder_field, f"{excerpt(folder)} matches no ioFolder.{hint}", folder)
    elif task and place is not None:
        text = f'{excerpt(folder)} belongs to task "{board.labels[place[0]]}", not to {excerpt(task)}.'
        report.problem(end.folder_field, text, folder)
    elif task:
        return _only_folder(report, board, end)
    else:
        report.problem(end.folder_field, "required.")
    return None


def _only_folder(report: PlanReport, board: Board, end: _End) -> Place | None:
    """Returns the task's only folder that fits this side. The route of a root needs no folder."""
    ordinal = board.tasks[end.task]
    fitting = [position for position, folder in enumerate(board.folders[ordinal]) if folder.type is end.side]
    if len(fitting) == 1:
        return ordinal, fitting[0]
    if end.of_root:
        return ordinal, -1
    label = board.labels[ordinal]
    if fitting:
        report.problem(end.folder_field, f'task "{label}" has {len(fitting)} {end.side} folders; name one of them.')
    else:
        report.problem(end.folder_field, f'task "{label}" has no {end.side} folder.')
    return None


def _fits(report: PlanReport, board: Board, number: int, parent: Place, child: Place) -> bool:
    """True if a route may join the folders at both ends. Otherwise reports why not."""
    if child[1] < 0:
        return True
    into = board.folders[child[0]][child[1]]
    out = board.folders[parent[0]][parent[1]] if parent[0] >= 0 else None
    if into.type is FolderType.INPUT and (
        out is None or (out.type is FolderType.OUTPUT and out.mode is into.mode and parent[0] != child[0])
    ):
        return True
    if child in board.unclear or parent in board.unclear:
        return False
    path = report.route(number)
    if out is not None and out.type is not FolderType.OUTPUT:
        text = f'parent folder "{out.reference}" has type input; a route goes from an output to an input.'
    elif into.type is not FolderType.INPUT:
        text = f'child folder "{into.reference}" has type output; a route goes from an output to an input.'
    elif parent[0] == child[0]:
        text = f'task "{board.labels[child[0]]}" feeds itself.'
    else:
        text = f'"{out.reference if out else ""}" is {out.mode if out else ""} but "{into.reference}" is {into.mode}.'
    report.problem(path, text)
    return False


def refuse_cycle(report: PlanReport, board: Board, routes: Sequence[Route]) -> None:
    """Reports a cycle among the routes, with the tasks in it."""
    edges = [(route.parent, route.child) for route in routes if route.parent >= 0]
    if cycle := _cycle(edges):
        names = [board.labels[ordinal] for ordinal in [*cycle, cycle[0]]]
        if len(names) > _LONGEST_CYCLE:
            names[_LONGEST_CYCLE // 2 : -1] = [f"… {len(names) - _LONGEST_CYCLE // 2 - 1} more …"]
        path = f"{report.prefix}{report.spelling.routes}"
        report.problem(path, f"cycle {' → '.join(names)}. Routes must form a DAG.")


def _cycle(edges: Sequence[tuple[int, int]]) -> list[int]:
    """Returns the tasks of a cycle among `edges` (parent, child), each once, the smallest first; empty without one."""
    if all(parent < child for parent, child in edges):  # nearly every job lists its parents before their children
        return []
    graph = TopologicalSorter[int]()
    for parent, child in edges:
        graph.add(child, parent)
    try:
        graph.prepare()
    except CycleError as error:
        cycle: list[int] = error.args[1][1:]  # the first node is also the last
        first = cycle.index(min(cycle))
        return cycle[first:] + cycle[:first]
    return []
