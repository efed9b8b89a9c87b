"""Gives a standby task the folders of its principal, and routes that mirror the principal's routes."""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from enginehouse.domain.errors import excerpt
from enginehouse.domain.job import Folder, Route
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.folders import Board

MAX_ROUTES: Final = 100_000


def stand_in(report: PlanReport, board: Board) -> None:
    """Every standby without folders of its own has the folders of its principal."""
    for ordinal, principal in enumerate(report.principals):
        if principal is not None and not board.folders[ordinal]:
            board.folders[ordinal] = board.folders[principal]


def mirror(report: PlanReport, board: Board, routes: Sequence[Route]) -> list[Route]:
    """Returns the routes and, for each route of a principal, a marked copy for each of its standbys."""
    family = _families(report)
    wanted = sum([len(family.get(route.parent, (0,))) * len(family[route.child]) for route in routes])
    if wanted > MAX_ROUTES:
        path = f"{report.prefix}{report.spelling.routes}"
        report.problem(path, f"{wanted} with those of standby tasks, at most {MAX_ROUTES} per job.")
        return list(routes)
    counterparts = _Counterparts(report, board)
    made: dict[tuple[int, int, int, int, str | None], Route] = {}
    mirrored = set[tuple[int, int, int, int]]()
    for route in routes:
        for parent in family.get(route.parent, (-1,)):
            for child in family[route.child]:
                out = counterparts.of(route.parent, route.parent_folder, parent)
                into = counterparts.of(route.child, route.child_folder, child)
                if out is None or into is None:
                    continue
                marked = _is_standby(report, parent) or _is_standby(report, child)
                edge = (parent, out, child, into)
                ends = dict(zip(("parent", "parent_folder", "child", "child_folder"), edge, strict=True))
                made.setdefault((*edge, route.endpoint), structs.replace(route, **ends, standby=marked))
                if not _is_standby(report, route.parent):
                    mirrored.add(edge)
    for route in routes:
        edge = (route.parent, route.parent_folder, route.child, route.child_folder)
        if _is_standby(report, route.parent) and edge not in mirrored:
            _refuse(report, board, route)
    # The client's own routes come first and keep their order; the added ones follow.
    return sorted(made.values(), key=lambda route: route.standby)


def _is_standby(report: PlanReport, ordinal: int) -> bool:
    return ordinal >= 0 and report.principals[ordinal] is not None


def _refuse(report: PlanReport, board: Board, route: Route) -> None:
    """Refuses a route that only a standby has: the child would wait forever if the standby is not needed."""
    folder = board.folders[route.parent][route.parent_folder].reference
    text = f"{excerpt(folder)} belongs to a standby task; list the route from the task that it stands in for."
    report.problem(f"{report.prefix}{report.spelling.routes}", text, folder)


def _families(report: PlanReport) -> dict[int, list[int]]:
    """Returns for every task: itself, its standby, the standby of that, and so on."""
    family: dict[int, list[int]] = {}
    for ordinal in range(len(report.principals) - 1, -1, -1):
        family.setdefault(ordinal, []).insert(0, ordinal)
        principal = report.principals[ordinal]
        if principal is not None:
            family[principal] = list(family[ordinal])
    return family


class _Counterparts:
    """Finds the folder of a standby that replaces a folder of its principal. Reports each missing folder once."""

    def __init__(self, report: PlanReport, board: Board) -> None:
        self._report = report
        self._board = board
        self._known: dict[tuple[int, int, int], int | None] = {}

    def of(self, task: int, position: int, standby: int) -> int | None:
        if task == standby or position < 0:
            return position
        key = (task, position, standby)
        if key not in self._known:
            self._known[key] = self._found(*key)
        return self._known[key]

    def _found(self, task: int, position: int, standby: int) -> int | None:
        wanted = self._board.folders[task][position]
        found = _same(self._board.folders[task], position, self._board.folders[standby])
        if found is None:
            path = f"{self._report.task(standby)}.{self._report.spelling.folders}"
            needed = f'a {wanted.mode} {wanted.type} folder is needed, to stand in for "{wanted.reference}".'
            self._report.problem(path, needed)
        return found


def _same(folders: Sequence[Folder], position: int, others: Sequence[Folder]) -> int | None:
    """Returns the folder with the same reference, else the one with the same rank among those of its type and mode."""
    wanted = folders[position]
    alike = [n for n, each in enumerate(others) if each.type is wanted.type and each.mode is wanted.mode]
    for n in alike:
        if others[n].reference == wanted.reference:
            return n
    before = sum([each.type is wanted.type and each.mode is wanted.mode for each in folders[:position]])
    return alike[before] if before < len(alike) else None
