"""The connection to a store that speaks S3: its time limits and retries, and its errors in our words."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store as Bucket

from enginehouse.domain.errors import NotFound
from enginehouse.domain.store_errors import StoreUnavailable

CHUNK: Final = 8 << 20  # bytes of one part of an upload
ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_SHORTEST, _LONGEST = 5, 60  # seconds that a caller should wait
_STATUS: Final = re.compile(r"status code: (\d{3})")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take (seconds), and how often it is repeated after a 5xx, a timeout or a lost connection.

    A part of 8 MiB must be sent within `silent`, and something of an answer must arrive within it.
    """

    connect: float = 3.0
    silent: float = 30.0
    retries: int = 5
    first_pause: float = 0.2
    longest_pause: float = 3.0
    all_retries: float = 20.0


def connect(bucket: str, prefix: str, patience: Patience) -> Bucket:
    """Returns the bucket. Endpoint, region and credentials come from the variables AWS_*. It does no request."""
    endpoint = next((value for name in ENDPOINTS if (value := os.environ.get(name))), "")
    return Bucket(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=patience.connect),
            "read_timeout": timedelta(seconds=patience.silent),
            "timeout": timedelta(hours=24),  # of a whole download, which a slow client may draw out
        },
        retry_config={
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=patience.all_retries),
            "backoff": {
                "init_backoff": timedelta(seconds=patience.first_pause),
                "max_backoff": timedelta(seconds=patience.longest_pause),
                "base": 2,
            },
        },
    )


class Availability:
    """Turns errors of the store into refusals, and logs when it goes away and when it is back.

    The words of the driver go nowhere: they may hold names and parts of requests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    @contextmanager
    def call(self, key: str) -> Iterator[None]:
        """Raises NotFound if the store has no such key, StoreUnavailable for every other error of the store.

        AlreadyExistsError passes.
        """
        try:
            yield
        except FileNotFoundError:
            self.answer()
            raise NotFound("artifact", key) from None
        except AlreadyExistsError:
            self.answer()
            raise
        except BaseError as error:
            raise self.failure(error) from None
        self.answer()

    def failure(self, error: Exception) -> StoreUnavailable:
        """Returns the refusal. The longer the store is away, the longer its callers should wait."""
        now = self._clock()
        reason = _reason(error)
        if self._since is None:
            self._since = now
            log.warning("the store of the artifacts cannot be used", reason=reason)
        return StoreUnavailable(reason=reason, retry_after=int(min(max(now - self._since, _SHORTEST), _LONGEST)))

    def answer(self) -> None:
        """The store has answered."""
        if self._since is not None:
            log.warning("the store of the artifacts can be used again", seconds=round(self._clock() - self._since, 1))
            self._since = None


def is_past_the_end(error: Exception) -> bool:
    """Returns True if the bytes are there, and end before the range that was wanted."""
    status = _STATUS.search(str(error))
    return status is not None and status[1] == "416"


def _reason(error: Exception) -> str:
    """Returns what went wrong, in words of our own."""
    status = _STATUS.search(str(error))
    match error:
        case FileNotFoundError():
            return "the bucket does not exist"
        case PermissionDeniedError() | UnauthenticatedError():
            return "it refuses the credentials"
        case NotSupportedError():
            return "it does not support what is needed"
        case _ if status is not None and status[1] == "404":
            return "the bucket does not exist"
        case _ if status is not None:
            return f"it answers {status[1]}"
        case _:
            return "it does not answer"
