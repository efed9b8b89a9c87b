"""Push endpoints in a plan: which routes have one, what a push may wait for, and which failures a push job bears. Pure.

Content that a client pushes to an endpoint arrives as one chunk in the child folder of each route with it
(rest-contract §3.5).
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from msgspec import structs

from enginehouse.domain.engine import PUSH_ADAPTER
from enginehouse.domain.errors import excerpt
from enginehouse.domain.job import Plan, Route, RouteRequest
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.planning.folders import Board

SYNC_SECONDS: Final = 120
MOST_SYNC_SECONDS: Final = 3_600
BEARS: Final = (1 << 31) - 1
"""How many chunks of a task may fail that works on pushed content: any number."""

_ZERO: Final = str(UUID(int=0))  # what Go clients send for no UUID


def endpoint_of(report: PlanReport, number: int, request: RouteRequest) -> str | None:
    """Returns the endpoint of the route in lower case, None without one. Reports what is wrong with its push fields."""
    path, spelling = report.route(number), report.spelling
    given = request.endpoint if request.endpoint != _ZERO else None
    endpoint = endpoint_id(given) if given else None
    if given and endpoint is None:
        report.outside(f"{path}.{spelling.endpoint}", "a UUID", given)
    if request.sync and not given:
        report.problem(f"{path}.{spelling.sync}", f"needs {spelling.endpoint} on the same route.", True)
    if request.sync_seconds and not 0 < request.sync_seconds <= MOST_SYNC_SECONDS:
        report.outside(f"{path}.{spelling.sync_seconds}", f"1–{MOST_SYNC_SECONDS}", request.sync_seconds)
    return endpoint


def endpoint_id(text: str) -> str | None:
    """Returns the endpoint as it is stored; None if the text is no UUID in its usual form."""
    if len(text) != len(_ZERO):
        return None
    try:
        return str(UUID(text))
    except ValueError:
        return None


def with_endpoint(
    report: PlanReport, board: Board, number: int, request: RouteRequest, route: Route, endpoint: str
) -> Route:
    """Returns the route with its endpoint. Reports a child without an input folder."""
    if route.child_folder < 0:
        label = board.labels[route.child]
        path = f"{report.route(number)}.{report.spelling.endpoint}"
        report.problem(path, f'task "{label}" has no input folder, into which a push could go.', endpoint)
    return structs.replace(route, endpoint=endpoint, sync=bool(request.sync))


def result_task(plan: Plan, route: Route) -> int:
    """Returns the task whose result a push to the route waits for: the child of a callback route further down.

    Without one it is the route's own child.
    """
    below = _below(plan, [route.child])
    return next((r.child for r in plan.routes if r.callback and not r.standby and r.child in below), route.child)


def check_results(report: PlanReport, plan: Plan, routes: Sequence[Route]) -> None:
    """Reports each route whose push waits for a result that no single push has. `routes` are in their request's order.

    A task that works on all its input at once has one result for all pushes.
    """
    for number, route in enumerate(routes):
        if route.sync and not route.standby and (whole := _whole(plan, route)) is not None:
            name = plan.tasks[whole].reference or plan.tasks[whole].name or f"task {whole}"
            text = f"task {excerpt(name)} works on all its input at once, so a single push has no result of its own."
            report.problem(f"{report.route(number)}.{report.spelling.sync}", text, True)


def tolerant(plan: Plan) -> Plan:
    """Returns the plan in which no chunk that fails ends a task that works on pushed chunks.

    Each push stands for itself: the next client must not pay for content that an engine cannot read.
    """
    fed = [route.child for route in plan.routes if route.endpoint]
    if not fed:
        return plan
    below = _below(plan, fed)
    tasks = [
        structs.replace(task, max_failed_chunks=BEARS) if n in below and task.per_chunk else task
        for n, task in enumerate(plan.tasks)
    ]
    return structs.replace(plan, tasks=tuple(tasks))


def closed(plan: Plan, ordinals: Collection[int]) -> Plan:
    """Returns the plan in which these tasks take no more pushes."""
    tasks = [structs.replace(t, pushes_closed=True) if n in ordinals else t for n, t in enumerate(plan.tasks)]
    return structs.replace(plan, tasks=tuple(tasks))


def of_pushes(plan: Plan) -> frozenset[int]:
    """Returns the tasks whose input comes from pushes, and the adapters that stand for an endpoint."""
    before = [r.parent for r in plan.routes if r.endpoint and r.parent >= 0]
    adapters = [n for n in before if plan.tasks[n].engine_id == PUSH_ADAPTER]
    return _below(plan, [*adapters, *(route.child for route in plan.routes if route.endpoint)])


def awaited(plan: Plan, edges: Edges, ordinal: int) -> tuple[str, ...]:
    """Returns the endpoints at which the task waits for pushes, until it is closed."""
    if not edges.awaits[ordinal] or plan.tasks[ordinal].standby_for is not None:
        return ()
    stands_for = ordinal in edges.receivers
    found = [r.endpoint for r in plan.routes if (r.parent if stands_for else r.child) == ordinal and r.endpoint]
    return tuple(dict.fromkeys(found))


def _whole(plan: Plan, route: Route) -> int | None:
    """Returns the first task on the way to the result that does not work chunk by chunk; None if all do."""
    wanted = result_task(plan, route)
    seen, stack, first = set[int](), [route.child], None
    while stack:
        here = stack.pop()
        if here in seen:
            continue
        seen.add(here)
        task = plan.tasks[here]
        if not task.per_chunk or task.parents_first or task.standby_for is not None:
            first = here if first is None else first
        elif here == wanted:
            return None
        else:
            stack += [r.child for r in plan.routes if r.parent == here]
    return first


def _below(plan: Plan, ordinals: Sequence[int]) -> frozenset[int]:
    """Returns these tasks and everything that a route leads to from them."""
    seen, stack = set[int](), list(ordinals)
    while stack:
        if (here := stack.pop()) not in seen:
            seen.add(here)
            stack += [route.child for route in plan.routes if route.parent == here]
    return frozenset(seen)
