"""How a standby task takes the place of its principal: the same folders, and routes that mirror the principal's."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.errors import excerpt
from enginehouse.domain.job import Folder, Route
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.folders import Board

MAX_ROUTES: Final = 100_000


def stand_in(report: PlanReport, board: Board) -> None:
    """Every standby without folders of its own has its principal's."""
    for ordinal, principal in enumerate(report.principals):
        if principal is not None and not board.folders[ordinal]:
            board.folders[ordinal] = board.folders[principal]


def mirror(report: PlanReport, board: Board, routes: Sequence[Route]) -> list[Route]:
    """The routes, and for each one of a principal the same of its standbys, which are marked."""
    family = _families(report)
    wanted = sum([len(family.get(route.parent, (0,))) * len(family[route.child]) for route in routes])
    if wanted > MAX_ROUTES:
        path = f"{report.prefix}{report.spelling.routes}"
        report.problem(path, f"{wanted} with those of standby tasks, at most {MAX_ROUTES} per job.")
        return list(routes)
    counterparts = _Counterparts(report, board)
    made: dict[tuple[int, int, int, int], Route] = {}
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
                made.setdefault(edge, Route(*edge, options=route.options, standby=marked, echo=route.echo))
                if not _is_standby(report, route.parent):
                    mirrored.add(edge)
    for route in routes:
        edge = (route.parent, route.parent_folder, route.child, route.child_folder)
        if _is_standby(report, route.parent) and edge not in mirrored:
            _refuse(report, board, route)
    # What the client listed comes first and in its order; what was added follows.
    return sorted(made.values(), key=lambda route: route.standby)


def _is_standby(report: PlanReport, ordinal: int) -> bool:
    return ordinal >= 0 and report.principals[ordinal] is not None


def _refuse(report: PlanReport, board: Board, route: Route) -> None:
    """A child that only a standby feeds would wait forever where the standby is not needed."""
    folder = board.folders[route.parent][route.parent_folder].reference
    text = f"{excerpt(folder)} belongs to a standby task; list the route from the task that it stands in for."
    report.problem(f"{report.prefix}{report.spelling.routes}", text, folder)


def _families(report: PlanReport) -> dict[int, list[int]]:
    """Every task followed by its standby, that one's standby, and so on."""
    family: dict[int, list[int]] = {}
    for ordinal in range(len(report.principals) - 1, -1, -1):
        family.setdefault(ordinal, []).insert(0, ordinal)
        principal = report.principals[ordinal]
        if principal is not None:
            family[principal] = list(family[ordinal])
    return family


class _Counterparts:
    """Which folder of a standby stands for a folder of a task it may replace; what is missing is reported once."""

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
    """The folder of the same reference, else the one with the same place among those of its type and mode."""
    wanted = folders[position]
    alike = [n for n, each in enumerate(others) if each.type is wanted.type and each.mode is wanted.mode]
    for n in alike:
        if others[n].reference == wanted.reference:
            return n
    before = sum([each.type is wanted.type and each.mode is wanted.mode for each in folders[:position]])
    return alike[before] if before < len(alike) else None
