"""`make quality` judges answers rightly, and its table is made of real ones."""

from collections import Counter
from pathlib import Path

import pytest
from bench.quality import measures, scores


@pytest.mark.parametrize(
    ("right", "said", "rate"),
    [("a b c", "a b c", 0), ("a b c", "a x c", 1 / 3), ("a b c", "a c", 1 / 3), ("a b", "a b c d", 1), ("a b", "", 1)],
)
def test_an_error_is_a_piece_that_is_changed_missing_or_too_many(right: str, said: str, rate: float) -> None:
    assert scores.error_rate([(right.split(), said.split())]) == pytest.approx(rate)


def test_long_pairs_count_more_than_short_ones() -> None:
    assert scores.error_rate([("abcd", "abcd"), ("a", "b")]) == pytest.approx(0.2)


def test_words_are_compared_as_they_are_spoken() -> None:
    assert scores.spoken("Mr. Dashwood, cold-hearted!") == ["mister", "dashwood", "cold", "hearted"]


def test_names_that_are_missed_and_names_that_are_made_up_count_alike() -> None:
    assert scores.f1(Counter("ab"), Counter("ab")) == 1
    assert scores.f1(Counter("ab"), Counter("ac")) == scores.f1(Counter("ac"), Counter("ab")) == 0.5


def test_a_translation_is_judged_by_pieces_of_its_words() -> None:
    assert scores.chrf([("A casa é velha.", "A casa é velha.")]) == 1
    near, far = scores.chrf([("A casa é velha.", "A casa é antiga.")]), scores.chrf([("A casa é velha.", "Zum Hof.")])
    assert 1 > near > 0.3 > far


def test_a_measure_asks_the_real_engine(tmp_path: Path) -> None:
    row = measures._summaries(tmp_path)
    assert row.engine == "summary-extractive"
    kept, total = row.value.partition(" (")[0].split(" of ")
    assert int(total) / 2 <= int(kept) <= int(total)


def test_an_engine_that_fails_is_no_row(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Nothing to read: give "):
        measures._answers(measures._HERE, "summary", {"a": ([], None)}, tmp_path, {})
