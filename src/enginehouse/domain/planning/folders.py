"""The folders of a request: checks their words and references, and gives the routes the place of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.job import Folder, FolderMode, FolderType, Route, TaskRequest
from enginehouse.domain.planning.checks import PlanReport, name_fault
from enginehouse.domain.spelling import GRAPHQL

Place = tuple[int, int]  # (task ordinal, folder position)

_MODES: Final[dict[str | None, FolderMode]] = {mode.value: mode for mode in FolderMode}
_TYPES: Final[dict[str | None, FolderType]] = {type_.value: type_ for type_ in FolderType}


@dataclass(slots=True)
class Board:
    """What a route may refer to: every task's folders, the place of each folder reference, the task references.

    `labels` are the names of tasks in messages; `unclear` are the folders whose mode or type is already refused.
    """

    folders: list[tuple[Folder, ...]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    unclear: set[Place] = field(default_factory=set)


def board_of(report: PlanReport, tasks: Sequence[TaskRequest], specs: Sequence[EngineSpec | None]) -> Board:
    """Returns the board of a request. Reports what is wrong with its folders and task references."""
    board = Board()
    for ordinal, task in enumerate(tasks):
        spec = specs[ordinal]
        board.labels.append(
            task.reference or task.name or (spec.name if spec else task.engine_id or f"tasks[{ordinal}]")
        )
        if task.reference and (first := board.tasks.setdefault(task.reference, ordinal)) != ordinal:
            path = f"{report.task(ordinal)}.{report.spelling.task_reference}"
            report.problem(path, f"duplicate of {report.task(first)}.", task.reference)
        board.folders.append(_folders(report, board, ordinal, task) if task.folders else ())
    return board


def _folders(report: PlanReport, board: Board, ordinal: int, task: TaskRequest) -> tuple[Folder, ...]:
    made = []
    for position, asked in enumerate(task.folders):
        mode, type_, reference = _MODES.get(asked.mode), _TYPES.get(asked.type), asked.reference or ""
        place = (ordinal, position)
        if mode is None or type_ is None:
            board.unclear.add(place)
            spelling, path = report.spelling, report.folder(ordinal, position)
            if mode is None:
                _unknown_word(report, f"{path}.{spelling.folder_mode}", "stream or chunk", asked.mode)
            if type_ is None:
                _unknown_word(report, f"{path}.{spelling.folder_type}", "input or output", asked.type)
        first = board.places.setdefault(reference, place) if reference else None
        if first is not place or name_fault(reference):  # a standby may use its principal's references again
            _check_reference(report, task, place, first)
        made.append(Folder(reference, mode or FolderMode.STREAM, type_ or FolderType.INPUT, asked.options))
    return tuple(made)


def _check_reference(report: PlanReport, task: TaskRequest, place: Place, first: Place | None) -> None:
    ordinal, position = place
    path = f"{report.folder(*place)}.{report.spelling.folder_reference}"
    reference = task.folders[position].reference or ""
    twin = next((n for n, folder in enumerate(task.folders[:position]) if folder.reference == reference), None)
    if not reference:
        # Only a REST route needs no folder reference: it may name the task instead.
        if report.spelling.folder_reference == GRAPHQL.folder_reference:
            report.problem(path, "required.")
    elif fault := name_fault(reference):
        report.problem(path, fault)
    elif twin is not None:
        report.problem(path, f'"{reference}" already used by {report.folder(ordinal, twin)}.', reference)
    elif first is not None and not report.stands_in(ordinal, first[0]):
        report.problem(path, f'"{reference}" already used by {report.folder(*first)}.', reference)


def _unknown_word(report: PlanReport, path: str, allowed: str, given: str | None) -> None:
    if given is None:
        report.problem(path, f"required; {allowed}.", None, allowed)
    else:
        report.outside(path, allowed, given)


def takes_chunks(folders: tuple[Folder, ...]) -> bool:
    """True if there is at least one input folder and all input folders are in chunk mode."""
    found = False
    for folder in folders:
        if folder.type is FolderType.INPUT:
            if folder.mode is not FolderMode.CHUNK:
                return False
            found = True
    return found


def feed_all(board: Board, specs: Sequence[EngineSpec | None]) -> list[Route]:
    """Gives the first task of a plain list an output stream that the others read. Returns the routes for that.

    Another engine that ingests reads nothing, so it is not fed. If nobody reads the first task, it publishes.
    """
    readers = [ordinal for ordinal, spec in enumerate(specs) if ordinal and not (spec and spec.ingests)]
    if readers:
        board.folders[0] = (Folder("0-out", FolderMode.STREAM, FolderType.OUTPUT),)
    for ordinal in readers:
        board.folders[ordinal] = (Folder(f"{ordinal}-in", FolderMode.STREAM, FolderType.INPUT),)
    return [Route(0, 0, ordinal, 0) for ordinal in readers]
