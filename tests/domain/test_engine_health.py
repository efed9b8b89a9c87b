"""The health of an engine over HTTP: when it is probed, when it is on trial, and what a call may say."""

import pytest

from enginehouse.domain.engine_health import HEALTHY, SECOND, EngineHealth, HealthEvent, after, pause

NOW = 1_000 * SECOND
OPEN = EngineHealth(NOW + 5 * SECOND, "why", 61)
TRIAL = EngineHealth(None, "why", 61)


@pytest.mark.parametrize(
    ("before", "event", "probed", "expected"),
    [
        (HEALTHY, HealthEvent.NOT_READY, False, EngineHealth(NOW + SECOND, "new", 1)),
        (HEALTHY, HealthEvent.GIVEN_UP, False, EngineHealth(NOW + SECOND, "new", 60)),
        (HEALTHY, HealthEvent.WORKS, False, HEALTHY),
        (EngineHealth(NOW, "old", 1), HealthEvent.NOT_READY, True, EngineHealth(NOW + SECOND, "new", 2)),
        (EngineHealth(NOW, "old", 3), HealthEvent.GIVEN_UP, True, EngineHealth(NOW + SECOND, "new", 60)),
        (OPEN, HealthEvent.NOT_READY, True, EngineHealth(NOW + 4 * SECOND, "new", 62)),
        (OPEN, HealthEvent.READY, True, TRIAL),
        # A call that began before knows nothing of an engine that is unavailable now.
        (OPEN, HealthEvent.WORKS, False, OPEN),
        (OPEN, HealthEvent.GIVEN_UP, False, OPEN),
        (TRIAL, HealthEvent.WORKS, False, HEALTHY),
        (TRIAL, HealthEvent.GIVEN_UP, False, EngineHealth(NOW + 4 * SECOND, "new", 62)),
        (TRIAL, HealthEvent.NOT_READY, False, EngineHealth(NOW + 4 * SECOND, "new", 62)),
    ],
)
def test_what_follows_an_event(before: EngineHealth, event: HealthEvent, probed: bool, expected: EngineHealth) -> None:
    assert after(before, event, "new", now=NOW, probed=probed) == expected


def test_only_a_ready_engine_that_was_unavailable_is_on_trial() -> None:
    assert [health.on_trial for health in (HEALTHY, OPEN, TRIAL)] == [False, False, True]


def test_the_pauses_are_a_second_for_a_minute_and_then_grow_to_a_minute() -> None:
    assert [pause(n) // SECOND for n in (1, 59, 60, 61, 62, 63, 64, 65, 66, 67, 10_000)] == [
        1, 1, 1, 2, 4, 8, 16, 32, 60, 60, 60,
    ]  # fmt: skip
