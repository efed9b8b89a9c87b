"""A collated AION document in a table that fits a screen: languages, sentiment, keywords, words that were heard."""

from typing import Any

from rich.console import Console

from enginehouse.cli import output

_KEYWORDS = 12
_WORDS = 40

Json = dict[str, Any]


def show(console: Console, document: Json) -> None:
    """The summary is on the console."""
    own = document.get("vendor", {}).get("enginehouse", {})
    rows = [
        ("languages", _languages(document, own)),
        ("sentiment", _sentiment(document.get("sentiment") or own.get("sentiment"))),
        ("keywords", ", ".join(_keywords(document)) or None),
        ("transcript", _transcript(document)),
    ]
    console.print()
    console.print(output.table(("result", ""), [row for row in rows if row[1] is not None]))
    if chunks := _chunks(own):
        console.print()
        console.print(output.table(("chunk", "language", "sentiment"), chunks))


def _languages(document: Json, own: Json) -> str | None:
    counted = own.get("languages") or {}
    if counted:
        return ", ".join(f"{language} ({count} chunk{'s' if count > 1 else ''})" for language, count in counted.items())
    return document.get("language")


def _sentiment(found: Json | None) -> str | None:
    if not found:
        return None
    positive, negative = found.get("positiveValue", 0.0), found.get("negativeValue", 0.0)
    return f"{_word(positive, negative)} (positive {positive:.3f}, negative {negative:.3f})"


def _word(positive: float, negative: float) -> str:
    if abs(positive - negative) < 0.02:
        return "balanced" if positive or negative else "neutral"
    return "positive" if positive > negative else "negative"


def _keywords(document: Json) -> list[str]:
    """The strongest ones over all chunks: what recurs and what its chunks rate high."""
    weights: dict[str, float] = {}
    for item in document.get("object", []):
        if item.get("type") == "keyword":
            label = item["label"]
            weights[label] = weights.get(label, 0.0) + (item.get("confidence") or 0.0)
    return sorted(weights, key=weights.__getitem__, reverse=True)[:_KEYWORDS]


def _transcript(document: Json) -> str | None:
    words = [_best(item) for item in document.get("series", []) if item.get("words")]
    if not words:
        return None
    return f"{len(words)} words: {' '.join(words[:_WORDS])}{' …' if len(words) > _WORDS else ''}"


def _best(item: Json) -> str:
    words = item["words"]
    on_path = [word for word in words if word.get("bestPath")]
    return str((on_path or words)[0].get("word", ""))


def _chunks(own: Json) -> list[tuple[Any, ...]]:
    """What the engines said of each chunk, side by side."""
    merged: dict[int, list[str | None]] = {}
    for chunk in own.get("chunks", []):
        row = merged.setdefault(chunk["index"], [None, None])
        row[0] = chunk.get("language") or row[0]
        row[1] = _of_chunk(chunk) or row[1]
    return [(index, *row) for index, row in sorted(merged.items()) if any(row)]


def _of_chunk(chunk: Json) -> str | None:
    # Zeros of an engine that knows another language would look like a verdict.
    judged = chunk.get("vendor", {}).get("sentencesJudged")
    return "not judged" if judged == 0 else _sentiment(chunk.get("sentiment"))
