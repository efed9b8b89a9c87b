"""What is pushed to an endpoint, what follows from it for a job, and what a client that waits gets. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import Artifact, pushed_folder
from enginehouse.domain.job import Plan, Route
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.planning.pushes import SYNC_SECONDS, result_task
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import TaskState
from enginehouse.domain.status import TASK_ENDED
from enginehouse.domain.work import ItemSource

PART: Final = 0


class NewPush(msgspec.Struct, frozen=True, kw_only=True):
    """Content that a client pushes. It is durable under `key`. `metadata` are the names and values of its headers."""

    organization_id: int
    endpoint: str
    media_type: str
    size: int
    sha256: str
    key: str
    metadata: dict[str, str] = {}


class PushWait(msgspec.Struct, frozen=True):
    """A push whose client waits: its first item, the task whose result it waits for, that task's folders, how long."""

    job_id: int
    ordinal: int
    item: int
    result_ordinal: int
    result_folders: tuple[int, ...]
    seconds: int

    @property
    def root(self) -> tuple[int, int, int]:
        return self.job_id, self.ordinal, self.item


class Pushed(msgspec.Struct, frozen=True):
    """An accepted push: the jobs that have it, and what its client waits for."""

    job_ids: tuple[int, ...]
    wait: PushWait | None = None


class PushResult(NamedTuple):
    """How a push has ended: with the engine's first output, with nothing, or with `failure`, a sentence."""

    output: Artifact | None = None
    failure: str | None = None


class PushSettlement(Settlement):
    """A settlement of one push into a job."""

    def pushed(self, ordinal: int, folder: int, number: int) -> int | None:
        """The task has one chunk more. Returns its item; None if the task works on its chunks at the end."""
        task = self._task(ordinal)
        if not self._takes_chunks_now(ordinal):
            return None
        self._add_item(task, ItemSource(folder, ordinal, pushed_folder(folder), number, PART))
        return task.items - 1


def open_routes(plan: Plan, edges: Edges, tasks: Mapping[int, TaskState], endpoint: str) -> list[Route]:
    """Returns the routes through which a push still reaches a task, in the plan's order.

    A child ends with its other parents, and an adapter or a root when it is closed. `tasks` has the children and
    parents of these routes.
    """
    return [r for r in plan.routes if r.endpoint == endpoint and not _is_closed(plan, edges, tasks, r)]


def _is_closed(plan: Plan, edges: Edges, tasks: Mapping[int, TaskState], route: Route) -> bool:
    if tasks[route.child].status in TASK_ENDED:
        return True
    holder = route.child if route.parent < 0 else route.parent
    if route.parent >= 0 and holder not in edges.receivers:
        return plan.tasks[route.child].pushes_closed
    return not edges.awaits[holder] or tasks[holder].status in TASK_ENDED


def wait_of(plan: Plan, route: Route, job_id: int, item: int) -> PushWait:
    """Returns what the client of a push into this route, which is synchronous, waits for."""
    ordinal = result_task(plan, route)
    outputs = tuple(n for n, folder in enumerate(plan.tasks[ordinal].folders) if folder.type == "output")
    return PushWait(job_id, route.child, item, ordinal, outputs or (-1,), route.sync_seconds or SYNC_SECONDS)
