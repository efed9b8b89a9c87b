"""What a token may use, in an hour and at all, and the refusal when it has (rest-contract §1.2)."""

from typing import Final, NamedTuple, Self

import msgspec

from enginehouse.domain.errors import NotAllowed, QuotaReached

HOUR: Final = 3600 * 1_000_000  # µs


class QuotaHolder(NamedTuple):
    """A token that has a quota, and its organization."""

    organization_id: int
    token_id: str


class QuotaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that a client sets: 0 for any amount, None for one that it does not set."""

    api_per_hour: int | None = None
    bytes_per_hour: int | None = None
    tasks_per_hour: int | None = None
    max_api: int | None = None
    max_bytes: int | None = None
    max_tasks: int | None = None


class TokenQuota(NamedTuple):
    """The limits of a token, and what it has used: in all, and in `hour` (hours since 1970, UTC)."""

    token_id: str
    organization_id: int
    api_per_hour: int = 0
    bytes_per_hour: int = 0
    tasks_per_hour: int = 0
    max_api: int = 0
    max_bytes: int = 0
    max_tasks: int = 0
    api: int = 0
    bytes: int = 0
    tasks: int = 0
    hour: int = 0
    hour_api: int = 0
    hour_bytes: int = 0
    hour_tasks: int = 0

    def with_request(self, request: QuotaRequest) -> Self:
        """Returns the quota with the limits that the request sets."""
        given = {name: value for name, value in msgspec.structs.asdict(request).items() if value is not None}
        return self._replace(**given)

    def refuse(self, now: int, *, api: int = 0, octets: int = 0, tasks: int = 0) -> None:
        """Nothing is over a limit if the token uses this much more at `now` (µs UTC).

        Raises QuotaReached for a limit of an hour, NotAllowed for one of all time.
        """
        current = self.hour >= now // HOUR
        left = -(-(HOUR - now % HOUR) // 1_000_000)  # seconds
        for more, used, in_all, used_in_hour, in_hour, what in (
            (api, self.api, self.max_api, self.hour_api, self.api_per_hour, "requests"),
            (octets, self.bytes, self.max_bytes, self.hour_bytes, self.bytes_per_hour, "bytes in requests"),
            (tasks, self.tasks, self.max_tasks, self.hour_tasks, self.tasks_per_hour, "tasks"),
        ):
            if more and in_all and used + more > in_all:
                raise NotAllowed(f"This token may use {in_all} {what} in all; {max(in_all - used, 0)} are left.")
            if more and in_hour and (used_in_hour if current else 0) + more > in_hour:
                raise QuotaReached(what, in_hour, left)
