"""The end of a log that grows: what an attempt has printed since the last look."""

from enginehouse.artifacts import store
from enginehouse.domain.artifact import log_key
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal
from enginehouse.domain.log_text import without_half_character
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Attempt
from enginehouse.operations import attempts
from enginehouse.operations.house import House

_MOST = 65_536  # bytes of one look


class LogTail:
    """A follower of the log of one attempt. A look reads no database, so that many pages may follow logs."""

    def __init__(self, house: House, key: str, attempt: Attempt, offset: int) -> None:
        self._house = house
        self._key = key
        self.item, self.number = attempt.item, attempt.number
        self.offset = offset

    async def news(self, *, is_over: bool) -> str:
        """Returns what is new, perhaps nothing. `is_over`: the attempt has ended, and prints nothing more."""
        try:
            whole = await store.content(self._house.store, self._key)
        except NotFound:
            return ""
        if whole.size <= self.offset:
            return ""
        pieces = whole.stream(self.offset, min(whole.size, self.offset + _MOST))
        data = b"".join([piece async for piece in pieces])
        if not is_over or self.offset + len(data) < whole.size:
            data = without_half_character(data)
        self.offset += len(data)
        return data.decode("utf-8", "replace")


async def follow(house: House, principal: Principal, ref: TaskRef, item: int, number: int, *, offset: int) -> LogTail:
    """Returns a follower of the attempt's log from `offset` on. Raises NotFound."""
    attempt = await attempts.one(house, principal, ref, item, number)
    key = log_key(principal.organization_id, ref.job_id, ref.ordinal, item, number)
    return LogTail(house, key, attempt, offset)
