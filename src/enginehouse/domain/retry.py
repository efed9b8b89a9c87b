"""Decides when a failed attempt is tried again and when its item gives up: one pure function."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never


class FailureKind(StrEnum):
    """Why an attempt ended without a result: the words of engines (engine-contract a.6), and seven of our own."""

    INTERNAL_ERROR = "internal_error"
    EXTERNAL_ERROR = "external_error"
    UNKNOWN = "unknown"
    URL_NOT_FOUND = "url_not_found"
    URL_NOT_ALLOWED = "url_not_allowed"
    URL_TIMEOUT = "url_timeout"
    URL_CONNECTION_REFUSED = "url_connection_refused"
    URL_ERROR = "url_error"
    INVALID_DATA = "invalid_data"
    RATE_LIMITED = "rate_limited"
    API_NOT_ALLOWED = "api_not_allowed"
    API_AUTHENTICATION_ERROR = "api_authentication_error"
    API_NOT_FOUND = "api_not_found"
    API_ERROR = "api_error"
    FILE_WRITE_ERROR = "file_write_error"
    STREAM_READ_ERROR = "stream_read_error"
    SYSTEM_DEPENDENCY_MISSING = "system_dependency_missing"
    SYSTEM_ERROR = "system_error"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    CHUNK_TIMEOUT = "chunk_timeout"
    OTHER = "other"
    WORKER_LOST = "worker_lost"  # the process that held the lease vanished
    SERVER_STOPPED = "server_stopped"  # our own server ended; the attempt is not at fault
    NOT_STARTED = "not_started"  # the worker had no free slot for it and gave it back
    STOP_REQUESTED = "stop_requested"  # its job was cancelled while it ran
    ENGINE_UNAVAILABLE = "engine_unavailable"  # an engine over HTTP could not be reached; it never got the work
    UNSUPPORTED_TYPE = "unsupported_type"  # the engine does not take the type of its input; it never got the work
    STORE_UNAVAILABLE = "store_unavailable"  # the bytes could not be read or stored; the attempt is not at fault


class Blame(StrEnum):
    """Which budget pays for an attempt that has ended."""

    ATTEMPT = "attempt"
    LOST = "lost"
    NOBODY = "nobody"
    FINAL = "final"  # another try cannot help


DEFAULT_RETRIES: Final = 2
MAX_LOST: Final = 3
FIRST_PAUSE: Final = 1_000_000  # µs
LONGEST_PAUSE: Final = 300_000_000
LONGEST_WISH: Final = 3_600_000_000  # µs; whoever asks for a longer pause is asked again after this

_FINAL: Final = frozenset(
    {
        FailureKind.URL_NOT_FOUND,
        FailureKind.URL_NOT_ALLOWED,
        FailureKind.INVALID_DATA,
        FailureKind.API_NOT_ALLOWED,
        FailureKind.API_AUTHENTICATION_ERROR,
        FailureKind.SYSTEM_DEPENDENCY_MISSING,
        FailureKind.UNSUPPORTED_TYPE,
    }
)

_CHARGED_TO_NOBODY: Final = frozenset(
    {
        FailureKind.SERVER_STOPPED,
        FailureKind.NOT_STARTED,
        FailureKind.STOP_REQUESTED,
        FailureKind.ENGINE_UNAVAILABLE,
        FailureKind.STORE_UNAVAILABLE,
    }
)


def blame(kind: FailureKind, *, is_final: bool = False) -> Blame:
    """Returns the budget that pays for a failure of this kind. `is_final`: this one is sure to happen again."""
    if kind in _CHARGED_TO_NOBODY:
        return Blame.NOBODY
    if kind is FailureKind.WORKER_LOST:
        return Blame.LOST
    return Blame.FINAL if is_final or kind in _FINAL else Blame.ATTEMPT


@dataclass(frozen=True, slots=True)
class Again:
    """Try again, not before `at` (µs UTC)."""

    at: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The item has failed for good."""

    kind: FailureKind


def after_failure(
    kind: FailureKind,
    *,
    failures: int,
    lost: int,
    max_retries: int | None,
    organization_retries: int | None,
    now: int,
    is_final: bool = False,
    retry_after: float | None = None,
) -> Again | GiveUp:
    """Decides what follows an attempt that ended with `kind`; `failures` and `lost` include it.

    `max_retries` n means n+1 tries. Without it the organization's default applies, else three tries in all. The pause
    begins at one second, doubles each time, and is at most five minutes. `retry_after` (seconds) is what the other side
    asks for: the pause is at least that long, up to an hour. A failure that nobody pays for has hardly any other pause.
    """
    wish = retry_after if retry_after is not None and retry_after > 0 else 0
    wanted = int(min(wish * 1_000_000, LONGEST_WISH))
    match blame(kind, is_final=is_final):
        case Blame.NOBODY:
            least = FIRST_PAUSE if kind is FailureKind.ENGINE_UNAVAILABLE else 0
            return Again(now + max(least, wanted))
        case Blame.LOST:
            return GiveUp(FailureKind.WORKER_LOST) if lost >= MAX_LOST else Again(now)
        case Blame.FINAL:
            return GiveUp(kind)
        case Blame.ATTEMPT:
            allowed = next((n for n in (max_retries, organization_retries) if n is not None), DEFAULT_RETRIES)
            if failures > allowed:
                return GiveUp(kind)
            pause = min(FIRST_PAUSE << min(failures - 1, 20), LONGEST_PAUSE)
            return Again(now + max(pause, wanted))
        case unknown:
            assert_never(unknown)
