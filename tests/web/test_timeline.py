"""The timeline: a bar for each attempt, grey where a task waited, and one bar for very many items."""

from typing import Any

from msgspec import structs
from tests import make

from enginehouse.domain.job import Job, Task
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Attempt
from enginehouse.web.timeline import ITEMS, ROW, WIDTH, Bar, timeline

NOW = 1_000_000


def job(*changes: dict[str, Any]) -> Job:
    """Returns a line of tasks, created at 0, each with these changes."""
    plan = make.planned(make.chain(len(changes)))
    tasks = [
        structs.replace(
            Task(job_id=1, ordinal=n, plan=plan.tasks[n], status=TaskStatus.PENDING, created_at=0, modified_at=0),
            **each,
        )
        for n, each in enumerate(changes)
    ]
    return Job(
        id=1, organization_id=1, status=JobStatus.RUNNING, plan=plan, tasks=tuple(tasks), created_at=0, modified_at=0
    )


def attempt(start: int, end: int | None, *, item: int = 0, number: int = 1, outcome: str = "complete") -> Attempt:
    return Attempt(item, number, 1, "w", start, end, outcome if end is not None else "running", None, None)


def bars(made: Job, attempts: dict[int, list[Attempt]]) -> list[list[Bar]]:
    found = timeline(made, made.shown, attempts, NOW)
    assert found is not None
    return [list(row.bars) for row in found.rows]


def kinds(row: list[Bar]) -> list[tuple[str, int]]:
    return [(bar.kind, bar.micros) for bar in row]


def test_nothing_has_started() -> None:
    assert timeline(job({}), (), {}, NOW) is None


def test_a_task_waited_before_between_and_after_its_attempts() -> None:
    made = job({"status": TaskStatus.RUNNING, "started_at": 100, "items": 1})
    tried = [attempt(100, 300, outcome="failed"), attempt(500, 600, number=2, outcome="failed")]
    [row] = bars(made, {0: tried})
    assert kinds(row) == [
        ("waited", 100), ("failed", 200), ("waited", 200), ("failed", 100), ("waited", NOW - 600),
    ]  # fmt: skip
    assert [bar.attempt for bar in row] == ["", "0.1", "", "0.2", ""]


def test_a_child_waits_from_the_end_of_its_parent_and_a_running_attempt_goes_on_until_now() -> None:
    complete: dict[str, Any] = {"status": TaskStatus.COMPLETE, "started_at": 0, "completed_at": 400_000, "items": 1}
    made = job(complete, {"status": TaskStatus.RUNNING, "started_at": 500_000, "items": 1})
    first, second = bars(made, {0: [attempt(0, 400_000)], 1: [attempt(500_000, None)]})
    assert kinds(first) == [("complete", 400_000)]
    assert kinds(second) == [("waited", 100_000), ("running", 500_000)]
    assert second[0].x == WIDTH * 4 // 10
    assert second[1].x + second[1].width == WIDTH


def test_attempts_at_one_time_are_side_by_side() -> None:
    made = job({"status": TaskStatus.COMPLETE, "started_at": 0, "completed_at": 900, "items": 3})
    tried = [attempt(0, 500), attempt(100, 600, item=1), attempt(550, 900, item=2)]
    found = timeline(made, made.shown, {0: tried}, NOW)
    assert found is not None
    [row] = found.rows
    assert [bar.y for bar in row.bars] == [4, 20, 4]
    assert row.height == ROW + 16


def test_very_many_items_are_one_bar() -> None:
    made = job(
        {"status": TaskStatus.COMPLETE, "started_at": 10, "completed_at": 900, "items": ITEMS + 1, "attempts": 120}
    )
    [[bar]] = bars(made, {})
    assert (bar.kind, bar.micros, bar.attempt) == ("complete", 890, "")
    assert bar.label == f"{ITEMS + 1} items, 120 attempts"
