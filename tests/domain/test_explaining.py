from datetime import UTC, datetime, timedelta

import pytest

from enginehouse.domain.explaining import lint, next_run, sentence, span
from enginehouse.domain.schedule import CatchUp, Fold, Overlap, Recurring, Rules, RunMode, Timing, Unit, Weekly
from enginehouse.domain.slots import EPOCH


def micros(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


NOW = micros("2026-11-24 10:00")
DAILY = Recurring(Unit.DAYS, 1, start=21 * 3600 + 1800)


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(recurring=(DAILY,), zone="Europe/Prague"), "Runs every day at 21:30 (Europe/Prague)."),
        (Timing(recurring=(Recurring(Unit.MINUTES, 5),), zone="Europe/Prague"), "Runs every 5 minutes."),
        (
            Timing(weekly=(Weekly(0, 28_800), Weekly(4, 28_800), Weekly(None, 3600, 7200))),
            "Runs every Monday and Friday at 08:00 and every day at 01:00 to 02:00 (UTC).",
        ),
        (Timing(cron="30 2 * * SUN", zone="Asia/Tokyo"), "Runs at 02:30 on Sunday (Asia/Tokyo)."),
        (
            Timing(recurring=(DAILY,), excluded=frozenset({"2026-12-24", "2026-12-31"})),
            "Runs every day at 21:30 (UTC), but not on 2026-12-24 and 2026-12-31.",
        ),
    ],
)
def test_a_schedule_is_told_in_one_sentence(timing: Timing, expected: str) -> None:
    assert sentence(RunMode.RECURRING, timing, active=True, start=None, stop=None) == expected


def test_the_sentence_says_from_when_until_when_and_that_it_is_paused() -> None:
    text = sentence(RunMode.RECURRING, Timing(recurring=(DAILY,)), active=False, start=NOW, stop=NOW + 10**12)
    assert text == (
        "Runs every day at 21:30 (UTC), from Tuesday, 24 November 2026 at 10:00, "
        "until Saturday, 5 December 2026 at 23:46:40; paused: nothing starts until it is resumed."
    )


@pytest.mark.parametrize("mode", [RunMode.ONCE, RunMode.NOW, RunMode.CONTINUOUS])
def test_every_other_mode_has_its_own_sentence(mode: RunMode) -> None:
    assert sentence(mode, Timing(), active=True, start=None, stop=None).endswith(".")


def test_the_next_run_is_told_in_both_zones() -> None:
    slot = micros("2026-11-24 20:30")
    assert next_run(slot, "Europe/Prague", "America/New_York", NOW) == (
        "Next: Tuesday, 24 November 2026 at 21:30 (Europe/Prague), "
        "Tuesday, 24 November 2026 at 15:30 (America/New_York), in 10 h 30 min."
    )
    assert next_run(slot, "UTC", "UTC", NOW).count("24 November") == 1
    assert next_run(None, "UTC", "UTC", NOW) == "No run is to come."


def warnings(timing: Timing, rules: Rules | None = None) -> list[str]:
    return lint(timing, rules or Rules(), RunMode.RECURRING, anchor=NOW, now=NOW)


def test_a_local_time_in_a_gap_is_warned_of() -> None:
    timing = Timing(recurring=(Recurring(Unit.DAYS, 1, start=9000),), zone="Europe/Prague")
    assert warnings(timing) == [
        "On 2027-03-28 the clock in Europe/Prague is put forward; what falls into that gap runs at 03:00.",
        "02:30 comes twice on 2027-10-31 in Europe/Prague; it runs the first time only.",
    ]
    both = Timing(recurring=timing.recurring, zone=timing.zone, fold=Fold.BOTH)
    assert len(warnings(both)) == 1


def test_runs_that_would_overlap_are_warned_of_unless_a_rule_says_what_then() -> None:
    timing = Timing(recurring=(Recurring(Unit.MINUTES, 5, duration_seconds=600),))
    assert warnings(timing) == ["durationSeconds 600 is longer than the 5 min between runs; they would overlap."]
    assert warnings(timing, Rules(overlap=Overlap.SKIP)) == []


def test_jitter_and_catching_up_beyond_measure_are_warned_of() -> None:
    rules = Rules(jitter_seconds=120, catch_up=CatchUp.ALL)
    assert warnings(Timing(recurring=(Recurring(Unit.MINUTES, 1),)), rules) == [
        "jitterSeconds 120 is longer than the 1 min between two runs.",
        "An hour without a server would be caught up with 60 runs at once.",
    ]


def test_what_never_fires_is_said() -> None:
    assert lint(Timing(), Rules(), RunMode.RECURRING, anchor=NOW, now=NOW) == ["This schedule never fires."]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "less than 1 s"), (59, "59 s"), (3_660, "1 h 1 min"), (90_061, "1 d 1 h")]
)
def test_a_span_is_told_in_its_two_largest_units(seconds: int, expected: str) -> None:
    assert span(seconds * 1_000_000) == expected
