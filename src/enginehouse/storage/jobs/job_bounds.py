"""The bounds of a list of jobs or tasks: of the creation, of the last change, and of the ids that follow from them."""

from typing import Final

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import JobFilter
from enginehouse.domain.times import SECOND

NEVER: Final = 9_223_372_036_854_775_807
LAST_TIME: Final = 5_000_000_000_000_000  # of all that a job id can hold, in the year 2128


def created(created_from: int | None, created_to: int | None) -> dict[str, int]:
    """Returns the bounds of the creation, and those of the ids, which begin with it: an id may be a little later."""
    first = -NEVER if created_from is None else created_from
    last = NEVER if created_to is None else created_to
    return {
        "created_from": first,
        "created_to": last,
        "first_id": first_job_id(min(max(first, 0), LAST_TIME)),
        "last_id": first_job_id(max(last, 0) + SECOND) if last < LAST_TIME else NEVER,
    }


def of_creation(filter_: JobFilter) -> dict[str, int] | None:
    """Returns the bounds of the creation and of the ids, None without any. A place in a list is a bound of the ids."""
    if (filter_.created_from, filter_.created_to, filter_.above, filter_.below) == (None,) * 4:
        return None
    bounds = created(filter_.created_from, filter_.created_to)
    if filter_.above is not None:
        bounds["first_id"] = max(bounds["first_id"], filter_.above + 1)
    if filter_.below is not None:
        bounds["last_id"] = min(bounds["last_id"], filter_.below - 1)
    return bounds


def of_change(filter_: JobFilter) -> dict[str, int] | None:
    """Returns the bounds of the last change, None without them."""
    if filter_.modified_from is None and filter_.modified_to is None:
        return None
    return {
        "modified_from": -NEVER if filter_.modified_from is None else filter_.modified_from,
        "modified_to": NEVER if filter_.modified_to is None else filter_.modified_to,
    }
