"""The attempts of tasks, for callers who may see the job: worker, times, outcome and log of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.artifacts import store
from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import log_key
from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.log_text import without_half_character
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.work import BEFORE_ALL, Attempt, AttemptPage, AttemptPlace
from enginehouse.operations import jobs as job_operations
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import attempts

PART: Final = 65_536  # bytes
LOG_BYTES: Final = 1_048_576  # no part is larger, and no log
SMALLEST_PART: Final = 4  # the longest character


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a log as text: from `offset` up to `next`, of `size` bytes now. `is_over`: nothing follows it."""

    text: str
    offset: int
    next: int
    size: int
    is_over: bool


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


async def of_job(
    house: House, principal: Principal, ref: Ref, *, after: AttemptPlace = BEFORE_ALL, limit: int = 1_000
) -> list[tuple[AttemptPlace, Attempt]]:
    """Returns up to `limit` attempts of the job after the one at `after`, by task, item and number.

    Raises NotFound, InvalidInput.
    """
    if not 1 <= limit <= house.limits.page_size:
        raise InvalidInput(f"1–{house.limits.page_size}, got {limit}.", "limit")
    await job_operations.status(house, principal, ref)
    organization_id = principal.organization_id
    return await house.database.peek(lambda tx: attempts.of_job(tx, organization_id, ref.number, after, limit))


async def newest(house: House, principal: Principal, ref: TaskRef) -> Attempt | None:
    """Returns the attempt of the task that started last, one that runs before all others. Raises NotFound."""
    await job_operations.task(house, principal, ref)
    organization_id = principal.organization_id
    return await house.database.peek(lambda tx: attempts.newest(tx, organization_id, ref.job_id, ref.ordinal))


async def one(house: House, principal: Principal, ref: TaskRef, item: int, number: int) -> Attempt:
    """Returns an attempt of the task. Raises NotFound."""
    await job_operations.task(house, principal, ref)
    place, organization_id = AttemptPlace(ref.ordinal, item, number), principal.organization_id
    found = await house.database.peek(lambda tx: attempts.one(tx, organization_id, ref.job_id, place))
    if found is None:
        raise NotFound("Attempt", f"{item}/{number}")
    return found


async def log(house: House, principal: Principal, ref: TaskRef, item: int, number: int) -> Content:
    """Returns the output of the attempt's engine, capped. There is no log before the engine prints.

    Of an attempt that runs elsewhere it may lack the last seconds. Raises NotFound. It names the worker if the log of a
    running attempt is not here yet.
    """
    await one(house, principal, ref, item, number)
    organization_id = principal.organization_id
    try:
        return await store.content(house.store, log_key(organization_id, ref.job_id, ref.ordinal, item, number))
    except NotFound:
        await _refuse_elsewhere(house, organization_id, ref, item, number)
        raise NotFound("Log", f"{item}/{number}") from None


async def log_part(
    house: House,
    principal: Principal,
    ref: TaskRef,
    item: int,
    number: int,
    *,
    offset: int = 0,
    limit: int = PART,
    name: str = "limit",
) -> LogPart:
    """Returns the attempt's log from `offset` on, at most `limit` bytes of it, as it is now.

    A log that still grows is followed by this call again and again, each from the `next` of the one before. Raises
    NotFound as `log`, except before the engine prints; InvalidInput for an offset beyond the end, and at `name` for a
    limit out of bounds.
    """
    _check_part(offset, limit, name)
    attempt = await one(house, principal, ref, item, number)
    return await part_of(house, principal, ref, attempt, offset=offset, limit=limit)


async def part_of(
    house: House, principal: Principal, ref: TaskRef, attempt: Attempt, *, offset: int = 0, limit: int = PART
) -> LogPart:
    """Like `log_part` for an attempt that was read already, of a task that the caller may see."""
    item, number = attempt.item, attempt.number
    key = log_key(principal.organization_id, ref.job_id, ref.ordinal, item, number)
    try:
        whole = await store.content(house.store, key)
    except NotFound:
        await _refuse_elsewhere(house, principal.organization_id, ref, item, number)
        data, size = b"", 0
    else:
        size = whole.size
        pieces = whole.stream(offset, min(size, offset + limit))
        data = b"".join([piece async for piece in pieces]) if offset < size else b""
    if offset > size:
        if house.store.logs_are_local and attempt.ended_at is None:
            return _part(b"", offset, offset, is_over=False)  # another server, which shows more of it, was read before
        raise InvalidInput([Problem("offset", f"the log ends at {size}, got {offset}.", str(offset), f"0–{size}")])
    return _part(data, offset, size, is_over=attempt.ended_at is not None)


def _part(data: bytes, offset: int, size: int, *, is_over: bool) -> LogPart:
    """Returns the part. A character at its end that is not whole belongs to the next part, if there is one."""
    is_last = is_over and offset + len(data) == size
    whole = data if is_last else without_half_character(data)
    after = offset + len(whole)
    return LogPart(whole.decode("utf-8", "replace"), offset, after, size, is_over=is_over and after == size)


def _check_part(offset: int, limit: int, name: str) -> None:
    problems = []
    if offset < 0:
        problems.append(Problem("offset", f"0 or more, got {offset}.", str(offset), "0 or more"))
    if not SMALLEST_PART <= limit <= LOG_BYTES:
        allowed = f"{SMALLEST_PART}–{LOG_BYTES}"
        problems.append(Problem(name, f"{allowed}, got {limit}.", str(limit), allowed))
    if problems:
        raise InvalidInput(problems)


async def _refuse_elsewhere(house: House, organization_id: int, ref: TaskRef, item: int, number: int) -> None:
    """Raises NotFound with the worker's name if the attempt runs elsewhere, and its log is not here yet."""
    if house.store.logs_are_local and (worker := await _worker(house, organization_id, ref, item, number)):
        why = f'The attempt runs on "{worker}"; what it has printed is here some seconds later.'
        raise NotFound("Log", f"{item}/{number}", why=why) from None


async def _worker(house: House, organization_id: int, ref: TaskRef, item: int, number: int) -> str | None:
    """Returns the worker of an attempt that runs, None if it has ended."""
    return await house.database.peek(
        lambda tx: attempts.worker(tx, organization_id, ref.job_id, ref.ordinal, item, number)
    )
