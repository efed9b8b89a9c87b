"""What follows from a plan: its edges, and the first statuses of its tasks."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from enginehouse.domain.engine import PUSH_ADAPTER
from enginehouse.domain.job import Plan
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.webhooks.notifications import notifies


@dataclass(frozen=True, slots=True)
class Edges:
    """A plan's edges: distinct parents and children of every task, including standby routes.

    `waits_for[t]` is how many parents must complete before `t` has all its input. A standby does not count as a parent
    here, because it replaces its principal. `feeds[t]` are the (folder, child, child folder) of t's outputs.
    `places[t]` is the number of earlier tasks for t's engine.

    `pushes[t]` are the input folders of t into which an endpoint leads. `receivers` are the push adapters that only
    stand for an endpoint: they have no input and no item. While `awaits[t]`, t waits for pushes as for a parent. With
    `has_sync` a push waits for a result.
    """

    children: tuple[tuple[int, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    waits_for: tuple[int, ...]
    feeds: tuple[tuple[tuple[int, int, int], ...], ...]
    standbys: tuple[int | None, ...]
    places: tuple[int, ...]
    pushes: tuple[tuple[int, ...], ...]
    receivers: frozenset[int]
    awaits: tuple[bool, ...]
    takes_pushes: bool
    has_sync: bool

    def has_input(self, ordinal: int) -> bool:
        """True if chunks arrive at the task: of a parent, or of a push."""
        return bool(self.parents[ordinal] or self.pushes[ordinal])


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a plan is when a job begins: facts of its shape, so that no create derives them again.

    The first status of each task, the ordinals of the tasks that get one item at once, their pools and `lanes` (pool,
    engine), the engines of all tasks and a digest of these, how many `tasks` have each engine, status and readiness
    (engine, status, 1 for ready, number), how many are no standby, and whether somebody is told of an end.
    """

    statuses: tuple[TaskStatus, ...]
    ready: tuple[int, ...]
    pools: frozenset[str]
    lanes: frozenset[tuple[str, str]]
    engine_ids: tuple[str, ...]
    engine_set: int
    tasks: tuple[tuple[str, str, int, int], ...]
    total: int
    notifies: bool


def initial(plan: Plan) -> Beginning:
    """Returns the first statuses of a new job's tasks. A task without a parent is ready, unless it is a standby.

    A ready task of any kind has one item: without routed input it works on its payload or the target's asset.
    """
    waiting = {route.child for route in plan.routes if route.parent >= 0 or route.endpoint}
    waiting |= _receivers(plan)
    pending, standby = TaskStatus.PENDING, TaskStatus.STANDBY_PENDING
    ready = tuple([n for n, task in enumerate(plan.tasks) if task.standby_for is None and n not in waiting])
    statuses = tuple([pending if task.standby_for is None else standby for task in plan.tasks])
    kinds = Counter((task.engine_id, statuses[n].value, int(n in ready)) for n, task in enumerate(plan.tasks))
    engine_ids = tuple(sorted({task.engine_id for task in plan.tasks}))
    return Beginning(
        statuses=statuses,
        ready=ready,
        pools=frozenset([plan.tasks[n].pool for n in ready]),
        lanes=frozenset([(plan.tasks[n].pool, plan.tasks[n].engine_id) for n in ready]),
        engine_ids=engine_ids,
        engine_set=engine_set(engine_ids),
        tasks=tuple([(*kind, number) for kind, number in kinds.items()]),
        total=statuses.count(pending),
        notifies=notifies(plan),
    )


def engine_set(engine_ids: Iterable[str]) -> int:
    """Returns a number for these engines, in any order and any number of times: others have another one."""
    named = "\n".join(sorted(set(engine_ids)))
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]) >> 1


def edges_of(plan: Plan) -> Edges:
    """Returns the plan's edges."""
    count = len(plan.tasks)
    # Dictionaries are ordered sets here: two folders may join the same two tasks.
    children: list[dict[int, None]] = [{} for _ in range(count)]
    parents: list[dict[int, None]] = [{} for _ in range(count)]
    feeds: list[list[tuple[int, int, int]]] = [[] for _ in range(count)]
    pushes: list[dict[int, None]] = [{} for _ in range(count)]
    receivers, awaits = _receivers(plan), [False] * count
    for ordinal in receivers:
        awaits[ordinal] = not plan.tasks[ordinal].pushes_closed
    for route in plan.routes:
        if route.endpoint:
            pushes[route.child][route.child_folder] = None
            if route.parent < 0:
                awaits[route.child] = not plan.tasks[route.child].pushes_closed
        if route.parent >= 0:
            children[route.parent][route.child] = None
            parents[route.child][route.parent] = None
            feeds[route.parent].append((route.parent_folder, route.child, route.child_folder))
    standbys: list[int | None] = [None] * count
    places, earlier = list[int](), Counter[str]()
    for ordinal, task in enumerate(plan.tasks):
        places.append(earlier[task.engine_id])
        earlier[task.engine_id] += 1
        if task.standby_for is not None:
            standbys[task.standby_for] = ordinal
    return Edges(
        children=tuple([tuple(each) for each in children]),
        parents=tuple([tuple(each) for each in parents]),
        waits_for=tuple(
            [sum(plan.tasks[p].standby_for is None for p in each) + awaits[n] for n, each in enumerate(parents)]
        ),
        feeds=tuple([tuple(each) for each in feeds]),
        standbys=tuple(standbys),
        places=tuple(places),
        pushes=tuple([tuple(each) for each in pushes]),
        receivers=receivers,
        awaits=tuple(awaits),
        takes_pushes=any(pushes),
        has_sync=any(route.sync for route in plan.routes),
    )


def _receivers(plan: Plan) -> frozenset[int]:
    """Returns the push adapters before an endpoint that have no input themselves."""
    before = {route.parent for route in plan.routes if route.endpoint and route.parent >= 0}
    before = {n for n in before if plan.tasks[n].engine_id == PUSH_ADAPTER}
    return frozenset(before - {r.child for r in plan.routes if r.parent >= 0 or r.endpoint}) if before else frozenset()


def reach(edges: Edges, ordinal: int) -> set[int]:
    """Returns `ordinal` and every task that can follow it: children, standbys, and so on."""
    reached, stack = set[int](), [ordinal]
    while stack:
        if (here := stack.pop()) not in reached:
            reached.add(here)
            stack.extend(edges.children[here])
            if (standby := edges.standbys[here]) is not None:
                stack.append(standby)
    return reached
