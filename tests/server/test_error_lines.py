"""One caller makes the log write a few lines a second, and then one that counts the others."""

import logging
from collections.abc import Callable

from structlog.testing import capture_logs

from enginehouse.server.error_lines import LINES, SECONDS, ErrorLines


class Setting:
    """A filter with a clock and a caller that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.caller: str | None = "192.0.2.1"
        self.due = list[Callable[[], None]]()
        self.lines = ErrorLines(
            lambda: self.caller, clock=lambda: self.now, later=lambda _, call: self.due.append(call)
        )

    def written(self, count: int, level: int = logging.ERROR) -> int:
        record = logging.LogRecord("x", level, __file__, 1, "it failed", (), None)
        return sum(self.lines.filter(record) for _ in range(count))

    def second(self) -> list[tuple[str, int]]:
        """A second passes. Returns the summaries of it."""
        self.now += SECONDS
        due, self.due = self.due, []
        with capture_logs() as logged:
            for call in due:
                call()
        return [(line["address"], line["lines"]) for line in logged]


def test_a_few_lines_then_one_that_counts_the_others() -> None:
    setting = Setting()
    assert setting.written(50) == LINES
    assert setting.second() == [("192.0.2.1", 50 - LINES)]
    assert setting.written(50) == LINES
    assert setting.second() == [("192.0.2.1", 50 - LINES)]
    assert setting.second() == []


def test_few_lines_need_no_summary() -> None:
    setting = Setting()
    for _ in range(10):
        assert setting.written(LINES) == LINES
        assert setting.second() == []


def test_each_caller_has_lines_of_its_own_and_no_caller_has_all() -> None:
    setting = Setting()
    setting.written(50)
    setting.caller = "192.0.2.2"
    assert setting.written(50) == LINES
    setting.caller = None
    assert setting.written(50) == 50
    assert len(setting.second()) == 2


def test_only_errors_count() -> None:
    setting = Setting()
    assert setting.written(50, logging.WARNING) == 50


def test_many_callers_are_not_remembered_for_ever() -> None:
    setting = Setting()
    for number in range(5000):
        setting.caller = str(number)
        setting.written(1)
    assert len(setting.lines._windows) <= 1024
