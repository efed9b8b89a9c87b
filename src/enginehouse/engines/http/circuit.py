"""Counts the calls of an engine that failed by the engine's own fault, among the last ones."""

from collections import deque
from typing import Final

FAILURES: Final = 5
CALLS: Final = 10


class Circuit:
    """The last `CALLS` calls of one engine from this process. It opens at the `FAILURES`th failure among them."""

    def __init__(self) -> None:
        self._failed: deque[bool] = deque(maxlen=CALLS)

    def succeeded(self) -> None:
        """A call had an answer that says nothing against the engine."""
        self._failed.append(False)

    def failed(self) -> bool:
        """A call failed. Returns True if the circuit opens now; the counting begins anew."""
        self._failed.append(True)
        if sum(self._failed) < FAILURES:
            return False
        self._failed.clear()
        return True
