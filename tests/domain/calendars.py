"""A calendar by brute force: it looks at what a wall clock shows at every moment of a window.

It shares no code with the product: it adds no intervals and compares no offsets; a transition is where the clock jumps.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

Wanted = Callable[[datetime], bool]  # True if there is a slot when a wall clock shows this (naive, whole minutes)


Reading = tuple[datetime, datetime, list[datetime]]  # the moment (UTC), what the clock shows, the times it jumped over


def readings(zone: ZoneInfo, first: datetime, last: datetime) -> list[Reading]:
    """What a clock in the zone shows at every minute of [first, last]; at every second if `_odd`."""
    found = list[Reading]()
    step = timedelta(seconds=1 if _odd(zone, first) or _odd(zone, last) else 60)
    before = (first - step).astimezone(zone).replace(tzinfo=None)
    now = first
    while now <= last:
        here = now.astimezone(zone).replace(tzinfo=None)
        jumped = int((here - before) / step)
        found.append((now, here, [before + n * step for n in range(1, jumped)]))
        before = here
        now += step
    return found


def _odd(zone: ZoneInfo, moment: datetime) -> bool:
    """True if the zone's offset is not whole minutes. This was the case in Monrovia until 1972."""
    return moment.astimezone(zone).second != moment.second


def brute_force(wanted: Wanted, clock: list[Reading], first: datetime) -> list[datetime]:
    """The slots from `first` on: each wanted time when the clock first shows it, or at the end of the jump over it.

    The clock should begin half a day earlier, so that a time that comes twice is not taken for the first one.
    """
    found = list[datetime]()
    seen = set[datetime]()
    for now, here, missing in clock:
        calls = False
        for shown in (*missing, here):
            if not shown.second and wanted(shown) and shown not in seen:
                seen.add(shown)
                calls = True
        if calls and now >= first:
            found.append(now)
    return found


def transitions(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The minutes (UTC) at which the zone's offset changes, found by halving."""
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
