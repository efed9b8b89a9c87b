"""The words of REST for statuses and failures."""

import pytest

from enginehouse.api.edge import jobs, words
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus

REASONS = {
    "internal_error",
    "unknown",
    "connection",
    "rate_limited",
    "unauthorized",
    "api",
    "resources",
    "not_found",
    "core_api",
    "bad_data",
    "scheduling",
    "none",
}


@pytest.mark.parametrize("status", TaskStatus)
def test_every_task_status_is_shown_in_a_word_of_the_interface(status: TaskStatus) -> None:
    expected = {
        TaskStatus.PAUSED: "running",
        TaskStatus.WAITING: "running",
        TaskStatus.STANDBY_PENDING: "pending",
    }.get(status, status.value)
    assert words.task_word(status) == expected
    assert expected in jobs.STATUSES


@pytest.mark.parametrize("status", JobStatus)
def test_every_job_status_is_shown_in_a_word_of_the_interface(status: JobStatus) -> None:
    assert words.job_word(status) in jobs.STATUSES


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_is_folded_into_a_documented_reason(kind: FailureKind) -> None:
    assert words.failure_word(kind.value) in REASONS - {"none"}


def test_a_failure_without_a_known_kind_is_unknown() -> None:
    assert words.failure_word(None) == words.failure_word("brand_new") == "unknown"
