"""A graph that is too large to be drawn task by task: the tasks of one layer and one engine are one node. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.job import Job, Task
from enginehouse.web.graph import Edge, Layout, layers, layout

MOST: Final = 300  # nodes of a picture
_STATUSES: Final = (
    "failed",
    "running",
    "queued",
    "pending",
    "waiting",
    "paused",
    "standby_pending",
    "complete",
    "aborted",
)


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """Tasks of one layer: the label of their engine ("" for several engines), and how many have each status.

    `status` is that of the node: the first in the order in which a person would look at them.
    """

    layer: int
    engine_id: str
    label: str
    count: int
    status: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class GroupedGraph:
    """The groups with their picture."""

    groups: tuple[TaskGroup, ...]
    picture: Layout


def grouped(job: Job, names: Mapping[str, str]) -> GroupedGraph:
    """Returns the graph in groups. If even these are too many, a layer is one group."""
    edges = edges_of_shown(job)
    layer = layers(len(job.tasks), edges)
    by_engine = len({(layer[task.ordinal], task.plan.engine_id) for task in job.shown}) <= MOST
    members = defaultdict[tuple[int, str], list[Task]](list)
    for task in job.shown:
        members[layer[task.ordinal], task.plan.engine_id if by_engine else ""].append(task)
    keys = sorted(members)
    place = {task.ordinal: n for n, key in enumerate(keys) for task in members[key]}
    joined = {(place[parent], place[child]) for parent, child in edges if place[parent] != place[child]}
    groups = tuple(_group(key, members[key], names) for key in keys)
    return GroupedGraph(groups, layout(len(keys), sorted(joined)))


def edges_of_shown(job: Job) -> list[Edge]:
    """Returns the edges between tasks that were not deleted."""
    return [(route.parent, route.child) for route in job.shown_routes if route.parent >= 0]


def layer_of_tasks(job: Job) -> Sequence[int]:
    """Returns the layer of each task, by its ordinal."""
    return layers(len(job.tasks), edges_of_shown(job))


def _group(key: tuple[int, str], tasks: Sequence[Task], names: Mapping[str, str]) -> TaskGroup:
    layer, engine_id = key
    found = Counter(task.status.value for task in tasks)
    counts = tuple((status, found[status]) for status in _STATUSES if found[status])
    return TaskGroup(layer, engine_id, names.get(engine_id, ""), len(tasks), counts[0][0], counts)
