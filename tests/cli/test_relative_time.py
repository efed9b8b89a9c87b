"""Times of the server in words."""

from datetime import UTC, datetime

import pytest

from enginehouse.cli import relative_time

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-30T12:00:01Z", "just now"),
        ("2026-11-30T11:59:48.5Z", "11 s ago"),
        ("2026-11-30T11:57:00Z", "3 min ago"),
        ("2026-11-30T10:00:00Z", "2 h ago"),
        ("2026-11-29T11:59:00Z", "1 day ago"),
        ("2026-10-30T12:00:00Z", "31 days ago"),
        ("2026-01-02T12:00:00Z", "2026-01-02"),
        ("2026-11-30T12:05:00Z", "in 5 min"),
        ("2026-12-03T12:00:00Z", "in 3 days"),
        ("2026-12-03T11:59:50Z", "in 3 days"),
        ("2026-12-03T10:00:00Z", "in 2 days"),
        ("2028-12-03T12:00:00Z", "2028-12-03"),
        ("when it is ready", "when it is ready"),
        ("", None),
        (None, None),
    ],
)
def test_a_time_in_words(text: str | None, words: str | None) -> None:
    assert relative_time.ago(text, NOW) == words


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("2026-11-30T12:00:00.25Z", "250 ms"),
        ("2026-11-30T12:00:07.25Z", "7.2 s"),
        ("2026-11-30T12:00:42Z", "42 s"),
        ("2026-11-30T14:05:09Z", "2 h 5 min"),
        ("2026-12-02T12:00:00Z", "2 days"),
        ("2026-11-30T11:00:00Z", "0 ms"),
        (None, None),
    ],
)
def test_how_long_something_took(end: str | None, words: str | None) -> None:
    assert relative_time.took("2026-11-30T12:00:00Z", end) == words
