"""A collated AION document in tables that fit a screen: languages, sentiment, keywords, transcript."""

from typing import Any, Final

from rich.console import Console

from enginehouse.cli import output
from enginehouse.client import Json

_KEYWORDS = 12
_WORDS = 40
_LARGEST: Final = 1 << 53  # larger numbers are not shown


def show(console: Console, document: Any) -> None:
    """The summary is on the console. What has another shape than an AION document is left out."""
    document = _object(document)
    own = _object(_object(document.get("vendor")).get("enginehouse"))
    rows = [
        ("languages", _languages(document, own)),
        ("sentiment", _sentiment(document.get("sentiment") or own.get("sentiment"))),
        ("keywords", ", ".join(_keywords(document)) or None),
        ("transcript", _transcript(document)),
    ]
    console.print()
    console.print(output.facts(rows, title="result"))
    if chunks := _chunks(own):
        console.print()
        console.print(output.table(("chunk", "language", "sentiment"), chunks))


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(document: Json, field: str) -> list[Json]:
    value = document.get(field)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < _LARGEST else 0.0


def _languages(document: Json, own: Json) -> str | None:
    counts = _object(own.get("languages"))
    if counts:
        return ", ".join(f"{language} ({count} chunk{'' if count == 1 else 's'})" for language, count in counts.items())
    return _text(document.get("language"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _sentiment(scores: Any) -> str | None:
    if not _object(scores):
        return None
    positive, negative = _number(scores.get("positiveValue")), _number(scores.get("negativeValue"))
    return f"{_word(positive, negative)} (positive {positive:.3f}, negative {negative:.3f})"


def _word(positive: float, negative: float) -> str:
    if abs(positive - negative) < 0.02:
        return "balanced" if positive or negative else "neutral"
    return "positive" if positive > negative else "negative"


def _keywords(document: Json) -> list[str]:
    """Returns the strongest keywords of all chunks, by the sum of their confidences."""
    weights: dict[str, float] = {}
    for item in _objects(document, "object"):
        label = _text(item.get("label"))
        if item.get("type") == "keyword" and label:
            weights[label] = weights.get(label, 0.0) + _number(item.get("confidence"))
    return sorted(weights, key=weights.__getitem__, reverse=True)[:_KEYWORDS]


def _transcript(document: Json) -> str | None:
    words = [_best(item) for item in _objects(document, "series") if _objects(item, "words")]
    if not words:
        return None
    return f"{len(words)} words: {' '.join(words[:_WORDS])}{' …' if len(words) > _WORDS else ''}"


def _best(item: Json) -> str:
    words = _objects(item, "words")
    on_path = [word for word in words if word.get("bestPath")]
    return _text((on_path or words)[0].get("word")) or ""


def _chunks(own: Json) -> list[tuple[int | str | None, ...]]:
    """Returns what the engines found in each chunk, side by side."""
    merged: dict[int, list[str | None]] = {}
    for chunk in _objects(own, "chunks"):
        if isinstance(index := chunk.get("index"), int):
            row = merged.setdefault(index, [None, None])
            row[0] = _text(chunk.get("language")) or row[0]
            row[1] = _of_chunk(chunk) or row[1]
    return [(index, *row) for index, row in sorted(merged.items()) if any(row)]


def _of_chunk(chunk: Json) -> str | None:
    # An engine that does not know the language returns zeros. They would look like a result.
    sentences = _object(chunk.get("vendor")).get("sentencesJudged")
    return "not judged" if sentences == 0 else _sentiment(chunk.get("sentiment"))
