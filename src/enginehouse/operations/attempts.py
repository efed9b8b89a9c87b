"""The attempts of tasks, for callers who may see the job: worker, times, outcome and log of each."""

from collections.abc import Sequence

from enginehouse.artifacts import store
from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import log_key
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.operations import jobs as job_operations
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import attempts


async def of_task(
    house: House,
    principal: Principal,
    ref: TaskRef,
    *,
    offset: int = 0,
    limit: int = 1_000,
) -> list[Attempt]:
    """Returns a page of the task's attempts, by item and number. Raises NotFound, InvalidInput."""
    if not 1 <= limit <= house.limits.page_size:
        raise InvalidInput(f"1–{house.limits.page_size}, got {limit}.", "limit")
    if offset < 0:
        raise InvalidInput(f"0 or more, got {offset}.", "offset")
    await job_operations.task(house, principal, ref)
    page = AttemptPage(ref.job_id, ref.ordinal, offset, limit)
    return (await of_tasks(house, principal, [page])).get(page, [])


async def of_tasks(
    house: House, principal: Principal, wanted: Sequence[AttemptPage]
) -> dict[AttemptPage, list[Attempt]]:
    """Returns the pages of tasks of the caller's organization. Empty pages are missing."""
    require(principal, Role.READER)
    return await house.database.peek(lambda tx: attempts.attempts(tx, principal.organization_id, wanted))


async def log(house: House, principal: Principal, ref: TaskRef, item: int, number: int) -> Content:
    """Returns the output of the attempt's engine, capped. There is no log before the engine prints.

    Of an attempt that runs elsewhere it may lack the last seconds. Raises NotFound. It names the worker if the log of a
    running attempt is not here yet.
    """
    await job_operations.task(house, principal, ref)
    organization_id = principal.organization_id
    there = await house.database.peek(
        lambda tx: attempts.has_attempt(tx, organization_id, ref.job_id, ref.ordinal, item, number)
    )
    if not there:
        raise NotFound("Attempt", f"{item}/{number}")
    try:
        return await store.content(house.store, log_key(organization_id, ref.job_id, ref.ordinal, item, number))
    except NotFound:
        if house.store.logs_are_local and (worker := await _worker(house, organization_id, ref, item, number)):
            why = f'The attempt runs on "{worker}"; what it has printed is here some seconds later.'
            raise NotFound("Log", f"{item}/{number}", why=why) from None
        raise NotFound("Log", f"{item}/{number}") from None


async def _worker(house: House, organization_id: int, ref: TaskRef, item: int, number: int) -> str | None:
    """Returns the worker of an attempt that runs, None if it has ended."""
    return await house.database.peek(
        lambda tx: attempts.worker(tx, organization_id, ref.job_id, ref.ordinal, item, number)
    )
