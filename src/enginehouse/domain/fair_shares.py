"""How much slot time each organization has used for its weight. The turns follow from it. Pure.

This is fair queueing with real lengths: an attempt is charged for the time it runs, and at least `START_SECONDS`. A new
organization begins with the least that any has used, and it goes first among equals; so it does not wait because of
what happened before. Time during which an organization had no work gives it no credit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# The least that an attempt costs, in seconds of a slot: attempts that are too short to measure still count.
START_SECONDS: Final = 0.01


class Started(NamedTuple):
    """An attempt that holds a slot, in seconds of one clock. It ends at `until` unless it is prolonged."""

    organization_id: int
    at: float
    until: float


@dataclass(slots=True)
class _Account:
    """`had` is the use up to `at`; since then `running` attempts run. `last` is the number of its last start."""

    had: float
    at: float
    running: int = 0
    last: int = -1


@dataclass(frozen=True, slots=True)
class Level:
    """The shares at one moment: what each organization has used, and the number of its last start."""

    floor: float = 0.0
    starts: int = 0
    accounts: Mapping[int, tuple[float, int]] = field(default_factory=dict)

    def of(self, organization_id: int) -> tuple[float, int]:
        """Returns the sort key of an organization: least use first, among equals the longest since its last start."""
        return self.accounts.get(organization_id, (self.floor, -1))


@dataclass(slots=True)
class Shares:
    """The accounts of one pool of slots. They are in memory only: after a restart all organizations begin equal.

    All times are seconds of one clock, which may stand still and never goes back.
    """

    now: float = 0.0
    starts: int = 0
    _floor: float = 0.0  # the least use among the organizations that wait; never falls
    _weights: Mapping[int, int] = field(default_factory=dict)
    _accounts: dict[int, _Account] = field(default_factory=dict)
    _running: dict[int, Started] = field(default_factory=dict)

    def weigh(self, weights: Mapping[int, int]) -> None:
        """Sets the weights from now on; an organization that is not named has 1."""
        if weights != self._weights:
            for organization_id, account in self._accounts.items():
                self._charge(organization_id, account, self.now)
            self._weights = dict(weights)

    def started(self, token: int, organization_id: int, *, at: float, until: float) -> None:
        """An attempt of the organization holds a slot."""
        self.now = max(self.now, at)
        account = self._accounts.setdefault(organization_id, _Account(self._floor, self.now))
        self._charge(organization_id, account, self.now)
        account.running += 1
        account.last = self.starts
        self.starts += 1
        self._running[token] = Started(organization_id, self.now, until)

    def ended(self, token: int, *, at: float) -> None:
        """The attempt no longer holds its slot. An unknown attempt changes nothing."""
        self.now = max(self.now, at)
        self._end(token, self.now)

    def prolonged(self, token: int, *, until: float) -> None:
        """The attempt holds its slot until `until`. An unknown attempt changes nothing."""
        if (attempt := self._running.get(token)) is not None:
            self._running[token] = attempt._replace(until=until)

    def lapse(self, at: float) -> None:
        """Ends the attempts that were not prolonged in time: an attempt whose end is lost must not count for ever."""
        self.now = max(self.now, at)
        for token in [token for token, attempt in self._running.items() if attempt.until < self.now]:
            self._end(token, self.now)

    def level(self, waiting: Collection[int]) -> Level:
        """Returns the level of all organizations now; `waiting` are those that have items that may start.

        The floor is the least use among those. An organization that returns is raised to the floor. The account of one
        that has nothing running, nothing waiting and no more than the floor is deleted.
        """
        for organization_id, account in self._accounts.items():
            self._charge(organization_id, account, self.now)
        if had := [self._accounts[each].had for each in waiting if each in self._accounts]:
            self._floor = max(self._floor, min(had))
        for organization_id in waiting:
            account = self._accounts.setdefault(organization_id, _Account(self._floor, self.now))
            account.had = max(account.had, self._floor)
        self._forget(waiting)
        accounts = {
            organization_id: (max(account.had, self._floor), account.last)
            for organization_id, account in self._accounts.items()
        }
        return Level(self._floor, self.starts, accounts)

    def _charge(self, organization_id: int, account: _Account, at: float) -> None:
        seconds = at - account.at
        account.at = at
        if account.running and seconds > 0:
            account.had += seconds * account.running / self._weights.get(organization_id, 1)

    def _end(self, token: int, at: float) -> None:
        attempt = self._running.pop(token, None)
        if attempt is None:
            return
        organization_id = attempt.organization_id
        account = self._accounts[organization_id]
        self._charge(organization_id, account, at)
        account.running -= 1
        short_by = START_SECONDS - (at - attempt.at)
        if short_by > 0:
            account.had += short_by / self._weights.get(organization_id, 1)

    def _forget(self, waiting: Collection[int]) -> None:
        idle = [
            organization_id
            for organization_id, account in self._accounts.items()
            if not account.running and account.had <= self._floor and organization_id not in waiting
        ]
        for organization_id in idle:
            del self._accounts[organization_id]
