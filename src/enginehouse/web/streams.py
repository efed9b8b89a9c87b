"""How many streams one session has. Over HTTP/1.1 a browser opens six connections to a server, and pages need some."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 4


@dataclass(slots=True, eq=False)
class Turn:
    """A stream. When its turn is over, it ends, and comes again after a while."""

    is_over: bool = False


@dataclass(slots=True)
class Streams:
    """The open streams of each session, the oldest first."""

    _open: defaultdict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def turn(self, session: str) -> Iterator[Turn]:
        """The session has one more stream. If that is one too many, the turn of its oldest is over."""
        own, turn = self._open[session], Turn()
        own.append(turn)
        for oldest in own[:-MOST]:
            oldest.is_over = True
        try:
            yield turn
        finally:
            own.remove(turn)
            if not own:
                del self._open[session]
