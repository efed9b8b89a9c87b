"""When a delivery that failed is tried again, and how long a destination that fails is left alone. Pure."""

import hashlib
from dataclasses import dataclass
from typing import Final

SECOND: Final = 1_000_000  # µs
PAUSES: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, 10_800, 14_400)
"""The seconds after each failed attempt. The last pause repeats."""

WINDOW: Final = 28 * 3_600 * SECOND
"""How long a delivery is tried (µs): longer than a day, so a receiver that is away for a day loses nothing."""

_LONGEST_WISH: Final = 3_600  # seconds of Retry-After that are obeyed
_JITTER: Final = 0.2  # of the pause, in both directions

FAILURES_TO_OPEN: Final = 5
_FIRST_OPEN: Final = 30  # seconds
_LONGEST_OPEN: Final = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a destination answered to one attempt. `status` None: there was no answer, and `text` says why."""

    status: int | None
    text: str
    retry_after: float | None = None
    is_final: bool = False  # another attempt would get the same answer

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The receiver says that it never wants another message."""
        return self.status == 410

    @property
    def is_outage(self) -> bool:
        """True if the whole destination seems to be down or overloaded, and not only this one address on it."""
        return not self.is_final and (self.status is None or self.status == 429 or self.status >= 500)


def next_attempt(message_id: str, attempts: int, answer: Answer, *, now: int, expires_at: int) -> int | None:
    """Returns when to try again after `attempts` failed attempts; None if this was the last one. Times in µs.

    The last attempt is at `expires_at` or later. The jitter depends on the message and the attempt only.
    """
    if answer.is_gone or answer.is_final or now >= expires_at:
        return None
    seconds = PAUSES[min(attempts, len(PAUSES)) - 1] * (1 + _JITTER * _spread(message_id, attempts))
    if answer.retry_after is not None:
        seconds = max(seconds, min(answer.retry_after, _LONGEST_WISH))
    return min(now + int(seconds * SECOND), expires_at)


def open_seconds(failures: int) -> int | None:
    """Returns how long a destination gets no attempt after so many failures in a row; None while it is tried."""
    if failures < FAILURES_TO_OPEN:
        return None
    return min(_FIRST_OPEN << min(failures - FAILURES_TO_OPEN, 10), _LONGEST_OPEN)


def _spread(message_id: str, attempts: int) -> float:
    """Returns a number from -1 to 1."""
    digest = hashlib.sha256(f"{message_id}:{attempts}".encode()).digest()
    return int.from_bytes(digest[:4]) / (1 << 31) - 1
