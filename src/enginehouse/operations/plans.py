"""Turns the jobs of a caller into plans, with the engines that the caller may use."""

import time
from collections.abc import Callable, Sequence
from functools import cache, partial

from msgspec import structs

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import JobRequest
from enginehouse.domain.planning.plan import Planned
from enginehouse.operations import engines, webhooks, workers
from enginehouse.operations.house import House


def plan_all(
    house: House, principal: Principal, requests: Sequence[JobRequest], found: Sequence[Problem]
) -> list[Planned]:
    """Returns the plan of every requested job. Raises InvalidInput with all their problems and those in `found`."""

    def engine(key: str) -> EngineSpec | None:
        found = house.catalogue.by_id.get(key)
        return found.spec if found and engines.usable(house, principal, found) else None

    def by_task_type(word: str) -> EngineSpec | None:
        found = house.catalogue.by_task_type.get(word)
        return found.spec if found and engines.usable(house, principal, found) else None

    idle_of: Callable[[tuple[str, ...]], dict[str, str]] = partial(workers.idle, house)
    if len(requests) > 1:  # they have few engines together
        engine, by_task_type, idle_of = cache(engine), cache(by_task_type), cache(idle_of)
    now, uri_fault = time.time_ns() // 1000, partial(webhooks.url_fault, house)
    planned, problems = list[Planned](), list(found)
    for request in requests:
        try:
            made = house.plan_shapes.plan(
                request,
                engine,
                by_task_type,
                now=now,
                max_tasks=house.limits.tasks_per_job,
                uri_fault=uri_fault,
            )
            if idle := idle_of(made.beginning.engine_ids):
                made = structs.replace(made, warnings=made.warnings + workers.unserved(request, made, idle))
            planned.append(made)
        except InvalidInput as refused:
            problems += _besides(refused.problems, found)
            if len(problems) >= InvalidInput.LIMIT:
                break
    if problems:
        raise InvalidInput(problems)
    return planned


def _besides(problems: Sequence[Problem], found: Sequence[Problem]) -> list[Problem]:
    """Returns the problems that do not just follow from a problem in `found`."""
    if not found:
        return list(problems)
    paths = [problem.path for problem in found]
    # An invalid reference makes every route that uses it look wrong.
    unread = any("orrelation" in path or "ioFolders" in path for path in paths)
    return [
        problem
        for problem in problems
        if not any(_within(path, problem.path) or _within(problem.path, path) for path in paths)
        and not (unread and "outes[" in problem.path)
    ]


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))
