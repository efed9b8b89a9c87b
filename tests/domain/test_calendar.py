import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.calendars import Wanted, brute_force, readings, transitions
from tests.thorough import THOROUGH

from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.timing import EPOCH, Fold, Gap, Recurring, Timing, Unit, Weekly
from enginehouse.domain.schedules.zones import UnknownZone, zone_names, zone_of
from enginehouse.domain.times import SECOND

DAY = 86_400 * SECOND
MICRO = timedelta(microseconds=1)


def micros(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // MICRO


def moments(timing: Timing, anchor: str, number: int, after: str | None = None) -> list[str]:
    begin = micros(anchor) - 1 if after is None else micros(after)
    found = islice(slots(timing, anchor=micros(anchor), after=begin), number)
    return [(EPOCH + slot * MICRO).strftime("%Y-%m-%d %H:%M:%S") for slot in found]


def daily(start: str, every: int = 1) -> Timing:
    hours, minutes = start.split(":")
    return Timing(recurring=(Recurring(Unit.DAYS, every, start=int(hours) * 3600 + int(minutes) * 60),))


def in_(zone: str, timing: Timing, gap: Gap = Gap.AFTER, fold: Fold = Fold.FIRST) -> Timing:
    return Timing(
        recurring=timing.recurring, weekly=timing.weekly, cron=timing.cron, zone=zone, gap=gap, fold=fold,
        excluded=timing.excluded,
    )  # fmt: skip


def test_a_time_that_does_not_exist_fires_at_the_first_instant_after_the_gap() -> None:
    prague = in_("Europe/Prague", daily("02:30"))
    assert moments(prague, "2027-03-27 00:00", 3) == [
        "2027-03-27 01:30:00",
        "2027-03-28 01:00:00",
        "2027-03-29 00:30:00",
    ]


def test_two_times_in_one_gap_fire_once() -> None:
    two = Timing(recurring=daily("02:10").recurring + daily("02:50").recurring, zone="Europe/Prague")
    assert moments(two, "2027-03-28 00:00", 2) == ["2027-03-28 01:00:00", "2027-03-29 00:10:00"]


def test_a_time_in_a_gap_may_be_skipped() -> None:
    prague = in_("Europe/Prague", daily("02:30"), gap=Gap.SKIP)
    assert moments(prague, "2027-03-28 00:00", 1) == ["2027-03-29 00:30:00"]


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (Fold.FIRST, ["2027-10-31 00:30:00", "2027-11-01 01:30:00"]),
        (Fold.LAST, ["2027-10-31 01:30:00", "2027-11-01 01:30:00"]),
        (Fold.BOTH, ["2027-10-31 00:30:00", "2027-10-31 01:30:00"]),
    ],
)
def test_a_time_that_comes_twice_fires_as_the_schedule_says(fold: Fold, expected: list[str]) -> None:
    assert moments(in_("Europe/Prague", daily("02:30"), fold=fold), "2027-10-31 00:00", 2) == expected


def test_a_cron_line_for_every_hour_goes_on_through_the_repeated_hour() -> None:
    prague = Timing(cron="*/30 * * * *", zone="Europe/Prague")
    assert moments(prague, "2027-10-31 00:00", 5) == [
        "2027-10-31 00:00:00",
        "2027-10-31 00:30:00",
        "2027-10-31 01:00:00",
        "2027-10-31 01:30:00",
        "2027-10-31 02:00:00",
    ]


def test_a_day_that_a_zone_left_out_fires_at_its_end() -> None:
    apia = in_("Pacific/Apia", daily("12:00"))  # went from the 29th to the 31st of December 2011
    assert moments(apia, "2011-12-29 00:00", 3) == [
        "2011-12-29 22:00:00",
        "2011-12-30 10:00:00",
        "2011-12-30 22:00:00",
    ]


@pytest.mark.parametrize(
    ("unit", "every", "anchor", "expected"),
    [
        (Unit.MONTHS, 1, "2027-01-31 10:00", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        (Unit.MONTHS, 3, "2026-11-30 10:00", ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]),
        (Unit.MONTHS, 12, "2028-02-29 10:00", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28"]),
        (Unit.WEEKS, 2, "2027-01-01 10:00", ["2027-01-01", "2027-01-15", "2027-01-29", "2027-02-12"]),
        (Unit.DAYS, 3, "2028-02-27 10:00", ["2028-02-27", "2028-03-01", "2028-03-04", "2028-03-07"]),
    ],
)
def test_dates_clamp_to_the_end_of_a_month_and_come_back(
    unit: Unit, every: int, anchor: str, expected: list[str]
) -> None:
    timing = Timing(recurring=(Recurring(unit, every),))
    assert moments(timing, anchor, 4) == [f"{day} 10:00:00" for day in expected]


def test_the_29th_of_february_comes_back_in_a_leap_year() -> None:
    timing = Timing(recurring=(Recurring(Unit.MONTHS, 12),))
    assert moments(timing, "2028-02-29 10:00", 1, after="2031-06-01 00:00") == ["2032-02-29 10:00:00"]


def test_elapsed_intervals_are_counted_from_the_anchor_and_know_no_zone() -> None:
    timing = Timing(recurring=(Recurring(Unit.HOURS, 5),), zone="Europe/Prague")
    assert moments(timing, "2027-03-27 22:00", 3) == [
        "2027-03-27 22:00:00",
        "2027-03-28 03:00:00",
        "2027-03-28 08:00:00",
    ]
    assert moments(timing, "2027-03-27 22:00", 1, after="2027-03-28 08:00") == ["2027-03-28 13:00:00"]


def test_nothing_is_before_the_anchor() -> None:
    timing = daily("21:30")
    assert moments(timing, "2027-03-27 22:00", 1, after="2020-01-01 00:00") == ["2027-03-28 21:30:00"]


KINDS = {
    "elapsed": Timing(recurring=(Recurring(Unit.HOURS, 1_000_000_000),)),
    "seconds": Timing(recurring=(Recurring(Unit.SECONDS, 1),)),
    "days": daily("10:00"),
    "months": Timing(recurring=(Recurring(Unit.MONTHS, 12),)),
    "weekly": Timing(weekly=(Weekly(0, start=0),)),
    "cron": Timing(cron="0 0 29 2 *"),
    "every hour": Timing(cron="0 * * * *"),
}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("timing", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("anchor", ["0001-01-01", "1970-01-01", "2400-12-31", "9999-12-31 23:59:59.999999"])
def test_the_ends_of_the_calendar_have_slots_or_none(timing: Timing, anchor: str, zone: str) -> None:
    placed = in_(zone, timing)
    for after in (micros(anchor) - 1, micros("2026-01-01"), micros("9999-12-31 23:59:59.999999")):
        found = list(islice(slots(placed, anchor=micros(anchor), after=after), 1000))
        assert found == sorted(set(found))
        assert all(micros(anchor) <= slot < micros("2401-01-01") for slot in found)
        assert not found or after < micros("2401-01-01")


def test_days_of_the_week_and_every_day_are_joined_without_doubles() -> None:
    timing = Timing(weekly=(Weekly(2, 3600), Weekly(None, 3600), Weekly(2, 7200)))  # the 3rd is a Wednesday
    assert moments(timing, "2027-02-02 00:00", 4) == [
        "2027-02-02 01:00:00",
        "2027-02-03 01:00:00",
        "2027-02-03 02:00:00",
        "2027-02-04 01:00:00",
    ]


def test_an_excluded_date_is_the_zones() -> None:
    timing = Timing(cron="0 1 * * *", zone="Asia/Tokyo", excluded=frozenset({"2027-02-03"}))
    assert moments(timing, "2027-02-01 12:00", 2) == [
        "2027-02-01 16:00:00",
        "2027-02-03 16:00:00",
    ]


def test_a_zone_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownZone, match=r'"Europe/Pragu" is not an IANA zone\. Did you mean "Europe/Prague"\?'):
        zone_of("Europe/Pragu")


@given(
    st.sampled_from(sorted(zone_names())),
    st.lists(st.builds(Recurring, st.sampled_from(list(Unit)), st.integers(1, 40)), min_size=1, max_size=3),
    st.integers(0, 2_000_000_000).map(lambda seconds: seconds * SECOND),
    st.integers(-90, 90),
    st.sampled_from(list(Fold)),
    st.sampled_from(list(Gap)),
)
def test_slots_rise_and_do_not_depend_on_where_one_begins(
    zone: str, parts: list[Recurring], anchor: int, days: int, fold: Fold, gap: Gap
) -> None:
    timing = Timing(recurring=tuple(parts), zone=zone, fold=fold, gap=gap)
    after = anchor + days * DAY
    found = list(islice(slots(timing, anchor=anchor, after=after), 8))
    assert found == sorted(set(found))
    assert all(slot > after and slot >= anchor for slot in found)
    assert list(islice(slots(timing, anchor=anchor, after=found[2]), 5)) == found[3:]


# -- every zone against brute force ---------------------------------------------------------------------------

Specification = tuple[Timing, Wanted]


def _fixed(hour: int, minute: int, day: Callable[[datetime], bool] = lambda _: True) -> Wanted:
    return lambda shown: (shown.hour, shown.minute) == (hour, minute) and day(shown)


def _on(day: int) -> Callable[[datetime], bool]:
    return lambda shown: shown.weekday() == day


def _specifications() -> list[Specification]:
    found: list[Specification] = []
    for hour, minute in ((0, 0), (0, 30), (1, 0), (1, 30), (2, 0), (2, 30), (2, 59), (3, 0), (12, 0), (23, 59)):
        found.append((daily(f"{hour:02}:{minute:02}"), _fixed(hour, minute)))
    for day, (hour, minute) in enumerate(((0, 15), (1, 45), (2, 15), (3, 30), (23, 0), (0, 0), (2, 30))):
        found.append((Timing(weekly=(Weekly(day, hour * 3600 + minute * 60),)), _fixed(hour, minute, _on(day))))
    found.append((Timing(cron="*/20 0-4 * * *"), lambda s: s.minute % 20 == 0 and s.hour <= 4))
    found.append((Timing(cron="30 2 * * SUN"), _fixed(2, 30, lambda s: s.weekday() == 6)))
    found.append((Timing(cron="15,45 1,2,3 * * *"), lambda s: s.minute in (15, 45) and s.hour in (1, 2, 3)))
    return found


SPECIFICATIONS = _specifications()


def _sample() -> list[str]:
    """Every zone, or a few; always Monrovia, whose offset had seconds."""
    zones = sorted(zone_names())
    return zones if THOROUGH else ["Africa/Monrovia", *random.Random(20_260_101).sample(zones, 12)]


@pytest.mark.parametrize("name", _sample())
def test_every_transition_agrees_with_the_slow_calendar(name: str) -> None:
    """Around each change of a zone's offset, the slots are those that a person who watches the clock would name."""
    zone = zone_of(name)
    changes = transitions(zone, 1970, 2037)
    if not THOROUGH:
        changes = random.Random(name).sample(changes, min(3, len(changes)))
    for change in changes:
        first, last = change - timedelta(hours=5), change + timedelta(hours=5)
        clock = readings(zone, first - timedelta(hours=12), last)
        begin = (first - EPOCH) // MICRO
        for timing, wanted in SPECIFICATIONS:
            expected = brute_force(wanted, clock, first)
            found = list[datetime]()
            for slot in slots(in_(name, timing), anchor=begin - 40 * DAY, after=begin - 1):
                if EPOCH + slot * MICRO > last:
                    break
                found.append(EPOCH + slot * MICRO)
            assert found == expected, f"{name} at {change}, {timing}"


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Europe/Prague", "Antarctica/Troll", "America/St_Johns"])
@pytest.mark.parametrize(
    ("line", "minutes", "hours"),
    [
        ("45 * * * *", {45}, 1),
        ("15 0-23 * * *", {15}, 1),
        ("*/20 */1 * * *", {0, 20, 40}, 1),
        ("15,45 */2 * * *", {15, 45}, 2),
    ],
)
def test_a_line_of_every_hour_fires_whenever_the_clock_shows_its_time(
    zone: str, line: str, minutes: set[int], hours: int
) -> None:
    days = transitions(zone_of(zone), 2027, 2027)
    assert days
    for day in days:
        for begin in (day - timedelta(hours=12), day - timedelta(minutes=20), day + timedelta(minutes=20)):
            every_minute = (begin + timedelta(minutes=n) for n in range(24 * 60))
            expected = [
                each
                for each in every_minute
                if (local := each.astimezone(zone_of(zone))).minute in minutes and local.hour % hours == 0
            ]
            after = (begin - EPOCH) // MICRO - 1
            found = islice(slots(Timing(cron=line, zone=zone), anchor=after, after=after), len(expected))
            assert [EPOCH + slot * MICRO for slot in found] == expected
