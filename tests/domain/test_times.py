"""Times: every form that a client may send, and the forms of the interfaces."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain import times
from enginehouse.domain.times import DateTimeError, moment, upper_bound

TEN = 1_514_800_800_000_000  # 2018-01-01T10:00:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A_DAY = 86_400_000_000
# A day inside the years 1 to 9999, so that any offset stays in them.
AWARE = st.integers(-62_135_596_800_000_000 + A_DAY, 253_402_300_799_999_999 - A_DAY).map(
    lambda micros: EPOCH + timedelta(microseconds=micros)
)


def micros_of(value: datetime) -> int:
    return (value - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        ("2018-01-01T10:00:00", TEN),
        ("2018-01-01T10:00:00Z", TEN),
        ("2018-01-01T10:00:00.000Z", TEN),
        ("2018-01-01t10:00:00z", TEN),
        ("2018-01-01 10:00:00+00:00", TEN),
        ("2018-01-01T10:00Z", TEN),
        ("2018-01-01T11:30:00+01:30", TEN),
        ("2018-01-01T03:00:00-0700", TEN),
        ("2018-01-01T03:00:00-07", TEN),
        ("20180101T100000Z", TEN),
        ("20190424T174428Z", 1_556_127_868_000_000),
        ("2018-01-01", TEN - 36_000_000_000),
        ("2018-01-01T10:00:00.5Z", TEN + 500_000),
        ("2018-01-01T10:00:00,123456Z", TEN + 123_456),
        ("2018-01-01T10:00:00.123456789Z", TEN + 123_456),
        ("2020-03-26T12:37:01.348472-07:00", 1_585_251_421_348_472),
        ("1960-01-01T00:00:00Z", -315_619_200_000_000),
        (1_514_800_800, TEN),
        ("1514800800", TEN),
        (1_514_800_800_123, TEN + 123_000),
        ("1514800800123", TEN + 123_000),
        (1_514_800_800.5, TEN + 500_000),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (0, 0),
        ("Mon Jan 01 2018 10:00:00 GMT+0000 (Coordinated Universal Time)", TEN),
        ("Mon Jan 01 2018 12:00:00 GMT+0200 (Mitteleuropäische Zeit)", TEN),
        ("Mon Jan 01 2018 02:30:00 GMT-0730", TEN),
        ("Mon Jan 01 2018 15:30:00 GMT+05:30 (GMT+05:30)", TEN),
        ("Mon Jan 01 2018 10:00:00 GMT", TEN),
        ("Mon, 01 Jan 2018 10:00:00 GMT", TEN),
        ("Fri Dec 18 2019 10:00:00 GMT+0000 (Coordinated Universal Time)", 1_576_663_200_000_000),
    ],
)
def test_every_documented_form_is_read(written: object, micros: int) -> None:
    assert moment(written) == micros


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00.000Z",
        "Mon Jan 01 0001 00:00:00 GMT",
    ],
)
def test_the_zero_time_is_no_time(written: object) -> None:
    assert moment(written) is None
    assert upper_bound(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-30",
        "Mon Feb 30 2026 10:00:00 GMT+0000",
        "Mon Jan 01 2018 24:00:00 GMT+0000",
        "Mon Jan 01 2018 10:00:00 GMT+2400",
        "Mon Jan 01 2018 10:00:00",
        "Mon Jan 1 2018 10:00:00 GMT+0000",
        "Mon Jan 01 2018 10:00:00 GMT+0000 (",
        "Mon Jan 01 2018 10:00:00 GMT+0000 (a) (b)",
        "Invalid Date",
        "2026-13-01",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00.5Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-0101",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "yesterday",
        "٢٠٢٦-٠١-٠١",
        "1514800800.5",
        "-1514800800",
        "1" * 40,
        -1,
        10**18,
        10**400,
        float("nan"),
        float("inf"),
        True,
        False,
        [],
        {},
        b"2018-01-01",
    ],
)
def test_everything_else_is_refused_with_one_sentence(written: object) -> None:
    for read in (moment, upper_bound):
        with pytest.raises(DateTimeError) as refused:
            read(written)
        assert str(refused.value) == "not a valid date-time (ISO 8601, Unix seconds or milliseconds)."


@pytest.mark.parametrize(
    ("written", "last"),
    [
        ("2018-01-01T10:00:00Z", TEN + 999_999),
        ("20180101T100000", TEN + 999_999),
        ("Mon Jan 01 2018 10:00:00 GMT+0000", TEN + 999_999),
        (1_514_800_800, TEN + 999_999),
        ("1514800800", TEN + 999_999),
        ("2018-01-01T10:00:00.000Z", TEN + 999),
        ("2018-01-01T10:00:00.25Z", TEN + 259_999),
        ("2018-01-01T10:00:00.250000Z", TEN + 250_000),
        ("2018-01-01T10:00:00.250000123Z", TEN + 250_000),
        (1_514_800_800_250, TEN + 250_999),
        (1_514_800_800.25, TEN + 250_000),
    ],
)
def test_an_upper_bound_covers_the_unit_in_which_it_is_written(written: object, last: int) -> None:
    assert upper_bound(written) == last


@given(AWARE, st.integers(-14 * 60, 14 * 60))
def test_every_date_of_javascript_is_read(moment_: datetime, minutes: int) -> None:
    there = moment_.replace(microsecond=0).astimezone(timezone(timedelta(minutes=minutes)))
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    day = f"{there:%a} {months[there.month - 1]} {there.day:02} {there.year:04} {there:%H:%M:%S}"
    assert moment(f"{day} GMT{there:%z} (Any Time)") == micros_of(there)


def test_answers_have_the_documented_form() -> None:
    assert times.graphql_millis(TEN + 987_654) == "2018-01-01T10:00:00.987Z"
    assert times.rest(TEN) == "2018-01-01T10:00:00Z"
    assert times.rest(TEN + 20) == "2018-01-01T10:00:00.000020Z"
    assert times.unix_seconds(TEN + 987_654) == TEN // 1_000_000
    assert times.rest(-1) == "1969-12-31T23:59:59.999999Z"
    assert times.rest(micros_of(datetime(33, 4, 3, tzinfo=UTC))) == "0033-04-03T00:00:00Z"


@given(AWARE, st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_what_python_writes_in_any_zone_is_read_exactly(value: datetime, offset: int) -> None:
    written = value.astimezone(timezone(timedelta(minutes=offset))).isoformat()
    assert moment(written) == micros_of(value)


@given(AWARE)
def test_what_is_answered_is_read_back(value: datetime) -> None:
    micros = micros_of(value)
    assert moment(times.rest(micros)) == micros
    assert moment(times.graphql_millis(micros)) == micros // 1000 * 1000
    assert upper_bound(times.graphql_millis(micros)) == micros // 1000 * 1000 + 999


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats()))
def test_any_value_is_read_or_refused(value: object) -> None:
    try:
        micros = moment(value)
    except DateTimeError:
        return
    assert micros is None or times.rest(micros).endswith("Z")
