"""A work item as a caller sees it, from its creation to its end and after it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain import ids

# The 122 bits of the UUID: a tag (4), a job and an ordinal (77), an item (31), a check (10).
_ITEM_BITS: Final = 31
_BODY: Final = 77 + _ITEM_BITS
_CHECK: Final = 10
MAX_ITEM: Final = (1 << _ITEM_BITS) - 1


class WorkRequest(NamedTuple):
    """A work item. `worker` has its last attempt. `status`: pending, running, complete, failed or timeout."""

    job_id: int
    ordinal: int
    item: int
    engine_id: str
    worker: str | None
    status: str
    created_at: int
    changed_at: int
    attempts: int
    failures: int
    failure_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequestFilter:
    """Which work requests of a job to list, and in which order."""

    ordinal: int | None = None
    item: int | None = None
    status: str | None = None
    by_change: bool = False
    descending: bool = True
    offset: int = 0
    limit: int = 100


def request_uuid(job_id: int, ordinal: int, item: int) -> str:
    """The UUID of a work item. It holds the task and the item's number. Raises ValueError past the last number."""
    if not 0 <= item <= MAX_ITEM:
        raise ValueError(f"a work request is one of {MAX_ITEM + 1} items of its task, got {item}")
    tagged = ids.Tag.WORK_REQUEST << _BODY | (job_id << 14 | ordinal) << _ITEM_BITS | item
    return ids.uuid_of(tagged << _CHECK | ids.check(tagged, _CHECK))


def parse_request(text: str) -> tuple[int, int, int] | None:
    """Returns (job id, ordinal, item) from the UUID of a work item; None for every other text."""
    checked = ids.bits_of(text)
    if checked is None:
        return None
    tagged, given = checked >> _CHECK, checked & (1 << _CHECK) - 1
    if tagged >> _BODY != ids.Tag.WORK_REQUEST or ids.check(tagged, _CHECK) != given:
        return None
    number = tagged & (1 << _BODY) - 1
    return number >> _ITEM_BITS + 14, number >> _ITEM_BITS & ids.MAX_ORDINAL, number & MAX_ITEM
