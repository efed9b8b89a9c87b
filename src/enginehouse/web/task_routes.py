"""Where the inputs of a task come from, and where its outputs go. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from enginehouse.domain.job import Folder, FolderType, Job, Route, Task
from enginehouse.web.task_lines import label


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A folder of the task with the other end of its route: a task, an endpoint, or nothing."""

    direction: str
    folder: str
    mode: str
    other: int | None
    other_label: str
    endpoint: str


def routes_of(job: Job, task: Task, names: Mapping[str, str]) -> list[RouteLine]:
    """Returns the routes of the task, and its folders without a route, inputs first."""
    here, routes = task.ordinal, job.shown_routes
    found, joined = list[RouteLine](), set[int]()
    for route in routes:
        if route.child == here:
            joined.add(route.child_folder)
            folder = _folder(task, route.child_folder)
            found.append(_line(job, "input", folder, route.parent, names, route))
    for route in routes:
        if route.parent == here:
            joined.add(route.parent_folder)
            folder = _folder(task, route.parent_folder)
            found.append(_line(job, "output", folder, route.child, names, route))
    for position, folder in enumerate(task.plan.folders):
        if position not in joined:
            direction = "input" if folder.type is FolderType.INPUT else "output"
            found.append(_line(job, direction, folder, -1, names, None))
    return sorted(found, key=lambda line: line.direction)


def _folder(task: Task, position: int) -> Folder | None:
    return task.plan.folders[position] if 0 <= position < len(task.plan.folders) else None


def _line(
    job: Job, direction: str, folder: Folder | None, other: int, names: Mapping[str, str], route: Route | None
) -> RouteLine:
    return RouteLine(
        direction,
        folder.reference if folder else "",
        folder.mode.value if folder else "",
        other if other >= 0 else None,
        label(job.tasks[other], names) if other >= 0 else "",
        (route.endpoint or "") if route else "",
    )
