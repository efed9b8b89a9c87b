from datetime import UTC, datetime, timedelta

import pytest

from enginehouse.domain.schedules.description import lint, next_run, outlook, sentence, span
from enginehouse.domain.schedules.timing import (
    EPOCH,
    CatchUp,
    Fold,
    Overlap,
    Recurring,
    Rules,
    RunMode,
    Timing,
    Unit,
    Weekly,
)


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
        "02:30 does not exist on 2027-03-28 in Europe/Prague; that day it runs at 03:00.",
        "02:30 comes twice on 2027-10-31 in Europe/Prague; it runs the first time only.",
    ]
    both = Timing(recurring=timing.recurring, zone=timing.zone, fold=Fold.BOTH)
    assert len(warnings(both)) == 1


def test_every_local_time_in_a_gap_is_named_and_elapsed_time_knows_none() -> None:
    cron = Timing(cron="*/15 2 * * *", zone="Europe/Prague")
    assert lint(cron, Rules(), RunMode.RECURRING, anchor=NOW, now=micros("2027-03-27 12:00"))[0] == (
        "02:00, 02:15, 02:30 and 02:45 do not exist on 2027-03-28 in Europe/Prague; that day it runs at 03:00."
    )
    fourth_days = Timing(recurring=(Recurring(Unit.DAYS, 4, start=9000),), zone="Europe/Prague")
    assert "2027-03-28" in warnings(fourth_days)[0]
    other_days = lint(fourth_days, Rules(), RunMode.RECURRING, anchor=NOW + 86_400_000_000, now=NOW)
    assert not any("exist" in text for text in other_days)
    assert warnings(Timing(recurring=(Recurring(Unit.HOURS, 1),), zone="Europe/Prague")) == []
    assert warnings(Timing(cron="0 * * * *", zone="Europe/Prague")) == []


def test_every_missing_and_repeated_time_is_named_with_every_date() -> None:
    cron = Timing(cron="*/15 2 * * *", zone="Europe/Prague")  # a hundred days hold as many slots as are looked at
    assert warnings(cron) == [
        "02:00, 02:15, 02:30 and 02:45 do not exist on 2027-03-28 in Europe/Prague; that day it runs at 03:00.",
        "02:00, 02:15, 02:30 and 02:45 come twice on 2027-10-31 in Europe/Prague; it runs the first time only.",
    ]
    minutes = warnings(Timing(cron="* 2 * * *", zone="Europe/Prague", fold=Fold.LAST))
    assert minutes[0].startswith("02:00 to 02:59 (60 times) do not exist on 2027-03-28 ")
    assert minutes[1].endswith("; it runs the second time only.")
    sundays = Timing(weekly=(Weekly(6, 9000), Weekly(6, 9300)), zone="Europe/Prague")
    missing, repeated = warnings(sundays)
    dates = "2027-03-28, 2028-03-26, 2029-03-25 and 2030-03-31"
    assert missing == (f"02:30 and 02:35 do not exist on {dates} in Europe/Prague; on those days it runs at 03:00.")
    dates = "2027-10-31, 2028-10-29 and 2029-10-28"
    assert repeated == f"02:30 and 02:35 come twice on {dates} in Europe/Prague; it runs the first time only."
    half = Timing(recurring=(Recurring(Unit.DAYS, 1, start=6300),), zone="Australia/Lord_Howe")
    assert warnings(half) == ["01:45 comes twice on 2027-04-04 in Australia/Lord_Howe; it runs the first time only."]
    excluded = Timing(recurring=half.recurring, zone=half.zone, excluded=frozenset({"2027-04-04"}))
    assert warnings(excluded) == []
    before = lint(half, Rules(), RunMode.RECURRING, anchor=NOW, now=NOW, stop=micros("2027-04-01 00:00"))
    assert before == []
    assert warnings(Timing(cron="45 0-23 * * *", zone="Australia/Lord_Howe")) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("*/90 * * * *", ['cron field 1 (minute): the step of "*/90" is larger than the field; it runs at 0 only.']),
        ("0 */36 * * *", ['cron field 2 (hour): the step of "*/36" is larger than the field; it runs at 0 only.']),
        ("5/70 1-4/9 * * *", [
            'cron field 1 (minute): the step of "5/70" is larger than the field; it runs at 5 only.',
            'cron field 2 (hour): the step of "1-4/9" is larger than the field; it runs at 1 only.',
        ]),
        ("0 0 */40 * *", [
            'cron field 3 (day of the month): the step of "*/40" is larger than the field; it runs at 1 only.',
        ]),
        ("0 0 1 */13 *", ['cron field 4 (month): the step of "*/13" is larger than the field; it runs at JAN only.']),
        ("0 0 * * */9", [
            'cron field 5 (day of the week): the step of "*/9" is larger than the field; it runs at SUN only.',
            ]),
        ("*/60 */24 */31 */12 *", []),
        ("*/59,3 8-18/10 * * mon-fri", []),
        ("0 0 13 * 5", [
            'cron: day of the month "13" beside day of the week "5": it runs on each day that matches one of them.',
        ]),
        ("0 0 */2 * MON", [
            'cron: day of the month "*/2" beside day of the week "MON": it runs only on a day that matches both.',
        ]),
        ("0 0 28-31 2 *", ["cron field 3 (day of the month): 30 and 31 do not exist in the months of the line."]),
        ("0 0 1,31 4,6 *", ["cron field 3 (day of the month): 31 does not exist in the months of the line."]),
        ("0 0 L * *", []),
    ],
)  # fmt: skip
def test_what_in_a_cron_line_never_happens_as_written_is_warned_of(line: str, expected: list[str]) -> None:
    assert warnings(Timing(cron=line)) == expected


@pytest.mark.parametrize(
    ("overlap", "then"),
    [
        (Overlap.ALLOW, "they overlap"),
        (Overlap.SKIP, "slots in between are skipped"),
        (Overlap.QUEUE, "slots wait ever longer"),
        (Overlap.REPLACE, "the next run stops the one before"),
    ],
)
def test_runs_that_took_longer_than_the_interval_are_warned_of(overlap: Overlap, then: str) -> None:
    def told(usual_run: int) -> list[str]:
        timing, rules = Timing(recurring=(Recurring(Unit.MINUTES, 5),)), Rules(overlap=overlap)
        return lint(timing, rules, RunMode.RECURRING, anchor=NOW, now=NOW, usual_run=usual_run)

    assert told(300_000_000) == []
    assert told(301_000_000) == [f"Its last runs took 5 min 1 s, longer than the 5 min between two; {then}."]


def test_what_is_to_come_is_told_for_every_mode() -> None:
    def told(mode: RunMode, slot: int | None = None, *, active: bool = True, begun: bool = False) -> str:
        return outlook(mode, slot, "UTC", "UTC", NOW, active=active, begun=begun)

    assert told(RunMode.ONCE) == told(RunMode.ONCE, active=False) == "It runs when it is launched."
    assert told(RunMode.NOW) == told(RunMode.CONTINUOUS) == "The first run starts at once."
    assert told(RunMode.NOW, begun=True) == "Its run has started; after that it runs when it is launched."
    assert told(RunMode.CONTINUOUS, begun=True) == "The next run starts when the one before has ended."
    assert told(RunMode.RECURRING) == "No run is to come."
    later = "Next: Tuesday, 24 November 2026 at 10:00:01 (UTC), in 1 s."
    assert told(RunMode.RECURRING, NOW + 1_000_000) == told(RunMode.CONTINUOUS, NOW + 1_000_000) == later
    paused = "It is paused, so nothing is to come."
    assert told(RunMode.RECURRING, active=False) == paused
    assert told(RunMode.RECURRING, NOW + 1_000_000, active=False) == f"{paused} If it were resumed now: {later}"


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
