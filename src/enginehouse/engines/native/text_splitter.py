"""Cuts text between paragraphs, and long paragraphs between sentences, but never inside a word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_WORDS: Final = 120
_TINY: Final = 8  # words; a heading or a signature is too short for a piece of its own

# In scripts without spaces each character counts as one word.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
# It looks at a run of points once, from its beginning: a file may have a million of them.
_SENTENCE_END: Final = re.compile(r"(?<![.!?…])[.!?…]++[\"'»”’)\]]*+(?=\s)|[。！？]+[\"」』”）]*")
_CLOSING: Final = tuple(".!?…。！？\"'»”’)」』）")


@dataclass(frozen=True, slots=True)
class Piece:
    """An unchanged part of a text, and its offset in characters."""

    text: str
    offset: int
    words: int


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    stop: int
    words: int

    def joined(self, other: "_Span") -> "_Span":
        return _Span(self.start, other.stop, self.words + other.words)


def split(text: str, max_words: int = MAX_WORDS) -> list[Piece]:
    """Returns the text's paragraphs in order, each at most `max_words` long. Only tiny ones share a piece.

    Blank text has none.
    """
    pieces = [
        piece
        for paragraph in _merged(text, list(_paragraphs(text)), max_words)
        for piece in _parts(text, paragraph, max_words)
    ]
    return [Piece(text[piece.start : piece.stop], piece.start, piece.words) for piece in pieces]


def _paragraphs(text: str) -> Iterator[_Span]:
    start: int | None = None
    position = stop = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            if start is None:
                start = position + len(line) - len(line.lstrip())
            stop = position + len(line.rstrip())
        elif start is not None:
            yield _span(text, start, stop)
            start = None
        position += len(line)
    if start is not None:
        yield _span(text, start, stop)


def _merged(text: str, paragraphs: list[_Span], max_words: int) -> list[_Span]:
    """Returns the paragraphs.

    A tiny one is joined to a neighbour: a heading to the next, a closing line to the one before.
    """
    merged: list[_Span] = []
    held: _Span | None = None
    for paragraph in paragraphs:
        grown = paragraph
        if held is not None:
            if held.words + paragraph.words <= max_words:
                grown = held.joined(paragraph)
            else:
                merged.append(held)
            held = None
        if grown.words >= _TINY:
            merged.append(grown)
        elif _closes(text, grown) and _has_room(merged, grown, max_words):
            merged[-1] = merged[-1].joined(grown)
        else:
            held = grown
    if held is not None:
        if _has_room(merged, held, max_words):
            merged[-1] = merged[-1].joined(held)
        else:
            merged.append(held)
    return merged


def _has_room(merged: list[_Span], more: _Span, max_words: int) -> bool:
    return bool(merged) and merged[-1].words + more.words <= max_words


def _closes(text: str, paragraph: _Span) -> bool:
    return text[paragraph.start] != "#" and text[paragraph.start : paragraph.stop].endswith(_CLOSING)


def _parts(text: str, paragraph: _Span, max_words: int) -> Iterator[_Span]:
    """Yields the paragraph in parts of about equal length, so that the last one is not too short."""
    if paragraph.words <= max_words:
        yield paragraph
        return
    enough = -(-paragraph.words // -(-paragraph.words // max_words))
    part: _Span | None = None
    for sentence in _sentences(text, paragraph, max_words):
        if part is not None and (part.words >= enough or part.words + sentence.words > max_words):
            yield part
            part = None
        part = sentence if part is None else part.joined(sentence)
    if part is not None:
        yield part


def _sentences(text: str, paragraph: _Span, max_words: int) -> Iterator[_Span]:
    start = paragraph.start
    ends = [end.end() for end in _SENTENCE_END.finditer(text, paragraph.start, paragraph.stop)]
    for stop in [*ends, paragraph.stop]:
        words = list(_WORD.finditer(text, start, stop))
        for first in range(0, len(words), max_words):
            some = words[first : first + max_words]
            yield _Span(some[0].start(), some[-1].end(), len(some))
        start = stop


def _span(text: str, start: int, stop: int) -> _Span:
    return _Span(start, stop, sum(1 for _ in _WORD.finditer(text, start, stop)))
