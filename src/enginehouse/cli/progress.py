"""How far a long command is: a line on stderr, at most one a second."""

import sys
import time
from typing import Final

from enginehouse.cli import terminal

_STEP: Final = 1.0  # seconds between two lines


class ProgressLine:
    """Says on stderr how far a command is, so that stdout has its answer alone."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def tell(self, line: str) -> None:
        """The line is on stderr, unless the last one is not a second old."""
        if time.monotonic() - self._told < _STEP:
            return
        self._told = time.monotonic()
        terminal.echo(line, err=True)
        sys.stderr.flush()
