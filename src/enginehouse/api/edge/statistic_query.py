"""The parameters that the statistics of REST have in common, and the parts of their answers."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final, TypeVar

from msgspec import Meta

from enginehouse.api.edge.statistic_shapes import Pairs, Row, Statistic, StatusCount
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import UnixTime
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import ids, times
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Principal
from enginehouse.operations import accounts, statistics
from enginehouse.operations.statistics import Window

CHARTS: Final = ("total", "total_by_time_range")
_LARGEST_INTERVAL: Final = 366 * 86_400
# The query parameters of a statistic, as its operation declares them.
RANGE: Final = {"startTime": UnixTime, "endTime": UnixTime}
SERIES: Final = {**RANGE, "interval": Annotated[int, Meta(ge=0, le=_LARGEST_INTERVAL)]}
ORGANIZATIONS: Final = {"organizationIDs": str}
_MOST_ORGANIZATIONS: Final = 100

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Times:
    """The parameters of a range of time."""

    start: int | None
    end: int | None
    interval: int | None


def times_of(query: Query, *, with_interval: bool = False) -> Times:
    """Returns the range that the query names. An interval of 0 is none."""
    interval = query.integer("interval", 0, 0, _LARGEST_INTERVAL) if with_interval else 0
    return Times(query.earliest("startTime"), query.latest("endTime"), interval or None)


async def window(call: Call, named: Times) -> Window:
    """Returns the range of the statistic. Raises InvalidInput."""
    return await statistics.window(call.house, named.start, named.end, named.interval)


async def owners(call: Call, text: str | None, *, all_: bool = False) -> list[Principal]:
    """Returns the caller, acting for each of the organizations, by default for its own. Raises NotFound, InvalidInput.

    `all_`: a super administrator who names none gets all.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if len(names) > _MOST_ORGANIZATIONS:
        raise InvalidInput(f"at most {_MOST_ORGANIZATIONS}, got {len(names)}.", "organizationIDs")
    if not names and all_:
        organizations = await accounts.list_organizations(call.house, call.principal)
        return [replace(call.principal, organization_id=each.id) for each in organizations]
    found = [await accounts.acting(call.house, call.principal, name, "organizationIDs") for name in names or [""]]
    return list({principal.organization_id: principal for principal in found}.values())


def uuids(query: Query, name: str) -> tuple[str, ...] | None:
    """Returns the ids of a list with commas."""
    listed = query.id(name, *refs.UUIDS)
    return None if listed is None else tuple(each.strip().lower() for each in listed.split(","))


def answer(range_: Window, counts: list[Row]) -> Reply:
    """Returns the statistic of the range."""
    start, end = times.rest(range_.start), times.rest(range_.end)
    return json(Statistic(counts=counts, start_date_time=start, end_date_time=end))


def status_counts(
    range_: Window, numbers: Mapping[tuple[str, int], int], *, words: Iterable[str], by_mark: bool
) -> list[StatusCount]:
    """Returns the counts by status; `by_mark`: of each part of the range. A status without any is left out."""
    parts = [(at, min(at + range_.step, range_.end + 1) - 1) for at in range_.marks]
    spans = parts if by_mark else [(range_.start, range_.end)]
    return [
        StatusCount(status=word, count=count, start_date_time=times.rest(first), end_date_time=times.rest(last))
        for mark, (first, last) in enumerate(spans)
        for word in words
        if (count := numbers.get((word, mark), 0))
    ]


def pairs(range_: Window, numbers: Mapping[int, int]) -> Pairs:
    """Returns the number at each mark, also 0."""
    return [(times.unix_seconds(at), numbers.get(mark, 0)) for mark, at in enumerate(range_.marks)]


def sums(rows: Iterable[tuple[Key, int]]) -> Counter[Key]:
    """Returns the sum for each key."""
    found = Counter[Key]()
    for key, number in rows:
        found[key] += number
    return found


def organization_uuid(principal: Principal) -> str:
    return ids.organization_uuid(principal.organization_id)
