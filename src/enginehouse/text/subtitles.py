"""Writes cues as SubRip, WebVTT, TTML, plain text and CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from enginehouse.text.transcript import Cue

_CONTROLS: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


def srt(cues: Sequence[Cue]) -> str:
    """Returns the cues as SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.stop_ms, ',')}\n{_arrows(_text(cue))}\n"
        for number, cue in enumerate(cues, start=1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    """Returns the cues as WebVTT, with speakers as voices."""
    return "WEBVTT\n" + "".join(
        f"\n{_clock(cue.start_ms, '.')} --> {_clock(cue.stop_ms, '.')}\n{_voice(cue)}{_arrows(escape(_text(cue)))}\n"
        for cue in cues
    )


def ttml(cues: Sequence[Cue], language: str = "") -> str:
    """Returns the cues as TTML 1."""
    lines = "\n".join(
        f'      <p begin="{_clock(cue.start_ms, ".")}" end="{_clock(cue.stop_ms, ".")}">'
        f"{'<br/>'.join(map(escape, _text(cue).splitlines()))}</p>"
        for cue in cues
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<tt xmlns="http://www.w3.org/ns/ttml" xml:lang={quoteattr(clean(language))}>\n'
        f"  <body>\n    <div>\n{lines}\n    </div>\n  </body>\n</tt>\n"
    )


def txt(cues: Sequence[Cue]) -> str:
    """Returns the text alone, a paragraph for each speaker in turn."""
    paragraphs: list[tuple[str, list[str]]] = []
    for cue in cues:
        if not paragraphs or paragraphs[-1][0] != cue.speaker:
            paragraphs.append((cue.speaker, []))
        paragraphs[-1][1].append(" ".join(_text(cue).splitlines()))
    return "\n".join(f"{speaker + ': ' if speaker else ''}{' '.join(texts)}\n" for speaker, texts in paragraphs)


def table(cues: Sequence[Cue]) -> str:
    """Returns the cues as CSV with a head. Every field is quoted."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(("start_ms", "stop_ms", "speaker", "text"))
    for cue in cues:
        writer.writerow((cue.start_ms, cue.stop_ms, clean(cue.speaker), " ".join(_text(cue).splitlines())))
    return written.getvalue()


FORMATS: Final[Mapping[str, tuple[str, Callable[[Sequence[Cue]], str]]]] = {
    "srt": ("application/x-subrip", srt),
    "vtt": ("text/vtt", vtt),
    "ttml": ("application/ttml+xml", ttml),
    "txt": ("text/plain", txt),
    "csv": ("text/csv", table),
}
"""The formats by their extension: the media type, and the function that writes one."""


def _clock(ms: int, point: str) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def _text(cue: Cue) -> str:
    return "\n".join(clean(line) for line in cue.lines)


def clean(text: str) -> str:
    """Returns the text as any of the formats can hold it: without control characters and halves of surrogate pairs."""
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode().replace("\ufffe", "").replace("\uffff", "")


def _arrows(text: str) -> str:
    return text.replace("-->", "->")  # it would begin a cue


def _voice(cue: Cue) -> str:
    speaker = escape(clean(cue.speaker)).replace("\n", " ")
    return f"<v {speaker}>" if speaker else ""
