"""Sets the statuses of tasks as a client asks, and derives the status of a job anew."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.errors import InvalidInput, NotFound, Problem, unknown_word
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.status import JobStatus
from enginehouse.operations import bounds, engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.idempotency import OnceAnswer, earlier, once, request_key
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import status_check
from enginehouse.storage.work import task_statuses as storage
from enginehouse.storage.work.task_statuses import NamedTask, StatusesOutcome

_AGAIN: Final = ("pending", "queued", "reprocessing")
_CLOSED: Final = "complete"
_SETTABLE: Final = (*_AGAIN, "aborted")
_REPORTED: Final = {
    "running": "a task runs when a worker takes it; set pending to run a failed or aborted one again.",
    "failed": "the engine reports it; set aborted to end a task that is no longer wanted.",
}


@trail.mutation("updateTasksStatus", "Task")
async def update(
    house: House,
    principal: Principal,
    refs: Sequence[TaskRef | None],
    status: str,
    *,
    found: Sequence[Problem] = (),
    key: str | None = None,
) -> OnceAnswer[int]:
    """Puts failed and aborted tasks back into the queue (`pending`, `queued`, `reprocessing`), or aborts tasks.

    `complete` is only for tasks that wait for pushes: they take no more, and complete when all that came is done.

    With each task its dependants: those that it held back run again, those that need it are aborted. All of the tasks
    or none; returns how many have changed. A task that is already so does not change. `refs` are in the order of the
    request, None for one that the entrance has refused in `found`. A repeated request with the same `key` changes
    nothing. Raises InvalidInput with the problems of all tasks, KeyReused.
    """
    require(principal, Role.USER)
    most = house.limits.tasks_per_job
    if not 1 <= len(refs) <= most:
        raise InvalidInput(f"1–{most} tasks, got {len(refs)}.", "taskIDs")
    what = {"tasks": sorted({(ref.job_id, ref.ordinal) for ref in refs if ref is not None}), "status": status}
    stored_key = request_key(principal, "updateTasksStatus", key, what)
    if not found and (answer := await earlier(house, stored_key, int)) is not None:
        return OnceAnswer(answer, replayed=True)
    problems = [*_word_problems(status), *found]
    first = dict[tuple[int, int], NamedTask]()
    for n, ref in enumerate(refs):
        if ref is not None:
            first.setdefault((ref.job_id, ref.ordinal), NamedTask(ref.job_id, ref.ordinal, f"taskIDs[{n}]", ref.text))
    named = list(first.values())
    again = status not in {"aborted", _CLOSED}
    withdrawn = withdrawn_engines(house, principal) if again else set()
    entry = trail.entry(principal, "updateTasksStatus", object_type="Task", detail=status)
    outcome = StatusesOutcome(())

    async def write(tx: Tx) -> int:
        nonlocal outcome
        owner = principal.organization_id
        try:
            if status == _CLOSED:
                outcome = await storage.close(tx, house.plans, owner, named)
            elif again:
                outcome = await storage.put_back(tx, house.plans, owner, named, withdrawn)
            else:
                outcome = await storage.abort(tx, house.plans, owner, named)
        except InvalidInput as refused:
            raise InvalidInput([*problems, *refused.problems]) from None
        bounds.refuse(problems)
        await entries.record(tx, [entry.about(f"{job_id}/{ordinal}") for job_id, ordinal in outcome.tasks])
        return len(outcome.tasks)

    once_answer = await once(house, stored_key, int, write, starts_work=True)
    if not once_answer.replayed:
        await tell(house, principal, outcome)
    return once_answer


@trail.mutation("recheckJobStatus", "Job", names="ref")
async def recheck(house: House, principal: Principal, ref: Ref) -> JobStatus:
    """Derives the status of the job anew from its tasks, stores it if the job said something else, and returns it.

    Raises NotFound.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "recheckJobStatus", object_type="Job", object_id=ref.number)

    async def check(tx: Tx) -> status_check.CheckedStatus | None:
        checked = await status_check.check(tx, house.plans, principal.organization_id, ref.number)
        await entries.record(tx, [entry] if checked is not None and checked.mended else [])
        return checked

    checked = await house.database.write_work(check)
    if checked is None:
        raise NotFound("Job", ref.text)
    if checked.mended:
        house.watches.changed([ref.number])
    return checked.status


def _word_problems(status: str) -> list[Problem]:
    if status in _SETTABLE or status == _CLOSED:
        return []
    if status in _REPORTED:
        return [
            Problem("taskStatus", f'cannot be set to "{status}": {_REPORTED[status]}', status, ", ".join(_SETTABLE))
        ]
    return [unknown_word("taskStatus", status, _SETTABLE)]


def withdrawn_engines(house: House, principal: Principal) -> set[str]:
    """Returns the engines that the organization may not use."""
    known = house.catalogue.by_id.values()
    return {engine.spec.id for engine in known if not engines.usable(house, principal, engine)}


async def tell(house: House, principal: Principal, outcome: StatusesOutcome) -> None:
    """Whoever waits for what the committed change has brought knows it, and the bytes that nobody names are gone."""
    if changed := sorted({job_id for job_id, _ in outcome.tasks}):
        house.watches.changed(changed)
    if outcome.runnable:
        house.waiting(principal.organization_id)
    if outcome.ended:
        house.listeners.ended(list(outcome.ended))
    await house.store.delete(list(outcome.removed))
