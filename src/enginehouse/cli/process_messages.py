"""What a parent and its server processes tell each other: lines of JSON on the standard input and output of each.

The first line to a process has its settings, which so are in no argument and on no disk. Later ones tell what the
others have counted. The end of its input means that the parent is gone.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from enginehouse.cli.banner import StartReport
from enginehouse.domain.totals import SeriesKey, Totals
from enginehouse.settings import Settings

LONGEST: Final = 1 << 24  # bytes of a line
COUNTS_SECONDS: Final = 2.0  # between two lines about what is counted


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """The process takes requests."""

    report: StartReport


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """The process cannot start, and ends. The text is for people."""

    text: str


class CountedTotals(msgspec.Struct, tag="counted", frozen=True):
    """What a process has counted since its start, for the numbers of the whole server."""

    counters: list[tuple[SeriesKey, float]]
    histograms: list[tuple[SeriesKey, list[float]]]

    @classmethod
    def of(cls, totals: Totals) -> "CountedTotals":
        """Returns the totals as they are now."""
        return cls([*totals.counters.items()], [*totals.histograms.items()])

    def totals(self) -> Totals:
        """Returns the totals."""
        found = Totals()
        found.counters, found.histograms = dict(self.counters), dict(self.histograms)
        return found


Message = Ready | Refused | CountedTotals
_said: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
_settings: Final = msgspec.json.Decoder(Settings, dec_hook=lambda kind, value: kind(value))


def line(message: Message) -> bytes:
    """Returns the message as a line."""
    return msgspec.json.encode(message) + b"\n"


def message(read: bytes) -> Message:
    """Returns the message of a line."""
    return _said.decode(read)


def settings_line(settings: Settings) -> bytes:
    """Returns the settings as a line."""

    def plain(value: Any) -> str:
        if isinstance(value, Path):
            return str(value)
        raise NotImplementedError(type(value))

    return msgspec.json.encode(settings, enc_hook=plain) + b"\n"


def settings(read: bytes) -> Settings:
    """Returns the settings of a line."""
    return _settings.decode(read)
