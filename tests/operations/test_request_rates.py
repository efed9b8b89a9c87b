"""The rates of requests: token buckets for each token and each organization, in bounded memory."""

from dataclasses import replace

import pytest

from enginehouse.domain.errors import RateLimited
from enginehouse.domain.identity import Principal
from enginehouse.operations.throttle import RequestRates

ONE = Principal(1, "u", "one")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def take(rates: RequestRates, principal: Principal = ONE) -> int:
    """Returns 0 if the request is allowed, else after how many seconds."""
    try:
        rates.take(principal)
    except RateLimited as refused:
        return int(str(refused.data["retry_after"]))
    return 0


@pytest.mark.parametrize(("per_token", "per_organization"), [(5, 0), (0, 5), (5, 5), (9, 5)])
def test_as_many_as_are_allowed_come_at_once_and_the_others_wait(per_token: int, per_organization: int) -> None:
    clock = Clock()
    rates = RequestRates(per_token, per_organization, clock=clock)
    assert [take(rates) for _ in range(7)] == [0] * 5 + [2, 2]
    clock.now += 1.5
    assert take(rates) == 1
    clock.now += 0.5
    assert [take(rates), take(rates)] == [0, 2]
    clock.now += 1000
    assert [take(rates) for _ in range(6)] == [0] * 5 + [2]


@pytest.mark.parametrize("allowed", [1, 2, 3, 7, 1000])
def test_who_waits_as_long_as_told_is_allowed(allowed: int) -> None:
    clock = Clock()
    rates = RequestRates(allowed, clock=clock)
    for _ in range(allowed * 3):
        clock.now += take(rates) / 2
        clock.now += (wait := take(rates))
        if wait:
            assert take(rates) == 0


def test_a_token_has_its_own_rate_and_shares_that_of_its_organization() -> None:
    rates = RequestRates(3, 5, clock=Clock())
    two, foreign = replace(ONE, token_id="two"), replace(ONE, token_id="far", organization_id=2)
    assert [take(rates) for _ in range(4)] == [0, 0, 0, 4]
    with pytest.raises(RateLimited, match="with this token: at most 3 in 10 seconds"):
        rates.take(ONE)
    assert [take(rates, two) for _ in range(3)] == [0, 0, 2]
    with pytest.raises(RateLimited, match="of your organization: at most 5 in 10 seconds"):
        rates.take(two)
    assert [take(rates, foreign) for _ in range(3)] == [0, 0, 0]


def test_a_request_that_the_organization_may_not_send_does_not_count_for_its_token() -> None:
    clock = Clock()
    rates = RequestRates(2, 1, clock=clock)
    assert [take(rates), *(take(rates) for _ in range(9))] == [0] + [10] * 9
    clock.now += 10
    assert take(rates) == 0


def test_nothing_is_counted_without_limits() -> None:
    rates = RequestRates(0, 0)
    assert not any(take(rates) for _ in range(10_000))


def test_memory_is_bounded_and_the_oldest_bucket_goes_first() -> None:
    rates = RequestRates(1, 100, limit=3, clock=Clock())
    for token in ("a", "b", "c", "d"):
        assert take(rates, replace(ONE, token_id=token)) == 0
    assert len(rates._tokens) == 3
    assert [take(rates, replace(ONE, token_id=token)) for token in ("b", "c", "d", "a")] == [10, 10, 10, 0]
