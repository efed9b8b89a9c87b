"""How much of the slots each organization has had for its weight: the measure by which turns are given. Pure.

The measure is that of fair queueing with real lengths: a running attempt is charged as long as it runs, one that is
over in no time for its start. A newcomer begins level with the one that has had least and goes first among equals, so
it waits for nobody's past; the time somebody was away is owed to nobody.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# What an attempt costs at least, in seconds of a slot: attempts too short to be measured still count.
START_SECONDS: Final = 0.01


class Started(NamedTuple):
    """An attempt that holds a slot, in seconds of one clock. It is over at `until` unless that is prolonged."""

    organization_id: int
    at: float
    until: float


@dataclass(slots=True)
class _Account:
    """`had` counts up to `at`; since then `running` attempts have run. `last`: the number of its last start."""

    had: float
    at: float
    running: int = 0
    last: int = -1


@dataclass(frozen=True, slots=True)
class Level:
    """How all organizations stand at one moment: what each has had, and the number of its last start."""

    floor: float = 0.0
    starts: int = 0
    accounts: Mapping[int, tuple[float, int]] = field(default_factory=dict)

    def of(self, organization_id: int) -> tuple[float, int]:
        """Sorts first whose turn it is: who has had least, and among equals who has waited longest."""
        return self.accounts.get(organization_id, (self.floor, -1))


@dataclass(slots=True)
class Shares:
    """The accounts of one pool of slots. Memory only: after a restart all begin level.

    Every call that says when gives the seconds of the same clock, which may stand still and never goes back.
    """

    now: float = 0.0
    starts: int = 0
    _floor: float = 0.0  # what the one that has had least of all that wait has had; never falls
    _weights: Mapping[int, int] = field(default_factory=dict)
    _accounts: dict[int, _Account] = field(default_factory=dict)
    _running: dict[int, Started] = field(default_factory=dict)

    def weigh(self, weights: Mapping[int, int]) -> None:
        """From now on these weights hold; an organization that is not named has 1."""
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
        """The attempt holds its slot no longer. Nothing happens for one that is not known."""
        self.now = max(self.now, at)
        self._end(token, self.now)

    def prolonged(self, token: int, *, until: float) -> None:
        """The attempt was heard of."""
        if (attempt := self._running.get(token)) is not None:
            self._running[token] = attempt._replace(until=until)

    def lapse(self, at: float) -> None:
        """Attempts that nobody has heard of in time ended then: an end that was never told must not count for ever."""
        self.now = max(self.now, at)
        for token in [token for token, attempt in self._running.items() if attempt.until < self.now]:
            self._end(token, self.now)

    def level(self, waiting: Collection[int]) -> Level:
        """How all stand now; `waiting` are the organizations that have something that may start.

        The floor is what the least of those has had. Whoever comes back is lifted to it; whoever is below it and has
        nothing to start is forgotten.
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
