"""A calendar worked out the slow way: every second of a window is asked what a clock on the wall shows.

It shares no code with the product: no intervals are added and no offsets compared, a transition is where clocks jump.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

Wanted = Callable[[datetime], bool]  # whether a wall clock that shows this (naive, whole minutes) calls for a slot


Reading = tuple[datetime, datetime, list[datetime]]  # the moment (UTC), what the clock shows, what it jumped over


def readings(zone: ZoneInfo, first: datetime, last: datetime) -> list[Reading]:
    """What a clock in the zone shows at every minute of [first, last]; every second where it is not set to minutes."""
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
    """Whether the zone's clocks show whole minutes at other moments than UTC's do: Monrovia's did until 1972."""
    return moment.astimezone(zone).second != moment.second


def brute_force(wanted: Wanted, clock: list[Reading], first: datetime) -> list[datetime]:
    """The slots from `first` on: each wanted time when it is first shown, or at the end of the jump over it.

    The clock should begin half a day earlier, so that nothing counts as shown for the first time only because of that.
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
