"""The sentiment in an AION document, and how much of the text was judged: a text that was not judged is not neutral."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from enginehouse.text.subtitles import clean

_EVEN: Final = 0.02  # positive and negative that differ less are even
_LARGEST: Final = 1 << 53


class SentimentFinding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How positive and how negative a text is, from 0 to 1. Both are None if the text was not judged.

    `judged` of `sentences` were judged, None if the engine does not say so; `note` says why not all.
    """

    positive: float | None = None
    negative: float | None = None
    sentences: int | None = None
    judged: int | None = None
    note: str | None = None

    @property
    def word(self) -> str | None:
        """positive, negative, mixed or neutral; None if the text was not judged."""
        if self.positive is None or self.negative is None:
            return None
        if abs(self.positive - self.negative) >= _EVEN:
            return "positive" if self.positive > self.negative else "negative"
        return "mixed" if self.positive >= _EVEN else "neutral"


def whole_sentiment(document: Mapping[str, Any], own: Mapping[str, Any]) -> SentimentFinding | None:
    """Returns the sentiment of the whole document, None if no engine looked for one."""
    scores = _object(document.get("sentiment")) or _object(own.get("sentiment"))
    vendors = [_object(document.get("vendor")), *(_object(chunk.get("vendor")) for chunk in _chunks(own))]
    counted = [vendor for vendor in vendors if _judges(vendor) and _count(vendor.get("sentences")) is not None]
    sentences = sum(_count(vendor.get("sentences")) or 0 for vendor in counted)
    judged = sum(_count(vendor.get("sentencesJudged")) or 0 for vendor in counted)
    return _finding(scores, sentences if counted else None, judged, next(_notes(counted), None))


def chunk_sentiments(document: Mapping[str, Any], own: Mapping[str, Any]) -> dict[int, SentimentFinding]:
    """Returns the sentiments of the chunks by their indices."""
    found: dict[int, SentimentFinding] = {}
    for chunk in _chunks(own):
        vendor, index = _object(chunk.get("vendor")), _count(chunk.get("index"))
        # Chunks that agree have their sentiment in the whole document only.
        agreed = document if _count(vendor.get("sentencesJudged")) else {}
        one = sentiment_of({"sentiment": chunk.get("sentiment") or agreed.get("sentiment"), "vendor": vendor})
        if one is not None and index is not None:
            found[index] = one
    return found


def sentiment_of(holder: Mapping[str, Any]) -> SentimentFinding | None:
    """Returns the sentiment of what has one, None if it has none."""
    vendor = _object(holder.get("vendor"))
    sentences = _count(vendor.get("sentences")) if _judges(vendor) else None
    judged = _count(vendor.get("sentencesJudged"))
    return _finding(_object(holder.get("sentiment")), sentences, judged or 0, next(_notes([vendor]), None))


def _finding(
    scores: Mapping[str, Any], sentences: int | None, judged: int, note: str | None
) -> SentimentFinding | None:
    if sentences is not None and not judged:
        return SentimentFinding(sentences=sentences, judged=0, note=note)
    positive, negative = _score(scores.get("positiveValue")), _score(scores.get("negativeValue"))
    if positive is None and negative is None:
        return None if sentences is None else SentimentFinding(sentences=sentences, judged=judged, note=note)
    return SentimentFinding(
        positive=positive or 0.0,
        negative=negative or 0.0,
        sentences=sentences,
        judged=None if sentences is None else judged,
        note=note if sentences is not None and judged < sentences else None,
    )


def _judges(vendor: Mapping[str, Any]) -> bool:
    """True for what an engine of sentiment says; others count sentences too, such as those of a summary."""
    return "sentencesJudged" in vendor


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _chunks(own: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = own.get("chunks")
    return [chunk for chunk in listed if isinstance(chunk, dict)] if isinstance(listed, list) else []


def _count(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST
    return value if fits else None


def _score(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return round(float(value), 6) if fits else None


def _notes(vendors: list[Mapping[str, Any]]) -> Iterator[str]:
    for vendor in vendors:
        note = vendor.get("note")
        if isinstance(note, str) and note.strip():
            yield " ".join(clean(note).split())
