"""Who did what, for administrators to read."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from enginehouse.domain import ids
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.times import SECOND, rest
from enginehouse.operations import bounds
from enginehouse.operations.accounts import get_organization
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.audit.entries import NEVER, NOBODYS, Order, Recorded, Wanted

__all__ = ["LARGEST_PAGE", "NOBODYS", "AuditFilter", "Order", "Recorded", "graphql_id", "list_", "rest_id", "stored_id"]

DAY: Final = 86_400 * SECOND
LONGEST_WINDOW: Final = 30 * DAY
USUAL_WINDOW: Final = 7 * DAY
LARGEST_OFFSET: Final = 10_000
LARGEST_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which acts to read; what is None lets all through. Texts are equal, `user_agent` begins so.

    `first` and `last` in µs UTC, both included: without them the last seven days; `object_id` in any of its spellings;
    `before` is the id that an earlier page, the newest first, ended with.
    """

    organization_id: int | None = None
    first: int | None = None
    last: int | None = None
    ids: tuple[str, ...] | None = None
    user_name: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    event: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    correlation_id: str | None = None
    success: bool | None = None
    before: str | None = None
    order_by: Order = "at"
    descending: bool = True
    offset: int = 0
    limit: int = 100


async def list_(house: House, principal: Principal, wanted: AuditFilter) -> list[Recorded]:
    """One page of what was done in the caller's organization, or in another for whom may act there.

    For administrators; a super administrator's own list has what belongs to no organization as well. Raises NotAllowed,
    NotFound (organization), InvalidInput.
    """
    require(principal, Role.ADMIN)
    organization = await get_organization(house, principal, wanted.organization_id)
    first, last = _window(wanted)
    bounds.refuse(_problems(wanted, first, last))
    everybodys = principal.super_admin and wanted.organization_id is None
    texts = (
        wanted.user_name, wanted.client_ip, wanted.user_agent, wanted.event, wanted.object_type, wanted.object_id,
        wanted.correlation_id,
    )  # fmt: skip
    if not all(bounds.storable(text) for text in texts if text is not None):
        return []
    page = Wanted(
        organization_ids=(organization.id, NOBODYS) if everybodys else (organization.id,),
        first=first,
        last=last,
        ids=None if wanted.ids is None else tuple(map(_number, wanted.ids)),
        user_name=wanted.user_name,
        client_ip=wanted.client_ip,
        user_agent=wanted.user_agent,
        event=wanted.event,
        object_type=wanted.object_type,
        object_id=None if wanted.object_id is None else stored_id(wanted.object_id),
        correlation_id=wanted.correlation_id,
        success=wanted.success,
        before=None if wanted.before is None else _number(wanted.before),
        order_by=wanted.order_by,
        descending=wanted.descending,
        offset=wanted.offset,
        limit=wanted.limit,
    )
    return await house.database.read(lambda tx: entries.page(tx, page))


def _window(wanted: AuditFilter) -> tuple[int, int]:
    end = time.time_ns() // 1000 if wanted.last is None else wanted.last
    first = end - USUAL_WINDOW if wanted.first is None else wanted.first
    # What is recorded while this is read may be of a moment that this machine's clock has not come to.
    return first, NEVER if wanted.last is None else wanted.last


def _problems(wanted: AuditFilter, first: int, last: int) -> list[Problem]:
    found = []
    end = time.time_ns() // 1000 if wanted.last is None else last
    # A day is whole with its last microsecond; a bound written in seconds covers its second.
    if wanted.first is not None and end - first > LONGEST_WINDOW + SECOND:
        text = f"at most 30 days before toDateTime, got {(end - first) / DAY:.1f} days. Read it in several."
        found.append(Problem("fromDateTime", text, rest(first), f"{rest(max(end - LONGEST_WINDOW, 0))} or later"))
    elif wanted.last is not None and first > last:
        found.append(Problem("fromDateTime", "must not be after toDateTime.", rest(first), f"until {rest(last)}"))
    if not 0 <= wanted.offset <= LARGEST_OFFSET:
        allowed = f"0–{LARGEST_OFFSET}"
        text = f"{allowed}, got {wanted.offset}. Narrow the window, or go on from an id (before, over REST)."
        found.append(Problem("offset", text, str(wanted.offset), allowed))
    if not 1 <= wanted.limit <= LARGEST_PAGE:
        allowed = f"1–{LARGEST_PAGE}"
        found.append(Problem("limit", f"{allowed}, got {wanted.limit}.", str(wanted.limit), allowed))
    return found


def _number(text: str) -> int:
    """The id of an act; 0, which is none's, for what is no number."""
    return ids.parse_number(text) or 0


# -- how ids are spelled ------------------------------------------------------------------------------------


def stored_id(text: str) -> str:
    """The id as acts keep it, whichever way it is spelled."""
    if (job_id := ids.parse_job(text)) is not None:
        return str(job_id)
    if (task := ids.parse_task(text)) is not None:
        return f"{task[0]}/{task[1]}"
    lowered = text.lower() if len(text) == 36 else text
    number = ids.parse_tagged(ids.Tag.ORGANIZATION, lowered)
    return lowered if number is None else str(number)


def graphql_id(act: Recorded) -> str | None:
    """The object's id as GraphQL spells it."""
    return _spelled(act, ids.job_graphql, ids.task_graphql)


def rest_id(act: Recorded) -> str | None:
    """The object's id as REST spells it."""
    return _spelled(act, ids.job_uuid, ids.task_uuid)


def _spelled(act: Recorded, job: Callable[[int], str], task: Callable[[int, int], str]) -> str | None:
    match act.object_type, act.object_id:
        case "Job", str(number) if number.isdigit():
            return job(int(number))
        case "Task", str(pair) if pair.replace("/", "", 1).isdigit():
            number, _, ordinal = pair.partition("/")
            return task(int(number), int(ordinal))
        case _, other:
            return other
