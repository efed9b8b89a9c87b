"""Bounds the error lines of one caller: a few a second, then one that says how many were left out."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

LINES: Final = 3
SECONDS: Final = 1.0
_CALLERS: Final = 1024

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Window:
    """What one caller has caused since a time."""

    since: float
    written: int = 0
    left_out: int = 0


class ErrorLines(logging.Filter):
    """Lets through what no caller has caused, and a few errors of each caller in each second.

    It runs before a line is made, so that a line that is left out costs nothing. `caller` returns the address of the
    request that runs now, None outside of requests. `later` calls a function after some seconds.
    """

    def __init__(
        self,
        caller: Callable[[], str | None],
        *,
        clock: Callable[[], float] = monotonic,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        super().__init__()
        self._caller = caller
        self._clock = clock
        self._later = later
        self._windows: dict[str, _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns True if the line is written."""
        if record.levelno < logging.ERROR or record.name == __name__:
            return True
        caller = self._caller()
        if caller is None:
            return True
        window = self._windows.get(caller)
        now = self._clock()
        if window is None or (now - window.since >= SECONDS and not window.left_out):
            window = self._open(caller, now)
        if window.written < LINES:
            window.written += 1
            return True
        window.left_out += 1
        if window.left_out == 1:
            self._call_later(lambda: self._sum_up(caller))
        return False

    def _open(self, caller: str, now: float) -> _Window:
        if len(self._windows) >= _CALLERS:
            self._windows = {name: one for name, one in self._windows.items() if one.left_out}
        window = self._windows[caller] = _Window(now)
        return window

    def _call_later(self, call: Callable[[], None]) -> None:
        if self._later is not None:
            self._later(SECONDS, call)
            return
        try:
            asyncio.get_running_loop().call_later(SECONDS, call)
        except RuntimeError:
            call()  # on a thread

    def _sum_up(self, caller: str) -> None:
        window = self._windows.pop(caller, None)
        if window is not None:
            _log.error("more errors of one caller were left out", address=caller, lines=window.left_out)
