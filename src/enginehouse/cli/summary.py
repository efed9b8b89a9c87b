"""A collated AION document in tables that fit a screen: languages, sentiment, keywords, transcript."""

from rich.console import Console

from enginehouse.cli import output
from enginehouse.client import Json

_KEYWORDS = 12
_WORDS = 40


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
    console.print(output.facts(rows, title="result"))
    if chunks := _chunks(own):
        console.print()
        console.print(output.table(("chunk", "language", "sentiment"), chunks))


def _languages(document: Json, own: Json) -> str | None:
    counts = own.get("languages") or {}
    if counts:
        return ", ".join(f"{language} ({count} chunk{'s' if count > 1 else ''})" for language, count in counts.items())
    return document.get("language")


def _sentiment(scores: Json | None) -> str | None:
    if not scores:
        return None
    positive, negative = scores.get("positiveValue", 0.0), scores.get("negativeValue", 0.0)
    return f"{_word(positive, negative)} (positive {positive:.3f}, negative {negative:.3f})"


def _word(positive: float, negative: float) -> str:
    if abs(positive - negative) < 0.02:
        return "balanced" if positive or negative else "neutral"
    return "positive" if positive > negative else "negative"


def _keywords(document: Json) -> list[str]:
    """Returns the strongest keywords of all chunks, by the sum of their confidences."""
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


def _chunks(own: Json) -> list[tuple[int | str | None, ...]]:
    """Returns what the engines found in each chunk, side by side."""
    merged: dict[int, list[str | None]] = {}
    for chunk in own.get("chunks", []):
        row = merged.setdefault(chunk["index"], [None, None])
        row[0] = chunk.get("language") or row[0]
        row[1] = _of_chunk(chunk) or row[1]
    return [(index, *row) for index, row in sorted(merged.items()) if any(row)]


def _of_chunk(chunk: Json) -> str | None:
    # An engine that does not know the language returns zeros. They would look like a result.
    sentences = chunk.get("vendor", {}).get("sentencesJudged")
    return "not judged" if sentences == 0 else _sentiment(chunk.get("sentiment"))
