"""The status of a job is one function of its tasks, and every status of a task comes from the table."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.status import (
    JOB_ENDED,
    NOT_STARTED,
    TASK,
    TASK_ENDED,
    JobStatus,
    Tally,
    TaskStatus,
    cancellable,
    job_status,
)

WORDS = [TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.RUNNING, *sorted(TASK_ENDED)]


def tally_of(tasks: tuple[TaskStatus, ...]) -> Tally:
    return Tally(
        total=len(tasks),
        queued=tasks.count(TaskStatus.QUEUED),
        running=tasks.count(TaskStatus.RUNNING),
        complete=tasks.count(TaskStatus.COMPLETE),
        failed=tasks.count(TaskStatus.FAILED),
        aborted=tasks.count(TaskStatus.ABORTED),
    )


def as_the_design_says(tasks: tuple[TaskStatus, ...], cancelled: bool, attempts_open: int, started: bool) -> str:
    """DESIGN §5, sentence by sentence and in its order."""
    if cancelled and not attempts_open:
        return "aborted"
    if cancelled:
        return "running"
    if all(task == "complete" for task in tasks):
        return "complete"
    can_run = any(task not in {"complete", "failed", "aborted"} for task in tasks)
    if not can_run and any(task in {"failed", "aborted"} for task in tasks):
        return "failed"
    if started:
        return "running"
    return "queued" if "queued" in tasks else "pending"


CASES = [
    (tasks, cancelled, attempts_open, started)
    for size in (1, 2, 3, 4)
    for tasks in product(WORDS, repeat=size)
    for cancelled, attempts_open, started in product((False, True), (0, 1), (False, True))
]


def test_every_small_job_has_the_status_the_design_gives_it() -> None:
    for tasks, cancelled, attempts_open, started in CASES:
        status = job_status(
            tally_of(tasks), cancel_accepted=cancelled, attempts_open=attempts_open, ever_started=started
        )
        assert status == as_the_design_says(tasks, cancelled, attempts_open, started), tasks


def test_every_job_status_is_reached() -> None:
    reached = {
        job_status(tally_of(tasks), cancel_accepted=cancelled, attempts_open=attempts_open, ever_started=started)
        for tasks, cancelled, attempts_open, started in CASES
    }
    assert reached == set(JobStatus)


@given(st.permutations([TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.PENDING, TaskStatus.RUNNING]))
def test_the_order_of_tasks_does_not_matter(tasks: list[TaskStatus]) -> None:
    tally = tally_of(tuple(tasks))
    assert job_status(tally, cancel_accepted=False, attempts_open=1, ever_started=True) is JobStatus.RUNNING


@pytest.mark.parametrize("ended", sorted(JOB_ENDED))
def test_an_ended_job_is_not_cancelled(ended: JobStatus) -> None:
    assert not cancellable(Tally(total=1), ended)


def test_a_job_may_be_cancelled_while_nothing_of_it_runs_or_has_ended() -> None:
    live = (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING)
    for tasks, status in product((case[0] for case in CASES), live):
        assert cancellable(tally_of(tasks), status) == all(task in {"pending", "queued"} for task in tasks)


def test_every_task_status_is_the_target_of_a_verb_or_a_beginning() -> None:
    targets = {transition.target for transition in TASK.values()}
    assert targets | {TaskStatus.PENDING, TaskStatus.STANDBY_PENDING} == set(TaskStatus)


def test_a_task_leaves_an_end_only_when_it_is_put_back() -> None:
    leaving = {verb for verb, transition in TASK.items() if transition.sources & TASK_ENDED}
    assert leaving == {"requeue", "stand_by"}
    assert TASK["stand_by"].sources == {TaskStatus.ABORTED}
    assert TaskStatus.COMPLETE not in TASK["requeue"].sources


def test_only_a_claim_makes_a_task_run_and_it_takes_nothing_that_waits_for_somebody_else() -> None:
    assert [verb for verb, transition in TASK.items() if transition.target is TaskStatus.RUNNING] == ["claim"]
    # What waits for a time (WAITING) is claimed when that has come.
    assert TASK["claim"].sources == {TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.WAITING}


def test_every_live_status_can_be_aborted_and_no_ended_one() -> None:
    assert TASK["abort"].sources == set(TaskStatus) - TASK_ENDED
    assert TASK["abort"].sources > NOT_STARTED
