"""When an item is tried again: what pays for the failure, how often, after which pause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.retry import (
    LONGEST_PAUSE,
    MAX_LOST,
    Again,
    Blame,
    FailureKind,
    GiveUp,
    after_failure,
    blame,
)

NOW = 1_000_000_000
RETRIED = [kind for kind in FailureKind if blame(kind) is Blame.ATTEMPT]
FINAL = [kind for kind in FailureKind if blame(kind) is Blame.FINAL]


def decide(
    kind: FailureKind, failures: int = 1, *, lost: int = 0, own: int | None = None, theirs: int | None = None
) -> Again | GiveUp:
    return after_failure(kind, failures=failures, lost=lost, max_retries=own, organization_retries=theirs, now=NOW)


def tries(own: int | None, theirs: int | None) -> int:
    """How many tries an item gets if it fails each time."""
    failures = 1
    while isinstance(decide(FailureKind.INTERNAL_ERROR, failures, own=own, theirs=theirs), Again):
        failures += 1
    return failures


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [(None, None, 3), (0, None, 1), (1, None, 2), (7, None, 8), (None, 5, 6), (None, 0, 1), (0, 5, 1), (2, 0, 3)],
)
def test_max_retries_n_means_n_more_tries_and_the_task_speaks_before_the_organization(
    own: int | None, theirs: int | None, expected: int
) -> None:
    assert tries(own, theirs) == expected


@pytest.mark.parametrize("kind", FINAL)
def test_what_trying_again_cannot_help_gives_up_at_once(kind: FailureKind) -> None:
    assert decide(kind, own=100) == GiveUp(kind)


def test_a_failure_that_is_sure_to_come_again_gives_up_at_once() -> None:
    verdict = after_failure(
        FailureKind.URL_ERROR, failures=1, lost=0, max_retries=9, organization_retries=None, now=NOW, is_final=True
    )
    assert verdict == GiveUp(FailureKind.URL_ERROR)
    assert blame(FailureKind.URL_ERROR, is_final=True) is Blame.FINAL


@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        (None, 4),
        (0, 4),
        (-5, 4),
        (3.5, 4),
        (4.5, 4.5),
        (600, 600),
        (3600, 3600),
        (1e9, 3600),
        (float("inf"), 3600),
        (float("nan"), 4),
    ],
)
def test_the_pause_is_at_least_what_somebody_asks_for_up_to_an_hour(wish: float | None, pause: float) -> None:
    verdict = after_failure(
        FailureKind.RATE_LIMITED,
        failures=3,
        lost=0,
        max_retries=9,
        organization_retries=None,
        now=NOW,
        retry_after=wish,
    )
    assert verdict == Again(NOW + int(pause * 1_000_000))


def test_what_cannot_be_helped_is_what_stays_as_it_is() -> None:
    assert {kind.value for kind in FINAL} == {
        "url_not_found",
        "url_not_allowed",
        "invalid_data",
        "api_not_allowed",
        "api_authentication_error",
        "system_dependency_missing",
        "unsupported_type",
    }


@pytest.mark.parametrize("kind", RETRIED)
def test_the_last_failure_is_the_one_that_is_named(kind: FailureKind) -> None:
    assert decide(kind, 3) == GiveUp(kind)
    assert decide(kind, 2) == Again(NOW + 2_000_000)


def test_a_lost_worker_is_counted_apart() -> None:
    assert decide(FailureKind.WORKER_LOST, 0, lost=MAX_LOST - 1, own=0) == Again(NOW)
    assert decide(FailureKind.WORKER_LOST, 0, lost=MAX_LOST, own=100) == GiveUp(FailureKind.WORKER_LOST)


@given(
    st.sampled_from([FailureKind.SERVER_STOPPED, FailureKind.NOT_STARTED]), st.integers(0, 1000), st.integers(0, 1000)
)
def test_what_our_own_worker_gives_back_is_never_charged(kind: FailureKind, failures: int, lost: int) -> None:
    assert decide(kind, failures, lost=lost, own=0) == Again(NOW)


def test_the_pause_doubles_from_a_second_up_to_five_minutes() -> None:
    pauses = []
    for failures in range(1, 100):
        following = decide(FailureKind.API_ERROR, failures, own=100)
        assert isinstance(following, Again)
        pauses.append(following.at - NOW)
    assert pauses[:4] == [1_000_000, 2_000_000, 4_000_000, 8_000_000]
    assert pauses == sorted(pauses)
    assert set(pauses[9:]) == {LONGEST_PAUSE}
