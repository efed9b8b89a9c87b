"""The words of REST for statuses and failures."""

from typing import Final, assert_never

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus

_K = FailureKind
# The failure kinds of engines, mapped to the twelve of REST (rest-contract §1.10).
_REASONS: Final[dict[str, str]] = {
    _K.INTERNAL_ERROR: "internal_error",
    _K.URL_NOT_FOUND: "not_found",
    _K.URL_NOT_ALLOWED: "unauthorized",
    _K.URL_TIMEOUT: "connection",
    _K.URL_CONNECTION_REFUSED: "connection",
    _K.URL_ERROR: "connection",
    _K.INVALID_DATA: "bad_data",
    _K.RATE_LIMITED: "rate_limited",
    _K.API_NOT_ALLOWED: "unauthorized",
    _K.API_AUTHENTICATION_ERROR: "unauthorized",
    _K.API_NOT_FOUND: "api",
    _K.API_ERROR: "api",
    _K.FILE_WRITE_ERROR: "resources",
    _K.STREAM_READ_ERROR: "connection",
    _K.SYSTEM_DEPENDENCY_MISSING: "resources",
    _K.SYSTEM_ERROR: "internal_error",
    _K.HEARTBEAT_TIMEOUT: "resources",
    _K.CHUNK_TIMEOUT: "resources",
    _K.WORKER_LOST: "resources",
    _K.SERVER_STOPPED: "resources",
    _K.NOT_STARTED: "resources",
    _K.STOP_REQUESTED: "resources",
    _K.ENGINE_UNAVAILABLE: "connection",
    _K.STORE_UNAVAILABLE: "connection",
    _K.UNSUPPORTED_TYPE: "bad_data",
}

FAILURES: Final = (
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
)


def job_word(status: JobStatus) -> str:
    """Returns REST's word for the status, which is the stored word."""
    return status.value


def task_word(status: TaskStatus) -> str:
    """Returns REST's word for the status. It has none for a task that is paused, waits or is a standby (DESIGN §5)."""
    match status:
        case TaskStatus.PAUSED | TaskStatus.WAITING:
            return "running"
        case TaskStatus.STANDBY_PENDING:
            return "pending"
        case (
            TaskStatus.PENDING
            | TaskStatus.QUEUED
            | TaskStatus.RUNNING
            | TaskStatus.COMPLETE
            | TaskStatus.FAILED
            | TaskStatus.ABORTED
        ):
            return status.value
        case unknown:
            assert_never(unknown)


def failure_word(kind: str | None) -> str:
    """Returns REST's word for why a task failed, `unknown` for a kind without one."""
    return _REASONS.get(kind or "", "unknown")


def failure_kinds(word: str) -> tuple[str, ...]:
    """Returns the kinds of failure that have this word. Those without a word are `unknown`."""
    return tuple(str(kind) for kind, reason in _REASONS.items() if reason == word)


def known_failures() -> tuple[str, ...]:
    """Returns the kinds of failure that have a word."""
    return tuple(str(kind) for kind in _REASONS)


def task_statuses(word: str | None) -> tuple[TaskStatus, ...]:
    """Returns the statuses that have this word: none for a word that no task has, and without a word."""
    return tuple(status for status in TaskStatus if task_word(status) == word)
