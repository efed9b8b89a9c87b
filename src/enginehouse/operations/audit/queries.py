"""Reads the audit, for administrators."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from enginehouse.domain import ids
from enginehouse.domain.audit import NOBODYS, AuditFilter, RecordedEntry, SealState
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.times import SECOND, rest
from enginehouse.operations import bounds
from enginehouse.operations.accounts import get_organization
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries, seal_states
from enginehouse.storage.audit.seals import Seal
from enginehouse.storage.database.database import Tx

DAY: Final = 86_400 * SECOND
LONGEST_WINDOW: Final = 30 * DAY
USUAL_WINDOW: Final = 7 * DAY
LARGEST_OFFSET: Final = 10_000
LARGEST_PAGE: Final = 1_000


async def list_(
    house: House, principal: Principal, criteria: AuditFilter, *, organization_id: int | None = None
) -> list[RecordedEntry]:
    """Returns one page of the audit of the caller's organization, or of another for which the caller may act.

    Without `first` and `last` it covers the last seven days. Only for administrators. A super administrator's own list
    also has entries without an organization. Raises NotAllowed, NotFound (organization), InvalidInput.
    """
    require(principal, Role.ADMIN)
    organization = await get_organization(house, principal, organization_id)
    bounded = _bounded(criteria)
    everybodys = principal.super_admin and organization_id is None
    owners = (organization.id, NOBODYS) if everybodys else (organization.id,)
    return [] if bounded is None else await house.database.read(lambda tx: entries.page(tx, owners, bounded))


def _bounded(criteria: AuditFilter) -> AuditFilter | None:
    """Returns the filter with all its bounds; None if nothing can match. Raises InvalidInput."""
    # Without `last` there is no upper bound: the storage clock may be ahead of this machine's clock.
    end = time.time_ns() // 1000 if criteria.last is None else criteria.last
    first = end - USUAL_WINDOW if criteria.first is None else criteria.first
    bounds.refuse(_problems(criteria, first, end))
    texts = (
        criteria.user_name, criteria.client_ip, criteria.user_agent, criteria.event, criteria.object_type,
        criteria.object_id, criteria.correlation_id,
    )  # fmt: skip
    if not all(bounds.storable(text) for text in texts if text is not None):
        return None
    object_id = None if criteria.object_id is None else stored_id(criteria.object_id)
    return replace(criteria, first=first, object_id=object_id)


@dataclass(frozen=True, slots=True)
class SealedPage:
    """A page of the audit, and whether more follow; the newest seal of the server, if any; the state of each entry."""

    entries: list[RecordedEntry]
    has_more: bool
    last: Seal | None
    states: dict[int, SealState]


async def with_seals(house: House, principal: Principal, criteria: AuditFilter | None) -> SealedPage:
    """Returns a page of the caller's own audit from one read, compared with its seals as `audit verify` does with all.

    Without a filter the page is empty, and has only the seal. Raises NotAllowed, InvalidInput.
    """
    require(principal, Role.ADMIN)
    wanted = None if criteria is None else _bounded(criteria)
    owners = (principal.organization_id, NOBODYS) if principal.super_admin else (principal.organization_id,)

    async def look(tx: Tx) -> SealedPage:
        found = []
        if wanted is not None:
            found = await entries.page(tx, owners, replace(wanted, limit=wanted.limit + 1))
        shown = found[: wanted.limit] if wanted is not None else []
        last, states = await seal_states.states(tx, shown)
        return SealedPage(shown, len(found) > len(shown), last, states)

    return await house.database.read(look)


def _problems(criteria: AuditFilter, first: int, end: int) -> list[Problem]:
    found = []
    # One second of tolerance: a bound that is written in seconds covers its whole second.
    if criteria.first is not None and end - first > LONGEST_WINDOW + SECOND:
        text = f"at most 30 days before toDateTime, got {(end - first) / DAY:.1f} days. Read it in several."
        found.append(Problem("fromDateTime", text, rest(first), f"{rest(max(end - LONGEST_WINDOW, 0))} or later"))
    elif criteria.last is not None and first > end:
        found.append(Problem("fromDateTime", "must not be after toDateTime.", rest(first), f"until {rest(end)}"))
    if not 0 <= criteria.offset <= LARGEST_OFFSET:
        allowed = f"0–{LARGEST_OFFSET}"
        text = f"{allowed}, got {criteria.offset}. Narrow the window, or go on from an id (before, over REST)."
        found.append(Problem("offset", text, str(criteria.offset), allowed))
    if not 1 <= criteria.limit <= LARGEST_PAGE:
        allowed = f"1–{LARGEST_PAGE}"
        found.append(Problem("limit", f"{allowed}, got {criteria.limit}.", str(criteria.limit), allowed))
    return found


# -- spellings of ids ---------------------------------------------------------------------------------------


def stored_id(text: str) -> str:
    """Returns the stored form of an id in any spelling."""
    if (job_id := ids.parse_job(text)) is not None:
        return str(job_id)
    if (task := ids.parse_task(text)) is not None:
        return f"{task[0]}/{task[1]}"
    lowered = text.lower() if len(text) == 36 else text
    number = ids.parse_tagged(ids.Tag.ORGANIZATION, lowered)
    return lowered if number is None else str(number)


def graphql_id(act: RecordedEntry) -> str | None:
    """Returns the object's id in GraphQL's spelling."""
    return _spelled(act, ids.job_graphql, ids.task_graphql)


def rest_id(act: RecordedEntry) -> str | None:
    """Returns the object's id in REST's spelling."""
    return _spelled(act, ids.job_uuid, ids.task_uuid)


def _spelled(act: RecordedEntry, job: Callable[[int], str], task: Callable[[int, int], str]) -> str | None:
    match act.object_type, act.object_id:
        case "Job", str(number) if number.isdigit():
            return job(int(number))
        case "Task", str(pair) if pair.replace("/", "", 1).isdigit():
            number, _, ordinal = pair.partition("/")
            return task(int(number), int(ordinal))
        case _, other:
            return other
