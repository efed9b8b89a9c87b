"""Adds tasks and routes to jobs under way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from msgspec import structs

from enginehouse.domain import fingerprint, ids
from enginehouse.domain.audit import Entry
from enginehouse.domain.engine import EngineMode
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, Refusal, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest, Route, RouteRequest, TaskPlan, TaskRequest
from enginehouse.domain.planning.additions import Addition, RouteAddition, TaskAddition
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.spelling import REST, Spelling
from enginehouse.operations import bounds, engine_builds, engines, idempotency, plans
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.references import not_found
from enginehouse.storage import token_quotas
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import additions as storage
from enginehouse.storage.jobs.additions import Added, AdditionsOutcome

_UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GIVEN: Final = re.compile(rf"[0-9]{{8}}_[0-9A-Za-z]{{15}}|{_UUID}(?:-{_UUID})?")
_FORMS: Final = "the job's id and 5 letters or digits, a UUID, or two UUIDs with a hyphen between them"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskToAdd:
    """A task to add to a job, with the id that the client gives it. `parent` is the id of another task of the job."""

    id: str
    job: Ref
    engine: str
    build: str
    status: str
    created_at: int
    payload: Any = None
    parent: str | None = None


class AddedTask(NamedTuple):
    """A task that exists now, by its job and its place there."""

    job_id: int
    ordinal: int


class NotAdded(NamedTuple):
    """A task that was not added: the id that the client gave it, and why."""

    id: str
    message: str


class AddedTasks(NamedTuple):
    """The tasks that exist now, in the order of the request, and those that could not be added."""

    tasks: list[AddedTask]
    errors: list[NotAdded]


class RouteKey(NamedTuple):
    """A route of a job by its two ends and its endpoint."""

    job_id: int
    parent: int
    parent_folder: int
    child: int
    child_folder: int
    endpoint: str | None = None


@trail.mutation("addTasksToJobs", "Job")
async def add_tasks(house: House, principal: Principal, tasks_to_add: Sequence[TaskToAdd]) -> AddedTasks:
    """Adds every task that can be added, all in one transaction. The others are listed with the reason.

    A task that the same request has added before is not added twice, and counts as added. Raises InvalidInput for a
    request without a task, or with too many.
    """
    require(principal, Role.USER)
    most = house.limits.tasks_per_job
    if not 1 <= len(tasks_to_add) <= most:
        raise InvalidInput(f"1–{most} tasks, got {len(tasks_to_add)}.", "tasks")
    answers: dict[int, Added | Refusal] = {}
    fit = dict[int, Addition]()
    for n, each in enumerate(tasks_to_add):
        try:
            fit[n] = await _addition(house, principal, each, f"tasks[{n}]")
        except Refusal as refused:
            answers[n] = refused

    entry = trail.entry(principal, "addTasksToJobs", object_type="Task")

    async def write(tx: Tx) -> AdditionsOutcome:
        await token_quotas.lock(tx, principal.quota)
        outcome = await _add(tx, house, list(fit.values()), entry)
        added = sum(isinstance(answer, Added) and not answer.again for answer in outcome.answers)
        await token_quotas.take_tasks(tx, principal.quota, added)
        return outcome

    if fit:
        outcome = await house.database.write_work(write)
        answers |= dict(zip(fit, outcome.answers, strict=True))
        _tell(house, principal, outcome)
    tasks, errors = list[AddedTask](), list[NotAdded]()
    for n, each in enumerate(tasks_to_add):
        match answers[n]:
            case Added(job_id, ordinal):
                tasks.append(AddedTask(job_id, ordinal))
            case NotFound():
                unknown = NotFound("Job", each.job.text, path=f"tasks[{n}].jobId")
                errors.append(NotAdded(each.id, str(unknown)))
            case Refusal() as refusal:
                errors.append(NotAdded(each.id, refusal.message))
    return AddedTasks(tasks, errors)


@trail.mutation("addTask", "Job", names="ref")
async def add_task(
    house: House,
    principal: Principal,
    ref: Ref,
    request: TaskRequest,
    *,
    found: Sequence[Problem] = (),
    key: str | None = None,
) -> idempotency.OnceAnswer[AddedTask]:
    """Adds the task to the job. A task with an input folder starts no earlier than its first route is added.

    A repeated call with the same idempotency `key` adds nothing and returns the same task. Raises NotFound,
    NoMoreTasks for a job that is cancelled or has ended, InvalidInput, KeyReused.
    """
    require(principal, Role.USER)
    request_key = idempotency.request_key(principal, "addTask", key, {"job": ref.number, "task": request})
    if (earlier := await idempotency.earlier(house, request_key, AddedTask)) is not None:
        return idempotency.OnceAnswer(earlier, replayed=True)
    task, chunked = _planned(house, principal, ref, request, REST, "task", found)
    new = TaskAddition(
        organization_id=principal.organization_id, job_id=ref.number, task=task, path="task", chunked=chunked
    )

    entry = trail.entry(principal, "addTask", object_type="Task")

    async def write(tx: Tx) -> AddedTask:
        await token_quotas.take_tasks(tx, principal.quota, 1)
        added = await _one(tx, house, new, ref, entry)
        return AddedTask(added.job_id, added.ordinal)

    answer = await idempotency.once(house, request_key, AddedTask, write, starts_work=True)
    _tell_one(house, principal, ref, replayed=answer.replayed)
    return answer


@trail.mutation("addTaskRoute", "Job", names="ref")
async def add_route(
    house: House, principal: Principal, ref: Ref, request: RouteRequest, *, key: str | None = None
) -> idempotency.OnceAnswer[RouteKey]:
    """Adds the route to the job. Its child must not have begun, and waits for the parent from now on.

    A route without a parent says that the child has all its input. Idempotency and errors are as in `add_task`;
    NoMoreTasks also for a child that has begun.
    """
    require(principal, Role.USER)
    what = {"job": ref.number, "route": request}
    request_key = idempotency.request_key(principal, "addTaskRoute", key, what)
    if (earlier := await idempotency.earlier(house, request_key, RouteKey)) is not None:
        return idempotency.OnceAnswer(earlier, replayed=True)
    new = RouteAddition(organization_id=principal.organization_id, job_id=ref.number, route=request)

    entry = trail.entry(principal, "addTaskRoute", object_type="Task")

    async def write(tx: Tx) -> RouteKey:
        route = (await _one(tx, house, new, ref, entry)).route
        if route is None:
            raise AssertionError("the addition of a route has no route")
        ends = (route.parent, route.parent_folder, route.child, route.child_folder)
        return RouteKey(ref.number, *ends, route.endpoint)

    answer = await idempotency.once(house, request_key, RouteKey, write, starts_work=True)
    _tell_one(house, principal, ref, replayed=answer.replayed)
    return answer


async def given_task(house: House, principal: Principal, text: str) -> TaskRef | None:
    """Returns the caller's task to which a client gave this id; None if there is none."""
    if not _GIVEN.fullmatch(text):
        return None
    key = await house.database.peek(lambda tx: storage.given(tx, principal.organization_id, text))
    return None if key is None else TaskRef(*key, text)


def route_of(routes: Sequence[Route], key: RouteKey) -> Route:
    """Returns the route with these ends."""
    return next(r for r in routes if (r.parent, r.parent_folder, r.child, r.child_folder, r.endpoint) == key[1:])


async def _addition(house: House, principal: Principal, new: TaskToAdd, path: str) -> TaskAddition:
    """Returns the checked task. What depends on the rest of its job is checked under the job's lock."""
    problems = _id_problems(new, path)
    request = TaskRequest(
        engine_id=new.engine,
        payload=new.payload,
        reference=new.id,
        status=new.status,
        echo={"buildId": new.build},
    )
    problems += await _build_problems(house, principal, new, path)
    task, chunked = _planned(house, principal, new.job, request, Spelling(), path, problems)
    return TaskAddition(
        organization_id=principal.organization_id,
        job_id=new.job.number,
        task=structs.replace(task, added_at=new.created_at),
        path=path,
        parent=new.parent or None,
        chunked=chunked,
        given_id=new.id,
        digest=fingerprint.digest({"job": new.job.number, "task": replace(new, job=Ref.of(0))}),
    )


def _id_problems(new: TaskToAdd, path: str) -> list[Problem]:
    problems = list[Problem]()
    if not _GIVEN.fullmatch(new.id):
        problems.append(Problem(f"{path}.id", f"{_FORMS}, got {excerpt(new.id)}.", excerpt(new.id), _FORMS))
    elif "_" in new.id and ids.parse_job(new.id[:19]) != new.job.number:
        problems.append(Problem(f"{path}.id", "does not begin with the id of the job.", new.id))
    elif ids.parse_task(new.id) is not None:
        problems.append(Problem(f"{path}.id", "duplicate: the server gives this id itself; choose another.", new.id))
    return problems


async def _build_problems(house: House, principal: Principal, new: TaskToAdd, path: str) -> list[Problem]:
    """An engine of the organization has builds, and the task names one of them. The server's engines have none."""
    known = engines.find(house, principal, new.engine)
    if known is None or known.organization_id != principal.organization_id:
        return []
    builds = await engine_builds.of_engine(house, principal, known.spec.id)
    if not builds or any(build.id == new.build.lower() for build in builds):
        return []
    return [not_found(f"{path}.buildId", new.build)]


def _planned(
    house: House,
    principal: Principal,
    job: Ref,
    request: TaskRequest,
    spelling: Spelling,
    path: str,
    found: Sequence[Problem],
) -> tuple[TaskPlan, bool]:
    """Returns the task's part of a plan, and whether its engine works chunk by chunk. Raises NotFound, InvalidInput."""
    if not 0 < job.number <= bounds.LARGEST_ID:
        raise NotFound("Job", job.text)
    alone = JobRequest(tasks=(request,), spelling=spelling)
    try:
        [planned] = plans.plan_all(house, principal, [alone], [_moved(each, path, "tasks[0]") for each in found])
    except InvalidInput as refused:
        raise InvalidInput([_moved(problem, "tasks[0]", path) for problem in refused.problems]) from None
    [task] = planned.plan.tasks
    spec = house.catalogue.by_id[task.engine_id].spec
    return task, spec.mode is EngineMode.CHUNK and not spec.gathers


def _moved(problem: Problem, old: str, new: str) -> Problem:
    inside = problem.path == old or problem.path.startswith((f"{old}.", f"{old}["))
    return replace(problem, path=problem.path.replace(old, new, 1)) if inside else problem


async def _add(tx: Tx, house: House, new: Sequence[Addition], entry: Entry) -> AdditionsOutcome:
    """Adds what can be added, and records each addition."""
    outcome = await storage.add(tx, house.plans, new, max_tasks=house.limits.tasks_per_job)
    added = [answer for answer in outcome.answers if isinstance(answer, Added) and not answer.again]
    await entries.record(tx, [entry.about(f"{each.job_id}/{each.ordinal}") for each in added])
    return outcome


async def _one(tx: Tx, house: House, new: Addition, ref: Ref, entry: Entry) -> Added:
    outcome = await _add(tx, house, [new], entry)
    match outcome.answers[0]:
        case NotFound():
            raise NotFound("Job", ref.text)
        case Refusal() as refused:
            raise refused
        case added:
            return added


def _tell(house: House, principal: Principal, outcome: AdditionsOutcome) -> None:
    changed = {answer.job_id for answer in outcome.answers if isinstance(answer, Added) and not answer.again}
    if changed:
        house.watches.changed(sorted(changed))
    if outcome.runnable:
        house.waiting(principal.organization_id)


def _tell_one(house: House, principal: Principal, ref: Ref, *, replayed: bool) -> None:
    if not replayed:
        house.watches.changed([ref.number])
        house.waiting(principal.organization_id)
