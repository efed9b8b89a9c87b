"""A calendar worked out the slow way: every second of a window is asked what a clock on the wall shows.

It shares no code with the product: no intervals are added and no offsets compared, a transition is where clocks jump.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

Wanted = Callable[[datetime], bool]  # whether a wall clock that shows this (naive, whole minutes) calls for a slot


Reading = tuple[datetime, datetime, list[datetime]]  # the minute (UTC), what the clock shows, what it jumped over


def readings(zone: ZoneInfo, first: datetime, last: datetime) -> list[Reading]:
    """What a clock in the zone shows at every minute of [first, last]."""
    found = list[Reading]()
    before = (first - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
    now = first
    while now <= last:
        here = now.astimezone(zone).replace(tzinfo=None)
        jumped = int((here - before) / timedelta(minutes=1))
        found.append((now, here, [before + timedelta(minutes=n) for n in range(1, jumped)]))
        before = here
        now += timedelta(minutes=1)
    return found


def brute_force(wanted: Wanted, clock: list[Reading], first: datetime) -> list[datetime]:
    """The slots from `first` on: each wanted time when it is first shown, or at the end of the jump over it.

    The clock should begin half a day earlier, so that nothing counts as shown for the first time only because of that.
    """
    found = list[datetime]()
    seen = set[datetime]()
    for now, here, missing in clock:
        calls = False
        for shown in (*missing, here):
            if wanted(shown) and shown not in seen:
                seen.add(shown)
                calls = True
        if calls and now >= first:
            found.append(now)
    return found


def transitions(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The minutes (UTC) at which the zone's offset is another than an hour before, found by halving."""
    found = list[datetime]()
    day = datetime(first_year, 1, 1, tzinfo=UTC)
    end = datetime(last_year, 12, 31, tzinfo=UTC)
    while day < end:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            low, high = day, following
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=int((high - low).total_seconds() // 120))
                if middle.astimezone(zone).utcoffset() == day.astimezone(zone).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        day = following
    return found
