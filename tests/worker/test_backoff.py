"""Pauses grow, differ from worker to worker, and are never shorter than the server wants."""

from enginehouse.worker.backoff import FIRST, LONGEST, LONGEST_WISH, Backoff


def test_pauses_double_up_to_a_limit_and_begin_again() -> None:
    backoff = Backoff(spread=lambda: 1.0)
    pauses = [backoff.next() for _ in range(9)]
    assert pauses[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert pauses[-1] == LONGEST
    backoff.reset()
    assert backoff.next() == FIRST


def test_a_thousand_workers_do_not_come_back_at_once() -> None:
    pauses = {Backoff().next() for _ in range(1000)}
    assert len(pauses) > 900
    assert FIRST / 2 <= min(pauses) <= max(pauses) <= FIRST


def test_the_wish_of_the_server_counts_within_a_limit() -> None:
    backoff = Backoff(spread=lambda: 0.0)
    assert backoff.next(7.0) == 7.0 + FIRST / 2
    assert backoff.next(1e9) == LONGEST_WISH + FIRST
    assert backoff.next(-1.0) > 0
